"""torch._dynamo.eval_frame"""

from framejit._compile_module import OptimizedModule
from framejit.dynamo import (
    disable,
    explain,
    is_dynamo_supported,
    optimize,
    optimize_assert,
    reset_code_caches,
    run,
    set_stance,
)
from framejit.dynamo.testing import unsupported


def _set_stance(stance):
    """set_stance, at once."""
    return set_stance(stance)


def innermost_fn(fn):
    """The function that was compiled or disabled, under all wrappers."""
    while hasattr(fn, "_torchdynamo_orig_callable"):
        fn = fn._torchdynamo_orig_callable
    return fn
