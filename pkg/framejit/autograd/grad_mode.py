"""no_grad and its kin: each is a context manager and a decorator over the native mode switches.

The switches themselves are per thread and live in the extension; these classes only set and restore them.
"""

import functools

from framejit import _C

_CO_GENERATOR = 0x20  # inspect.CO_GENERATOR; importing inspect would cost more than all of this package's start


class _ModeSwitch:
    """Sets a mode on entry and restores it on exit; decorating a function wraps every call of it."""

    def clone(self):
        return type(self)()

    def __call__(self, function):
        if isinstance(function, type):
            raise TypeError("a grad mode decorates functions and methods, not classes")
        make = self.clone
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & _CO_GENERATOR:
            return _wrap_generator(make, function)

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with make():
                return function(*args, **kwargs)

        return wrapper


def _wrap_generator(make, function):
    """The mode holds while the generator's own code runs, not while its consumer's does."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        generator = function(*args, **kwargs)
        resume, value = generator.send, None
        while True:
            try:
                with make():
                    result = resume(value)
            except StopIteration as stop:
                return stop.value
            try:
                resume, value = generator.send, (yield result)
            except GeneratorExit:
                with make():
                    generator.close()
                raise
            except BaseException as error:
                resume, value = generator.throw, error

    return wrapper


class no_grad(_ModeSwitch):
    """Nothing done inside is recorded for gradients.

    function (callable or None). Raises nothing of its own.

    >>> import framejit
    >>> x = framejit.ones(1, requires_grad=True)
    >>> with framejit.no_grad():
    ...     print((x * 2).requires_grad)
    False
    """

    def __new__(cls, function=None):
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self):
        self.previous = _C.is_grad_enabled()
        _C._set_grad_enabled(False)

    def __exit__(self, exc_type, exc_value, traceback):
        _C._set_grad_enabled(self.previous)


class enable_grad(no_grad):
    """Gradients are recorded inside, also within `no_grad`.

    >>> import framejit
    >>> x = framejit.ones(1, requires_grad=True)
    >>> with framejit.no_grad(), framejit.enable_grad():
    ...     print((x * 2).requires_grad)
    True
    """

    def __enter__(self):
        self.previous = _C.is_grad_enabled()
        _C._set_grad_enabled(True)


class set_grad_enabled(_ModeSwitch):
    """Switches recording on or off at once; as a context manager it restores the old mode.

    mode (bool). Raises nothing of its own.

    >>> import framejit
    >>> x = framejit.ones(1, requires_grad=True)
    >>> with framejit.set_grad_enabled(False):
    ...     print((x * 2).requires_grad)
    False
    """

    def __init__(self, mode):
        self.mode = bool(mode)
        self.previous = _C.is_grad_enabled()
        _C._set_grad_enabled(self.mode)

    def clone(self):
        return set_grad_enabled(self.mode)

    def __call__(self, function):
        _C._set_grad_enabled(self.previous)
        return super().__call__(function)

    def __enter__(self):
        _C._set_grad_enabled(self.mode)

    def __exit__(self, exc_type, exc_value, traceback):
        _C._set_grad_enabled(self.previous)


class inference_mode(_ModeSwitch):
    """Like `no_grad`, and tensors made inside can never take part in a backward pass.

    mode (bool). Raises nothing of its own.

    >>> import framejit
    >>> with framejit.inference_mode():
    ...     print(framejit.ones(1).is_inference())
    True
    """

    def __new__(cls, mode=True):
        self = super().__new__(cls)
        if callable(mode) and not isinstance(mode, bool):
            self.mode = True
            return self(mode)
        return self

    def __init__(self, mode=True):
        self.mode = bool(mode)

    def clone(self):
        return inference_mode(self.mode)

    def __enter__(self):
        self.previous = (_C.is_inference_mode_enabled(), _C.is_grad_enabled())
        _C._set_inference_mode(self.mode)
        if self.mode:
            _C._set_grad_enabled(False)

    def __exit__(self, exc_type, exc_value, traceback):
        _C._set_inference_mode(self.previous[0])
        _C._set_grad_enabled(self.previous[1])
