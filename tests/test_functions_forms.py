"""Functions with more forms than a row of the op table has, histograms, masked reductions: against NumPy; eager and compiled."""

import unittest

import framejit
import numpy as np

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 3))
KEYS = RNG.integers(0, 3, (40, 2))
MASK = RNG.random((3, 4)) < 0.6


def tensor(a):
    return framejit.from_numpy(np.array(a))


def numpy(value):
    return [numpy(v) for v in value] if isinstance(value, (tuple, list)) else np.asarray(value)


# (call, NumPy's result)
SAME = {
    "norm_fro": (lambda: tensor(A).norm("fro"), np.linalg.norm(A)),
    "norm_nuc": (lambda: framejit.norm(tensor(A), "nuc"), np.linalg.norm(A, "nuc")),
    "norm_dim": (lambda: framejit.norm(tensor(A), dim=1), np.linalg.norm(A, axis=1)),
    "tensordot": (lambda: framejit.tensordot(tensor(A), tensor(B), dims=1), np.tensordot(A, B, 1)),
    "tensordot_lists": (
        lambda: framejit.tensordot(tensor(A), tensor(B), dims=([0, 1], [1, 0])),
        np.tensordot(A, B, ([0, 1], [1, 0])),
    ),
    "repeat_each": (
        lambda: tensor(A).repeat_interleave(tensor(np.array([2, 0, 1])), dim=0),
        np.repeat(A, [2, 0, 1], 0),
    ),
    "search_right": (
        lambda: framejit.searchsorted(tensor(np.arange(4)), tensor(np.array([1, 9, 0])), side="right"),
        np.searchsorted(np.arange(4), [1, 9, 0], side="right"),
    ),
    "search_sorter": (
        lambda: framejit.searchsorted(tensor([3.0, 1.0]), tensor([2.0]), sorter=tensor(np.array([1, 0]))),
        np.searchsorted([3.0, 1.0], [2.0], sorter=[1, 0]),
    ),
    "split": (
        lambda: framejit.tensor_split(tensor(np.arange(7)), tensor(np.array([2, 5]))),
        np.array_split(np.arange(7), [2, 5]),
    ),
    "unique_rows": (
        lambda: framejit.unique(tensor(KEYS), dim=0, return_inverse=True, return_counts=True),
        [np.ravel(x) if i == 1 else x for i, x in enumerate(np.unique(KEYS, axis=0, return_inverse=True, return_counts=True))],
    ),
    "unique_columns": (lambda: framejit.unique(tensor(KEYS), dim=1), np.unique(KEYS, axis=1)),
    "frexp": (lambda: framejit.frexp(tensor([0.0, -3.5, 1e-310, 5e300, np.inf])), np.frexp([0.0, -3.5, 1e-310, 5e300, np.inf])),
    "histogram": (lambda: framejit.histogram(tensor(A), 7), np.histogram(A, 7)),
    "histogram_edges": (
        lambda: framejit.histogram(tensor(A), tensor([-1.0, 0.0, 0.5]), weight=tensor(np.abs(A)), density=True),
        np.histogram(A, [-1.0, 0.0, 0.5], weights=np.abs(A), density=True),
    ),
    "histogramdd": (
        lambda: framejit.histogramdd(tensor(B), [2, 3, 2]).hist,
        np.histogramdd(B, [2, 3, 2])[0],
    ),
    "nonzero_static": (lambda: framejit.nonzero_static(tensor(MASK), size=MASK.sum()), np.argwhere(MASK)),
    "masked_sum": (lambda: framejit.masked.sum(tensor(A), 1, mask=tensor(MASK)), np.where(MASK, A, 0).sum(1)),
    "masked_mean": (lambda: framejit.masked.mean(tensor(A), mask=tensor(MASK)), A[MASK].mean()),
    "masked_std": (lambda: framejit.masked.std(tensor(A), mask=tensor(MASK)), A[MASK].std(ddof=1)),
    "masked_amax": (lambda: framejit.masked.amax(tensor(A), mask=tensor(MASK)), A[MASK].max()),
    "masked_prod": (lambda: framejit.masked.prod(tensor(A), mask=tensor(MASK)), A[MASK].prod()),
    "masked_median": (lambda: framejit.masked.median(tensor(A[:, :3])), np.sort(A[:, :3])[:, 1]),
    "index_reduce": (
        lambda: framejit.index_reduce(tensor(A), 0, tensor(np.array([1, 1])), tensor(A[:2]), "amax"),
        np.stack([A[0], np.maximum(A[1], A[0]), A[2]]),
    ),
    "segments": (
        lambda: framejit._segment_reduce(tensor(A[0]), "mean", lengths=tensor(np.array([1, 3]))),
        np.array([A[0, 0], A[0, 1:].mean()]),
    ),
}  # fmt: skip

