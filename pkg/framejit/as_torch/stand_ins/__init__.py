"""Modules, and names of modules, that exist for PyTorch's programs only: `stand_ins/a/b.py` is `torch.a.b`.

This file is `torch` itself. What framejit's own users want too belongs to framejit, not here.
"""

from types import SimpleNamespace

from framejit import _C
from framejit.as_torch._missing import Missing

from . import __config__
from .torch_version import __version__

# dtypes that framejit lacks and programs list: using one raises
chalf = complex32 = Missing("torch.complex32")


class _Float8(Missing):
    """The name of an 8-bit dtype: programs ask for its limits and compare it; computing with it raises."""

    itemsize, is_floating_point, is_complex, is_signed = 1, True, False, True

    def __init__(self, name, largest, smallest_normal, eps):
        super().__init__(f"torch.{name}")
        self.__dict__["_framejit_limits"] = SimpleNamespace(
            bits=8, eps=eps, max=largest, min=-largest, tiny=smallest_normal, smallest_normal=smallest_normal,
            smallest_subnormal=smallest_normal * eps, resolution=1.0, dtype=name,
        )  # fmt: skip


# limits by the OCP's and Graphcore's definitions of the formats
float8_e4m3fn = _Float8("float8_e4m3fn", 448.0, 2.0**-6, 0.125)
float8_e5m2 = _Float8("float8_e5m2", 57344.0, 2.0**-14, 0.25)
float8_e4m3fnuz = _Float8("float8_e4m3fnuz", 240.0, 2.0**-7, 0.125)
float8_e5m2fnuz = _Float8("float8_e5m2fnuz", 57344.0, 2.0**-15, 0.25)
float8_e8m0fnu = _Float8("float8_e8m0fnu", 2.0**127, 2.0**-127, 1.0)
DeviceObjType = Missing("torch.DeviceObjType")
PyTorchFileReader = Missing("torch.PyTorchFileReader")
PyTorchFileWriter = Missing("torch.PyTorchFileWriter")
for _name in ("uint16", "uint32", "uint64"):
    if not hasattr(_C, _name):
        globals()[_name] = Missing(f"torch.{_name}")
float4_e2m1fn_x2 = Missing("torch.float4_e2m1fn_x2")
int1, int2, int3, int4, int5, int6, int7 = (Missing(f"torch.int{n}") for n in range(1, 8))
uint1, uint2, uint3, uint4, uint5, uint6, uint7 = (Missing(f"torch.uint{n}") for n in range(1, 8))
quint8, qint8, qint32, quint4x2, quint2x4 = (
    Missing(f"torch.{name}") for name in ("quint8", "qint8", "qint32", "quint4x2", "quint2x4")
)


class _OfAccelerator:
    """A class of devices that are not there: nothing is an instance of it, and none can be made."""

    def __init__(self, *args, **kwargs):
        raise RuntimeError(f"torch.{type(self).__name__}: there is no accelerator")


class Stream(_OfAccelerator):
    """torch.Stream"""


class Event(_OfAccelerator):
    """torch.Event"""


def __getattr__(name):
    if name == "torch":  # some programs reach torch through itself
        import sys

        return sys.modules["torch"]
    raise AttributeError(f"module 'torch' has no attribute '{name}'")
