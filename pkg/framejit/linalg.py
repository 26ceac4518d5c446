"""Linear algebra, over stacks of matrices [*, m, n]: `torch.linalg`'s functions.

Factorisations are LAPACK's, from the OpenBLAS wheel. Inputs are float32, float64 or complex; a failed routine raises LinAlgError.
"""

import math as _math
from typing import NamedTuple as _NamedTuple

from framejit import _C
from framejit import _ops as _t
from framejit._autocast_lists import listed as _listed
from framejit._common import into as _into
from framejit._common import scalar_name as _scalar_name
from framejit._linalg_general import eig, eigvals, householder_product, ldl_factor, ldl_solve  # noqa: F401 (public here)
from framejit.autograd.grad_mode import no_grad as _no_grad

LinAlgError = _C.LinAlgError

cholesky = _t.linalg_cholesky
cholesky_ex = _t.linalg_cholesky_ex
det = _t.linalg_det
inv = _t.linalg_inv
inv_ex = _t.linalg_inv_ex
ldl_factor_ex = _t.linalg_ldl_factor_ex
lu_factor_ex = _t.linalg_lu_factor_ex
lu_solve = _t.linalg_lu_solve
matrix_exp = _t.linalg_matrix_exp
matrix_power = _t.linalg_matrix_power
qr = _t.linalg_qr
slogdet = _t.linalg_slogdet
solve = _t.linalg_solve
solve_ex = _t.linalg_solve_ex
solve_triangular = _t.linalg_solve_triangular


class _Eigh(_NamedTuple):
    eigenvalues: object
    eigenvectors: object


class _Svd(_NamedTuple):
    U: object
    S: object
    Vh: object


class _Lu(_NamedTuple):
    P: object
    L: object
    U: object


class _LuFactor(_NamedTuple):
    LU: object
    pivots: object


class _Lstsq(_NamedTuple):
    solution: object
    residuals: object
    rank: object
    singular_values: object


def _needs_grad(*tensors):
    return _C.is_grad_enabled() and any(t.requires_grad for t in tensors)


