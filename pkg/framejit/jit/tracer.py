"""trace and trace_module: programs from what a run did."""

import contextlib
import inspect
import warnings

import framejit
from framejit import _ops as _t
from framejit.nn import Module

from . import ir
from . import types as T
from .annotations import qualified_name
from .api import ScriptFunction
from .functions import Function, Parameter
from .infer import infer_type
from .module_type import ModuleType
from .recorder import Recorder
from .script_module import ScriptModule, _new, ready
from .tracing_state import TracerWarning


class TracingCheckError(Exception):
    """Two traces of a program, with the same inputs, differ.

    graph_diff_error, tensor_compare_error (str or None), extra_msg (str or None). Raises nothing of its own.

    >>> from framejit import jit
    >>> str(jit.TracingCheckError("a", None)).splitlines()[0]
    'Tracing failed sanity checks!'
    """

    def __init__(self, graph_diff_error, tensor_compare_error, extra_msg=None):
        parts = ["Tracing failed sanity checks!", extra_msg, graph_diff_error, tensor_compare_error]
        self.message = "\n".join(p for p in parts if p)
        super().__init__(self.message)


TracingCheckError.__module__ = "framejit.jit"


class TopLevelTracedModule(ScriptModule):
    """What `trace(module)` gives.

    >>> import framejit
    >>> traced = framejit.jit.trace(framejit.nn.ReLU(), framejit.ones(1))
    >>> type(traced).__name__
    'TopLevelTracedModule'
    """

    def _get_name(self):
        return self.original_name


TopLevelTracedModule.__module__ = "framejit.jit"


def _traced_type(module, made):
    """The ModuleType of a module that is traced: parameters, buffers and submodules."""
    t = ModuleType(qualified_name(type(module)))
    t.base = TopLevelTracedModule
    made[id(module)] = t
    t.attributes["training"] = T.BOOL
    for names, holder in ((t.parameters, module._parameters), (t.buffers, module._buffers)):
        for name, value in holder.items():
            names.append(name)
            t.attributes[name] = T.NONE if value is None else T.TENSOR
    for name, child in module._modules.items():
        if isinstance(child, ScriptModule) and type(child)._script_type is not None:
            t.attributes[name] = made[id(child)] = type(child)._script_type
        else:
            t.attributes[name] = T.NONE if child is None else made.get(id(child)) or _traced_type(child, made)
    return t


def _build(module, types, made):
    """The traced module, which shares parameters and buffers."""
    if id(module) in made:
        return made[id(module)]
    if type(module).__dict__.get("_script_type") is not None:
        return module
    out = made[id(module)] = _new(types[id(module)])
    out.__dict__["training"] = module.training
    out.__dict__["_parameters"].update(module._parameters)
    out.__dict__["_buffers"].update(module._buffers)
    out.__dict__["_non_persistent_buffers_set"] = set(module._non_persistent_buffers_set)
    for name, child in module._modules.items():
        out.__dict__["_modules"][name] = None if child is None else _build(child, types, made)
    return out


def _attributes(module, obj, out, seen):
    """id of each parameter and buffer -> the expression that reads it; `seen` gets the modules' expressions."""
    if id(module) in seen:
        return
    seen[id(module)] = obj
    for holder in (module._parameters, module._buffers):
        for name, value in holder.items():
            if value is not None:
                out.setdefault(id(value), ir.GetAttr(obj, name, type=T.TENSOR))
    for name, child in module._modules.items():
        if child is not None:
            _attributes(child, ir.GetAttr(obj, name, type=obj.type.attributes[name]), out, seen)


def _input(value, name, recorder):
    """A parameter for an example input; its tensors get expressions."""
    t = infer_type(value)
    if t is None or not _holds_tensors(value):
        raise RuntimeError(
            "Type '"
            + type(value).__name__
            + "' cannot be traced. Only Tensors and (possibly nested) Lists, Dicts, and Tuples of Tensors can be traced"
        )
    _bind(value, ir.Var(name, type=t), recorder)
    return t


