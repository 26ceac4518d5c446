"""torch._subclasses.fake_tensor"""

from framejit._fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    UnsupportedFakeTensorException,
)


def is_fake(x):
    """Whether x is a fake tensor, or holds one."""
    return isinstance(x, FakeTensor)


def maybe_get_fake_mode(t):
    """The mode of a fake tensor; None of anything else."""
    return t.fake_mode if isinstance(t, FakeTensor) else None
