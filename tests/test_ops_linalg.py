"""Linear algebra against NumPy and by what defines the results; derivatives by finite differences."""

import unittest

import framejit
import numpy as np
from framejit import linalg
from framejit.autograd import gradcheck, gradgradcheck

RNG = np.random.default_rng(2)


def tensor(value):
    return framejit.from_numpy(np.ascontiguousarray(value))


def normal(*shape):
    return RNG.standard_normal(shape)


def spd(*shape):
    a = normal(*shape)
    return a @ a.swapaxes(-1, -2) + np.eye(shape[-1])


def close(got, want, tol=1e-9):
    np.testing.assert_allclose(
        got.detach().numpy() if isinstance(got, framejit.Tensor) else got, want, rtol=tol, atol=tol
    )


class FactorTest(unittest.TestCase):
    SHAPES = ((3, 3), (5, 3), (3, 5), (2, 4, 3), (2, 2, 3, 4), (0, 3, 3), (3, 0), (0, 3))

    def test_qr(self):
        for shape in self.SHAPES:
            for mode in ("reduced", "complete", "r"):
                a = normal(*shape)
                q, r = linalg.qr(tensor(a), mode)
                with self.subTest(shape=shape, mode=mode):
                    want_r = np.linalg.qr(a, mode="r" if mode == "r" else mode)
                    want_r = want_r if mode == "r" else want_r[1]
                    self.assertEqual(tuple(r.shape), want_r.shape)
                    if mode != "r":
                        close(q @ r, a)
                        close(q.mT @ q, np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2],) + (q.shape[-1],) * 2))
                    close(r.triu(), r.numpy())

    def test_lu(self):
        for shape in self.SHAPES:
            a = normal(*shape)
            with self.subTest(shape=shape):
                p, lower, upper = linalg.lu(tensor(a))
                close(p @ lower @ upper, a)
                close(lower.tril(), lower.numpy())
                close(upper.triu(), upper.numpy())

    def test_lu_solve(self):
        a, b = normal(2, 3, 3), normal(2, 3, 2)
        lu, pivots = linalg.lu_factor(tensor(a))
        self.assertIs(pivots.dtype, framejit.int32)
        close(linalg.lu_solve(lu, pivots, tensor(b)), np.linalg.solve(a, b))
        close(linalg.lu_solve(lu, pivots, tensor(b), adjoint=True), np.linalg.solve(a.swapaxes(1, 2), b))
        c = normal(2, 2, 3)
        close(linalg.lu_solve(lu, pivots, tensor(c), left=False), c @ np.linalg.inv(a))
        close(linalg.lu_solve(lu, pivots, tensor(c), left=False, adjoint=True), c @ np.linalg.inv(a).swapaxes(1, 2))

    def test_cholesky(self):
        a = spd(2, 3, 3)
        close(linalg.cholesky(tensor(a)), np.linalg.cholesky(a))
        close(linalg.cholesky(tensor(a), upper=True), np.linalg.cholesky(a).swapaxes(1, 2))
        close(framejit.cholesky_inverse(linalg.cholesky(tensor(a))), np.linalg.inv(a))
        close(framejit.cholesky_solve(tensor(normal(3, 2) * 0 + 1), linalg.cholesky(tensor(a), upper=True), True),
              np.linalg.solve(a, np.ones((2, 3, 2))))  # fmt: skip
        with self.assertRaisesRegex(linalg.LinAlgError, "minor of order 2 is not positive-definite"):
            linalg.cholesky(tensor(np.diag([1.0, -1.0, 1.0])))
        self.assertEqual(linalg.cholesky_ex(tensor(np.diag([1.0, -1.0, 1.0]))).info.item(), 2)

    def test_eigh(self):
        for shape in ((3, 3), (2, 4, 4), (0, 0), (2, 0, 0)):
            a = spd(*shape)
            w, v = linalg.eigh(tensor(a))
            close(w, np.linalg.eigvalsh(a))
            close((v * w.unsqueeze(-2)) @ v.mT, a, 1e-8)
            close(linalg.eigvalsh(tensor(np.triu(a)), "U"), np.linalg.eigvalsh(a))

    def test_svd(self):
        for shape in self.SHAPES:
            a = normal(*shape)
            for full in (True, False):
                with self.subTest(shape=shape, full=full):
                    u, s, vh = linalg.svd(tensor(a), full)
                    want = np.linalg.svd(a, full)
                    self.assertEqual([tuple(x.shape) for x in (u, s, vh)], [x.shape for x in want])
                    close(s, want[1])
                    k = s.shape[-1]
                    close((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], a)

    def test_functions(self):
        a = normal(4, 3)
        close(linalg.pinv(tensor(a)), np.linalg.pinv(a))
        close(linalg.pinv(tensor(spd(3, 3)), hermitian=True) * 0, np.zeros((3, 3)))
        self.assertEqual(linalg.matrix_rank(tensor(a @ np.diag([1.0, 1, 0]))).item(), 2)
        close(linalg.cond(tensor(a)), np.linalg.cond(a))
        for p in (1, -1, np.inf, -np.inf, "fro"):
            close(linalg.cond(tensor(spd(3, 3) * 0 + np.diag([1.0, 2, 4])), p), np.linalg.cond(np.diag([1.0, 2, 4]), p))
        close(linalg.multi_dot([tensor(normal(3) * 0 + 1), tensor(a.T), tensor(a)]), np.ones(3) @ a.T @ a)
        close(linalg.cross(tensor(a), tensor(a[::-1])), np.cross(a, a[::-1]))
        close(linalg.vander(tensor(np.arange(3.0))), np.vander(np.arange(3.0), increasing=True))
        close(linalg.tensorinv(tensor(normal(2, 3, 6) * 0 + np.eye(6).reshape(2, 3, 6))), np.eye(6).reshape(6, 2, 3))
        close(linalg.vecdot(tensor(a), tensor(a)), (a * a).sum(-1))
        m, b = normal(2, 3, 6), normal(2, 3)
        close(linalg.tensorsolve(tensor(m), tensor(b)), np.linalg.tensorsolve(m, b))

    def test_matrix_exp(self):
        for scale in (0.01, 1.0, 30.0):
            a = normal(2, 3, 3) * scale
            a = a - a.swapaxes(1, 2)  # skew: the exponential is a rotation
            got = linalg.matrix_exp(tensor(a))
            w, v = np.linalg.eig(a)
            close(got, ((v * np.exp(w)[:, None, :]) @ np.linalg.inv(v)).real, 1e-7)

    def test_lstsq(self):
        for shape in ((5, 3), (3, 5), (2, 4, 3)):
            a, b = normal(*shape), normal(*shape[:-1], 2)
            got = linalg.lstsq(tensor(a), tensor(b), driver="gelsd")
            close(got.solution, np.linalg.pinv(a) @ b)
            close(got.singular_values, np.linalg.svd(a, compute_uv=False))
            self.assertTrue((got.rank == 3).all())

    def test_norms(self):
        a = normal(2, 3, 4)
        for p in (0, 1, 2, 3, 0.5, -1, np.inf, -np.inf):
            close(linalg.vector_norm(tensor(a), p, -1), np.linalg.norm(a, p, -1))
            close(linalg.vector_norm(tensor(a), p, (0, 2), keepdim=True)[0, :, 0],
                  [np.linalg.norm(a[:, i].ravel(), p) for i in range(3)])  # fmt: skip
        for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
            close(linalg.matrix_norm(tensor(a), p), np.linalg.norm(a, p, (-2, -1)))
            close(linalg.matrix_norm(tensor(a), p, (0, 1), keepdim=True), np.linalg.norm(a, p, (0, 1), keepdims=True))
        close(linalg.norm(tensor(a)), np.linalg.norm(a))
        close(linalg.norm(tensor(a[0]), "nuc"), np.linalg.norm(a[0], "nuc"))

    def test_singular(self):
        zero = tensor(np.zeros((3, 3)))
        for call in (lambda: linalg.inv(zero), lambda: linalg.solve(zero, tensor(normal(3, 1)))):
            with self.assertRaises(linalg.LinAlgError):
                call()
        self.assertEqual(linalg.inv_ex(zero).info.item(), 1)
        self.assertEqual(linalg.solve_ex(zero, tensor(normal(3))).info.item(), 1)
        self.assertTrue(framejit.isinf(linalg.solve_triangular(zero, tensor(np.ones((3, 1))), upper=True)).any())

    def test_bad_input(self):
        for call in (
            lambda: linalg.inv(tensor(normal(2, 3))),
            lambda: linalg.det(tensor(normal(3))),
            lambda: linalg.cholesky(framejit.ones(3, 3, dtype=framejit.int64)),
            lambda: linalg.solve(tensor(normal(3, 3)), tensor(normal(4, 1))),
            lambda: linalg.qr(tensor(normal(3, 3)), "odd"),
            lambda: linalg.eigh(tensor(normal(3, 3)), "X"),
            lambda: framejit.cholesky_solve(tensor(normal(1, 2)), tensor(normal(1))),
            lambda: linalg.solve(tensor(normal(3, 3)), tensor(np.array(1.0))),
            lambda: framejit.lu_unpack(tensor(normal(3)), framejit.ones(1, dtype=framejit.int32)),
            lambda: framejit.lu_unpack(
                framejit.ones(2, 2, dtype=framejit.int64), framejit.ones(2, dtype=framejit.int32)
            ),
            lambda: linalg.lu_solve(tensor(normal(3)), framejit.ones(3, dtype=framejit.int32), tensor(normal(3, 1))),
        ):
            with self.assertRaises(RuntimeError):
                call()


