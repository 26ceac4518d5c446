"""The layers of nn against NumPy: values, gradients through them, statistics, argument checks."""

import math
import unittest

import framejit
import numpy as np
from framejit import nn
from framejit.nn import functional as F

RNG = np.random.default_rng(3)


def array(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def tensor(value):
    return framejit.from_numpy(np.ascontiguousarray(value))


def values(t):
    return t.detach().numpy()


class LayerCase(unittest.TestCase):
    def check(self, got, want, tol=2e-5):
        np.testing.assert_allclose(values(got), want, rtol=tol, atol=tol)

    def set(self, parameter, value):
        with framejit.no_grad():
            parameter.copy_(tensor(np.asarray(value, dtype=np.float32)))


def correlate2d(x, w, b, stride, padding, dilation, groups):
    """Convolution by its definition."""
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    n, _, height, width = x.shape
    out_channels, per_group, kh, kw = w.shape
    oh = (height - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (width - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    out = np.zeros((n, out_channels, oh, ow), dtype=np.float64)
    for o in range(out_channels):
        first = o // (out_channels // groups) * per_group
        for i in range(kh):
            for j in range(kw):
                patch = x[:, first : first + per_group, i * dilation[0] :, j * dilation[1] :]
                patch = patch[:, :, : stride[0] * oh : stride[0], : stride[1] * ow : stride[1]]
                out[:, o] += (patch * w[o, :, i, j][None, :, None, None]).sum(1)
    return out + (0 if b is None else b[None, :, None, None])


class LinearTest(LayerCase):
    def test_linear(self):
        layer, x = nn.Linear(4, 3), array(2, 5, 4)
        w, b = values(layer.weight), values(layer.bias)
        self.check(layer(tensor(x)), x @ w.T + b)
        self.check(nn.Identity()(tensor(x)), x)
        self.assertIsNone(nn.Linear(4, 3, bias=False).bias)

    def test_linear_gradients(self):
        layer, x = nn.Linear(4, 3), array(5, 4)
        layer(tensor(x)).pow(2).sum().backward()
        out = x @ values(layer.weight).T + values(layer.bias)
        self.check(layer.weight.grad, 2 * out.T @ x)
        self.check(layer.bias.grad, 2 * out.sum(0))

    def test_bilinear(self):
        layer, x, y = nn.Bilinear(3, 4, 2), array(5, 3), array(5, 4)
        want = np.einsum("ni,oij,nj->no", x, values(layer.weight), y) + values(layer.bias)
        self.check(layer(tensor(x), tensor(y)), want)

    def test_initial_values_are_in_range(self):
        for layer, fan_in in ((nn.Linear(50, 40), 50), (nn.Conv2d(5, 8, 3), 45), (nn.Conv1d(6, 8, 3, groups=2), 9)):
            bound = 1 / math.sqrt(fan_in)
            for parameter in layer.parameters():
                self.assertLessEqual(parameter.abs().max().item(), bound)
            self.assertGreater(layer.weight.abs().max().item(), 0.8 * bound)

    def test_flatten(self):
        self.assertEqual(tuple(nn.Flatten()(framejit.zeros(2, 3, 4)).shape), (2, 12))
        self.assertEqual(tuple(nn.Unflatten(1, (3, 4))(framejit.zeros(2, 12)).shape), (2, 3, 4))


class ConvTest(LayerCase):
    def test_conv2d(self):
        cases = [
            dict(),
            dict(stride=2),
            dict(padding=1),
            dict(stride=(2, 1), padding=(0, 2)),
            dict(dilation=2),
            dict(groups=2),
            dict(groups=4, padding=1, bias=False),
        ]
        x = array(2, 4, 7, 8)
        for options in cases:
            with self.subTest(**options):
                layer = nn.Conv2d(4, 8, 3, **options)
                bias = None if layer.bias is None else values(layer.bias)
                want = correlate2d(
                    x, values(layer.weight), bias, layer.stride, layer.padding, layer.dilation, layer.groups
                )
                self.check(layer(tensor(x)), want)

    def test_conv2d_gradients(self):
        layer, x = nn.Conv2d(2, 3, 3, padding=1), array(1, 2, 4, 4)
        xt = tensor(x).requires_grad_()
        layer(xt).sum().backward()
        # for a sum, the gradient of the weight is the sum of the inputs under it
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        want = np.array(
            [[[padded[0, c, i : i + 4, j : j + 4].sum() for j in range(3)] for i in range(3)] for c in range(2)]
        )
        for o in range(3):
            self.check(layer.weight.grad[o], want)
        self.check(layer.bias.grad, np.full(3, 16.0))
        ones = correlate2d(
            np.ones((1, 3, 4, 4)),
            values(layer.weight).transpose(1, 0, 2, 3)[:, :, ::-1, ::-1],
            None,
            (1, 1),
            (1, 1),
            (1, 1),
            1,
        )
        self.check(xt.grad, ones)

    def test_conv1d_and_padding(self):
        layer, x = nn.Conv1d(3, 4, 3, padding=1), array(2, 3, 6)
        want = correlate2d(
            x[:, :, None], values(layer.weight)[:, :, None], values(layer.bias), (1, 1), (0, 1), (1, 1), 1
        )[:, :, 0]
        self.check(layer(tensor(x)), want)
        same = nn.Conv1d(3, 4, 4, padding="same")
        padded = np.pad(x, ((0, 0), (0, 0), (1, 2)))
        want = correlate2d(
            padded[:, :, None], values(same.weight)[:, :, None], values(same.bias), (1, 1), (0, 0), (1, 1), 1
        )[:, :, 0]
        self.check(same(tensor(x)), want)

    def test_padding_modes(self):
        x = array(1, 2, 5, 6)
        for mode, name in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")):
            layer = nn.Conv2d(2, 2, 3, padding=(1, 2), padding_mode=mode)
            padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)), mode=name)
            want = correlate2d(padded, values(layer.weight), values(layer.bias), (1, 1), (0, 0), (1, 1), 1)
            self.check(layer(tensor(x)), want)

    def test_bad_arguments(self):
        for options in (
            dict(groups=0),
            dict(groups=3),
            dict(padding="sam"),
            dict(padding="same", stride=2),
            dict(padding_mode="odd"),
        ):
            with self.assertRaises(ValueError):
                nn.Conv2d(4, 4, 3, **options)


