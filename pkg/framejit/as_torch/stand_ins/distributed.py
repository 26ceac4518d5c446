"""torch.distributed: there is none."""


def is_available():
    """False."""
    return False


def is_initialized():
    """False."""
    return False


is_mpi_available = is_nccl_available = is_gloo_available = is_ucc_available = is_torchelastic_launched = is_available
