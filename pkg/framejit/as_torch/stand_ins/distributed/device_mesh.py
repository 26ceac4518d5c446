"""torch.distributed.device_mesh: there is one device, so no mesh is ever made."""

from framejit.as_torch._missing import MissingName

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """Nothing is an instance of it."""

    def __init__(self, *args, **kwargs):
        raise MissingName("torch.distributed.device_mesh.DeviceMesh: there is one device")


def init_device_mesh(*args, **kwargs):
    """Raises."""
    raise MissingName("torch.distributed.device_mesh.init_device_mesh: there is one device")