def windows(x, size, stride, reduce):
    """Reduction of every window of the last two dimensions."""
    oh, ow = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    return np.array(
        [
            [
                [
                    [reduce(x[n, c, i * stride : i * stride + size, j * stride : j * stride + size]) for j in range(ow)]
                    for i in range(oh)
                ]
                for c in range(x.shape[1])
            ]
            for n in range(x.shape[0])
        ]
    )


class PoolTest(LayerCase):
    def test_windows(self):
        x = array(2, 3, 7, 7)
        for size, stride in ((2, 2), (3, 2), (3, 1)):
            self.check(nn.MaxPool2d(size, stride)(tensor(x)), windows(x, size, stride, np.max))
            self.check(nn.AvgPool2d(size, stride)(tensor(x)), windows(x, size, stride, np.mean))
        self.check(nn.MaxPool1d(2)(tensor(x[:, :, 0])), windows(x[:, :, :1].repeat(2, 2), 2, 2, np.max)[:, :, 0])
        self.check(nn.AvgPool1d(2)(tensor(x[:, :, 0])), x[:, :, 0, :6].reshape(2, 3, 3, 2).mean(-1))

    def test_max_pool_gradient_goes_to_the_maximum(self):
        x = tensor(np.array([[[[1.0, 3], [2, 0]]]], dtype=np.float32)).requires_grad_()
        nn.MaxPool2d(2)(x).sum().backward()
        self.assertEqual(x.grad.tolist(), [[[[0, 1], [0, 0]]]])

    def test_padding_is_not_a_maximum(self):
        x = -np.ones((1, 1, 2, 2), dtype=np.float32)
        self.check(nn.MaxPool2d(2, padding=1)(tensor(x)), -np.ones((1, 1, 2, 2)))
        self.check(nn.AvgPool2d(2, padding=1)(tensor(x)), -np.full((1, 1, 2, 2), 0.25))
        self.check(nn.AvgPool2d(2, padding=1, count_include_pad=False)(tensor(x)), -np.ones((1, 1, 2, 2)))

    def test_adaptive(self):
        x = array(2, 3, 6, 8)
        self.check(nn.AdaptiveAvgPool2d((3, 4))(tensor(x)), windows(x, 2, 2, np.mean))
        self.check(nn.AdaptiveAvgPool2d(1)(tensor(x)), x.mean((2, 3), keepdims=True))
        self.check(nn.AdaptiveMaxPool2d((3, 4))(tensor(x)), windows(x, 2, 2, np.max))
        self.check(nn.AdaptiveAvgPool1d(3)(tensor(x[:, :, 0, :6])), x[:, :, 0, :6].reshape(2, 3, 3, 2).mean(-1))


