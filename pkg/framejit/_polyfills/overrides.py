"""What Tensor itself does when it is asked for a function, `Tensor.__torch_function__`."""

from framejit import _C

# Attributes that stay what they are: another tensor's gradient, or the tensor that this is a view of.
_NOT_WRAPPED = (_C.Tensor._base.__get__, _C.Tensor.grad.__get__, _C.Tensor._grad.__get__)


def tensor_torch_function(cls, func, types, args=(), kwargs=None):
    for known in types:
        if not issubclass(cls, known):
            return NotImplemented
    before = _C._set_overrides(False, True)
    try:
        result = func(*args, **({} if kwargs is None else kwargs))
    finally:
        _C._set_overrides(*before)
    return result if cls is _C.Tensor or func in _NOT_WRAPPED else _as_instances(result, cls)


def _as_instances(result, cls):
    if isinstance(result, _C.Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)) and any([isinstance(item, (_C.Tensor, tuple, list)) for item in result]):
        return type(result)([_as_instances(item, cls) for item in result])
    return result


HELPERS = {"tensor_torch_function": tensor_torch_function}
