"""What parameters operators have, and arguments brought into their order."""

import functools
import inspect
import re
import types
from typing import NamedTuple

from framejit import _C

from .node import Node


class ArgsKwargsPair(NamedTuple):
    """Positional and named arguments."""

    args: tuple
    kwargs: dict


_TYPES = {
    "Tensor": _C.Tensor, "Operand": _C.Tensor, "int": int, "float": float, "bool": bool, "str": str, "Scalar": float,
    "Number": float, "ScalarType": _C.dtype, "Device": _C.device, "Layout": _C.layout, "MemoryFormat": _C.memory_format,
}  # fmt: skip
_PARAMETER = re.compile(
    r"(?P<type>[\w|]+)(?P<list>\[\d*\])?(?P<optional>\??)\s+(?P<name>\w+)(?:\s*=\s*(?P<default>.+))?$"
)
_WORDS = {"None": None, "True": True, "False": False, "inf": float("inf"), "-inf": float("-inf")}


def _split(text):
    """The parts between commas that are not inside brackets."""
    parts, depth, begin = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in "[(") - (char in "])")
        if char == "," and not depth:
            parts.append(text[begin:i].strip())
            begin = i + 1
    parts.append(text[begin:].strip())
    return [part for part in parts if part]


def _value(text):
    if text in _WORDS:
        return _WORDS[text]
    try:
        return eval(text, {"__builtins__": {}})
    except (NameError, SyntaxError):
        return text


def _parse(line):
    """A line `name(Type name=default, *, …) -> …` as a Signature; None for another text."""
    found = re.match(r"\w+\((.*)\)\s*->", line)
    if found is None:
        return None
    parameters, kind = [], inspect.Parameter.POSITIONAL_OR_KEYWORD
    for part in _split(re.sub(r"\(\w!?\)", "", found.group(1))):  # without the letters of views
        if part == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
            continue
        match = _PARAMETER.match(part)
        if match is None:
            return None
        annotation = _TYPES.get(match["type"].split("|")[0], inspect.Parameter.empty)
        if match["list"] and annotation is not inspect.Parameter.empty:
            annotation = list[annotation]
        default = inspect.Parameter.empty if match["default"] is None else _value(match["default"])
        name = "input" if match["name"] == "self" else match["name"]
        parameters.append(inspect.Parameter(name, kind, default=default, annotation=annotation))
    return inspect.Signature(parameters)


@functools.lru_cache(maxsize=None)
def _signatures(function):
    lines = (function.__doc__ or "").splitlines()
    return [s for s in map(_parse, lines) if s is not None]


def get_signature_for_torch_op(op, return_schemas=False):
    """The signatures of an operator of the extension, one for each overload: a list of inspect.Signature; None for what is
    no operator.

    op (callable). return_schemas (bool): a pair of the list and a list of texts. Raises nothing of its own.

    >>> import framejit
    >>> from framejit.fx.operator_schemas import get_signature_for_torch_op
    >>> [str(s) for s in get_signature_for_torch_op(framejit.neg)]
    ['(input: framejit.Tensor)']
    """
    op = getattr(op, "_function", op)
    found = None
    if isinstance(op, (type(_C.add), type(_C.Tensor.add))):
        found = list(_signatures(op)) or None
    return (found, list(map(str, found or ()))) if return_schemas else found


def type_matches(signature_type, argument_type):
    """Whether a value of one type may be passed where a signature says the other.

    signature_type, argument_type (type). Raises nothing of its own.
    """
    if signature_type is inspect.Parameter.empty or signature_type is argument_type:
        return True
    if signature_type is float and argument_type in (int, bool):
        return True
    origin = getattr(signature_type, "__origin__", None)
    if origin is list:
        return argument_type in (list, tuple, int) or getattr(argument_type, "__origin__", None) in (list, tuple)
    return (
        isinstance(signature_type, type)
        and isinstance(argument_type, type)
        and issubclass(argument_type, signature_type)
    )


def _bind(signature, args, kwargs):
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    return bound


def _fits(bound, signature):
    """Tensors stand where tensors are asked for, as far as that is known."""
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].annotation
        if kind is int and isinstance(value, (float, list, tuple, _C.Tensor)):
            return False
        if kind is bool and not isinstance(value, (bool, Node)):
            return False
    return True


def _pairs(signature, bound, only_kwargs):
    values = dict(bound.arguments)
    if only_kwargs:
        return ArgsKwargsPair((), values)
    positional = [n for n, p in signature.parameters.items() if p.kind is not p.KEYWORD_ONLY and n in values]
    args = tuple(values.pop(name) for name in positional)
    return ArgsKwargsPair(args, values)


def normalize_function(target, args, kwargs=None, arg_types=None, kwarg_types=None, normalize_to_only_use_kwargs=False):
    """Arguments as the signature of a function has them, with its defaults: an ArgsKwargsPair, or None where no overload
    fits.

    target (callable), args (tuple), kwargs (dict), arg_types (tuple), kwarg_types (dict): accepted.
    normalize_to_only_use_kwargs (bool): all by name. Raises nothing of its own.

    >>> import framejit
    >>> from framejit.fx.operator_schemas import normalize_function
    >>> normalize_function(framejit.neg, (1,), normalize_to_only_use_kwargs=True).kwargs
    {'input': 1}
    """
    kwargs = kwargs or {}
    signatures = get_signature_for_torch_op(target)
    if signatures is None and isinstance(target, types.FunctionType):
        signatures = [inspect.signature(target)]
    for signature in signatures or ():
        bound = _bind(signature, args, kwargs)
        if bound is not None and _fits(bound, signature):
            return _pairs(signature, bound, normalize_to_only_use_kwargs)
    return None


def normalize_module(root, target, args, kwargs=None, normalize_to_only_use_kwargs=False):
    """The same for a call of a submodule: by the signature of its `forward`.

    root (nn.Module), target (str), args (tuple), kwargs (dict), normalize_to_only_use_kwargs (bool). Raises RuntimeError
    for a module that is not there.
    """
    try:
        module = root.get_submodule(target)
    except AttributeError as error:
        raise RuntimeError(
            f"Tried to normalize node with target {target} but root did not have that target!"
        ) from error
    signature = inspect.signature(module.forward)
    bound = _bind(signature, args, kwargs or {})
    return None if bound is None else _pairs(signature, bound, normalize_to_only_use_kwargs)


def flat_arguments(node):
    """The arguments of a call in the order of the signature, with its defaults, as a list; None where that is not known."""
    if node.op != "call_function":
        return None
    for signature in get_signature_for_torch_op(node.target) or ():
        bound = _bind(signature, node.args, node.kwargs)
        if bound is not None:
            return [_one_size(value, signature.parameters[key]) for key, value in bound.arguments.items()]
    return None


def _one_size(value, parameter):
    """Sizes that are the same in all dimensions as one number, which means the same."""
    sizes = parameter.annotation == list[int] and isinstance(value, (list, tuple)) and len(value) > 1
    return value[0] if sizes and all(isinstance(v, int) and v == value[0] for v in value) else value


__all__ = [
    "ArgsKwargsPair",
    "get_signature_for_torch_op",
    "normalize_function",
    "normalize_module",
    "type_matches",
]
