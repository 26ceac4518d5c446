"""Windows, resizing, sampling, bags and CTC against torch: values and gradients."""

import unittest
import warnings

import framejit
import numpy as np

from tests.peer.nests import flat

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(4)


def normal(*shape):
    return RNG.standard_normal(shape)


@unittest.skipIf(torch is None, "torch is not installed")
class WindowsTest(unittest.TestCase):
    def both(self, call, *arrays, grads=True, tol=1e-8):
        """call(lib, F, *tensors) for both libraries, with the gradients of the floating inputs."""
        results = []
        for lib in (torch, framejit):
            tensors = [lib.from_numpy(a.copy()) for a in arrays]
            wanted = [t.requires_grad_() for t in tensors if t.is_floating_point()] if grads else []
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outs = flat(call(lib, lib.nn.functional, *tensors))
            if wanted:
                total = sum(o.sin().sum() for o in outs if o.is_floating_point())
                total.backward()
            results.append([o.detach().numpy() for o in outs] + [w.grad.numpy() for w in wanted if w.grad is not None])
        self.assertEqual(len(results[0]), len(results[1]))
        for want, got in zip(*results):
            self.assertEqual(want.dtype, got.dtype)
            np.testing.assert_allclose(got, want, rtol=tol, atol=tol)

    def test_pool3d(self):
        x = normal(2, 3, 5, 6, 4)
        self.both(lambda t, F, x: F.max_pool3d(x, 2, 1, return_indices=True), x)
        self.both(lambda t, F, x: F.max_pool3d(x, (2, 3, 1), padding=(1, 1, 0), ceil_mode=True), x)
        self.both(lambda t, F, x: F.avg_pool3d(x, 2, ceil_mode=True, count_include_pad=False, padding=1), x)
        self.both(lambda t, F, x: F.adaptive_avg_pool3d(x, (2, None, 3)), x)
        self.both(lambda t, F, x: F.adaptive_max_pool3d(x, 2, return_indices=True), x)
        self.both(lambda t, F, x: F.lp_pool3d(x, 2, 2), np.abs(x) + 0.1)

    def test_unpool(self):
        for n, shape in ((1, (8,)), (2, (6, 8)), (3, (4, 6, 4))):
            x = normal(2, 3, *shape)
            pool, unpool = f"max_pool{n}d", f"max_unpool{n}d"
            self.both(lambda t, F, x, p=pool, u=unpool: getattr(F, u)(*getattr(F, p)(x, 2, return_indices=True), 2), x)
        x = normal(2, 3, 7)
        self.both(lambda t, F, x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2, output_size=x.shape), x)

    def test_fractional(self):
        u2, u3 = RNG.random((2, 3, 2)), RNG.random((2, 3, 3))
        self.both(
            lambda t, F, x: F.fractional_max_pool2d(
                x, (2, 3), (4, 3), return_indices=True, _random_samples=t.from_numpy(u2.copy())
            ),
            normal(2, 3, 9, 8),
        )
        self.both(
            lambda t, F, x: F.fractional_max_pool3d(
                x, 2, output_ratio=0.6, return_indices=True, _random_samples=t.from_numpy(u3.copy())
            ),
            normal(2, 3, 7, 8, 6),
        )

    def test_unfold_fold(self):
        x = normal(2, 3, 6, 7)
        for kwargs in ({}, {"padding": 1, "stride": 2}, {"dilation": (1, 2), "stride": (2, 1), "padding": (0, 2)}):
            self.both(lambda t, F, x, k=kwargs: F.unfold(x, (3, 2), **k), x)
            self.both(lambda t, F, x, k=kwargs: F.unfold(x[0], (3, 2), **k), x)
            columns = torch.nn.functional.unfold(torch.from_numpy(x), (3, 2), **kwargs).numpy()
            self.both(lambda t, F, c, k=kwargs: F.fold(c, (6, 7), (3, 2), **k), normal(*columns.shape))

    def test_interpolate(self):
        for mode, shape in (("bicubic", (5, 6)), ("trilinear", (4, 5, 3)), ("area", (5, 6)), ("area", (7,))):
            x = normal(2, 3, *shape)
            corners = (False,) if mode == "area" else (False, True)
            for align in corners:
                options = {} if mode == "area" else {"align_corners": align}
                for size in ([s * 2 - 1 for s in shape], [max(s // 2, 1) for s in shape]):
                    self.both(lambda t, F, x, s=size, o=options, m=mode: F.interpolate(x, s, mode=m, **o), x)
                self.both(lambda t, F, x, o=options, m=mode: F.interpolate(x, scale_factor=1.7, mode=m, **o), x)
        for mode in ("bilinear", "bicubic"):
            for size in ((3, 4), (9, 13)):
                for align in (False, True):
                    self.both(
                        lambda t, F, x, m=mode, s=size, a=align: F.interpolate(
                            x, s, mode=m, antialias=True, align_corners=a
                        ),
                        normal(2, 3, 7, 8),
                        tol=1e-6,
                    )

    def test_sampling(self):
        x2, x3 = normal(2, 3, 5, 6), normal(2, 3, 4, 5, 3)
        g2, g3 = RNG.uniform(-1.4, 1.4, (2, 4, 3, 2)), RNG.uniform(-1.4, 1.4, (2, 2, 4, 3, 3))
        for padding in ("zeros", "border", "reflection"):
            for align in (False, True):
                for mode in ("bilinear", "nearest", "bicubic"):
                    with self.subTest(mode, padding=padding, align=align):
                        call = lambda t, F, x, g, m=mode, p=padding, a=align: F.grid_sample(x, g, m, p, a)
                        self.both(call, x2, g2, grads=mode != "nearest")
                        if mode != "bicubic":
                            self.both(call, x3, g3, grads=mode != "nearest")
        for align in (False, True):
            self.both(lambda t, F, m, a=align: F.affine_grid(m, (2, 1, 3, 4), align_corners=a), normal(2, 2, 3))
            self.both(lambda t, F, m, a=align: F.affine_grid(m, (2, 1, 3, 1, 4), align_corners=a), normal(2, 3, 4))

    def test_embedding_bag(self):
        weight, rows = normal(7, 4), RNG.integers(0, 7, (3, 5))
        line, starts = RNG.integers(0, 7, 9), np.array([0, 2, 2, 6])
        for mode in ("sum", "mean", "max"):
            self.both(lambda t, F, w, i, m=mode: F.embedding_bag(i, w, mode=m), weight, rows)
            self.both(lambda t, F, w, i, o, m=mode: F.embedding_bag(i, w, o, mode=m), weight, line, starts)
            self.both(
                lambda t, F, w, i, o, m=mode: F.embedding_bag(i, w, o, mode=m, include_last_offset=True, padding_idx=2),
                weight,
                line,
                np.array([0, 3, 9]),
            )
        self.both(
            lambda t, F, w, i, s: F.embedding_bag(i, w, mode="sum", per_sample_weights=s), weight, rows, normal(3, 5)
        )

    def test_ctc(self):
        scores = normal(9, 3, 5)
        targets, lengths, goals = RNG.integers(1, 5, (3, 4)), np.array([9, 7, 8]), np.array([4, 2, 0])
        targets[0, :2] = 3  # a repeated label needs a blank between
        for reduction in ("none", "mean", "sum"):
            self.both(
                lambda t, F, x, y, a, b, r=reduction: F.ctc_loss(F.log_softmax(x, 2), y, a, b, reduction=r),
                scores,
                targets,
                lengths,
                goals,
                tol=1e-6,
            )
        joined = np.concatenate([targets[0, :4], targets[1, :2]])
        self.both(lambda t, F, x, y: F.ctc_loss(x.log_softmax(2), y, (9, 7, 8), (4, 2, 0)), scores, joined, tol=1e-6)
        self.both(
            lambda t, F, x, y: F.ctc_loss(x.log_softmax(2), y, (3, 9, 9), (4, 2, 0), zero_infinity=True),
            scores,
            targets,
            tol=1e-6,
        )

    def test_multilabel(self):
        y = np.array([[3, 0, -1, 1], [1, -1, 0, 2], [-1, 0, 0, 0]])
        for reduction in ("none", "mean", "sum"):
            self.both(lambda t, F, x, y, r=reduction: F.multilabel_margin_loss(x, y, reduction=r), normal(3, 4), y)


if __name__ == "__main__":
    unittest.main()
