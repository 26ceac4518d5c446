"""Discrete Fourier transforms: `torch.fft`'s functions. pocketfft computes them, in the precision of the input.

`norm` says where a transform is divided by its size n: "backward" (the default: inverse transforms), "forward" or
"ortho" (each by sqrt(n)).
"""

from framejit import _ops as _t

globals().update({name.removeprefix("fft_"): getattr(_t, name) for name in vars(_t) if name.startswith("fft_")})
__all__ = sorted(name.removeprefix("fft_") for name in vars(_t) if name.startswith("fft_"))
