"""Modules, and names of modules, that exist for PyTorch's programs only: `stand_ins/a/b.py` is `torch.a.b`.

This file is `torch` itself. What framejit's own users want too belongs to framejit, not here.
"""

from .torch_version import __version__
