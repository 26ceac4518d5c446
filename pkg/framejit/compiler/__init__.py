"""compiler: the public directions to the compiler, under PyTorch's names."""

import functools as _functools

from framejit import _C
from framejit._aot_function import load_compiled_function
from framejit._backends import list_backends
from framejit._compile import compile, get_default_backend, set_default_backend
from framejit._regions import invoke_subgraph
from framejit.dynamo._stance import set_stance
from framejit.dynamo.control import disable, is_compiling, reset
from framejit.dynamo.decorators import allow_in_graph, assume_constant_result, substitute_in_graph

from . import config
from ._guards import (
    keep_portable_guards_unsafe,
    keep_tensor_guards_unsafe,
    set_enable_guard_collectives,
    skip_all_guards_unsafe,
    skip_guard_on_all_nn_modules_unsafe,
    skip_guard_on_globals_unsafe,
    skip_guard_on_inbuilt_nn_modules_unsafe,
)

is_dynamo_compiling = is_compiling


def is_exporting():
    """Whether this code is being exported: there is no export.

    >>> is_exporting()
    False
    """
    return False


def cudagraph_mark_step_begin():
    """Says that a new step begins and that results of the last one may be overwritten. framejit never overwrites
    results.

    >>> cudagraph_mark_step_begin()
    """


def wrap_numpy(fn):
    """A function from arrays to arrays as one from tensors to tensors: it is given `x.numpy()` for each tensor.

    fn (callable): the function. Compiled code leaves NumPy's work to CPython. Raises TypeError for what cannot be
    called.

    >>> import framejit, numpy
    >>> @wrap_numpy
    ... def total(a):
    ...     return numpy.cumsum(a)
    >>> total(framejit.ones(3)).tolist()
    [1.0, 2.0, 3.0]
    """
    if not callable(fn):
        raise TypeError(f"wrap_numpy: expected a callable, but got {type(fn).__name__}")
    from framejit.utils import _pytree

    def to_array(x):
        return x.numpy() if isinstance(x, _C.Tensor) else x

    def to_tensor(x):
        return _C.as_tensor(x) if type(x).__module__ == "numpy" else x

    @_functools.wraps(fn)
    def wrap(*args, **kwargs):
        args, kwargs = _pytree.tree_map(to_array, (args, kwargs))
        return _pytree.tree_map(to_tensor, fn(*args, **kwargs))

    return wrap


def save_cache_artifacts():
    """None: framejit makes machine code in milliseconds and keeps none between processes, so there is nothing to save.

    >>> save_cache_artifacts() is None
    True
    """


def load_cache_artifacts(serialized_artifacts):
    """None: nothing is taken from what `save_cache_artifacts` of PyTorch gave.

    serialized_artifacts (bytes): ignored. Raises TypeError if it is not bytes.

    >>> load_cache_artifacts(b"") is None
    True
    """
    if not isinstance(serialized_artifacts, bytes):
        raise TypeError(f"load_cache_artifacts: expected bytes, but got {type(serialized_artifacts).__name__}")


def nested_compile_region(fn=None, *, options=None, max_reuse_entries=8, reuse_hash_fn=None):
    """A decorator: calls of fn are nodes of their own, `invoke_subgraph`, in the graphs that back ends written in
    Python get.

    fn (callable): the part to keep together. options (dict), max_reuse_entries (int), reuse_hash_fn (callable):
    accepted; kernels that occur twice are made once in any case, so native code is the same with and without it.
    Raises TypeError for what cannot be called.

    >>> import framejit
    >>> @nested_compile_region
    ... def layer(x):
    ...     return x.sin() + 1
    >>> framejit.compile(lambda x: layer(layer(x)), fullgraph=True)(framejit.zeros(1)).tolist()
    [1.8414709568023682]
    """
    if fn is None:
        return nested_compile_region
    if not callable(fn):
        raise TypeError(f"nested_compile_region: expected a callable, but got {type(fn).__name__}")

    @_functools.wraps(fn)
    def region(*args, **kwargs):
        return invoke_subgraph(fn, *args, **kwargs)

    return region


__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "config",
    "cudagraph_mark_step_begin",
    "disable",
    "get_default_backend",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "keep_portable_guards_unsafe",
    "keep_tensor_guards_unsafe",
    "list_backends",
    "load_cache_artifacts",
    "load_compiled_function",
    "nested_compile_region",
    "reset",
    "save_cache_artifacts",
    "set_default_backend",
    "set_enable_guard_collectives",
    "set_stance",
    "skip_all_guards_unsafe",
    "skip_guard_on_all_nn_modules_unsafe",
    "skip_guard_on_globals_unsafe",
    "skip_guard_on_inbuilt_nn_modules_unsafe",
    "substitute_in_graph",
    "wrap_numpy",
]
