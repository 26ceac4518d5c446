"""Recording what a program does into `ir`: the work of `trace`.

Operators are told by the extension (a layer under which they run as usual); functions of nn.functional that the prelude knows are
recorded as calls of those; sizes of tensors are `TracedInt`s, numbers that know the expression that they came from.
"""

import functools
import warnings

import framejit
from framejit import _C
from framejit import _ops as _t

from . import ir, matching
from . import schema as S
from . import types as T
from .errors import ScriptError, Source, SourceRange
from .functions import match_call
from .traced_int import TracedInt, patched_sizes
from .tracing_state import TracerWarning, set_current
from .values import Chosen, FunctionValue

_READS = {
    "bool": "Converting a tensor to a Python boolean",
    "int": "Converting a tensor to a Python integer",
    "index": "Converting a tensor to a Python index",
    "float": "Converting a tensor to a Python float",
    "tolist": "Converting a tensor to a Python list",
    "len": "Using len to get tensor shape",
}
_NOT_RECORDED = " might cause the trace to be incorrect. We can't record the data flow of Python values, so this value will be treated as a constant in the future. This means that the trace might not generalize to other inputs!"


class Recorder:
    """One trace. `attributes` maps ids of parameters and buffers to expressions."""

    def __init__(self, attributes=(), modules=()):
        self.modules = dict(modules)  # id of a scripted module -> its expression
        self.statements, self.names, self.kept = [], dict(attributes), []
        self.counts, self.stash = {}, []
        self.where = SourceRange(Source("<trace>", ""), 1, 0)

    # values

    def fresh(self, hint):
        """A variable's name."""
        hint = hint if hint.isidentifier() else "x"
        count = self.counts[hint] = self.counts.get(hint, 0) + 1
        return hint if count == 1 else f"{hint}_{count - 1}"

    def bind(self, tensor, expr):
        """From now on the expression stands for the tensor."""
        self.names[id(tensor)] = expr
        self.kept.append(tensor)

    def is_traced(self, tensor):
        return id(tensor) in self.names

    def value(self, x):
        """The expression of a Python value."""
        if isinstance(x, _t.Tensor):
            found = self.names.get(id(x))
            if found is None:
                if x.requires_grad and not x.is_leaf or isinstance(x, framejit.nn.Parameter) or x.requires_grad:
                    raise RuntimeError(
                        "Cannot insert a Tensor that requires grad as a constant. Consider making it a parameter or input, or detaching "
                        f"the gradient\nTensor:\n{x.detach()}"
                    )
                found = ir.Const(x.detach(), type=T.TENSOR)
                self.bind(x, found)
            return found
        if isinstance(x, TracedInt):
            return x.expr
        if isinstance(x, (list, tuple)) and not hasattr(x, "_fields"):
            items = [self.value(i) for i in x]
            if isinstance(x, tuple) and not isinstance(x, _t.Size):
                return ir.MakeTuple(items, type=T.TupleType(*(i.type for i in items)))
            elem = items[0].type if items else T.INT
            for item in items[1:]:
                elem = T.unify(elem, item.type) or T.union((elem, item.type))
            return ir.MakeList(items, type=T.ListType(elem))
        from .resolve import constant_of

        found = constant_of(x, self.where)
        if found is None or not hasattr(found, "type"):
            raise ScriptError(f"a trace cannot record a value of type {type(x).__name__}")
        return found

    def assign(self, value, hint, result):
        """A statement that names a value, and the tensors of the result with it."""
        if isinstance(result, _t.Tensor):
            name = self.fresh(hint)
            self.statements.append(ir.Assign(name, value, None, where=None))
            self.bind(result, ir.Var(name, type=T.TENSOR))
            return
        name = self.fresh(hint)
        self.statements.append(ir.Assign(name, value, None, where=None))
        whole = ir.Var(name, type=value.type)
        for at, each in enumerate(result):
            if isinstance(each, _t.Tensor):
                self._part(whole, at, each, hint)

    def _part(self, whole, at, tensor, hint):
        if isinstance(whole.type, T.TupleType):
            item = ir.TupleItem(whole, at, type=whole.type.parts[at])
        else:
            item = matching.call("aten::__getitem__", [whole, ir.const(at)], self.where)
        name = self.fresh(hint)
        self.statements.append(ir.Assign(name, item, None, where=None))
        self.bind(tensor, ir.Var(name, type=T.TENSOR))

    # what happens

    def told(self, what, inputs, results):
        """An operator was called: what the extension tells."""
        if what.startswith("read:"):
            self._read(what[5:], inputs[0])
            return
        row = _row(what)
        name = f"aten::{row.short}"
        call = None
        given = {n: v for n, v in zip(row.arguments, inputs)}
        for schema in _candidates(name, row):
            try:
                call = self._fit(schema, given, row)
            except matching.Mismatch:
                continue
            break
        if call is None:
            call = self._substitute(row.short, given)
        if call is None:
            raise RuntimeError(f"trace: framejit's operator {row.short} has no TorchScript operator that records it")
        if call.type == T.NONE:
            self.statements.append(ir.Do(call))
        elif isinstance(call.type, (T.ListType, T.TupleType)):
            self.assign(call, row.short, results)
        else:
            self.assign(call, row.short.rstrip("_"), results[0])

    def _fit(self, schema, given, row):
        kwargs = {}
        formals = {a.name: a for a in schema.arguments}
        for name, value in given.items():
            formal = formals.get(name) or formals.get(_RENAMED.get(name, name))
            if formal is None:
                if value is not None and value != row.defaults.get(name, _NOTHING):
                    raise matching.Mismatch(name)
                continue
            if formal.default is not S.REQUIRED and _same(value, formal.default):
                continue
            kwargs[formal.name] = self._argument(value, formal)
        if schema.arguments and schema.arguments[0].name == "self" and "input" in kwargs:
            kwargs["self"] = kwargs.pop("input")
        found = matching.fit(schema, [], kwargs, True)
        found.where = None
        return found

    def _argument(self, value, formal):
        """An argument's expression; numbers that came from sizes are found again by their value."""
        for seen in self.stash:
            if isinstance(value, list) and len(seen) == len(value) and all(type(a) in (int, TracedInt) for a in seen):
                if all(int(a) == b for a, b in zip(seen, value)):
                    return ir.MakeList([self.value(a) for a in seen], type=T.ListType(T.INT))
            if type(value) is int:
                for each in seen:
                    if isinstance(each, TracedInt) and int(each) == value:
                        return each.expr
        if isinstance(value, list) and not value and isinstance(formal.type, T.ListType):
            return ir.MakeList([], type=formal.type)
        if value is None:
            return ir.none()
        return self.value(value)

    def _substitute(self, name, given):
        from .check_expr import ExpressionRules
        from .trace_rows import ROWS

        if isinstance(given.get("self"), (int, float)) and isinstance(given.get("other"), _t.Tensor):
            rules = ExpressionRules()
            rules.op = matching.call
            number = self._argument(given["self"], _ANY)
            return rules.binary(name, number, self.value(given["other"]), self.where)
        rule = ROWS.get(name)
        return None if rule is None else rule(self, given)

    def call_op(self, name, *args, **kwargs):
        """The expression of an operator on Python values."""
        values = [a if hasattr(a, "fields") else self.value(a) for a in args]
        return matching.call(name, values, self.where, {k: self.value(v) for k, v in kwargs.items()})

    def _read(self, what, tensor):
        if self.is_traced(tensor) and not isinstance(self.names[id(tensor)], ir.Const):
            text = _READS.get(what, "Converting a tensor to a Python number")
            warnings.warn(text + _NOT_RECORDED, TracerWarning, stacklevel=_user_level())

    def called(self, function, args, kwargs, result, obj=None):
        """A compiled function was called, unrecorded; a method of the object that an expression says."""
        values = [self.value(a) for a in args]
        named = {k: self.value(v) for k, v in kwargs.items()}
        matched = match_call(function.declare(), values, named, self.where, matching.convert)
        if obj is None:
            call = ir.Call(function, matched, type=function.result_type())
        else:
            call = ir.CallMethod(obj, function.name, function, matched, type=function.result_type())
        if call.type == T.NONE or not isinstance(result, (_t.Tensor, tuple, list)):
            self.statements.append(ir.Do(call))
        else:
            self.assign(call, function.name, result)

    def __enter__(self):
        self._before = set_current(self)
        self._patches = [patched_sizes(self), patched_functions(self), patched_scripts(self)]
        for each in self._patches:
            each.__enter__()
        self._layer = _C._record_enter(self.told)
        return self

    def __exit__(self, *error):
        _C._record_leave(self._layer)
        for each in reversed(self._patches):
            each.__exit__(*error)
        set_current(self._before)


