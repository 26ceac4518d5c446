"""Losses against NumPy, with every reduction; initialisers; gradient clipping; vectors of parameters."""

import math
import unittest
import warnings

import framejit
import numpy as np
from framejit import nn
from framejit.nn import functional as F

RNG = np.random.default_rng(5)


def array(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def tensor(value):
    return framejit.from_numpy(np.ascontiguousarray(value))


X, Y, P = array(4, 5), array(4, 5), RNG.uniform(0.05, 0.95, (4, 5)).astype(np.float32)
T = RNG.uniform(0.05, 0.95, (4, 5)).astype(np.float32)
SIGNS, CLASSES = np.sign(array(4, 5)), np.array([0, 3, 2, 4])
LOGP = X - np.log(np.exp(X).sum(1, keepdims=True))
D = np.abs(X - Y)

CASES = [
    (nn.MSELoss, (X, Y), D**2),
    (nn.L1Loss, (X, Y), D),
    (nn.SmoothL1Loss, (X, Y), np.where(D < 1, D**2 / 2, D - 0.5)),
    (nn.HuberLoss, (X, Y), np.where(D < 1, D**2 / 2, D - 0.5)),
    (nn.BCELoss, (P, T), -(T * np.log(P) + (1 - T) * np.log(1 - P))),
    (nn.BCEWithLogitsLoss, (X, T), np.log1p(np.exp(X)) - T * X),
    (nn.NLLLoss, (LOGP, CLASSES), -LOGP[np.arange(4), CLASSES]),
    (nn.CrossEntropyLoss, (X, CLASSES), -LOGP[np.arange(4), CLASSES]),
    (nn.KLDivLoss, (LOGP, T), T * (np.log(T) - LOGP)),
    (nn.SoftMarginLoss, (X, SIGNS), np.log1p(np.exp(-SIGNS * X))),
    (nn.HingeEmbeddingLoss, (X, SIGNS), np.where(SIGNS == 1, X, np.maximum(0, 1 - X))),
    (nn.MarginRankingLoss, (X[0], Y[0], SIGNS[0]), np.maximum(0, -SIGNS[0] * (X[0] - Y[0]))),
    (nn.PoissonNLLLoss, (X, T), np.exp(X) - T * X),
    (nn.GaussianNLLLoss, (X, Y, P), 0.5 * (np.log(P) + (X - Y) ** 2 / P)),
]


class LossTest(unittest.TestCase):
    def check(self, got, want):
        np.testing.assert_allclose(got.detach().numpy(), want, rtol=2e-5, atol=2e-6)

    def test_every_loss_and_reduction(self):
        for kind, inputs, want in CASES:
            for reduction, reduce in (("none", lambda v: v), ("mean", np.mean), ("sum", np.sum)):
                with self.subTest(kind.__name__, reduction=reduction), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.check(kind(reduction=reduction)(*map(tensor, inputs)), reduce(want))

    def test_gradients_by_differences(self):
        for kind, inputs, _ in CASES:
            with self.subTest(kind.__name__), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                first = inputs[0].astype(np.float64)
                rest = [tensor(v.astype(np.float64) if v.dtype.kind == "f" else v) for v in inputs[1:]]
                loss = kind()
                xt = tensor(first).requires_grad_()
                loss(xt, *rest).backward()
                want = np.zeros_like(first)
                for place in np.ndindex(first.shape):
                    step = np.zeros_like(first)
                    step[place] = 1e-6
                    want[place] = (
                        loss(tensor(first + step), *rest).item() - loss(tensor(first - step), *rest).item()
                    ) / 2e-6
                np.testing.assert_allclose(xt.grad.numpy(), want, rtol=1e-4, atol=1e-6)

    def test_cross_entropy_options(self):
        weight = np.array([1, 2, 3, 4, 5], dtype=np.float32)
        picked = -LOGP[np.arange(4), CLASSES] * weight[CLASSES]
        got = F.cross_entropy(tensor(X), tensor(CLASSES), weight=tensor(weight))
        self.check(got, picked.sum() / weight[CLASSES].sum())
        ignoring = F.cross_entropy(tensor(X), tensor(np.array([0, -100, 2, 4])))
        self.check(ignoring, -LOGP[[0, 2, 3], [0, 2, 4]].mean())
        smooth = F.cross_entropy(tensor(X), tensor(CLASSES), label_smoothing=0.2)
        target = np.full((4, 5), 0.04)
        target[np.arange(4), CLASSES] += 0.8
        self.check(smooth, -(target * LOGP).sum(1).mean())
        self.check(F.cross_entropy(tensor(X), tensor(T)), -(T * LOGP).sum(1).mean())
        images = array(2, 3, 4, 4)
        labels = RNG.integers(0, 3, (2, 4, 4))
        logp = images - np.log(np.exp(images).sum(1, keepdims=True))
        want = -np.take_along_axis(logp, labels[:, None], 1).mean()
        self.check(F.cross_entropy(tensor(images), tensor(labels)), want)

    def test_bce_pos_weight_and_kl_batchmean(self):
        pos = np.array([1, 2, 3, 4, 5], dtype=np.float32)
        want = -(pos * T * np.log(1 / (1 + np.exp(-X))) + (1 - T) * np.log(1 / (1 + np.exp(X))))
        self.check(nn.BCEWithLogitsLoss(pos_weight=tensor(pos))(tensor(X), tensor(T)), want.mean())
        self.check(nn.KLDivLoss(reduction="batchmean")(tensor(LOGP), tensor(T)), (T * (np.log(T) - LOGP)).sum() / 4)

    def test_pairs_and_triplets(self):
        cos = (X * Y).sum(1) / np.linalg.norm(X, axis=1) / np.linalg.norm(Y, axis=1)
        target = np.array([1, -1, 1, -1])
        want = np.where(target == 1, 1 - cos, np.maximum(0, cos - 0.1)).mean()
        self.check(nn.CosineEmbeddingLoss(margin=0.1)(tensor(X), tensor(Y), tensor(target)), want)
        z = array(4, 5)
        near, far = np.linalg.norm(X - Y + 1e-6, axis=1), np.linalg.norm(X - z + 1e-6, axis=1)
        self.check(nn.TripletMarginLoss()(tensor(X), tensor(Y), tensor(z)), np.maximum(0, 1 + near - far).mean())

    def test_bad_input(self):
        with self.assertRaises(ValueError):
            nn.BCELoss()(tensor(P), tensor(T[:2]))
        with self.assertRaises(ValueError):
            F.binary_cross_entropy_with_logits(tensor(X), tensor(T[0]))
        with self.assertWarns(UserWarning):
            F.mse_loss(tensor(X), tensor(Y[0]))
        with self.assertWarns(UserWarning):
            self.assertEqual(nn.MSELoss(size_average=False).reduction, "sum")


class InitTest(unittest.TestCase):
    def test_bounds_and_moments(self):
        framejit.manual_seed(1)
        for fill, std in (
            (lambda t: nn.init.xavier_uniform_(t), math.sqrt(2 / 500)),
            (lambda t: nn.init.xavier_normal_(t), math.sqrt(2 / 500)),
            (lambda t: nn.init.kaiming_normal_(t, nonlinearity="relu"), math.sqrt(2 / 300)),
            (lambda t: nn.init.kaiming_uniform_(t, mode="fan_out"), math.sqrt(2 / 200)),
            (lambda t: nn.init.normal_(t, std=0.5), 0.5),
            (lambda t: nn.init.uniform_(t, -1, 1), 1 / math.sqrt(3)),
        ):
            values = fill(framejit.empty(200, 300)).numpy()
            self.assertAlmostEqual(values.std() / std, 1, delta=0.02)
            self.assertAlmostEqual(values.mean() / std, 0, delta=0.02)
        values = nn.init.trunc_normal_(framejit.empty(50000), std=2.0, a=-1, b=3).numpy()
        self.assertTrue(-1 <= values.min() and values.max() <= 3)

    def test_structured(self):
        t = framejit.empty(3, 5)
        np.testing.assert_array_equal(nn.init.eye_(t).numpy(), np.eye(3, 5))
        np.testing.assert_array_equal(nn.init.constant_(t, 2.5).numpy(), np.full((3, 5), 2.5))
        q = nn.init.orthogonal_(framejit.empty(4, 6)).numpy()
        np.testing.assert_allclose(q @ q.T, np.eye(4), atol=1e-5)
        q = nn.init.orthogonal_(framejit.empty(6, 4), gain=2).numpy()
        np.testing.assert_allclose(q.T @ q, 4 * np.eye(4), atol=1e-5)
        conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        nn.init.dirac_(conv.weight)
        x = framejit.randn(1, 3, 4, 4)
        np.testing.assert_allclose(conv(x).detach().numpy(), x.numpy(), atol=1e-6)
        zeros = (nn.init.sparse_(framejit.empty(10, 4), 0.3).numpy() == 0).sum(0)
        self.assertEqual(zeros.tolist(), [3, 3, 3, 3])

    def test_gains(self):
        self.assertEqual(nn.init.calculate_gain("tanh"), 5 / 3)
        self.assertAlmostEqual(nn.init.calculate_gain("leaky_relu", 0.2), math.sqrt(2 / 1.04))
        with self.assertRaises(ValueError):
            nn.init.calculate_gain("nothing")
        with self.assertRaises(ValueError):
            nn.init.xavier_uniform_(framejit.empty(3))


class UtilsTest(unittest.TestCase):
    def setUp(self):
        self.layer = nn.Linear(3, 2)
        (self.layer(framejit.ones(1, 3)) * 10).sum().backward()
        self.grads = [p.grad.numpy().copy() for p in self.layer.parameters()]

    def test_clip_norm(self):
        total = math.sqrt(sum((g**2).sum() for g in self.grads))
        got = nn.utils.clip_grad_norm_(self.layer.parameters(), 1.0)
        self.assertAlmostEqual(got.item(), total, places=3)
        for p, g in zip(self.layer.parameters(), self.grads):
            np.testing.assert_allclose(p.grad.numpy(), g / (total + 1e-6), rtol=1e-5)
        nn.utils.clip_grad_norm_(self.layer.parameters(), 100.0)
        self.assertAlmostEqual(nn.utils.get_total_norm([p.grad for p in self.layer.parameters()]).item(), 1, places=4)

    def test_clip_value_and_infinity(self):
        self.assertEqual(nn.utils.clip_grad_norm_(self.layer.parameters(), 1e9, float("inf")).item(), 10)
        lone = [framejit.tensor([3.0, 4.0, 0.0])]
        for order, want in ((0, 1), (float("-inf"), 0), (1, 7)):  # of order 0: how many tensors are not zero
            self.assertEqual(nn.utils.get_total_norm(lone, order).item(), want)
        nn.utils.clip_grad_value_(self.layer.parameters(), 2.5)
        for p in self.layer.parameters():
            self.assertEqual(p.grad.max().item(), 2.5)

    def test_not_finite(self):
        self.layer.weight.grad.fill_(float("nan"))
        with self.assertRaises(RuntimeError):
            nn.utils.clip_grad_norm_(self.layer.parameters(), 1.0, error_if_nonfinite=True)

    def test_vector(self):
        vector = nn.utils.parameters_to_vector(self.layer.parameters())
        self.assertEqual(tuple(vector.shape), (8,))
        nn.utils.vector_to_parameters(framejit.arange(8.0), self.layer.parameters())
        self.assertEqual(self.layer.bias.tolist(), [6, 7])

    def test_pad_sequence(self):
        padded = nn.utils.rnn.pad_sequence([framejit.ones(2), framejit.ones(4)], batch_first=True, padding_value=9)
        self.assertEqual(padded.tolist(), [[1, 1, 9, 9], [1, 1, 1, 1]])
        rows = nn.utils.rnn.unpad_sequence(padded, framejit.tensor([2, 4]), batch_first=True)
        self.assertEqual([len(r) for r in rows], [2, 4])


if __name__ == "__main__":
    unittest.main()
