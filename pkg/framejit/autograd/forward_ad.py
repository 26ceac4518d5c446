"""Dual numbers: directional derivatives of everything computed from a tensor, under PyTorch's names.

There is no second set of derivative rules. A dual tensor is an ordinary one that the tape tracks; its tangent is found
when it is asked for, by differentiating the tape's vector-Jacobian product by its vector. So `unpack_dual` costs about
two backward passes, and what is computed under `no_grad` has no tangent.
"""

from typing import NamedTuple

from framejit import _C
from framejit.autograd import grad
from framejit.autograd.grad_mode import enable_grad

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]

_levels = []  # per active level: [(dual tensor, tangent)]


class UnpackedDualTensor(NamedTuple):
    """The two parts of a dual tensor; `tangent` is None where there is none.

    Raises nothing of its own.

    >>> import framejit
    >>> with framejit.autograd.forward_ad.dual_level():
    ...     x = framejit.autograd.forward_ad.make_dual(framejit.ones(1), framejit.ones(1))
    ...     print(framejit.autograd.forward_ad.unpack_dual(x).tangent)
    tensor([1.])
    """

    primal: _C.Tensor
    tangent: _C.Tensor | None


def enter_dual_level():
    """Begins a level; its number.

    >>> import framejit
    >>> framejit.autograd.forward_ad.enter_dual_level()
    0
    >>> framejit.autograd.forward_ad.exit_dual_level()
    """
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.append([])
    return len(_levels) - 1


def exit_dual_level(*, level=None):
    """Ends a level: its tangents are gone.

    level (int or None). Raises RuntimeError (Trying to exit a forward AD level that was not the last one that was
    created. This is not supported).

    >>> import framejit
    >>> framejit.autograd.forward_ad.enter_dual_level()
    0
    >>> framejit.autograd.forward_ad.exit_dual_level()
    """
    level = len(_levels) - 1 if level is None else level
    if not _levels or level != len(_levels) - 1:
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This is not supported."
        )
    _levels.pop()


class dual_level:
    """A level as a context manager.

    >>> import framejit
    >>> with framejit.autograd.forward_ad.dual_level():
    ...     x = framejit.autograd.forward_ad.make_dual(framejit.tensor([3.0]), framejit.ones(1))
    ...     print(framejit.autograd.forward_ad.unpack_dual(x * x).tangent)
    tensor([6.])
    """

    def __enter__(self):
        return enter_dual_level()

    def __exit__(self, *args):
        exit_dual_level()


def make_dual(tensor, tangent, *, level=None):
    """`tensor` with a tangent; what is computed from it has one too.

    tensor, tangent (Tensor), level (int or None). Raises RuntimeError (Trying to create a dual Tensor for forward AD
    but no level exists, make sure to enter_dual_level() first; Expected tangent to have the same size as the primal),
    ValueError (Expected … to be floating point or complex, but got: …).

    >>> import framejit
    >>> with framejit.autograd.forward_ad.dual_level():
    ...     x = framejit.autograd.forward_ad.make_dual(framejit.tensor([3.0]), framejit.ones(1))
    ...     print(framejit.autograd.forward_ad.unpack_dual(x.sin()).primal)
    tensor([0.1411])
    """
    if not _levels:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, value in (("primal", tensor), ("tangent", tangent)):
        if not value.is_floating_point():
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {value.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            f"Expected tangent to have the same size as the primal, but got {tuple(tangent.shape)} and "
            f"{tuple(tensor.shape)}"
        )
    with enable_grad():
        dual = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
    _levels[-1].append((dual, tangent))
    return dual


def unpack_dual(tensor, *, level=None):
    """The parts of a tensor: its value, and its tangent or None.

    tensor (Tensor), level (int or None). Raises nothing of its own.

    >>> import framejit
    >>> with framejit.autograd.forward_ad.dual_level():
    ...     x = framejit.autograd.forward_ad.make_dual(framejit.tensor([3.0]), framejit.ones(1))
    ...     print(framejit.autograd.forward_ad.unpack_dual(2 * x).tangent)
    tensor([2.])
    """
    if not _levels:
        return UnpackedDualTensor(tensor, None)
    duals = _levels[-1]
    for dual, tangent in duals:
        if dual is tensor:
            return UnpackedDualTensor(tensor.detach(), tangent)
    if not duals or not tensor.requires_grad:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(tensor.detach(), _tangent_of(tensor, duals))


def _tangent_of(tensor, duals):
    with enable_grad():
        weight = _C.zeros_like(tensor).requires_grad_()
        rows = grad(tensor, [d for d, _ in duals], weight, create_graph=True, allow_unused=True)
        products = [(row * t).sum() for row, (_, t) in zip(rows, duals) if row is not None]
        if not products:
            return None
        total = products[0]
        for p in products[1:]:
            total = total + p
        if not total.requires_grad:
            return _C.zeros_like(tensor)
        (found,) = grad(total, [weight], allow_unused=True, retain_graph=True)
    return _C.zeros_like(tensor) if found is None else found
