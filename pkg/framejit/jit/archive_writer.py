"""Archives: PyTorch's zip layout with the code of every type and function that the module needs."""

import os
import zipfile

from framejit.serialization._writer import _aligned_info, _Counting, _storage_view

from . import ir
from . import types as T
from .functions import Function
from .pickle_writer import PickleWriter
from .printer import Constants, Printer, quoted

VERSION = b"10\n"  # PyTorch's newest: readers take the operators as they are today


class Writer:
    """Collects the code of one archive."""

    def __init__(self):
        self.constants, self.names, self.taken = Constants(), {}, set()
        self.queue, self.files = [], {}
        self.printer = Printer(self.constants, self.rename)

    def rename(self, thing):
        """The name of a type or function in this archive; of two with one name the second gets another module."""
        name = self.names.get(id(thing))
        if name is None:
            name = thing.qualname
            module, _, last = name.rpartition(".")
            count = 0
            while name in self.taken:
                name = f"{module}.___torch_mangle_{count}.{last}"
                count += 1
            self.taken.add(name)
            self.names[id(thing)] = name
            self.queue.append((thing, name))
        return name

    def write_code(self):
        """Prints everything in the queue, which grows while that happens."""
        while self.queue:
            thing, name = self.queue.pop(0)
            lines = self._definition(thing, name)
            for function in self.printer.functions:
                if function.owner is None:
                    self.rename(function)
            self.printer.functions.clear()
            self.files.setdefault(name.rpartition(".")[0], []).extend(lines)

    def _definition(self, thing, name):
        if isinstance(thing, Function):
            return self._checked(thing, self.printer.define(thing))
        last = name.rpartition(".")[2]
        if isinstance(thing, T.EnumType):
            return [f"class {last}(Enum):", *(f"  {m.name} = {self.printer.constant(m.value)}" for m in thing.python)]
        if isinstance(thing, T.NamedTupleType):
            fields = [f"  {f} : {self.printer.type(p)}" for f, p in zip(thing.fields, thing.parts)]
            first = len(fields) - len(thing.defaults)
            for at, value in enumerate(thing.defaults):
                fields[first + at] += f" = {self.printer.constant(value, thing.parts[first + at])}"
            return [f"class {last}(NamedTuple):", *fields]
        return self._class(thing, last)

    def _class(self, t, last):
        if t.is_interface:
            lines = [f"class {last}({'ModuleInterface' if t.is_module else 'Interface'}):"]
        else:
            lines = [f"class {last}{'(Module)' if t.is_module else ''}:"]
        if t.is_module and not t.is_interface:
            for kind in ("parameters", "buffers"):
                names = [n for n in getattr(t, kind) if n in t.attributes]
                lines.append(f"  __{kind}__ = [{''.join(quoted(n) + ', ' for n in names)}]")
        for name, part in t.attributes.items():
            text = self.printer.type(part)
            lines.append(f"  {name} : {text}" if name.isidentifier() else f"  __annotations__[{quoted(name)}] = {text}")
        for name, value in t.constants.items():
            if t.is_module and _is_printable(value):
                lines.append(f"  {name} : Final[{self.printer.type(value.type)}] = {self.printer.of(value)}")
        for function in list(t.methods.values()):
            if isinstance(function, Function):
                lines += self._checked(function, self.printer.define(function, "  "))
        return lines if len(lines) > 1 else [*lines, "  pass"]

    def _checked(self, function, lines):
        for node in ir.walk(function.body):
            if isinstance(node, ir.CallPython):
                raise RuntimeError(
                    f"Could not export Python function call '{node.name}'. Remove calls to Python functions before export. Did you forget "
                    f"to add @script or @script_method annotation? If this is a nn.ModuleList, add it to __constants__:\n{node.where.highlight()}"
                )
        return lines


def _is_printable(value):
    return isinstance(value, (ir.Const, ir.MakeTuple))


def save_module(module, f, extra_files=None):
    """Writes a module's archive to a path or a binary file object."""
    writer = Writer()
    data = PickleWriter(writer.rename, writer.printer)
    data.object(module)
    data_bytes = data.finish()
    writer.write_code()
    constants = PickleWriter(writer.rename, writer.printer)
    constants.tuple(writer.constants.values)
    members = [("data.pkl", data_bytes)]
    members += [(f"data/{i}", s) for i, s in enumerate(data.members)]
    for path, lines in writer.files.items():
        members.append((f"code/{path.replace('.', '/')}.py", ("\n".join(lines) + "\n").encode()))
    members.append(("constants.pkl", constants.finish()))
    members += [(f"constants/{i}", s) for i, s in enumerate(constants.members)]
    for name, content in (extra_files or {}).items():
        members.append((f"extra/{name}", content.encode() if isinstance(content, str) else content))
    members += [("version", VERSION), ("byteorder", b"little")]
    _write(f, members)


def _write(f, members):
    if isinstance(f, (str, os.PathLike)):
        root = os.path.splitext(os.path.basename(os.fspath(f)))[0] or "archive"
        with open(f, "wb") as file:
            _write_zip(file, root, members)
    else:
        _write_zip(f, "archive", members)


def _write_zip(file, root, members):
    with zipfile.ZipFile(_Counting(file), "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            if hasattr(content, "nbytes") and callable(content.nbytes):
                content = _storage_view(content) if content.nbytes() else b""
            archive.writestr(_aligned_info(f"{root}/{name}", archive.fp.tell()), content)


def save_function(function, f, extra_files=None):
    """Writes a function's archive: a module whose forward is the function, as PyTorch does."""
    from .script_module import module_of_function

    save_module(module_of_function(function._function), f, extra_files)