_NOTHING = object()
_ANY = S.Argument("other", T.ANY, None, S.REQUIRED, False, False)
_RENAMED = {"input": "self", "self": "input"}


def _same(value, default):
    return type(value) is type(default) and value == default or (value is None and default is None)


class _Row:
    """A row of framejit's op table: the name without overload, its arguments and their defaults."""

    def __init__(self, text):
        parsed = S.parse("aten::" + text.replace("Operand", "Any").replace("'", '"'))
        self.short = parsed.name.partition("::")[2]
        self.overload = parsed.overload
        self.arguments = [a.name for a in parsed.arguments]
        self.defaults = {a.name: a.default for a in parsed.arguments if a.default is not S.REQUIRED}


@functools.cache
def _row(text):
    return _Row(text)


def _candidates(name, row):
    found = S.overloads(name)
    return sorted(found, key=lambda s: s.overload != row.overload) if row.overload else found


def _user_level():
    """The stack level of the program, for warnings."""
    import sys

    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and "framejit" in (frame.f_globals.get("__name__") or ""):
        frame, level = frame.f_back, level + 1
    return level


class patched_functions:
    """Functions of nn.functional that the prelude knows are recorded as calls of its functions."""

    def __init__(self, recorder):
        self.recorder, self.saved = recorder, []

    def __enter__(self):
        from framejit.nn import functional

        from .prelude import function_named

        for name, value in list(vars(functional).items()):
            if callable(value) and not isinstance(value, type):
                found = function_named(value)
                if isinstance(found, (FunctionValue, Chosen)):
                    self.saved.append((functional, name, value))
                    setattr(functional, name, self._recorded(value, found))

    def _recorded(self, fn, found):
        recorder = self.recorder

        @functools.wraps(fn, updated=())
        def wrapper(*args, **kwargs):
            if any(v is not None for k, v in kwargs.items() if k in ("size_average", "reduce", "out")):
                return fn(*args, **kwargs)
            if not _holds_traced(recorder, (args, kwargs)):
                return fn(*args, **kwargs)
            function = found.function if isinstance(found, FunctionValue) else found.choose(args, kwargs)
            if not _can_call(recorder, function, args, kwargs):
                return fn(*args, **kwargs)
            result = _C._record_pause(fn, args, kwargs)
            recorder.called(function, args, kwargs, result)
            return result

        return wrapper

    def __exit__(self, *error):
        for namespace, name, value in reversed(self.saved):
            setattr(namespace, name, value)


