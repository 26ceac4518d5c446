"""set_stance: whether compiled functions compile, and with which back end."""

import functools

from framejit import _C

from .in_graph import FORBIDDEN, _breaker

STANCES = (
    "default",
    "force_eager",
    "eager_on_recompile",
    "fail_on_recompile",
    "eager_then_compile",
    "aot_eager_then_compile",
)


class _State:
    def __init__(self, stance="default", force_backend=None):
        self.stance, self.force_backend = stance, force_backend
        self.seen = set()  # entry points that have been called once, for the stances "… then compile"


_current = _State()


class set_stance:
    """Change what compiled functions do when they are called; at once, or for a block or a function's calls.

    stance (str): "default" compiles. "force_eager" runs compiled functions as plain Python. "eager_on_recompile" uses
    what is compiled and runs everything else plainly, "fail_on_recompile" raises RuntimeError instead.
    "eager_then_compile" runs the first call of each function plainly, "aot_eager_then_compile" the same with the back
    end "aot_eager".
    skip_guard_eval_unsafe (bool): permits framejit to skip guards; it never does.
    force_backend (str or callable): replaces the back end of what is compiled meanwhile.

    Raises RuntimeError for an unknown stance and for one that a back end is forced with other than "default",
    AssertionError in compiled code.

    >>> import framejit
    >>> f = framejit.compile(lambda x: x + 1)
    >>> with set_stance("fail_on_recompile"):
    ...     f(framejit.ones(2))
    Traceback (most recent call last):
        ...
    RuntimeError: <lambda> was to be compiled while the stance is 'fail_on_recompile'
    """

    def __init__(self, stance="default", *, skip_guard_eval_unsafe=False, force_backend=None):
        if not isinstance(stance, str) or stance not in STANCES:
            raise RuntimeError(f"invalid set_stance stance: {stance!r}; expected one of {', '.join(STANCES)}")
        if force_backend is not None and stance != "default":
            raise RuntimeError("set_stance: force_backend cannot be given with a stance other than 'default'")
        if force_backend is not None:
            from framejit._compile import native_backend

            force_backend = (native_backend(force_backend),)
        self._state, self._before = _State(stance, force_backend), [_current]
        _apply(self._state)

    def __enter__(self):
        if _current is not self._state:
            self._before.append(_current)
            _apply(self._state)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        _apply(self._before.pop() if self._before else _State())

    def __call__(self, function):
        _apply(self._before.pop())  # as a decorator it holds only during calls
        state = self._state

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            before = _current
            _apply(state)
            try:
                return function(*args, **kwargs)
            finally:
                _apply(before)

        return wrapper


def _apply(state):
    global _current
    _current = state
    _C._set_compile_enabled(state.stance != "force_eager")


_C._substitute(_apply, _breaker(set_stance, FORBIDDEN))


def may_compile(info):
    """Whether a function for which nothing fitting is compiled may be; raises if it must not."""
    stance = _current.stance
    if stance == "default":
        return True
    if stance == "fail_on_recompile":
        raise RuntimeError(
            f"{info['name']} was to be compiled while the stance is 'fail_on_recompile'{info.get('misses', '')}"
        )
    if stance == "eager_on_recompile":
        return False
    key = (info["code"], info["offset"])
    if info["offset"] or key in _current.seen:
        return True
    _current.seen.add(key)
    return False


def forced_backend(backend):
    """The back end that the stance asks for, or the given one."""
    return backend if _current.force_backend is None else _current.force_backend[0]
