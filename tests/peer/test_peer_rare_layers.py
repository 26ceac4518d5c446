"""Layers, parametrizations and optimizers that few programs use, against torch with the same weights."""

import unittest

import framejit
import numpy as np

try:
    import torch
except ImportError:
    torch = None


def numpy_of(value):
    return value.detach().numpy()


@unittest.skipIf(torch is None, "torch is not installed")
class RareLayers(unittest.TestCase):
    def same(self, got, want, tolerance=1e-4):
        np.testing.assert_allclose(numpy_of(got), numpy_of(want), rtol=tolerance, atol=tolerance)

    def pair(self, make):
        """The layer of both libraries with torch's weights."""
        theirs, ours = make(torch), make(framejit)
        ours.load_state_dict({k: framejit.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
        self.assertEqual(list(ours.state_dict()), list(theirs.state_dict()))
        self.assertEqual(repr(ours), repr(theirs))
        return ours, theirs

    def test_adaptive_softmax(self):
        for options in ({}, {"head_bias": True, "div_value": 2.0}):
            ours, theirs = self.pair(lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], **options))
            x, y = np.random.randn(12, 8).astype("float32"), np.arange(12) * 20 // 12
            results = []
            for t, layer in ((framejit, ours), (torch, theirs)):
                out = layer(t.tensor(x), t.tensor(y))
                out.loss.backward()
                results.append([out.output, out.loss, layer.log_prob(t.tensor(x)), layer.predict(t.tensor(x)),
                                *(p.grad for p in layer.parameters()), layer(t.tensor(x[0]), t.tensor(y[0])).output])  # fmt: skip
            for got, want in zip(*results):
                self.same(got, want)

    def test_adaptive_softmax_refuses(self):
        for t in (framejit, torch):
            for cutoffs in ([], [3, 3], [5, 2], [0, 4], [4, 20]):
                self.assertRaises(ValueError, t.nn.AdaptiveLogSoftmaxWithLoss, 8, 20, cutoffs)
            layer = t.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10])
            for x, y in ((t.zeros(2, 8), t.tensor([0, 20])), (t.zeros(2, 8), t.tensor([0])), (t.zeros(2, 8), t.zeros(2, 1).long()),
                         (t.zeros(8), t.tensor([0])), (t.zeros(1, 8), t.tensor(0))):  # fmt: skip
                self.assertRaises(RuntimeError, layer, x, y)

    def test_linear_cross_entropy(self):
        for options in ({}, {"bias": True, "reduction": "sum"}, {"out_features": (3,), "label_smoothing": 0.1}):
            ours, theirs = self.pair(lambda t: t.nn.LinearCrossEntropyLoss(5, 7, **options))
            x = np.random.randn(4, 5).astype("float32")
            y = np.random.randint(0, 7, (4, *options.get("out_features", ())))
            self.same(ours(framejit.tensor(x), framejit.tensor(y)), theirs(torch.tensor(x), torch.tensor(y)))

    def test_across_maps(self):
        x = np.random.rand(2, 7, 3, 3).astype("float32")
        for size in (1, 3, 5):
            ours, theirs = framejit.nn.CrossMapLRN2d(size, k=2), torch.nn.CrossMapLRN2d(size, k=2)
            self.same(ours(framejit.tensor(x)), theirs(torch.tensor(x)))

    def test_gradients_of_convolutions(self):
        for n in (1, 2, 3):
            size, weight = (2, 4, *[6] * n), (6, 2, *[3] * n)
            more = dict(stride=2, padding=1, groups=2)
            out = tuple(getattr(torch, f"conv{n}d")(torch.zeros(size), torch.zeros(weight), **more).shape)
            x, w, g = (np.random.randn(*s).astype("float32") for s in (size, weight, out))
            for name, args in (("input", (size, w, g)), ("weight", (x, weight, g))):
                got, want = (
                    getattr(t.nn.grad, f"conv{n}d_{name}")(
                        *(t.tensor(a) if isinstance(a, np.ndarray) else a for a in args), **more
                    )
                    for t in (framejit, torch)
                )
                self.same(got, want)

    def test_muon(self):
        for options in ({}, {"nesterov": False, "lr": 0.1}, {"adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0}):
            start = np.random.randn(6, 4).astype("float32")
            finals = []
            for t in (framejit, torch):
                w = t.nn.Parameter(t.tensor(start))
                opt = t.optim.Muon([w], **options)
                for step in range(4):
                    opt.zero_grad()
                    ((w - step) ** 2).sum().backward()
                    opt.step()
                finals.append(w)
            self.same(*finals, tolerance=2e-2)  # steps are rounded to bfloat16
        self.assertRaises(ValueError, framejit.optim.Muon, [framejit.nn.Parameter(framejit.ones(3))])


@unittest.skipIf(torch is None, "torch is not installed")
class Orthogonal(unittest.TestCase):
    def test_weights_are_orthogonal_and_follow_torch(self):
        for rows, columns in ((4, 4), (5, 3), (3, 5)):
            for name in ("matrix_exp", "cayley", "householder"):
                for trivial in (True, False):
                    with self.subTest((rows, columns, name, trivial)):
                        self.follow(rows, columns, name, trivial)

    def follow(self, rows, columns, name, trivial):
        layers = []
        free, assigned = (
            np.random.randn(rows, columns),
            np.linalg.qr(np.random.randn(max(rows, columns), min(rows, columns)))[0],
        )
        assigned = assigned if rows >= columns else assigned.T
        for t in (framejit, torch):
            layer = t.nn.Linear(columns, rows).double()
            t.nn.utils.parametrizations.orthogonal(layer, orthogonal_map=name, use_trivialization=trivial)
            layers.append(layer)
            least = min(rows, columns)
            product = numpy_of(layer.weight @ layer.weight.mT if rows < columns else layer.weight.mT @ layer.weight)
            np.testing.assert_allclose(product, np.eye(least), atol=1e-10)
            if trivial or name == "householder":
                layer.weight = t.tensor(assigned)
                np.testing.assert_allclose(numpy_of(layer.weight), assigned, atol=1e-10)
            else:
                with self.assertRaises(NotImplementedError):
                    layer.weight = t.tensor(assigned)
        if trivial:
            layers[0].parametrizations.weight[0].base = framejit.tensor(
                layers[1].parametrizations.weight[0].base.numpy()
            )
        weights = []
        for t, layer in zip((framejit, torch), layers):
            with t.no_grad():
                layer.parametrizations.weight.original.copy_(t.tensor(free))
            layer.weight.sin().sum().backward()
            weights += [layer.weight, layer.parametrizations.weight.original.grad]
        for got, want in zip(weights[:2], weights[2:]):
            np.testing.assert_allclose(numpy_of(got), numpy_of(want), atol=1e-8)

    def test_refuses(self):
        for t in (framejit, torch):
            orthogonal = t.nn.utils.parametrizations.orthogonal
            self.assertRaises(ValueError, orthogonal, t.nn.Linear(2, 2), "bias")
            self.assertRaises(ValueError, orthogonal, t.nn.Linear(2, 2), "nothing")
            self.assertRaises(ValueError, orthogonal, t.nn.Linear(2, 2), orthogonal_map="other")


if __name__ == "__main__":
    unittest.main()
