"""Errors of jit: where in a source something is, and exceptions that show it with a caret."""

CONTEXT = 3  # lines shown before the place, and after


class Error(Exception):
    """What a `raise` statement in scripted code raises.

    >>> import framejit
    >>> @framejit.jit.script
    ... def f(n: int) -> int:
    ...     if n > 3:
    ...         raise ValueError("too many")
    ...     return n
    >>> f(4)
    Traceback (most recent call last):
        ...
    framejit.jit.Error: builtins.ValueError: too many
    """


Error.__module__ = "framejit.jit"


class FrontendError(Exception):
    """The source of a scripted function cannot be read as TorchScript.

    source_range (SourceRange or None), msg (str). Raises nothing of its own.

    >>> from framejit import jit
    >>> str(jit.frontend.FrontendError(None, "no"))
    'no'
    """

    def __init__(self, source_range, msg):
        self.source_range, self.msg = source_range, msg
        super().__init__(msg if source_range is None else f"{msg}:\n{source_range.highlight()}")


class NotSupportedError(FrontendError):
    """A construct in a form that TorchScript does not have.

    source_range (SourceRange or None), msg (str). Raises nothing of its own.

    >>> from framejit import jit
    >>> issubclass(jit.frontend.NotSupportedError, jit.frontend.FrontendError)
    True
    """


class UnsupportedNodeError(NotSupportedError):
    """A kind of statement or expression that TorchScript does not have.

    source_range (SourceRange or None), msg (str). Raises nothing of its own.

    >>> import framejit
    >>> def f(x):
    ...     yield x
    >>> framejit.jit.script(f)
    Traceback (most recent call last):
        ...
    framejit.jit.frontend.UnsupportedNodeError: Yield aren't supported:
    """


for _class in (FrontendError, NotSupportedError, UnsupportedNodeError):
    _class.__module__ = "framejit.jit.frontend"


class ScriptError(RuntimeError):
    """The source is TorchScript, but its types or names do not fit."""


ScriptError.__name__ = ScriptError.__qualname__ = "RuntimeError"


class SourceRange:
    """A piece of a source: the file, its text, and from where to where (lines from 1, columns from 0)."""

    __slots__ = ("source", "line", "column", "end_line", "end_column")

    def __init__(self, source, line, column, end_line=None, end_column=None):
        self.source, self.line, self.column = source, line, column
        self.end_line = line if end_line is None else end_line
        self.end_column = column + 1 if end_column is None else end_column

    def where(self):
        """`file:line:column` as the file counts."""
        return f"{self.source.filename}:{self.source.first_line + self.line - 1}:{self.source.indent + self.column}"

    def highlight(self):
        """The lines around the place, the place underlined, under a line that names the file."""
        lines = self.source.lines
        out = [f'  File "{self.source.filename}", line {self.source.first_line + self.line - 1}']
        if self.source.name:
            out[0] += f", in {self.source.name}"
        last = min(self.end_line, self.line + CONTEXT)
        for number in range(max(1, self.line - CONTEXT), min(len(lines), last + CONTEXT) + 1):
            text = lines[number - 1]
            out.append(text)
            if self.line <= number <= last:
                out.append(self._underline(text, number, number == last))
        return "\n".join(line.rstrip() for line in out) + "\n"

    def _underline(self, text, number, is_last):
        start = self.column if number == self.line else len(text) - len(text.lstrip())
        end = self.end_column if number == self.end_line else len(text.rstrip())
        return " " * start + "~" * max(1, end - start) + (" <--- HERE" if is_last else "")


class Source:
    """The text that a range is part of. `indent` is how far the file has it indented, `name` the function for people."""

    __slots__ = ("filename", "lines", "first_line", "indent", "name")

    def __init__(self, filename, text, first_line=1, indent=0, name=""):
        self.filename, self.lines = filename, text.splitlines()
        self.first_line, self.indent, self.name = first_line, indent, name

    def range_of(self, node):
        """The range of an `ast` node."""
        if getattr(node, "lineno", None) is None:
            return SourceRange(self, 1, 0)
        line = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else ""
        return SourceRange(
            self,
            node.lineno,
            _characters(line, node.col_offset),
            node.end_lineno,
            _characters(self.lines[node.end_lineno - 1], node.end_col_offset),
        )


def _characters(line, offset):
    """`ast` counts bytes."""
    return offset if line.isascii() else len(line.encode()[:offset].decode(errors="replace"))


def fail(where, message):
    """Raise what the checker found at a range."""
    raise ScriptError(f"\n{message}:\n{where.highlight()}" if where is not None else message)
