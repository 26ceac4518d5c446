"""Code that runs while a function is captured, and looks at the capture.

>>> import framejit
>>> from framejit.dynamo.comptime import comptime
>>> @framejit.compile
... def f(x):
...     y = x * 2
...     comptime(lambda ctx: print("y is", ctx.get_local("y")))
...     return y + 1
>>> f(framejit.ones(2)).tolist()
y is Tensor(size=(2,), dtype=float32)
[3.0, 3.0]
>>> f(framejit.ones(2)).tolist()
[3.0, 3.0]
"""

import builtins
import dis
import linecache
import time

from framejit import _C

__all__ = ["ComptimeContext", "ComptimeVar", "comptime"]


class Made:
    """Stands for an object that the traced code has made and that does not exist yet."""

    def __init__(self, cls):
        self.cls = cls

    def __repr__(self):
        return f"<{self.cls.__name__} made in the traced code>"


class ComptimeVar:
    """A value of the traced code, as it stands when it is asked for.

    value (object): the value; a tensor has no data. Raises nothing of its own.

    >>> ComptimeVar(3).is_python_constant(), ComptimeVar(3).as_python_constant()
    (True, 3)
    """

    def __init__(self, value):
        self._value = value

    def as_fake(self):
        """The value; of a tensor one without data, which has sizes, strides and dtype."""
        return self._value

    def size(self, dim=None):
        """A tensor's sizes, or one of them."""
        return self._value.size() if dim is None else self._value.size(dim)

    def python_type(self):
        """The type that the value has for the traced code."""
        return self._value.cls if isinstance(self._value, Made) else type(self._value)

    def is_python_constant(self):
        """Whether the value is known: no tensor, and not made in the traced code."""
        return not isinstance(self._value, (Made, _C.Tensor))

    def as_python_constant(self):
        """The value. Raises ValueError for what is not known while capturing."""
        if not self.is_python_constant():
            raise ValueError(f"{self!r} has no value while it is captured")
        return self._value

    def __repr__(self):
        return _text(self._value)


def _text(value):
    if isinstance(value, _C.Tensor):
        return f"{type(value).__name__}(size={tuple(value.size())}, dtype={str(value.dtype).removeprefix('framejit.')})"
    if type(value) is list:
        return "[" + ", ".join(map(_text, value)) + "]"
    if type(value) is tuple:
        return "(" + ", ".join(map(_text, value)) + (",)" if len(value) == 1 else ")")
    if type(value) is dict:
        return "{" + ", ".join(f"{_text(k)}: {_text(v)}" for k, v in value.items()) + "}"
    return repr(value)


class ComptimeContext:
    """What a comptime function is given. In all methods, stacklevel 0 is the function that called `comptime`, 1 its
    caller.

    state (tuple): frames, graph and guards, from the extension, which alone makes contexts; others raise TypeError or
    ValueError.

    >>> import framejit
    >>> from framejit.dynamo.comptime import comptime
    >>> def f(x):
    ...     y = x * 2
    ...     comptime(lambda ctx: ctx.print_locals())
    ...     return y
    >>> _ = framejit.compile(f)(framejit.ones(2))
    x = Tensor(size=(2,), dtype=float32)
    y = Tensor(size=(2,), dtype=float32)
    """

    def __init__(self, state):
        self._frames, self._graph, self._guards = state

    def _frame(self, stacklevel):
        if not 0 <= stacklevel < len(self._frames):
            raise IndexError(f"stacklevel {stacklevel}: {len(self._frames)} frames are being captured")
        return self._frames[stacklevel]

    def get_local(self, name, *, stacklevel=0):
        """The local or closed-over variable of that name, as a ComptimeVar. Raises KeyError if it is not bound."""
        return ComptimeVar(self._frame(stacklevel)[2][name])

    def graph_break(self, msg="ComptimeContext.graph_break"):
        """End the graph here."""
        raise _GraphBreak(msg)

    def graph(self):
        """The graph captured so far, as text."""
        return self._graph

    def assert_static(self, val):
        """Raise AssertionError if a value is not known while capturing."""
        if not val.is_python_constant():
            raise AssertionError(f"expected {val!r} to be static, but it was dynamic")

    def print(self, val, *, file=None):
        """Print a value."""
        builtins.print(repr(val), file=file)

    def print_graph(self, *, verbose=True, file=None):
        """Print the graph captured so far."""
        builtins.print(self._graph.rstrip(), file=file)

    def print_locals(self, *, file=None, stacklevel=0):
        """Print the variables and their values."""
        for name, value in self._frame(stacklevel)[2].items():
            builtins.print(f"{name} = {_text(value)}", file=file)

    def print_value_stack(self, *, file=None, stacklevel=0):
        """Print the operands that the interpreter holds."""
        for value in self._frame(stacklevel)[3]:
            builtins.print(f"- {_text(value)}", file=file)

    def print_bt(self, *, file=None, stacklevel=0):
        """Print where the captured code stands, outermost function first."""
        for code, line, _, _ in reversed(self._frames[stacklevel:]):
            builtins.print(f'  File "{code.co_filename}", line {line}, in {code.co_name}', file=file)
            source = linecache.getline(code.co_filename, line).strip()
            if source:
                builtins.print(f"    {source}", file=file)

    def print_disas(self, *, file=None, stacklevel=0):
        """Print the function's bytecode with a mark at the line where it stands."""
        code, line, _, _ = self._frame(stacklevel)
        for i in dis.get_instructions(code):
            mark = "-->" if i.positions is not None and i.positions.lineno == line else ""
            builtins.print(f"{mark:3} {i.offset:4} {i.opname:24} {i.argrepr}".rstrip(), file=file)

    def print_guards(self, *, file=None):
        """Print the guards that stand so far."""
        for guard in self._guards:
            builtins.print(guard, file=file)

    def sleep(self, sec):
        """Wait, to attach a debugger."""
        time.sleep(sec)


