"""Containers of parameters: ParameterList and ParameterDict.

Tensors put into them become Parameters; other values are kept as plain attributes, as PyTorch does.
"""

from collections import OrderedDict, abc

from framejit import _ops as _t
from framejit.nn.parameter import Parameter

from .container import absolute_index
from .module import Module


def _as_parameter(value):
    return Parameter(value) if isinstance(value, _t.Tensor) and not isinstance(value, Parameter) else value


def _entry_repr(value, element_name):
    """One line about an entry; the two containers name the element type differently."""
    if isinstance(value, _t.Tensor):
        sizes = "x".join(str(size) for size in value.size())
        kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
        return f"{kind} containing: [{element_name(value)} of size {sizes}]"
    return f"Object of type: {type(value).__name__}"


def _typename(value):
    from framejit._tensor import typename

    return typename(value)


class ParameterList(Module):
    """A list of parameters.

    values (iterable or None). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> held = nn.ParameterList([framejit.ones(2), framejit.zeros(3)])
    >>> len(list(held.parameters()))
    2
    """

    def __init__(self, values=None):
        super().__init__()
        self._size = 0
        if values is not None:
            self += values

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(self[i] for i in range(*index.indices(len(self))))
        return getattr(self, absolute_index(index, len(self)))

    def __setitem__(self, index, value):
        setattr(self, absolute_index(index, len(self)), _as_parameter(value))

    def __len__(self):
        return self._size

    def __iter__(self):
        return iter(self[i] for i in range(len(self)))

    def __iadd__(self, values):
        return self.extend(values)

    def __dir__(self):
        return [name for name in super().__dir__() if not name.isdigit()]

    def append(self, value):
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values):
        if not isinstance(values, abc.Iterable) or isinstance(values, _t.Tensor):
            raise TypeError("ParameterList.extend should be called with an iterable, but got " + type(values).__name__)
        for value in values:
            self.append(value)
        return self

    def extra_repr(self):
        return "\n".join(f"  ({i}): {_entry_repr(value, lambda t: t.dtype)}" for i, value in enumerate(self))

    def __call__(self, *args, **kwargs):
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Module):
    """A dict of parameters.

    parameters (dict, or iterable of pairs, or None). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> held = nn.ParameterDict({"a": framejit.ones(2)})
    >>> held["a"].requires_grad
    True
    """

    def __init__(self, parameters=None):
        super().__init__()
        self._keys = {}
        if parameters is not None:
            self.update(parameters)

    def _key_to_attr(self, key):
        if not isinstance(key, str):
            raise TypeError(
                "Index given to ParameterDict cannot be used as a key as it is not a string (type is "
                f"'{type(key).__name__}'). Open an issue on github if you need non-string keys."
            )
        return key

    def __getitem__(self, key):
        return getattr(self, self._key_to_attr(key))

    def __setitem__(self, key, value):
        attr = self._key_to_attr(key)
        self._keys[key] = None
        setattr(self, attr, _as_parameter(value))

    def __delitem__(self, key):
        del self._keys[key]
        delattr(self, self._key_to_attr(key))

    def __len__(self):
        return len(self._keys)

    def __iter__(self):
        return iter(self._keys)

    def __reversed__(self):
        return reversed(list(self._keys))

    def __contains__(self, key):
        return key in self._keys

    def copy(self):
        return ParameterDict(OrderedDict((key, self[key]) for key in self._keys))

    def setdefault(self, key, default=None):
        if key not in self._keys:
            self[key] = default
        return self[key]

    def clear(self):
        for key in list(self._keys):
            del self[key]

    def pop(self, key):
        value = self[key]
        del self[key]
        return value

    def popitem(self):
        key = list(self._keys)[-1]
        return key, self.pop(key)

    def get(self, key, default=None):
        return self[key] if key in self else default

    def fromkeys(self, keys, default=None):
        return ParameterDict((key, default) for key in keys)

    def keys(self):
        return self._keys.keys()

    def items(self):
        return ((key, self[key]) for key in self._keys)

    def values(self):
        return (self[key] for key in self._keys)

    def update(self, parameters):
        if not isinstance(parameters, abc.Iterable):
            raise TypeError(
                "ParametersDict.update should be called with an iterable of key/value pairs, but got "
                + type(parameters).__name__
            )
        if isinstance(parameters, (OrderedDict, ParameterDict)):
            pairs = parameters.items()
        elif isinstance(parameters, abc.Mapping):
            pairs = sorted(parameters.items())
        else:
            pairs = self._checked_pairs(parameters)
        for key, value in pairs:
            self[key] = value

    @staticmethod
    def _checked_pairs(pairs):
        for i, pair in enumerate(pairs):
            if not isinstance(pair, abc.Iterable):
                raise TypeError(
                    f"ParameterDict update sequence element #{i} should be Iterable; is " + type(pair).__name__
                )
            if len(pair) != 2:
                raise ValueError(f"ParameterDict update sequence element #{i} has length {len(pair)}; 2 is required")
            yield pair[0], pair[1]

    def extra_repr(self):
        return "\n".join(f"  ({key}): {_entry_repr(value, _typename)}" for key, value in self.items())

    def __call__(self, input):
        raise RuntimeError("ParameterDict should not be called.")

    def __or__(self, other):
        result = self.copy()
        result.update(other)
        return result

    def __ror__(self, other):
        result = other.copy()
        result.update(self)
        return result

    def __ior__(self, other):
        self.update(other)
        return self
