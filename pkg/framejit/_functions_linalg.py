"""The older names of linear algebra, beside `framejit.linalg`."""

from collections import namedtuple

from framejit import _C, linalg
from framejit._autocast_lists import listed
from framejit._linalg_general import ormqr  # noqa: F401 (public in framejit)

_Svd = namedtuple("svd", ("U", "S", "V"))
_Qr = namedtuple("qr", ("Q", "R"))
_TriangularSolve = namedtuple("triangular_solve", ("solution", "cloned_coefficient"))


@listed("input")
def svd(input, some=True, compute_uv=True):
    """(U, S, V) with input = U diag(S) Vᵀ; zeros for U and V unless `compute_uv`.

    input (Tensor), some, compute_uv (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.svd(framejit.tensor([[2.0, 0.0], [0.0, 1.0]]))[1]
    tensor([2., 1.])
    """
    if compute_uv:
        u, s, vh = linalg.svd(input, full_matrices=not some)
        return _Svd(u, s, vh.mH)
    m, n = input.shape[-2:]
    lead = input.shape[:-2]
    return _Svd(input.new_zeros(*lead, m, m), linalg.svdvals(input), input.new_zeros(*lead, n, n))


def qr(input, some=True):
    """The QR factorisation, reduced or complete.

    input (Tensor), some (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.qr(framejit.tensor([[3.0, 1.0], [4.0, 2.0]]))[1].abs()
    tensor([[5.0000, 2.2000],
            [0.0000, 0.4000]])
    """
    return _Qr(*linalg.qr(input, "reduced" if some else "complete"))


@listed("b", "LU_data")
def lu_solve(b, LU_data, LU_pivots):
    """Solves A x = b from A's LU factorisation.

    b, LU_data, LU_pivots (Tensor). Raises TypeError for other types.

    >>> import framejit
    >>> factors, pivots = framejit.lu(framejit.tensor([[4.0, 2.0], [2.0, 5.0]]))
    >>> framejit.lu_solve(framejit.tensor([[8.0], [12.0]]), factors, pivots)
    tensor([[1.],
            [2.]])
    """
    return linalg.lu_solve(LU_data, LU_pivots, b)


def lu(input, pivot=True, get_infos=False, out=None):
    """(LU, pivots), and `info` where asked for.

    input (Tensor), pivot, get_infos (bool), out (Tensor to write the result to or None). Raises TypeError for other
    types.

    >>> import framejit
    >>> factors, pivots = framejit.lu(framejit.tensor([[0.0, 1.0], [2.0, 4.0]]))
    >>> pivots
    tensor([2, 2], dtype=framejit.int32)
    """
    result = linalg.lu_factor_ex(input, pivot=pivot)
    return tuple(result) if get_infos else tuple(result)[:2]


@listed("b", "A")
def triangular_solve(b, A, upper=True, transpose=False, unitriangular=False):
    """(x, A) with A x = b, or Aᵀ x = b, for triangular A.

    b, A (Tensor), upper, transpose, unitriangular (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.triangular_solve(framejit.tensor([[4.0], [6.0]]), framejit.tensor([[2.0, 0.0], [0.0, 3.0]])).solution
    tensor([[2.],
            [2.]])
    """
    matrix = A.mT if transpose else A
    x = linalg.solve_triangular(matrix, b, upper=upper != transpose, unitriangular=unitriangular)
    return _TriangularSolve(x, A.clone())


@listed("input")
def pinverse(input, rcond=1e-15):
    """The pseudo-inverse.

    input (Tensor), rcond (float or None). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.pinverse(framejit.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return linalg.pinv(input, rcond)


def ger(input, vec2):
    """As `outer`.

    input, vec2 (Tensor). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.ger(framejit.tensor([1.0, 2.0]), framejit.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    return _C.outer(input, vec2)


def chain_matmul(*matrices):
    """As `linalg.multi_dot`.

    >>> import framejit
    >>> framejit.chain_matmul(framejit.ones(2, 3), framejit.ones(3, 4), framejit.ones(4, 1))
    tensor([[12.],
            [12.]])
    """
    matrices = matrices[0] if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)) else matrices
    return matrices[0] if len(matrices) == 1 else linalg.multi_dot(matrices)


def cross(input, other, dim=None):
    """Cross products along `dim`, by default the first dimension of size 3.

    input, other (Tensor), dim (int or None). Raises RuntimeError (no dimension of size 3 in input).

    >>> import framejit
    >>> framejit.cross(framejit.tensor([1.0, 0.0, 0.0]), framejit.tensor([0.0, 1.0, 0.0]), dim=0)
    tensor([0., 0., 1.])
    """
    if dim is None:
        shape = _C.broadcast_shapes(input.shape, other.shape)
        if 3 not in shape:
            raise RuntimeError("no dimension of size 3 in input")
        dim = list(shape).index(3)
    return linalg.cross(input, other, dim=dim)


def svd_lowrank(A, q=6, niter=2, M=None):
    """An approximate SVD of rank q by randomised subspace iteration (Halko, Martinsson and Tropp 2009, algorithm 5.1).

    A (Tensor), q, niter (int), M (Tensor or None). Raises AttributeError for other types.

    >>> import framejit
    >>> u, s, v = framejit.svd_lowrank(framejit.rand(6, 4), q=2)
    >>> u.shape, s.shape, v.shape
    (framejit.Size([6, 2]), framejit.Size([2]), framejit.Size([4, 2]))
    """
    if M is not None:
        A = A - M
    tall = A.shape[-2] >= A.shape[-1]
    B = A if tall else A.mH
    start = _C.randn(*B.shape[:-2], B.shape[-1], min(q, *B.shape[-2:]), dtype=B.dtype)
    basis = linalg.qr(B @ start)[0]
    for _ in range(niter):
        basis = linalg.qr(B.mH @ basis)[0]
        basis = linalg.qr(B @ basis)[0]
    u, s, vh = linalg.svd(basis.mH @ B, full_matrices=False)
    u, v = basis @ u, vh.mH
    return (u, s, v) if tall else (v, s, u)


def pca_lowrank(A, q=None, center=True, niter=2):
    """Principal components by `svd_lowrank`, of the centred columns by default.

    A (Tensor), q (int or None), center (bool), niter (int). Raises ValueError (q(=…) must be non-negative integer and
    not greater than min(m, n)=…).

    >>> import framejit
    >>> u, s, v = framejit.pca_lowrank(framejit.rand(6, 4), q=2)
    >>> u.shape, s.shape, v.shape
    (framejit.Size([6, 2]), framejit.Size([2]), framejit.Size([4, 2]))
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    return svd_lowrank(A - A.mean(-2, True) if center else A, q, niter)


def _removed(name, instead):
    """A function that PyTorch has no more: it raises RuntimeError and says what stands for it."""

    def removed(*args, **kwargs):
        raise RuntimeError(
            f"This function was deprecated since version 1.9 and is now removed. `torch.{name}` is deprecated in favor of "
            f"{instead}."
        )

    removed.__name__ = removed.__qualname__ = name
    removed.__doc__ = f"""Removed: it raises RuntimeError; use {instead}.

    >>> import framejit
    >>> framejit.{name}()
    Traceback (most recent call last):
    RuntimeError: ...
    """
    return removed


solve = _removed("solve", "`torch.linalg.solve`, whose arguments are reversed")
symeig = _removed("symeig", "`torch.linalg.eigh` or `torch.linalg.eigvalsh`, which read the lower triangle by default")
eig = _removed("eig", "`torch.linalg.eig`, which gives complex numbers")
lstsq = _removed("lstsq", "`torch.linalg.lstsq`, whose arguments are reversed")
