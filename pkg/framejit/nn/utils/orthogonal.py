"""Matrices that stay orthogonal (or unitary) while they are trained: `parametrizations.orthogonal`.

Each map takes a free matrix to an orthogonal one: the exponential of a skew matrix, its Cayley transform, or the product of
Householder reflections (Lezcano-Casado 2019, "Trivializations for gradient-based optimization on manifolds").
"""

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad
from framejit.nn.modules.module import Module

from . import parametrize

MAPS = ("matrix_exp", "cayley", "householder")


def _nearest(matrix):
    """An orthogonal matrix with the columns' order and signs of a given one, by QR."""
    from framejit import linalg

    factors, tau = _t.geqrf(matrix)
    q = linalg.householder_product(factors, tau)
    return q * factors.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _is_orthogonal(matrix):
    rows, columns = matrix.shape[-2:]
    if rows < columns:
        matrix, rows, columns = matrix.mH, columns, rows
    unit = _t.eye(columns, dtype=matrix.dtype, device=matrix.device)
    eps = 10 * rows * _t.finfo(matrix.dtype).eps
    return bool(((matrix.mH @ matrix - unit).abs() <= eps).all())


class _Orthogonal(Module):
    def __init__(self, weight, orthogonal_map, use_trivialization):
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X):
        wide = X.shape[-2] < X.shape[-1]
        X = X.mT if wide else X
        Q = self._reflections(X) if self.orthogonal_map == "householder" else self._of_skew(X)
        if hasattr(self, "base"):
            Q = self.base @ Q
        return Q.mT if wide else Q

    def _of_skew(self, X):
        from framejit import linalg

        rows, columns = X.shape[-2:]
        X = X.tril()
        if rows != columns:
            X = _t.cat([X, X.new_zeros(rows, rows - columns).expand(*X.shape[:-2], -1, -1)], dim=-1)
        skew = X - X.mH
        if self.orthogonal_map == "matrix_exp":
            Q = _t.matrix_exp(skew)
        else:
            unit = _t.eye(rows, dtype=skew.dtype, device=skew.device)
            Q = linalg.solve(_t.add(unit, skew, alpha=-0.5), _t.add(unit, skew, alpha=0.5))
        return Q[..., :columns] if rows != columns else Q

    @staticmethod
    def _reflections(X):
        from framejit import linalg

        A = X.tril(diagonal=-1)
        Q = linalg.householder_product(A, 2.0 / (1.0 + (A * A).sum(dim=-2)))
        return Q * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)

    @no_grad()
    def right_inverse(self, Q):
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        wide = Q.shape[-2] < Q.shape[-1]
        tall = Q.mT if wide else Q
        rows, columns = tall.shape[-2:]
        if not hasattr(self, "base"):
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                    "use_trivialization=False."
                )
            A, tau = _t.geqrf(tall)
            diagonal = A.diagonal(dim1=-2, dim2=-1)
            diagonal.sign_()
            diagonal[tau == 0.0] *= -1
            return A.mT if wide else A
        if rows == columns:
            base = tall.clone() if _is_orthogonal(tall) else _nearest(tall)
        else:
            rest = _t.randn(*tall.shape[:-2], rows, rows - columns, dtype=tall.dtype, device=tall.device)
            base = _nearest(_t.cat([tall, rest], dim=-1))
        self.base = base
        start = _t.zeros_like(Q)  # every map takes it to the unit matrix, so that the weight is the base
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return start


def orthogonal(module, name="weight", orthogonal_map=None, *, use_trivialization=True):
    """A weight that is an orthogonal (unitary) matrix; of more rows than columns, or fewer, one with orthonormal columns, or rows.

    module (nn.Module), name (str), orthogonal_map (str or None): "matrix_exp", "cayley" or "householder"; use_trivialization (bool):
    multiply by a fixed matrix, so that any orthogonal matrix can be assigned. Raises ValueError for a module without a matrix of
    that name and for other maps.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.utils.parametrizations.orthogonal(nn.Linear(4, 3))
    >>> framejit.allclose(layer.weight @ layer.weight.T, framejit.eye(3), atol=1e-5)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, _t.Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    parametrize.register_parametrization(module, name, made, unsafe=True)
    return module
