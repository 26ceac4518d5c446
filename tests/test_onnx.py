"""ONNX models of modules, run by onnxruntime and compared with eager."""

import io
import unittest

import framejit
import framejit.onnx
from framejit import nn
from framejit.nn import functional as F
from framejit.utils import _pytree as pytree

from tests.export_subjects import subjects
from tests.test_export import dims_of, grown

try:
    import numpy
    import onnx
    import onnxruntime
except ImportError as missing:
    REASON = f"the package {missing.name} is not installed"
else:
    REASON = ""


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def case(function, *args):
    return function, args


def cases():
    """name -> (function, arguments): what the modules of export_subjects do not use."""
    f = framejit
    x, y = f.randn(3, 4), f.randn(3, 4)
    i, j = f.randint(0, 9, (3, 4)), f.randint(1, 5, (3, 4))
    b, image = x > 0, f.randn(2, 3, 8, 8)
    return {
        "unary": case(lambda x: (x.sin(), x.tan(), x.atan(), x.sinh(), x.neg(), x.sign(), x.ceil(), x.reciprocal(), x.isnan()), x),
        "functions": case(lambda x: (x.log2(), x.log10(), x.log1p(), x.exp2(), x.expm1(), x.rsqrt(), x.square()), x.abs() + 0.1),
        "of_ints": case(lambda i: (i.abs(), i.neg(), i.sqrt(), i.floor(), i.sigmoid()), i),
        "mixed": case(lambda x, i: (x + i, i * 2.5, i / 2, 3 - x, i - 1, x * True, i == 3, x != i, 2 / x), x, i),
        "alpha": case(lambda x, y: (f.add(x, y, alpha=2), f.sub(x, y, alpha=0.5)), x, y),
        "division": case(lambda i, j: (i // j, i % j, (-i) // j, (-i) % j, f.div(-i, j, rounding_mode="trunc"), f.fmod(-i, j)), i, j),
        "division_floats": case(lambda x, y: (x // y, x % y, f.fmod(x, y), f.div(x, y, rounding_mode="trunc")), x, y),
        "powers": case(lambda x: (x**2, 2**x, x**x, x.abs() ** 0.5), x.abs() + 0.1),
        "compare": case(lambda x, y: (x < y, x >= 0, f.maximum(x, y), f.minimum(x, y), x.clamp(min=0), x.clamp(max=0.5)), x, y),
        "logic": case(lambda b, x: (b & (x < 1), b | (x < -1), b ^ b, ~b, b.logical_not(), b.any(), b.all(0), b + b), b, x),
        "bits": case(lambda i: (i & 3, i | 8, i ^ 5, ~i), i),
        "masks": case(lambda x, b: (x.masked_fill(b, 2), f.where(b, x, 0), f.where(b, 1.0, x)), x, b),
        "reduce": case(lambda x: (x.sum(), x.mean(1, keepdim=True), x.prod(0), x.amin(1), x.max(), x.min(0), x.logsumexp(1)), x),
        "moments": case(lambda x: (x.std(), x.var(0, unbiased=False), x.norm(), x.norm(1, dim=0), x.argmax()), x),
        "order": case(lambda x: (x.topk(2), x.sort(dim=0, descending=True), x.argsort(1)), x),
        "activations": case(lambda x: (F.relu6(x * 4), F.hardtanh(x), F.selu(x), F.celu(x), F.mish(x), F.softsign(x), F.logsigmoid(x)), x),
        "more_activations": case(lambda x: (F.hardsigmoid(x), F.glu(x), F.gelu(x, approximate="tanh"), F.softplus(x, beta=2)), x),
        "products": case(lambda x, y: (x @ y.t(), x.mv(y[0]), f.addmm(x[:, :3], x, y.t()), f.einsum("ij,kj->ik", x, y)), x, y),
        "batched": case(lambda a: (f.bmm(a[0], a[0].mT), f.baddbmm(a[0], a[0], a[0], beta=0.5)), image),
        "pools": case(lambda a: (F.max_pool2d(a, 3, 2, 1), F.avg_pool2d(a, 3, 2, 1), F.adaptive_avg_pool2d(a, 4), F.adaptive_max_pool2d(a, 1)), image),
        "pools_1d": case(lambda a: (F.max_pool1d(a, 2), F.avg_pool1d(a, 2), F.adaptive_avg_pool1d(a, 1)), image[0]),
        "pads": case(lambda a: (F.pad(a, (1, 1)), F.pad(a, (1, 2, 2, 1), mode="reflect"), F.pad(a, (1, 0, 0, 1), mode="replicate")), image),
        "shapes": case(lambda a: (a.flatten(1, 2), a.unflatten(1, (3, 1)), a.squeeze(), a.movedim(1, 3), a.repeat(1, 2, 1, 1), a.mT), image),
        "parts": case(lambda a: (a[:, -1], a[..., ::2], a[0, 1:, 2], a.narrow(2, 1, 3), a.unbind(1)[2], a[:, None, 0], a.chunk(2, 2)[1]), image),
        "indices": case(lambda x, i: (x.gather(1, i), x[i[0]], x[:, i[0]], x[i, i], x.index_select(0, i[:, 0])), x, i.clamp(0, 2)),
        "scatters": case(lambda x, i: (x.scatter(1, i, 1.0), x.scatter_add(1, i, x)), x, i.clamp(0, 3)),
        "turned": case(lambda x: (x.flip(1), x.roll(1, 0), x.tril(), x.triu(1), (x > 0).tril()), x),
        "written": case(write_parts, x),
        "made": case(lambda x: (f.zeros(2, x.shape[0]), f.ones_like(x), f.full((2,), 3), f.arange(1, 7, 2), f.eye(3), x.new_ones(2)), x),
        "converted": case(lambda x: (x.half().float(), x.int(), x.bool(), x.double(), x.to(f.float16), x.type_as(x.long())), x),
        "one_hot": case(lambda i: F.one_hot(i, 9), i),
        "losses": case(lambda x, y: (F.mse_loss(x, y), F.l1_loss(x, y, reduction="sum")), x, y),
        "classified": case(lambda x, t: (F.cross_entropy(x, t), F.nll_loss(x.log_softmax(1), t, reduction="sum")), x, i[:, 0].clamp(0, 3)),
        "index_add": case(lambda x, i: (x.index_add(0, i, x), x.index_add(1, i, x[:, :3], alpha=2)), x, f.tensor([0, 0, 2])),
        "more_losses": case(lambda x, y: (F.smooth_l1_loss(x, y), F.huber_loss(x, y, delta=0.7), F.binary_cross_entropy_with_logits(x, b.float())), x, y),
        "shuffled": case(lambda a: F.pixel_shuffle(a[:, :1].expand(-1, 4, -1, -1) * 1, 2), image),
        "conv_1d": case(lambda a, w: (F.conv1d(a, w, padding="same"), F.conv1d(a[0], w, stride=2)), image[0][:, :3], f.randn(4, 3, 3)),
        "conv_groups": case(lambda a, w: F.conv2d(a, w, dilation=2, groups=3), image, f.randn(6, 1, 3, 3)),
        "rms": case(lambda x: (F.rms_norm(x, (4,)), F.layer_norm(x, (4,)), F.normalize(x)), x),
        "causal": case(lambda a: F.scaled_dot_product_attention(a, a, a, is_causal=True), image),
        "masked_attention": case(lambda a: F.scaled_dot_product_attention(a, a, a, attn_mask=f.ones(8, 8).tril().bool()), image),
    }  # fmt: skip


def write_parts(x):
    y = x.clone()
    y[0] = 5
    y[1:, 2] = x[1:, 1]
    y[:, -1] += 1
    return y


@unittest.skipIf(REASON, REASON)
class OnnxTest(unittest.TestCase):
    def compare(self, program, runs):
        """runs: arguments and what is expected."""
        data = io.BytesIO()
        program.save(data)
        onnx.checker.check_model(onnx.load_from_string(data.getvalue()), full_check=True)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(data.getvalue(), options, providers=["CPUExecutionProvider"])
        for args, expected in runs:
            got = session.run(None, {i.name: t.numpy() for i, t in zip(session.get_inputs(), args)})
            leaves = [e for e in pytree.tree_leaves(expected)]
            self.assertEqual(len(got), len(leaves))
            for a, e in zip(got, leaves):
                e = e.detach().numpy() if isinstance(e, framejit.Tensor) else numpy.asarray(e)
                self.assertEqual((a.shape, a.dtype), (e.shape, e.dtype))
                numpy.testing.assert_allclose(a, e, atol=1e-4, rtol=1e-4)
        return session

    def test_modules(self):
        for name, (module, args, shapes) in subjects().items():
            for opset in (17, 18, 20):
                with self.subTest(name, opset=opset):
                    expected = module(*args)
                    if name == "shapes":
                        expected.pop("n")  # a number that is known is no output
                    self.compare(framejit.onnx.export(module, args, opset_version=opset), [(args, expected)])
            with self.subTest(name, dynamic=True):
                program = framejit.onnx.export(module, args, dynamic_shapes=dims_of(shapes))
                runs = [args, grown(args, shapes), grown(args, shapes, 3)]
                self.compare(program, [(given, module(*given)) for given in runs])

    def test_operators(self):
        framejit.manual_seed(1)
        for name, (function, args) in cases().items():
            with self.subTest(name):
                program = framejit.onnx.export(Call(function), args)
                self.compare(program, [(args, function(*args))])

    def test_names_and_axes(self):
        module, x = nn.Linear(3, 2), framejit.randn(4, 3)
        axes = {"data": {0: "batch"}, "scores": {0: "batch"}}
        program = framejit.onnx.export(module, x, input_names=["data"], output_names=["scores"], dynamic_axes=axes)
        y = framejit.randn(7, 3)
        session = self.compare(program, [((x,), module(x)), ((y,), module(y))])
        self.assertEqual(
            [i.name for i in session.get_inputs()] + [o.name for o in session.get_outputs()], ["data", "scores"]
        )
        self.assertEqual(session.get_inputs()[0].shape, ["batch", 3])
        self.assertEqual([p.name for p in program.model_proto.graph.initializer][:2], ["weight", "bias"])

    def test_what_cannot_be_written(self):
        x = framejit.randn(3, 4)
        for function, text in (
            (lambda x: F.dropout(x.clone(), 0.5, True), "has no (translation|form)"),
            (lambda x: framejit.linalg.inv(x @ x.t()), "aten.linalg_inv.default has no translation"),
            (lambda x: F.adaptive_avg_pool1d(x[None], 3), "they must divide"),
            (lambda x: x[x > 0], "."),
        ):
            with self.assertRaisesRegex(
                (framejit.onnx.OnnxExporterError, NotImplementedError, framejit.dynamo.exc.Unsupported), text
            ):
                framejit.onnx.export(Call(function), (x,))
        for more in ({"input_names": ["a", "a"]}, {"input_names": ["a", "b"]}, {"output_names": ["a", "b"]}):
            with self.assertRaisesRegex(ValueError, "put_names"):
                framejit.onnx.export(nn.ReLU(), (x,), **more)


class WithoutOnnxTest(unittest.TestCase):
    def test_what_is_said(self):
        with self.assertRaisesRegex(ValueError, "opset_version"):
            framejit.onnx.export(nn.ReLU(), (framejit.ones(2),), opset_version=9)
        with self.assertRaisesRegex(TypeError, "expected a Module"):
            framejit.onnx.export(lambda x: x, (framejit.ones(2),))
        if REASON:
            with self.assertRaisesRegex(ImportError, "pip install onnx"):
                framejit.onnx.export(nn.ReLU(), (framejit.ones(2),))
        self.assertGreater(len(framejit.onnx.supported_operators()), 150)


if __name__ == "__main__":
    unittest.main()
