"""Pruning: masks over a module's parameters, put on before every forward.

A pruned parameter `name` is kept as `name_orig` with a buffer `name_mask`; `name` itself is their product. `remove` makes the
product the parameter again.
"""

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable

from framejit import _ops as _t
from framejit.nn.parameter import Parameter

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer", "RandomStructured",
    "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned", "l1_unstructured", "ln_structured",
    "random_structured", "random_unstructured", "remove",
]  # fmt: skip


# --- amounts ---


def _check_amount(amount):
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (not isinstance(amount, numbers.Integral) and amount > 1.0):
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount, size):
    """How many of `size` an amount is: a number, or a share."""
    if isinstance(amount, numbers.Integral):
        if amount > size:
            raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
        return int(amount)
    return round(amount * size)


# --- methods ---


class BasePruningMethod(ABC):
    """What computes a mask; itself the hook that puts the product in place. A subclass sets PRUNING_TYPE to "unstructured",
    "structured" or "global", and defines `compute_mask`.

    >>> from framejit.nn.utils import prune
    >>> class Even(prune.BasePruningMethod):
    ...     PRUNING_TYPE = "unstructured"
    ...
    ...     def compute_mask(self, t, default_mask):
    ...         mask = default_mask.clone()
    ...         mask.view(-1)[1::2] = 0
    ...         return mask
    >>> Even.apply(framejit.nn.Linear(2, 1), "weight").__class__.__name__
    'Even'
    """

    _tensor_name: str

    def __call__(self, module, inputs):
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t, default_mask):
        """The mask for a tensor of importances, on top of one that is there already."""

    def apply_mask(self, module):
        """The parameter times its mask."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        mask = getattr(module, self._tensor_name + "_mask")
        original = getattr(module, self._tensor_name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(cls, module, name, *args, importance_scores=None, **kwargs):
        """Prunes a parameter, further if it is pruned already; the method that was applied."""
        method = cls(*args, **kwargs)
        method._tensor_name = name
        original = getattr(module, name)
        if importance_scores is None:
            importance_scores = original
        elif importance_scores.shape != original.shape:
            raise AssertionError(f"importance_scores should have the same shape as parameter {name} of {module}")
        method, default = _combined(module, name, method)
        first = default is None
        if first:
            default = _t.ones_like(original.detach())
        mask = method.compute_mask(importance_scores.detach(), default_mask=default)
        if first:
            _store(module, name, original)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t, default_mask=None, importance_scores=None):
        """The pruned version of a tensor."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        default = _t.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=default)

    def remove(self, module):
        """Makes the product the parameter; the mask is gone."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        weight = self.apply_mask(module)
        name = self._tensor_name
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters[name + "_orig"]
        original.data = weight.data
        del module._parameters[name + "_orig"]
        del module._buffers[name + "_mask"]
        module.register_parameter(name, original)


def _hooks_on(module, name):
    return [
        (key, hook)
        for key, hook in module._forward_pre_hooks.items()
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
    ]


def _combined(module, name, method):
    """The method together with what is on the parameter already, and the mask that is."""
    found = _hooks_on(module, name)
    if len(found) > 1:
        raise AssertionError(f"Avoid adding multiple pruning hooks to the same tensor {name} of module {module}.")
    if not found:
        return method, None
    key, old = found[0]
    del module._forward_pre_hooks[key]
    if not isinstance(old, PruningContainer):
        old = PruningContainer(old)
    old.add_pruning_method(method)
    return old, getattr(module, name + "_mask").to(getattr(module, name).dtype)


def _store(module, name, original):
    """Renames a parameter to `name_orig`."""
    if not isinstance(original, Parameter):
        original = Parameter(original.detach())
    module.register_parameter(name + "_orig", original)
    del module._parameters[name]


class PruningContainer(BasePruningMethod):
    """Several methods after one another on one parameter.

    *args (BasePruningMethod). Raises TypeError for others, ValueError for methods of another parameter.

    >>> from framejit.nn.utils import prune
    >>> len(prune.PruningContainer())
    0
    """

    def __init__(self, *args):
        self._pruning_methods = ()
        if not isinstance(args, Iterable):
            self._tensor_name = args._tensor_name
            self.add_pruning_method(args)
        elif len(args) == 1:
            self._tensor_name = args[0]._tensor_name
            self.add_pruning_method(args[0])
        else:
            for method in args:
                self.add_pruning_method(method)

    def add_pruning_method(self, method):
        """Adds one more."""
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and getattr(self, "_tensor_name", method._tensor_name) != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self):
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, index):
        return self._pruning_methods[index]

    def compute_mask(self, t, default_mask):
        """The last method's mask of what the others have left."""
        method = self._pruning_methods[-1]
        mask = default_mask
        if method.PRUNING_TYPE == "unstructured":
            left = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.dim()
            kept = mask.sum([d for d in range(t.dim()) if d != dim]) != 0
            left = tuple(slice(None) if d != dim else kept for d in range(t.dim()))
        elif method.PRUNING_TYPE == "global":
            left = tuple(slice(None) for _ in range(t.dim()))
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        partial = method.compute_mask(t[left], default_mask=mask[left])
        result = mask.clone()
        result[left] = partial.to(result.dtype)
        return result


