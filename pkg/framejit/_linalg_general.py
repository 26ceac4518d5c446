"""`framejit.linalg`'s eigenvalues of general matrices, and factorisations that stay packed."""

from collections import namedtuple

from framejit import _C
from framejit import _ops as _t
from framejit._autocast_lists import listed
from framejit._common import into

_Eig = namedtuple("linalg_eig", ("eigenvalues", "eigenvectors"))
_LdlFactor = namedtuple("linalg_ldl_factor", ("LD", "pivots"))


def eig(A, *, out=None):
    """(eigenvalues, eigenvectors) of square matrices, complex; columns have length 1.

    A (Tensor), out (pair of Tensor or None). Raises RuntimeError (A must be batches of square matrices; input tensor
    should not contain infs or NaNs).

    >>> import framejit
    >>> framejit.linalg.eig(framejit.tensor([[0.0, -1.0], [1.0, 0.0]])).eigenvalues
    tensor([0.+1.j, 0.-1.j])
    """
    values, vectors = _t._linalg_eig_stack(A, True)
    if out is not None:
        return _Eig(into(out[0], values), into(out[1], vectors))
    return _Eig(values, vectors)


def eigvals(A, *, out=None):
    """The eigenvalues of square matrices, complex.

    A (Tensor), out (Tensor to write the result to or None). Raises RuntimeError (A must be batches of square matrices).

    >>> import framejit
    >>> framejit.linalg.eigvals(framejit.tensor([[0.0, -1.0], [1.0, 0.0]]))
    tensor([0.+1.j, 0.-1.j])
    """
    return into(out, _t._linalg_eig_stack(A, _C.is_grad_enabled() and A.requires_grad)[0])


def _check_reflectors(name, input, tau):
    if input.dim() < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if tau.dim() != input.dim() - 1:
        raise RuntimeError(
            f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.dim()} and input.ndim "
            f"is equal to {input.dim()}"
        )
    if tau.shape[:-1] != input.shape[:-2]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}"
        )
    if tau.dtype != input.dtype:
        raise RuntimeError(f"{name}: tau dtype {tau.dtype} does not match input dtype {input.dtype}")


def _reflected(x, input, tau, order, conjugate):
    """H x for the reflectors H = I - tau v vᴴ of `input`, one after the other in the given order."""
    rows = input.shape[-2]
    below = input.tril(-1)
    for i in order:
        unit = _C.zeros(rows, dtype=input.dtype)
        unit[i] = 1
        v = (below[..., i] + unit).unsqueeze(-1)
        t = tau[..., i].unsqueeze(-1).unsqueeze(-1)
        x = x - (t.conj() if conjugate else t) * v @ (v.mH @ x)
    return x


def householder_product(input, tau, *, out=None):
    """The first columns of the product of Householder reflectors that `geqrf` packs.

    input (Tensor), tau (Tensor), out (Tensor to write the result to or None). Raises RuntimeError (input must have at
    least 2 dimensions; input.shape[-2] must be greater than or equal to input.shape[-1]).

    >>> import framejit
    >>> packed, tau = framejit.geqrf(framejit.tensor([[3.0], [4.0]]))
    >>> framejit.linalg.householder_product(packed, tau).abs()
    tensor([[0.6000],
            [0.8000]])
    """
    name = "torch.linalg.householder_product"
    if input.dim() < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    m, n = input.shape[-2:]
    if m < n:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if tau.dim() and n < tau.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    _check_reflectors(name, input, tau)
    start = _C.eye(m, n, dtype=input.dtype).expand(*input.shape[:-2], m, n)
    return into(out, _reflected(start, input, tau, range(tau.shape[-1] - 1, -1, -1), False).clone())


