"""The rules for calls."""

import ast

from . import ir, matching, schema
from . import types as T
from .errors import fail
from .functions import match_call
from .schema import REQUIRED
from .special_forms import SpecialForms
from .values import (
    Builtin,
    Chosen,
    FunctionValue,
    Items,
    MethodValue,
    Overloads,
    PythonFunction,
    Special,
    Sugar,
    TypeValue,
    Upgraded,
)

# attributes of tensors that are calls of operators
_TENSOR_ATTRIBUTES = {
    "shape": "aten::size", "dtype": "prim::dtype", "device": "prim::device", "grad": "prim::grad", "data": "prim::data",
    "is_cuda": "prim::is_cuda", "is_cpu": "prim::is_cpu", "is_mps": "prim::is_mps", "is_xpu": "prim::is_xpu",
    "is_meta": "prim::is_meta", "is_sparse": "prim::is_sparse", "is_quantized": "prim::is_quantized",
    "is_mkldnn": "prim::is_mkldnn", "is_nested": "prim::is_nested", "layout": "prim::layout", "itemsize": "prim::itemsize",
    "nbytes": "prim::nbytes", "name": "prim::name", "requires_grad": "prim::requires_grad", "T": "aten::numpy_T",
    "mT": "aten::mT", "H": "aten::matrix_H", "mH": "aten::mH", "ndim": "aten::dim", "real": "aten::real", "imag": "aten::imag",
    "is_leaf": "aten::is_leaf", "output_nr": "aten::output_nr",
}  # fmt: skip
# methods of tensors that are `to` with a dtype
_CASTS = {
    "byte": 0, "char": 1, "short": 2, "int": 3, "long": 4, "half": 5, "float": 6, "double": 7, "cfloat": 9, "cdouble": 10,
    "bool": 11, "bfloat16": 15,
}  # fmt: skip
_ALIASES = {"ndimension": "dim", "nelement": "numel", "multiply": "mul", "subtract": "sub", "divide": "div"}
_OTHER_ATTRIBUTES = {(T.DEVICE, "type"): "prim::type", (T.DEVICE, "index"): "prim::index"}


