"""Sizes that vary: one segment serves them all, with the results of the plain function.

Every case runs the plain function and the compiled one over sizes among which are 0 and 1, and counts traces.
"""

import math
import unittest

import framejit
import framejit.nn.functional as F
from framejit import _C, dynamo, nn
from framejit.dynamo.exc import ConstraintViolationError
from framejit.dynamo.testing import CompileCounter

SIZES = (5, 7, 8, 4, 10, 2, 5, 3, 12, 6)


def same(a, b):
    if isinstance(a, framejit.Tensor):
        return (
            isinstance(b, framejit.Tensor)
            and a.shape == b.shape
            and a.dtype == b.dtype
            and a.stride() == b.stride()
            and framejit.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)
        )
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


def outcome(f, *args):
    try:
        return f(*args)
    except Exception as error:
        return type(error).__name__


def traces():
    return _C.counters()["traces"]


# Functions of a matrix that one segment serves for all its sizes.


def cat(x):
    return framejit.cat([x, x * 2], 0)


def pad(x):
    return F.pad(x, (1, 2)), F.pad(x, (0, 0, x.shape[0], 1))


def arange(x):
    return framejit.arange(x.shape[0]) + x.sum(1), framejit.arange(0, len(x), 2)


def factories(x):
    n = x.size(0)
    return framejit.zeros(n, 3) + x[:, :3], framejit.full((n,), n * 1.5), framejit.eye(n), x.new_zeros(n + 1, 2)


def views(x):
    return x.view(x.size(0), -1, 2).sum(2), x.reshape(-1) * 2, x.flatten(), x.unsqueeze(0), x.t()


def expand(x):
    return framejit.ones(1, x.shape[1]).expand(x.shape[0], -1) * x, framejit.ones(1).expand_as(x)