def _holds_tensors(value):
    if isinstance(value, _t.Tensor):
        return True
    if isinstance(value, dict):
        return all(_holds_tensors(v) for v in value.values())
    return isinstance(value, (list, tuple)) and all(_holds_tensors(v) for v in value)


def _bind(value, expr, recorder):
    from . import matching

    if isinstance(value, _t.Tensor):
        recorder.bind(value, expr)
    elif isinstance(value, dict):
        for key, each in value.items():
            _bind(each, matching.call("aten::__getitem__", [expr, ir.const(key)], recorder.where), recorder)
    else:
        for at, each in enumerate(value):
            if isinstance(expr.type, T.TupleType):
                _bind(each, ir.TupleItem(expr, at, type=expr.type.parts[at]), recorder)
            else:
                _bind(each, matching.call("aten::__getitem__", [expr, ir.const(at)], recorder.where), recorder)


def _result(value, recorder, strict, where="output"):
    """The expression of a program's result."""
    if isinstance(value, dict):
        if strict:
            raise RuntimeError(
                "Encountering a dict at the output of the tracer might cause the trace to be incorrect, this is only valid if the container "
                "structure does not change based on the module's inputs. Consider using a constant container instead (e.g. for `list`, use a "
                "`tuple` instead. for `dict`, use a `NamedTuple` instead). If you absolutely need this and know the side effects, pass strict=False to trace() to allow this behavior."
            )
        items = {k: _result(v, recorder, strict) for k, v in value.items()}
        keys = [ir.const(k) for k in items]
        values = list(items.values())
        return ir.MakeDict(keys, values, type=T.DictType(keys[0].type, values[0].type))
    if isinstance(value, list):
        if strict:
            raise RuntimeError(
                "Encountering a list at the output of the tracer might cause the trace to be incorrect; pass strict=False to trace() to allow this"
            )
        items = [_result(v, recorder, strict) for v in value]
        return ir.MakeList(items, type=T.ListType(items[0].type if items else T.TENSOR))
    if isinstance(value, tuple):
        items = [_result(v, recorder, strict) for v in value]
        return ir.MakeTuple(items, type=T.TupleType(*(i.type for i in items)))
    if isinstance(value, _t.Tensor):
        return recorder.value(value)
    raise RuntimeError(
        f"Only tensors, lists, tuples of tensors, or dictionary of tensors can be output from traced functions, not {type(value).__name__}"
    )


def _record(call, names, inputs, attributes, qualname, owner, strict, modules=()):
    """The Function that a call of a program is."""
    recorder = Recorder(attributes, modules)
    for name in names:
        recorder.fresh(name)
    if owner is not None:
        recorder.fresh("self")
    params = [Parameter(n, _input(v, n, recorder)) for n, v in zip(names, inputs)]
    with recorder:
        result = call(*inputs)
    function = Function(qualname, None, owner)
    if owner is not None:
        params = [Parameter("self", owner), *params]
    value = _result(result, recorder, strict)
    function.params, function.returns, function._state = params, value.type, "done"
    function.body = _needed([*recorder.statements, ir.Return(value)])
    return function, result


def _needed(statements):
    """The statements without those that compute what nobody reads."""
    read, kept = set(), []
    for s in reversed(statements):
        if isinstance(s, ir.Assign) and s.target not in read and _is_plain(s.value):
            continue
        read.update(n.name for n in ir.walk(s) if isinstance(n, ir.Var))
        kept.append(s)
    return kept[::-1]


def _is_plain(value):
    """Whether an expression has no effect but its value: no call of a function, no operator that writes or draws numbers."""
    for node in ir.walk(value):
        if isinstance(node, ir.OpCall):
            if any(a.writes for a in node.schema.arguments) or any(
                a.name == "generator" for a in node.schema.arguments
            ):
                return False
        elif isinstance(node, (ir.Call, ir.CallMethod, ir.CallPython)):
            return False
    return True


def _names_of(fn, count, skip=0):
    """Parameter names for inputs."""
    try:
        params = [p for p in inspect.signature(fn).parameters.values()][skip:]
    except (TypeError, ValueError):
        params = []
    out = []
    for p in params:
        if p.kind is p.VAR_POSITIONAL:
            out += [f"{p.name}_{i}" if i else p.name for i in range(count - len(out))]
        elif p.kind is not p.VAR_KEYWORD:
            out.append(p.name)
    out += [f"argument_{i + 1}" for i in range(len(out), count)]
    return out[:count]


