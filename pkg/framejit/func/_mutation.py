"""functionalize: functions whose changes of tensors are made at the end; and a look below transformations."""

import functools

from framejit import _C


def functionalize(func, *, remove="mutations"):
    """A function that does what `func` does. framejit's graphs have no mutations once they are differentiated or compiled, so
    that there is nothing left to take out: the function runs as it is.

    func (callable), remove (str): "mutations" or "mutations_and_views". Raises RuntimeError for another word.

    >>> import framejit
    >>> def f(x):
    ...     y = x.clone()
    ...     y.add_(1)
    ...     return y
    >>> framejit.func.functionalize(f)(framejit.zeros(2))
    tensor([1., 1.])
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='{remove}'): received invalid argument for remove={remove}. Valid options are: "
            "remove='mutations', remove='mutations_and_views'."
        )

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapped


def debug_unwrap(tensor, *, recurse=True):
    """What a transformation of functions has put inside of a tensor, to look at.

    tensor (Tensor), recurse (bool): accepted. Raises TypeError for what is no tensor.

    >>> import framejit
    >>> framejit.func.debug_unwrap(framejit.ones(1))
    tensor([1.])
    """
    return _C._func_plain(tensor)
