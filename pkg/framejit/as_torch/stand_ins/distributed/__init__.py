"""torch.distributed: names that exist for annotations and questions; there is one process."""

from . import device_mesh
