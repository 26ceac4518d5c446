"""Autocast for functions written in Python whose counterparts in PyTorch are single ops on one of its lists."""

import functools

from framejit import _C


def listed(*tensors, name=None):
    """Decorator: under autocast, the named arguments are cast as the table says for `name`, by default the function's."""

    def decorate(function, name=name):
        name = name or function.__name__
        positions = {arg: i for i, arg in enumerate(function.__code__.co_varnames[: function.__code__.co_argcount])}

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            if not _C.is_autocast_enabled("cpu"):
                return function(*args, **kwargs)
            args = list(args)
            for tensor in tensors:
                at = positions[tensor]
                if at < len(args):
                    args[at] = _C._autocast_args(name, args[at])[0]
                elif tensor in kwargs:
                    kwargs[tensor] = _C._autocast_args(name, kwargs[tensor])[0]
            _C.set_autocast_enabled("cpu", False)
            try:
                return function(*args, **kwargs)
            finally:
                _C.set_autocast_enabled("cpu", True)

        return wrapper

    return decorate
