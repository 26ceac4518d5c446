"""nn: modules, their functions, initialisers and helpers, with PyTorch's names."""

from . import attention, functional, grad, init, parallel, quantized, utils
from .modules import *  # noqa: F403
from .modules import modules_all as _modules_all
from .parallel import DataParallel
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    *_modules_all,
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "attention",
    "functional",
    "grad",
    "init",
    "utils",
]
