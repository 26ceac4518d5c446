"""Ops answered below the tape: modes, and what classes with `__torch_dispatch__` need.

The native side puts a call, by its row's name and arguments, to `_answer`; it is told on as an operator of
`framejit.ops.aten` with PyTorch's overload and arguments.

>>> import framejit
>>> from framejit.utils._python_dispatch import TorchDispatchMode
>>> class Names(TorchDispatchMode):
...     def __torch_dispatch__(self, func, types, args=(), kwargs=None):
...         print(func)
...         return func(*args, **(kwargs or {}))
>>> with Names():
...     y = framejit.ones(2) + 1
aten.ones.default
aten.add.Tensor
"""

import contextlib

from framejit import _C
from framejit.utils import _aten_calls
from framejit.utils import _pytree as pytree

__all__ = [
    "BaseTorchDispatchMode", "TorchDispatchMode", "any_torch_dispatch_mode_on_stack", "is_in_torch_dispatch_mode",
    "is_traceable_wrapper_subclass", "is_traceable_wrapper_subclass_type", "return_and_correct_aliasing", "transform_subclass",
]  # fmt: skip


def _answer(mode, types, row, values):
    func, args, kwargs = _aten_calls.call_of(row, values)
    for asked in types if mode is None else (mode, *types):
        result = asked.__torch_dispatch__(func, types, args, kwargs)
        if result is not NotImplemented:
            return result
    names = [f"mode {mode!r}"] if mode is not None else []
    names += [f"tensor subclass {kind!r}" for kind in types]
    raise TypeError(
        f"Multiple dispatch failed for 'torch.ops.{func}'; all __torch_dispatch__ handlers returned NotImplemented:\n\n"
        + "\n".join(f"  - {text}" for text in names)
    )


_told = []  # operators by the numbers that capture knows them by
_numbers = {}


def _tell(row, values):
    """What `_answer` would put to handlers, as capture takes it apart: the operator's number, arguments, names and values."""
    func, args, kwargs = _aten_calls.call_of(row, values)
    if func not in _numbers:
        _numbers[func] = len(_told)
        _told.append(func)
    return _numbers[func], args, tuple(kwargs), tuple(kwargs.values())


def _item(tensor):
    """The number in a tensor of one element that has no memory."""
    from framejit import ops

    func = ops.aten._local_scalar_dense.default
    result = type(tensor).__torch_dispatch__(func, (type(tensor),), (tensor,), {})
    if result is NotImplemented:
        raise TypeError(f"{type(tensor).__name__}.__torch_dispatch__ gave no number for aten._local_scalar_dense")
    return result


class TorchDispatchMode:
    """While it is entered, every op below the tape calls its `__torch_dispatch__(func, types, args, kwargs)`.

    `func` is an operator of `framejit.ops.aten`; calling it goes on to the modes around, then to classes, then computes.
    Ops of a backward pass are seen, too. Compiled functions called meanwhile run op by op.

    >>> import framejit
    >>> from framejit.utils._python_dispatch import TorchDispatchMode
    >>> class Count(TorchDispatchMode):
    ...     n = 0
    ...     def __torch_dispatch__(self, func, types, args=(), kwargs=None):
    ...         self.n += 1
    ...         return func(*args, **(kwargs or {}))
    >>> x = framejit.ones(2, requires_grad=True)
    >>> with Count() as count:
    ...     x.sin().sum().backward()
    >>> count.n > 3
    True
    """

    supports_higher_order_operators = False

    def __init__(self, _dispatch_key=None):
        pass

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        _C._push_dispatch_mode(self)
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        _C._pop_dispatch_mode()

    @classmethod
    def push(cls, *args, **kwargs):
        """`Mode()`; entered it does the same."""
        return cls(*args, **kwargs)

    @classmethod
    def is_infra_mode(cls):
        """Whether it belongs to PyTorch's own machinery."""
        return False

    @classmethod
    def ignore_compile_internals(cls):
        """Whether it lets compiled functions compute as one."""
        return False


class BaseTorchDispatchMode(TorchDispatchMode):
    """A mode that calls what it is asked for."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **({} if kwargs is None else kwargs))


def is_in_torch_dispatch_mode(include_infra_modes=True):
    """Whether a mode is active in this thread."""
    return bool(_C._dispatch_modes())


def any_torch_dispatch_mode_on_stack():
    """The same of modes that programs made."""
    return bool(_C._dispatch_modes())


def _get_current_dispatch_mode_stack():
    return list(_C._dispatch_modes())


def _get_current_dispatch_mode():
    return _C._dispatch_modes()[-1] if _C._dispatch_modes() else None


def _push_mode(mode):
    _C._push_dispatch_mode(mode)


def _pop_mode(k=None):
    return _C._pop_dispatch_mode()


@contextlib.contextmanager
def _pop_mode_temporarily(k=None):
    mode = _C._pop_dispatch_mode()
    try:
        yield mode
    finally:
        _C._push_dispatch_mode(mode)


@contextlib.contextmanager
def _disable_current_modes():
    modes = [_C._pop_dispatch_mode() for _ in _C._dispatch_modes()]
    try:
        yield modes[::-1]
    finally:
        for mode in reversed(modes):
            _C._push_dispatch_mode(mode)


def is_traceable_wrapper_subclass(t):
    """Whether `t` is a tensor that says what it is made of (`__tensor_flatten__`) and how to make it again.

    t (object). Raises nothing of its own.
    """
    return isinstance(t, _C.Tensor) and is_traceable_wrapper_subclass_type(type(t))


def is_traceable_wrapper_subclass_type(t):
    """The same of a class."""
    return t is not _C.Tensor and hasattr(t, "__tensor_flatten__") and hasattr(t, "__tensor_unflatten__")


def transform_subclass(t, callback, outer_size=None, outer_stride=None):
    """A tensor like `t` of what `callback(name, part)` makes of its parts.

    t (Tensor): a traceable wrapper, callback (callable). Raises AssertionError for parts of other sizes.
    """
    outer_size = t.size() if outer_size is None else outer_size
    outer_stride = t.stride() if outer_stride is None else outer_stride
    names, context = t.__tensor_flatten__()
    parts = {name: callback(name, getattr(t, name)) for name in names}
    made = type(t).__tensor_unflatten__(parts, context, outer_size, outer_stride)
    if made.shape != outer_size:
        raise AssertionError(
            f"Expected return value from {type(t)}__tensor_unflatten__() to have shape equal to {outer_size}, "
            f"but got: {made.shape}"
        )
    return made


def return_and_correct_aliasing(func, args, kwargs, out):
    """`out` as the result of `func`: of an op that writes, the tensor that it writes to.

    func (OpOverload), args (tuple), kwargs (dict), out (Tensor or list of them). Raises nothing of its own.

    >>> import framejit
    >>> from framejit.utils._python_dispatch import return_and_correct_aliasing
    >>> x = framejit.ones(2)
    >>> return_and_correct_aliasing(framejit.ops.aten.add_.Tensor, (x, 1), {}, framejit.ones(2)) is x
    True
    """
    written = _aten_calls.written_by(func, args, kwargs or {})
    if not written:
        return out
    if isinstance(out, (tuple, list)) and len(written) == len(out):
        return type(out)(written)
    return written[0]


def _map_tensors(kind, function, tree):
    return pytree.tree_map(lambda leaf: function(leaf) if isinstance(leaf, kind) else leaf, tree)
