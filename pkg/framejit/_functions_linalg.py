"""The older names of linear algebra, beside `framejit.linalg`."""

from collections import namedtuple

from framejit import _C, linalg
from framejit._autocast_lists import listed

_Svd = namedtuple("svd", ("U", "S", "V"))
_Qr = namedtuple("qr", ("Q", "R"))
_TriangularSolve = namedtuple("triangular_solve", ("solution", "cloned_coefficient"))


@listed("input")
def svd(input, some=True, compute_uv=True):
    """(U, S, V) with input = U diag(S) Vᵀ; zeros for U and V unless `compute_uv`."""
    if compute_uv:
        u, s, vh = linalg.svd(input, full_matrices=not some)
        return _Svd(u, s, vh.mT)
    m, n = input.shape[-2:]
    lead = input.shape[:-2]
    return _Svd(input.new_zeros(*lead, m, m), linalg.svdvals(input), input.new_zeros(*lead, n, n))


def qr(input, some=True):
    """The QR factorisation, reduced or complete."""
    return _Qr(*linalg.qr(input, "reduced" if some else "complete"))


@listed("b", "LU_data")
def lu_solve(b, LU_data, LU_pivots):
    """Solves A x = b from A's LU factorisation."""
    return linalg.lu_solve(LU_data, LU_pivots, b)


def lu(input, pivot=True, get_infos=False, out=None):
    """(LU, pivots), and `info` where asked for."""
    result = linalg.lu_factor_ex(input, pivot=pivot)
    return tuple(result) if get_infos else tuple(result)[:2]


@listed("b", "A")
def triangular_solve(b, A, upper=True, transpose=False, unitriangular=False):
    """(x, A) with A x = b, or Aᵀ x = b, for triangular A."""
    matrix = A.mT if transpose else A
    x = linalg.solve_triangular(matrix, b, upper=upper != transpose, unitriangular=unitriangular)
    return _TriangularSolve(x, A.clone())


@listed("input")
def pinverse(input, rcond=1e-15):
    """The pseudo-inverse."""
    return linalg.pinv(input, rcond)


def ger(input, vec2):
    """As `outer`."""
    return _C.outer(input, vec2)


def chain_matmul(*matrices):
    """As `linalg.multi_dot`."""
    matrices = matrices[0] if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)) else matrices
    return matrices[0] if len(matrices) == 1 else linalg.multi_dot(matrices)


def cross(input, other, dim=None):
    """Cross products along `dim`, by default the first dimension of size 3."""
    if dim is None:
        shape = _C.broadcast_shapes(input.shape, other.shape)
        if 3 not in shape:
            raise RuntimeError("no dimension of size 3 in input")
        dim = list(shape).index(3)
    return linalg.cross(input, other, dim=dim)


def svd_lowrank(A, q=6, niter=2, M=None):
    """An approximate SVD of rank q by randomised subspace iteration (Halko, Martinsson and Tropp 2009, algorithm 5.1)."""
    if M is not None:
        A = A - M
    tall = A.shape[-2] >= A.shape[-1]
    B = A if tall else A.mT
    start = _C.randn(*B.shape[:-2], B.shape[-1], min(q, *B.shape[-2:]), dtype=B.dtype)
    basis = linalg.qr(B @ start)[0]
    for _ in range(niter):
        basis = linalg.qr(B.mT @ basis)[0]
        basis = linalg.qr(B @ basis)[0]
    u, s, vh = linalg.svd(basis.mT @ B, full_matrices=False)
    u, v = basis @ u, vh.mT
    return (u, s, v) if tall else (v, s, u)


def pca_lowrank(A, q=None, center=True, niter=2):
    """Principal components by `svd_lowrank`, of the centred columns by default."""
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    return svd_lowrank(A - A.mean(-2, True) if center else A, q, niter)
