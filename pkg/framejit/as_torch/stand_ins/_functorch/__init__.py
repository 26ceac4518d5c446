"""torch._functorch, and what `functorch` has beside torch.func, which replaced it."""

import functools
import warnings

from framejit import func
from framejit.compiler import is_compiling
from framejit.fx.experimental.proxy_tensor import make_fx

from .make_functional import combine_state_for_ensemble, make_functional, make_functional_with_buffers


def _replaced(name, new):
    function = getattr(func, name)

    @functools.wraps(function)
    def old(*args, **kwargs):
        if not is_compiling():
            warnings.warn(
                f"We've integrated functorch into PyTorch. As the final step of the integration, `functorch.{name}` is "
                "deprecated as of PyTorch 2.0 and will be deleted in a future version of PyTorch >= 2.3. Please use "
                f"`{new}` instead.",
                FutureWarning,
                stacklevel=2,
            )
        return function(*args, **kwargs)

    return old


vmap = _replaced("vmap", "torch.vmap")
grad, grad_and_value, vjp, jvp, jacrev, jacfwd, hessian, functionalize = (
    _replaced(name, f"torch.func.{name}")
    for name in ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "functionalize")
)

__all__ = [
    "combine_state_for_ensemble",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "make_functional",
    "make_functional_with_buffers",
    "make_fx",
    "vjp",
    "vmap",
]
