"""What names mean in a Python function that is scripted: its globals, the variables around it, builtins."""

import ast
import builtins
import enum
import math
import types as python_types

from framejit import _ops as _t

from . import annotations, ir, known_functions, schema
from . import types as T
from .attribute import is_ignored, is_unused
from .errors import fail
from .values import Builtin, FunctionValue, Items, Overloads, PythonFunction, PythonModule, Special, Sugar, TypeValue

_BUILTINS = {
    getattr(builtins, name): name
    for name in "print len range enumerate zip isinstance hasattr getattr int float bool complex str list tuple dict sorted reversed min "
    "max sum abs all any round divmod ord chr hex oct bin hash id super pow".split()
}
_MATH_CONSTANTS = ("pi", "e", "inf", "nan", "tau")


class PythonNames:
    """The surroundings of a function."""

    def __init__(self, globals, closure=None):
        self.globals, self.closure = globals, closure or {}
        self.extra = {}  # the class that a method belongs to, which has no name yet while it is decorated

    @classmethod
    def of_function(cls, fn):
        closure = {}
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or ()):
            try:
                closure[name] = cell.cell_contents
            except ValueError:
                pass
        return cls(fn.__globals__, closure)

    def find(self, name):
        """(found, value)"""
        for scope in (self.closure, self.globals, self.extra, vars(builtins)):
            if name in scope:
                return True, scope[name]
        return False, None

    def lookup(self, name, where, checker):
        found, value = self.find(name)
        if not found:
            return None
        return value_of(value, where, name)

    def python_value(self, node):
        """(found, value) of a dotted name."""
        if isinstance(node, ast.Name):
            return self.find(node.id)
        if isinstance(node, ast.Attribute):
            found, value = self.python_value(node.value)
            if found and hasattr(value, node.attr):
                return True, getattr(value, node.attr)
        return False, None

    def annotation(self, node, checker):
        where = checker.where(node) if checker is not None else None

        def resolve(node):
            found, value = self.python_value(node)
            if not found:
                return None
            if isinstance(value, str):
                return annotations.type_from_syntax(ast.parse(value, mode="eval").body, resolve, where)
            t = annotations.find_type(value)
            if t is None and isinstance(value, type):
                from .classes import compile_class

                t = compile_class(value)
            return t

        return annotations.type_from_syntax(node, resolve, where)

    def default(self, name, node, t, checker):
        """A parameter's default; found in the function object where there is one."""
        from .functions import plain_constant

        where = checker.where(node)
        defaults = checker.function.attributes.get("defaults", {})
        value = defaults[name] if name in defaults else ast.literal_eval(node)
        made = value_of(value, where, name)
        if isinstance(made, Sugar) and not isinstance(made, Items):
            fail(where, f"the default of '{name}' is no value that scripted code can have")
        from . import matching

        made = checker.as_value(made, where) if checker is not None else made
        converted = matching.convert(made, t)
        if converted is None:
            fail(where, f'Expected a default value of type {t} on parameter "{name}"')
        folded = fold(converted)
        return plain_constant(folded, converted.type if t == T.ANY else t, where)

    def constant(self, value, where):
        made = value_of(value, where, "value")
        return made

    def exception_name(self, node, checker):
        found, value = self.python_value(node)
        if isinstance(node, ast.Call):
            return self.exception_name(node.func, checker)
        if not found or not (isinstance(value, type) and issubclass(value, BaseException)):
            return None
        return f"{value.__module__}.{value.__qualname__}"

    def attribute_of(self, obj, name, where, checker):
        return attribute_of(obj, name, where, checker)

    def subscript(self, obj, node, checker):
        if isinstance(obj, TypeValue) and isinstance(obj.type, T.EnumType):
            key = checker.expression(node.slice)
            return ir.Const(obj.type.python[key.value], where=checker.where(node), type=obj.type)
        return None

    def types_of(self, node, checker):
        """The types that isinstance is asked about."""
        if isinstance(node, ast.Tuple):
            return [t for e in node.elts for t in self.types_of(e, checker)]
        found, value = self.python_value(node)
        if found and isinstance(value, tuple):
            return [annotations.type_from_python(v, checker.where(node)) for v in value]
        return [self.annotation(node, checker)]


def fold(value):
    """The Python value of a constant expression."""
    if isinstance(value, ir.Const):
        return value.value
    if isinstance(value, ir.MakeList):
        return [fold(i) for i in value.items]
    if isinstance(value, ir.MakeTuple):
        items = [fold(i) for i in value.items]
        return value.type.python(*items) if isinstance(value.type, T.NamedTupleType) else tuple(items)
    if isinstance(value, ir.MakeDict):
        return {fold(k): fold(v) for k, v in zip(value.keys, value.values)}
    if isinstance(value, ir.OpCall) and value.schema.name == "aten::device":
        return _t.device(*[fold(a) for a in value.args if a is not None])
    fail(value.where, "this must be a constant")