@listed("input", "tau", "other")
def ormqr(input, tau, other, left=True, transpose=False, *, out=None):
    """Q @ other, or other @ Q, or with Qᴴ, for the whole square Q that `geqrf` packs.

    input, tau, other (Tensor), left, transpose (bool), out (Tensor to write the result to or None). Raises RuntimeError
    (torch.ormqr: other must have at least 2 dimensions; sizes that do not fit).

    >>> import framejit
    >>> packed, tau = framejit.geqrf(framejit.tensor([[3.0], [4.0]]))
    >>> framejit.ormqr(packed, tau, framejit.tensor([[3.0], [4.0]]), transpose=True).abs().round()
    tensor([[5.],
            [0.]])
    """
    name = "torch.ormqr"
    if input.dim() < 2:
        raise RuntimeError(f"{name}: input must have at least 2 dimensions.")
    if other.dim() < 2:
        raise RuntimeError(f"{name}: other must have at least 2 dimensions.")
    side = -2 if left else -1
    if tau.dim() and other.shape[side] < tau.shape[-1]:
        raise RuntimeError(f"{name}: other.shape[{side}] must be greater than or equal to tau.shape[-1]")
    if tau.dim() and input.shape[-1] < tau.shape[-1]:
        raise RuntimeError(f"{name}: tau.shape[-1] must be less than or equal to input.shape[-1]")
    if other.shape[side] != input.shape[-2]:
        raise RuntimeError(f"{name}: other.shape[{side}] must be equal to input.shape[-2]")
    _check_reflectors(name, input, tau)
    if other.dim() != input.dim():
        raise RuntimeError(f"{name}: Expected other to have the same number of dimensions as input")
    if other.shape[:-2] != input.shape[:-2]:
        raise RuntimeError(f"{name}: Expected batch dimensions of other to be equal to input.shape[:-2]")
    if other.dtype != input.dtype:
        raise RuntimeError(f"{name}: Expected input and other to have the same dtype")
    count = tau.shape[-1]
    # Q is H0 H1 …: applied from the last; its adjoint from the first. From the right: the adjoint of the adjoint.
    x = other if left else other.mH
    adjoint = transpose == left
    x = _reflected(x, input, tau, range(count) if adjoint else range(count - 1, -1, -1), adjoint)
    return into(out, (x if left else x.mH).clone())


def ldl_factor(A, *, hermitian=False, out=None):
    """(LD, pivots): the packed factors L D Lᵀ of symmetric matrices, or L D Lᴴ of Hermitian ones.

    A (Tensor), hermitian (bool), out (pair of Tensor or None). Raises RuntimeError (A must be batches of square matrices).

    >>> import framejit
    >>> framejit.linalg.ldl_factor(framejit.tensor([[4.0, 2.0], [2.0, 5.0]])).pivots
    tensor([1, 2], dtype=framejit.int32)
    """
    LD, pivots, _ = _t.linalg_ldl_factor_ex(A, hermitian=hermitian, check_errors=True)
    if out is not None:
        return _LdlFactor(into(out[0], LD), into(out[1], pivots))
    return _LdlFactor(LD, pivots)


def ldl_solve(LD, pivots, B, *, hermitian=False, out=None):
    """X with A X = B, from A's packed factors.

    LD, pivots, B (Tensor), hermitian (bool), out (Tensor to write the result to or None). Raises RuntimeError (Expected B
    to have at least 2 dimensions; pivots to be integers; sizes that do not fit).

    >>> import framejit
    >>> factors = framejit.linalg.ldl_factor(framejit.tensor([[4.0, 2.0], [2.0, 5.0]]))
    >>> framejit.linalg.ldl_solve(*factors, framejit.tensor([[8.0], [12.0]]))
    tensor([[1.],
            [2.]])
    """
    name = "torch.linalg.ldl_solve"
    if LD.dim() < 2 or LD.shape[-1] != LD.shape[-2]:
        raise RuntimeError(f"{name}: LD must be batches of square matrices")
    if B.dim() < 2:
        raise RuntimeError(f"{name}: Expected B to have at least 2 dimensions, but it has {B.dim()} dimensions instead")
    if pivots.dim() < 1 or pivots.shape != LD.shape[:-1]:
        raise RuntimeError(f"{name}: Expected LD.shape[:-1] and pivots.shape to be the same")
    if pivots.is_floating_point() or pivots.is_complex() or pivots.dtype == _t.bool:
        raise RuntimeError(f"{name}: Expected pivots to be integers. Got {pivots.dtype}")
    if LD.dtype != B.dtype:
        raise RuntimeError(f"{name}: LD dtype {LD.dtype} does not match b dtype {B.dtype}")
    if LD.shape[-1] != B.shape[-2]:
        raise RuntimeError(f"{name}: Incompatible matrix sizes: {LD.shape[-1]} and {B.shape[-2]}")
    lead = _t.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    n = LD.shape[-1]
    result = _t._linalg_ldl_solve_stack(
        LD.expand(*lead, n, n), pivots.to(_t.int32).expand(*lead, n), B.expand(*lead, *B.shape[-2:]), hermitian
    )
    return into(out, result)
