"""DistributedDataParallel."""

import contextlib

from framejit import distributed
from framejit.nn.modules import Module


class DistributedDataParallel(Module):
    """A model over the processes of a group, of which there is one: a call is the module's own.

    module (nn.Module), device_ids (list or None), output_device (object), dim (int), broadcast_buffers (bool),
    process_group (object); the others are accepted. Raises ValueError before `init_process_group`, RuntimeError for a
    module without parameters.

    init_sync (object).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> model = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    >>> model(framejit.ones(3, 2)).shape
    framejit.Size([3, 1])
    >>> dist.destroy_process_group()
    """

    def __init__(
        self, module, device_ids=None, output_device=None, dim=0, broadcast_buffers=True, init_sync=True, process_group=None,
        **options,
    ):  # fmt: skip
        super().__init__()
        self.process_group = distributed._group(process_group)
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient."
            )
        self.module = module
        self.device_ids = device_ids
        self.output_device = output_device
        self.dim = dim
        self.broadcast_buffers = broadcast_buffers

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)

    @contextlib.contextmanager
    def no_sync(self):
        """A context without exchange of gradients."""
        yield