@_listed("A", name="linalg_eigh")
def eigh(A, UPLO="L"):
    """(eigenvalues, eigenvectors) of symmetric matrices, ascending; one triangle is read.

    A (Tensor), UPLO (str). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.linalg.eigh(framejit.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    return _Eigh(*_t._linalg_eigh_stack(A, UPLO, True))


@_listed("A", name="linalg_eigvalsh")
def eigvalsh(A, UPLO="L"):
    """The eigenvalues of symmetric matrices, ascending.

    A (Tensor), UPLO (str). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.linalg.eigvalsh(framejit.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([1., 2.])
    """
    return _t._linalg_eigh_stack(A, UPLO, _needs_grad(A))[0]


@_listed("A", name="linalg_svd")
def svd(A, full_matrices=True, *, driver=None):
    """(U, S, Vh) with A = U diag(S) Vh, singular values descending.

    A (Tensor), full_matrices (bool), driver (str or None). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.linalg.svd(framejit.tensor([[2.0, 0.0], [0.0, 1.0]])).S
    tensor([2., 1.])
    """
    _check_driver("svd", driver)
    return _Svd(*_t._linalg_svd_stack(A, full_matrices, True))


@_listed("A", name="linalg_svdvals")
def svdvals(A, *, driver=None):
    """The singular values, descending.

    A (Tensor), driver (str or None). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.linalg.svdvals(framejit.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([2., 1.])
    """
    _check_driver("svdvals", driver)
    return _t._linalg_svd_stack(A, False, _needs_grad(A))[1]


def _check_driver(name, driver):
    if driver is not None:
        raise RuntimeError(
            f"linalg.{name}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )


def lu_factor(A, *, pivot=True):
    """(LU, pivots): the packed factorisation with partial pivoting.

    A (Tensor), pivot (bool). Raises RuntimeError (U[…] is zero: lu_solve would divide by it).

    >>> import framejit
    >>> framejit.linalg.lu_factor(framejit.tensor([[0.0, 1.0], [2.0, 4.0]])).pivots
    tensor([2, 2], dtype=framejit.int32)
    """
    LU, pivots, _ = _t.linalg_lu_factor_ex(A, pivot=pivot, check_errors=True)
    return _LuFactor(LU, pivots)


def lu(A, *, pivot=True):
    """(P, L, U) with A = P L U.

    A (Tensor), pivot (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.linalg.lu(framejit.tensor([[0.0, 1.0], [2.0, 4.0]])).P
    tensor([[0., 1.],
            [1., 0.]])
    """
    LU, pivots, _ = _t.linalg_lu_factor_ex(A, pivot=pivot)
    return _Lu(*_t.lu_unpack(LU, pivots))


@_listed("A", "B", name="linalg_lstsq")
def lstsq(A, B, rcond=None, *, driver=None):
    """The least squares solution of A X = B (of smallest norm), residuals, rank, singular values.

    As in PyTorch the residuals are empty unless every matrix has full rank and more rows than columns, and the
    singular values are empty unless the driver gives them ("gelsd", "gelss").

    A (Tensor), rcond (float or None), driver (str or None). Raises RuntimeError (parameter `driver` should be one of
    (gels, gelsy, gelsd, gelss); input must have at least 2 dimensions; input.size(-2) should match other.size(-2)).

    >>> import framejit
    >>> framejit.linalg.lstsq(framejit.tensor([[1.0], [1.0]]), framejit.tensor([[1.0], [3.0]])).solution
    tensor([[2.0000]])
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss) but got {driver}"
        )
    if A.dim() < 2:
        raise RuntimeError("torch.linalg.lstsq: input must have at least 2 dimensions.")
    vector = B.dim() == 1 or (A.dim() - 1 == B.dim() and B.shape == A.shape[:-1])
    Y = B.unsqueeze(-1) if vector else B
    m, n = A.shape[-2:]
    if Y.shape[-2] != m:
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-2)")
    if rcond is None:
        rcond = _C.finfo(A.dtype).eps * max(m, n)
    lead = _t.broadcast_shapes(A.shape[:-2], Y.shape[:-2])
    X, rank, values = _t._linalg_lstsq_stack(A.expand(*lead, m, n), Y.expand(*lead, *Y.shape[-2:]), float(rcond))
    empty = values.new_zeros(0)  # real, of complex matrices too
    residuals = empty
    if m > n and driver != "gelsy" and bool((rank == n).all()):
        residuals = (A @ X - Y).abs().square().sum(-2)
        residuals = residuals.squeeze(-1) if vector else residuals
    return _Lstsq(
        X.squeeze(-1) if vector else X,
        residuals,
        rank if driver != "gels" else _t.zeros(0, dtype=_t.int64),
        values if driver in ("gelsd", "gelss") else empty,
    )


# --- norms ---


