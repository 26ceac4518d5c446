"""DistributedDataParallel."""

from framejit.nn.modules import Module


class DistributedDataParallel(Module):
    """A model over several processes. There is no process group, so making one raises RuntimeError, as in PyTorch before
    `init_process_group`; the class is there for programs that ask whether a model is one."""

    def __init__(self, module, *args, **kwargs):
        raise RuntimeError(
            "Default process group has not been initialized, please make sure to call init_process_group."
        )
