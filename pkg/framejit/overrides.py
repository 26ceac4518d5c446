"""Classes and modes that answer functions of tensors themselves, by `__torch_function__`.

A function, method, operator or attribute of tensors that meets an instance of such a class calls its
`__torch_function__(func, types, args, kwargs)`, subclasses before what they are made from; NotImplemented passes the call on
to the next one. What Tensor itself has there gives results of the subclass.
"""

import functools
import types

from framejit import _C, _overridable

__all__ = [
    "BaseTorchFunctionMode", "TorchFunctionMode", "get_default_nowrap_functions", "get_ignored_functions",
    "get_overridable_functions", "get_testing_overrides", "handle_torch_function", "has_torch_function",
    "is_tensor_like", "is_tensor_method_or_property", "resolve_name", "wrap_torch_function",
]  # fmt: skip

_overridable.install()


def has_torch_function(relevant_args):
    """Whether one of the arguments, or a mode, answers functions itself.

    relevant_args (iterable). Raises TypeError for others.

    >>> import framejit
    >>> class Mine(framejit.Tensor):
    ...     pass
    >>> framejit.overrides.has_torch_function((framejit.ones(1), framejit.ones(1).as_subclass(Mine)))
    True
    """
    return _C._has_override(*relevant_args)


def has_torch_function_unary(argument):
    """The same of one argument."""
    return _C._has_override(argument)


def has_torch_function_variadic(*arguments):
    """The same of several."""
    return _C._has_override(*arguments)


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """What the arguments that answer make of a call of `public_api`.

    public_api (callable), relevant_args (iterable): those that are asked; the others are passed on. Raises TypeError where
    none answers.

    >>> import framejit
    >>> from framejit.overrides import handle_torch_function, has_torch_function
    >>> class Loud:
    ...     @classmethod
    ...     def __torch_function__(cls, func, types, args=(), kwargs=None):
    ...         return "heard " + func.__name__
    >>> def twice(x):
    ...     if has_torch_function((x,)):
    ...         return handle_torch_function(twice, (x,), x)
    ...     return 2 * x
    >>> twice(Loud())
    'heard twice'
    """
    return _C._ask(public_api, args, kwargs, tuple(relevant_args))


def is_tensor_like(inp):
    """Whether `inp` is a tensor or has `__torch_function__`.

    inp (object). Raises nothing of its own.

    >>> import framejit
    >>> framejit.overrides.is_tensor_like(framejit.ones(1)), framejit.overrides.is_tensor_like(1)
    (True, False)
    """
    return isinstance(inp, _C.Tensor) or hasattr(inp, "__torch_function__")


def wrap_torch_function(dispatcher):
    """A decorator: the function asks the arguments that `dispatcher` names.

    dispatcher (callable): takes the function's arguments and gives those to ask. Raises nothing of its own.

    >>> import framejit
    >>> @framejit.overrides.wrap_torch_function(lambda x: (x,))
    ... def twice(x):
    ...     return 2 * x
    >>> twice(framejit.ones(1))
    tensor([2.])
    """

    def decorate(function):
        @functools.wraps(function)
        def asking(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(asking, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return asking

    return decorate


@functools.cache
def get_default_nowrap_functions():
    """Attributes whose results stay what they are: `_base`, `grad`, `_grad`.

    >>> import framejit
    >>> len(framejit.overrides.get_default_nowrap_functions())
    3
    """
    return {vars(_C.Tensor)[name].__get__ for name in ("_base", "grad", "_grad")}


def _is_overridable(name, value):
    kind = type(value).__name__
    if not _overridable._is_public(name) or name in _NEVER:
        return False
    return value in _overridable._installed if isinstance(value, types.FunctionType) else kind in _KINDS


_KINDS = frozenset("OpFunction OpMethod method_descriptor getset_descriptor wrapper_descriptor".split())
_NEVER = frozenset(
    "__dict__ __hash__ __new__ __init__ __getattribute__ __setattr__ __delattr__ __dictoffset__ __weaklistoffset__".split()
)


def get_overridable_functions():
    """What can be overridden: a dict from the namespaces to lists of their functions, methods and attributes.

    >>> import framejit
    >>> framejit.add in framejit.overrides.get_overridable_functions()[framejit]
    True
    """
    import importlib

    found = {}
    for name, space in _overridable.namespaces():
        home = _C.Tensor if name == "framejit.Tensor" else importlib.import_module(name)
        functions = []
        for key, value in list(space.items()):
            try:
                overridable = _is_overridable(key, value)
            except TypeError:  # what has no hash
                continue
            if overridable:
                getset = type(value).__name__ == "getset_descriptor"
                functions.append(value.__get__ if getset else value)
        found[home] = functions
    return found


@functools.cache
def get_ignored_functions():
    """Public functions that no argument answers.

    >>> import framejit
    >>> framejit.is_tensor in framejit.overrides.get_ignored_functions()
    True
    """
    ignored = set()
    for _, space in _overridable.namespaces():
        for key, value in list(space.items()):
            if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)) and not key.startswith("_"):
                if isinstance(value, types.BuiltinFunctionType) or value not in _overridable._installed:
                    ignored.add(value)
    return ignored


