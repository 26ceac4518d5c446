"""torch.version: the version, and no devices' versions."""

from .torch_version import __version__

cuda = hip = xpu = rocm = git_version = None
debug = False
