"""DataParallel."""

from framejit.nn.modules import Module


class DataParallel(Module):
    """A model over the CUDA devices that there are: none, so a call is the module's own.

    module (nn.Module), device_ids (list or None), output_device (object), dim (int). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> model = nn.DataParallel(nn.Linear(2, 1))
    >>> model(framejit.ones(3, 2)).shape, list(model.state_dict())
    (framejit.Size([3, 1]), ['module.weight', 'module.bias'])
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module = module
        self.dim = dim
        self.device_ids = []
        self.output_device = None

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)
