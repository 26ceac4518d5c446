"""The restricted unpickler: an interpreter of the part of pickle that describes data.

It keeps only the opcodes in `_OPCODES`. A global is looked up in a table of builders that it knows, or among what
the user allowed; nothing is imported. Objects get attributes only if they are OrderedDicts (state_dicts carry
`_metadata`), tensors, or of a class that the user allowed. Adding a builder here means: it must be harmless for
every argument.
"""

import pickle
from collections import Counter, OrderedDict, defaultdict
from datetime import timedelta

from framejit import _ops as _t
from framejit.nn.parameter import Parameter

from ._names import STORAGE_DTYPES, UNTYPED_DTYPES, dtype_named
from ._safe import allowed

_OPCODES = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 LONG4 BINFLOAT "
    "BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BINSTRING SHORT_BINSTRING BYTEARRAY8 "
    "TUPLE EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST EMPTY_DICT EMPTY_SET LIST DICT ADDITEMS FROZENSET APPEND "
    "APPENDS SETITEM SETITEMS GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE "
    "NEWOBJ BUILD BINPERSID"
).split()


class _Builder:
    """A callable that only REDUCE can use; it has no attributes that a file could change."""

    __slots__ = ("_call",)

    def __init__(self, call):
        self._call = call


class StorageType:
    """The class of a storage, as a persistent id names it."""

    __slots__ = ("dtype_name",)

    def __init__(self, dtype_name):
        self.dtype_name = dtype_name


def _rebuild_tensor(storage, storage_offset, size, stride, requires_grad=False, backward_hooks=None, metadata=None):
    return storage.tensor(storage_offset, tuple(size), tuple(stride)).requires_grad_(bool(requires_grad))


def _rebuild_untyped(storage, offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None):
    if not isinstance(dtype, _t.dtype):
        raise pickle.UnpicklingError(f"{dtype!r} is no dtype")
    return _rebuild_tensor(storage.as_dtype(dtype), offset, size, stride, requires_grad)


def _rebuild_parameter(data, requires_grad=True, backward_hooks=None):
    return Parameter(data, bool(requires_grad))


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    parameter = Parameter(data, bool(requires_grad))
    _set_attributes(parameter, state)
    return parameter


def _layout(name):
    module, _, name = name.rpartition(".")
    found = getattr(_t, name, None)
    if module != "torch" or not isinstance(found, _t.layout):
        raise pickle.UnpicklingError(f"{name!r} is no layout of tensors")
    return found


def _rebuild_sparse(layout, parts):
    import framejit

    if layout is _t.sparse_coo:
        indices, values, size, *rest = parts
        return framejit.sparse_coo_tensor(
            indices, values, tuple(size), is_coalesced=bool(rest and rest[0]), check_invariants=True
        )
    compressed, plain, values, size = parts
    return framejit.sparse_compressed_tensor(
        compressed, plain, values, tuple(size), layout=layout, check_invariants=True
    )


def _rebuild_from_type(builder, kind, args, state):
    if not isinstance(builder, _Builder):
        raise pickle.UnpicklingError("a tensor's builder is not one of the known ones")
    tensor = builder._call(*args)
    if isinstance(kind, _Builder) and kind is _BUILDERS["torch.nn.parameter.Parameter"]:
        tensor = Parameter(tensor.detach(), tensor.requires_grad)
    _set_attributes(tensor, state)
    return tensor


def _set_attributes(obj, state):
    if isinstance(state, tuple):
        state = state[0]
    for name, value in (state or {}).items():
        if not isinstance(name, str) or name.startswith("__"):
            raise pickle.UnpicklingError(f"attribute {name!r} of a {type(obj).__name__} cannot be loaded")
        setattr(obj, name, value)