WRONG = {
    "norm": (RuntimeError, lambda: framejit.norm(tensor(A), "odd")),
    "tensordot": (RuntimeError, lambda: framejit.tensordot(tensor(A), tensor(A), dims=1)),
    "repeat_negative": (RuntimeError, lambda: tensor(A).repeat_interleave(tensor(np.array([1, -1, 1])), 0)),
    "search_side": (RuntimeError, lambda: framejit.searchsorted(tensor([1.0]), tensor([1.0]), side="middle")),
    "search_sorter": (
        RuntimeError,
        lambda: framejit.searchsorted(tensor([1.0]), tensor([1.0]), sorter=tensor(np.array([7]))),
    ),
    "split": (RuntimeError, lambda: framejit.tensor_split(tensor(A), tensor(np.array([[1]])))),
    "histogram_bins": (RuntimeError, lambda: framejit.histogram(tensor(A), 0)),
    "histogram_nan": (RuntimeError, lambda: framejit.histogram(tensor([np.nan]), 3)),
    "masked_rank": (IndexError, lambda: framejit.masked.sum(tensor(A), mask=tensor(MASK[None]))),
    "index_reduce": (RuntimeError, lambda: framejit.index_reduce(tensor(A), 0, tensor(np.array([0])), tensor(A[:1]), "sum")),
}  # fmt: skip


class FormsTest(unittest.TestCase):
    def check(self, got, want):
        got, want = numpy(got), numpy(want)
        got, want = (x if isinstance(x, list) else [x] for x in (got, want))
        self.assertEqual(len(got), len(want))
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-9, atol=1e-12)

    def test_values(self):
        for name, (call, want) in SAME.items():
            with self.subTest(name):
                self.check(call(), want)

    def test_compiled(self):
        for name in ("norm_fro", "norm_nuc", "tensordot", "masked_sum", "masked_mean", "masked_std", "index_reduce"):
            with self.subTest(name):
                call, want = SAME[name]
                inputs = {"a": tensor(A), "b": tensor(B), "m": tensor(MASK)}
                bodies = {
                    "norm_fro": lambda a, b, m: a.norm("fro"),
                    "norm_nuc": lambda a, b, m: framejit.norm(a, "nuc"),
                    "tensordot": lambda a, b, m: framejit.tensordot(a, b, dims=1),
                    "masked_sum": lambda a, b, m: framejit.masked.sum(a, 1, mask=m),
                    "masked_mean": lambda a, b, m: framejit.masked.mean(a, mask=m),
                    "masked_std": lambda a, b, m: framejit.masked.std(a, mask=m),
                    "index_reduce": lambda a, b, m: framejit.index_reduce(a, 0, framejit.tensor([1, 1]), a[:2], "amax"),
                }
                self.check(framejit.compile(bodies[name], fullgraph=True)(**inputs), want)

    def test_errors(self):
        for name, (kind, call) in WRONG.items():
            with self.subTest(name), self.assertRaises(kind):
                call()

    def test_nonzero_as_tuple(self):
        for got in (framejit.nonzero(tensor(MASK), as_tuple=True), tensor(MASK).nonzero(as_tuple=True)):
            self.check(got, list(np.nonzero(MASK)))

    def test_gradient_of_frexp(self):
        x = framejit.tensor([3.0, 20.0], requires_grad=True)
        framejit.frexp(x).mantissa.sum().backward()
        self.assertEqual(x.grad.tolist(), [0.25, 1 / 32])


if __name__ == "__main__":
    unittest.main()
