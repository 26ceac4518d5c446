"""Sparse tensors: parts, arithmetic, products, gradients and printing, against dense tensors."""

import copy
import io
import pickle
import unittest

import framejit as fj
from framejit import sparse

INDICES = [[0, 1, 1, 0], [2, 0, 2, 2]]
VALUES = [3.0, 4.0, 5.0, 1.0]
LAYOUTS = (fj.sparse_coo, fj.sparse_csr, fj.sparse_csc)


def uncoalesced(**options):
    return fj.sparse_coo_tensor(INDICES, VALUES, (2, 3), **options)


def every_layout():
    dense = fj.tensor([[0.0, 0.0, 4.0], [4.0, 0.0, 5.0]])
    return dense, [uncoalesced(), *(dense.to_sparse(layout=layout) for layout in LAYOUTS)]


class SparseTest(unittest.TestCase):
    def assertDense(self, actual, expected, layout=None):
        if layout is not None:
            self.assertIs(actual.layout, layout)
        self.assertEqual(actual.to_dense().tolist(), expected.tolist())
        self.assertEqual(tuple(actual.shape), tuple(expected.shape))


class Making(SparseTest):
    def test_coordinates(self):
        s = uncoalesced()
        self.assertEqual((s.shape, s.dtype, s.layout), ((2, 3), fj.float32, fj.sparse_coo))
        self.assertEqual((s.is_sparse, s.is_sparse_csr, s.dim(), len(s), s.numel()), (True, False, 2, 2, 6))
        self.assertEqual((s._nnz(), s.sparse_dim(), s.dense_dim(), s.is_coalesced()), (4, 2, 0, False))
        self.assertEqual(s._indices().tolist(), INDICES)
        c = s.coalesce()
        self.assertEqual((c.indices().tolist(), c.values().tolist()), ([[0, 1, 1], [2, 0, 2]], [4, 4, 5]))
        self.assertTrue(c.is_coalesced())
        self.assertIs(c.coalesce(), c)
        self.assertRaisesRegex(RuntimeError, "uncoalesced", s.indices)
        self.assertRaisesRegex(RuntimeError, "uncoalesced", s.values)
        self.assertIsInstance(s, fj.Tensor)
        self.assertFalse(fj.ones(1).is_sparse)
        self.assertEqual(fj.sparse_coo_tensor(INDICES, VALUES).shape, (2, 3))
        self.assertEqual(fj.sparse_coo_tensor(size=(2, 3)).to_dense().tolist(), [[0] * 3] * 2)
        self.assertEqual(fj.sparse_coo_tensor((2, 3))._nnz(), 0)

    def test_compressed(self):
        dense = fj.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 3.0]])
        r = fj.sparse_csr_tensor([0, 1, 3], [1, 0, 2], [1.0, 2.0, 3.0])
        self.assertDense(r, dense, fj.sparse_csr)
        self.assertEqual((r.is_sparse, r.is_sparse_csr, r._nnz()), (False, True, 3))
        c = r.to_sparse_csc()
        self.assertDense(c, dense, fj.sparse_csc)
        self.assertEqual((c.ccol_indices().tolist(), c.row_indices().tolist()), ([0, 1, 2, 3], [1, 0, 1]))
        self.assertDense(c.t(), dense.t(), fj.sparse_csr)
        self.assertRaisesRegex(RuntimeError, "row compressed", c.crow_indices)
        self.assertRaisesRegex(RuntimeError, "coordinate", r.coalesce)
        self.assertRaisesRegex(RuntimeError, "Strided", fj.ones(1).indices)

    def test_there_and_back(self):
        x = fj.arange(24.0).reshape(2, 3, 4) % 5 * (fj.arange(24).reshape(2, 3, 4) % 3 == 0)
        for dims in (1, 2, 3):
            s = x.to_sparse(dims)
            self.assertEqual((s.sparse_dim(), s.dense_dim()), (dims, 3 - dims))
            self.assertDense(s, x)
        for shape in ((0,), (0, 3), (3, 0), ()):
            for value in (fj.zeros(shape), fj.ones(shape)):
                self.assertDense(value.to_sparse(), value)
        for layout in LAYOUTS:
            self.assertDense(x[0].to_sparse(layout=layout), x[0], layout)
        self.assertDense(fj.tensor([True, False]).to_sparse(), fj.tensor([True, False]))

    def test_refused(self):
        self.assertRaisesRegex(RuntimeError, "same nnz", fj.sparse_coo_tensor, [[0, 1]], [1.0])
        self.assertRaisesRegex(RuntimeError, "sparse_dim x nnz", fj.sparse_coo_tensor, [0, 1], [1.0, 2.0])
        self.assertRaisesRegex(RuntimeError, "not satisfied", fj.sparse_coo_tensor, [[0], [0]], [1.0], (2,))
        self.assertRaises(RuntimeError, fj.ones(2).to_sparse, 3)
        self.assertRaises(RuntimeError, sparse.SparseTensor)
        self.assertRaises(RuntimeError, fj.ones(2).to_sparse_csr)
        for index, message in ((5, "found index 5"), (-1, "negative index -1")):
            with self.assertRaisesRegex(RuntimeError, message):
                fj.sparse_coo_tensor([[index]], [1.0], (2,), check_invariants=True)
        with sparse.check_sparse_tensor_invariants(), self.assertRaises(RuntimeError):
            fj.sparse_csr_tensor([0, 1, 3], [1, 0, 7], [1.0, 2.0, 3.0], (2, 3))
        # Wrong indices that nobody looked at raise where they are used.
        self.assertRaises((IndexError, RuntimeError), fj.sparse_coo_tensor([[5]], [1.0], (2,)).to_dense)