def symmetric(f):
    return lambda a: f(a + a.mT)


class GradientTest(unittest.TestCase):
    def check(self, f, *arrays, second=True):
        inputs = [tensor(a).requires_grad_() for a in arrays]
        self.assertTrue(gradcheck(f, inputs))
        if second:
            self.assertTrue(gradgradcheck(f, inputs))

    def test_products_and_solves(self):
        self.check(linalg.inv, spd(2, 3, 3))
        self.check(linalg.solve, spd(3, 3), normal(3, 2))
        self.check(lambda a, b: linalg.solve(a, b, left=False), spd(3, 3), normal(2, 3))
        for upper in (True, False):
            for left in (True, False):
                for unit in (True, False):
                    self.check(
                        lambda a, b, u=upper, s=left, n=unit: linalg.solve_triangular(
                            a, b, upper=u, left=s, unitriangular=n
                        ),
                        spd(3, 3),
                        normal(3, 3),
                    )
        self.check(linalg.det, normal(2, 3, 3))
        self.check(linalg.det, np.array([[1.0, 2], [2, 4]]), second=False)  # singular
        self.check(lambda a: linalg.slogdet(a)[1], normal(3, 3))
        self.check(linalg.matrix_exp, normal(3, 3))
        self.check(lambda a: linalg.matrix_power(a, -2), spd(3, 3))
        self.check(linalg.pinv, normal(4, 3), second=False)
        self.check(lambda a, b: linalg.lstsq(a, b).solution, normal(4, 3), normal(4, 2), second=False)
        self.check(lambda a, b: linalg.lstsq(a, b).solution, normal(3, 4), normal(3, 2), second=False)

    def test_factors(self):
        self.check(symmetric(linalg.cholesky), spd(2, 3, 3))
        self.check(symmetric(lambda a: linalg.cholesky(a, upper=True)), spd(3, 3))
        for shape in ((3, 3), (4, 3), (3, 4)):
            self.check(lambda a: tuple(linalg.qr(a)), normal(*shape), second=shape[0] >= shape[1])
            self.check(lambda a: linalg.lu(a)[1:], normal(*shape))
            self.check(lambda a: linalg.svd(a, False)[1], normal(*shape))
            # products that do not depend on the signs of the vectors
            self.check(
                lambda a: (lambda u, s, vh: (u * s.sin().unsqueeze(-2)) @ vh)(*linalg.svd(a, False)), normal(*shape)
            )
        self.check(symmetric(linalg.eigvalsh), normal(3, 3))
        self.check(
            symmetric(lambda a: (lambda w, v: (v * w.sin().unsqueeze(-2)) @ v.mT)(*linalg.eigh(a))), normal(3, 3)
        )

    def test_the_zeroth_power(self):
        for power in (framejit.matrix_power, framejit.linalg.matrix_power):
            for f in (power, framejit.compile(power, fullgraph=True)):
                for dtype in (framejit.float32, framejit.complex64):
                    a = framejit.ones(2, 2, 2, dtype=dtype, requires_grad=True)
                    result = f(a, 0)
                    self.assertEqual(result.tolist(), [[[1, 0], [0, 1]]] * 2)
                    result.real.sum().backward()
                    self.assertEqual(a.grad.tolist(), [[[0, 0], [0, 0]]] * 2)

    def test_norms(self):
        for p in ("fro", "nuc", 1, 2):
            self.check(lambda a, p=p: linalg.matrix_norm(a, p), normal(3, 4))
        self.check(lambda a: linalg.vector_norm(a, 3), normal(3, 4))


