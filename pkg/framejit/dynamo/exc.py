"""What compiling can raise. The names are PyTorch's, so that its programs catch them."""

import enum

from framejit import _C
from framejit._backends import InvalidBackend

Unsupported = _C.UnsupportedError
# base of what the compiler raises
TorchDynamoException = Unsupported.__base__
TorchDynamoException.__module__ = __name__
Unsupported.__doc__ = """With fullgraph=True: part of the function cannot be compiled. The text says what, where and what helps.

>>> import framejit
>>> try:
...     framejit.compile(lambda x: print(x), fullgraph=True)(framejit.ones(2))
... except Unsupported as error:
...     print(str(error).splitlines()[0])
fullgraph=True, but <lambda> cannot be captured whole: native_call (a call of a function written in C): print()
"""
TorchDynamoException.__doc__ = """The base of what the compiler raises.

>>> import framejit
>>> try:
...     framejit.compile(lambda x: x, backend="nobody's")
... except TorchDynamoException as error:
...     print(type(error).__name__)
InvalidBackend
"""


class InternalTorchDynamoError(TorchDynamoException):
    """Compiling failed by no fault of the compiled function: its cause tells, for example a callback that raised.

    >>> import framejit
    >>> _ = framejit.dynamo.on_compile_start(lambda args: 1 / 0)
    >>> try:
    ...     framejit.compile(lambda x: x + 1)(framejit.ones(2))
    ... except InternalTorchDynamoError as error:
    ...     print(error)
    ... finally:
    ...     framejit.dynamo.reset()
    the on_compile_start callback <lambda> raised ZeroDivisionError('division by zero')
    """


class BackendCompilerFailed(TorchDynamoException):
    """A back end raised while it compiled a graph, or gave something that cannot be called; the cause is its error.

    >>> import framejit
    >>> try:
    ...     framejit.compile(lambda x: x + 1, backend=lambda gm, example_inputs: 7)(framejit.ones(2))
    ... except BackendCompilerFailed as error:
    ...     print(error)
    backend='<lambda>' raised:
    TypeError: a back end must return a callable, but this one returned int
    """

    def __init__(self, backend_fn, inner_exception, first_useful_frame=None):
        self.backend_name = getattr(backend_fn, "__name__", None) or str(backend_fn)
        self.inner_exception = inner_exception
        super().__init__(f"backend={self.backend_name!r} raised:\n{type(inner_exception).__name__}: {inner_exception}")


class ResetRequired(TorchDynamoException):
    """`framejit.dynamo.reset()` must be called first. framejit never needs that; programs may catch it.

    >>> print(ResetRequired())
    Must call `framejit.dynamo.reset()` before changing backends.
    """

    def __init__(self):
        super().__init__("Must call `framejit.dynamo.reset()` before changing backends.")


class TorchRuntimeError(TorchDynamoException):
    """An op of a captured graph raised while its result was worked out. framejit raises what the op raises when it
    runs eagerly; programs may catch this class.

    >>> issubclass(TorchRuntimeError, TorchDynamoException)
    True
    """


class FailOnRecompileLimitHit(Exception):
    """The recompile limit was hit with fullgraph=True, or config.fail_on_recompile_limit_hit is set.

    >>> import framejit
    >>> f = framejit.compile(lambda x, word: x + len(word), fullgraph=True, recompile_limit=1)
    >>> _ = f(framejit.ones(2), "a")
    >>> try:
    ...     f(framejit.ones(2), "bb")
    ... except FailOnRecompileLimitHit:
    ...     print("compiled once, and that is all")
    compiled once, and that is all
    """


class RecompileError(TorchDynamoException):
    """A function was to be compiled again although config.error_on_recompile is set.

    >>> import framejit
    >>> f = framejit.compile(lambda x, word: x + len(word))
    >>> _ = f(framejit.ones(2), "a")
    >>> with framejit.dynamo.config.patch(error_on_recompile=True):
    ...     f(framejit.ones(2), "bb")
    Traceback (most recent call last):
        ...
    framejit.dynamo.exc.RecompileError: ...
    """


class ConstraintViolationError(RuntimeError):
    """A size that the program marked as dynamic can have one value only.

    >>> import framejit
    >>> x = framejit.ones(3)
    >>> framejit.dynamo.mark_dynamic(x, 0)
    >>> framejit.compile(lambda x: x + framejit.ones(3))(x)
    Traceback (most recent call last):
        ...
    framejit.dynamo.exc.ConstraintViolationError: ...
    """


class IncorrectUsage(Exception):
    """A direction to the compiler was given for a function that it is not for.

    >>> import framejit
    >>> framejit.dynamo.disallow_in_graph(lambda: None)
    Traceback (most recent call last):
        ...
    framejit.dynamo.exc.IncorrectUsage: ...
    """


class UserErrorType(enum.Enum):
    """The kinds of UserError; an enum.

    value (int): the number of the member. Raises ValueError for a number that is none.

    >>> UserErrorType.DYNAMIC_DIM.name
    'DYNAMIC_DIM'
    """

    DYNAMIC_CONTROL_FLOW = enum.auto()
    ANTI_PATTERN = enum.auto()
    STANDARD_LIBRARY = enum.auto()
    CONSTRAINT_VIOLATION = enum.auto()
    DYNAMIC_DIM = enum.auto()
    INVALID_INPUT = enum.auto()
    INVALID_OUTPUT = enum.auto()
    UNSUPPORTED_ALIASED_MUTATED_DYNAMIC_INPUTS = enum.auto()


class UserError(TorchDynamoException):
    """The program asked for something that cannot be.

    error_type (UserErrorType), msg (str): kept as `error_type` and `message`.

    >>> UserError(UserErrorType.INVALID_INPUT, "a list is needed").message
    'a list is needed'
    """

    def __init__(self, error_type, msg="", case_name=None):
        super().__init__(msg)
        self.error_type, self.message = error_type, msg


class UncapturedHigherOrderOpError(TorchDynamoException):
    """The function given to a higher-order op cannot be captured.

    >>> issubclass(UncapturedHigherOrderOpError, TorchDynamoException)
    True
    """


class CondOpArgsMismatchError(TorchDynamoException):
    """The branches of a cond do not fit each other.

    >>> issubclass(CondOpArgsMismatchError, TorchDynamoException)
    True
    """


class RestartAnalysis(TorchDynamoException):
    """Capturing begins again. framejit does that by itself and never raises it; programs may catch it.

    >>> issubclass(RestartAnalysis, TorchDynamoException)
    True
    """


class SkipFrame(TorchDynamoException):
    """Raised by a back end: run the captured graph op by op.

    >>> import framejit
    >>> def refuse(gm, example_inputs):
    ...     raise SkipFrame
    >>> framejit.compile(lambda x: x + 1, backend=refuse)(framejit.ones(2)).tolist()
    [2.0, 2.0]
    """


class PackageError(TorchDynamoException):
    """A saved compiled function does not fit this process. framejit saves none; programs may catch it.

    >>> issubclass(PackageError, TorchDynamoException)
    True
    """


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
    "RestartAnalysis",
    "SkipFrame",
    "TorchDynamoException",
    "TorchRuntimeError",
    "UncapturedHigherOrderOpError",
    "Unsupported",
    "UserError",
    "UserErrorType",
]
