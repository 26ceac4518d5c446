"""The pickles of archives, read without looking anything up: objects come out as `Raw`, which says their type's name.

An interpreter of the opcodes that describe data (framejit.serialization has the list). Globals are looked up in a fixed table
of builders that are harmless for every argument; the only other names are `__torch__.…`, which stay names.
"""

import pickle

from framejit import _ops as _t
from framejit.serialization._unpickler import _BUILDERS, RestrictedUnpickler, _Builder

MAX_OBJECTS = 1 << 22


class Raw:
    """An object of the archive: the full name of its type, and its state; or of an Enum: its value."""

    __slots__ = ("path", "state", "value", "built")

    def __init__(self, path):
        self.path, self.state, self.value, self.built = path, None, None, None


class _Name:
    """A reference to a type that the archive defines."""

    __slots__ = ("path",)

    def __init__(self, path):
        self.path = path


def _as_list(values):
    if not isinstance(values, list):
        raise pickle.UnpicklingError("a list is expected")
    return values


def _tagged(value, text):
    if not isinstance(value, (list, dict)) or not isinstance(text, str):
        raise pickle.UnpicklingError("a container and its type are expected")
    return value


def _complex(real, imag):
    if not isinstance(real, (int, float)) or not isinstance(imag, (int, float)):
        raise pickle.UnpicklingError("a complex number needs two numbers")
    return complex(real, imag)


def _device(*args):
    if not all(isinstance(a, (str, int)) for a in args):
        raise pickle.UnpicklingError("a device has a name and a number")
    return _t.device(*args)


_KNOWN = {
    **{f"torch.jit._pickle.build_{kind}list": _Builder(_as_list) for kind in ("int", "double", "bool", "tensor")},
    "torch.jit._pickle.restore_type_tag": _Builder(_tagged),
    "builtins.complex": _Builder(_complex),
    "torch.device": _Builder(_device),
}
_SHARED = ("torch._utils._rebuild_tensor_v2", "collections.OrderedDict")


class ArchiveUnpickler(RestrictedUnpickler):
    """Reads data.pkl or constants.pkl."""

    dispatch = dict(RestrictedUnpickler.dispatch)

    def find_class(self, module, name):
        full = f"{module}.{name}"
        if full.startswith("__torch__."):
            return _Name(full)
        if full in _KNOWN:
            return _KNOWN[full]
        known = _BUILDERS.get(full)
        if known is not None and (full in _SHARED or full.startswith("torch.") and full.endswith("Storage")):
            return known
        raise pickle.UnpicklingError(f"the archive refers to {full}, which no TorchScript archive has to name")

    def load_reduce(self):
        args = self.stack.pop()
        function = self.stack[-1]
        if isinstance(function, _Name):
            raw = self.stack[-1] = Raw(function.path)
            raw.value = args[0] if isinstance(args, tuple) and len(args) == 1 else args
        elif isinstance(function, _Builder) and isinstance(args, tuple):
            self.stack[-1] = function._call(*args)
        else:
            raise pickle.UnpicklingError("the archive calls what is no builder")

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self):
        args = self.stack.pop()
        if not isinstance(self.stack[-1], _Name) or args != ():
            raise pickle.UnpicklingError("the archive makes an object of what is no type")
        self.stack[-1] = Raw(self.stack[-1].path)

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_build(self):
        state = self.stack.pop()
        obj = self.stack[-1]
        if not isinstance(obj, Raw) or obj.state is not None:
            raise pickle.UnpicklingError("the archive gives a state to what is no object")
        obj.state = state

    dispatch[pickle.BUILD[0]] = load_build