class Arithmetic(SparseTest):
    def test_by_numbers(self):
        dense, all_ = every_layout()
        for s in all_:
            for f in (lambda x: x * 2, lambda x: 2 * x, lambda x: x / 2, lambda x: -x, lambda x: x.mul(3), abs):
                self.assertDense(f(s), f(dense), s.layout)
            self.assertRaises(RuntimeError, lambda s=s: s + 1)
            self.assertRaises((RuntimeError, NotImplementedError), lambda s=s: 1 / s)

    def test_by_tensors(self):
        dense, all_ = every_layout()
        other = fj.tensor([[0.0, 1.0, 2.0], [0.0, 3.0, 0.0]])
        for s in all_:
            o = other.to_sparse(layout=s.layout)
            self.assertDense(s + o, dense + other, s.layout)
            self.assertDense(s - o, dense - other, s.layout)
            self.assertDense(fj.add(s, o, alpha=3), dense + 3 * other, s.layout)
            self.assertDense(s * o, dense * other, s.layout)
            self.assertDense(s * other, dense * other, s.layout)
            self.assertDense(other * s, dense * other, s.layout)
            self.assertEqual((other + s).tolist(), (other + dense).tolist())
            self.assertEqual((other - s).tolist(), (other - dense).tolist())
            self.assertRaises(RuntimeError, lambda s=s: s + fj.ones(3, 3).to_sparse(layout=s.layout))

    def test_of_elements(self):
        dense, all_ = every_layout()
        for s in all_:
            for name in ("sin", "sqrt", "relu", "sign", "square", "isnan", "expm1", "floor"):
                self.assertDense(getattr(fj, name)(s), getattr(fj, name)(dense), s.layout)
            self.assertDense(s**2, dense**2, s.layout)
            self.assertDense(fj.nn.functional.relu(s), dense)
            for name in ("cos", "exp", "mean", "max", "sort", "cumsum"):
                with self.assertRaises((NotImplementedError, TypeError)):
                    getattr(s, name)()
            self.assertRaises(NotImplementedError, lambda s=s: s > 0)
            self.assertRaises(NotImplementedError, lambda s=s: fj.equal(s, s))

    def test_in_place(self):
        s = uncoalesced()
        before = s
        s *= 2
        s.add_(uncoalesced())
        self.assertIs(s, before)
        self.assertDense(s, uncoalesced().to_dense() * 3)
        self.assertEqual(s.zero_()._nnz(), 0)
        self.assertDense(s.copy_(uncoalesced()), uncoalesced().to_dense())
        self.assertRaises(RuntimeError, s.copy_, fj.ones(2, 3))
        self.assertRaises(RuntimeError, uncoalesced(requires_grad=True).mul_, 2)
        x = fj.ones(2, 3)
        x += s
        self.assertEqual(x.tolist(), (1 + uncoalesced().to_dense()).tolist())

    def test_conversions(self):
        for s in every_layout()[1]:
            self.assertEqual(s.double().dtype, fj.float64)
            self.assertEqual(s.to(fj.int64).to_dense().dtype, fj.int64)
            self.assertIs(s.float(), s)
            self.assertDense(s.clone(), s.to_dense(), s.layout)
            self.assertEqual(fj.zeros_like(s)._nnz(), 0)
        self.assertRaises(TypeError, uncoalesced().numpy)
        self.assertRaises(RuntimeError, uncoalesced().tolist)
        self.assertRaises(RuntimeError, bool, uncoalesced())
        self.assertEqual(fj.tensor([[2.5]]).to_sparse().item(), 2.5)