def _known_globals():
    """Full name in the file -> what it stands for."""
    known = {
        "collections.OrderedDict": _Builder(OrderedDict),
        "collections.Counter": _Builder(Counter),
        "collections.defaultdict": _Builder(lambda factory=None, *args: defaultdict(_factory(factory), *args)),
        "datetime.timedelta": _Builder(timedelta),
        "builtins.complex": _Builder(complex),
        "builtins.set": _Builder(set),
        "builtins.frozenset": _Builder(frozenset),
        "builtins.bytearray": _Builder(bytearray),
        "builtins.slice": _Builder(slice),
        "builtins.dict": _Builder(dict),
        "builtins.list": _Builder(list),
        "builtins.int": _Builder(int),
        "_codecs.encode": _Builder(_encode),
        "torch._utils._rebuild_tensor_v2": _Builder(_rebuild_tensor),
        "torch._utils._rebuild_tensor": _Builder(_rebuild_tensor),
        "torch._utils._rebuild_tensor_v3": _Builder(_rebuild_untyped),
        "torch._utils._rebuild_parameter": _Builder(_rebuild_parameter),
        "torch._utils._rebuild_parameter_with_state": _Builder(_rebuild_parameter_with_state),
        "torch._tensor._rebuild_from_type_v2": _Builder(_rebuild_from_type),
        "torch.nn.parameter.Parameter": _Builder(Parameter),
        "torch.Tensor": _Builder(_no_call),
        "torch.Size": _Builder(lambda values=(): _t.Size([int(v) for v in values])),
        "torch.device": _Builder(lambda *args: _t.device(*args)),
        "torch.serialization._get_layout": _Builder(_layout),
        "torch._utils._rebuild_sparse_tensor": _Builder(_rebuild_sparse),
    }
    known.update({f"torch.{storage}": StorageType(name) for storage, name in STORAGE_DTYPES.items()})
    known["torch.storage.UntypedStorage"] = StorageType("uint8")
    known.update({f"torch.{name}": dtype_named(name) for name in (*STORAGE_DTYPES.values(), *UNTYPED_DTYPES)})
    known.update(
        {
            name.replace("builtins.", "__builtin__."): value
            for name, value in known.items()
            if name.startswith("builtins.")
        }
    )
    return known


def _factory(builder):
    if builder is None:
        return None
    if isinstance(builder, _Builder) and builder._call in (dict, list, int, set, OrderedDict):
        return builder._call
    raise pickle.UnpicklingError("a defaultdict's factory is not one of the known ones")


def _encode(text, encoding="latin1"):
    """How protocol 2 writes bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes encoded as {encoding!r}")
    return text.encode("latin1")


def _no_call(*args):
    raise pickle.UnpicklingError("this global cannot be called while loading")


_BUILDERS = _known_globals()


class RestrictedUnpickler(pickle._Unpickler):
    """Reads data; refuses everything that could run code."""

    dispatch = {getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]] for name in _OPCODES}

    def __init__(self, file, load_storage):
        super().__init__(file, encoding="utf-8")
        self._load_storage = load_storage

    def persistent_load(self, pid):
        return self._load_storage(pid)

    def find_class(self, module, name):
        full = f"{module}.{name}"
        if full in _BUILDERS:
            return _BUILDERS[full]
        user = allowed(full)
        if user is not None:
            return user
        raise pickle.UnpicklingError(
            f"Weights only load failed: the file refers to {full}, which is not known as safe. If you trust the file, "
            "allow it with framejit.serialization.add_safe_globals, or pass weights_only=False, which lets the file "
            "run any code."
        )

    def load_reduce(self):
        args = self.stack.pop()
        function = self.stack[-1]
        if not isinstance(args, tuple):
            raise pickle.UnpicklingError("arguments are not a tuple")
        if isinstance(function, _Builder):
            self.stack[-1] = function._call(*args)
        elif _is_user_allowed(function):
            self.stack[-1] = function(*args)
        else:
            raise pickle.UnpicklingError(f"{function!r} cannot be called while loading")

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self):
        args = self.stack.pop()
        cls = self.stack[-1]
        if isinstance(cls, _Builder) and cls._call is OrderedDict:
            self.stack[-1] = OrderedDict(*args)
        elif isinstance(cls, type) and _is_user_allowed(cls):
            self.stack[-1] = cls.__new__(cls, *args)
        else:
            raise pickle.UnpicklingError(f"objects of {cls!r} cannot be made while loading")

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_build(self):
        state = self.stack.pop()
        obj = self.stack[-1]
        if type(obj) is OrderedDict or isinstance(obj, _t.Tensor):
            _set_attributes(obj, state)
        elif _is_user_allowed(type(obj)):
            if hasattr(obj, "__setstate__"):
                obj.__setstate__(state)
            else:
                _set_attributes(obj, state)
        else:
            raise pickle.UnpicklingError(f"a {type(obj).__name__} cannot be given a state while loading")

    dispatch[pickle.BUILD[0]] = load_build


def _is_user_allowed(obj):
    return allowed(f"{getattr(obj, '__module__', '')}.{getattr(obj, '__qualname__', '')}") is obj
