"""The usual parametrizations: weight norm, spectral norm, orthogonal (orthogonal.py)."""

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad
from framejit.nn import functional as F
from framejit.nn.modules.module import Module

from . import parametrize
from .orthogonal import orthogonal  # noqa: F401 (public here)
from .weight_norm import _norm_except, _weight_norm


class _WeightNorm(Module):
    def __init__(self, dim=0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g, weight_v):
        return _weight_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight):
        return _norm_except(weight, self.dim), weight


def weight_norm(module, name="weight", dim=0):
    """w = g v / ‖v‖, the norm over all dimensions but `dim` (Salimans and Kingma 2016).

    module (nn.Module), name (str). Raises AttributeError for other types.

    >>> from framejit import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module._register_load_state_dict_pre_hook(_weight_norm_of_old_names(name))
    return module


def _weight_norm_of_old_names(name):
    """Checkpoints written with the older `weight_g` and `weight_v` load, too."""

    def rename(state_dict, prefix, *unused):
        for i, tail in enumerate(("_g", "_v")):
            if prefix + name + tail in state_dict:
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(prefix + name + tail)

    return rename


class _SpectralNorm(Module):
    def __init__(self, weight, n_power_iterations=1, dim=0, eps=1e-12):
        super().__init__()
        if not -weight.dim() <= dim < weight.dim():
            raise IndexError(
                "Dimension out of range (expected to be in range of "
                f"[-{weight.dim()}, {weight.dim() - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + weight.dim()
        self.eps = eps
        if weight.dim() > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight)
            h, w = matrix.size()
            self.register_buffer("_u", F.normalize(matrix.new_empty(h).normal_(0, 1), dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(matrix.new_empty(w).normal_(0, 1), dim=0, eps=eps))
            self._power_method(matrix, 15)

    def _matrix(self, weight):
        if self.dim != 0:
            weight = weight.permute(self.dim, *(d for d in range(weight.dim()) if d != self.dim))
        return weight.flatten(1)

    def _power_method(self, matrix, rounds):
        with no_grad():
            for _ in range(rounds):
                self._u = F.normalize(matrix.detach().mv(self._v), dim=0, eps=self.eps)
                self._v = F.normalize(matrix.detach().t().mv(self._u), dim=0, eps=self.eps)

    def forward(self, weight):
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / _t.dot(u, matrix.mv(v))

    def right_inverse(self, value):
        return value


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """w / σ(w), σ the largest singular value by power iteration (Miyato et al. 2018).

    module (nn.Module), name (str), n_power_iterations (int), eps (float), dim (int or None). Raises ValueError (Module
    '…' has no parameter or buffer with name '…').

    >>> from framejit import nn
    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(2, 3)).eval()
    >>> layer.weight.shape
    framejit.Size([3, 2])
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, _t.Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module
