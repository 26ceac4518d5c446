"""Parametrizations: a parameter that is computed from others each time it is read.

`register_parametrization(module, name, p)` replaces the parameter `name` by a property that returns p(original); the
original is kept in `module.parametrizations[name]`. Within `cached()` each is computed once.
"""

import collections
import contextlib
import copy

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad as _no_grad
from framejit.nn.modules.container import ModuleDict, ModuleList
from framejit.nn.parameter import Parameter

_cache_enabled = 0
_cache = {}


@contextlib.contextmanager
def cached():
    """While active, each parametrized tensor is computed at most once.

    >>> import framejit
    >>> from framejit import nn
    >>> with nn.utils.parametrize.cached():
    ...     framejit.nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)).weight.shape
    framejit.Size([3, 2])
    """
    global _cache_enabled
    _cache_enabled += 1
    try:
        yield
    finally:
        _cache_enabled -= 1
        if not _cache_enabled:
            _cache.clear()


def _set_tensor_in_place(tensor, value):
    """Give the parameter's object new contents, so that optimizers which hold it go on."""
    with _no_grad():
        tensor.data = value


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied in order, with the original tensor or tensors they start from.

    modules (iterable of nn.Module), original (Tensor), unsafe (bool). Raises ValueError (ParametrizationList requires
    one or more modules; When `right_inverse` outputs one tensor, it may not change the dtype; A parametrization must
    return a tensor. Got …).

    >>> from framejit import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> type(layer.parametrizations.weight).__name__
    'ParametrizationList'
    """

    def __init__(self, modules, original, unsafe=False):
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        with _no_grad():
            new = self._inverted(original)
        self.is_tensor = isinstance(new, _t.Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            if original.dtype != new.dtype:
                raise ValueError(
                    f"When `right_inverse` outputs one tensor, it may not change the dtype.\noriginal.dtype: {original.dtype}\n"
                    f"right_inverse(original).dtype: {new.dtype}"
                )
            _set_tensor_in_place(original, new)
            _register(self, "original", original)
        else:
            for i, part in enumerate(new):
                if not isinstance(part, _t.Tensor):
                    raise ValueError(
                        f"'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got element {i} of the sequence with type {type(part)}."
                    )
                part = (
                    Parameter(part, requires_grad=original.requires_grad) if isinstance(original, Parameter) else part
                )
                _register(self, f"original{i}", part)
        if not unsafe:
            self._check(original)

    def _inverted(self, value):
        """The value taken back through the right inverses, where they exist and are implemented."""
        for module in reversed(self):
            inverse = getattr(module, "right_inverse", None)
            if inverse is None:
                continue
            try:
                value = inverse(value)
            except NotImplementedError:
                continue
            if not isinstance(value, _t.Tensor | collections.abc.Sequence):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                    f"Got {type(value).__name__}"
                )
        return value

    def _check(self, original):
        value = self()
        if not isinstance(value, _t.Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")
        if value.dtype != original.dtype:
            raise ValueError(
                "Registering a parametrization may not change the dtype of the tensor, unless `unsafe` flag is enabled.\n"
                f"unparametrized dtype: {original.dtype}\nparametrized dtype: {value.dtype}"
            )
        if self.is_tensor and value.shape != original.shape:
            raise ValueError(
                "Registering a parametrization may not change the shape of the tensor, unless `unsafe` flag is enabled.\n"
                f"unparametrized shape: {original.shape}\nparametrized shape: {value.shape}"
            )

    def right_inverse(self, value):
        """Set the originals so that the parametrized tensor is `value`."""
        with _no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            if self.is_tensor:
                if not isinstance(value, _t.Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
                if value.dtype != self.original.dtype:
                    raise ValueError(
                        "The tensor returned by `right_inverse` has dtype "
                        f"{value.dtype} while `original` has dtype {self.original.dtype}"
                    )
                _set_tensor_in_place(self.original, value)
                return
            if len(value) != self.ntensors:
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a sequence of length {len(value)}."
                )
            for i, part in enumerate(value):
                _set_tensor_in_place(getattr(self, f"original{i}"), part)

    def forward(self):
        first = (
            (self.original,) if self.is_tensor else tuple(getattr(self, f"original{i}") for i in range(self.ntensors))
        )
        value = self[0](*first)
        for at in range(1, len(self)):
            value = self[at](value)
        return value


def _register(module, name, tensor):
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _inject_class(module):
    """Give the module a class of its own, to which the properties can be added."""
    base = type(module)

    def default_deepcopy(self, memo):
        found = memo.get(id(self))
        if found is not None:
            return found
        new = self.__new__(type(self))
        memo[id(self)] = new
        new.__dict__ = copy.deepcopy(self.__dict__, memo)
        return new

    def getstate(self):
        raise RuntimeError("Serialization of parametrized modules is only supported through state_dict(). See:\n"
            "saving and loading models by their state_dict")  # fmt: skip

    members = {"__getstate__": getstate}
    if not hasattr(base, "__deepcopy__"):
        members["__deepcopy__"] = default_deepcopy
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), members)


def _inject_property(module, name):
    """The property that computes the tensor, and sets it through the right inverse."""

    def get(self):
        own = self.parametrizations[name]
        if not _cache_enabled:
            return own()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = own()
        return _cache[key]

    def set(self, value):
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, set))


def is_parametrized(module, tensor_name=None):
    """Whether the module has a parametrization at all, or one on the given tensor.

    module (nn.Module), tensor_name (str or None). Raises AttributeError for other types.

    >>> from framejit import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> nn.utils.parametrize.is_parametrized(layer, "weight"), nn.utils.parametrize.is_parametrized(layer, "bias")
    (True, False)
    """
    found = module._modules.get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """Compute `module.tensor_name` by `parametrization` from now on. Raises ValueError where shape, dtype or name do
    not fit.

    module (nn.Module), tensor_name (str), parametrization (nn.Module), unsafe (bool).

    >>> from framejit import nn
    >>> class Doubled(nn.Module):
    ...     def forward(self, w):
    ...         return 2 * w
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> layer.weight.data.fill_(3.0)
    tensor([[3.]])
    >>> nn.utils.parametrize.register_parametrization(layer, "weight", Doubled()).weight.tolist()
    [[6.0]]
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        own = module.parametrizations[tensor_name]
        if not unsafe:
            value = getattr(module, tensor_name)
            out = parametrization(value)
            if not isinstance(out, _t.Tensor):
                raise ValueError(f"A parametrization must return a tensor. Got {type(out).__name__}.")
            if out.dtype != value.dtype or out.shape != value.shape:
                raise ValueError(
                    "Registering a parametrization may not change the dtype or the shape of the tensor, unless the `unsafe` flag is enabled."
                )
            if hasattr(parametrization, "right_inverse"):
                value = parametrization.right_inverse(value)
            own.append(parametrization)
            with _no_grad():
                _append_inverse(own, value)
        else:
            own.append(parametrization)
        own.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        wrapped = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _inject_class(module)
            module.parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = wrapped
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'"
        )
    return module


