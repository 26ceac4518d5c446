"""Weight normalisation by hooks, the older form: `weight` is computed from `weight_g` and `weight_v` before each call."""

from framejit.nn.parameter import Parameter


def _norm_except(v, dim):
    """The norm over all dimensions but `dim`, kept as sizes of one; over all for -1."""
    if dim == -1:
        return v.norm()
    return (
        v.pow(2).sum([d for d in range(v.dim()) if d != dim % v.dim()], keepdim=True).sqrt() if v.dim() > 1 else v.abs()
    )


def _weight_norm(v, g, dim):
    """g v / ‖v‖."""
    return v * (g / _norm_except(v, dim))


class WeightNorm:
    """The hook of `weight_norm`."""

    def __init__(self, name, dim):
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module):
        return _weight_norm(getattr(module, self.name + "_v"), getattr(module, self.name + "_g"), self.dim)

    @staticmethod
    def apply(module, name, dim):
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm) and hook.name == name:
                raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
        hook = WeightNorm(name, dim)
        weight = getattr(module, name)
        del module._parameters[name]
        module.register_parameter(name + "_g", Parameter(_norm_except(weight, hook.dim).detach()))
        module.register_parameter(name + "_v", Parameter(weight.detach()))
        setattr(module, name, hook.compute_weight(module))
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module):
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"]
        del module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module, inputs):
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module, name="weight", dim=0):
    """w = g v / ‖v‖ (Salimans and Kingma 2016) through a forward pre-hook; returns the module.

    module (nn.Module), name (str), dim (int). Raises AttributeError for other types.

    >>> from framejit import nn
    >>> layer = nn.utils.weight_norm(nn.Linear(2, 3))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight_g', 'weight_v']
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module, name="weight"):
    """Make the weight an ordinary parameter again; ValueError where there is no such hook.

    module (nn.Module), name (str). Raises ValueError (weight_norm of '…' not found in …).

    >>> from framejit import nn
    >>> layer = nn.utils.remove_weight_norm(nn.utils.weight_norm(nn.Linear(2, 3)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
