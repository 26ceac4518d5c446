"""Where Python calls scripted code: arguments are checked and become what the types say; lists and dicts are copied."""

import enum

from framejit import _ops as _t

from . import types as T
from .schema import REQUIRED

_CLASSES = {T.INT: int, T.FLOAT: float, T.BOOL: bool, T.STR: str, T.COMPLEX: complex}


class Misfit(Exception):
    """A value that is not of the type that is asked for."""


def fits(value, t):
    """Whether a value that scripted code has is of a type."""
    if t is T.ANY:
        return True
    if t == T.TENSOR:
        return isinstance(value, _t.Tensor)
    if t == T.NONE:
        return value is None
    if t in _CLASSES:
        return type(value) is _CLASSES[t]
    if isinstance(t, T.UnionType):
        return any(fits(value, p) for p in t.parts)
    if t is T.NUMBER:
        return type(value) in (int, float, complex)
    if t is T.ANY_LIST:
        return isinstance(value, list)
    if t is T.ANY_TUPLE:
        return isinstance(value, tuple)
    if isinstance(t, T.ListType):
        return isinstance(value, list) and all(fits(v, t.elem) for v in value)
    if isinstance(t, T.DictType):
        return isinstance(value, dict) and all(fits(k, t.keys) and fits(v, t.values) for k, v in value.items())
    if isinstance(t, T.NamedTupleType):
        return isinstance(value, t.python)
    if isinstance(t, T.TupleType):
        return (
            isinstance(value, tuple) and len(value) == len(t.parts) and all(fits(v, p) for v, p in zip(value, t.parts))
        )
    if isinstance(t, T.EnumType):
        return isinstance(value, t.python)
    if t == T.DEVICE:
        return isinstance(value, _t.device)
    if hasattr(t, "holds"):
        return t.holds(value)
    return True


def convert(value, t):
    """A Python value as scripted code has it; Misfit if it cannot be one of the type."""
    if t is T.ANY:
        return value
    if t == T.TENSOR:
        if isinstance(value, _t.Tensor):
            return value
        raise Misfit
    if t in _CLASSES:
        return _number(value, t)
    if isinstance(t, T.UnionType):
        return _one_of(value, t)
    if isinstance(t, T.ListType):
        if not isinstance(value, (list, tuple)):
            raise Misfit
        return [convert(v, t.elem) for v in value]
    if isinstance(t, T.DictType):
        if not isinstance(value, dict):
            raise Misfit
        return {convert(k, t.keys): convert(v, t.values) for k, v in value.items()}
    if isinstance(t, T.TupleType):
        return _tuple(value, t)
    return _other(value, t)


def _number(value, t):
    kind = type(value)
    if kind is _CLASSES[t]:
        return value
    if isinstance(value, _t.Tensor) and t != T.STR and value.numel() == 1 and value.dim() == 0:
        return _CLASSES[t](value.item())
    if (
        t == T.FLOAT
        and isinstance(value, int)
        or t == T.INT
        and kind is bool
        or t == T.COMPLEX
        and isinstance(value, (int, float))
    ):
        return _CLASSES[t](value)
    if isinstance(value, _CLASSES[t]) and not (t == T.INT and isinstance(value, bool)):
        return _CLASSES[t](value)
    if t == T.INT:
        from .known_functions import code_of

        code = code_of(value)
        if code is not None:
            return code
        if hasattr(value, "__index__") and not isinstance(value, _t.Tensor):
            return int(value)
    if t == T.FLOAT and hasattr(value, "__float__") and not isinstance(value, (str, _t.Tensor)):
        return float(value)
    raise Misfit


def _one_of(value, t):
    for part in t.parts:
        if fits(value, part):
            return convert(value, part)
    for part in t.parts:
        try:
            return convert(value, part)
        except Misfit:
            continue
    raise Misfit


def _tuple(value, t):
    if not isinstance(value, (tuple, list)) or len(value) != len(t.parts):
        raise Misfit
    items = [convert(v, p) for v, p in zip(value, t.parts)]
    return t.python(*items) if isinstance(t, T.NamedTupleType) else tuple(items)


def _other(value, t):
    if t == T.NONE and value is None:
        return None
    if t == T.DEVICE and isinstance(value, (str, _t.device)):
        return _t.device(value)
    if t is T.NUMBER and isinstance(value, (int, float, complex)):
        return value
    if isinstance(t, T.EnumType):
        return _member(value, t)
    if t is T.ANY_LIST and isinstance(value, list) or t is T.ANY_TUPLE and isinstance(value, tuple):
        return value
    if hasattr(t, "adopt"):
        return t.adopt(value)
    if t in (T.GENERATOR, T.STORAGE, T.STREAM, T.QSCHEME) or isinstance(t, T.FutureType):
        return value
    raise Misfit


def _member(value, t):
    """A member of an Enum; of one that an archive defines also by a member of the program's that is the same."""
    if isinstance(value, t.python):
        return value
    if type(value).__name__ == t.python.__name__ and isinstance(value, enum.Enum):
        found = t.python.__members__.get(value.name)
        if found is not None and found.value == value.value:
            return found
    raise Misfit


