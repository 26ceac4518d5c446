"""Fourier transforms against numpy.fft: every function, norms, sizes, dimensions, both precisions; gradients by finite differences;
compiled and batched; short-time transforms."""

import unittest

import framejit
import numpy as np
from framejit.autograd import gradcheck, gradgradcheck

from tests.complex_parts import in_parts, parts

RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((3, 4, 5))
Z = REAL + 1j * RNG.standard_normal((3, 4, 5))
NORMS = (None, "backward", "forward", "ortho")
ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
TAKES_REAL = ("rfft", "ihfft", "rfft2", "rfftn")


def tensor(a, **options):
    return framejit.tensor(np.array(a), **options)


class FftTest(unittest.TestCase):
    def check(self, got, want, tol=1e-11):
        self.assertEqual(tuple(got.shape), want.shape)
        np.testing.assert_allclose(got.detach().numpy(), want, rtol=tol, atol=tol)

    def test_one_dimension(self):
        for name in ONE:
            for norm in NORMS:
                for n in (None, 1, 3, 4, 7, 11):
                    for dim in (-1, 0, 1):
                        a = REAL if name in TAKES_REAL else Z
                        with self.subTest(name, norm=norm, n=n, dim=dim):
                            want = getattr(np.fft, name)(a, n, dim, norm)
                            self.check(getattr(framejit.fft, name)(tensor(a), n, dim, norm), want)

    def test_many_dimensions(self):
        for name in ("fft", "ifft", "rfft", "irfft"):
            a = REAL if name == "rfft" else Z
            for norm in NORMS:
                for s, dim in ((None, None), (None, (0, 2)), ((3, 6), (1, 2)), ((5,), (0,)), ((4, 3, 2), (2, 1, 0))):
                    with self.subTest(name, norm=norm, s=s, dim=dim):
                        want = getattr(np.fft, name + "n")(a, s, dim, norm)
                        self.check(getattr(framejit.fft, name + "n")(tensor(a), s, dim, norm), want)
                self.check(
                    getattr(framejit.fft, name + "2")(tensor(a), norm=norm), getattr(np.fft, name + "2")(a, norm=norm)
                )

    def test_hermitian_in_many_dimensions(self):
        # hfftn undoes ihfftn, whose last transform is NumPy's ihfft
        inverse = framejit.fft.ihfftn(tensor(REAL))
        self.check(inverse, np.fft.ifftn(np.fft.ihfft(REAL), axes=(0, 1)))
        self.check(framejit.fft.hfftn(inverse, s=REAL.shape), REAL)
        self.check(framejit.fft.hfft2(framejit.fft.ihfft2(tensor(REAL)), s=REAL.shape[1:]), REAL)

    def test_precision_and_layout(self):
        x = framejit.tensor(REAL.astype(np.float32))
        self.assertEqual(framejit.fft.fft(x).dtype, framejit.complex64)
        self.assertEqual(framejit.fft.irfft(framejit.fft.rfft(x), 5).dtype, framejit.float32)
        self.check(framejit.fft.fft(x.transpose(0, 2)), np.fft.fft(REAL.swapaxes(0, 2)), 2e-6)
        self.check(framejit.fft.fft(tensor(Z)[::2, :, 1::2]), np.fft.fft(Z[::2, :, 1::2]))
        self.assertEqual(framejit.fft.fft(framejit.arange(4)).dtype, framejit.complex64)
        self.assertEqual(tuple(framejit.fft.fft(framejit.zeros(0, 4)).shape), (0, 4))
        out = framejit.empty(3, 4, 5, dtype=framejit.complex128)
        self.assertIs(framejit.fft.fft(tensor(Z), out=out), out)
        self.check(out, np.fft.fft(Z))

    def test_frequencies_and_shifts(self):
        for n in (1, 4, 7):
            self.check(framejit.fft.fftfreq(n, 0.5, dtype=framejit.float64), np.fft.fftfreq(n, 0.5))
            self.check(framejit.fft.rfftfreq(n, dtype=framejit.float64), np.fft.rfftfreq(n))
        for dim in (None, 1, (0, 2)):
            self.check(framejit.fft.fftshift(tensor(REAL), dim), np.fft.fftshift(REAL, dim))
            self.check(framejit.fft.ifftshift(tensor(REAL), dim), np.fft.ifftshift(REAL, dim))

    def test_gradients(self):
        for name in ONE:
            for n in (None, 3, 6):
                x = parts((REAL if name in TAKES_REAL else Z)[0, :2])
                f = in_parts(lambda x, name=name, n=n: getattr(framejit.fft, name)(x, n))
                with self.subTest(name, n=n):
                    self.assertTrue(gradcheck(f, (x,)))
                    self.assertTrue(gradgradcheck(f, (x,)))
        for name in ("fftn", "ifft2", "rfftn", "irfftn", "hfftn", "ihfftn"):
            a = REAL if name in ("rfftn", "ihfftn") else Z
            with self.subTest(name):
                self.assertTrue(gradcheck(in_parts(getattr(framejit.fft, name)), (parts(a[:2, :2, :3]),)))

    def test_compiled(self):
        def smooth(x, keep):
            spectrum = framejit.fft.rfft(x, norm="ortho")
            return framejit.fft.irfft(spectrum * (framejit.fft.rfftfreq(x.shape[-1]) < keep), x.shape[-1], norm="ortho")

        run = framejit.compile(smooth, fullgraph=True)
        for size in (8, 9, 12):
            x = framejit.randn(3, size, requires_grad=True)
            y = x.detach().clone().requires_grad_()
            got, want = run(x, 0.3), smooth(y, 0.3)
            self.check(got, want.detach().numpy(), 1e-5)
            got.square().sum().backward()
            want.square().sum().backward()
            self.check(x.grad, y.grad.numpy(), 1e-5)

    def test_vmap(self):
        got = framejit.vmap(lambda x: framejit.fft.fft2(x))(tensor(Z))
        self.check(got, np.fft.fft2(Z))
        got = framejit.vmap(lambda x: framejit.fft.irfft(framejit.fft.rfft(x), 4), in_dims=1)(
            tensor(REAL.swapaxes(1, 2))
        )
        self.check(got, np.fft.irfft(np.fft.rfft(REAL.transpose(2, 0, 1)), 4))

    def test_errors(self):
        f = framejit.fft
        for kind, call in (
            (RuntimeError, lambda: f.fft(framejit.ones(3), norm="odd")),
            (RuntimeError, lambda: f.fft(framejit.ones(3), 0)),
            (IndexError, lambda: f.fft(framejit.ones(3), dim=1)),
            (IndexError, lambda: f.fft(framejit.ones(()))),
            (RuntimeError, lambda: f.rfft(framejit.ones(3, dtype=framejit.complex64))),
            (RuntimeError, lambda: f.ihfft(framejit.ones(3, dtype=framejit.complex64))),
            (RuntimeError, lambda: f.irfft(framejit.ones(1, dtype=framejit.complex64))),
            (RuntimeError, lambda: f.fftn(framejit.ones(3, 3), dim=(0, 0))),
            (RuntimeError, lambda: f.fftn(framejit.ones(3), s=(2, 2))),
            (RuntimeError, lambda: f.fftn(framejit.ones(3, 3), s=(2,), dim=(0, 1))),
            (RuntimeError, lambda: f.rfftn(framejit.ones(3, 3), dim=())),
            (RuntimeError, lambda: f.fft(framejit.ones(3, dtype=framejit.bfloat16))),
            (RuntimeError, lambda: f.fft(framejit.ones(0))),
            (RuntimeError, lambda: f.fftfreq(4, dtype=framejit.int64)),
            (TypeError, lambda: f.fft([1.0])),
        ):
            with self.assertRaises(kind):
                call()

    def test_short_time(self):
        x = tensor(RNG.standard_normal((2, 64)))
        window = framejit.hann_window(16, dtype=framejit.float64)
        got = framejit.stft(x, 16, 4, window=window, return_complex=True)
        wide = np.pad(x.numpy(), ((0, 0), (8, 8)), "reflect")
        frames = np.stack([wide[:, i : i + 16] * window.numpy() for i in range(0, 65, 4)], -1)
        self.check(got, np.fft.rfft(frames, axis=1))
        self.check(framejit.istft(got, 16, 4, window=window, length=64), x.numpy(), 1e-9)
        f = in_parts(lambda t: framejit.stft(t, 8, window=window[:8], return_complex=True))
        self.assertTrue(gradcheck(f, (parts(x.numpy()[:, :16]),)))
        with self.assertRaises(RuntimeError):
            framejit.stft(x, 16)
        with self.assertRaises(RuntimeError):
            framejit.stft(x, 0, return_complex=True)


if __name__ == "__main__":
    unittest.main()
