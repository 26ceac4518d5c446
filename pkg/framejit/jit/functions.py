"""A compiled function: its signature, its checked body, and the Python function that is generated from it."""

import threading

from . import ir
from . import types as T
from .errors import ScriptError, fail
from .schema import REQUIRED

_state = threading.local()


def _being_checked():
    """The functions whose bodies the thread is checking, a caller before what it calls."""
    if not hasattr(_state, "functions"):
        _state.functions = []
    return _state.functions


class Parameter:
    """A parameter; `default` is an `ir` constant or REQUIRED, `inferred` says that nobody wrote the type down,
    `size` how often one number stands for a list."""

    __slots__ = ("name", "type", "default", "keyword_only", "inferred", "size")

    def __init__(self, name, type, default=REQUIRED, keyword_only=False, inferred=False, size=None):
        self.name, self.type, self.default, self.size = name, type, default, size
        self.keyword_only, self.inferred = keyword_only, inferred


class Function:
    """A function or method.

    `declare` reads the signature, which callers need; `ensure` checks the body. Both happen once, when they are first asked for.
    `checker(function)` sets params and returns (None: to be found), and gives a callable that sets body and returns.
    """

    def __init__(self, qualname, checker, owner=None):
        self.qualname, self.owner = qualname, owner
        self.name = qualname.rpartition(".")[2]
        self.params, self.returns, self.body = [], None, None
        self.attributes = {}
        self._checker, self._compile, self._state = checker, None, "new"
        self._python = None

    def declare(self):
        """The signature is known after this."""
        if self._state == "new":
            self._state = "declared"
            try:
                self._compile = self._checker(self)
            except BaseException:
                self._state = "new"
                raise
        return self

    def ensure(self, where=None):
        """The body is checked after this."""
        self.declare()
        if self._state == "checking" and self.returns is None:
            fail(where, f"function '{self.name}' is called recursively. Recursive calls are not supported")
        if self._state == "declared":
            self._state = "checking"
            callers = _being_checked()
            callers.append(self)
            try:
                self._compile()
            except BaseException as error:
                self._state = "declared"
                if isinstance(error, ScriptError) and len(callers) > 1:
                    error.args = (f"{error}\n{self._provenance(callers[-2], where)}",)
                raise
            finally:
                callers.pop()
            self._state = "done"
        return self

    def _provenance(self, caller, where):
        """Why the function is checked at all, where that is not what was asked for."""
        name = ".".join(caller.qualname.rsplit(".", 2)[-2:]) if caller.owner is not None else caller.name
        text = f"'{self.name}' is being compiled since it was called from '{name}'"
        return text if where is None else f"{text}\n{where.highlight()}"

    def result_type(self, where=None):
        """What a call gives; finds out by checking the body if it is not annotated."""
        self.declare()
        if self.returns is None:
            self.ensure(where)
        return self.returns

    @property
    def arguments(self):
        """The parameters without `self`."""
        self.declare()
        return self.params[1:] if self.owner is not None else self.params

    def declaration(self):
        """`f(Tensor x, int n=3) -> Tensor`."""
        parts, starred = [], False
        for p in self.params:
            if p.keyword_only and not starred:
                parts.append("*")
                starred = True
            text = f"{p.type.short()} {p.name}"
            parts.append(text if p.default is REQUIRED else f"{text}={_shown(p.default)}")
        return f"{self.name}({', '.join(parts)}) -> {self.result_type().short()}"

    def python(self):
        """The generated Python function, whose arguments are right already."""
        if self._python is None:
            from .emitter import generate

            self.ensure()
            generate(self)
        return self._python

    def set_python(self, function):
        """Called by the emitter, before what the function calls is generated."""
        self._python = function

    def called(self):
        """Every function that the body calls."""
        self.ensure()
        for node in ir.walk(self.body):
            if isinstance(node, (ir.Call, ir.CallMethod)):
                yield node.function


def _shown(default):
    return "None" if default.value is None else str(default.value)


def match_call(function, args, kwargs, where, convert):
    """The arguments of a call in the order of the parameters, converted; `convert(expr, type)` gives None if it cannot."""
    params = function.arguments
    out, left = [], dict(kwargs)
    positional = [p for p in params if not p.keyword_only]
    if len(args) > len(positional):
        fail(
            where,
            f"\n{function.declaration()}:\nExpected at most {len(positional)} arguments but found {len(args)} positional arguments.\n",
        )
    for at, p in enumerate(params):
        if not p.keyword_only and at < len(args):
            if p.name in left:
                fail(where, f"\n{function.declaration()}:\nArgument {p.name} specified twice.\n")
            given = args[at]
        elif p.name in left:
            given = left.pop(p.name)
        elif p.default is not REQUIRED:
            out.append(p.default)
            continue
        else:
            fail(where, f"\n{function.declaration()}:\nArgument {p.name} not provided.\n")
        converted = convert(given, p.type, True, p.size)
        if converted is None:
            fail(
                where,
                f"\n{function.declaration()}:\nExpected a value of type '{p.type}"
                f"{' (inferred)' if p.inferred else ''}' for argument '{p.name}' but instead found type '{given.type}'.\n"
                + (
                    f"Inferred '{p.name}' to be of type 'Tensor' because it was not annotated with an explicit type.\n"
                    if p.inferred
                    else ""
                ),
            )
        out.append(converted)
    if left:
        fail(where, f"\n{function.declaration()}:\nUnknown keyword argument '{next(iter(left))}'.\n")
    return out


def plain_constant(value, type, where=None):
    """A parameter's default as a constant of the parameter's type, or ScriptError."""
    if type == T.FLOAT and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    return ir.Const(value, where=where, type=type)