def _float_input(name, x, dtype):
    """The input as `dtype`, which may widen it but not narrow it."""
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(
            f"linalg.{name}: Expected a floating point or complex tensor as input. Got {_scalar_name(x.dtype)}"
        )
    if dtype is None:
        return x
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"linalg.{name}: dtype should be floating point or complex, but got {_scalar_name(dtype)}")
    if _t.promote_types(x.dtype, dtype) != dtype:
        raise RuntimeError(
            f"linalg.{name}: the dtype of the input ({_scalar_name(x.dtype)}) should be convertible without narrowing to "
            f"the specified dtype ({_scalar_name(dtype)})"
        )
    return x.to(dtype)


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None, out=None):
    """(sum |x|**ord)**(1/ord) over `dim`, or over all elements; max and min for ±inf, the count of nonzeros for 0.

    x (Tensor), ord (int, float, or str), dim (int, or tuple of int, or None), keepdim (bool), dtype (framejit.dtype or
    None), out (Tensor to write the result to or None). Raises RuntimeError (expected a number for ord).

    >>> import framejit
    >>> framejit.linalg.vector_norm(framejit.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if not isinstance(ord, (int, float)):
        raise RuntimeError(f"linalg.vector_norm: expected a number for ord, got {ord!r}")
    x = _float_input("vector_norm", x, dtype)
    if x.dim() == 0:
        dim, keepdim = None, False
    dims = list(range(x.dim())) if dim is None or dim == () or dim == [] else dim
    return _into(out, _t.norm(x, ord, dims, keepdim))


def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None, out=None):
    """A norm of matrices in the dimensions `dim`: 'fro', 'nuc', ±1, ±2, ±inf.

    A (Tensor), ord (int, float, or str), dim (pair of int), keepdim (bool), dtype (framejit.dtype or None), out
    (Tensor to write the result to or None). Raises RuntimeError (The input tensor A must have at least 2 dimensions;
    dims must be different. Got (…, …); Order … not supported).

    >>> import framejit
    >>> framejit.linalg.matrix_norm(framejit.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    """
    A = _float_input("matrix_norm", A, dtype)
    if A.dim() < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    rows, cols = (d % A.dim() for d in dim)
    if rows == cols:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return _into(out, _t.norm(A, 2, [rows, cols], keepdim))
    if ord in ("nuc", 2, -2):
        values = svdvals(A.movedim((rows, cols), (-2, -1)))
        result = values.sum(-1) if ord == "nuc" else _largest(values, -1) if ord == 2 else values.amin(-1)
        if keepdim:
            for d in sorted((rows, cols)):
                result = result.unsqueeze(d)
        return _into(out, result)
    if ord not in (1, -1, _math.inf, -_math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, second = (rows, cols) if abs(ord) == 1 else (cols, rows)
    sums = A.abs().sum(first, True)
    result = _largest(sums, second, True) if ord > 0 else sums.amin((second,), True)
    if not keepdim:
        for d in sorted((rows, cols), reverse=True):
            result = result.squeeze(d)
    return _into(out, result)


def _largest(sizes, dim, keepdim=False):
    """The largest of sizes; 0 of none."""
    return sizes.amax(dim, keepdim) if sizes.shape[dim] else sizes.sum(dim, keepdim)


def norm(A, ord=None, dim=None, keepdim=False, *, out=None, dtype=None):
    """A vector norm or, where `ord` is a string or two dimensions are meant, a matrix norm.

    A (Tensor), ord (int, float, or str, or None), dim (int, or pair of int, or None), keepdim (bool), out (Tensor to
    write the result to or None), dtype (framejit.dtype or None). Raises RuntimeError (If dim is not specified but ord
    is, the input must be 1D or 2D. Got …D; If dim is specified, it must be of length 1 or 2. Got …).

    >>> import framejit
    >>> framejit.linalg.norm(framejit.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    if dim is not None:
        dims = (dim,) if isinstance(dim, int) else tuple(dim)
        if len(dims) not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
        if len(dims) == 1:
            return vector_norm(A, ord, dims, keepdim, dtype=dtype, out=out)
        return matrix_norm(A, ord, dims, keepdim, dtype=dtype, out=out)
    if A.dim() not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.dim()}D."
        )
    if A.dim() == 1:
        return vector_norm(A, ord, None, keepdim, dtype=dtype, out=out)
    return matrix_norm(A, ord, (-2, -1), keepdim, dtype=dtype, out=out)


@_listed("A", name="linalg_cond")
def cond(A, p=None, *, out=None):
    """The condition number: by singular values for None and ±2, else ‖A‖ ‖A⁻¹‖.

    A (Tensor), p (float or None), out (Tensor to write the result to or None). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.linalg.cond(framejit.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor(2.)
    """
    if A.dim() > 1 and A.numel() == 0:
        return _into(out, A.new_zeros(A.shape[:-2], dtype=A.abs().dtype))
    if p is None or p in (2, -2):
        values = svdvals(A)
        big, small = values[..., 0], values[..., -1]
        return _into(out, small / big if p == -2 else big / small)
    inverse, info = inv_ex(A)
    result = matrix_norm(A, p) * matrix_norm(inverse, p)
    return _into(out, result.masked_fill(info != 0, _math.inf))


