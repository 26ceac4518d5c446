"""set_stance: whether compiled functions compile."""

import functools

from framejit import _C

_STANCES = ("default", "force_eager")


class set_stance:
    """As a call it changes the stance; as a context manager or decorator it does so for a while.

    "default" compiles, "force_eager" runs compiled functions as plain Python.
    """

    _current = "default"

    def __init__(self, stance="default", *, skip_guard_eval_unsafe=False, force_backend=None):
        if stance not in _STANCES:
            raise RuntimeError(f"invalid framejit.compiler.set_stance stance: {stance!r}; it is one of {_STANCES}")
        if force_backend is not None:
            raise RuntimeError("set_stance: force_backend is not supported; give the back end to compile()")
        self._stance = stance
        self._before = set_stance._current
        self._apply(stance)

    @staticmethod
    def _apply(stance):
        set_stance._current = stance
        _C._set_compile_enabled(stance == "default")

    def __enter__(self):
        self._apply(self._stance)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self._apply(self._before)

    def __call__(self, function):
        self._apply(self._before)  # as a decorator it holds only during calls

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with set_stance(self._stance):
                return function(*args, **kwargs)

        return wrapper