class Shapes(SparseTest):
    def test_turned(self):
        dense, all_ = every_layout()
        for s in all_:
            for f in (lambda x: x.t(), lambda x: x.T, lambda x: x.transpose(0, 1), lambda x: x.permute(1, 0)):
                self.assertDense(f(s), f(dense))
        x = fj.arange(24.0).reshape(2, 3, 4)
        s = x.to_sparse(1)
        self.assertDense(s.transpose(1, 2), x.transpose(1, 2))
        self.assertRaises(RuntimeError, s.transpose, 0, 1)

    def test_parts(self):
        dense, all_ = every_layout()
        for s in all_:
            for key in (0, -1, (slice(None), 2), (..., 0), (None, 1)):
                self.assertDense(s[key], dense[key])
            self.assertEqual((s[0, 2], s[0, 0]), (4, 0))
            self.assertDense(s.index_select(1, fj.tensor([2, 0, 2])), dense.index_select(1, fj.tensor([2, 0, 2])))
            self.assertEqual([row.to_dense().tolist() for row in s], dense.tolist())
            self.assertRaises(IndexError, lambda s=s: s[5])
            self.assertRaises(NotImplementedError, lambda s=s: s[0:1])

    def test_joined(self):
        dense, all_ = every_layout()
        for s in all_:
            for dim in (0, 1, -1):
                self.assertDense(fj.cat([s, s], dim), fj.cat([dense, dense], dim), s.layout)
            self.assertDense(fj.stack([s, s], 1), fj.stack([dense, dense], 1))
            self.assertDense(s.unsqueeze(1), dense.unsqueeze(1))
        self.assertRaises(RuntimeError, fj.cat, [all_[0], dense])


