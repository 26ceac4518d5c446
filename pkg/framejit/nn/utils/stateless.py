"""The older place of `framejit.func.functional_call`."""

import warnings

__all__ = ["functional_call"]


def functional_call(module, parameters_and_buffers, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """`framejit.func.functional_call`, which this warns to use.

    module (nn.Module), parameters_and_buffers (dict of str to Tensor), args (tuple or one argument), kwargs (dict or None),
    tie_weights, strict (bool). Raises what that raises.

    >>> import framejit
    >>> framejit.nn.utils.stateless.functional_call(framejit.nn.Linear(1, 1, bias=False), {"weight": framejit.ones(1, 1)}, framejit.ones(1))
    tensor([1.])
    """
    from framejit.func import functional_call as replacement

    warnings.warn(
        "This API is deprecated as of PyTorch 2.0 and will be removed in a future version of PyTorch. "
        "Please use torch.func.functional_call instead which is a drop-in replacement for this API.",
        FutureWarning,
        stacklevel=2,
    )
    return replacement(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