class TransformTest(unittest.TestCase):
    def test_vmap(self):
        a, b = spd(4, 3, 3), normal(4, 3, 2)
        for f in (
            linalg.inv,
            linalg.det,
            linalg.cholesky,
            lambda x: linalg.qr(x)[1],
            linalg.eigvalsh,
            linalg.matrix_exp,
        ):
            want = np.stack([f(tensor(x)).numpy() for x in a])
            close(framejit.func.vmap(f)(tensor(a)), want)
        close(framejit.func.vmap(linalg.solve)(tensor(a), tensor(b)), np.linalg.solve(a, b))
        close(framejit.func.vmap(linalg.solve, (None, 0))(tensor(a[0]), tensor(b)), np.linalg.solve(a[:1], b))

    def test_compiled(self):
        def step(a, b):
            chol = linalg.cholesky(a @ a.mT + framejit.eye(3, dtype=a.dtype))
            x = framejit.cholesky_solve(b, chol)
            return x * 2, linalg.slogdet(a)[1], linalg.eigh(a @ a.mT)[0]

        compiled = framejit.compile(step, fullgraph=True)
        a, b = normal(3, 3), normal(3, 2)
        for got, want in zip(compiled(tensor(a), tensor(b)), step(tensor(a), tensor(b))):
            close(got, want.numpy())
        x, y = tensor(a).requires_grad_(), tensor(a).requires_grad_()
        compiled(x, tensor(b))[0].sum().backward()
        step(y, tensor(b))[0].sum().backward()
        close(x.grad, y.grad.numpy())


if __name__ == "__main__":
    unittest.main()