def argument(value, function, at):
    """The argument for a parameter, or RuntimeError in PyTorch's words."""
    p = function.params[at]
    try:
        return convert(value, p.type)
    except Misfit:
        pass
    raise RuntimeError(
        f"{function.name}() Expected a value of type '{p.type}{' (inferred)' if p.inferred else ''}' for argument '{p.name}' but "
        f"instead found type '{type(value).__name__}'.\n"
        + (
            f"Inferred '{p.name}' to be of type 'Tensor' because it was not annotated with an explicit type.\n"
            if p.inferred
            else ""
        )
        + f"Position: {at}\nValue: {value!r:.200}\nDeclaration: {function.declaration()}"
    )


def bind(function, args, kwargs):
    """All arguments in order from a call that did not fit the plain signature, or RuntimeError."""
    params, declaration = function.params, function.declaration()
    if len(args) + len(kwargs) > len(params):
        raise RuntimeError(
            f"{function.name}() expected at most {len(params)} argument(s) but received {len(args) + len(kwargs)} argument(s). "
            f"Declaration: {declaration}"
        )
    out, left = list(args), dict(kwargs)
    for p in params[len(args) :]:
        if p.name in left:
            out.append(left.pop(p.name))
        elif p.default is not REQUIRED:
            out.append(p.default.value)
        else:
            raise RuntimeError(
                f"{function.name}() is missing value for argument '{p.name}'. Declaration: {declaration}"
            )
    if left:
        raise RuntimeError(
            f"Unknown keyword argument '{next(iter(left))}' for operator '{function.name}'. Schema: {declaration}"
        )
    return out


def takes(function, args, kwargs):
    """Whether a call with these arguments (`self` among them) fits."""
    try:
        bound = bind(function.ensure(), args, kwargs)
        for value, p in list(zip(bound, function.params))[1:]:
            convert(value, p.type)
    except (Misfit, RuntimeError):
        return False
    return True


_PASSED = {
    T.TENSOR: "isinstance({0}, __Tensor)", T.INT: "type({0}) is int", T.FLOAT: "type({0}) is float", T.BOOL: "type({0}) is bool",
    T.STR: "type({0}) is str", T.NONE: "{0} is None",
}  # fmt: skip


def _test(t, name):
    """The text of a test that a value is of a type and goes in as it is; None where there is none."""
    if t in _PASSED:
        return _PASSED[t].format(name)
    if isinstance(t, T.UnionType):
        tests = [_test(p, name) for p in sorted(t.parts, key=lambda p: p != T.NONE)]
        return None if None in tests else " or ".join(f"({each})" for each in tests)
    if type(t) is T.TupleType:
        tests = [_test(p, f"{name}[{i}]") for i, p in enumerate(t.parts)]
        if None in tests:
            return None
        return " and ".join(
            [f"type({name}) is tuple and len({name}) == {len(t.parts)}", *(f"({each})" for each in tests)]
        )
    return None


def _conversion(t, name, otherwise):
    """The statement that makes an argument one of a type: nothing if it is one, a copy of a list or dict, else the long way."""
    test = _test(t, name)
    if test is not None:
        return f"    if not ({test}):\n        {name} = {otherwise}"
    if isinstance(t, T.ListType) and _test(t.elem, "e") is not None:
        return f"    {name} = [*{name}] if type({name}) is list and all([{_test(t.elem, 'e')} for e in {name}]) else {otherwise}"
    return f"    {name} = {otherwise}"


def entry(function, bound=False):
    """The Python function that people call: the signature of the scripted one, with checks in front.

    With `bound` the first parameter is `self`, which is not checked.
    """
    function.ensure()
    names, checks, header = [], [], []
    space = {"__Tensor": _t.Tensor, "__argument": argument, "__function": function, "__run": function.python()}
    for at, p in enumerate(function.params):
        name = p.name if p.name.isidentifier() and not p.name.startswith("__") else f"a{at}_"
        names.append(name)
        if bound and at == 0:
            header.append(name)
            continue
        if p.default is REQUIRED:
            header.append(name)
        else:
            space[f"__default_{at}"] = p.default.value
            header.append(f"{name}=__default_{at}")
        if p.type is T.ANY:
            continue
        checks.append(_conversion(p.type, name, f"__argument({name}, __function, {at})"))
    required_after_default = False
    seen = False
    for text in header:
        seen |= "=" in text
        required_after_default |= seen and "=" not in text
    if required_after_default:
        header = [h if "=" in h or (bound and i == 0) else f"{h}=__missing" for i, h in enumerate(header)]
        space["__missing"] = None
    text = f"def {_name(function.name)}({', '.join(header)}):\n" + "\n".join(
        [*checks, f"    return __run({', '.join(names)})"]
    )
    exec(compile(text, "<framejit.jit>", "exec"), space)
    made = space[_name(function.name)]
    made.__qualname__ = function.name
    made.__module__ = "framejit.jit"
    return made


def _name(name):
    return (
        name
        if name.isidentifier() and not name.startswith("__")
        else "f" + "".join(c if c.isalnum() else "_" for c in name)
    )