class CallRules(SpecialForms):
    """Calls, and what is found as an attribute of a value."""

    def of_Call(self, node, hint=None):
        where = self.where(node)
        callee = self.sugared(node.func)
        if isinstance(callee, _ToList) and hint is not None:
            return ir.ToList(callee.obj, where=where, type=hint)
        if isinstance(callee, Special):
            rule = getattr(self, "form_" + callee.name, None)
            if rule is not None:
                return rule(node, where)
            return self.plain_form(callee.name, node, where)
        args, kwargs = self.arguments(node)
        return self.call(callee, args, kwargs, where)

    def arguments(self, node):
        """The positional arguments, tuples after * spread out, and the named ones; each a value or a Sugar."""
        args, kwargs = [], {}
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                value = self.sugared(arg.value)
                if isinstance(value, Items):
                    args += value.items
                    continue
                value = self.as_value(value, self.where(arg))
                if not isinstance(value.type, T.TupleType):
                    fail(self.where(arg), f"only a tuple may follow *, not {value.type}")
                args += self._tuple_items(value, self.where(arg))
            else:
                args.append(self.sugared(arg))
        for keyword in node.keywords:
            if keyword.arg is None:
                self.not_supported(keyword, "keyword-arg expansion is not supported")
            kwargs[keyword.arg] = self.sugared(keyword.value)
        return args, kwargs

    def call(self, callee, args, kwargs, where):
        """The value of a call of whatever `callee` is."""
        if isinstance(callee, PythonFunction):
            return self.call_python(callee, args, kwargs, where)
        args = [self.as_value(a, where) for a in args]
        kwargs = {name: self.as_value(a, where) for name, a in kwargs.items()}
        if isinstance(callee, Builtin):
            return self.call_builtin(callee, args, kwargs, where)
        if isinstance(callee, Upgraded):
            if args and args[0].type not in (T.INT, T.FLOAT, T.COMPLEX, T.NUMBER):
                return self.call_overloads(Overloads(callee.functions), args, kwargs, where)
            return self.op(callee.name, args, where, kwargs)
        if isinstance(callee, FunctionValue):
            return self.call_function(callee.function, args, kwargs, where)
        if isinstance(callee, Chosen):
            return self.call_chosen(callee, args, kwargs, where)
        if isinstance(callee, Overloads):
            return self.call_overloads(callee, args, kwargs, where)
        if isinstance(callee, MethodValue):
            return self.call_method(callee.obj, callee.name, args, kwargs, where)
        if isinstance(callee, TypeValue):
            return self.construct(callee.type, args, kwargs, where)
        if isinstance(callee, Sugar):
            fail(where, f"'{callee.what}' object is not callable")
        if hasattr(callee.type, "find_method"):
            return self.call_method(callee, "forward" if callee.type.is_module else "__call__", args, kwargs, where)
        fail(where, f"'{callee.type}' object is not callable")

    def call_builtin(self, callee, args, kwargs, where):
        if callee.bound is not None:
            args = [callee.bound, *args]
            name = callee.name.rpartition(":")[2]
            if callee.bound.type == T.TENSOR and name in _CASTS and not schema.exists(callee.name):
                return self.op("aten::to", [callee.bound, ir.const(_CASTS[name])], where)
            if callee.bound.type == T.TENSOR and name in _CASTS and len(args) == 1 and not kwargs:
                return self.op("aten::to", [callee.bound, ir.const(_CASTS[name])], where)
        return self.op(callee.name, args, where, kwargs)

    def call_function(self, function, args, kwargs, where, convert=matching.convert):
        function.declare()
        args = match_call(function, args, kwargs, where, convert)
        result = function.result_type(where)
        function.ensure(where) if function._state == "declared" else None
        return ir.Call(function, args, where=where, type=result)

    def call_chosen(self, callee, args, kwargs, where):
        def value_of(flag):
            if not isinstance(flag, ir.Const) or type(flag.value) is not bool:
                names = " and ".join(name for name, _ in callee.flags)
                fail(where, f"{names} decide what is returned: they must be constant bools")
            return flag.value

        return self.call_function(callee.choose(args, kwargs, value_of), args, kwargs, where)

    def call_overloads(self, callee, args, kwargs, where):
        from .errors import ScriptError

        for convert in (_as_it_is, matching.convert):
            reasons = []
            for function in callee.functions:
                try:
                    if callee.bound is not None:
                        return self._method_call(callee.bound, function.name, function, args, kwargs, where, convert)
                    return self.call_function(function, args, kwargs, where, convert)
                except ScriptError as why:
                    reasons.append(str(why))
        fail(where, "Could not find any similar overload:\n" + "\n".join(reasons))

    def call_method(self, obj, name, args, kwargs, where):
        """obj.name(...)"""
        found = obj.type.find_method(name)
        if found is None:
            fail(where, f"'{obj.type}' object has no attribute or method '{name}'.")
        if isinstance(found, PythonFunction):
            return self.call_python(PythonFunction(found.function, found.name, found.unused, obj), args, kwargs, where)
        if isinstance(found, Overloads):
            return self.call_overloads(Overloads(found.functions, obj), args, kwargs, where)
        return self._method_call(obj, name, found, args, kwargs, where)

    def _method_call(self, obj, name, function, args, kwargs, where, convert=matching.convert):
        function.declare()
        args = match_call(function, args, kwargs, where, convert)
        if getattr(obj.type, "is_interface", False):
            return ir.CallInterface(obj, name, args, where=where, type=function.returns)
        result = function.result_type(where)
        function.ensure(where) if function._state == "declared" else None
        return ir.CallMethod(obj, name, function, args, where=where, type=result)

    def call_python(self, callee, args, kwargs, where):
        """A call of a function that stays Python's."""
        from .python_calls import signature_of

        if callee.unused:
            message = f"{callee.name} is marked unused and cannot be called from scripted code"
            returns = signature_of(callee.function, callee.bound is not None, self.names)[1]
            raised = ir.Raise(ir.const(message), None, where=where)
            self.pending.append(raised)
            return ir.Uninitialized(where=where, type=returns)
        params, returns = signature_of(callee.function, callee.bound is not None, self.names)
        stub = _Stub(callee.name, params, returns)
        args = [self.as_value(a, where) for a in args]
        kwargs = {name: self.as_value(a, where) for name, a in kwargs.items()}
        args = match_call(stub, args, kwargs, where, matching.convert)
        if callee.bound is not None:
            args = [callee.bound, *args]
        return ir.CallPython(callee.function, args, callee.name, where=where, type=returns)

    def construct(self, t, args, kwargs, where):
        """An object of a class, a named tuple, or a tuple or list made of something."""
        if isinstance(t, T.NamedTupleType):
            return self._named_tuple(t, args, kwargs, where)
        if t == T.ListType(T.INT) and len(args) == 1 and not kwargs:  # torch.Size
            message = f"Expected a value of type '{t}' but instead found type '{args[0].type}'.\n"
            return self.convert_to(args[0], t, where, message)
        if hasattr(t, "find_method") and not t.is_module:
            init = t.find_method("__init__")
            if init is None:
                if args or kwargs:
                    fail(where, f"{t} takes no arguments")
                return ir.New(t, None, where=where, type=t)
            init.declare()
            args = match_call(init, args, kwargs, where, matching.convert)
            init.ensure(where) if init._state == "declared" else None
            return ir.New(t, args, where=where, type=t)
        fail(where, f"{t} cannot be constructed in scripted code")

    def _named_tuple(self, t, args, kwargs, where):
        items = dict(zip(t.fields, args))
        items.update(kwargs)
        for name, value in zip(t.fields[len(t.fields) - len(t.defaults) :], t.defaults):
            if name not in items:
                items[name] = self.names.constant(value, where)
        if len(args) > len(t.fields) or set(items) != set(t.fields):
            fail(where, f"{t} takes the fields {', '.join(t.fields)}")
        parts = []
        for name, part in zip(t.fields, t.parts):
            message = f"Expected a value of type '{part}' for argument '{name}' but instead found type '{items[name].type}'.\n"
            parts.append(self.convert_to(items[name], part, where, message))
        return ir.MakeTuple(parts, where=where, type=t)

    def value_attribute(self, obj, name, where):
        """An attribute or method of a typed value; None if there is none."""
        t = obj.type
        if hasattr(t, "value_attribute"):  # a class or module
            return t.value_attribute(obj, name, where, self)
        if isinstance(t, T.NamedTupleType) and name in t.fields:
            at = t.fields.index(name)
            return ir.GetAttr(obj, name, where=where, type=t.parts[at])
        if isinstance(t, T.EnumType):
            if name == "name":
                return ir.GetAttr(obj, name, where=where, type=T.STR)
            return ir.GetAttr(obj, name, where=where, type=t.value_type) if name == "value" else None
        if t == T.TENSOR and name in _TENSOR_ATTRIBUTES:
            if schema.exists(_TENSOR_ATTRIBUTES[name]):
                return self.op(_TENSOR_ATTRIBUTES[name], [obj], where)
            return None
        if (t, name) in _OTHER_ATTRIBUTES:
            return self.op(_OTHER_ATTRIBUTES[t, name], [obj], where)
        if isinstance(t, T.UnionType):
            return None
        return self.builtin_method(obj, name)

    def builtin_method(self, obj, name):
        """A method that is an operator."""
        t = obj.type
        if t == T.TENSOR:
            name = _ALIASES.get(name, name)
            if name in _CASTS or name == "tolist":
                return _ToList(obj) if name == "tolist" else Builtin("aten::" + name, obj)
        if isinstance(t, T.FutureType) and name == "wait":
            return Builtin("aten::wait", obj)
        if not (t in (T.TENSOR, T.STR, T.GENERATOR) or isinstance(t, (T.ListType, T.DictType))):
            return None
        return Builtin("aten::" + name, obj) if schema.exists("aten::" + name) else None

    def attribute_to_set(self, obj, name, value, where, declared):
        """The type that an attribute takes."""
        if hasattr(obj.type, "attribute_to_set"):
            return obj.type.attribute_to_set(name, value, where, declared, self)
        if obj.type == T.TENSOR:
            fail(where, f"Tried to set an attribute: {name} on a non-class: Tensor")
        fail(where, f"Tried to set an attribute: {name} on a non-class: {obj.type}")

    def enter_type(self, context, node):
        """What `with` gives; an error if the value is no context."""
        t = context.type
        if not hasattr(t, "find_method") or t.find_method("__enter__") is None or t.find_method("__exit__") is None:
            fail(self.where(node), f"With item expression must be an object with __enter__ and __exit__, not {t}")
        enter = t.find_method("__enter__")
        t.find_method("__exit__").ensure()
        return enter.ensure().returns


def _as_it_is(value, to, implicit, size):
    """matching.convert without implicit conversions, by which overloads are tried first."""
    return matching.convert(value, to, False, size)


class _ToList(Special):
    """`x.tolist`"""

    def __init__(self, obj):
        super().__init__("tolist_of")
        self.obj = obj


class _Stub:
    """The signature of a Python function, for match_call."""

    def __init__(self, name, params, returns):
        self.name, self.arguments, self.returns = name, params, returns

    def declaration(self):
        parts = [
            f"{p.type.short()} {p.name}" + ("" if p.default is REQUIRED else f"={p.default.value}")
            for p in self.arguments
        ]
        return f"{self.name}({', '.join(parts)}) -> {self.returns.short()}"