class _GraphBreak(Exception):
    """A comptime function asked for the end of the graph."""


class _Comptime:
    """`comptime(fn)` calls fn with a ComptimeContext when the code around it is captured, and does nothing at run
    time.

    fn (callable): may read the variables around it, whose values are those of the capture. What it raises reaches the
    caller of the compiled function. fallback_fn (callable): called where the code runs uncompiled. Usable as a
    decorator. The methods do at compile time what the context's methods of the same names do.

    >>> import framejit
    >>> from framejit.dynamo.comptime import comptime
    >>> def f(x):
    ...     y = x * 2
    ...     comptime(lambda ctx: print("y is", ctx.get_local("y")))
    ...     return y
    >>> _ = framejit.compile(f)(framejit.ones(2))
    y is Tensor(size=(2,), dtype=float32)
    """

    def __call__(self, fn, fallback_fn=None):
        global _pending
        if _pending is not None:
            error, _pending = _pending, None
            raise error
        if fallback_fn is not None:
            fallback_fn()

    __call__._framejit_directive = "comptime"

    def graph_break(self, msg="ComptimeContext.graph_break"):
        """End the graph here."""
        self(lambda ctx: ctx.graph_break(msg))

    def print(self, e):
        """Print a value: at compile time what is known of it, at run time itself."""
        self(lambda ctx: ctx.print(ctx.get_local("e")), lambda: builtins.print(e))

    def print_graph(self):
        """Print the graph captured so far."""
        self(lambda ctx: ctx.print_graph())

    def print_locals(self, *, stacklevel=0):
        """Print the variables and their values."""
        self(lambda ctx: ctx.print_locals(stacklevel=stacklevel + 1))

    def print_value_stack(self, *, stacklevel=0):
        """Print the operands that the interpreter holds."""
        self(lambda ctx: ctx.print_value_stack(stacklevel=stacklevel + 1))

    def print_value_stack_and_return(self, e, *, stacklevel=0):
        """The same in the middle of an expression."""
        self(lambda ctx: ctx.print_value_stack(stacklevel=stacklevel + 1))
        return e

    def print_bt(self, *, stacklevel=0):
        """Print where the captured code stands."""
        self(lambda ctx: ctx.print_bt(stacklevel=stacklevel + 1))

    def print_disas(self, *, stacklevel=0):
        """Print the function's bytecode."""
        self(lambda ctx: ctx.print_disas(stacklevel=stacklevel + 1))

    def print_guards(self):
        """Print the guards that stand so far."""
        self(lambda ctx: ctx.print_guards())

    def assert_static(self, e):
        """Raise AssertionError at compile time if e is not known then."""
        self(lambda ctx: ctx.assert_static(ctx.get_local("e")))

    def breakpoint(self):
        """Open the debugger with the context as `ctx`."""

        def inner(ctx):
            builtins.breakpoint()

        self(inner)

    def sleep(self, sec):
        """Wait at compile time, to attach a debugger."""
        self(lambda ctx: ctx.sleep(ctx.get_local("sec").as_python_constant()))


comptime = _Comptime()
_pending = None  # what a comptime function has raised; it is raised when the call is made for good


def forget():
    """What a comptime function has raised is not raised any more."""
    global _pending
    _pending = None


def show(function, state):
    """Called by the extension. Gives None, or why the trace is to end here."""
    global _pending
    try:
        function(ComptimeContext(state))
    except _GraphBreak as stop:
        return str(stop)
    except BaseException as error:
        _pending = error
        return f"{type(error).__name__}: {error}"
    return None
