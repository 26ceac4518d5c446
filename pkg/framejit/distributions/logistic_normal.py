"""Normal variables on the simplex."""

from . import constraints
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """Normal variables along the last dimension, mapped to the simplex by breaking a stick.

    loc, scale (float or Tensor), validate_args (bool or None). Raises ValueError for values that their constraints
    exclude, unless validate_args is False, and for other types.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.LogisticNormal(framejit.zeros(2), framejit.ones(2)).sample().shape
    framejit.Size([3])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc, scale, validate_args=None):
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return super().expand(batch_shape, _instance=self._get_checked_instance(LogisticNormal, _instance))

    @property
    def loc(self):
        """The means of the normal variables."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self):
        """The standard deviations of the normal variables."""
        return self.base_dist.base_dist.scale
