"""torch.autograd: modules that framejit groups otherwise."""


def _is_checkpoint_valid():
    """Whether a reentrant checkpoint works in the backward pass that runs: always."""
    return True
