"""Modules, and names of modules, that exist for PyTorch's programs only: `stand_ins/a/b.py` is `torch.a.b`.

This file is `torch` itself. What framejit's own users want too belongs to framejit, not here.
"""

from framejit.as_torch._missing import Missing

from .torch_version import __version__

# dtypes that framejit lacks and programs list: using one raises
chalf = complex32 = Missing("torch.complex32")


def __getattr__(name):
    if name == "torch":  # some programs reach torch through itself
        import sys

        return sys.modules["torch"]
    raise AttributeError(f"module 'torch' has no attribute '{name}'")