def _as_tuple(inputs):
    if isinstance(inputs, (_t.Tensor, dict)):
        return (inputs,)
    return tuple(inputs)


def _from_kwargs(fn, kwargs, skip=0):
    """Positional inputs from keyword ones, by the program's signature."""
    bound = inspect.signature(fn).bind(*([None] * skip), **kwargs)
    return tuple(bound.args)[skip:]


def trace(
    func,
    example_inputs=None,
    optimize=None,
    check_trace=True,
    check_inputs=None,
    check_tolerance=1e-5,
    strict=True,
    _force_outplace=False,
    _module_class=None,
    _compilation_unit=None,
    example_kwarg_inputs=None,
    _store_inputs=True,
):
    """Run a function or module once, and give the program of the operators that ran.

    Control flow is what the run did; sizes of the inputs stay open, other Python numbers are constants of the program, with a
    TracerWarning where they were read from tensors.

    func (callable or nn.Module), example_inputs (Tensor, or sequence of Tensors and of lists, dicts and tuples of them), check_trace
    (bool): whether to run the program and compare, check_inputs (list or None): more inputs to compare with, check_tolerance
    (float), strict (bool): whether lists and dicts as results are refused, example_kwarg_inputs (dict or None); optimize (bool or
    None), _force_outplace, _module_class, _compilation_unit, _store_inputs (object): not used. Raises RuntimeError
    (inputs or results that are no tensors), TracingCheckError (a second trace differs).

    >>> import framejit
    >>> f = framejit.jit.trace(lambda x: x.reshape(x.shape[0], -1) * 2, framejit.ones(2, 3, 4))
    >>> f(framejit.ones(5, 2, 2)).shape
    framejit.Size([5, 4])
    """
    if isinstance(func, (ScriptFunction, ScriptModule)) and getattr(func, "_script_type", True) is not None:
        warnings.warn(
            "The input to trace is already a ScriptModule, tracing it is a no-op. Returning the object as is.",
            stacklevel=2,
        )
        return func
    if isinstance(func, Module):
        if example_inputs is None:
            if example_kwarg_inputs is None:
                raise RuntimeError("example_kwarg_inputs should be a dict")
            example_inputs = _from_kwargs(func.forward, example_kwarg_inputs)
        more = None if check_inputs is None else [{"forward": _as_tuple(i)} for i in check_inputs]
        return trace_module(func, {"forward": example_inputs}, optimize, check_trace, more, check_tolerance, strict)
    owner = getattr(func, "__self__", None)
    if isinstance(owner, Module) and getattr(func, "__name__", "") == "forward":
        return trace(owner, example_inputs, optimize, check_trace, check_inputs, check_tolerance, strict)
    if example_inputs is None:
        example_inputs = _from_kwargs(func, example_kwarg_inputs)
    inputs = tuple(_copies(i) for i in _as_tuple(example_inputs))
    names = _names_of(func, len(inputs))
    name = getattr(func, "__name__", type(func).__name__)
    name = name if name.isidentifier() else "_lambda"

    def record():
        return _record(func, names, tuple(_copies(i) for i in inputs), {}, f"__torch__.{name}", None, strict)

    with _same_numbers():
        function, _ = record()
    made = ScriptFunction(function, func)
    if check_trace:
        _check(record, made, func, [inputs, *(_as_tuple(i) for i in check_inputs or ())], function, check_tolerance)
    return made