@_listed("A", name="linalg_matrix_rank")
def matrix_rank(A, tol=None, *, atol=None, rtol=None, hermitian=False, out=None):
    """How many singular values exceed max(atol, rtol * the largest).

    A (Tensor), tol, atol, rtol (float or Tensor or None), hermitian (bool), out (Tensor to write the result to or
    None). Raises RuntimeError (The input tensor input must have at least 2 dimensions).

    >>> import framejit
    >>> framejit.linalg.matrix_rank(framejit.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    if A.dim() < 2:
        raise RuntimeError("linalg.matrix_rank: The input tensor input must have at least 2 dimensions.")
    if A.numel() == 0:
        return _into(out, _t.zeros(A.shape[:-2], dtype=_t.int64))
    with _no_grad():
        values = eigvalsh(A).abs() if hermitian else svdvals(A)
        if tol is not None:
            bound = tol if isinstance(tol, _t.Tensor) else values.new_full((), tol)
            return _into(out, (values > bound.unsqueeze(-1)).sum(-1))
        return _into(out, (values > _tolerance(A, values, atol, rtol)).sum(-1))


def _tolerance(A, values, atol, rtol):
    """max(atol, rtol * largest value) with a last dimension of one."""
    if rtol is None:
        rtol = (
            0.0
            if atol is not None and not (isinstance(atol, float) and atol == 0.0)
            else _C.finfo(A.dtype).eps * max(A.shape[-2:])
        )
    atol = 0.0 if atol is None else atol
    largest = values.amax((-1,), True) if values.shape[-1] else values.new_zeros(*values.shape[:-1], 1)
    spread = lambda x: x.unsqueeze(-1) if isinstance(x, _t.Tensor) else x
    relative = largest * spread(rtol)
    absolute = spread(atol)
    return _t.maximum(relative, absolute) if isinstance(absolute, _t.Tensor) else relative.clamp(min=absolute)


def pinv(A, rcond=None, *, atol=None, rtol=None, hermitian=False, out=None):
    """The Moore-Penrose pseudo-inverse, singular values up to max(atol, rtol * the largest) counted as zero.

    A (Tensor), rcond (float or None), atol, rtol (float or Tensor or None), hermitian (bool), out (Tensor to write the
    result to or None). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.linalg.pinv(framejit.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    rtol = rcond if rtol is None else rtol
    if 0 in A.shape:
        return _into(out, A.mH.clone())
    if hermitian:
        values, u = eigh(A.detach())
        v, sizes = u, values.abs()
    else:
        u, values, vh = svd(A.detach(), False)
        v, sizes = vh.mH, values
    kept = sizes > _tolerance(A, sizes, atol, rtol)
    inverse = _t.where(kept, 1 / values, _t.zeros_like(values))
    result = (v * inverse.unsqueeze(-2)) @ u.mH
    if _needs_grad(A):
        again = _pinv_near(A, u, inverse, v, kept)
        result = result + (again - again.detach())
    return _into(out, result)


def _pinv_near(A, u, inverse, v, kept):
    """The pseudo-inverse of matrices of the rank that the constants u, v and 1 / values stand for, by products alone.

    It has the derivatives that a decomposition of A has only where no two of its values are equal."""
    left, right = A @ (v * inverse.unsqueeze(-2)), (inverse.unsqueeze(-1) * u.mH) @ A  # of orthonormal columns, rows
    rest = _t.diag_embed((~kept).to(A.dtype))
    middle = right @ (v * inverse.unsqueeze(-2))
    inner = _t.linalg_solve(right @ right.mH + rest, middle)
    return right.mH @ inner @ _t.linalg_solve(left.mH @ left + rest, left.mH)


# --- products ---


def multi_dot(tensors, *, out=None):
    """The product of matrices in the cheapest order; the first and the last may be vectors.

    tensors (sequence of Tensor), out (Tensor to write the result to or None). Raises RuntimeError (expected at least 2
    tensors; tensor … must be …).

    >>> import framejit
    >>> framejit.linalg.multi_dot([framejit.ones(2, 3), framejit.ones(3, 4), framejit.ones(4, 1)])
    tensor([[12.],
            [12.]])
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for i, x in enumerate(tensors):
        if x.dim() != 2 and not (x.dim() == 1 and i in (0, len(tensors) - 1)):
            raise RuntimeError(
                f"multi_dot(): tensor {i} must be {'1D or 2D' if i in (0, len(tensors) - 1) else '2D'} but got {x.dim()}D"
            )
    first, last = tensors[0].dim() == 1, tensors[-1].dim() == 1
    if first:
        tensors[0] = tensors[0].unsqueeze(0)
    if last:
        tensors[-1] = tensors[-1].unsqueeze(1)
    result = _chain(tensors, _order([t.shape[0] for t in tensors] + [tensors[-1].shape[1]]), 0, len(tensors) - 1)
    if first:
        result = result.squeeze(0)
    if last:
        result = result.squeeze(-1)
    return _into(out, result)


def _order(sizes):
    """Where to split each chain i..j (Cormen et al., Introduction to Algorithms, 15.2)."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i][j] = min(options)
            split[i][j] = i + options.index(cost[i][j])
    return split


def _chain(tensors, split, i, j):
    if i == j:
        return tensors[i]
    k = split[i][j]
    return _chain(tensors, split, i, k) @ _chain(tensors, split, k + 1, j)


def matmul(input, other, *, out=None):
    """As `framejit.matmul`.

    input, other (Tensor), out (Tensor to write the result to or None). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.linalg.matmul(framejit.ones(2, 3), framejit.ones(3))
    tensor([3., 3.])
    """
    return _into(out, _t.matmul(input, other))


@_listed("x", "y", name="linalg_vecdot")
def vecdot(x, y, *, dim=-1, out=None):
    """The inner products of vectors along `dim`, with broadcasting.

    x, y (Tensor), dim (int), out (Tensor to write the result to or None). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.linalg.vecdot(framejit.tensor([1.0, 2.0]), framejit.tensor([3.0, 4.0]))
    tensor(11.)
    """
    return _into(out, (x.conj() * y).sum(dim))


def cross(input, other, *, dim=-1, out=None):
    """The cross products of vectors of three elements along `dim`, with broadcasting.

    input, other (Tensor), dim (int), out (Tensor to write the result to or None). Raises RuntimeError (inputs must
    have the same number of dimensions; inputs dimension … must have length 3. Got … and …).

    >>> import framejit
    >>> framejit.linalg.cross(framejit.tensor([1.0, 0.0, 0.0]), framejit.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    if input.dim() != other.dim():
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and {other.shape[dim]}"
        )
    shape = _t.broadcast_shapes(input.shape, other.shape)
    a, b = input.expand(shape), other.expand(shape)
    roll = lambda x, by: x.roll(by, dim)
    return _into(out, roll(a, -1) * roll(b, -2) - roll(a, -2) * roll(b, -1))


def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """The diagonals of matrices, as a view.

    A (Tensor), offset, dim1, dim2 (int). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.linalg.diagonal(framejit.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return A.diagonal(offset, dim1, dim2)


def vander(x, N=None):
    """Rows of powers: x**0, x**1, … x**(N-1).

    x (Tensor), N (int or None). Raises RuntimeError (N must be greater than 1. Got …).

    >>> import framejit
    >>> framejit.linalg.vander(framejit.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [1, 2, 4],
            [1, 3, 9]])
    """
    N = x.shape[-1] if N is None else N
    if N <= 1 and N != 1:
        raise RuntimeError(f"N must be greater than 1. Got {N}.")
    x = x.reshape(1) if x.dim() == 0 else x
    ones = _t.ones_like(x).unsqueeze(-1)
    if N == 1:
        return ones
    return _t.cat([ones, x.unsqueeze(-1).expand(*x.shape, N - 1).cumprod(-1)], -1)


def tensorinv(A, ind=2, *, out=None):
    """The inverse of the linear map that `tensordot` with `ind` dimensions makes of A.

    A (Tensor), ind (int), out (Tensor to write the result to or None). Raises RuntimeError (Expected a strictly
    positive integer for 'ind'; Expected self to satisfy the requirement prod(self.shape[ind:]) ==
    prod(self.shape[:ind])).

    >>> import framejit
    >>> framejit.linalg.tensorinv(2 * framejit.eye(4).reshape(2, 2, 2, 2)).shape
    framejit.Size([2, 2, 2, 2])
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    if ind > A.dim():
        raise RuntimeError(f"linalg.tensorinv: {ind} dimensions of a tensor that has {A.dim()}")
    rows, cols = A.shape[:ind], A.shape[ind:]
    if _math.prod(rows) != _math.prod(cols):
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got {_math.prod(cols)} != {_math.prod(rows)}"
        )
    return _into(out, inv(A.reshape(_math.prod(rows), -1)).reshape((*cols, *rows)))


def tensorsolve(A, B, dims=None, *, out=None):
    """X with tensordot(A, X, X.dim()) = B.

    A, B (Tensor), dims (sequence of int or None), out (Tensor to write the result to or None). Raises RuntimeError
    (Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim])).

    >>> import framejit
    >>> framejit.linalg.tensorsolve(2 * framejit.eye(4).reshape(2, 2, 2, 2), framejit.ones(2, 2))
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])
    """
    if dims is not None:
        A = A.movedim(list(dims), list(range(A.dim() - len(dims), A.dim())))
    shape = A.shape[B.dim() :]
    if _math.prod(shape) != B.numel():
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim])"
        )
    return _into(out, solve(A.reshape(B.numel(), -1), B.reshape(-1)).reshape(shape))