class NormTest(LayerCase):
    def test_batch_norm_train_and_eval(self):
        layer, x = nn.BatchNorm2d(3), array(4, 3, 5, 5) * 2 + 1
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
        want = (x - mean[None, :, None, None]) / np.sqrt(var + 1e-5)[None, :, None, None]
        self.check(layer(tensor(x)), want)
        count = x.size / 3
        self.check(layer.running_mean, 0.1 * mean)
        self.check(layer.running_var, 0.9 + 0.1 * var * count / (count - 1))
        self.assertEqual(layer.num_batches_tracked.item(), 1)
        layer.eval()
        rm, rv = values(layer.running_mean).copy(), values(layer.running_var).copy()
        want = (x - rm[None, :, None, None]) / np.sqrt(rv + 1e-5)[None, :, None, None]
        self.check(layer(tensor(x)), want)
        self.check(layer.running_mean, rm)

    def test_batch_norm_gradient(self):
        layer, x, weight = nn.BatchNorm1d(3), array(6, 3), array(6, 3)
        xt = tensor(x).requires_grad_()
        (layer(xt) * tensor(weight)).sum().backward()
        inv = 1 / np.sqrt(x.var(0) + 1e-5)
        hat = (x - x.mean(0)) * inv
        self.check(xt.grad, inv * (weight - weight.mean(0) - hat * (weight * hat).mean(0)))
        self.check(layer.bias.grad, weight.sum(0))
        self.check(layer.weight.grad, (weight * hat).sum(0))

    def test_cumulative_average(self):
        layer, a, b = nn.BatchNorm1d(2, momentum=None), array(5, 2), array(5, 2)
        layer(tensor(a))
        layer(tensor(b))
        self.check(layer.running_mean, (a.mean(0) + b.mean(0)) / 2)

    def test_without_statistics(self):
        layer, x = nn.BatchNorm1d(2, affine=False, track_running_stats=False).eval(), array(5, 2)
        self.check(layer(tensor(x)), (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5))
        self.assertEqual(list(layer.state_dict()), [])

    def test_batch_norm_checks(self):
        with self.assertRaises(ValueError):
            nn.BatchNorm2d(3)(framejit.zeros(2, 3))
        with self.assertRaises(ValueError):
            nn.BatchNorm1d(3)(framejit.zeros(1, 3))

    def test_layer_norm(self):
        x = array(2, 4, 6)
        for shape, axes in ((6, (2,)), ((4, 6), (1, 2))):
            layer = nn.LayerNorm(shape)
            scale = array(*np.atleast_1d(shape))
            self.set(layer.weight, scale)
            want = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5) * scale
            self.check(layer(tensor(x)), want)

    def test_group_norm(self):
        x = array(2, 6, 5)
        grouped = x.reshape(2, 3, 10)
        want = (grouped - grouped.mean(2, keepdims=True)) / np.sqrt(grouped.var(2, keepdims=True) + 1e-5)
        self.check(nn.GroupNorm(3, 6)(tensor(x)), want.reshape(2, 6, 5))
        with self.assertRaises(ValueError):
            nn.GroupNorm(4, 6)

    def test_instance_norm(self):
        x = array(2, 3, 4, 5)
        want = (x - x.mean((2, 3), keepdims=True)) / np.sqrt(x.var((2, 3), keepdims=True) + 1e-5)
        self.check(nn.InstanceNorm2d(3)(tensor(x)), want)
        layer = nn.InstanceNorm2d(3, track_running_stats=True)
        layer(tensor(x))
        self.check(layer.running_mean, 0.1 * x.mean((0, 2, 3)))

    def test_rms_norm(self):
        x = array(3, 8)
        eps = np.finfo(np.float32).eps
        self.check(nn.RMSNorm(8)(tensor(x)), x / np.sqrt((x * x).mean(1, keepdims=True) + eps))

    def test_normalize_and_distances(self):
        x, y = array(4, 5), array(4, 5)
        self.check(F.normalize(tensor(x)), x / np.linalg.norm(x, axis=1, keepdims=True))
        cos = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
        self.check(nn.CosineSimilarity()(tensor(x), tensor(y)), cos)
        self.check(nn.PairwiseDistance()(tensor(x), tensor(y)), np.linalg.norm(x - y + 1e-6, axis=1))


