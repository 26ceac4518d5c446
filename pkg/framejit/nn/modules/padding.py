"""Padding modules: one class per mode and number of padded dimensions."""

from framejit.nn import functional as F

from .module import Module
from .utils import _ntuple


class _PadNd(Module):
    """Pads the last dimensions; subclasses fix the mode and how many dimensions."""

    __constants__ = ["padding"]
    _mode = None
    _spatial = None

    def __init__(self, padding):
        super().__init__()
        self.padding = _ntuple(2 * self._spatial, "padding")(padding)

    def _check_input_dim(self, input):
        low = self._spatial + 1
        if self._mode == "circular" and input.dim() not in (low, low + 1):
            raise ValueError(f"expected {low}D or {low + 1}D input (got {input.dim()}D input)")

    def forward(self, input):
        self._check_input_dim(input)
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self):
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    __constants__ = ["padding", "value"]

    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


_DOC = """Pads the last {spatial} dimension(s), mode {mode}.

padding (int, or {ends} of them): how much at both ends of each, last dimension first{more}. Raises ValueError for another
number of them; calls raise TypeError for other types.

>>> import framejit
>>> from framejit import nn
>>> nn.{name}({arguments})(framejit.rand(1, 2{sizes})).shape
framejit.Size([1, 2{padded}])
"""


def _define(base, prefix, mode, spatial):
    name, value = f"{prefix}{spatial}d", base is _ConstantPadNd
    doc = _DOC.format(
        spatial=spatial,
        mode=mode,
        ends=2 * spatial,
        more=". value (float): what with" if value else "",
        name=name,
        arguments="1, 9.0" if value else "1",
        sizes=", 4" * spatial,
        padded=", 6" * spatial,
    )
    return type(name, (base,), {"__doc__": doc, "__module__": __name__, "_mode": mode, "_spatial": spatial})


ConstantPad1d = _define(_ConstantPadNd, "ConstantPad", "constant", 1)
ConstantPad2d = _define(_ConstantPadNd, "ConstantPad", "constant", 2)
ConstantPad3d = _define(_ConstantPadNd, "ConstantPad", "constant", 3)
ZeroPad1d = _define(_ZeroPadNd, "ZeroPad", "constant", 1)
ZeroPad2d = _define(_ZeroPadNd, "ZeroPad", "constant", 2)
ZeroPad3d = _define(_ZeroPadNd, "ZeroPad", "constant", 3)
ReflectionPad1d = _define(_PadNd, "ReflectionPad", "reflect", 1)
ReflectionPad2d = _define(_PadNd, "ReflectionPad", "reflect", 2)
ReflectionPad3d = _define(_PadNd, "ReflectionPad", "reflect", 3)
ReplicationPad1d = _define(_PadNd, "ReplicationPad", "replicate", 1)
ReplicationPad2d = _define(_PadNd, "ReplicationPad", "replicate", 2)
ReplicationPad3d = _define(_PadNd, "ReplicationPad", "replicate", 3)
CircularPad1d = _define(_PadNd, "CircularPad", "circular", 1)
CircularPad2d = _define(_PadNd, "CircularPad", "circular", 2)
CircularPad3d = _define(_PadNd, "CircularPad", "circular", 3)