def trace_module(
    mod,
    inputs,
    optimize=None,
    check_trace=True,
    check_inputs=None,
    check_tolerance=1e-5,
    strict=True,
    _force_outplace=False,
    _module_class=None,
    _compilation_unit=None,
    example_inputs_is_kwarg=False,
    _store_inputs=True,
):
    """Run methods of a module once, and give a module with the programs of the operators that ran.

    mod (nn.Module), inputs (dict of method names to example inputs), check_trace (bool), check_inputs (list of dicts or None),
    check_tolerance (float), strict (bool); optimize (bool or None), _force_outplace, _module_class, _compilation_unit,
    example_inputs_is_kwarg, _store_inputs (object): not used. Raises AttributeError (mod is no module), RuntimeError (inputs or results that are no
    tensors), TracingCheckError (a second trace differs).

    >>> import framejit
    >>> m = framejit.jit.trace_module(framejit.nn.Linear(2, 3), {"forward": framejit.ones(1, 2)})
    >>> m(framejit.ones(4, 2)).shape
    framejit.Size([4, 3])
    """
    if not isinstance(mod, Module):
        raise AttributeError("expected torch.nn.Module as the first argument")
    if not isinstance(inputs, dict):
        raise AttributeError("expected a dictionary of (method_name, input) pairs")
    types = {}
    t = _traced_type(mod, types)
    attributes = {}
    modules = {}
    _attributes(mod, ir.Var("self", type=t), attributes, modules)
    records = {}
    for method, given in inputs.items():
        fn = mod if method == "forward" else getattr(mod, method)
        signature = mod.forward if method == "forward" else fn
        examples = _as_tuple(given)
        names = _names_of(signature, len(examples))

        def record(fn=fn, names=names, examples=examples, method=method):
            return _record(
                fn, names, tuple(_copies(i) for i in examples), attributes, f"{t.qualname}.{method}", t, strict, modules
            )

        with _same_numbers(), _kept_buffers(mod):
            t.methods[method], _ = record()
        records[method] = (record, fn, examples)
    made = ready(_build(mod, types, {}))
    if check_trace:
        for method, (record, fn, examples) in records.items():
            sets = [examples, *(_as_tuple(c[method]) for c in check_inputs or () if method in c)]
            with _kept_buffers(mod):
                _check(record, getattr(made, method), fn, sets, t.methods[method], check_tolerance)
    return made


def _copies(value):
    """An input as the program gets it: a tensor of its own, so that in-place operators do not reach the example."""
    if isinstance(value, _t.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {k: _copies(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_copies(v) for v in value)
    return value


@contextlib.contextmanager
def _same_numbers():
    """Random numbers are drawn as if nothing had been run."""
    state = framejit.get_rng_state()
    try:
        yield
    finally:
        framejit.set_rng_state(state)


@contextlib.contextmanager
def _kept_buffers(module):
    """Buffers have their values again afterwards."""
    saved = [(b, b.detach().clone()) for b in module.buffers()]
    try:
        yield
    finally:
        with framejit.no_grad():
            for buffer, before in saved:
                buffer.copy_(before)


def _leaves(value):
    if isinstance(value, _t.Tensor):
        yield value
    elif isinstance(value, dict):
        for v in value.values():
            yield from _leaves(v)
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from _leaves(v)


def _check(record, traced, fn, inputs, function, tolerance):
    """Traces once more and runs the program: TracingCheckError if the traces differ, a warning if the results do."""
    from .printer import code_of

    with warnings.catch_warnings(), _same_numbers():
        warnings.simplefilter("ignore", TracerWarning)
        again, _ = record()
    if code_of(again)[0] != code_of(function)[0]:
        import difflib

        diff = "".join(difflib.ndiff(code_of(function)[0].splitlines(True), code_of(again)[0].splitlines(True)))
        raise TracingCheckError("ERROR: Graphs differed across invocations!\n\tGraph diff:\n" + diff, None)
    for given in inputs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TracerWarning)
            with _same_numbers():
                want = list(_leaves(fn(*(_copies(i) for i in given))))
            with _same_numbers():
                got = list(_leaves(traced(*(_copies(i) for i in given))))
        _compare(want, got, tolerance)


def _compare(want, got, tolerance):
    for at, (a, b) in enumerate(zip(want, got)):
        try:
            framejit.testing.assert_close(b, a, rtol=tolerance, atol=tolerance, equal_nan=True)
        except AssertionError as error:
            warnings.warn(
                f"Output nr {at + 1}. of the traced function does not match the corresponding output of the Python function. Detailed error:\n{error}",
                TracerWarning,
                stacklevel=4,
            )