def _holds_traced(recorder, value):
    if isinstance(value, _t.Tensor):
        return recorder.is_traced(value)
    if isinstance(value, dict):
        return any(_holds_traced(recorder, v) for v in value.values())
    return isinstance(value, (list, tuple)) and any(_holds_traced(recorder, v) for v in value)


def _can_call(recorder, function, args, kwargs):
    """Whether a call can be said in code: its arguments have expressions that fit."""
    try:
        values = [recorder.value(a) for a in args]
        named = {k: recorder.value(v) for k, v in kwargs.items()}
        match_call(function.declare(), values, named, recorder.where, matching.convert)
    except (ScriptError, RuntimeError):
        return False
    return True


class patched_scripts:
    """Scripted functions and modules are recorded as calls, with their control flow."""

    def __init__(self, recorder):
        self.recorder = recorder

    def __enter__(self):
        from .api import ScriptFunction
        from .script_module import ScriptModule

        recorder, call_function, call_module = self.recorder, ScriptFunction.__call__, ScriptModule.__call__

        def function(scripted, *args, **kwargs):
            result = _C._record_pause(call_function, (scripted, *args), kwargs)
            recorder.called(scripted._function, args, kwargs, result)
            return result

        def module(scripted, *args, **kwargs):
            obj = recorder.modules.get(id(scripted))
            forward = type(scripted)._script_type and type(scripted)._script_type.find_method("forward")
            if obj is None or not hasattr(forward, "ensure"):
                return call_module(scripted, *args, **kwargs)
            result = _C._record_pause(call_module, (scripted, *args), kwargs)
            recorder.called(forward, args, kwargs, result, obj)
            return result

        self.undo = [(ScriptFunction, call_function)]
        ScriptFunction.__call__ = function
        ScriptModule.__call__ = module

    def __exit__(self, *error):
        from .script_module import ScriptModule

        for cls, call in self.undo:
            cls.__call__ = call
        del ScriptModule.__call__
