"""What compiling can raise. The names are PyTorch's, so that its programs catch them."""

import enum

from framejit import _C
from framejit._backends import InvalidBackend

# with fullgraph=True: part of the function cannot be compiled
Unsupported = _C.UnsupportedError
# base of what the compiler raises
TorchDynamoException = Unsupported.__base__
TorchDynamoException.__module__ = __name__


class InternalTorchDynamoError(TorchDynamoException):
    """Compiling failed by no fault of the compiled function: its cause tells, for example a callback that raised."""


class BackendCompilerFailed(TorchDynamoException):
    """A back end raised while it compiled a graph, or gave something that cannot be called; the cause is its error."""

    def __init__(self, backend_fn, inner_exception, first_useful_frame=None):
        self.backend_name = getattr(backend_fn, "__name__", None) or str(backend_fn)
        self.inner_exception = inner_exception
        super().__init__(f"backend={self.backend_name!r} raised:\n{type(inner_exception).__name__}: {inner_exception}")


class ResetRequired(TorchDynamoException):
    """`framejit.dynamo.reset()` must be called first."""

    def __init__(self):
        super().__init__("Must call `framejit.dynamo.reset()` before changing backends.")


class TorchRuntimeError(TorchDynamoException):
    """An op of a captured graph raised while its result was worked out."""


class FailOnRecompileLimitHit(Exception):
    """The recompile limit was hit with fullgraph=True, or config.fail_on_recompile_limit_hit is set."""


class RecompileError(TorchDynamoException):
    """A function was to be compiled again although config.error_on_recompile is set."""


class ConstraintViolationError(RuntimeError):
    """A size that the program marked as dynamic can have one value only."""


class IncorrectUsage(Exception):
    """A direction to the compiler was given for something that it is not for."""


class UserErrorType(enum.Enum):
    """The kinds of UserError."""

    DYNAMIC_CONTROL_FLOW = enum.auto()
    ANTI_PATTERN = enum.auto()
    STANDARD_LIBRARY = enum.auto()
    CONSTRAINT_VIOLATION = enum.auto()
    DYNAMIC_DIM = enum.auto()
    INVALID_INPUT = enum.auto()
    INVALID_OUTPUT = enum.auto()
    UNSUPPORTED_ALIASED_MUTATED_DYNAMIC_INPUTS = enum.auto()


class UserError(TorchDynamoException):
    """The program asked for something that cannot be."""

    def __init__(self, error_type, msg="", case_name=None):
        super().__init__(msg)
        self.error_type, self.message = error_type, msg


class UncapturedHigherOrderOpError(TorchDynamoException):
    """The function given to a higher-order op cannot be captured."""


class CondOpArgsMismatchError(TorchDynamoException):
    """The branches of a cond do not fit each other."""


class SkipFrame(TorchDynamoException):
    """Raised by a back end: run this function uncompiled."""


class PackageError(TorchDynamoException):
    """A saved compiled function does not fit this process."""


__all__ = [
    "BackendCompilerFailed",
    "CondOpArgsMismatchError",
    "ConstraintViolationError",
    "FailOnRecompileLimitHit",
    "IncorrectUsage",
    "InternalTorchDynamoError",
    "InvalidBackend",
    "PackageError",
    "RecompileError",
    "ResetRequired",
    "SkipFrame",
    "TorchDynamoException",
    "TorchRuntimeError",
    "UncapturedHigherOrderOpError",
    "Unsupported",
    "UserError",
    "UserErrorType",
]