@functools.cache
def get_testing_overrides():
    """For each function that can be overridden one with as many arguments that does nothing.

    >>> import framejit
    >>> framejit.overrides.get_testing_overrides()[framejit.relu](None)
    -1
    """
    return {f: (lambda *args, **kwargs: -1) for functions in get_overridable_functions().values() for f in functions}


@functools.cache
def _names():
    import importlib

    found = {}
    for name, _ in _overridable.namespaces():
        home = _C.Tensor if name == "framejit.Tensor" else importlib.import_module(name)
        for key, value in list(vars(home).items()):
            if type(value).__name__ == "getset_descriptor":
                found.setdefault(value.__get__, f"{name}.{key}.__get__")
                found.setdefault(value.__set__, f"{name}.{key}.__set__")
            elif callable(value):
                try:
                    found.setdefault(value, f"{name}.{key}")
                except TypeError:
                    continue
    return found


def resolve_name(f):
    """The name by which a function that was overridden is known; None for others.

    f (callable). Raises nothing of its own.

    >>> import framejit
    >>> framejit.overrides.resolve_name(framejit.Tensor.add), framejit.overrides.resolve_name(framejit.add)
    ('framejit.Tensor.add', 'framejit.add')
    """
    return _names().get(f)


def is_tensor_method_or_property(func):
    """Whether a function is a method of Tensor, or reads one of its attributes.

    func (callable). Raises nothing of its own.

    >>> import framejit
    >>> framejit.overrides.is_tensor_method_or_property(framejit.Tensor.shape.__get__)
    True
    """
    return func in _methods() or getattr(func, "__name__", "") == "__get__"


@functools.cache
def _methods():
    return frozenset(get_overridable_functions()[_C.Tensor])


class TorchFunctionMode:
    """While it is entered, every function of tensors calls its `__torch_function__`, whatever the arguments are.

    The mode itself is not asked while it answers.

    >>> import framejit
    >>> class Names(framejit.overrides.TorchFunctionMode):
    ...     def __torch_function__(self, func, types, args=(), kwargs=None):
    ...         print(func.__name__)
    ...         return func(*args, **(kwargs or {}))
    >>> with Names():
    ...     x = framejit.ones(2).sum()
    ones
    sum
    """

    def __init__(self):
        pass

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        _C._push_override_mode(self)
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        _C._pop_override_mode()

    @classmethod
    def push(cls, *args, **kwargs):
        """`Mode()`; entered it does the same."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that calls what it is asked for."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **({} if kwargs is None else kwargs))


class _Asking:
    """A context in which objects, or objects and modes, are not asked."""

    def __enter__(self):
        self._before = _C._set_overrides(*self._wanted)
        return self

    def __exit__(self, *error):
        _C._set_overrides(*self._before)


class DisableTorchFunctionSubclass(_Asking):
    """A context in which no object answers functions; modes do."""

    _wanted = (False, True)


class DisableTorchFunction(_Asking):
    """A context in which neither objects nor modes answer functions."""

    _wanted = (False, False)


def _get_current_function_mode():
    """The innermost mode, or None."""
    modes = _C._override_modes()
    return modes[-1] if modes else None


def _get_current_function_mode_stack():
    """The modes that are entered, the innermost last."""
    return list(_C._override_modes())
