"""Transformations of functions: gradients, batching, and calls of modules with given parameters."""

from framejit.func._grad import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp
from framejit.func._modules import functional_call, stack_module_state
from framejit.func._vmap import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "stack_module_state",
    "vjp",
    "vmap",
]
