"""Writing a checkpoint.

A zip archive with uncompressed members: `data.pkl` holds the structure, with a persistent id in the place of each
storage, and `data/N` the bytes of storage N. References to tensor builders are written under the names that
PyTorch's loader knows, which exist nowhere in this process; that is why the pickler is the Python one, where
a reference can be written without importing what it names.
"""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict

from framejit import _ops as _t
from framejit.nn.parameter import Parameter

from ._names import DTYPE_STORAGES, ITEM_SIZES, UNTYPED_DTYPES, dtype_name

_ALIGNMENT = 64
_ROOT = "archive"


class _Global:
    """A reference to `module.name` of the reading program."""

    def __init__(self, module, name):
        self.module, self.name = module, name


_REBUILD_TENSOR = _Global("torch._utils", "_rebuild_tensor_v2")
_REBUILD_UNTYPED = _Global("torch._utils", "_rebuild_tensor_v3")
_REBUILD_PARAMETER = _Global("torch._utils", "_rebuild_parameter")
_REBUILD_SPARSE = _Global("torch._utils", "_rebuild_sparse_tensor")
_LAYOUT = _Global("torch.serialization", "_get_layout")
_SIZE = _Global("torch", "Size")
_DEVICE = _Global("torch", "device")
_BY_NAME = {}


def _global(module, name):
    return _BY_NAME.setdefault((module, name), _Global(module, name))


class _Storage:
    """The persistent id of a tensor's storage."""

    def __init__(self, persistent_id):
        self.persistent_id = persistent_id


class _Pickler(pickle._Pickler):
    dispatch = pickle._Pickler.dispatch.copy()

    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.storages = {}  # address and dtype -> (key, _Storage)
        self.members = []  # the storages' bytes in the order of their keys
        self.kept = []  # what must stay alive while addresses identify it

    def persistent_id(self, obj):
        return obj.persistent_id if isinstance(obj, _Storage) else None

    def reducer_override(self, obj):
        if isinstance(obj, Parameter):
            return _REBUILD_PARAMETER, (obj.data, obj.requires_grad, OrderedDict())
        if isinstance(obj, _t.Tensor):
            return self._reduce_tensor(obj) if obj.layout is _t.strided else self._reduce_sparse(obj)
        if isinstance(obj, _t.layout):
            return _LAYOUT, (repr(obj).replace("framejit.", "torch."),)
        if isinstance(obj, _t.Size):
            return _SIZE, (tuple(obj),)
        if isinstance(obj, _t.device):
            return _DEVICE, (obj.type,) if obj.index is None else (obj.type, obj.index)
        return NotImplemented

    def _reduce_tensor(self, tensor):
        if tensor.grad_fn is not None:
            tensor_requires_grad = False  # a result of recorded ops is saved as plain values
        else:
            tensor_requires_grad = tensor.requires_grad
        source = tensor.detach()
        storage = source.untyped_storage()
        untyped = dtype_name(source.dtype) in UNTYPED_DTYPES
        return _REBUILD_UNTYPED if untyped else _REBUILD_TENSOR, (
            self._storage(source, storage, "UntypedStorage" if untyped else None),
            source.storage_offset(),
            tuple(source.size()),
            tuple(source.stride()),
            tensor_requires_grad,
            OrderedDict(),
            *((source.dtype,) if untyped else ()),
        )

    def _reduce_sparse(self, tensor):
        parts = (*tensor._parts, tensor._v.detach(), tensor.size())
        return _REBUILD_SPARSE, (
            tensor.layout,
            (*parts, tensor._coalesced) if tensor.layout is _t.sparse_coo else parts,
        )

    def _storage(self, tensor, storage, kind=None):
        name = "uint8" if kind else dtype_name(tensor.dtype)
        if name not in DTYPE_STORAGES:
            raise TypeError(f"save: tensors of dtype {tensor.dtype} cannot be saved")
        identity = (storage.data_ptr(), storage.nbytes(), kind or name)
        if identity not in self.storages or storage.data_ptr() == 0:
            key = str(len(self.members))
            count = storage.nbytes() // ITEM_SIZES[name]
            storage_class = _global("torch.storage", kind) if kind else _global("torch", DTYPE_STORAGES[name])
            pid = ("storage", storage_class, key, "cpu", count)
            self.members.append(storage)
            self.kept.append(tensor)
            self.storages[identity] = _Storage(pid)
        return self.storages[identity]

    def save_global_reference(self, obj):
        self.write(pickle.GLOBAL + obj.module.encode() + b"\n" + obj.name.encode() + b"\n")
        self.memoize(obj)

    dispatch[_Global] = save_global_reference

    def save_dtype(self, obj):
        self.save(_global("torch", dtype_name(obj)))

    dispatch[_t.dtype] = save_dtype

    def save_reduce(self, func, args, *rest, obj=None, **kwargs):
        # the base class insists on a callable, which a reference by name is not
        if isinstance(func, _Global):
            self.save(func)
            self.save(args)
            self.write(pickle.REDUCE)
            if obj is not None:
                self.memoize(obj)
            return
        super().save_reduce(func, args, *rest, obj=obj, **kwargs)


def _aligned_info(name, position):
    """A member whose data starts at a multiple of 64, so that it can be mapped."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    start = position + 30 + len(name.encode()) + 4
    padding = -start % _ALIGNMENT
    info.extra = struct.pack("<HH", 0x4246, padding) + b"Z" * padding
    return info


def _storage_view(storage):
    """The bytes of a storage without a copy where it has the buffer protocol."""
    try:
        return memoryview(storage).cast("B")
    except TypeError:
        import ctypes

        return memoryview((ctypes.c_char * storage.nbytes()).from_address(storage.data_ptr()))


def write_archive(obj, file, protocol):
    """Write the checkpoint of `obj` to a binary file object."""
    structure = io.BytesIO()
    pickler = _Pickler(structure, protocol)
    pickler.dump(obj)
    with zipfile.ZipFile(_Counting(file), "w", zipfile.ZIP_STORED) as archive:

        def write(name, data):
            archive.writestr(_aligned_info(f"{_ROOT}/{name}", archive.fp.tell()), data)

        write("data.pkl", structure.getvalue())
        write("byteorder", b"little")
        for key, storage in enumerate(pickler.members):
            write(f"data/{key}", _storage_view(storage) if storage.nbytes() else b"")
        write("version", b"3\n")


class _Counting:
    """A write-only file that knows its position, over one that may not seek and may not start at zero."""

    def __init__(self, file):
        self._file, self._position = file, 0

    def write(self, data):
        self._file.write(data)
        self._position += len(data)
        return len(data)

    def tell(self):
        return self._position

    def flush(self):
        if hasattr(self._file, "flush"):
            self._file.flush()

    def seekable(self):
        return False
