"""Maps from all real numbers to a set: `biject_to` bijective ones, `transform_to` those that are best to optimise through.

Both are tables by the type of the constraint; `register` adds to them.
"""

from . import constraints, transforms
from .constraints import Constraint

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """A table from types of constraints to functions that make a transform for one.

    Calling it gives the transform for a constraint (Constraint). Raises NotImplementedError for one that is not in the table.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.biject_to(D.constraints.positive)(framejit.tensor([0.0]))
    tensor([1.])
    """

    def __init__(self):
        self._registry = {}

    def register(self, constraint, factory=None):
        """Adds a factory for the type of a constraint; without a factory it is a decorator."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        if isinstance(constraint, Constraint):
            constraint = type(constraint)
        if not isinstance(constraint, type) or not issubclass(constraint, Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._registry[constraint] = factory
        return factory

    def __call__(self, constraint):
        """A transform onto the set of the constraint (Constraint). Raises NotImplementedError for one that is not in the table.

        >>> from framejit import distributions as D
        >>> D.transform_to(D.constraints.unit_interval)
        SigmoidTransform()
        """
        try:
            factory = self._registry[type(constraint)]
        except KeyError:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints") from None
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _above(constraint):
    shift = transforms.AffineTransform(constraint.lower_bound, 1)
    return transforms.ComposeTransform([transforms.ExpTransform(), shift])


def _below(constraint):
    turn = transforms.AffineTransform(constraint.upper_bound, -1)
    return transforms.ComposeTransform([transforms.ExpTransform(), turn])


def _between(constraint):
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)])


def _register_both():
    for registry in (biject_to, transform_to):
        for kind, factory in (
            (constraints._Real, lambda constraint: transforms.identity_transform),
            (constraints._GreaterThan, _above),
            (constraints._GreaterThanEq, _above),
            (constraints._LessThan, _below),
            (constraints._Interval, _between),
            (constraints._HalfOpenInterval, _between),
            (constraints._CorrCholesky, lambda constraint: transforms.CorrCholeskyTransform()),
            (
                constraints._Cat,
                lambda c, to=registry: transforms.CatTransform([to(x) for x in c.cseq], c.dim, c.lengths),
            ),
            (constraints._Stack, lambda c, to=registry: transforms.StackTransform([to(x) for x in c.cseq], c.dim)),
            (
                constraints._IndependentConstraint,
                lambda c, to=registry: transforms.IndependentTransform(
                    to(c.base_constraint), c.reinterpreted_batch_ndims
                ),
            ),
        ):
            registry.register(kind, factory)
    biject_to.register(constraints.simplex, lambda constraint: transforms.StickBreakingTransform())
    transform_to.register(constraints.simplex, lambda constraint: transforms.SoftmaxTransform())
    transform_to.register(constraints.lower_cholesky, lambda constraint: transforms.LowerCholeskyTransform())
    for kind in (constraints.positive_definite, constraints.positive_semidefinite):
        transform_to.register(kind, lambda constraint: transforms.PositiveDefiniteTransform())


_register_both()
