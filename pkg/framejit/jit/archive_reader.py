"""Reading archives: of PyTorch and of framejit.

Everything is checked before anything runs: the zip's members, the pickles (an interpreter of data opcodes, pickle_reader.py), the
code (parsed as syntax, checked as TorchScript, unit.py), the values against the types that the code declares. What then runs is
generated from the checked code. Nothing of the archive is imported, looked up or handed to exec.
"""

import io
import os
import pickle
import zipfile

from framejit.nn import Parameter
from framejit.serialization._names import ITEM_SIZES
from framejit.serialization._reader import _Storage
from framejit.serialization._unpickler import StorageType

from . import types as T
from .errors import FrontendError, ScriptError
from .functions import Function
from .pickle_reader import ArchiveUnpickler, Raw
from .script_module import ready
from .unit import Unit

NEWEST_VERSION = 10
MAX_MEMBER = 256 << 20  # of code and structure; tensors may be larger


class ArchiveError(RuntimeError):
    """An archive is damaged, or holds what no archive may hold."""


ArchiveError.__name__ = ArchiveError.__qualname__ = "RuntimeError"


class Archive:
    """The members of an archive below its one top folder."""

    def __init__(self, file):
        try:
            self.zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, EOFError) as error:
            raise ArchiveError(f"jit.load: the file is not a zip archive: {error}") from None
        names = self.zip.namelist()
        roots = {n[: -len("/constants.pkl")] for n in names if n.endswith("/constants.pkl") and n.count("/") == 1}
        if len(roots) != 1:
            hint = "; it is a checkpoint: use framejit.load" if any(n.endswith("/data.pkl") for n in names) else ""
            raise ArchiveError(f"jit.load: the file holds no constants.pkl, so it is not a TorchScript archive{hint}")
        self.root = roots.pop()
        self.names = set(names)
        if len(self.names) != len(names):
            raise ArchiveError("jit.load: the archive has two members of one name")
        self.version = self._version()
        if self.optional("byteorder", b"little") != b"little":
            raise ArchiveError("jit.load: the archive was written on a big-endian machine")
        self.storages = {}

    def _version(self):
        text = self.optional("version", None)
        text = self.optional(".data/version", b"") if text is None else text
        try:
            version = int(text)
        except ValueError:
            raise ArchiveError("jit.load: the archive does not say its version") from None
        if not 1 <= version <= NEWEST_VERSION:
            raise ArchiveError(
                f"jit.load: the archive is of version {version}; versions 1 to {NEWEST_VERSION} can be read"
            )
        return version

    def optional(self, name, default):
        return self.read(name) if f"{self.root}/{name}" in self.names else default

    def read(self, name, limit=MAX_MEMBER):
        """A member's bytes."""
        try:
            info = self.zip.getinfo(f"{self.root}/{name}")
            if limit is not None and info.file_size > limit:
                raise ArchiveError(f"jit.load: the member {name} is too large")
            return self.zip.read(info)
        except KeyError:
            raise ArchiveError(f"jit.load: the archive lacks its member {name}") from None
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
            if isinstance(error, ArchiveError):
                raise
            raise ArchiveError(f"jit.load: the member {name} is damaged: {error}") from None
        except Exception as error:  # zlib.error and its like
            raise ArchiveError(f"jit.load: the member {name} is damaged: {error}") from None

    def text(self, module):
        """The code of `__torch__.a.b`, or None."""
        name = f"code/{module.replace('.', '/')}.py"
        if f"{self.root}/{name}" not in self.names:
            return None
        try:
            return self.read(name).decode()
        except UnicodeDecodeError as error:
            raise ArchiveError(f"jit.load: the member {name} is no text: {error}") from None

    def storage(self, folder):
        """What the pickle in a folder reads storages with."""

        def load(pid):
            if not (
                isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage" and isinstance(pid[1], StorageType)
            ):
                raise pickle.UnpicklingError("unknown persistent id")
            _, kind, key, _, count = pid
            if not isinstance(key, str) or not key.isdigit() or type(count) is not int or count < 0:
                raise pickle.UnpicklingError("unknown persistent id")
            if (folder, key) not in self.storages:
                self.storages[folder, key] = bytearray(self.read(f"{folder}/{key}", None))
            data = self.storages[folder, key]
            if len(data) < count * ITEM_SIZES[kind.dtype_name]:
                raise pickle.UnpicklingError(f"storage {key} is shorter than the archive says")
            return _Storage(data, kind.dtype_name, count)

        return load

    def unpickle(self, name):
        """What data or constants hold."""
        data = self.read(f"{name}.pkl")
        try:
            return ArchiveUnpickler(io.BytesIO(data), self.storage(name)).load()
        except (ArchiveError, MemoryError):
            raise
        except Exception as error:  # what damaged pickles raise is not specified
            raise ArchiveError(f"jit.load: {name}.pkl is damaged: {error}") from None


