"""torch._dynamo.backends.common: back ends made of compilers of forward and backward graphs."""

from framejit._aot import AotAutograd, aot_autograd

__all__ = ["AotAutograd", "aot_autograd"]
