"""Complex tensors against torch: values, dtypes, gradients, in place, eager and compiled."""

import unittest

import framejit
import numpy as np

from tests.complex_calls import DIFFERENTIABLE, INPLACE, PLAIN, Inputs

try:
    import torch
except ImportError:
    torch = None

DTYPES = ("complex64", "complex128")
# compile's own limits: results whose sizes depend on data.
DATA_DEPENDENT = ("nonzero", "masked_select", "setitem_mask")


def tolerance(dtype):
    return {"rtol": 2e-5, "atol": 2e-5} if dtype == "complex64" else {"rtol": 1e-12, "atol": 1e-12}


def as_array(t):
    return t.detach().resolve_conj().numpy()


@unittest.skipIf(torch is None, "torch is not installed")
class PeerComplexTest(unittest.TestCase):
    def check(self, ours, theirs, dtype):
        self.assertEqual(str(ours.dtype).rpartition(".")[2], str(theirs.dtype).rpartition(".")[2])
        np.testing.assert_allclose(as_array(ours), as_array(theirs), **tolerance(dtype))

    def each(self, calls, check, without=()):
        for dtype in DTYPES:
            for name, call in calls.items():
                if name not in without:
                    with self.subTest(call=name, dtype=dtype):
                        check(dtype, call)

    def test_values(self):
        def check(dtype, call):
            ours = call(framejit, Inputs(framejit, dtype, np))
            self.check(ours, call(torch, Inputs(torch, dtype, np)), dtype)

        self.each(DIFFERENTIABLE | PLAIN, check)

    def gradients(self, t, dtype, call, run=None):
        inputs = Inputs(t, dtype, np, requires_grad=True)
        result = run(inputs) if run else call(t, inputs)
        rng = np.random.default_rng(9)
        grad = rng.standard_normal(tuple(result.shape))
        if result.is_complex():
            grad = grad + 1j * rng.standard_normal(tuple(result.shape))
        result.backward(t.from_numpy(np.asarray(grad)).to(result.dtype))
        return [leaf.grad for leaf in inputs.leaves()]

    def compare_gradients(self, ours, theirs, dtype):
        for mine, other in zip(ours, theirs, strict=True):
            self.assertEqual(mine is None, other is None)
            if mine is not None:
                self.check(mine, other, dtype)

    def test_gradients(self):
        def check(dtype, call):
            ours = self.gradients(framejit, dtype, call)
            self.compare_gradients(ours, self.gradients(torch, dtype, call), dtype)

        self.each(DIFFERENTIABLE, check)

    def test_inplace(self):
        def check(dtype, call):
            got = []
            for t in (framejit, torch):
                inputs = Inputs(t, dtype, np)
                z = inputs.z.clone()
                call(t, inputs, z)
                got.append(z)
            self.check(*got, dtype)

        self.each(INPLACE, check)

    def test_compiled(self):
        def check(dtype, call):
            ours = framejit.compile(lambda a: call(framejit, a))(Inputs(framejit, dtype, np))
            self.check(ours, call(torch, Inputs(torch, dtype, np)), dtype)

        self.each(DIFFERENTIABLE | PLAIN, check, DATA_DEPENDENT)

    def test_compiled_inplace(self):
        def check(dtype, call):
            inputs = Inputs(framejit, dtype, np)
            ours = inputs.z.clone()
            framejit.compile(lambda a, z: call(framejit, a, z))(inputs, ours)
            inputs = Inputs(torch, dtype, np)
            theirs = inputs.z.clone()
            call(torch, inputs, theirs)
            self.check(ours, theirs, dtype)

        self.each(INPLACE, check)

    def test_compiled_gradients(self):
        def check(dtype, call):
            ours = self.gradients(framejit, dtype, call, run=framejit.compile(lambda a: call(framejit, a)))
            self.compare_gradients(ours, self.gradients(torch, dtype, call), dtype)

        self.each(DIFFERENTIABLE, check)

    def test_repr(self):
        for values in ([1 + 2j], [[0.5 - 1j, 2], [1e-6j, -3.25]], [1e9 + 1j], []):
            self.assertEqual(
                repr(framejit.tensor(values, dtype=framejit.complex64)),
                repr(torch.tensor(values, dtype=torch.complex64)).replace("torch.", "framejit."),
            )
        self.assertEqual(repr(framejit.tensor(2j)), repr(torch.tensor(2j)))
        wide = repr(torch.tensor([1j], dtype=torch.complex128)).replace("torch.", "framejit.")
        self.assertEqual(repr(framejit.tensor([1j], dtype=framejit.complex128)), wide)

    def test_errors(self):
        cases = [
            lambda t: t.zeros(2, dtype=t.complex64) < 1,
            lambda t: t.zeros(2, dtype=t.complex64).max(),
            lambda t: t.zeros(2).mul_(1j),
            lambda t: t.zeros(2).imag,
            lambda t: t.view_as_complex(t.zeros(3)),
            lambda t: t.view_as_real(t.zeros(3)),
            lambda t: t.complex(t.zeros(2), t.zeros(2, dtype=t.float64)),
            lambda t: float(t.tensor(1j)),
            lambda t: t.zeros(2, dtype=t.complex64).floor(),
            lambda t: t.zeros(2, dtype=t.complex64, requires_grad=True).sum().backward(),
            lambda t: t.zeros(2).fill_(1j),
        ]
        for i, case in enumerate(cases):
            with self.subTest(case=i):
                with self.assertRaises(Exception) as theirs:
                    case(torch)
                with self.assertRaises(type(theirs.exception)):
                    case(framejit)


if __name__ == "__main__":
    unittest.main()