class Sums(SparseTest):
    def test_sum(self):
        dense, all_ = every_layout()
        for s in all_:
            self.assertEqual(s.sum(), dense.sum())
            self.assertEqual(s.norm(), dense.norm())
        for dim in (0, 1, -1, (0, 1)):
            self.assertDense(sparse.sum(uncoalesced(), dim), dense.sum(dim))
        x = fj.arange(24.0).reshape(2, 3, 4)
        for dims in ((0,), (2,), (1, 2), (0, 2), (0, 1)):
            self.assertDense(x.to_sparse(2).sum(dims), x.sum(dims))
        self.assertRaises(RuntimeError, all_[2].sum, 0)

    def test_softmax(self):
        dense = fj.tensor([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
        full = fj.where(dense == 0, float("-inf"), dense)
        for dim in (0, 1):
            expected = fj.nan_to_num(fj.softmax(full, dim), nan=0.0)
            self.assertTrue(fj.allclose(sparse.softmax(dense.to_sparse(), dim).to_dense(), expected))
            logs = sparse.log_softmax(dense.to_sparse(), dim)
            self.assertTrue(fj.allclose(logs.values().exp(), sparse.softmax(dense.to_sparse(), dim).values()))


class Products(SparseTest):
    def test_products(self):
        dense, all_ = every_layout()
        m, v = fj.arange(6.0).reshape(3, 2), fj.tensor([1.0, 2.0, 3.0])
        for s in all_:
            for f in (fj.mm, fj.matmul, sparse.mm, lambda a, b: a @ b):
                self.assertEqual(f(s, m).tolist(), (dense @ m).tolist())
            self.assertEqual((s @ v).tolist(), (dense @ v).tolist())
            self.assertEqual((m.t() @ s.t()).tolist(), (m.t() @ dense.t()).tolist())
            self.assertDense(s @ s.t().to_sparse(layout=s.layout), dense @ dense.t(), s.layout)
            start = fj.ones(2, 2)
            expected = fj.addmm(start, dense, m, beta=2, alpha=3)
            self.assertEqual(fj.addmm(start, s, m, beta=2, alpha=3).tolist(), expected.tolist())
            self.assertEqual(sparse.addmm(start, s, m).tolist(), (start + dense @ m).tolist())
            self.assertRaises(RuntimeError, sparse.mm, s, fj.ones(2, 2))
            self.assertRaises(RuntimeError, sparse.mm, s, m.double())
        self.assertEqual(
            fj.nn.functional.linear(fj.ones(4, 3), uncoalesced()).tolist(), (fj.ones(4, 3) @ dense.t()).tolist()
        )

    def test_reduced(self):
        s = fj.tensor([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0]]).to_sparse_csr()
        m = fj.tensor([[1.0], [4.0], [5.0]])
        for reduce, expected in {"sum": 14, "mean": 7, "amax": 10, "amin": 4, "prod": 40}.items():
            self.assertEqual(sparse.mm(s, m, reduce).tolist(), [[expected], [0]])
        self.assertRaises(RuntimeError, sparse.mm, s, m, "median")

    def test_sampled(self):
        mask = fj.eye(2).to_sparse_csr()
        a, b = fj.arange(6.0).reshape(2, 3), fj.arange(6.0).reshape(3, 2)
        result = sparse.sampled_addmm(mask, a, b, beta=2.0, alpha=0.5)
        self.assertDense(result, 2 * fj.eye(2) + 0.5 * fj.eye(2) * (a @ b), fj.sparse_csr)

    def test_mask_and_diagonals(self):
        dense = fj.arange(6.0).reshape(2, 3)
        mask = uncoalesced().coalesce()
        self.assertEqual(dense.sparse_mask(mask).values().tolist(), [2, 3, 5])
        result = sparse.spdiags(fj.arange(9.0).reshape(3, 3), fj.tensor([0, 1, -1]), (3, 3))
        self.assertDense(result, fj.tensor([[0.0, 4.0, 0.0], [6.0, 1.0, 5.0], [0.0, 7.0, 2.0]]))


class Gradients(SparseTest):
    def test_of_products(self):
        m = fj.arange(6.0).reshape(3, 2).requires_grad_()
        weight = fj.tensor([[1.0, 2.0], [3.0, 4.0]])
        s = fj.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [4.0, 4.0, 5.0], (2, 3), requires_grad=True)
        self.assertTrue(s.is_leaf and s.requires_grad)
        (sparse.mm(s, m) * weight).sum().backward()
        dense = s.detach().to_dense().requires_grad_()
        other = m.detach().requires_grad_()
        ((dense @ other) * weight).sum().backward()
        self.assertIs(s.grad.layout, fj.sparse_coo)
        self.assertDense(s.grad, dense.grad * (dense != 0))
        self.assertEqual(m.grad.tolist(), other.grad.tolist())

    def test_of_conversions(self):
        x = fj.tensor([[0.0, 2.0], [3.0, 0.0]], requires_grad=True)
        for layout in LAYOUTS:
            x.grad = None
            (x.to_sparse(layout=layout).to_dense() ** 2).sum().backward()
            self.assertEqual(x.grad.tolist(), [[0, 4], [6, 0]])
        v = fj.tensor([1.0, 2.0], requires_grad=True)
        s = fj.sparse_coo_tensor([[0, 0]], v, (2,))
        self.assertFalse(s.is_leaf)
        (s.coalesce().to_dense() * 5).sum().backward()
        self.assertEqual(v.grad.tolist(), [5, 5])

    def test_gradcheck(self):
        def f(v, m):
            s = fj.sparse_coo_tensor([[0, 1, 1, 0], [2, 0, 2, 2]], v, (2, 3))
            product = sparse.mm(s, s.t()).to_dense() + sparse.mm(s, m)
            return product + sparse.softmax(s, 1).to_dense().sum() + (s * s).sum(1).to_dense()

        v = fj.tensor(VALUES, dtype=fj.float64, requires_grad=True)
        m = fj.arange(6.0, dtype=fj.float64).reshape(3, 2).requires_grad_()
        self.assertTrue(fj.autograd.gradcheck(f, (v, m)))

    def test_grad(self):
        s = uncoalesced(requires_grad=True)
        (grad,) = fj.autograd.grad(sparse.sum(s * 3), s)
        self.assertEqual((grad.layout, grad._values().tolist()), (fj.sparse_coo, [3] * 4))
        (grad,) = fj.autograd.grad(s * 2, s, uncoalesced())
        self.assertDense(grad, 2 * uncoalesced().to_dense())

    def test_requires_grad(self):
        s = uncoalesced().requires_grad_()
        self.assertTrue(s.requires_grad)
        self.assertFalse(s.detach().requires_grad)
        self.assertIsNone(s.grad)
        sparse.sum(s).backward()
        self.assertEqual(s.grad._values().tolist(), [1] * 4)
        s.grad = None
        self.assertIsNone(s.grad)


