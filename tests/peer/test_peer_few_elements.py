"""Calls with tensors of no elements or no dimensions against torch: the same results and gradients, or errors of the same
type. Eager and compiled."""

import unittest
import warnings

import framejit
import numpy as np

from tests.peer.nests import flat

try:
    import torch
except ImportError:
    torch = None

# of `t`, the library; x, 0-d; c, 0-d and complex; i, 0-d and int64; e, (0, 4); f, (0, 3, 4); n, (0,)
CALLS = """
t.diff(x)
t.fft.fftshift(x)
t.fft.ifftshift(t.ones(3), ())
t.fft.fftn(x)
t.fft.ifftn(c)
t.roll(x, ())
t.median(e)
t.median(n)
t.nanmedian(n)
t.kthvalue(n, 1)
t.logsumexp(e, 0)
t.logsumexp(e, (0, 1), True)
t.logsumexp(n, 0)
t.argmax(e)
t.argmin(n)
t.argmax(e, 1)
t.movedim(x, 0, 0)
t.movedim(x, 1, 0)
t.adjoint(x)
t.adjoint(c)
t.adjoint(n)
t.cartesian_prod(x)
t.cartesian_prod(n, n)
t.slice_scatter(e, x)
t.slice_scatter(t.ones(4), t.ones(2), 0, 1, 3)
t.take_along_dim(x, i, 0)
t.take_along_dim(t.ones(3), i.reshape(1), 0)
t.nansum(c)
t.nan_to_num(c.detach() * float("inf"))
t.nan_to_num(c.detach(), 1.0)
t.linalg.cond(e)
t.linalg.cond(f, 1)
F.dropout2d(x)
F.avg_pool1d(e, 1)
F.avg_pool2d(f, 1)
F.avg_pool2d(t.ones(0, 3, 4, 4), 2)
F.interpolate(x, 2)
F.interpolate(e, 2)
F.interpolate(n, (2, 2))
F.upsample_bilinear(x, (3, 3))
F.interpolate(t.ones(1, 2, 3), (2, 2))
F.interpolate(t.ones(1, 2, 3), 2, mode="bilinear")
F.pixel_shuffle(x, 1)
F.pixel_unshuffle(e, 1)
F.pixel_shuffle(f, 1)
F.channel_shuffle(x, 1)
F.channel_shuffle(e, 1)
F.unfold(f, 1)
F.unfold(t.ones(0, 3, 4, 5), 2)
F.cosine_embedding_loss(x, x, x)
F.cosine_embedding_loss(t.ones(3) * x, t.ones(3), x)
F.cosine_embedding_loss(t.ones(2, 3) * x, t.ones(2, 3), t.ones(2))
F.cosine_embedding_loss(t.ones(2, 3) * x, t.ones(2, 3), x)
F.cosine_embedding_loss(t.ones(2, 3) * x, t.ones(2, 3), t.ones(2, 1))
F.grid_sample(x, x, align_corners=False)
F.grid_sample(e, x, align_corners=False)
F.triplet_margin_loss(e, x, x)
F.triplet_margin_loss(t.ones(2, 3) * x, t.zeros(2, 3), t.ones(2, 3))
F.multilabel_soft_margin_loss(x, x)
F.scaled_dot_product_attention(x, x, x)
F.scaled_dot_product_attention(t.ones(0, 2, 3), t.ones(0, 2, 3), t.ones(0, 2, 3))
""".split("\n")[1:-1]


@unittest.skipIf(torch is None, "torch is not installed")
class FewElements(unittest.TestCase):
    def outcome(self, lib, text, compiled):
        def call(x, c, i, e, f, n):
            return eval(code, {"t": lib, "F": lib.nn.functional, "x": x, "c": c, "i": i, "e": e, "f": f, "n": n})

        code = compile(text, text, "eval")
        lib.manual_seed(0)
        leaves = [
            lib.tensor(0.7, requires_grad=True),
            lib.tensor(0.5 + 1j, requires_grad=True),
            lib.tensor(0),
            *(lib.zeros(s, requires_grad=True) for s in ((0, 4), (0, 3, 4), (0,))),
        ]
        run = framejit.compile(eval(f"lambda t, F, x, c, i, e, f, n: {text}"), fullgraph=True) if compiled else None
        try:
            made = run(lib, lib.nn.functional, *leaves) if compiled else call(*leaves)
        except Exception as e:
            return e
        results = flat(made)
        told = [(str(r.dtype).split(".")[-1], tuple(r.shape), r.requires_grad) for r in results]
        wanted = [abs(r).sum() for r in results if r.requires_grad]
        leaves = [v for v in leaves if v.requires_grad]
        grads = lib.autograd.grad(sum(wanted), leaves, allow_unused=True) if wanted else []
        arrays = [r.detach().resolve_conj().numpy() for r in results]
        arrays += [np.zeros(tuple(v.shape)) if g is None else g.resolve_conj().numpy() for g, v in zip(grads, leaves)]
        return told, arrays

    def test_all(self):
        for text in CALLS:
            for compiled in (False, True):
                with self.subTest(text, compiled=compiled), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    want, got = self.outcome(torch, text, False), self.outcome(framejit, text, compiled)
                    if isinstance(want, Exception):
                        base = next(k for k in type(want).__mro__ if k.__module__ == "builtins")
                        self.assertIsInstance(got, base, want)
                        continue
                    if isinstance(got, Exception):
                        raise got
                    self.assertEqual(got[0], want[0])
                    for g, w in zip(got[1], want[1], strict=True):
                        np.testing.assert_allclose(g, w, 1e-5, 1e-6)


if __name__ == "__main__":
    unittest.main()