def _append_inverse(own, value):
    """After appending to a list of parametrizations: take the wanted value back through the earlier ones."""
    last = len(own) - 1
    for at in reversed(range(last)):
        inverse = getattr(own[at], "right_inverse", None)
        if inverse is None:
            return
        value = inverse(value)
    if own.is_tensor:
        _set_tensor_in_place(own.original, value)
    else:
        for i, part in enumerate(value):
            _set_tensor_in_place(getattr(own, f"original{i}"), part)


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """Make the tensor an ordinary one again: with the computed value, or the original one.

    module (nn.Module), tensor_name (str), leave_parametrized (bool). Raises ValueError (Module … does not have a
    parametrization on …).

    >>> from framejit import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> nn.utils.parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=3, bias=True)
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    own = module.parametrizations[tensor_name]
    if own.is_tensor:
        original = own.original
        if leave_parametrized:
            with _no_grad():
                value = getattr(module, tensor_name)
            _set_tensor_in_place(original, value)
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value.detach().clone()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module):
    """The module's class without the injected one.

    module (nn.Module). Raises AttributeError for other types.

    >>> from framejit import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> nn.utils.parametrize.type_before_parametrizations(layer).__name__
    'Linear'
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(from_module, to_module, tensor_name=None):
    """Move the parametrizations (all, or one tensor's) and the parameters they rest on to another module.

    from_module, to_module (nn.Module), tensor_name (str or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> first, second = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)), nn.Linear(2, 3)
    >>> nn.utils.parametrize.transfer_parametrizations_and_params(first, second)
    ParametrizedLinear(
      in_features=2, out_features=3, bias=True
      (parametrizations): ModuleDict(
        (weight): ParametrizationList(
          (0): _WeightNorm()
        )
      )
    )
    >>> framejit.equal(first.weight, second.weight)
    True
    """
    if not is_parametrized(from_module):
        return to_module
    names = [tensor_name] if tensor_name is not None else list(from_module.parametrizations)
    for name in names:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in from_module.parametrizations[name]:
            register_parametrization(to_module, name, parametrization)
        own, new = from_module.parametrizations[name], to_module.parametrizations[name]
        parts = ["original"] if own.is_tensor else [f"original{i}" for i in range(own.ntensors)]
        for part in parts:
            setattr(new, part, getattr(own, part))
    return to_module
