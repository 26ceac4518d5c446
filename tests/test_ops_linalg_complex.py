"""Linear algebra of complex matrices, eigenvalues of general ones, packed factorisations: by what defines the results, and
derivatives by finite differences."""

import unittest

import framejit
import numpy as np
from framejit import linalg
from framejit.autograd import gradcheck

from tests.complex_parts import in_parts, parts

RNG = np.random.default_rng(5)
SHAPES = ((3, 3), (2, 4, 4), (0, 3, 3), (0, 0))


def tensor(value):
    return framejit.tensor(np.array(value))


def normal(*shape):
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


def hermitian(*shape):
    a = normal(*shape)
    return a + a.conj().swapaxes(-1, -2)


def spd(*shape):
    a = normal(*shape)
    return a @ a.conj().swapaxes(-1, -2) + np.eye(shape[-1])


def close(got, want, tol=1e-9):
    np.testing.assert_allclose(*(x.detach().numpy() if isinstance(x, framejit.Tensor) else x for x in (got, want)), rtol=tol, atol=tol)  # fmt: skip


class ComplexLinalg(unittest.TestCase):
    def test_eig(self):
        for shape in SHAPES:
            for a in (normal(*shape), normal(*shape).real):
                values, vectors = linalg.eig(tensor(a))
                with self.subTest(shape=shape, dtype=a.dtype):
                    self.assertTrue(values.is_complex() and vectors.is_complex())
                    close(tensor(a.astype(complex)) @ vectors, vectors * values.unsqueeze(-2))
                    close(vectors.abs().square().sum(-2), np.ones(shape[:-1]))
                    close(linalg.eigvals(tensor(a)).abs().sort()[0], np.sort(np.abs(np.linalg.eigvals(a))))
        with self.assertRaises(RuntimeError):
            linalg.eig(tensor([[np.nan]]))
        with self.assertRaises(RuntimeError):
            linalg.eig(tensor(normal(2, 3)))

    def test_factorisations(self):
        for shape in (*SHAPES, (3, 5), (5, 3), (2, 4, 2)):
            a = normal(*shape)
            with self.subTest(shape=shape):
                for mode in ("reduced", "complete"):
                    q, r = linalg.qr(tensor(a), mode)
                    close(q @ r, a)
                u, s, vh = linalg.svd(tensor(a), full_matrices=False)
                close((u * s.unsqueeze(-2)) @ vh, a)
                close(s, np.linalg.svd(a, compute_uv=False))
                p, lower, upper = linalg.lu(tensor(a))
                close(p @ lower @ upper, a)
                close(
                    linalg.pinv(tensor(a)),
                    np.linalg.pinv(a) if a.size else np.zeros((*shape[:-2], shape[-1], shape[-2])),
                )
                if shape[-1] == shape[-2]:
                    h = hermitian(*shape)
                    w, v = linalg.eigh(tensor(h))
                    self.assertFalse(w.is_complex())
                    close((v * w.unsqueeze(-2)) @ v.mH, h)
                    close(linalg.matrix_exp(tensor(np.zeros_like(a))), np.broadcast_to(np.eye(shape[-1]), shape))
                    factor = linalg.cholesky(tensor(spd(*shape)))
                    close(factor.tril(), factor)

    def test_equations(self):
        a, b = normal(2, 3, 3), normal(2, 3, 2)
        close(linalg.solve(tensor(a), tensor(b)), np.linalg.solve(a, b))
        close(linalg.solve(tensor(a), tensor(b.swapaxes(-1, -2)), left=False) @ tensor(a), b.swapaxes(-1, -2))
        close(linalg.inv(tensor(a)), np.linalg.inv(a))
        close(linalg.det(tensor(a)), np.linalg.det(a))
        for got, want in zip(linalg.slogdet(tensor(a)), np.linalg.slogdet(a)):
            close(got, want)
        tri = np.triu(a)
        close(linalg.solve_triangular(tensor(tri), tensor(b), upper=True), np.linalg.solve(tri, b))
        h = spd(2, 3, 3)
        close(tensor(h) @ framejit.cholesky_solve(tensor(b), linalg.cholesky(tensor(h))), b)
        lu, pivots = linalg.lu_factor(tensor(a))
        for adjoint in (False, True):
            m = tensor(a).mH if adjoint else tensor(a)
            close(m @ linalg.lu_solve(lu, pivots, tensor(b), adjoint=adjoint), b)
            x = linalg.lu_solve(lu, pivots, tensor(b).mT.clone(), left=False, adjoint=adjoint)
            close(x @ m, b.swapaxes(-1, -2))
        tall, y = normal(5, 3), normal(5, 2)
        close(linalg.lstsq(tensor(tall), tensor(y)).solution, np.linalg.lstsq(tall, y, rcond=None)[0])
        close(
            linalg.matrix_exp(1j * framejit.tensor([[0.0, np.pi], [np.pi, 0.0]], dtype=framejit.float64)),
            -np.eye(2),
            1e-8,
        )

    def test_packed(self):
        for shape in ((4, 4), (5, 3), (2, 4, 2)):
            for a in (normal(*shape), normal(*shape).real):
                packed, tau = framejit.geqrf(tensor(a))
                q = linalg.householder_product(packed, tau)
                with self.subTest(shape=shape, dtype=a.dtype):
                    close(q @ packed.triu()[..., : shape[-1], :], a)
                    b = tensor(normal(*shape) if np.iscomplexobj(a) else normal(*shape).real)
                    whole = framejit.ormqr(
                        packed, tau, framejit.eye(shape[-2], dtype=b.dtype).expand(*shape[:-2], -1, -1)
                    )
                    close(whole[..., : shape[-1]], q)
                    close(framejit.ormqr(packed, tau, b, True, True), whole.mH @ b)
                    close(framejit.ormqr(packed, tau, b.mT, False, False), b.mT @ whole)
                    close(framejit.ormqr(packed, tau, b.mT, False, True), b.mT @ whole.mH)
        for a, options in (
            (normal(3, 3).real, {}),
            (normal(2, 3, 3), {}),
            (hermitian(3, 3), {"hermitian": True}),
        ):
            a = a if options else a + a.swapaxes(-1, -2)
            factors = linalg.ldl_factor(tensor(a), **options)
            b = tensor(normal(3, 2) if np.iscomplexobj(a) else normal(3, 2).real)
            close(tensor(a) @ linalg.ldl_solve(*factors, b, **options), (b + 0 * tensor(a)[..., :2]).detach().numpy())
        with self.assertRaises(RuntimeError):
            linalg.ldl_solve(framejit.eye(2), framejit.tensor([-1, 1], dtype=framejit.int32), framejit.ones(2, 1))

    def test_gradients(self):
        square, tall, h = normal(3, 3), normal(4, 3), hermitian(3, 3)
        symmetric = lambda t: t + t.mH
        cases = {
            "eigvals": (linalg.eigvals, square),
            "eig": (lambda a: linalg.eig(a).eigenvectors.abs(), square),
            "eig_real": (lambda a: linalg.eigvals(a).abs(), square.real.copy()),
            "eigh": (lambda a: linalg.eigvalsh(symmetric(a)), h),
            "eigh_vectors": (lambda a: linalg.eigh(symmetric(a)).eigenvectors.abs(), h),
            "svd": (lambda a: linalg.svd(a, False).S, tall),
            "svd_vectors": (lambda a: [m.abs() for m in linalg.svd(a, False)], tall),
            "svd_product": (lambda a: (lambda u, _, vh: u @ vh)(*linalg.svd(a, False)), square),
            "qr": (lambda a: linalg.qr(a), tall),
            "qr_wide": (lambda a: linalg.qr(a), tall.T.copy()),
            "cholesky": (lambda a: linalg.cholesky(a @ a.mH + 3 * framejit.eye(3, dtype=a.dtype)), square),
            "lu": (lambda a: linalg.lu(a)[1:], square),
            "det": (linalg.det, square),
            "slogdet": (linalg.slogdet, square),
            "inv": (linalg.inv, square),
            "pinv": (linalg.pinv, tall),
            "matrix_exp": (linalg.matrix_exp, square / 3),
            "lstsq": (lambda a: linalg.lstsq(a, a[:, :2] * a[:, 1:]).solution, tall),
            "solve": (lambda a: linalg.solve(a, a * a), square),
            "householder": (lambda a: linalg.householder_product(a, a[0]), tall),
        }
        for name, (f, a) in cases.items():
            with self.subTest(name):
                self.assertTrue(gradcheck(in_parts(f), (parts(a),), atol=1e-4))

    def test_compiled(self):
        def f(a):
            values, vectors = linalg.eig(a)
            return vectors @ (values.unsqueeze(-1) * linalg.inv(vectors)) + linalg.svd(a).U @ linalg.qr(a).R

        a = tensor(normal(2, 3, 3))
        close(framejit.compile(f, fullgraph=True)(a), f(a))

    def test_convolution(self):
        x, w, bias = normal(2, 2, 6), normal(3, 2, 3), normal(3)
        got = framejit.nn.functional.conv1d(*map(tensor, (x, w, bias)), padding=1)
        wide = np.pad(x, ((0, 0), (0, 0), (1, 1)))
        want = np.stack([np.einsum("nck,ock->no", wide[..., i : i + 3], w) for i in range(6)], -1) + bias[:, None]
        close(got, want)
        up = framejit.nn.functional.conv_transpose1d(got, tensor(w))
        self.assertEqual(tuple(up.shape), (2, 2, 8))
        f = framejit.nn.functional.conv1d
        self.assertTrue(gradcheck(in_parts(f), tuple(parts(v) for v in (x, w, bias))))


if __name__ == "__main__":
    unittest.main()
