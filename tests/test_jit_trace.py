"""jit.trace against the programs that it records, and scripted and traced programs inside compiled ones."""

import io
import unittest
import warnings

import framejit
from framejit import jit, nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.linear = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4 * 9, 5)

    def forward(self, x, scale=None):
        x = nn.functional.max_pool2d(framejit.relu(self.norm(self.conv(x))), 2)
        x = x.view(x.size(0), -1)
        y = self.linear(x)
        return y, x[:, : x.shape[1] // 2] * 2 - 1

    def double(self, x):
        return x * 2


class TraceTest(unittest.TestCase):
    def same(self, got, want):
        for a, b in zip(got, want, strict=True):
            framejit.testing.assert_close(a, b)

    def test_module(self):
        framejit.manual_seed(0)
        net = Net().eval()
        traced = jit.trace(net, framejit.rand(2, 3, 8, 8))
        for batch in (1, 2, 5):  # sizes stay open
            x = framejit.rand(batch, 3, 8, 8)
            self.same(traced(x), net(x))
        self.assertIsInstance(traced, jit.TopLevelTracedModule)
        self.assertIs(traced.conv.weight, net.conv.weight)
        buffer = io.BytesIO()
        traced.save(buffer)
        buffer.seek(0)
        loaded = jit.load(buffer)
        self.same(loaded(x), net(x))

    def test_methods(self):
        traced = jit.trace_module(Net().eval(), {"forward": framejit.rand(1, 3, 8, 8), "double": framejit.ones(2)})
        self.same([traced.double(framejit.ones(3))], [framejit.ones(3) * 2])

    def test_training_writes_buffers(self):
        net, other = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
        before = net.running_mean.clone()
        traced = jit.trace(net, framejit.rand(4, 3))
        self.same([net.running_mean], [before])
        x = framejit.rand(4, 3)
        self.same([traced(x)], [other(x)])
        self.same([traced.running_mean], [other.running_mean])

    def test_in_place_views_and_several_results(self):
        def f(x, pair):
            y = x.clone()
            y[0] += 1
            y[:, 1:].mul_(3)
            a, b = pair
            values, index = (y + a).topk(2)
            parts = y.split(1, dim=1)
            return y, values, index, framejit.cat(parts[::-1], 1), b.t()

        args = (framejit.arange(6.0).view(2, 3), (framejit.ones(2, 3), framejit.rand(2, 2)))
        traced = jit.trace(f, args)
        self.same(traced(*args), f(*args))
        more = (framejit.arange(9.0).view(3, 3), (framejit.ones(3, 3), framejit.rand(2, 2)))
        self.same(traced(*more), f(*more))

    def test_layers(self):
        framejit.manual_seed(0)
        x = framejit.rand(2, 4, 8)
        for layer in (
            nn.LSTM(8, 5), nn.GRU(8, 3), nn.MultiheadAttention(8, 2), nn.TransformerEncoderLayer(8, 2), nn.LayerNorm(8), nn.GELU(),
            nn.Conv1d(4, 3, 2), nn.AdaptiveAvgPool1d(2), nn.Softmax(-1), nn.GroupNorm(2, 4), nn.Upsample(scale_factor=2),
        ):  # fmt: skip
            with self.subTest(str(layer)), warnings.catch_warnings():
                warnings.simplefilter("ignore", jit.TracerWarning)
                layer.eval()
                args = (x, x, x) if isinstance(layer, nn.MultiheadAttention) else (x,)
                want = layer(*args)
                got = jit.trace(layer, args)(*args)
                flat = lambda v: [leaf for each in v for leaf in flat(each)] if isinstance(v, tuple) else [v]
                self.same(flat(got), flat(want))

    def test_warnings(self):
        def f(x):
            if x.sum() > 0:
                return x * float(x[0])
            return x

        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            jit.trace(f, framejit.ones(2))
        texts = [str(w.message) for w in seen if w.category is jit.TracerWarning]
        self.assertEqual(len(texts), 2)
        self.assertIn("Converting a tensor to a Python boolean", texts[0])
        self.assertIn("Converting a tensor to a Python float", texts[1])
        self.assertTrue(all(w.filename == __file__ for w in seen))

    def test_checks(self):
        count = []

        def changes(x):
            count.append(1)
            return x + len(count)

        with self.assertRaisesRegex(jit.TracingCheckError, "Graphs differed across invocations"):
            jit.trace(changes, framejit.ones(1))

        def depends(x):
            return x if x.sum() > 0 else -x

        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            jit.trace(depends, framejit.ones(1), check_inputs=[(-framejit.ones(1),)])
        self.assertTrue(any("does not match the corresponding output" in str(w.message) for w in seen))

    def test_bad_inputs_and_results(self):
        with self.assertRaisesRegex(RuntimeError, "Only Tensors"):
            jit.trace(lambda x, n: x * n, (framejit.ones(1), 3))
        with self.assertRaisesRegex(RuntimeError, "dict at the output of the tracer"):
            jit.trace(lambda x: {"a": x}, framejit.ones(1))
        traced = jit.trace(lambda x: {"a": x + 1}, framejit.ones(1), strict=False)
        self.assertEqual(traced(framejit.ones(1))["a"].item(), 2.0)
        weight = framejit.ones(1, requires_grad=True)
        with self.assertRaisesRegex(RuntimeError, "Cannot insert a Tensor that requires grad as a constant"):
            jit.trace(lambda x: x * weight, framejit.ones(1))

    def test_script_if_tracing(self):
        @jit.script_if_tracing
        def loop(x, n: int):
            for _ in range(n):
                x = x + 1
            return x

        traced = jit.trace(lambda x: loop(x, x.shape[0]), framejit.ones(2))
        self.same([traced(framejit.ones(5))], [framejit.ones(5) + 5])

    def test_scripts_in_traces(self):
        @jit.script
        def pick(x):
            if bool(x.sum() > 0):
                return x * 2
            return x - 1

        traced = jit.trace(lambda x: pick(x) + 1, framejit.ones(2))
        self.same([traced(-framejit.ones(2))], [-framejit.ones(2)])

    def test_is_tracing(self):
        seen = []

        def f(x):
            seen.append(jit.is_tracing())
            return x + 1

        jit.trace(f, framejit.ones(1), check_trace=False)
        self.assertEqual((seen, jit.is_tracing()), ([True], False))


class CompiledTest(unittest.TestCase):
    """Scripted and traced programs are captured in one graph."""

    def check(self, fn, *args):
        want = fn(*args)
        counter = framejit.dynamo.testing.CompileCounter()
        got = framejit.compile(fn, backend=counter, fullgraph=True)(*args)
        framejit.testing.assert_close(got, want)
        self.assertEqual(counter.frame_count, 1)
        framejit.testing.assert_close(framejit.compile(fn, fullgraph=True)(*args), want)

    def test_functions(self):
        @jit.script
        def scripted(x, n: int = 2):
            for i in range(n):
                x = x + i
            return x * 2

        traced = jit.trace(lambda a, b: a + b * 0.67, (framejit.ones(3), framejit.ones(3)))
        self.check(lambda x: scripted(x) + scripted(x, n=3), framejit.ones(3))
        self.check(lambda x: traced(x, x) + 1, framejit.rand(3))

    def test_modules(self):
        framejit.manual_seed(0)
        net = Net().eval()
        x = framejit.rand(2, 3, 8, 8)
        for module in (jit.script(nn.Sequential(nn.Linear(8, 4), nn.ReLU())), jit.trace(net, x)):
            self.check(lambda x, m=module: framejit.relu(m(x)[0]), x)
        scripted = jit.script(nn.LSTM(8, 4))
        self.check(lambda x: scripted(x)[0], framejit.rand(3, 2, 8))

    def test_loaded(self):
        buffer = io.BytesIO()
        jit.script(nn.TransformerEncoderLayer(8, 2).eval()).save(buffer)
        buffer.seek(0)
        loaded = jit.load(buffer)
        self.check(lambda x: loaded(x) * 2, framejit.rand(3, 2, 8))


if __name__ == "__main__":
    unittest.main()