class _Builder:
    """Makes the objects that data.pkl describes."""

    def __init__(self, unit):
        self.unit, self.made, self.late = unit, {}, []

    def type_of(self, path):
        found = self.unit.find(path)
        if not isinstance(found, T.Type):
            raise ArchiveError(f"jit.load: data.pkl has an object of {path}, which the code does not define")
        return found

    def value(self, raw, t):
        """A value of a type."""
        if isinstance(raw, Raw):
            return self._object(raw, t)
        if isinstance(t, T.UnionType) or t is T.ANY:
            return self._any(raw, t)
        if isinstance(raw, list) and isinstance(t, T.ListType):
            return [self.value(v, t.elem) for v in raw]
        if isinstance(raw, dict) and isinstance(t, T.DictType):
            return {self.value(k, t.keys): self.value(v, t.values) for k, v in raw.items()}
        if isinstance(raw, tuple) and isinstance(t, T.TupleType) and len(raw) == len(t.parts):
            items = [self.value(v, p) for v, p in zip(raw, t.parts)]
            return t.python(*items) if isinstance(t, T.NamedTupleType) else tuple(items)
        from .boundary import fits

        if not fits(raw, t):
            raise ArchiveError(f"jit.load: data.pkl has a value of type {type(raw).__name__} where the code says {t}")
        return raw

    def _any(self, raw, t):
        if t is T.ANY:
            return raw
        for part in t.parts:
            try:
                return self.value(raw, part)
            except ArchiveError:
                continue
        raise ArchiveError(f"jit.load: data.pkl has a value of type {type(raw).__name__} where the code says {t}")

    def _object(self, raw, t):
        found = self.type_of(raw.path)
        if not found.is_part_of(t):
            raise ArchiveError(f"jit.load: data.pkl has a {raw.path} where the code says {t}")
        if isinstance(found, T.EnumType):
            try:
                return found.python(raw.value)
            except ValueError as error:
                raise ArchiveError(f"jit.load: {error}") from None
        if id(raw) not in self.made:
            self.made[id(raw)] = (self._make(raw, found), raw)
        return self.made[id(raw)][0]

    def _make(self, raw, t):
        if not hasattr(t, "python_class") or t.is_interface:
            raise ArchiveError(f"jit.load: {t} has no objects")
        cls = t.python_class()
        made = cls.__new__(cls)
        self.made[id(raw)] = (made, raw)
        if t.is_module:
            from framejit.nn import Module

            Module.__init__(made)
        setter = t.methods.get("__setstate__")
        if setter is not None:
            state_type = setter.declare().params[1].type
            self.late.append((made, setter, self.value(raw.state, state_type)))
            return made
        if not isinstance(raw.state, dict) or set(raw.state) != set(t.attributes):
            raise ArchiveError(f"jit.load: data.pkl does not have the attributes that the code says {raw.path} has")
        for name, part in t.attributes.items():
            self._attribute(made, t, name, self.value(raw.state[name], part))
        for name, value in t.constants.items():
            from .resolve import fold

            made.__dict__[name] = fold(value)
        return made

    def _attribute(self, made, t, name, value):
        if not t.is_module:
            made.__dict__[name] = value
        elif name in t.parameters:
            if value is not None and not isinstance(value, Parameter):
                value = Parameter(value.detach(), value.requires_grad)
            made._parameters[name] = value
        elif name in t.buffers:
            made._buffers[name] = value
        elif getattr(t.attributes[name], "is_module", False):
            made._modules[name] = value
        else:
            made.__dict__[name] = value