class Identity(BasePruningMethod):
    """Prunes nothing, but makes the names that pruning makes.

    >>> from framejit.nn.utils import prune
    >>> prune.Identity.PRUNING_TYPE
    'unstructured'
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        return default_mask


class _ByAmount(BasePruningMethod):
    def __init__(self, amount):
        _check_amount(amount)
        self.amount = amount


class RandomUnstructured(_ByAmount):
    """Prunes elements at random.

    amount (int or float): how many, or which share. Raises ValueError or TypeError for another amount.

    >>> from framejit.nn.utils import prune
    >>> prune.RandomUnstructured(0.5).prune(framejit.ones(4)).sum().item()
    2.0
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        count = _count(self.amount, t.nelement())
        mask = default_mask.clone()
        if count:
            places = _t.rand_like(t).view(-1).topk(count)[1]
            mask.view(-1)[places] = 0
        return mask


class L1Unstructured(_ByAmount):
    """Prunes the elements nearest to zero.

    amount (int or float): how many, or which share. Raises ValueError or TypeError for another amount.

    >>> from framejit.nn.utils import prune
    >>> prune.L1Unstructured(2).prune(framejit.tensor([1.0, -3.0, 0.5])).tolist()
    [0.0, -3.0, 0.0]
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        count = _count(self.amount, t.nelement())
        mask = default_mask.clone()
        if count:
            places = t.abs().reshape(-1).topk(count, largest=False)[1]
            mask.view(-1)[places] = 0
        return mask


class _Structured(_ByAmount):
    """Prunes whole slices along `dim`."""

    PRUNING_TYPE = "structured"

    def _slices(self, t):
        """Checks the tensor; how many slices to prune."""
        if t.dim() <= 1:
            raise ValueError(
                f"Structured pruning can only be applied to multidimensional tensors. Found tensor of shape {t.shape} with "
                f"{t.dim()} dims"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        return _count(self.amount, t.shape[self.dim])

    def _without(self, scores, count, default_mask):
        """The mask without the slices of the `count` smallest scores."""
        kept = _t.ones(scores.shape, dtype=default_mask.dtype)
        if count:
            kept[scores.topk(count, largest=False)[1]] = 0
        sizes = [1] * default_mask.dim()
        sizes[self.dim] = -1
        return default_mask * kept.reshape(sizes)


class RandomStructured(_Structured):
    """Prunes slices at random.

    amount (int or float): how many, or which share, dim (int). Raises ValueError or TypeError for another amount,
    IndexError for a dimension that is not there.

    >>> from framejit.nn.utils import prune
    >>> prune.RandomStructured(1, 0).prune(framejit.ones(2, 3)).sum().item()
    3.0
    """

    def __init__(self, amount, dim=-1):
        super().__init__(amount)
        self.dim = dim

    def compute_mask(self, t, default_mask):
        return self._without(_t.rand(t.shape[self.dim]), self._slices(t), default_mask)


class LnStructured(_Structured):
    """Prunes the slices of the smallest n-norm.

    amount (int or float): how many, or which share, n (int or float or str), dim (int). Raises ValueError or TypeError for
    another amount, IndexError for a dimension that is not there.

    >>> from framejit.nn.utils import prune
    >>> prune.LnStructured(1, 2, 0).prune(framejit.tensor([[1.0, 1.0], [3.0, 0.0]])).tolist()
    [[0.0, 0.0], [3.0, 0.0]]
    """

    def __init__(self, amount, n, dim=-1):
        super().__init__(amount)
        self.n = n
        self.dim = dim

    def compute_mask(self, t, default_mask):
        count = self._slices(t)
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        return self._without(_t.norm(t, self.n, others), count, default_mask)


class CustomFromMask(BasePruningMethod):
    """Prunes by a mask that is given.

    mask (Tensor). Raises AssertionError where it does not fit the parameter.

    >>> from framejit.nn.utils import prune
    >>> prune.CustomFromMask(framejit.tensor([1, 0])).prune(framejit.ones(2)).tolist()
    [1.0, 0.0]
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask):
        self.mask = mask

    def compute_mask(self, t, default_mask):
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


# --- functions ---


def _applied(cls, module, name, *args, **kwargs):
    cls.apply(module, name, *args, **kwargs)
    return module


def identity(module, name):
    """Makes the names that pruning makes, with a mask of ones.

    module (nn.Module), name (str). Raises AttributeError for a parameter that is not there.

    >>> from framejit.nn.utils import prune
    >>> layer = prune.identity(framejit.nn.Linear(2, 1), "weight")
    >>> layer.weight_mask.tolist()
    [[1.0, 1.0]]
    """
    return _applied(Identity, module, name)


