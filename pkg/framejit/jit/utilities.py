"""fork and wait, isinstance, and switches of PyTorch's executor that mean nothing here."""

import builtins
import contextlib

from . import annotations
from .boundary import fits
from .implementations import Done


def fork(func, *args, **kwargs):
    """A future of func(*args). The call is made at once; `wait` gives its result.

    func (callable). Raises what func raises.

    >>> import framejit
    >>> framejit.jit.wait(framejit.jit.fork(lambda x: x + 1, 2))
    3
    """
    return Done(func(*args, **kwargs))


def wait(future):
    """The result of a future that `fork` gave.

    future (Future). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.jit.wait(framejit.jit.fork(abs, -2))
    2
    """
    return future.wait()


def isinstance(obj, target_type):
    """Whether obj is of a type, which may be one of `typing` with arguments, or a tuple of types.

    obj (object), target_type (type or tuple of types). Raises RuntimeError for other types.

    >>> import framejit
    >>> framejit.jit.isinstance([1, 2], list[int]), framejit.jit.isinstance({"a": 1}, dict[str, str])
    (True, False)
    """
    if builtins.isinstance(target_type, tuple):
        return any(isinstance(obj, each) for each in target_type)
    found = annotations.find_type(target_type)
    if found is None:
        if builtins.isinstance(target_type, type):
            return builtins.isinstance(obj, target_type)
        raise RuntimeError(f"Unknown type annotation: '{target_type}'")
    return fits(obj, found)


class strict_fusion:
    """A context in which PyTorch's fuser may not fall back; framejit has another compiler, and this does nothing.

    >>> import framejit
    >>> with framejit.jit.strict_fusion():
    ...     pass
    """

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        return None


@contextlib.contextmanager
def optimized_execution(should_optimize):
    """A context that asks PyTorch's executor to optimise; framejit's scripts run the same in it.

    should_optimize (bool). Raises nothing of its own.

    >>> import framejit
    >>> with framejit.jit.optimized_execution(False):
    ...     pass
    """
    yield


_fusion = {"strategy": [("STATIC", 2), ("DYNAMIC", 10)], "onednn": False}


def set_fusion_strategy(strategy):
    """Notes how often PyTorch's fuser would specialise, and gives what was noted before; framejit does not use it.

    strategy (list of (str, int)). Raises nothing of its own.

    >>> import framejit
    >>> before = framejit.jit.set_fusion_strategy([("DYNAMIC", 3)])
    >>> framejit.jit.set_fusion_strategy(before)
    [('DYNAMIC', 3)]
    """
    before, _fusion["strategy"] = _fusion["strategy"], strategy
    return before


def enable_onednn_fusion(enabled):
    """Notes whether PyTorch would fuse with oneDNN; framejit does not use it.

    enabled (bool). Raises nothing of its own.

    >>> import framejit
    >>> framejit.jit.enable_onednn_fusion(False)
    """
    _fusion["onednn"] = bool(enabled)


def onednn_fusion_enabled():
    """What `enable_onednn_fusion` noted.

    >>> import framejit
    >>> framejit.jit.onednn_fusion_enabled()
    False
    """
    return _fusion["onednn"]
