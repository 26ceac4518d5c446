"""Special functions: `torch.special`'s names."""

from framejit import _ops as _t
from framejit._functions_numbers import mvlgamma as multigammaln  # noqa: F401 (named in __all__)

# name here -> op
_OPS = {
    name: name
    for name in (
        "digamma", "erf", "erfc", "erfinv", "exp2", "expm1", "i0", "log1p", "log_softmax", "logit", "logsumexp", "polygamma",
        "round", "sinc", "softmax", "xlogy",
    )
}  # fmt: skip
_OPS.update(expit="sigmoid", gammaln="lgamma", psi="digamma", gammainc="igamma", gammaincc="igammac")
_OPS.update({name.removeprefix("special_"): name for name in vars(_t) if name.startswith("special_")})

globals().update({name: getattr(_t, op) for name, op in _OPS.items() if hasattr(_t, op)})
__all__ = sorted(["multigammaln", *(name for name, op in _OPS.items() if hasattr(_t, op))])
