"""What models that may be quantised use while they are not: operators as a module. There is no quantisation here."""

from framejit import _ops as _t
from framejit.nn.modules import Identity, Module

__all__ = ["FloatFunctional"]


class FloatFunctional(Module):
    """Operators as methods, each through `activation_post_process`, where PyTorch observes values. `forward` raises.

    >>> import framejit
    >>> from framejit.nn.quantized import FloatFunctional
    >>> FloatFunctional().add_relu(framejit.tensor([1.0, -3.0]), framejit.ones(2)).tolist()
    [2.0, 0.0]
    """

    def __init__(self):
        super().__init__()
        self.activation_post_process = Identity()

    def forward(self, x):
        raise RuntimeError("FloatFunctional is not intended to use the 'forward'. Please use the underlying operation")

    def add(self, x, y):
        """x + y"""
        return self.activation_post_process(_t.add(x, y))

    def add_scalar(self, x, y):
        """x + y for a number y, which is not observed."""
        return _t.add(x, y)

    def mul(self, x, y):
        """x * y"""
        return self.activation_post_process(_t.mul(x, y))

    def mul_scalar(self, x, y):
        """x * y for a number y, which is not observed."""
        return _t.mul(x, y)

    def cat(self, x, dim=0):
        """The tensors behind one another."""
        return self.activation_post_process(_t.cat(x, dim=dim))

    def add_relu(self, x, y):
        """relu(x + y)"""
        return self.activation_post_process(_t.relu(_t.add(x, y)))

    def matmul(self, x, y):
        """x @ y"""
        return self.activation_post_process(_t.matmul(x, y))
