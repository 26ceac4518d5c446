"""framejit: a just-in-time compiler for ordinary Python tensor code, with PyTorch's API."""

from framejit import _C as _C
from framejit._version import __version__ as __version__