def random_unstructured(module, name, amount):
    """Prunes elements of a parameter at random; the module.

    module (nn.Module), name (str), amount (int or float): how many, or which share. Raises ValueError or TypeError for
    another amount.

    >>> from framejit.nn.utils import prune
    >>> prune.random_unstructured(framejit.nn.Linear(4, 1), "weight", 0.75).weight_mask.sum().item()
    1.0
    """
    return _applied(RandomUnstructured, module, name, amount)


def l1_unstructured(module, name, amount, importance_scores=None):
    """Prunes the elements nearest to zero, or of the smallest scores; the module.

    module (nn.Module), name (str), amount (int or float): how many, or which share, importance_scores (Tensor or None).
    Raises ValueError or TypeError for another amount.

    >>> from framejit.nn.utils import prune
    >>> layer = prune.l1_unstructured(framejit.nn.Linear(4, 1), "weight", 3)
    >>> (layer.weight != 0).sum().item()
    1
    """
    return _applied(L1Unstructured, module, name, amount, importance_scores=importance_scores)


def random_structured(module, name, amount, dim):
    """Prunes slices of a parameter along `dim` at random; the module.

    module (nn.Module), name (str), amount (int or float): how many, or which share, dim (int). Raises ValueError or
    TypeError for another amount, IndexError for a dimension that is not there.

    >>> from framejit.nn.utils import prune
    >>> prune.random_structured(framejit.nn.Linear(3, 2), "weight", 1, 0).weight_mask.sum().item()
    3.0
    """
    return _applied(RandomStructured, module, name, amount, dim)


def ln_structured(module, name, amount, n, dim, importance_scores=None):
    """Prunes the slices of the smallest n-norm along `dim`; the module.

    module (nn.Module), name (str), amount (int or float): how many, or which share, n (int or float or str), dim (int),
    importance_scores (Tensor or None). Raises ValueError or TypeError for another amount, IndexError for a dimension that is
    not there.

    >>> from framejit.nn.utils import prune
    >>> prune.ln_structured(framejit.nn.Linear(3, 2), "weight", 1, 2, 0).weight_mask.sum().item()
    3.0
    """
    return _applied(LnStructured, module, name, amount, n, dim, importance_scores=importance_scores)


def custom_from_mask(module, name, mask):
    """Prunes a parameter by a mask; the module.

    module (nn.Module), name (str), mask (Tensor). Raises AssertionError where the mask does not fit.

    >>> from framejit.nn.utils import prune
    >>> prune.custom_from_mask(framejit.nn.Linear(2, 1), "bias", framejit.zeros(1)).bias.item() == 0
    True
    """
    return _applied(CustomFromMask, module, name, mask)


def global_unstructured(parameters, pruning_method, importance_scores=None, **kwargs):
    """Prunes several parameters as if they were one.

    parameters (iterable of (module, name)), pruning_method (BasePruningMethod class), importance_scores (dict or None).
    Raises TypeError for a method that is not unstructured, or for other parameters.

    >>> from framejit.nn.utils import prune
    >>> a, b = framejit.nn.Linear(2, 2), framejit.nn.Linear(2, 2)
    >>> prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=3)
    >>> int((a.weight_mask.sum() + b.weight_mask.sum()).item())
    5
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    importance_scores = {} if importance_scores is None else importance_scores
    if not isinstance(importance_scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    parameters = [(module, name) for module, name in parameters]
    scores = [importance_scores.get(pair, getattr(*pair)).detach() for pair in parameters]
    flat = _t.cat([score.reshape(-1) for score in scores])
    masks = [
        getattr(module, name + "_mask", _t.ones_like(getattr(module, name).detach())) for module, name in parameters
    ]
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container.add_pruning_method(method)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f"Only 'unstructured' PRUNING_TYPE supported for the `pruning_method`. Found method {pruning_method} of type "
            f"{method.PRUNING_TYPE}"
        )
    final = container.compute_mask(flat, _t.cat([mask.reshape(-1) for mask in masks]))
    start = 0
    for (module, name), mask in zip(parameters, masks):
        custom_from_mask(module, name, mask=final[start : start + mask.numel()].view(mask.shape))
        start += mask.numel()


def remove(module, name):
    """Makes the product of a pruned parameter and its mask the parameter; the module.

    module (nn.Module), name (str). Raises ValueError for a parameter that is not pruned.

    >>> from framejit.nn.utils import prune
    >>> layer = prune.identity(framejit.nn.Linear(2, 1), "weight")
    >>> [name for name, _ in prune.remove(layer, "weight").named_parameters()]
    ['bias', 'weight']
    """
    for key, hook in _hooks_on(module, name):
        hook.remove(module)
        del module._forward_pre_hooks[key]
        return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module):
    """Whether a module, or one inside it, is pruned.

    module (nn.Module). Raises nothing.

    >>> from framejit.nn.utils import prune
    >>> prune.is_pruned(framejit.nn.Linear(2, 1))
    False
    """
    return any(
        isinstance(hook, BasePruningMethod) for part in module.modules() for hook in part._forward_pre_hooks.values()
    )
