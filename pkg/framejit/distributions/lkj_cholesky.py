"""Random correlation matrices."""

import math

from framejit import Size
from framejit import _ops as _t
from framejit._functions_numbers import mvlgamma
from framejit.autograd.grad_mode import no_grad

from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices M with a density like |M|**(concentration - 1), by the onion method
    (Lewandowski, Kurowicka and Joe 2009).

    dim (int), concentration (float or Tensor), validate_args (bool or None). Raises ValueError (Expected dim to be an
    integer greater than or equal to 2. Found dim=…).

    >>> from framejit import distributions as D
    >>> D.LKJCholesky(3).sample().shape
    framejit.Size([3, 3])
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _parameters = {"concentration": 0}

    def __init__(self, dim, concentration=1.0, validate_args=None):
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.size(), Size((dim, dim)), validate_args)
        row = _t.tensor([0.0, *range(dim - 1)], dtype=self.concentration.dtype)
        rest = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(row + 0.5, rest.unsqueeze(-1) - 0.5 * row)

    def _expand_rest(self, new, batch_shape):
        new.dim = self.dim
        new._beta = self._beta.expand((*batch_shape, self.dim))

    def sample(self, sample_shape=Size()):
        with no_grad():
            length = self._beta.sample(sample_shape).unsqueeze(-1)
            rows = _t.randn(self._extended_shape(sample_shape), dtype=length.dtype).tril(-1)
            norm = rows.square().sum(-1, True).sqrt()
            rows = _t.where(norm > 0, rows / norm, 0.0) * length.sqrt()  # the first row is empty
            diagonal = (1 - rows.square().sum(-1)).clamp(min=_t.finfo(rows.dtype).tiny).sqrt()
            return rows + diagonal.diag_embed()

    def log_prob(self, value):
        self._check(value)
        n = self.dim
        order = _t.arange(2, n + 1, dtype=self.concentration.dtype)
        powers = 2 * (self.concentration - 1).unsqueeze(-1) + n - order
        density = (powers * value.diagonal(dim1=-2, dim2=-1)[..., 1:].log()).sum(-1)
        alpha = self.concentration + 0.5 * (n - 1)
        norm = 0.5 * (n - 1) * math.log(math.pi) + mvlgamma(alpha - 0.5, n - 1) - alpha.lgamma() * (n - 1)
        return density - norm
