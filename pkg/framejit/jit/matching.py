"""Which overload of an operator a call means, and what its arguments become.

As in PyTorch: the overloads are tried in the order of the file, first without implicit conversions (a tensor as a number, an
int as a float), then with them.
"""

from . import ir
from . import schema as S
from . import types as T
from .errors import fail

_INT_LIKE = (T.DTYPE, T.LAYOUT, T.MEMORY_FORMAT)
_IMPLICIT = {T.FLOAT: "aten::FloatImplicit", T.INT: "aten::IntImplicit", T.COMPLEX: "aten::ComplexImplicit"}


class Mismatch(Exception):
    """A call does not fit an overload; the text says why."""


def bind(formal, actual, variables):
    """The formal type with its variables replaced, binding those that `actual` decides; None if it does not fit."""
    if isinstance(formal, T.VarType):
        known = variables.get(formal.name)
        if known is None:
            variables[formal.name] = actual
            return actual
        if actual.is_part_of(known):
            return known
        joined = T.unify(known, actual)
        if joined is not None:
            variables[formal.name] = joined
        return joined
    if not formal.parts or not T.contains_type(formal, T.VarType):
        return formal
    if isinstance(formal, T.ListType):
        if isinstance(actual, T.ListType):
            elem = bind(formal.elem, actual.elem, variables)
            return None if elem is None else T.ListType(elem)
        if isinstance(actual, T.TupleType) and actual.parts:
            elem = T.union(actual.parts) if len(set(actual.parts)) == 1 else None
            elem = elem and bind(formal.elem, elem, variables)
            return None if elem is None else T.ListType(elem)
        return None
    if isinstance(formal, T.DictType) and isinstance(actual, T.DictType):
        keys, values = bind(formal.keys, actual.keys, variables), bind(formal.values, actual.values, variables)
        return None if keys is None or values is None else T.DictType(keys, values)
    if isinstance(formal, T.UnionType):
        if actual == T.NONE:
            return formal
        inner = bind(
            formal.elem, actual.elem if isinstance(actual, T.UnionType) and actual.is_optional else actual, variables
        )
        return None if inner is None else T.optional(inner)
    if type(formal) is type(actual) and len(formal.parts) == len(actual.parts):
        parts = [bind(f, a, variables) for f, a in zip(formal.parts, actual.parts)]
        return None if None in parts else formal.rebuild(parts)
    return None


def resolve(t, variables):
    """A type with its bound variables replaced."""
    if isinstance(t, T.VarType):
        return variables.get(t.name, T.ANY)
    return t.rebuild([resolve(p, variables) for p in t.parts]) if t.parts else t


def convert(value, to, implicit=True, size=None):
    """`value` as an expression of a type, or None."""
    t = value.type
    if t.is_part_of(to):
        return _typed_empty(value, to)
    if isinstance(value, ir.Uninitialized):
        return ir.Uninitialized(where=value.where, type=to)
    if to in _INT_LIKE and t == T.INT:
        return value if implicit else None
    if isinstance(to, T.UnionType):
        if isinstance(t, T.UnionType) and t == T.union([T.INT if p in _INT_LIKE else p for p in to.parts]):
            return value
        for part in to.parts:
            found = convert(value, part, implicit, size)
            if found is not None and (implicit or part != T.NONE):
                return found
        return None
    if isinstance(to, T.ListType):
        return _as_list(value, to, implicit, size)
    if isinstance(to, T.DictType) and isinstance(value, ir.MakeDict):
        keys = [convert(k, to.keys, implicit) for k in value.keys]
        values = [convert(v, to.values, implicit) for v in value.values]
        return None if None in keys or None in values else ir.MakeDict(keys, values, where=value.where, type=to)
    if isinstance(to, T.TupleType) and isinstance(value, ir.MakeTuple) and len(value.items) == len(to.parts):
        if isinstance(value.type, T.NamedTupleType) != isinstance(to, T.NamedTupleType):
            return None
        items = [convert(i, p, implicit) for i, p in zip(value.items, to.parts)]
        return None if None in items else ir.MakeTuple(items, where=value.where, type=to)
    return _as_number(value, to) if implicit else None


def _typed_empty(value, to):
    """An empty list literal takes the type that is asked for."""
    if isinstance(value, (ir.MakeList, ir.MakeDict)) and not getattr(value, "items", getattr(value, "keys", None)):
        if type(to) is type(value.type):
            return type(value)(*(getattr(value, f) for f in value.fields), where=value.where, type=to)
    return value


