"""Counters of what was compiled, and comparison of results."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass

from framejit import _C
from framejit._functions import isclose

# What was compiled since framejit.dynamo was imported, under PyTorch's keys: frames {total, ok}, stats {calls_captured,
# unique_graphs}, graph_break {reason: how often}, aot_autograd {total, ok, not_ok}. `clear()` starts again.
counters = defaultdict(Counter)

# code object -> texts: which guards failed each time that it was compiled again
guard_failures = defaultdict(list)


# (reason, detail, file, line) of the last graph breaks; reset() empties it
graph_break_reasons = deque(maxlen=256)

_metrics = deque(maxlen=64)


@dataclass
class CompilationMetrics:
    """What is known of one compilation, as `get_compilation_metrics` lists it.

    compile_id: "function/how often". co_name, co_filename, co_firstlineno: the function. cache_size: what was compiled
    of it before. guard_count, graph_op_count. start_time_us, duration_us. fail_reason: why nothing was made of it,
    fail_type: the error's name. recompile_reason: which guards failed. num_graph_breaks: 1 if the graph ended before
    the function did. Raises TypeError if one without a default is missing.

    >>> import framejit
    >>> clear_compilation_metrics()
    >>> _ = framejit.compile(lambda x: x.sin() + 1)(framejit.ones(2))
    >>> [told] = get_compilation_metrics()
    >>> told.co_name, told.graph_op_count, told.num_graph_breaks
    ('<lambda>', 2, 0)
    """

    compile_id: str
    co_name: str
    co_filename: str
    co_firstlineno: int
    cache_size: int
    start_time_us: int
    duration_us: int = 0
    guard_count: int = 0
    graph_op_count: int = 0
    num_graph_breaks: int = 0
    recompile_reason: str | None = None
    fail_type: str | None = None
    fail_reason: str | None = None


def get_compilation_metrics():
    """The CompilationMetrics of the last compilations, oldest first.

    >>> import framejit
    >>> clear_compilation_metrics()
    >>> _ = framejit.compile(lambda x: x.sin() + 1)(framejit.ones(2))
    >>> (metrics,) = get_compilation_metrics()
    >>> metrics.co_name, metrics.graph_op_count, metrics.num_graph_breaks, metrics.fail_type
    ('<lambda>', 2, 0, None)
    """
    return list(_metrics)


def clear_compilation_metrics():
    """Forget what `get_compilation_metrics` lists.

    >>> clear_compilation_metrics()
    >>> len(get_compilation_metrics())
    0
    """
    _metrics.clear()


def statistics(compiled=None):
    """What compiling has done in this process, as a dict: graphs, breaks, guards, kernels (int), compile_ms (float,
    milliseconds).

    compiled (callable): with a compiled function, graphs, breaks and guards are that function's alone; other objects
    change nothing. Raises nothing of its own.

    >>> import framejit
    >>> f = framejit.compile(lambda x: x + 1)
    >>> _ = f(framejit.ones(2))
    >>> told = statistics(f)
    >>> told["graphs"], told["breaks"]
    (1, 0)
    """
    calls, compiler = _C.counters(), _C._compiler_stats()
    result = {
        "graphs": calls["graphs"],
        "breaks": calls["breaks"],
        "guards": calls["guards"],
        "kernels": compiler["kernels"],
        "compile_ms": compiler["compile_ns"] / 1e6,
    }
    if hasattr(compiled, "_entries"):
        entries = compiled._entries()
        result["graphs"] = sum(1 for entry in entries if entry["ops"])
        result["breaks"] = sum(map(is_break, entries))
        result["guards"] = sum(len(entry["guards"]) for entry in entries)
    return result


def is_break(entry):
    """Whether an entry of a compiled function ends in a graph break.

    entry (dict): one of those that `explain` reads. Raises KeyError for a dict that is none.

    >>> is_break({"reason": "native_call"}), is_break({"reason": None})
    (True, False)
    """
    return entry["reason"] is not None


def compile_times(repr="str", aggregate=False):
    """The milliseconds spent in each stage of compiling, in this process so far.

    repr (str): "str" gives a table, "csv" a pair of lists, names and values. aggregate (bool): accepted. Raises
    ValueError for another repr.

    >>> names, values = compile_times("csv")
    >>> names[0], len(names) == len(values)
    ('compile_graphs', True)
    """
    stats = _C._compile_stats()
    rows = [("compile_graphs", stats["compile_ms"]), *sorted(stats["pass_ms"].items())]
    if repr == "csv":
        return [name for name, _ in rows], [value for _, value in rows]
    if repr != "str":
        raise ValueError(f"compile_times: repr must be 'str' or 'csv', not {repr!r}")
    return "milliseconds of compiling\n" + "\n".join(f"{name:24} {value:10.3f}" for name, value in rows)


def ifdynstaticdefault(count1, count2):
    """count1 if sizes are constants by default, else count2.

    count1, count2 (object): the values to choose from. Raises nothing of its own.

    >>> ifdynstaticdefault(1, 2)
    1
    """
    from . import config

    return count1 if config.assume_static_by_default else count2


def detect_fake_mode(inputs=None):
    """The FakeTensorMode of fake inputs, the one that is entered, or that of the back end that is being called; or None.

    inputs (nested containers of Tensor): what may be fake. Raises AssertionError for fakes of different modes.

    >>> import framejit
    >>> from framejit._fake_tensor import FakeTensorMode
    >>> mode = FakeTensorMode()
    >>> detect_fake_mode([mode.from_tensor(framejit.ones(2))]) is mode, detect_fake_mode([]) is None
    (True, True)
    """
    from framejit import _backends
    from framejit._fake_tensor import FakeTensor, FakeTensorMode
    from framejit.utils import _pytree as pytree

    modes = [leaf.fake_mode for leaf in pytree.tree_leaves(inputs) if isinstance(leaf, FakeTensor)]
    if any(mode is not modes[0] for mode in modes):
        raise AssertionError("fake mode from fake tensor input 0 doesn't match that of another one")
    modes += [mode for mode in reversed(_C._dispatch_modes()) if isinstance(mode, FakeTensorMode)]
    if modes:
        return modes[0]
    known = getattr(_backends.running, "context", None)
    return None if known is None else known.setdefault("fake_mode", FakeTensorMode())


def istype(obj, allowed_types):
    """Whether the type of obj is one of the types itself, not derived from one.

    obj (object): the object. allowed_types (type, or a tuple, list or set of types): the types. Raises nothing of its
    own.

    >>> istype(1, (int, str)), istype(True, int)
    (True, False)
    """
    return type(obj) in allowed_types if isinstance(allowed_types, (tuple, list, set)) else type(obj) is allowed_types


def clone_input(x, *, dtype=None):
    """A copy of a tensor that is a leaf and requires gradients if x does.

    x (Tensor): the original. dtype (framejit.dtype): the copy's, by default that of x. Raises AttributeError for what
    is no tensor.

    >>> import framejit
    >>> x = framejit.ones(2, requires_grad=True) * 2
    >>> x.is_leaf, clone_input(x).is_leaf, clone_input(x).requires_grad
    (False, True, True)
    """
    copy = x.detach().clone() if dtype is None else x.detach().to(dtype, copy=True)
    return copy.requires_grad_(x.requires_grad)


def clone_inputs(example_inputs):
    """`clone_input` of each tensor in a list or dict; other values stay.

    example_inputs (list or dict): the values. Raises TypeError for what cannot be iterated.

    >>> import framejit
    >>> clone_inputs([framejit.ones(2), "word"])
    [tensor([1., 1.]), 'word']
    """
    if isinstance(example_inputs, dict):
        return {key: clone_input(x) if isinstance(x, _C.Tensor) else x for key, x in example_inputs.items()}
    return [clone_input(x) if isinstance(x, _C.Tensor) else x for x in example_inputs]


def same(
    a, b, fp64_ref=None, cos_similarity=False, tol=1e-4, equal_nan=False, exact_dtype=True, relax_numpy_equality=False
):
    """Whether two results are equal in structure and, part by part, equal or close.

    a, b (tensors, numbers, and sequences, dicts, sets and objects of them): the results. tol (float): how far two
    floating numbers may be apart, absolutely and relative to b. equal_nan (bool): NaN equals NaN. exact_dtype (bool):
    dtypes must be equal. A number is compared with a tensor of one element. fp64_ref (object), cos_similarity,
    relax_numpy_equality (bool): accepted. Raises what `==` of the parts raises.

    >>> import framejit
    >>> same([framejit.ones(2), 1], [framejit.ones(2) + 1e-6, 1]), same(framejit.ones(2), framejit.ones(3))
    (True, False)
    """

    def inner(x, y):
        return same(x, y, None, cos_similarity, tol, equal_nan, exact_dtype, relax_numpy_equality)

    if isinstance(a, _C.Tensor) and isinstance(b, (bool, int, float)):
        return a.numel() == 1 and _same_tensors(a.reshape(()), _C.tensor(b), tol, equal_nan, exact_dtype)
    if isinstance(a, _C.Tensor):
        return _same_tensors(a, b, tol, equal_nan, exact_dtype)
    if isinstance(a, (list, tuple, deque)):
        return isinstance(b, (list, tuple, deque)) and len(a) == len(b) and all(map(inner, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(inner(a[key], b[key]) for key in a)
    if isinstance(a, set):
        return isinstance(b, set) and a == b
    if isinstance(a, (float, complex)) and isinstance(b, type(a)):
        return abs(a - b) <= tol * max(1.0, abs(a)) or a == b or equal_nan and a != a and b != b
    if type(a).__module__ == "numpy":
        equal = a == b
        return bool(equal.all()) if hasattr(equal, "all") else bool(equal)
    if isinstance(a, (str, int, bytes, type(None), bool, slice, type(Ellipsis), _C.dtype, _C.device)):
        return a == b
    if type(a) is type(b) and hasattr(a, "__dict__") and type(a).__eq__ is object.__eq__:
        return inner(vars(a), vars(b))
    return bool(a == b)


def _same_tensors(a, b, tol, equal_nan, exact_dtype):
    if not isinstance(b, _C.Tensor) or a.shape != b.shape:
        return False
    if a.dtype != b.dtype:
        if exact_dtype:
            return False
        b = b.to(a.dtype)
    if not a.is_floating_point():
        return bool((a == b).all())
    return bool(isclose(a, b, rtol=tol, atol=tol, equal_nan=equal_nan).all())
