"""Complex tensors against NumPy and finite differences; exchange, printing, saving, compiled and batched calls."""

import io
import pickle
import unittest
import warnings

import framejit
import numpy as np

from tests.complex_calls import DIFFERENTIABLE, FUNCTIONS, Inputs

NUMPY_NAMES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh"}
NUMPY_NAMES |= {"atanh": "arctanh", "sgn": "sign"}
REFERENCES = {
    "rsqrt": lambda z: 1 / np.sqrt(z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "sgn": lambda z: np.where(z == 0, 0, z / np.where(z == 0, 1, np.abs(z))),
}
# On the axes, at the branch cuts' sides, zero, large and small.
POINTS = np.array([0, 1, -1, 2, -2, 1j, -1j, 0.5j, 3j, 1 + 1j, -2 + 0.5j, -2 - 0.5j, 1e-4 - 1e-4j, 30 - 2j, -30 + 2j])


def total(result, weights):
    """A real number that depends on every part of a result."""
    parts = framejit.view_as_real(result) if result.is_complex() else result
    return (parts * weights).sum()


class ComplexTest(unittest.TestCase):
    def test_functions_at_special_points(self):
        for name in FUNCTIONS.split():
            reference = REFERENCES.get(name) or getattr(np, NUMPY_NAMES.get(name, name))
            with self.subTest(function=name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                want = reference(POINTS.astype(np.complex128))
                got = getattr(framejit, name)(framejit.tensor(POINTS)).numpy()
            fine = np.isfinite(want)
            np.testing.assert_allclose(got[fine], want[fine], rtol=1e-9, atol=1e-12)

    def test_gradients_by_differences(self):
        step = 1e-6
        for name, call in DIFFERENTIABLE.items():
            with self.subTest(call=name):
                inputs = Inputs(framejit, "complex128", np, requires_grad=True)
                result = call(framejit, inputs)
                shape = (*result.shape, 2) if result.is_complex() else tuple(result.shape)
                weights = framejit.from_numpy(np.random.default_rng(3).standard_normal(shape))
                total(result, weights).backward()
                for k, leaf in enumerate(inputs.leaves()):
                    if leaf.grad is None:
                        continue
                    for direction in (step, 1j * step) if leaf.is_complex() else (step,):
                        ends = []
                        for sign in (1, -1):
                            moved = Inputs(framejit, "complex128", np)
                            moved.leaves()[k].reshape(-1)[1] += sign * direction
                            ends.append(total(call(framejit, moved), weights).item())
                        slope = (ends[0] - ends[1]) / (2 * step)
                        grad = leaf.grad.reshape(-1)[1].item()
                        want = grad.imag if direction != step else grad.real
                        self.assertAlmostEqual(want, slope, delta=1e-4 * max(1, abs(slope)))

    def test_shapes_and_layouts(self):
        values = np.random.default_rng(0).standard_normal((2, 3, 4)) + 1j
        t = framejit.from_numpy(values)
        views = (lambda a: a[:, ::2], lambda a: a.swapaxes(1, 0), lambda a: a[..., 1], lambda a: a[:0])
        for view in views:
            got, want = view(t), view(values)
            np.testing.assert_allclose((got * got + 1).numpy(), want * want + 1)
            np.testing.assert_allclose(got.sum().item(), want.sum(), atol=1e-12)
        self.assertEqual((framejit.tensor(1j) * framejit.tensor(2j)).item(), -2)

    def test_exchange(self):
        for dtype in (np.complex64, np.complex128):
            a = np.array([[1 + 2j, 3], [4j, 5 - 1j]], dtype=dtype)
            t = framejit.from_numpy(a)
            t[0, 0] = 9j
            self.assertEqual(a[0, 0], 9j)
            self.assertEqual(t.numpy().dtype, dtype)
            self.assertEqual(framejit.from_dlpack(a).tolist(), a.tolist())
            self.assertEqual(np.from_dlpack(t).tolist(), a.tolist())
            self.assertEqual(pickle.loads(pickle.dumps(t)).tolist(), a.tolist())
            file = io.BytesIO()
            framejit.save({"t": t}, file)
            file.seek(0)
            self.assertEqual(framejit.load(file)["t"].tolist(), a.tolist())
        self.assertEqual(framejit.tensor([np.complex64(1j)]).dtype, framejit.complex64)
        self.assertEqual(complex(framejit.tensor(2 - 1j)), 2 - 1j)

    def test_parts_are_views(self):
        z = framejit.tensor([1 + 1j, 2 + 2j])
        z.imag[0] = 5
        framejit.view_as_real(z)[1, 0] = 7
        self.assertEqual(z.tolist(), [1 + 5j, 7 + 2j])
        x = framejit.ones(2)
        self.assertIs(x.real, x)

    def test_repr(self):
        self.assertEqual(repr(framejit.tensor([1 + 2j, -0.5j])), "tensor([1.+2.0000j, -0.-0.5000j])")

    def test_vmap(self):
        z = framejit.from_numpy(np.random.default_rng(1).standard_normal((3, 4)) + 0.5j)
        got = framejit.func.vmap(lambda v: (v * v.conj()).sum() + v.abs()[0])(z)
        np.testing.assert_allclose(got.numpy(), (np.abs(z.numpy()) ** 2).sum(1) + np.abs(z.numpy())[:, 0], rtol=1e-12)

    def test_compiled(self):
        @framejit.compile(fullgraph=True)
        def rotate(z, angle):
            turned = z * framejit.polar(framejit.ones_like(angle), angle)
            z.mul_(2)
            return turned.real, turned

        z = framejit.tensor([1 + 0j, 1j])
        real, turned = rotate(z, framejit.tensor([np.pi / 2, np.pi]))
        np.testing.assert_allclose(turned.numpy(), [1j, -1j], atol=1e-6)
        np.testing.assert_allclose(real.numpy(), [0, 0], atol=1e-6)
        self.assertEqual(z.tolist(), [2, 2j])

    def test_training(self):
        """A real loss over complex parameters falls as PyTorch's convention of gradients says."""
        w = framejit.tensor([0.1 + 0.1j, -0.2j], requires_grad=True)
        target = framejit.tensor([1 - 1j, 0.5j])
        optimizer = framejit.optim.SGD([w], lr=0.25)
        for _ in range(40):
            optimizer.zero_grad()
            loss = (w - target).abs().square().sum()
            loss.backward()
            optimizer.step()
        np.testing.assert_allclose(w.detach().numpy(), target.numpy(), atol=1e-4)

    def test_errors(self):
        z = framejit.ones(2, dtype=framejit.complex64)
        for error, call in (
            (NotImplementedError, lambda: z.floor()),
            (NotImplementedError, lambda: z < z),
            (NotImplementedError, lambda: framejit.sort(z)),
            (RuntimeError, lambda: framejit.ones(2).mul_(1j)),
            (RuntimeError, lambda: framejit.ones(2).fill_(1j)),
            (RuntimeError, lambda: float(z[0])),
            (RuntimeError, lambda: framejit.ones(2).imag),
            (RuntimeError, lambda: z.clone().requires_grad_().sum().backward()),
        ):
            for run in (call, framejit.compile(call)):
                with self.assertRaises(error):
                    run()


if __name__ == "__main__":
    unittest.main()
