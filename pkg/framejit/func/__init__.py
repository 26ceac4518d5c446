"""Transformations of functions: gradients, batching, and calls of modules with given parameters."""

from framejit.func._grad import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp
from framejit.func._modules import functional_call, replace_all_batch_norm_modules_, stack_module_state
from framejit.func._mutation import debug_unwrap, functionalize
from framejit.func._vmap import vmap

__all__ = [
    "debug_unwrap",
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]
