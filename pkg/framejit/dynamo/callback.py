"""Functions that are called when a compilation starts and when it has ended.

>>> import framejit
>>> from framejit.dynamo import callback
>>> @callback.on_compile_start
... def started(args):
...     print("compiling", args.compile_id)
>>> framejit.dynamo.reset(); _ = callback.on_compile_start(started)
>>> _ = framejit.compile(lambda x: x + 1)(framejit.ones(2))
compiling 0/0
>>> callback.callback_handler.remove_all_callbacks()
"""

import contextlib
import enum
from dataclasses import dataclass

from . import exc


class CallbackTrigger(enum.Enum):
    """What made the compiler work; an enum. framejit's callbacks always get DYNAMO.

    value (int): the number of the member. Raises ValueError for a number that is none.

    >>> CallbackTrigger.DYNAMO.value
    1
    """

    DYNAMO = 1
    LAZY_BACKWARD = 2
    TRITON_AUTOTUNING = 3
    CUDAGRAPH_RECORDING = 4


@dataclass
class CallbackArgs:
    """What a callback is given.

    callback_trigger (CallbackTrigger): why. compile_id (str): "function/how often" of the segment that is compiled.
    Raises TypeError if one of them is missing.

    >>> CallbackArgs(CallbackTrigger.DYNAMO, "0/0").compile_id
    '0/0'
    """

    callback_trigger: CallbackTrigger
    compile_id: str


class CompilationCallbackHandler:
    """The registered callbacks. Each compiled segment makes one call of each start and one of each end callback.

    >>> handler = CompilationCallbackHandler()
    >>> _ = handler.register_start_callback(lambda args: print("compiling", args.compile_id))
    >>> with handler.install_callbacks(CallbackTrigger.DYNAMO, "3/0"):
    ...     print("at work")
    compiling 3/0
    at work
    """

    def __init__(self):
        self.start_callbacks, self.end_callbacks = [], []
        self._depth = 0

    def register_start_callback(self, callback):
        """Add a start callback and give it back."""
        self.start_callbacks.append(callback)
        return callback

    def register_end_callback(self, callback):
        """Add an end callback and give it back."""
        self.end_callbacks.append(callback)
        return callback

    def remove_start_callback(self, callback):
        """Remove one. Raises ValueError if it was not there."""
        self.start_callbacks.remove(callback)

    def remove_end_callback(self, callback):
        """Remove one. Raises ValueError if it was not there."""
        self.end_callbacks.remove(callback)

    def remove_all_callbacks(self):
        """Remove all; `framejit.dynamo.reset()` does it too."""
        self.start_callbacks.clear()
        self.end_callbacks.clear()

    clear = remove_all_callbacks

    def run_start_callbacks(self, args):
        """Call them, unless a compilation is going on already."""
        self._depth += 1
        try:
            self._run("on_compile_start", self.start_callbacks, args, self._depth == 1)
        except BaseException:
            self._depth -= 1
            raise

    def run_end_callbacks(self, args):
        """The counterpart."""
        self._depth -= 1
        self._run("on_compile_end", self.end_callbacks, args, self._depth == 0)

    @staticmethod
    def _run(kind, callbacks, args, outermost):
        for callback in list(callbacks) if outermost else ():
            try:
                callback(args)
            except Exception as error:
                name = getattr(callback, "__name__", repr(callback))
                raise exc.InternalTorchDynamoError(f"the {kind} callback {name} raised {error!r}") from error

    @contextlib.contextmanager
    def install_callbacks(self, trigger, compile_id):
        """Start callbacks before the block, end callbacks after it."""
        args = CallbackArgs(trigger, compile_id)
        self.run_start_callbacks(args)
        try:
            yield
        finally:
            self.run_end_callbacks(args)


callback_handler = CompilationCallbackHandler()


def on_compile_start(callback):
    """Call `callback(args)` whenever a compilation starts. Usable as a decorator; gives callback back.

    callback (callable): takes a CallbackArgs. What it raises reaches the caller of the compiled function as
    `dynamo.exc.InternalTorchDynamoError`, with the error as its cause. `dynamo.reset()` forgets all callbacks.

    >>> import framejit
    >>> @on_compile_start
    ... def started(args):
    ...     print("compiling", args.compile_id)
    >>> framejit.dynamo.reset(); _ = on_compile_start(started)
    >>> _ = framejit.compile(lambda x: x + 1)(framejit.ones(2))
    compiling 0/0
    >>> callback_handler.remove_all_callbacks()
    """
    return callback_handler.register_start_callback(callback)


def on_compile_end(callback):
    """Call `callback(args)` whenever a compilation has ended. Usable as a decorator; gives callback back.

    callback (callable): takes a CallbackArgs. What it raises reaches the caller of the compiled function as
    `dynamo.exc.InternalTorchDynamoError`, with the error as its cause. `dynamo.reset()` forgets all callbacks.

    >>> import framejit
    >>> framejit.dynamo.reset()
    >>> _ = on_compile_end(lambda args: print("compiled", args.compile_id))
    >>> _ = framejit.compile(lambda x: 3 - x)(framejit.ones(2))
    compiled 0/0
    >>> callback_handler.remove_all_callbacks()
    """
    return callback_handler.register_end_callback(callback)