class RandomLayerTest(LayerCase):
    def test_dropout(self):
        layer, x = nn.Dropout(0.25), framejit.ones(20000)
        out = values(layer(x))
        self.assertEqual(set(np.round(np.unique(out), 4)), {0.0, np.float32(1.3333)})
        self.assertAlmostEqual((out == 0).mean(), 0.25, delta=0.02)
        self.assertEqual(values(layer.eval()(x)).min(), 1)
        with self.assertRaises(ValueError):
            nn.Dropout(1.5)

    def test_dropout_of_channels(self):
        out = values(nn.Dropout2d(0.5)(framejit.ones(50, 20, 3, 3)))
        self.assertTrue(((out == 0).all((2, 3)) | (out == 2).all((2, 3))).all())
        self.assertAlmostEqual((out == 0).mean(), 0.5, delta=0.06)

    def test_seed(self):
        layer = nn.Dropout(0.5)
        framejit.manual_seed(7)
        first = layer(framejit.ones(100)).tolist()
        framejit.manual_seed(7)
        self.assertEqual(layer(framejit.ones(100)).tolist(), first)


class EmbeddingTest(LayerCase):
    def test_lookup_and_gradient(self):
        layer = nn.Embedding(5, 3, padding_idx=1)
        self.assertEqual(layer.weight[1].tolist(), [0, 0, 0])
        index = np.array([[0, 2], [1, 2]])
        out = layer(tensor(index))
        self.check(out, values(layer.weight)[index])
        out.sum().backward()
        want = np.zeros((5, 3))
        want[0], want[2] = 1, 2
        self.check(layer.weight.grad, want)

    def test_from_pretrained_and_max_norm(self):
        table = array(4, 3) * 10
        layer = nn.Embedding.from_pretrained(tensor(table))
        self.assertFalse(layer.weight.requires_grad)
        self.check(layer(framejit.tensor([2])), table[[2]])
        layer = nn.Embedding(4, 3, max_norm=1.0, _weight=tensor(table))
        out = values(layer(framejit.tensor([1, 1])))
        self.assertAlmostEqual(float(np.linalg.norm(out[0])), 1.0, places=4)
        self.check(layer.weight[0], table[0])