def read(file, map_location=None, extra_files=None):
    """The module of an archive in a binary file object."""
    archive = Archive(file)
    try:
        return _read(archive, extra_files)
    except (ScriptError, FrontendError) as error:
        raise ArchiveError(f"jit.load: {error}") from None
    except RecursionError:
        raise ArchiveError("jit.load: the archive is nested too deeply") from None
    except (ArchiveError, MemoryError):
        raise
    except Exception as error:  # a definition that Python refuses: an Enum without members, a field named twice
        raise ArchiveError(f"jit.load: the archive is damaged: {type(error).__name__}: {error}") from error


def _read(archive, extra_files):
    constants = archive.unpickle("constants")
    if not isinstance(constants, tuple):
        raise ArchiveError("jit.load: constants.pkl holds no tuple")
    unit = Unit(archive.text, constants, os.path.basename(archive.root))
    unit.version = archive.version
    root = archive.unpickle("data")
    if not isinstance(root, Raw):
        raise ArchiveError("jit.load: data.pkl holds no module")
    builder = _Builder(unit)
    kind = builder.type_of(root.path)
    if not getattr(kind, "is_module", False) or kind.is_interface:
        raise ArchiveError(f"jit.load: {root.path} is no module")
    module = builder.value(root, kind)
    check_all([t for t in unit._found.values() if isinstance(t, T.Type)])
    for made, setter, state in builder.late:
        setter.python()(made, state)
    ready(module)
    for name in extra_files if extra_files is not None else ():
        extra_files[name] = archive.read(f"extra/{name}")
    return module


def check_all(kinds):
    """Checks every method of the types, and what those call."""
    seen, queue = set(), [f for t in kinds for f in getattr(t, "methods", {}).values() if isinstance(f, Function)]
    while queue:
        function = queue.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        function.ensure()
        queue.extend(function.called())


def load(f, map_location=None, _extra_files=None, _restore_shapes=False):
    """The module of an archive that `save` or `torch.jit.save` wrote. Its Python source is not needed.

    Nothing that the archive names is imported, and nothing in it runs before all of it has been checked.

    f (str, path or binary file object), map_location (str or framejit.device, or None), _extra_files (dict or None): names of extra
    files, which get their contents. Raises RuntimeError (the archive is damaged or holds what no archive may hold), ValueError (there
    is no such file).

    >>> import framejit, io
    >>> file = io.BytesIO()
    >>> framejit.jit.save(framejit.jit.script(framejit.nn.Threshold(0.5, 0.0)), file)
    >>> _ = file.seek(0)
    >>> framejit.jit.load(file)(framejit.tensor([0.25, 1.0]))
    tensor([0., 1.])
    """
    from framejit.serialization._reader import _check_location

    _check_location(map_location)
    if isinstance(f, (str, os.PathLike)):
        if not os.path.exists(f):
            raise ValueError(f"The provided filename {f} does not exist")
        if os.path.isdir(f):
            raise ValueError(f"The provided filename {f} is a directory")
        with open(f, "rb") as file:
            return read(file, map_location, _extra_files)
    return read(io.BytesIO(f.read()), map_location, _extra_files)


def save(m, f, _extra_files=None):
    """Write a scripted or traced module or function as an archive, which `load` reads, and PyTorch's `torch.jit.load`.

    m (ScriptModule or ScriptFunction), f (str, path or binary file object), _extra_files (dict of str to str or bytes, or None).
    Raises RuntimeError (the code calls Python), AttributeError (m is not scripted).

    >>> import framejit, io
    >>> file = io.BytesIO()
    >>> framejit.jit.save(framejit.jit.script(framejit.nn.ReLU()), file)
    >>> file.getvalue()[:2]
    b'PK'
    """
    m.save(f, _extra_files=_extra_files)
