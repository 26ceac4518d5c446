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


def read_archive(file, map_location, weights_only):
    """The object that a checkpoint describes."""
    _check_location(map_location)
    if not file.seekable() if hasattr(file, "seekable") else not hasattr(file, "seek"):
        file = io.BytesIO(file.read())
    archive = _Archive(file)
    make = RestrictedUnpickler if weights_only else _TrustingUnpickler
    structure = archive.read("data.pkl")
    try:
        return make(io.BytesIO(structure), archive.load_storage).load()
    except (pickle.UnpicklingError, MemoryError):
        raise
    except Exception as error:  # what damaged pickles raise is not specified
        if not weights_only:
            raise
        raise pickle.UnpicklingError(f"the file's structure is damaged: {error}") from error


assert set(STORAGE_DTYPES.values()) == set(ITEM_SIZES)
