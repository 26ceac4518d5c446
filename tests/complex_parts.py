"""Complex functions as functions of real and imaginary parts, which is what finite differences can look at."""

import framejit
import numpy as np


def in_parts(f):
    """`f` as a function of real numbers, real and imaginary parts, to such."""

    def real(*parts):
        out = f(*(framejit.view_as_complex(p) if p.shape[-1:] == (2,) else p[..., 0] for p in parts))
        out = out if isinstance(out, (list, tuple)) else (out,)
        return tuple(framejit.view_as_real(o) if o.is_complex() else o for o in out)

    return real


def parts(a):
    """A leaf with the parts of `a` as its last dimension: two, or one of a real array."""
    a = np.array(a)
    both = np.stack([a.real, a.imag], -1) if np.iscomplexobj(a) else a[..., None]
    return framejit.tensor(np.ascontiguousarray(both), requires_grad=True)
