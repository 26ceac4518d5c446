"""Types from annotations: from what `typing` makes, and from syntax."""

import ast
import collections.abc
import enum
import types as python_types
import typing

from framejit import _ops as _t

from . import types as T
from .errors import fail

_PLAIN = {int: T.INT, float: T.FLOAT, complex: T.COMPLEX, bool: T.BOOL, str: T.STR, type(None): T.NONE, None: T.NONE, list: T.ANY_LIST,
          tuple: T.ANY_TUPLE, typing.Any: T.ANY, typing.List: T.ANY_LIST, typing.Tuple: T.ANY_TUPLE}  # fmt: skip


def _tensor_types():
    from framejit.nn import Parameter

    return (_t.Tensor, Parameter)


def plain_type(obj):
    """The type of a Python class that has no parts; None if it is none of them."""
    try:
        found = _PLAIN.get(obj)
    except TypeError:
        return None
    if found is not None:
        return found
    if obj in _tensor_types():
        return T.TENSOR
    if obj is _t.device:
        return T.DEVICE
    if obj in (
        _t.dtype,
        getattr(_t, "layout", None),
        getattr(_t, "memory_format", None),
        _t.SymInt if hasattr(_t, "SymInt") else int,
    ):
        return T.INT
    if obj is _t.Generator:
        return T.GENERATOR
    if obj is _t.Size:
        return T.ListType(T.INT)
    if obj is numbers():
        return T.NUMBER
    return None


def numbers():
    import numbers

    return numbers.Number


def type_from_python(obj, where=None):
    """The TorchScript type of an annotation's value; an error at `where` if it has none."""
    found = find_type(obj)
    if found is None:
        fail(where, f"Unknown type annotation: '{getattr(obj, '__name__', obj)}'")
    return found


def find_type(obj):
    """The type, or None."""
    found = plain_type(obj)
    if found is not None:
        return found
    if isinstance(obj, T.Type):
        return obj
    origin, args = typing.get_origin(obj), typing.get_args(obj)
    if origin is not None:
        return _with_arguments(origin, args)
    if isinstance(obj, type):
        return type_of_class(obj)
    if isinstance(obj, typing.ForwardRef) or isinstance(obj, str):
        return None
    return None


def _with_arguments(origin, args):
    from framejit import futures

    if origin is typing.Final or origin is typing.Annotated:
        return find_type(args[0])
    if origin is typing.Union or origin is python_types.UnionType:
        parts = [find_type(a) for a in args]
        return None if None in parts else T.union(parts)
    if origin in (list, collections.abc.Sequence):
        elem = find_type(args[0])
        return None if elem is None else T.ListType(elem)
    if origin is dict:
        parts = [find_type(a) for a in args]
        return None if None in parts else T.DictType(*parts)
    if origin is tuple:
        if args == ((),):
            return T.TupleType()
        if len(args) == 2 and args[1] is Ellipsis:
            return None
        parts = [find_type(a) for a in args]
        return None if None in parts else T.TupleType(*parts)
    if origin is futures.Future:
        elem = find_type(args[0])
        return None if elem is None else T.FutureType(elem)
    return None


def type_of_class(cls):
    """The type of a user's class: an Enum, a NamedTuple, one that was scripted; None for others."""
    from .classes import class_type

    if issubclass(cls, enum.Enum):
        return enum_type(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return named_tuple_type(cls)
    return class_type(cls)


def qualified_name(obj):
    """`__torch__.module.Name`, as archives have it."""
    module = getattr(obj, "__module__", None) or ""
    name = getattr(obj, "__qualname__", None) or obj.__name__
    name = name.rpartition("<locals>.")[2].replace("<lambda>", "_lambda").replace(".", "__")
    if module in ("__main__", "builtins", ""):
        return f"__torch__.{name}"
    root, _, rest = module.partition(".")
    if root == "framejit":
        module = "torch" + ("." + rest if rest else "")
    module = ".".join(
        part if part.isidentifier() else "_" + "".join(c if c.isalnum() else "_" for c in part)
        for part in module.split(".")
    )
    return f"__torch__.{module}.{name}"


_enums = {}


def enum_type(cls):
    """The type of an Enum."""
    found = _enums.get(cls)
    if found is None:
        kinds = {type(member.value) for member in cls}
        value_type = _PLAIN.get(kinds.pop(), T.ANY) if len(kinds) == 1 else T.ANY
        found = _enums[cls] = T.EnumType(qualified_name(cls), cls, value_type)
    return found


_tuples = {}


def named_tuple_type(cls):
    """The type of a named tuple; fields without annotation are tensors."""
    found = _tuples.get(cls)
    if found is None:
        hints = typing.get_type_hints(cls)
        parts = [type_from_python(hints[name]) if name in hints else T.TENSOR for name in cls._fields]
        defaults = [cls._field_defaults[n] for n in cls._fields if n in cls._field_defaults]
        found = _tuples[cls] = T.NamedTupleType(qualified_name(cls), cls._fields, parts, cls, defaults)
    return found


_BY_NAME = {
    "Tensor": T.TENSOR, "int": T.INT, "float": T.FLOAT, "complex": T.COMPLEX, "bool": T.BOOL, "str": T.STR, "None": T.NONE,
    "NoneType": T.NONE, "Any": T.ANY, "Device": T.DEVICE, "number": T.NUMBER, "Scalar": T.NUMBER, "list": T.ANY_LIST,
    "List": T.ANY_LIST, "tuple": T.ANY_TUPLE, "Tuple": T.ANY_TUPLE, "Generator": T.GENERATOR, "Storage": T.STORAGE,
    "AnyEnumType": T.ANY_ENUM, "AnyClassType": T.ANY_CLASS, "Stream": T.STREAM, "Layout": T.INT, "Capsule": T.ANY,
}  # fmt: skip
_COMPOSED = {
    "List": T.ListType, "Dict": T.DictType, "Tuple": T.TupleType, "list": T.ListType, "dict": T.DictType, "tuple": T.TupleType,
    "Future": T.FutureType, "Await": T.FutureType,
}  # fmt: skip


def type_from_syntax(node, resolve, where):
    """The type that an expression says. `resolve(node)` gives the type of a name or dotted name that is not TorchScript's own."""

    def of(node):
        if isinstance(node, ast.Constant):
            if node.value is None:
                return T.NONE
            if isinstance(node.value, str):
                return of(ast.parse(node.value, mode="eval").body)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return T.union((of(node.left), of(node.right)))
        if isinstance(node, ast.Subscript):
            return composed(node)
        found = resolve(node)
        if found is None and isinstance(node, ast.Name):
            found = _BY_NAME.get(node.id)
        if found is None:
            fail(where, f"Unknown type name '{ast.unparse(node)}'")
        return found

    def composed(node):
        name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        args = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name in ("Tuple", "tuple") and len(args) == 1 and isinstance(args[0], ast.Tuple) and not args[0].elts:
            return T.TupleType()
        if name.startswith("BroadcastingList"):
            return T.ListType(of(args[0]))
        if name in ("Final", "Annotated"):
            return of(args[0])
        if name == "Optional":
            return T.optional(of(args[0]))
        if name == "Union":
            return T.union([of(a) for a in args])
        if name not in _COMPOSED:
            found = resolve(node)
            if found is None:
                fail(where, f"Unknown type constructor {name}")
            return found
        if name in ("Tuple", "tuple") and len(args) == 1 and isinstance(node.slice, ast.Tuple) and not node.slice.elts:
            return T.TupleType()
        return _COMPOSED[name](*(of(a) for a in args))

    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and not node.slice.elts:
        return T.TupleType()
    return of(node)
