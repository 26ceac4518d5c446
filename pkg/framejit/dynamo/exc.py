"""What compiling can raise."""

from framejit import _C
from framejit._backends import InvalidBackend


class TorchDynamoException(RuntimeError):
    """Base of what the compiler raises; the name is PyTorch's, so that its programs catch it."""


# with fullgraph=True: part of the function cannot be compiled
Unsupported = _C.UnsupportedError


class BackendCompilerFailed(TorchDynamoException):
    """A back end raised while it compiled a graph."""

    def __init__(self, backend, inner):
        name = getattr(backend, "__name__", str(backend))
        super().__init__(f"backend={name!r} raised:\n{type(inner).__name__}: {inner}")
        self.backend_name, self.inner_exception = name, inner


class FailOnRecompileLimitHit(TorchDynamoException):
    """The recompile limit was hit and the configuration forbids going on uncompiled."""


class RecompileError(TorchDynamoException):
    """A function was compiled again although the configuration forbids it."""


class ConstraintViolationError(RuntimeError):
    """A size that the program marked as dynamic can have one value only."""


class UserError(Unsupported):
    """The program asked for something that cannot be."""


__all__ = [
    "BackendCompilerFailed",
    "ConstraintViolationError",
    "FailOnRecompileLimitHit",
    "InvalidBackend",
    "RecompileError",
    "TorchDynamoException",
    "Unsupported",
    "UserError",
]
