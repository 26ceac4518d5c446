"""torch.testing._internal.two_tensor: a subclass that needs __torch_dispatch__, which framejit does not have."""


class TwoTensor:
    """Raises NotImplementedError when made."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError("TwoTensor needs __torch_dispatch__, which framejit does not have")
