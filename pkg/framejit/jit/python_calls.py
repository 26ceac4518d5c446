"""The signatures of Python functions that scripted code calls as they are."""

import inspect

from . import annotations, ir
from . import types as T
from .functions import Parameter
from .schema import REQUIRED


def signature_of(fn, is_method, names):
    """(parameters, type of the result)"""
    hints = {}
    for name, value in (getattr(fn, "__annotations__", None) or {}).items():
        if isinstance(value, str):
            import ast

            value = names.annotation(ast.parse(value, mode="eval").body, None)
        hints[name] = T.NONE if value is None else annotations.type_from_python(value)
    params = []
    for at, p in enumerate(inspect.signature(fn).parameters.values()):
        if is_method and at == 0 or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        t = hints.get(p.name, T.TENSOR)
        default = REQUIRED if p.default is p.empty else ir.Const(p.default, type=t)
        params.append(Parameter(p.name, t, default, p.kind is p.KEYWORD_ONLY, p.name not in hints))
    return params, hints.get("return", T.TENSOR if "return" not in hints else T.NONE)