def _as_list(value, to, implicit, size):
    t = value.type
    if isinstance(value, ir.MakeList):
        items = [convert(i, to.elem, implicit) for i in value.items]
        return None if None in items else ir.MakeList(items, where=value.where, type=to)
    if isinstance(t, T.TupleType):
        if isinstance(value, ir.MakeTuple):
            items = value.items
        elif ir.is_pure(value):
            items = [ir.TupleItem(value, i, where=value.where, type=p) for i, p in enumerate(t.parts)]
        else:
            return None
        items = [convert(i, to.elem, implicit) for i in items]
        return None if None in items else ir.MakeList(items, where=value.where, type=to)
    if size is not None and not isinstance(t, (T.ListType, T.TupleType)):
        item = convert(value, to.elem, implicit)
        if item is not None and ir.is_pure(item):
            return ir.MakeList([item] * size, where=value.where, type=to)
        return None if item is None else ir.MakeList([item], where=value.where, type=to)
    if isinstance(to.elem, T.Type) and isinstance(t, T.ListType) and t.elem == T.INT and to.elem in _INT_LIKE:
        return value
    return None


def _as_number(value, to):
    t = value.type
    if t == T.TENSOR and to in _IMPLICIT:
        return call(_IMPLICIT[to], [value], value.where)
    if t == T.TENSOR and to is T.NUMBER:
        return call("aten::ScalarImplicit", [value], value.where)
    if to == T.FLOAT and t in (T.INT, T.BOOL):
        if isinstance(value, ir.Const):
            return ir.Const(float(value.value), where=value.where, type=T.FLOAT)
        return call("aten::Float", [value], value.where) if t == T.INT else None
    if to in (T.INT, T.NUMBER) and t == T.BOOL:
        if isinstance(value, ir.Const):
            return ir.Const(int(value.value), where=value.where, type=T.INT)
        return call("aten::Int", [value], value.where)
    if to == T.DEVICE and t == T.STR:
        return call("aten::device", [value], value.where)
    return None


def fit(schema, args, kwargs, implicit):
    """The OpCall of an overload with these arguments, or Mismatch."""
    left, variables, out, used = dict(kwargs), {}, [], 0
    if "input" in left and schema.arguments and schema.arguments[0].name == "self":
        left["self"] = left.pop("input")
    formals = schema.arguments
    for at, formal in enumerate(formals):
        if used < len(args) and not formal.keyword_only:
            if formal.name in left:
                raise Mismatch(f"Argument {formal.name} specified twice.")
            rest_is_list = at + 1 == len(formals) or formals[at + 1].keyword_only
            if rest_is_list and implicit and _takes_rest(formal, args[used:]):
                given = _list_of(args[used:])
                used = len(args)
            else:
                given = args[used]
                used += 1
        elif formal.name in left:
            given = left.pop(formal.name)
        elif formal.default is not S.REQUIRED:
            out.append(None)
            continue
        else:
            raise Mismatch(f"Argument {formal.name} not provided.")
        out.append(_fit_one(formal, given, variables, implicit))
    extra = list(args[used:])
    if extra and not schema.variadic:
        raise Mismatch(f"Expected at most {len(formals)} arguments but found {len(args)} positional arguments.")
    if left:
        raise Mismatch(f"Unknown keyword argument '{next(iter(left))}'.")
    return ir.OpCall(schema, out, extra, where=None, type=resolve(schema.result, variables))


def _takes_rest(formal, given):
    return (
        isinstance(formal.type, T.ListType)
        and not isinstance(given[0].type, (T.ListType, T.TupleType))
        and (formal.size is None or len(given) > 1)
    )


def _list_of(items):
    return ir.MakeList(list(items), where=items[0].where, type=T.ListType(items[0].type))


def _fit_one(formal, given, variables, implicit):
    concrete = bind(formal.type, given.type, variables)
    converted = None if concrete is None else convert(given, concrete, implicit, formal.size)
    if converted is None:
        if concrete is None:
            raise Mismatch(
                f"Could not match type {given.type} to {formal.type} in argument '{formal.name}': Cannot match "
                f"{formal.type} to {given.type}."
            )
        raise Mismatch(
            f"Expected a value of type '{concrete}' for argument '{formal.name}' but instead found type '{given.type}'."
        )
    return converted


def call(name, args, where, kwargs=None):
    """The call of an operator by name; an error at `where` if no overload fits."""
    kwargs = kwargs or {}
    schemas = S.overloads(name)
    if not schemas:
        fail(where, f"Unknown builtin op: {name}.\nframejit has no operator of that name")
    reasons = []
    for implicit in (False, True):
        for schema in schemas:
            try:
                found = fit(schema, args, kwargs, implicit)
            except Mismatch as why:
                if implicit:
                    reasons.append(f"  {schema}:\n  {why}\n")
                continue
            found.where = where
            return found
    if len(schemas) == 1:
        fail(where, "\n" + reasons[0].strip() + "\n")
    fail(
        where,
        "Arguments for call are not valid.\nThe following variants are available:\n\n"
        + "\n".join(reasons)
        + "\nThe original call is",
    )