class PaddingTest(LayerCase):
    def test_modes(self):
        x = array(2, 3, 4, 5)
        pads = ((0, 0), (0, 0), (1, 2), (2, 1))
        for layer, mode in ((nn.ReflectionPad2d, "reflect"), (nn.ReplicationPad2d, "edge"), (nn.CircularPad2d, "wrap")):
            self.check(layer((2, 1, 1, 2))(tensor(x)), np.pad(x, pads, mode=mode))
        self.check(nn.ZeroPad2d((2, 1, 1, 2))(tensor(x)), np.pad(x, pads))
        self.check(
            nn.ConstantPad2d(1, 3.5)(tensor(x)), np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=3.5)
        )
        with self.assertRaises(RuntimeError):
            nn.ReflectionPad1d(5)(framejit.zeros(1, 1, 3))

    def test_interpolate_bytes(self):
        image = framejit.tensor([[[[0, 200], [100, 255]]]], dtype=framejit.uint8)
        for f in (F.interpolate, framejit.compile(F.interpolate, fullgraph=True)):
            got = f(image, size=(2, 4), mode="bilinear")
            self.assertEqual(got.dtype, framejit.uint8)
            self.assertEqual(got.tolist(), [[[[0, 50, 150, 200], [100, 139, 216, 255]]]])
            cubic = f(
                image, size=(4, 4), mode="bicubic"
            ).tolist()  # PyTorch's, whose bytes overshoot in neither direction
            self.assertEqual(
                cubic[0][0], [[0, 36, 148, 217], [19, 65, 170, 229], [65, 115, 205, 247], [93, 144, 227, 255]]
            )
        self.assertRaises(NotImplementedError, F.interpolate, image, size=(4, 4), mode="area")
        self.assertRaises(NotImplementedError, F.interpolate, image.long(), size=(4, 4))

    def test_interpolate_keeps_channels_innermost(self):
        for format, sizes in ((framejit.channels_last, (2, 3, 4, 4)), (framejit.channels_last_3d, (2, 3, 4, 4, 4))):
            x = framejit.rand(sizes)
            for mode in ("nearest", "bilinear" if len(sizes) == 4 else "trilinear"):
                got = F.interpolate(x.contiguous(memory_format=format), scale_factor=2, mode=mode)
                self.assertTrue(got.is_contiguous(memory_format=format))
                self.assertEqual(got.tolist(), F.interpolate(x, scale_factor=2, mode=mode).tolist())
        lone = framejit.rand(1, 3, 4, 4).contiguous(memory_format=framejit.channels_last)
        self.assertTrue(F.interpolate(lone[0][None], scale_factor=2).is_contiguous())  # its first stride says nothing

    def test_interpolate(self):
        x = array(2, 3, 4, 5)
        self.check(nn.Upsample(scale_factor=2)(tensor(x)), x.repeat(2, 2).repeat(2, 3))
        line = np.array([[[1.0, 2.0, 4.0]]], dtype=np.float32)
        got = F.interpolate(tensor(line), size=5, mode="linear", align_corners=True)
        self.check(got, np.interp(np.linspace(0, 2, 5), [0, 1, 2], line[0, 0])[None, None])
        got = F.interpolate(tensor(line), scale_factor=2, mode="linear")
        self.check(got, np.interp((np.arange(6) + 0.5) / 2 - 0.5, [0, 1, 2], line[0, 0])[None, None])
        for options in (dict(), dict(size=3, scale_factor=2), dict(size=(1, 2, 3)), dict(size=3, align_corners=True)):
            with self.assertRaises(ValueError):
                F.interpolate(tensor(x), **options)
        with self.assertRaises(NotImplementedError):
            F.interpolate(tensor(x), size=3, mode="quintic")

    def test_shuffles(self):
        x = array(1, 8, 2, 3)
        out = nn.PixelShuffle(2)(tensor(x))
        self.assertEqual(tuple(out.shape), (1, 2, 4, 6))
        self.check(nn.PixelUnshuffle(2)(out), x)
        self.check(nn.ChannelShuffle(2)(tensor(x)), x.reshape(1, 2, 4, 2, 3).swapaxes(1, 2).reshape(x.shape))


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


_erf = np.vectorize(math.erf)
_SCALE, _ALPHA = 1.0507009873554805, 1.6732632423543772