def slices(x):
    n = x.shape[0]
    return x[: n // 2], x[1:], x[-1], x[n - 1 :], x[..., 1:], x.narrow(0, 0, n - 1)


def broadcast(x):
    return x + framejit.ones(1, x.shape[1]) + framejit.ones(x.shape[0], 1)


def statistics(x):
    return x.mean(), x.mean(0), x.var(0), x.std(), x.mean((0, 1)), F.mse_loss(x, x * 2)


def softmax(x):
    return F.softmax(x, 0), F.log_softmax(x, 1), F.layer_norm(x, (x.shape[-1],))


def attention(x):
    return F.softmax(x @ x.t() / x.shape[-1] ** 0.5, -1) @ x


def numbers(x):
    return x.shape, x.numel(), x.size(0) * 2, tuple(x.shape), [len(x)], {"n": x.shape[0] + 1}, x.shape[0] / 2


def math_on_sizes(x):
    return x.reshape(math.prod(x.shape)) / math.sqrt(x.shape[0]), math.ceil(x.shape[0] / 3), int(x.shape[0] * 0.5)


def in_place(x):
    y = x.clone()
    y[: x.shape[0] // 2] = 0
    y.add_(1)
    y[-1] += 2
    return y


def arithmetic(x):
    return x * x.shape[0] + x.numel() - len(x), x / (x.shape[0] + 1), x.shape[0] - x


def stack(x):
    return framejit.stack([x, x], 1).transpose(0, 1).contiguous().view(2, -1)


def scans(x):
    return x.cumsum(0), x.sort(0)[0], x.argmax(), x.flip(0), x.roll(1, 0)


def choices(x):
    return framejit.where(x > 0, x, framejit.zeros_like(x)), x.masked_fill(x > 0, 1.0), x.clamp(min=0)


def tril(x):
    return framejit.tril(framejit.ones(x.shape[0], x.shape[0])) @ x


def unpack(x):
    b, d = x.shape
    return x.view(b * d), (b, d) == x.shape, x.shape == (b, d), b in (b, d)


def tensors_of_sizes(x):
    return framejit.tensor(x.shape[0]) + x, framejit.tensor([len(x), 2]), framejit.linspace(0, 1, x.shape[0])


def convolution(x):
    return F.conv1d(x[:, None], framejit.ones(2, 1, 3), padding=1), framejit.einsum("ij,kj->ik", x, x)


def caught(x):
    try:
        return x @ framejit.ones(x.shape[0] + x.shape[1], 2)
    except RuntimeError as error:
        return x * 3, type(error).__name__


def grad_modes(x):
    with framejit.no_grad():
        y = x * x.shape[0]
    return y, y.requires_grad


def text(x):
    return x * 2, f"{x.shape[0]} rows"


def message(x):
    try:
        return x @ framejit.ones(x.shape[0] + x.shape[1], 2)
    except RuntimeError as error:
        return x * 3, str(error)


ONE_SEGMENT = [v for v in list(globals().values()) if getattr(v, "__module__", None) == __name__ and callable(v)]
ONE_SEGMENT = [f for f in ONE_SEGMENT if f not in (same, outcome, traces)]


# Functions whose Python code treats some sizes differently: as many segments as there are ways.


def branch(x):
    if x.shape[0] > 6:
        return x * 2
    return x - 1


def parity(x):
    if x.shape[0] % 2 == 0:
        return x.view(2, -1) * 2
    return x * 3


def two_branches(x):
    n = x.shape[0] if x.shape[0] < 8 else 8
    return x[:n].sum() if n >= 4 else x


def chunk(x):
    return [part * 2 for part in x.chunk(2, 0)]


SOME_SEGMENTS = {branch: 2, parity: 2, two_branches: 3, chunk: 1}


def loop(x):
    s = x[0]
    for i in range(1, x.shape[0]):
        s = s + x[i] * i
    return s


def rows(x):
    return [row.sum() for row in x]


def as_key(x):
    return {x.shape[0]: x * 2}[len(x)], [0] * x.shape[0]


ONE_SIZE_EACH = [loop, rows, as_key]


class Functions(unittest.TestCase):
    def check(self, f, dynamic, sizes=SIZES, data=lambda n: framejit.randn(n, 4)):
        compiled = framejit.compile(f, dynamic=dynamic)
        before = traces()
        for n in sizes:
            x = data(n)
            want, got = outcome(f, x), outcome(compiled, x)
            self.assertTrue(same(want, got), f"{f.__name__} at {n}: {want} and {got}")
        return traces() - before

    def test_one_segment(self):
        for f in ONE_SEGMENT:
            with self.subTest(f.__name__):
                self.assertEqual(self.check(f, True), 1)
                self.assertEqual(self.check(f, None), 2)

    def test_zero_and_one(self):
        for f in ONE_SEGMENT:
            for sizes in ((3, 1, 0, 2), (1, 3, 0), (0, 2, 1)):
                with self.subTest(f.__name__, sizes=sizes):
                    self.check(f, True, sizes)

    def test_branches(self):
        for f, ways in SOME_SEGMENTS.items():
            with self.subTest(f.__name__):
                self.assertEqual(self.check(f, True), ways)

    def test_sizes_as_constants(self):
        with dynamo.config.patch(recompile_limit=64):
            for f in ONE_SIZE_EACH:
                with self.subTest(f.__name__):
                    self.assertEqual(self.check(f, True), len(set(SIZES)))

    def test_never(self):
        self.assertEqual(self.check(cat, False, (2, 3, 4, 2)), 3)

    def test_switches(self):
        with dynamo.config.patch(automatic_dynamic_shapes=False):
            self.assertEqual(self.check(cat, None, (2, 3, 4, 2)), 3)
        with dynamo.config.patch(assume_static_by_default=False):
            self.assertEqual(self.check(cat, None, (2, 3, 4, 2)), 1)

    def test_strides(self):
        for make in (lambda n: framejit.randn(4, n).t(), lambda n: framejit.randn(n, 9)[:, 1:5]):
            for f in (statistics, attention, in_place, slices, arithmetic):
                with self.subTest(f.__name__):
                    self.assertEqual(self.check(f, True, (5, 7, 8, 4), make), 1)
                    self.assertEqual(self.check(f, None, (5, 7, 8, 4), make), 2)

    def test_many_dimensions(self):
        def f(x, y):
            return (x + y).mean((0, 2)), x.view(x.shape[0] * x.shape[1], -1), x.shape[2] - y.shape[0]

        compiled = framejit.compile(f)
        before = traces()
        for a, b, c in ((2, 3, 4), (3, 3, 4), (3, 5, 4), (3, 5, 6), (4, 2, 2), (1, 7, 3)):
            x, y = framejit.randn(a, b, c), framejit.randn(a, b, c)
            self.assertTrue(same(f(x, y), compiled(x, y)))
        self.assertLessEqual(traces() - before, 4)

    def test_user_error(self):
        def f(x, y):
            return x + y

        compiled = framejit.compile(f)
        for n in (3, 4, 5):
            compiled(framejit.ones(n), framejit.ones(n))
        with self.assertRaises(RuntimeError):
            compiled(framejit.ones(6), framejit.ones(7))
        self.assertTrue(same(compiled(framejit.ones(6), framejit.ones(1)), framejit.full((6,), 2.0)))

    def test_many_sizes_stay_few_programs(self):
        def f(x):
            return x.sum() * x.shape[0]

        compiled = framejit.compile(f, dynamic=True)
        before = traces()
        for n in range(1, 700):
            self.assertEqual(compiled(framejit.ones(n)).item(), n * n)
        self.assertEqual(compiled(framejit.ones(1)).item(), 1)
        self.assertEqual(traces() - before, 1)

    def test_break(self):
        def f(x, log):
            n = x.shape[0]
            y = x * 2
            log.append(str(id(log) * 0))
            print(end="")
            return y.view(n, -1) + n, y[: n // 2]

        compiled = framejit.compile(f)
        for n in SIZES:
            x = framejit.randn(n, 4)
            self.assertTrue(same(f(x, []), compiled(x, [])))


class Numbers(unittest.TestCase):
    def check(self, f, calls, expected=None, **options):
        compiled = framejit.compile(f, **options)
        before = traces()
        for args in calls:
            self.assertTrue(same(outcome(f, *args), outcome(compiled, *args)), f"{f.__name__} {args}")
        if expected is not None:
            self.assertEqual(traces() - before, expected)

    def test_ints_that_meet_shapes(self):
        x = framejit.randn(24)

        def view(x, n):
            return x.view(n, -1)

        def part(x, n):
            return x[:n], x[-n:]

        def zeros(x, n):
            return framejit.zeros(n, 2) + x[:2]

        for f in (view, part, zeros):
            calls = [(x, n) for n in (2, 3, 4, 6, 8, 12, 5, 1)]
            self.check(f, calls[:6], 2)
            self.check(f, calls)
            self.check(f, calls[:6], 1, dynamic=True)

    def test_dimension_as_int(self):
        def f(x, d):
            return x.sum(d)

        self.check(f, [(framejit.randn(2, 3, 4), d) for d in (0, 1, 2, -1, 5)], dynamic=True)

    def test_attribute(self):
        class Model:
            width = 2

            def __call__(self, x):
                return x[:, : self.width] * self.width

        model = Model()
        compiled = framejit.compile(model)
        for n in (2, 3, 4, 5, 1):
            model.width = n
            x = framejit.randn(3, 6)
            self.assertTrue(same(x[:, :n] * n, compiled(x)))


class Marks(unittest.TestCase):
    def setUp(self):
        dynamo.reset()

    def marked(self, n, mark=dynamo.mark_dynamic, **options):
        x = framejit.randn(n, 4)
        mark(x, 0, **options)
        return x

    def count(self, f, inputs, **options):
        compiled = framejit.compile(f, **options)
        before = traces()
        for x in inputs:
            self.assertTrue(same(f(x), compiled(x)))
        return traces() - before

    def test_mark_dynamic(self):
        self.assertEqual(self.count(cat, [self.marked(n) for n in (3, 4, 5)]), 1)
        self.assertEqual(self.count(cat, [self.marked(n, dynamo.maybe_mark_dynamic) for n in (3, 4, 5)]), 1)
        self.assertEqual(self.count(cat, [self.marked(n, dynamo.mark_unbacked) for n in (3, 4, 5)]), 1)

    def test_numbers_of_a_class_that_is_marked(self):
        def steps_of(mark):
            class Times(framejit.nn.Module):
                def __init__(self, n, f):
                    super().__init__()
                    self.n, self.f = n, f

                def forward(self, x):
                    return x * self.n + self.f

            if mark:
                self.assertIs(dynamo.mark_static(Times), Times)
            counter = CompileCounter()
            compiled = framejit.compile(lambda module, x: module(x), backend=counter, fullgraph=True)
            for n in range(2, 6):
                self.assertEqual(compiled(Times(n, n / 2), framejit.ones(2)).tolist(), [n * 1.5] * 2)
            return counter.frame_count

        self.assertLess(steps_of(False), 4)
        self.assertEqual(steps_of(True), 4)
        with self.assertRaises(TypeError):
            dynamo.mark_static(int)

    def test_sizes_of_parameters(self):
        def graphs(wrap):
            counter = CompileCounter()
            compiled = framejit.compile(lambda x, y: x.sum() + y, backend=counter, fullgraph=True)
            for n in (1, 5, 6, 7):
                x = framejit.ones(n)
                self.assertEqual(compiled(wrap(x), x).tolist(), [n + 1.0] * n)
            return counter.frame_count

        self.assertEqual(graphs(framejit.nn.Parameter), 4)
        with dynamo.config.patch(force_parameter_static_shapes=False):
            self.assertEqual(graphs(framejit.nn.Parameter), 2)
        self.assertEqual(graphs(lambda x: x), 2)

    def test_mark_static(self):
        inputs = [self.marked(n, dynamo.mark_static) for n in (3, 4, 5)]
        self.assertEqual(self.count(cat, inputs), 3)
        self.assertEqual(self.count(cat, inputs, dynamic=True), 3)

    def test_mark_static_inside(self):
        def f(x):
            dynamo.mark_static(x, 0)
            return x * 2

        for function, graphs in ((f, 3), (lambda x: x * 2, 1)):
            counter = CompileCounter()
            compiled = framejit.compile(function, backend=counter, dynamic=True, fullgraph=True)
            for n in (3, 4, 5):
                self.assertEqual(compiled(framejit.ones(n, 2 * n)).sum().item(), 4 * n * n)
            self.assertEqual(counter.frame_count, graphs)

    def test_specialised(self):
        def asks(x):
            assert x.shape[0] == 3
            return x * 2

        def adds(x):
            return x + framejit.ones(3, 4)

        def views(x):
            return x.view(3, 4)

        for f in (asks, adds, views):
            with self.subTest(f.__name__):
                with self.assertRaisesRegex(ConstraintViolationError, r"x\.size\(\)\[0\].*constant \(3\)"):
                    framejit.compile(f)(self.marked(3))
                self.assertTrue(same(framejit.compile(f)(x := self.marked(3, dynamo.maybe_mark_dynamic)), f(x)))
        self.assertTrue(same(framejit.compile(branch)(x := self.marked(3)), branch(x)))

    def test_range(self):
        with self.assertRaisesRegex(ConstraintViolationError, "specified range 2 to 9"):
            framejit.compile(branch)(self.marked(3, min=2, max=9))
        self.assertTrue(same(framejit.compile(branch)(x := self.marked(3, min=2, max=6)), branch(x)))

    def test_bad_index(self):
        with self.assertRaises(IndexError):
            dynamo.mark_dynamic(framejit.ones(2, 2), 2)


class Backends(unittest.TestCase):
    """One graph for a back end written in Python serves all sizes; the named ones replay or compile."""

    def test_counter(self):
        for f in ONE_SEGMENT:
            for dynamic, expected in ((True, 1), (None, 2)):
                with self.subTest(f.__name__, dynamic=dynamic):
                    counter = CompileCounter()
                    compiled = framejit.compile(f, backend=counter, dynamic=dynamic)
                    for n in SIZES:
                        x = framejit.randn(n, 4)
                        self.assertTrue(same(f(x), compiled(x)))
                    self.assertLessEqual(counter.frame_count, expected)

    def test_named(self):
        for backend in ("eager", "aot_eager"):
            for f in ONE_SEGMENT:
                compiled = framejit.compile(f, backend=backend, dynamic=True)
                for n in SIZES[:4]:
                    x = framejit.randn(n, 4)
                    with self.subTest(f.__name__, backend=backend):
                        self.assertTrue(same(f(x), compiled(x)))

    def test_graph_computes_sizes(self):
        seen = []

        def backend(module, examples):
            seen.append(module.code)
            return module.forward

        compiled = framejit.compile(lambda x: x.view(x.shape[0] // 2, -1), backend=backend, dynamic=True)
        for n in (2, 4, 8):
            self.assertEqual(compiled(framejit.ones(n, 3)).shape, (n // 2, 6))
        self.assertEqual(len(seen), 1)
        self.assertIn("// 2", seen[0])


class Attention(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.heads = heads
        self.tokens = nn.Embedding(10, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, ids):
        b, t = ids.shape
        x = self.tokens(ids) + framejit.arange(t).view(1, t, 1) / t
        q, k, v = self.project(self.first(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        mask = framejit.tril(framejit.ones(t, t)) == 0
        weights = F.softmax(scores.masked_fill(mask, float("-inf")), -1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(b, t, -1))
        return x + self.feed(self.second(x))


def mlp():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 5),
    )


class Training(unittest.TestCase):
    """Fifty sizes, forward, backward and an optimiser: at most two compilations, the weights of the plain run."""

    def train(self, make, data, optimiser):
        framejit.manual_seed(1)
        plain = make()
        model = make()
        model.load_state_dict(plain.state_dict())
        compiled = framejit.compile(model)
        steps = optimiser(plain.parameters()), optimiser(model.parameters())
        before = traces()
        for n in range(2, 52):
            x = data(n)
            for call, step in zip((plain, compiled), steps):
                step.zero_grad()
                call(x).pow(2).mean().backward()
                step.step()
        self.assertLessEqual(traces() - before, 2)
        for (name, a), b in zip(plain.named_parameters(), model.parameters()):
            self.assertTrue(framejit.allclose(a, b, rtol=1e-4, atol=1e-5), name)

    def test_mlp(self):
        self.train(mlp, lambda n: framejit.randn(n, 8), lambda p: framejit.optim.SGD(p, 0.05, momentum=0.9))

    def test_cnn(self):
        self.train(cnn, lambda n: framejit.randn(n, 1, 8, 8), lambda p: framejit.optim.SGD(p, 0.05))

    def test_transformer(self):
        self.train(
            Attention,
            lambda n: framejit.randint(0, 10, (n % 7 + 1, n % 11 + 2)),
            lambda p: framejit.optim.Adam(p, 0.001),
        )

    def test_step_in_one_function(self):
        def loss(w, x):
            y = (x @ w).relu()
            return (y / x.shape[0]).sum() + y[: x.shape[0] // 2].mean()

        compiled = framejit.compile(loss, dynamic=True)
        before = traces()
        for n in SIZES:
            x = framejit.randn(n, 4)
            grads = []
            for f in (loss, compiled):
                w = framejit.linspace(-1, 1, 12).view(4, 3).requires_grad_()
                f(w, x).backward()
                grads.append(w.grad)
            self.assertTrue(same(*grads))
        self.assertEqual(traces() - before, 1)


if __name__ == "__main__":
    unittest.main()
