"""numpy.fft: in the precision of the input, as NumPy 2 has it."""

import numpy as np

from framejit import _C, fft

from . import _types
from ._args import axes_of, axis_of, refuse, tensor
from ._bridge import array_of


def _source(a):
    t = tensor(a)
    refuse(t.dtype == _C.float16 or t.dim() == 0)
    return t if _types.is_inexact(t.dtype) else t.to(_C.float64)


def _kind(norm):
    refuse(norm not in (None, "backward", "ortho", "forward"))
    return norm


def _line(compute, real=False):
    def call(a, n=None, axis=-1, norm=None, out=None):
        t = _source(a)
        refuse(out is not None or n is not None and (type(n) is not int or n < 1) or real and t.is_complex())
        axis = axis_of(axis, t.dim())
        refuse(t.shape[axis] == 0)
        return array_of(compute(t, n, axis, _kind(norm)))

    return call


def _plane(compute, axes_by_default, real=False):
    def call(a, s=None, axes=axes_by_default, norm=None, out=None):
        t = _source(a)
        refuse(out is not None or s is not None or t.numel() == 0 or real and t.is_complex())
        return array_of(compute(t, None, axes_of(None if axes is None else tuple(axes), t.dim()), _kind(norm)))

    return call


def fftfreq(n, d=1.0, device=None):
    refuse(type(n) is not int or n < 1 or type(d) not in (int, float) or device is not None)
    places = _C.arange(n, dtype=_C.float64)
    return array_of(_C.where(places < (n + 1) // 2, places, places - n) * (1.0 / (n * d)))


def rfftfreq(n, d=1.0, device=None):
    refuse(type(n) is not int or n < 1 or type(d) not in (int, float) or device is not None)
    return array_of(_C.arange(n // 2 + 1, dtype=_C.float64) * (1.0 / (n * d)))


def _shifted(sign):
    def call(x, axes=None):
        t = tensor(x)
        places = axes_of(axes, t.dim())
        shifts = [t.shape[d] // 2 if sign > 0 else -(t.shape[d] // 2) for d in places]
        return array_of(_C.roll(t, shifts, places) if places else t.clone())

    return call


FUNCTIONS = {
    np.fft.fft: _line(fft.fft),
    np.fft.ifft: _line(fft.ifft),
    np.fft.rfft: _line(fft.rfft, True),
    np.fft.irfft: _line(fft.irfft),
    np.fft.fft2: _plane(fft.fftn, (-2, -1)),
    np.fft.ifft2: _plane(fft.ifftn, (-2, -1)),
    np.fft.rfft2: _plane(fft.rfftn, (-2, -1), True),
    np.fft.fftn: _plane(fft.fftn, None),
    np.fft.ifftn: _plane(fft.ifftn, None),
    np.fft.rfftn: _plane(fft.rfftn, None, True),
    np.fft.fftfreq: fftfreq,
    np.fft.rfftfreq: rfftfreq,
    np.fft.fftshift: _shifted(1),
    np.fft.ifftshift: _shifted(-1),
}