ACTIVATIONS = {
    "ReLU": lambda x: np.maximum(x, 0),
    "ReLU6": lambda x: np.clip(x, 0, 6),
    "Sigmoid": _sigmoid,
    "Tanh": np.tanh,
    "LogSigmoid": lambda x: -np.log1p(np.exp(-x)),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Tanhshrink": lambda x: x - np.tanh(x),
    "SELU": lambda x: _SCALE * np.where(x > 0, x, _ALPHA * np.expm1(x)),
    "SiLU": lambda x: x * _sigmoid(x),
    "Mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "Hardsigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "Hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "Hardtanh": lambda x: np.clip(x, -1, 1),
    "ELU": lambda x: np.where(x > 0, x, np.expm1(x)),
    "CELU": lambda x: np.where(x > 0, x, np.expm1(x)),
    "LeakyReLU": lambda x: np.where(x > 0, x, 0.01 * x),
    "PReLU": lambda x: np.where(x > 0, x, 0.25 * x),
    "GELU": lambda x: 0.5 * x * (1 + _erf(x / math.sqrt(2))),
    "Softplus": lambda x: np.log1p(np.exp(x)),
    "Hardshrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "Softshrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
}


class ActivationTest(LayerCase):
    def test_values(self):
        x = array(50) * 3
        for name, function in ACTIVATIONS.items():
            with self.subTest(name):
                self.check(getattr(nn, name)()(tensor(x)), function(x.astype(np.float64)))

    def test_gradients_by_differences(self):
        x = array(50) * 3
        x = np.where(np.abs(np.abs(x) - np.round(np.abs(x) * 2) / 2) < 0.02, x + 0.05, x).astype(np.float64)
        for name, function in ACTIVATIONS.items():
            with self.subTest(name):
                xt = tensor(x).requires_grad_()
                getattr(nn, name)().double()(xt).sum().backward()
                want = (function(x + 1e-6) - function(x - 1e-6)) / 2e-6
                np.testing.assert_allclose(values(xt.grad), want, rtol=1e-4, atol=1e-5)

    def test_in_place(self):
        for name in (
            "ReLU",
            "ReLU6",
            "SELU",
            "SiLU",
            "Mish",
            "Hardsigmoid",
            "Hardswish",
            "Hardtanh",
            "ELU",
            "CELU",
            "LeakyReLU",
        ):
            with self.subTest(name):
                x = array(10)
                xt = tensor(x.copy())
                out = getattr(nn, name)(inplace=True)(xt)
                self.assertEqual(out.data_ptr(), xt.data_ptr())
                self.check(xt, ACTIVATIONS[name](x.astype(np.float64)))

    def test_softmax_family(self):
        x = array(4, 6)
        soft = np.exp(x) / np.exp(x).sum(1, keepdims=True)
        self.check(nn.Softmax(1)(tensor(x)), soft)
        self.check(nn.LogSoftmax(1)(tensor(x)), np.log(soft))
        self.check(nn.Softmin(1)(tensor(-x)), soft)
        with self.assertWarns(UserWarning):
            self.check(nn.Softmax()(tensor(x)), soft)

    def test_glu_threshold_gelu_tanh(self):
        x = array(4, 6)
        self.check(nn.GLU()(tensor(x)), x[:, :3] * _sigmoid(x[:, 3:]))
        self.check(nn.Threshold(0.1, 20)(tensor(x)), np.where(x > 0.1, x, 20))
        tanh = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        self.check(nn.GELU("tanh")(tensor(x)), tanh)

    def test_attention(self):
        q, k, v = array(2, 5, 4), array(2, 6, 4), array(2, 6, 3)
        scores = q @ k.swapaxes(1, 2) / 2
        weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        self.check(F.scaled_dot_product_attention(tensor(q), tensor(k), tensor(v)), weights @ v)
        masked = np.where(np.tril(np.ones((5, 6))), scores, -np.inf)
        weights = np.exp(masked) / np.exp(masked).sum(-1, keepdims=True)
        self.check(F.scaled_dot_product_attention(tensor(q), tensor(k), tensor(v), is_causal=True), weights @ v)


if __name__ == "__main__":
    unittest.main()
