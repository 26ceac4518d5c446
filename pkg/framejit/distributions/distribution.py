"""The base of all distributions: shapes, checks of parameters and values, expansion."""

import warnings

from framejit import Size
from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad

from . import constraints
from .utils import lazy_property

__all__ = ["Distribution"]


def as_size(shape):
    """A shape given by any sequence as a Size."""
    return shape if isinstance(shape, Size) else Size(shape)


class Distribution:
    """A distribution over events of `event_shape`, a batch of them of `batch_shape`.

    A subclass names its parameters in `_parameters`, each with the number of dimensions that one event's parameter
    has; `expand` follows from that.

    batch_shape, event_shape (Size), validate_args (bool or None). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> isinstance(D.Normal(0.0, 1.0), D.Distribution), D.Normal(framejit.zeros(3), 1.0).batch_shape
    (True, framejit.Size([3]))
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    _parameters = {}

    @staticmethod
    def set_default_validate_args(value):
        """Whether distributions made from now on check parameters and values."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape=Size(), event_shape=Size(), validate_args=None):
        self._batch_shape = as_size(batch_shape)
        self._event_shape = as_size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self):
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        for name, constraint in wanted.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # checked by the parameter that it follows from
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    # --- shapes ---

    @property
    def batch_shape(self):
        """The shape over which parameters are batched."""
        return self._batch_shape

    @property
    def event_shape(self):
        """The shape of one sample."""
        return self._event_shape

    def _extended_shape(self, sample_shape=Size()):
        """The shape of samples of a given sample shape."""
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def expand(self, batch_shape, _instance=None):
        """The distribution with parameters expanded to a larger batch, without memory of its own."""
        owner = next((c for c in type(self).__mro__ if "_parameters" in vars(c)), Distribution)
        if owner is Distribution:
            raise NotImplementedError
        new = self._get_checked_instance(owner, _instance)
        batch_shape = as_size(batch_shape)
        for name, dims in owner._parameters.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                setattr(new, name, value.expand((*batch_shape, *value.shape[value.dim() - dims :])))
        self._expand_rest(new, batch_shape)
        return self._finish_expand(new, batch_shape)

    def _expand_rest(self, new, batch_shape):
        """What a subclass has besides tensors of parameters."""

    def _finish_expand(self, new, batch_shape, event_shape=None):
        Distribution.__init__(new, batch_shape, self.event_shape if event_shape is None else event_shape, False)
        new._validate_args = self._validate_args
        return new

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also define "
                "a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    # --- what subclasses define ---

    @property
    def arg_constraints(self):
        """The sets that parameters must be in, by name."""
        raise NotImplementedError

    @property
    def support(self):
        """The set that samples lie in."""
        raise NotImplementedError

    @property
    def mean(self):
        """The expected value."""
        raise NotImplementedError

    @property
    def mode(self):
        """The most probable value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self):
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self):
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape=Size()):
        """Samples of shape sample_shape + batch_shape + event_shape, without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()):
        """Samples through which gradients reach the parameters."""
        raise NotImplementedError

    def sample_n(self, n):
        """n samples; deprecated."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead.", UserWarning, stacklevel=2)
        return self.sample(Size((n,)))

    def log_prob(self, value):
        """The logarithm of the density or mass at a value."""
        raise NotImplementedError

    def cdf(self, value):
        """The probability of not more than a value."""
        raise NotImplementedError

    def icdf(self, value):
        """The value at a probability: the inverse of `cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand=True):
        """All values of a discrete distribution, along a new first dimension."""
        raise NotImplementedError

    def entropy(self):
        """The entropy of each distribution of the batch, in nats."""
        raise NotImplementedError

    def perplexity(self):
        """exp of the entropy."""
        return _t.exp(self.entropy())

    # --- checks of values ---

    def _validate_sample(self, value):
        """Raises ValueError for a value that has the wrong shape or lies outside of the support."""
        if not isinstance(value, _t.Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        start = value.dim() - len(self._event_shape)
        if start < 0 or value.shape[start:] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.size()} vs {self._event_shape}."
            )
        expected = Size((*self._batch_shape, *self._event_shape))
        for have, want in zip(reversed(value.shape), reversed(expected)):
            if have != 1 and want != 1 and have != want:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.size()} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the distribution "
                "with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if not bool(support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _check(self, value):
        """`_validate_sample` unless checks are off."""
        if self._validate_args:
            self._validate_sample(value)

    def __repr__(self):
        names = [name for name in self.arg_constraints if name in self.__dict__]
        shown = (
            f"{name}: {value if value.numel() == 1 else value.size()}"
            for name, value in ((name, self.__dict__[name]) for name in names)
        )
        return f"{type(self).__name__}({', '.join(shown)})"
