"""Reading a checkpoint: the zip archive, its storages, and which unpickler interprets the structure."""

import io
import pickle
import zipfile

from framejit import _ops as _t

from ._names import ITEM_SIZES, STORAGE_DTYPES, dtype_named
from ._unpickler import RestrictedUnpickler, StorageType, _Builder, _known_globals


class _Storage:
    """One storage of the file: a flat tensor that the rebuilt tensors view."""

    def __init__(self, data, dtype_name, count):
        self.count = count
        dtype = dtype_named(dtype_name)
        self.flat = _t.frombuffer(data, dtype=dtype) if count else _t.empty(0, dtype=dtype)

    def as_dtype(self, dtype):
        """The same bytes as elements of another dtype."""
        other = _Storage(b"", dtype.__reduce__(), 0)
        other.count = self.count * self.flat.element_size() // dtype.itemsize
        if other.count:
            other.flat = self.flat[: other.count * dtype.itemsize // self.flat.element_size()].view(dtype)
        return other

    def tensor(self, offset, size, stride):
        """A view, after checking that it stays inside."""
        values = (offset, *size, *stride)
        if len(size) != len(stride) or any(type(v) is not int or v < 0 for v in values):
            raise pickle.UnpicklingError(f"a tensor has the impossible geometry {size}, {stride}, {offset}")
        if all(size):
            last = offset + sum((extent - 1) * step for extent, step in zip(size, stride))
            if last >= self.count:
                raise pickle.UnpicklingError(
                    f"a tensor of size {size} and stride {stride} reaches beyond its storage of {self.count} elements"
                )
        elif offset > self.count:
            raise pickle.UnpicklingError("an empty tensor starts beyond its storage")
        return self.flat.as_strided(size, stride, offset)


class _Archive:
    """The members of a checkpoint below its one top folder."""

    def __init__(self, file):
        try:
            self.zip = zipfile.ZipFile(file)
        except zipfile.BadZipFile:
            raise RuntimeError(
                "load: the file is not a zip checkpoint; files that torch.save wrote before version "
                "1.6 must be saved again with a newer PyTorch"
            ) from None
        names = self.zip.namelist()
        roots = [name[: -len("/data.pkl")] for name in names if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise RuntimeError(
                "load: the file holds no data.pkl, so it is not a checkpoint"
                + (
                    " (constants.pkl means a TorchScript archive)"
                    if any(name.endswith("constants.pkl") for name in names)
                    else ""
                )
            )
        self.root = roots[0]
        if self._optional("byteorder", b"little") != b"little":
            raise RuntimeError("load: the file was written on a big-endian machine")
        self.storages = {}

    def _optional(self, name, default):
        try:
            return self.zip.read(f"{self.root}/{name}")
        except KeyError:
            return default

    def read(self, name):
        try:
            return self.zip.read(f"{self.root}/{name}")
        except KeyError:
            raise pickle.UnpicklingError(f"the file lacks its member {name}") from None

    def load_storage(self, pid):
        """The storage of a persistent id ("storage", type, key, location, element count)."""
        if not (isinstance(pid, tuple) and len(pid) == 5 and pid[0] == "storage"):
            raise pickle.UnpicklingError(f"unknown persistent id {pid!r}")
        _, kind, key, _, count = pid
        if not isinstance(kind, StorageType) or not isinstance(key, str) or type(count) is not int or count < 0:
            raise pickle.UnpicklingError(f"unknown persistent id {pid!r}")
        if key not in self.storages:
            # a bytearray, because the tensors made of it may be written to
            data = bytearray(self.read(f"data/{key}"))
            if len(data) < count * ITEM_SIZES[kind.dtype_name]:
                raise pickle.UnpicklingError(f"storage {key} is shorter than the file says")
            self.storages[key] = data
        return _Storage(self.storages[key], kind.dtype_name, count)


# What torch.save wrote before 1.6: pickles one after the other, then the storages.
_OLD_MAGIC, _OLD_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


class _OldStorages:
    """Storages whose bytes stand behind the structure: memory is made when one is named, and filled at the end."""

    def __init__(self):
        self.data, self.kinds = {}, {}

    def load_storage(self, pid):
        """The storage of a persistent id ("storage", type, key, location, element count, view of it or None)."""
        if not (isinstance(pid, tuple) and len(pid) == 6 and pid[0] == "storage"):
            raise pickle.UnpicklingError(f"unknown persistent id {pid!r}")
        _, kind, key, _, count, view = pid
        if not isinstance(kind, StorageType) or not isinstance(key, str) or type(count) is not int or count < 0:
            raise pickle.UnpicklingError(f"unknown persistent id {pid!r}")
        if view is not None:
            raise pickle.UnpicklingError("the file has views of storages, which are not supported")
        if key not in self.data:
            size = count * ITEM_SIZES[kind.dtype_name]
            if size > self.left:
                raise pickle.UnpicklingError(f"storage {key} is larger than the file")
            self.data[key], self.kinds[key] = bytearray(size), kind.dtype_name
        return _Storage(self.data[key], kind.dtype_name, len(self.data[key]) // ITEM_SIZES[kind.dtype_name])

    def fill(self, file, keys):
        """Reads what stands behind the structure: for each key the count of elements, then they."""
        if not isinstance(keys, list) or set(keys) != set(self.data):
            raise pickle.UnpicklingError("the file's storages are not those that its structure names")
        for key in keys:
            target = self.data[key]
            count = int.from_bytes(file.read(8), "little")
            if count * ITEM_SIZES[self.kinds[key]] != len(target):
                raise pickle.UnpicklingError(f"storage {key} has another size than the file says")
            found = file.read(len(target))
            if len(found) != len(target):
                raise pickle.UnpicklingError(f"storage {key} is shorter than the file says")
            target[:] = found


def _read_old(file, make):
    storages = _OldStorages()
    start = file.tell()
    storages.left = file.seek(0, io.SEEK_END) - start
    file.seek(start)
    # each part is a pickle of its own; a buffer of all keeps unpicklers from reading beyond theirs
    file = io.BytesIO(file.read())

    def part(load_storage):
        return make(file, load_storage).load()

    def none(pid):
        raise pickle.UnpicklingError(f"unknown persistent id {pid!r}")

    if part(none) != _OLD_MAGIC or part(none) != _OLD_PROTOCOL:
        raise pickle.UnpicklingError("the file is not a checkpoint")
    system = part(none)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise RuntimeError("load: the file was written on a big-endian machine")
    result = part(storages.load_storage)
    storages.fill(file, part(none))
    return result


def _is_old(file):
    """Whether the file begins as torch.save began before 1.6: with the pickle of a long number."""
    start = file.tell()
    begin = file.read(15)
    file.seek(start)
    return begin[:1] == b"\x80" and _OLD_MAGIC.to_bytes(10, "little") in begin


class _TrustingUnpickler(pickle.Unpickler):
    """Any pickle; only the names of tensor builders are translated."""

    def __init__(self, file, load_storage):
        super().__init__(file, encoding="utf-8")
        self._load_storage = load_storage
        self._known = {name: value for name, value in _known_globals().items() if name.startswith("torch.")}

    def persistent_load(self, pid):
        return self._load_storage(pid)

    def find_class(self, module, name):
        known = self._known.get(f"{module}.{name}")
        if isinstance(known, _Builder):
            return known._call
        return super().find_class(module, name) if known is None else known


def _check_location(map_location):
    """Everything lives on the CPU; a location that asks for something else cannot be honoured."""
    if map_location is None or callable(map_location) or isinstance(map_location, dict):
        return
    if _t.device(map_location).type not in ("cpu", "meta"):
        raise RuntimeError(f"load: map_location={map_location!r} is not available")


def _is_open(file):
    return hasattr(file, "read") and hasattr(file, "seek")


def read_archive(file, map_location, weights_only):
    """The object that a checkpoint describes."""
    _check_location(map_location)
    if not file.seekable() if hasattr(file, "seekable") else not hasattr(file, "seek"):
        file = io.BytesIO(file.read())
    make = RestrictedUnpickler if weights_only else _TrustingUnpickler
    old = _is_open(file) and _is_old(file)
    archive = None if old else _Archive(file)
    structure = None if old else archive.read("data.pkl")
    try:
        return _read_old(file, make) if old else make(io.BytesIO(structure), archive.load_storage).load()
    except (pickle.UnpicklingError, MemoryError):
        raise
    except Exception as error:  # what damaged pickles raise is not specified
        if not weights_only:
            raise
        raise pickle.UnpicklingError(f"the file's structure is damaged: {error}") from error


assert set(STORAGE_DTYPES.values()) == set(ITEM_SIZES)
