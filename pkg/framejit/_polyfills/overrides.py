"""What Tensor itself does when it is asked for a function, `Tensor.__torch_function__`."""

from framejit import _C


def tensor_torch_function(cls, func, types, args=(), kwargs=None):
    for known in types:
        if not issubclass(cls, known):
            return NotImplemented
    before = _C._set_overrides(False, True)
    try:
        result = func(*args, **({} if kwargs is None else kwargs))
    finally:
        _C._set_overrides(*before)
    return result if cls is _C.Tensor else _as_instances(result, cls)


def _as_instances(result, cls):
    if isinstance(result, _C.Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if type(result) is tuple:
        return tuple([_as_instances(item, cls) for item in result])
    if type(result) is list:
        return [_as_instances(item, cls) for item in result]
    return result


HELPERS = {"tensor_torch_function": tensor_torch_function}