class Texts(SparseTest):
    def test_repr(self):
        self.assertEqual(
            repr(uncoalesced(dtype=fj.float64, requires_grad=True)),
            "tensor(indices=tensor([[0, 1, 1, 0],\n                       [2, 0, 2, 2]]),\n"
            "       values=tensor([3., 4., 5., 1.]),\n"
            "       size=(2, 3), nnz=4, dtype=framejit.float64, layout=framejit.sparse_coo, requires_grad=True)",
        )
        self.assertEqual(
            repr(fj.eye(2).to_sparse_csr()),
            "tensor(crow_indices=tensor([0, 1, 2]),\n       col_indices=tensor([0, 1]),\n"
            "       values=tensor([1., 1.]), size=(2, 2), nnz=2,\n       layout=framejit.sparse_csr)",
        )
        self.assertIn("tensor([], size=(2, 0))", repr(fj.zeros(2, 2).to_sparse()))

    def test_copies(self):
        for s in every_layout()[1]:
            file = io.BytesIO()
            fj.save({"s": s}, file)
            file.seek(0)
            for back in (pickle.loads(pickle.dumps(s)), copy.deepcopy(s), fj.load(file)["s"]):
                self.assertDense(back, s.to_dense(), s.layout)
                if s.is_sparse:
                    self.assertEqual(back.is_coalesced(), s.is_coalesced())


class Compiled(SparseTest):
    def test_between_compiled_parts(self):
        def f(x):
            s = (x * 2).to_sparse()
            return sparse.mm(s, x.t()) + 1, s.to_dense().relu(), s.layout, s.is_sparse, s._nnz()

        x = fj.tensor([[0.0, 1.0], [2.0, 0.0]])
        compiled = fj.compile(f)
        for value in (x, x * 3, fj.zeros(2, 2)):
            for expected, got in zip(f(value), compiled(value)):
                self.assertEqual(*(v.tolist() if isinstance(v, fj.Tensor) else v for v in (expected, got)))

    def test_as_argument(self):
        compiled = fj.compile(lambda s, m: (s @ m).relu() + s.shape[0])
        for s in every_layout()[1]:
            self.assertEqual(compiled(s, fj.ones(3, 2)).tolist(), ((s.to_dense() @ fj.ones(3, 2)) + 2).tolist())
        self.assertEqual(compiled(fj.ones(2, 3), fj.ones(3, 2)).tolist(), [[5, 5], [5, 5]])


if __name__ == "__main__":
    unittest.main()
