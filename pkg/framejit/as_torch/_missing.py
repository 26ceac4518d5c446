"""What stands for a name of PyTorch's that framejit lacks.

Many programs import at the top of a file what only one of their functions uses. So `from torch.x import name` and
`import torch.x` give a placeholder that raises `MissingName` when it is used; unless the import statement stands inside
`try` or `with`, as it does where a program has an answer to ImportError ready: there it raises.
`torch.x.name` always raises, and `hasattr` and `importlib.util.find_spec` see nothing.
"""

import dis
import sys
import types


class MissingName(AttributeError):
    """A name of PyTorch's that framejit does not have was used. An AttributeError.

    >>> import framejit.as_torch
    >>> framejit.as_torch.install()
    >>> from torch import no_such_name
    >>> no_such_name(1)
    Traceback (most recent call last):
        ...
    framejit.as_torch.MissingName: ...
    >>> framejit.as_torch.uninstall()
    """


class Missing:
    """The placeholder of one name."""

    def __init__(self, full_name):
        self.__dict__["_full_name"] = full_name

    def _used(self, *args, **kwargs):
        raise MissingName(f"{self._full_name} was used, but framejit does not have it")

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._used()

    def __getitem__(self, item):  # in annotations
        return self

    def __or__(self, other):
        return self

    __ror__ = __or__

    def __instancecheck__(self, instance):  # nothing is an instance of a class that does not exist
        return False

    def __repr__(self):
        return f"<{self._full_name}, which framejit does not have>"

    def __mro_entries__(self, bases):  # a class may be derived from it; making an instance is what uses it
        return (type(self._full_name.rpartition(".")[2], (), {"__new__": lambda cls, *a, **k: self._used()}),)

    __call__ = __setattr__ = __bool__ = __iter__ = __len__ = __enter__ = _used


class MissingModule(types.ModuleType):
    """The placeholder of a module; all its names are placeholders."""

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        full = f"{self.__name__}.{name}"
        if importing("IMPORT_FROM", sys._getframe(1)):
            return Missing(full)
        raise MissingName(f"{full} was used, but framejit does not have it")


def importing(instruction, frame):
    """Whether the frame stands at that instruction, outside of `try` and `with`."""
    at = frame.f_lasti
    code = frame.f_code
    if at < 0 or code.co_code[at] != dis.opmap[instruction]:
        return False
    return not any(start <= at < end for start, end in _guarded_ranges(code.co_exceptiontable))


def _guarded_ranges(table):
    """The ranges of bytecode that have a handler: entries of four numbers of 6 bits a byte, bit 6 says that more follow."""
    numbers, value = [], 0
    for byte in table:
        value = (value << 6) | (byte & 63)
        if not byte & 64:
            numbers.append(value)
            value = 0
    return [(2 * start, 2 * (start + length)) for start, length in zip(numbers[::4], numbers[1::4])]


def imported_by_statement(fullname):
    """Whether an import statement outside of `try` and `with` is just asking for this module by name."""
    frame = sys._getframe(1)
    while frame is not None and _is_machinery(frame):
        frame = frame.f_back
    if frame is None or not importing("IMPORT_NAME", frame):
        return False
    asked = frame.f_code.co_names[_argument(frame.f_code.co_code, frame.f_lasti)]
    return asked == fullname or asked.startswith(fullname + ".")


def _argument(code, at):
    """The argument of the instruction at an offset, with what EXTENDED_ARG puts before it."""
    value, shift = code[at + 1], 8
    while at >= 2 and code[at - 2] == dis.EXTENDED_ARG:
        at -= 2
        value |= code[at + 1] << shift
        shift += 8
    return value


def _is_machinery(frame):
    name = frame.f_globals.get("__name__", "")
    return name.startswith("framejit.as_torch._") or frame.f_code.co_filename.startswith("<frozen importlib")