def value_of(value, where, name):
    """What a Python value is in scripted code; an error if it has no place there."""
    constant = constant_of(value, where)
    if constant is not None:
        return constant
    if isinstance(value, python_types.ModuleType):
        return PythonModule(value, name)
    operator = _named_operator(value)
    if operator is not None:
        return Builtin(operator)
    special = known_functions.special(value)
    if special is not None:
        return Special(special)
    try:
        if value in _BUILTINS:
            return Special(_BUILTINS[value])
    except TypeError:
        pass
    if isinstance(value, type):
        return _class_value(value, where)
    function = function_of(value, where)
    if function is not None:
        return function
    from .script_module import scripted_value

    found = scripted_value(value)
    if found is not None:
        return found
    fail(where, f"Python value of type '{type(value).__name__}' cannot be used as a value. Perhaps it is a closed over global variable? "
         "If so, please consider passing it in as an argument or use a local variable instead.")  # fmt: skip


def _named_operator(value):
    """The operator that `torch.ops.aten.add` or an overload of it is; None for anything else."""
    from framejit import ops

    if isinstance(value, ops.OpOverload):
        value = value.overloadpacket
    if isinstance(value, ops.OpOverloadPacket) and schema.exists(f"aten::{value.__name__}"):
        return f"aten::{value.__name__}"
    return None


def constant_of(value, where):
    """A constant expression, a sequence of such, or None."""
    if value is None or type(value) in (bool, int, float, complex, str):
        return ir.const(value, where)
    if isinstance(value, enum.Enum):
        return ir.Const(value, where=where, type=annotations.enum_type(type(value)))
    code = known_functions.code_of(value)
    if code is not None:
        return ir.const(code, where)
    if isinstance(value, _t.device):
        return ir.Const(value, where=where, type=T.DEVICE)
    if isinstance(value, tuple):
        items = [value_of(v, where, "item") for v in value]
        if any(isinstance(i, Sugar) for i in items):
            return Items(items)
        t = (
            annotations.named_tuple_type(type(value))
            if hasattr(value, "_fields")
            else T.TupleType(*(i.type for i in items))
        )
        return ir.MakeTuple(items, where=where, type=t)
    return None


def _class_value(value, where):
    from .classes import compile_class

    if value is _t.device:
        return Special("device")
    found = annotations.find_type(value)
    if isinstance(found, (T.EnumType, T.NamedTupleType)) or hasattr(found, "find_method"):
        return TypeValue(found)
    if found is not None and found is not T.TENSOR:
        return TypeValue(found)
    if found is T.TENSOR:
        return PythonModule(value, value.__name__)
    context = known_functions.context(value)
    if context is not None:
        return TypeValue(context)
    return TypeValue(compile_class(value, where))


def function_of(value, where):
    """What a Python function is: an operator, a compiled function, one that stays Python's; None if it is no function."""
    from . import api

    overloads = api.overloads_of(value)
    if overloads:
        return Overloads([api.compiled_function(f) for f in overloads])
    compiled = api.compiled(value)
    if compiled is not None:
        return FunctionValue(compiled)
    if is_ignored(value) or is_unused(value):
        return PythonFunction(value, value.__name__, is_unused(value))
    prelude = known_functions.prelude(value)
    if prelude is not None:
        return prelude
    operator = known_functions.operator(value)
    if operator is not None:
        return Builtin(operator)
    target = getattr(value, "__script_if_tracing_wrapper", None) and value.__original_fn
    if target:
        value = target
    if isinstance(value, python_types.FunctionType):
        return FunctionValue(api.compiled_function(value))
    if isinstance(value, python_types.BuiltinFunctionType) or callable(value) and not isinstance(value, type):
        if isinstance(value, python_types.MethodType):
            return None
        if type(value).__module__.startswith(("framejit", "builtins")) and not hasattr(value, "forward"):
            fail(
                where,
                f"framejit has no operator that scripted code could call for '{getattr(value, '__name__', value)}'",
            )
    return None


def attribute_of(obj, name, where, checker):
    """An attribute of something that is no typed value."""
    if isinstance(obj, Builtin) and obj.bound is None:  # torch.ops.aten.add.Tensor
        return obj
    if isinstance(obj, PythonModule):
        if obj.value is math and name in _MATH_CONSTANTS:
            return ir.const(getattr(math, name), where)
        if obj.value is _t.Tensor:
            return Builtin("aten::" + name) if schema.exists("aten::" + name) else None
        if not hasattr(obj.value, name):
            found = known_functions.operator_named(obj.value, name)
            return None if found is None else Builtin(found)
        return value_of(getattr(obj.value, name), where, f"{obj.name}.{name}")
    if isinstance(obj, TypeValue):
        if isinstance(obj.type, T.EnumType):
            member = getattr(obj.type.python, name, None)
            return None if member is None else ir.Const(member, where=where, type=obj.type)
        if hasattr(obj.type, "static_attribute"):
            return obj.type.static_attribute(name, where)
    if isinstance(obj, Items) and obj.keys is not None:
        if name == "items":
            return _Bound([Items([ir.const(k, where), v]) for k, v in zip(obj.keys, obj.items)])
        if name == "values":
            return _Bound(list(obj.items))
        if name == "keys":
            return _Bound([ir.const(k, where) for k in obj.keys])
    if hasattr(obj, "cls") and hasattr(obj, "obj"):  # super()
        return obj.obj.type.super_value(obj, name, where, checker)
    return None


class _Bound(Special):
    """`module_dict.items`: a call gives the items."""

    def __init__(self, items):
        super().__init__("known_items")
        self.items = items
