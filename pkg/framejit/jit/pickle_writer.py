"""The pickles of archives: typed values in the forms that PyTorch's reader knows."""

import pickle
import struct

from framejit import _ops as _t
from framejit.serialization._names import DTYPE_STORAGES, ITEM_SIZES, dtype_name

from . import types as T
from .infer import infer_type

_LISTS = {T.INT: "build_intlist", T.FLOAT: "build_doublelist", T.BOOL: "build_boollist", T.TENSOR: "build_tensorlist"}


class PickleWriter:
    """Writes one pickle. `rename(type)` gives the name that a type has in the archive."""

    def __init__(self, rename, printer):
        self.rename, self.printer = rename, printer
        self.out, self.memo, self.kept = [pickle.PROTO + b"\x02"], {}, []
        self.storages, self.members = {}, []

    def finish(self):
        """The bytes."""
        return b"".join([*self.out, pickle.STOP])

    def put(self, *parts):
        self.out.extend(parts)

    def remember(self, key):
        """Memoises what is on the stack."""
        at = len(self.memo)
        self.memo[key] = at
        self.put(pickle.BINPUT + bytes([at]) if at < 256 else pickle.LONG_BINPUT + struct.pack("<I", at))

    def recall(self, key):
        """Whether the thing was written before; puts it on the stack then."""
        at = self.memo.get(key)
        if at is not None:
            self.put(pickle.BINGET + bytes([at]) if at < 256 else pickle.LONG_BINGET + struct.pack("<I", at))
        return at is not None

    def text(self, value):
        if not self.recall(("str", value)):
            data = value.encode()
            self.put(pickle.BINUNICODE, struct.pack("<I", len(data)), data)
            self.remember(("str", value))

    def glob(self, module, name):
        if not self.recall(("global", module, name)):
            self.put(pickle.GLOBAL, f"{module}\n{name}\n".encode())
            self.remember(("global", module, name))

    def integer(self, value):
        if -(2**31) <= value < 2**31:
            self.put(pickle.BININT1 + bytes([value]) if 0 <= value < 256 else pickle.BININT + struct.pack("<i", value))
        else:
            data = pickle.encode_long(value)
            self.put(pickle.LONG1, bytes([len(data)]), data)

    def value(self, value, t):
        """A value of a type."""
        if value is None:
            self.put(pickle.NONE)
        elif isinstance(value, _t.Tensor):
            self.tensor(value)
        elif hasattr(type(value), "_script_type"):
            self.object(value)
        elif isinstance(t, T.EnumType):
            self.glob(*self._named(t))
            self.value(value.value, infer_type(value.value))
            self.put(pickle.REDUCE)
        elif isinstance(value, bool):
            self.put(pickle.NEWTRUE if value else pickle.NEWFALSE)
        elif isinstance(value, int):
            self.integer(value)
        elif isinstance(value, float):
            self.put(pickle.BINFLOAT, struct.pack(">d", value))
        elif isinstance(value, str):
            self.text(value)
        else:
            self._composed(value, t)

    def _named(self, t):
        module, _, name = self.rename(t).rpartition(".")
        return module, name

    def _composed(self, value, t):
        if isinstance(t, T.UnionType) or t is T.ANY:
            from .boundary import fits

            t = next((p for p in t.parts if fits(value, p)), None) or infer_type(value)
        if isinstance(value, list):
            self._list(value, t)
        elif isinstance(value, tuple):
            self.put(pickle.MARK)
            for each, part in zip(value, t.parts):
                self.value(each, part)
            self.put(pickle.TUPLE)
        elif isinstance(value, dict):
            self.glob("torch.jit._pickle", "restore_type_tag")
            self.put(pickle.MARK, pickle.EMPTY_DICT, pickle.MARK)
            for key, each in value.items():
                self.value(key, t.keys)
                self.value(each, t.values)
            self.put(pickle.SETITEMS)
            self.text(self.printer.type(t))
            self.put(pickle.TUPLE, pickle.REDUCE)
        elif isinstance(value, complex):
            self.glob("builtins", "complex")
            self.put(
                pickle.MARK,
                pickle.BINFLOAT,
                struct.pack(">d", value.real),
                pickle.BINFLOAT,
                struct.pack(">d", value.imag),
            )
            self.put(pickle.TUPLE, pickle.REDUCE)
        elif isinstance(value, _t.device):
            self.glob("torch", "device")
            self.text(str(value))
            self.put(pickle.TUPLE1, pickle.REDUCE)
        else:
            raise RuntimeError(f"a value of type {t} cannot be saved")

    def _list(self, value, t):
        builder = _LISTS.get(t.elem)
        self.glob("torch.jit._pickle", builder or "restore_type_tag")
        self.put(pickle.MARK, pickle.EMPTY_LIST, pickle.MARK)
        for each in value:
            self.value(each, t.elem)
        self.put(pickle.APPENDS)
        if builder is None:
            self.text(self.printer.type(t))
        self.put(pickle.TUPLE, pickle.REDUCE)

    def object(self, obj):
        """A module or an object of a compiled class."""
        if self.recall(("object", id(obj))):
            return
        t = type(obj)._script_type
        self.glob(*self._named(t))
        self.put(pickle.EMPTY_TUPLE, pickle.NEWOBJ)
        self.kept.append(obj)
        if t.methods.get("__getstate__") is not None:
            state = obj._script_call("__getstate__")
            self.value(state, t.methods["__getstate__"].returns)
        else:
            self.put(pickle.EMPTY_DICT, pickle.MARK)
            for name, part in t.attributes.items():
                self.text(name)
                self.value(getattr(obj, name), part)
            self.put(pickle.SETITEMS)
        self.put(pickle.BUILD)
        self.remember(("object", id(obj)))

    def tensor(self, tensor):
        """A tensor over one of the archive's storages."""
        if self.recall(("object", id(tensor))):
            return
        source = tensor.detach()
        self.glob("torch._utils", "_rebuild_tensor_v2")
        self.put(pickle.MARK)
        self._storage(source)
        self.integer(source.storage_offset())
        for numbers in (source.size(), source.stride()):
            self.put(pickle.MARK)
            for n in numbers:
                self.integer(int(n))
            self.put(pickle.TUPLE)
        self.put(pickle.NEWTRUE if tensor.requires_grad else pickle.NEWFALSE)
        self.glob("collections", "OrderedDict")
        self.put(pickle.EMPTY_TUPLE, pickle.REDUCE, pickle.TUPLE, pickle.REDUCE)
        self.kept.append(tensor)
        self.remember(("object", id(tensor)))

    def _storage(self, tensor):
        name = dtype_name(tensor.dtype)
        if name not in DTYPE_STORAGES:
            raise RuntimeError(f"tensors of dtype {tensor.dtype} cannot be saved")
        storage = tensor.untyped_storage()
        key = (storage.data_ptr(), storage.nbytes(), name)
        if key not in self.storages or storage.data_ptr() == 0:
            self.storages[key] = str(len(self.members))
            self.members.append(storage)
            self.kept.append(tensor)
        self.put(pickle.MARK)
        self.text("storage")
        self.glob("torch", DTYPE_STORAGES[name])
        self.text(self.storages[key])
        self.text("cpu")
        self.integer(storage.nbytes() // ITEM_SIZES[name])
        self.put(pickle.TUPLE, pickle.BINPERSID)

    def tuple(self, values):
        """A tuple of tensors, the form of constants.pkl."""
        self.put(pickle.MARK)
        for value in values:
            self.value(value, infer_type(value))
        self.put(pickle.TUPLE)
