"""Runs one construct plainly and compiled, and says how it was captured."""

import contextlib
import io
import types
from dataclasses import dataclass

import framejit as fj
from framejit import _C


def canon(value, depth=0):
    """A value as nested lists that compare by contents."""
    inner = lambda v: canon(v, depth + 1)  # noqa: E731
    name = type(value).__name__
    if depth > 6:
        return "..."
    if isinstance(value, fj.Tensor):
        return ["tensor", str(value.dtype), value.requires_grad, value.tolist()]
    if isinstance(value, (set, frozenset)):
        return [name] + sorted(map(repr, value))
    if isinstance(value, dict):
        return [name, [(inner(k), inner(v)) for k, v in value.items()]]
    if isinstance(value, (list, tuple)) or name == "deque":
        return [name, getattr(value, "maxlen", None)] + [inner(v) for v in value]
    if isinstance(value, BaseException):
        return [name, inner(value.args), inner(vars(value)), bool(value.__traceback__)]
    if isinstance(value, types.FunctionType):
        cells = [inner(c.cell_contents) for c in value.__closure__ or ()]
        return [name, value.__qualname__, inner(value.__defaults__), cells, inner(vars(value)), value.__doc__]
    if isinstance(value, types.GeneratorType) or hasattr(value, "__next__"):
        return [name] + [inner(v) for v in value]
    if name == "partial":
        return [name, inner(value.func), inner(value.args), inner(value.keywords)]
    if hasattr(value, "__dict__") and not isinstance(value, type):
        return [name, inner(vars(value))]
    if hasattr(type(value), "__slots__"):
        return [name] + [inner(getattr(value, s, None)) for s in type(value).__slots__]
    return [name, repr(value)]


def outcome(called, function):
    """Result or exception, the log and what was printed, of one call."""
    x = fj.arange(6.0).reshape(2, 3)
    log = []
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            result = ["returned", called(x, log) if function.__code__.co_argcount == 2 else called(x)]
        except Exception as error:
            result = ["raised", type(error).__name__, str(error)]
    return canon(result), canon(x), canon(log), text.getvalue()


@dataclass
class Seen:
    outcomes: list
    pieces: int
    reason: str
    detail: str


def explain(case, calls=3):
    compiled = _C.CompiledFunction(case.function)
    outcomes = [outcome(compiled, case.function) for _ in range(calls)]
    entries = compiled._entries()
    broken = [e for e in entries if e["reason"]]
    if len(entries) == len(broken) == 1 and broken[0]["reason"] == "raises" and canon("raised") == outcomes[0][0][2]:
        broken = []  # one segment up to the instruction that raises, which is the function's end
    reason = broken[0]["reason"] if broken else "" if entries else "not compiled"
    detail = "; ".join(f"{e['reason']}: {e['detail']} (line {e['line']})" for e in broken)
    return Seen(outcomes, len(entries), reason, detail)
