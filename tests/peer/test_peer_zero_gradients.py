"""Results that hang on their inputs with gradients of zero or of nothing, or not at all, or with other ones than calculus
says, as in torch: values and dtypes, what requires a gradient, and the gradients. Eager and compiled."""

import unittest

import framejit
import numpy as np

from tests.peer.nests import flat

try:
    import torch
except ImportError:
    torch = None

R = np.random.default_rng(2)
MATRIX = R.standard_normal((4, 3)).astype(np.float32)
PLANES = R.standard_normal((1, 2, 5, 6)).astype(np.float32)
COMPLEX = (R.standard_normal(5) + 1j * R.standard_normal(5)).astype(np.complex64)
NOTHING = np.zeros((2, 0, 3), np.float32)


def pooled(t, x):
    out, at = t.nn.functional.max_pool2d(x, 2, return_indices=True)
    return t.ops.aten.max_pool2d_with_indices_backward(t.ones_like(out), x, [2, 2], [2, 2], [0, 0], [1, 1], False, at)


CASES = {
    "fill complex": (lambda t, x: t.fill(x, 2 + 1j), COMPLEX),
    "fill complex in place": (lambda t, x: (x * 2).fill_(3), COMPLEX),
    "zero complex": (lambda t, x: (x * 2).zero_(), COMPLEX),
    "zero complex, then more": (lambda t, x: t.zero_(x * 2) * 3 + x, COMPLEX),
    "cdist of p = 0": (lambda t, x: t.cdist(x, x[1:] * 1.0, 0.0), MATRIX),
    "backward of pooling": (pooled, PLANES),
    "pinverse of nothing": (lambda t, x: t.pinverse(x), NOTHING),
    "linalg.pinv of nothing": (lambda t, x: t.linalg.pinv(x, hermitian=True), NOTHING[:, :, :0]),
    "combinations of nothing": (lambda t, x: t.combinations(x), NOTHING.reshape(-1)),
    "combinations of one": (lambda t, x: t.combinations(x[0, :1], 2), MATRIX),
    "cholesky of nothing": (lambda t, x: t.cholesky(x.detach()), NOTHING),
    "layer norm": (lambda t, x: t.native_layer_norm(x, [3], None, None, 0.5), MATRIX),
    "layer norm of bfloat16": (lambda t, x: t.native_layer_norm(x.bfloat16(), [3], None, None, 0.5)[1:], MATRIX),
    "layer norm, weights": (lambda t, x: t.native_layer_norm(x.bfloat16(), [3], t.ones(3), None, 0.5)[1:], MATRIX),
    "group norm": (lambda t, x: t.native_group_norm(x, None, None, 4, 3, 1, 1, 0.5), MATRIX),
    "group norm of bfloat16": (lambda t, x: t.native_group_norm(x.bfloat16(), None, None, 4, 3, 1, 1, 0.5)[1:], MATRIX),
    "as_strided past its tensor": (lambda t, x: (x * 1)[:1].as_strided((2, 3), (1, 2)), MATRIX),
    "as_strided of an expanded row": (lambda t, x: x[:1].expand(4, 3).as_strided((2, 3), (3, 1)).exp(), MATRIX),
    "as_strided of no row": (lambda t, x: (x * 1)[:0].as_strided((2, 2), (1, 2)), MATRIX),
    "pooling of no plane": (pooled, PLANES[:0]),
    "unpooling of no plane": (
        lambda t, x: t.nn.functional.max_unpool2d(x, t.zeros(0, 2, 5, 6, dtype=t.int64), 2),
        PLANES[:0],
    ),
    "fractional pooling of no plane": (lambda t, x: t.nn.functional.fractional_max_pool2d(x, 2, (3, 3)), PLANES[:0]),
    "sampling of no plane": (
        lambda t, x: t.nn.functional.grid_sample(x, t.zeros(0, 3, 3, 2), align_corners=False),
        PLANES[:0],
    ),
    "fold of no plane": (
        lambda t, x: t.nn.functional.fold(x[:, :, :, 0].repeat(1, 2, 1), (5, 2), 2),
        PLANES[:0, :, :4],
    ),
    "ctc loss of any scores": (
        lambda t, x: t.nn.functional.ctc_loss(x[0], t.ones(5, 1, dtype=t.int64), (2, 1, 2, 1, 2), (1,) * 5),
        PLANES,
    ),
    "sum of bool": (lambda t, x: (x > 0).sum_to_size(()), MATRIX),
    "logit of bool": (lambda t, x: t.logit(x > 0, 0.25), MATRIX),
    "scatter complex": (lambda t, x: x.detach().scatter(0, t.tensor([1, 1]), 2.5, reduce="add"), COMPLEX),
    "normal of a mean": (lambda t, x: t.normal(x, 2.0) * 0 + 1, MATRIX),
    "normal of a deviation": (lambda t, x: t.normal(1.0, x.abs()) * 0 + 1, MATRIX),
    "normal of both": (lambda t, x: t.normal(x, x.exp()) * 0 + 1, MATRIX),
}


@unittest.skipIf(torch is None, "torch is not installed")
class ZeroGradients(unittest.TestCase):
    def one(self, lib, function, x):
        """(dtypes, sizes, values, what requires a gradient, the gradient of the sum)."""
        leaf = lib.from_numpy(x.copy()).requires_grad_()
        results = flat(function(leaf))
        told = [(str(r.dtype).split(".")[-1], tuple(r.shape), r.requires_grad) for r in results]
        wanted = [r for r in results if r.requires_grad]
        grad = None
        if wanted:
            total = sum((abs(r) if r.is_complex() else r).float().sum() for r in wanted)
            grad = lib.autograd.grad(total, leaf, allow_unused=True)[0]
        arrays = [r.detach() for r in results] + ([] if grad is None else [grad])
        return told, grad is None, [(a.float() if a.dtype == lib.bfloat16 else a).numpy() for a in arrays]

    def check(self, name, wrap):
        function, x = CASES[name]
        want = self.one(torch, lambda x: function(torch, x), x)
        got = self.one(framejit, wrap(lambda x: function(framejit, x)), x)
        self.assertEqual(got[:2], want[:2])
        for g, w in zip(got[2], want[2], strict=True):
            loose = "bfloat16" in name or "weights" in name
            np.testing.assert_allclose(g, w, *((1e-2, 5e-3) if loose else (1e-5, 1e-6)))

    def test_all(self):
        for name in CASES:
            with self.subTest(name, mode="eager"):
                self.check(name, lambda f: f)
            with self.subTest(name, mode="compiled"):
                self.check(name, lambda f: framejit.compile(f, fullgraph=True))


if __name__ == "__main__":
    unittest.main()
