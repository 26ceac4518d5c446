"""cond() and while_loop() of tensors are nodes of a whole graph, which choose when it runs; plain Python says what is right."""

import unittest

import framejit
from framejit import cond
from framejit._aot import aot_autograd
from framejit._control_flow import cond_op, map_each, map_op, scan, scan_op, while_loop, while_loop_op
from framejit.dynamo.testing import EagerAndRecordGraphs

BACKENDS = ("inductor", "eager", "aot_eager")


def plain_cond(pred, true_fn, false_fn, operands=()):
    return true_fn(*operands) if bool(pred) else false_fn(*operands)


def plain_loop(cond_fn, body_fn, carried):
    while bool(cond_fn(*carried)):
        out = body_fn(*carried)
        carried = out if isinstance(out, (tuple, list)) else (out,)
    return tuple(carried) if len(carried) > 1 else carried[0]


def flat(out):
    return [leaf for leaf in framejit.utils._pytree.tree_leaves(out) if leaf is not None]


class Nodes(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def check(self, make, inputs, segments=1, grad=True):
        """`make(operator)` gives a function; one segment serves all inputs, and gradients agree."""
        plain = make(plain_cond if self.kind == "cond" else plain_loop)
        for backend in BACKENDS:
            framejit.reset()
            compiled = framejit.compile(make(self.operator), fullgraph=True, backend=backend)
            for values in inputs:
                with self.subTest(backend=backend, inputs=values):
                    self.compare(plain, compiled, values, grad)
            self.assertEqual(framejit.dynamo.statistics(compiled)["graphs"], segments)

    def compare(self, plain, compiled, values, grad):
        ours = [v.clone().requires_grad_(grad and v.is_floating_point()) for v in values]
        theirs = [v.clone().requires_grad_(grad and v.is_floating_point()) for v in values]
        a, b = flat(plain(*theirs)), flat(compiled(*ours))
        self.assertEqual(len(a), len(b))
        for x, y in zip(a, b):
            framejit.testing.assert_close(y, x)
        if not grad:
            return
        for out in (a, b):
            sum(x.sum() for x in out if x.requires_grad).backward()
        for x, y in zip(theirs, ours):
            if x.grad is None:
                self.assertFalse(y.grad is not None and y.grad.any())
            else:
                framejit.testing.assert_close(y.grad, x.grad)


class Cond(Nodes):
    kind, operator = "cond", staticmethod(cond)
    both = (framejit.tensor([1.0, 2.0]),), (framejit.tensor([-1.0, -3.0]),)

    def test_values_and_gradients(self):
        def make(op):
            return lambda x: op(x.sum() > 0, lambda a: a.sin() * 3, lambda a: a.exp() - a, (x,)) * 2

        self.check(make, self.both)

    def test_only_the_branch_taken_counts(self):
        """The other one would give NaN gradients, and its index is out of range."""

        def make(op):
            def f(x):
                return op(x.sum() > 0, lambda: (x.sqrt(), x[x.long()]), lambda: (x * 2, x - 1))

            return f

        x, y = framejit.tensor([0.25, 1.0, 0.5]), framejit.tensor([-7.0, -1.0, -9.0])
        self.check(make, ((x,), (y,)))

    def test_free_variables(self):
        weight = framejit.tensor([2.0, 5.0])

        def make(op):
            def f(x, y):
                z = x * y
                return op(z.sum() > 0, lambda a: a * weight + z, lambda a: a - y, [x])

            return f

        self.check(make, [(a[0], b[0]) for a in self.both for b in self.both])

    def test_structures(self):
        def make(op):
            def yes(pair, named):
                return {"a": pair[0] + named["k"], "b": [pair[1], None]}

            def no(pair, named):
                return {"a": pair[1] * named["k"], "b": [pair[0] * 0, None]}

            return lambda x, y: op(x.sum() > 0, yes, no, ((x, y), {"k": x * y}))

        self.check(make, [(a[0], b[0]) for a in self.both for b in self.both])

    def test_nested(self):
        def make(op):
            def f(x, y):
                def inner(a):
                    return op(y.sum() > 0, lambda b: b.cos() * y, lambda b: b.sin(), (a * 2,))

                return op(x.sum() > 0, inner, lambda a: a + y, (x,))

            return f

        self.check(make, [(a[0], b[0]) for a in self.both for b in self.both])

    def test_writes_to_its_own(self):
        def make(op):
            def yes(a):
                b = a * 2
                b[0] = 7.0
                b.mul_(3)
                return b

            return lambda x: op(x.sum() > 0, yes, lambda a: a.t() if a.dim() > 1 else -a, (x,))

        self.check(make, self.both)

    def test_other_strides_and_dtypes(self):
        def make(op):
            def f(x):
                flipped = x.t()
                return op(x.sum() > 0, lambda a: (a + 1, a > 0), lambda a: (a.t().t() * 2, a < 1), (flipped,))

            return f

        x = framejit.arange(6.0).reshape(2, 3)
        self.check(make, ((x,), (x - 9,)))

    def test_gradient_modes(self):
        def make(op):
            def yes(a):
                with framejit.no_grad():
                    b = a * 2
                return a * b

            return lambda x: op(x.sum() > 0, yes, lambda a: a.detach() * a, (x,))

        self.check(make, self.both)

    def test_second_derivative(self):
        def f(x):
            return cond(x.sum() > 0, lambda a: a**3, lambda a: a.exp(), (x,)).sum()

        compiled = framejit.compile(f, fullgraph=True)
        for (value,) in self.both:
            x = value.clone().requires_grad_()
            (first,) = framejit.autograd.grad(compiled(x), x, create_graph=True)
            (second,) = framejit.autograd.grad(first.sum(), x)
            expected = 6 * value if value.sum() > 0 else value.exp()
            framejit.testing.assert_close(second, expected)

    def test_backward_inside(self):
        def make(op):
            def f(x):
                y = op(x.sum() > 0, lambda a: a.sin() * a, lambda a: a**2, (x,)).sum()
                return framejit.autograd.grad(y, x)[0] * 2

            return f

        plain = make(plain_cond)
        compiled = framejit.compile(make(cond), fullgraph=True)
        for (value,) in self.both:
            x = value.clone().requires_grad_()
            framejit.testing.assert_close(compiled(x), plain(x))

    def test_predicates(self):
        compiled = framejit.compile(lambda p, x: cond(p, lambda a: a + 1, lambda a: a - 1, (x,)), fullgraph=True)
        x = framejit.ones(2)
        for p in (True, False, 0, 2, 0.0, -0.0, 0.5, float("nan")):
            for dtype in (framejit.float32, framejit.float16, framejit.bool, framejit.int64):
                if isinstance(p, float) and p != p and dtype is not framejit.float32:
                    continue
                pred = framejit.tensor([[p]]).to(dtype)
                with self.subTest(p=p, dtype=dtype):
                    self.assertEqual(compiled(pred, x).tolist(), [2.0, 2.0] if bool(pred) else [0.0, 0.0])

    def test_graph(self):
        recorder = EagerAndRecordGraphs()

        @framejit.compile(backend=recorder, fullgraph=True)
        def f(p, q, x):
            def no(a):
                return cond(q, lambda b: b.sin(), lambda b: b.cos(), (a,))

            return cond(p, lambda a: a + 1, no, (x,))

        x = framejit.ones(2)
        for p in (True, False):
            for q in (True, False):
                expected = x + 1 if p else x.sin() if q else x.cos()
                self.assertEqual(f(framejit.tensor(p), framejit.tensor(q), x).tolist(), expected.tolist())
        (gm,) = recorder.graphs
        self.assertEqual(
            {name for name, _ in gm.named_modules()},
            {"", "cond_true_1", "cond_false_1", "cond_false_1.cond_true_0", "cond_false_1.cond_false_0"},
        )
        (node,) = gm.graph.find_nodes(op="call_function", target=cond_op)
        pred, yes, no, operands = node.args
        self.assertEqual([yes.target, no.target, len(operands)], ["cond_true_1", "cond_false_1", 2])
        self.assertEqual(len(gm.cond_true_1.graph.find_nodes(op="placeholder")), 2)
        again = framejit.compile(gm, fullgraph=True)
        self.assertEqual(again(framejit.tensor(False), x, framejit.tensor(True))[0].tolist(), x.sin().tolist())

    def test_open_sizes(self):
        recorder = EagerAndRecordGraphs()
        for backend in ("inductor", recorder):
            framejit.reset()

            def f(x):
                n = x.shape[0]
                return cond(x.sum() > 0, lambda a: a * n, lambda a: a.flip(0) + n, (x,))

            compiled = framejit.compile(f, backend=backend, fullgraph=True, dynamic=True)
            for n in (3, 5, 8):
                for sign in (1, -1):
                    x = sign * framejit.arange(1.0, n + 1)
                    expected = x * n if sign > 0 else x.flip(0) + n
                    self.assertEqual(compiled(x).tolist(), expected.tolist())
            self.assertEqual(framejit.dynamo.statistics(compiled)["graphs"], 1)
        self.assertEqual(len(recorder.graphs), 1)

    def test_refused(self):
        x = framejit.ones(3)
        log = []
        cases = {
            "structure": lambda x: cond(x.sum() > 0, lambda: (x, x), lambda: x),
            "metadata": lambda x: cond(x.sum() > 0, lambda: x, lambda: x.long()),
            "float32": lambda x: cond(x.sum() > 0, lambda: x, lambda: x[:1]),
            "return a tensor": lambda x: cond(x.sum() > 0, lambda: x, lambda: 3),
            "writes": lambda x: cond(x.sum() > 0, lambda: x.add_(1), lambda: x * 2),
            "operator was given": lambda x: cond(x.sum() > 0, lambda: (log.append(1), x + 1)[1], lambda: x * 2),
        }
        for text, f in cases.items():
            with self.subTest(text), self.assertRaisesRegex(framejit.dynamo.exc.Unsupported, text):
                framejit.compile(f, fullgraph=True)(x)
        self.assertEqual(log, [])

    def test_exceptions_of_a_branch(self):
        def no(x):
            raise KeyError("no")

        f = framejit.compile(lambda x: cond(x.sum() > 0, lambda a: a + 1, no, (x,)), fullgraph=True)
        self.assertEqual(f(framejit.ones(2)).tolist(), [2.0, 2.0])
        with self.assertRaisesRegex(KeyError, "no"):
            f(-framejit.ones(2))

    def test_python_predicate_and_breaks(self):
        f = framejit.compile(lambda p, x: cond(p, lambda: x + 1, lambda: x[:1] - 1))
        x = framejit.ones(2)
        self.assertEqual(f(True, x).tolist(), [2.0, 2.0])
        self.assertEqual(f(framejit.tensor(False), x).tolist(), [0.0])

    def test_keywords(self):
        x = framejit.ones(1)
        named = dict(true_fn=lambda a: a, false_fn=lambda a: -a, operands=[x])
        self.assertEqual(cond_op(framejit.tensor(False), **named).tolist(), [-1.0])
        with self.assertRaises(AssertionError):
            cond_op(True, pred=True, **named)
        with self.assertRaises(TypeError):
            cond_op(pred=True, other=1, **named)
        with self.assertRaisesRegex(RuntimeError, "callable"):
            cond(x > 0, 1, 2)


class WhileLoop(Nodes):
    kind, operator = "loop", staticmethod(while_loop)

    def test_values(self):
        def make(op):
            def f(n, x):
                limit = x.sum() + 3
                return op(lambda i, a: i < limit, lambda i, a: (i + n, a * 2 + x), (n, x + 1))

            return f

        inputs = [(framejit.tensor(n), framejit.tensor([1.0, m])) for n in (1, 2) for m in (0.0, 5.0, -9.0)]
        self.check(make, inputs)

    def test_one_value(self):
        def make(op):
            return lambda x: op(lambda a: a.abs().max() < 100, lambda a: a * a + 1, (x,))

        self.check(make, [(framejit.tensor([0.5]),), (framejit.tensor([200.0]),)])

    def test_gradients(self):
        """Of what is carried, what is read from outside, and through a cond() inside; none, one and many rounds."""
        frozen = framejit.tensor([0.5, 2.0])

        def make(op):
            inner = cond if op is while_loop else plain_cond

            def f(n, x, w):
                def body(i, a, b):
                    c = inner(i % 2 == 0, lambda: a.sin() * w.t(), lambda: (a * frozen).exp() / 9)
                    return i + 1, b + c, a * w.t()

                return op(lambda i, a, b: i < n, body, (n * 0, x.t() * 2, x.t()))

            return f

        x, w = framejit.tensor([[1.0, -0.5], [0.25, 2.0]]), framejit.tensor([[0.75, 1.5], [0.5, -1.0]])
        self.check(make, [(framejit.tensor(n), x, w) for n in (0, 1, 2, 30)])

    def test_no_second_derivative(self):
        f = framejit.compile(lambda x: while_loop(lambda a: a.sum() < 9, lambda a: a * a, (x,)), fullgraph=True)
        x = framejit.tensor([2.0], requires_grad=True)
        self.assertEqual(framejit.autograd.grad(f(x), x)[0].tolist(), [32.0])
        with self.assertRaisesRegex(RuntimeError, "second derivative"):
            framejit.autograd.grad(f(x), x, create_graph=True)

    def test_cond_inside(self):
        def make(op):
            inner = cond if op is while_loop else plain_cond

            def body(n, steps):
                return inner(n % 2 == 0, lambda: n // 2, lambda: 3 * n + 1), steps + 1

            return lambda n: op(lambda n, steps: n != 1, body, (n, n * 0))

        self.check(make, [(framejit.tensor(n),) for n in (1, 6, 27)], grad=False)

    def test_graph(self):
        recorder = EagerAndRecordGraphs()

        @framejit.compile(backend=recorder, fullgraph=True)
        def f(x, y):
            return while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + y), (x, y))

        self.assertEqual([t.tolist() for t in f(framejit.tensor(0), framejit.ones(2))], [3, [4.0, 4.0]])
        (gm,) = recorder.graphs
        (node,) = gm.graph.find_nodes(op="call_function", target=while_loop_op)
        test, body, carried, operands = node.args
        self.assertEqual([test.target, body.target, len(carried), len(operands)], ["cond_fn_0", "body_fn_0", 2, 1])

    def test_refused(self):
        x = framejit.ones(2, requires_grad=True)
        cases = {
            "random": lambda x: while_loop(lambda a: a.sum() < 9, lambda a: a + framejit.rand_like(a), (x.detach(),)),
            "metadata": lambda x: while_loop(lambda a: a.sum() < 9, lambda a: (a * 2).double(), (x.detach(),)),
            "as many values": lambda x: while_loop(lambda a: a.sum() < 9, lambda a: (a, a), (x.detach(),)),
            "boolean": lambda x: while_loop(lambda a: a < 9, lambda a: a + 1, (x.detach(),)),
        }
        for text, f in cases.items():
            with self.subTest(text), self.assertRaisesRegex(framejit.dynamo.exc.Unsupported, text):
                framejit.compile(f, fullgraph=True)(x)


class Random(Nodes):
    """Random numbers in branches: those that plain Python draws, in its order, once."""

    kind, operator = "cond", staticmethod(cond)
    inputs = (framejit.tensor([1.0, 2.0]),), (framejit.tensor([-1.0, -3.0]),)

    def compare(self, plain, compiled, values, grad):
        results = []
        for function in (plain, compiled):
            framejit.manual_seed(7)
            own = [v.clone().requires_grad_() for v in values]
            out = flat(function(*own))
            out += framejit.autograd.grad(sum((o * o).sum() for o in out), own)
            results.append([*out, framejit.rand(3)])
        for a, b in zip(*results):
            framejit.testing.assert_close(b, a)

    def test_draws(self):
        def make(op):
            def f(x):
                before = framejit.rand(2)
                y = op(x.sum() > 0, lambda a: a * framejit.rand_like(a) + framejit.randn(2), lambda a: a.exp(), (x,))
                z = op(x.sum() > 0, lambda: y.sin(), lambda: y + framejit.rand(()) * x)
                return before * y, z, framejit.rand(2) * x

            return f

        self.check(make, self.inputs)

    def test_the_same_twice(self):
        def make(op):
            def draw(x):
                return op(x.sum() > 0, lambda: framejit.rand(2) * x, lambda: x - framejit.rand(2))

            return lambda x: (draw(x), draw(x))

        self.check(make, self.inputs)

    def test_dropout_and_in_place(self):
        def make(op):
            def yes(a):
                noise = framejit.empty(2).uniform_(2, 3)
                return framejit.nn.functional.dropout(a.sin(), 0.5) + noise * a

            return lambda x: op(x.sum() > 0, yes, lambda a: a.bernoulli(0.3) * a, (x,))

        self.check(make, self.inputs)

    def test_nested(self):
        def make(op):
            def yes(a):
                b = a * framejit.rand(())
                return op(b[0] > 0.5, lambda: b + framejit.rand(2), lambda: b * framejit.randn(2))

            return lambda x: op(x.sum() > 0, yes, lambda a: a * 2, (x,)) + framejit.rand(2)

        self.check(make, self.inputs)

    def test_unused(self):
        """Numbers that nobody uses are drawn, too."""

        def make(op):
            def f(x):
                op(x.sum() > 0, lambda: framejit.rand(3), lambda: framejit.ones(3))
                return x * framejit.rand(2)

            return f

        self.check(make, self.inputs)

    def test_inside_vmap(self):
        xs = framejit.arange(6.0).reshape(3, 2)
        for randomness in ("different", "same"):
            for p in (True, False):
                p = framejit.tensor(p)

                def one(x, p=p):
                    return cond(p, lambda: x + framejit.rand_like(x), lambda: x * framejit.rand(()))

                f = framejit.func.vmap(one, randomness=randomness)
                framejit.manual_seed(3)
                expected = f(xs)
                framejit.manual_seed(3)
                framejit.testing.assert_close(framejit.compile(f, fullgraph=True)(xs), expected)


class Compilers(unittest.TestCase):
    """Graphs of derivatives, as compilers written in Python get them, do what the program's derivative does."""

    def check(self, f, *inputs):
        backend = aot_autograd(fw_compiler=lambda gm, examples: gm)
        results = []
        for function in (f, framejit.compile(f, backend=backend, fullgraph=True)):
            framejit.reset()
            values = [v.clone().requires_grad_(v.is_floating_point()) for v in inputs]
            out = flat(function(*values))
            wanted = [v for v in values if v.requires_grad]
            loss = sum((o * o).sum() for o in out if o.requires_grad)
            grads = framejit.autograd.grad(loss, wanted, allow_unused=True)
            results.append([*out, *(framejit.zeros_like(v) if g is None else g for g, v in zip(grads, wanted))])
        for a, b in zip(*results):
            framejit.testing.assert_close(b, a)

    def test_cond(self):
        for sign in (1, -1):
            self.check(lambda x: cond(x.sum() > 0, lambda: x.sin(), lambda: x * x), sign * framejit.ones(2))

    def test_scan(self):
        self.check(
            lambda c, xs: scan(lambda c, x: (c * x + 1, c + x), c, xs),
            framejit.tensor(1.5),
            framejit.tensor([2.0, 3.0, 5.0]),
        )

    def test_while_loop(self):
        def f(n, x, w):
            return while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.sin() * w), (n * 0, x))

        for n in (0, 3):
            self.check(f, framejit.tensor(n), framejit.tensor([1.0, 2.0]), framejit.tensor([1.5, -0.5]))


class Scan(unittest.TestCase):
    """scan() and map run their function as a body; uncompiled they are loops."""

    def setUp(self):
        framejit.reset()

    def check(self, f, *inputs):
        for backend in BACKENDS:
            framejit.reset()
            compiled = framejit.compile(f, fullgraph=True, backend=backend)
            results = []
            for function in (f, compiled):
                values = [v.clone().requires_grad_(v.is_floating_point()) for v in inputs]
                out = flat(function(*values))
                loss = sum((t * t).sum() for t in out if t.requires_grad)
                grads = framejit.autograd.grad(loss, [v for v in values if v.requires_grad], allow_unused=True)
                results.append([out, [framejit.zeros(()) if g is None else g for g in grads]])
            with self.subTest(backend=backend):
                for a, b in zip(*results):
                    self.assertEqual(len(a), len(b))
                    for x, y in zip(a, b):
                        if x.numel() > 1 or x.any() or y.any():
                            framejit.testing.assert_close(y, x)

    def test_scan(self):
        w = framejit.tensor([0.5, -1.5])

        def f(init, xs, w):
            return scan(lambda c, x: ((c * w + x).sin(), c * x), init, xs)

        self.check(f, framejit.ones(2), framejit.arange(8.0).reshape(4, 2), w)

    def test_structures_dimensions_and_direction(self):
        def f(a, n, xs, ys):
            def combine(carry, x):
                return {"a": carry["a"] + x[0].sum(), "n": carry["n"] + 1}, (x[1] * carry["a"], [x[0] * carry["n"]])

            return scan(combine, {"a": a, "n": n}, (xs, ys), dim=1, reverse=True)

        xs = framejit.arange(12.0).reshape(2, 3, 2)
        self.check(f, framejit.tensor(1.0), framejit.tensor(0), xs, xs.sum(2) / 5)

    def test_map(self):
        def f(xs, y):
            return map_each(lambda x, y: (x.t() @ x * y, x.sum(0)), xs, y)

        self.check(f, framejit.arange(12.0).reshape(3, 2, 2) / 10, framejit.tensor(1.5))

    def test_second_derivative(self):
        def f(x):
            return scan(lambda c, x: (c * x, c + x), framejit.ones(()), x)[0]

        compiled = framejit.compile(f, fullgraph=True)
        x = framejit.tensor([2.0, 3.0, 5.0], requires_grad=True)
        (first,) = framejit.autograd.grad(compiled(x), x, create_graph=True)
        self.assertEqual(first.tolist(), [15.0, 10.0, 6.0])
        (second,) = framejit.autograd.grad(first.sum(), x)
        self.assertEqual(second.tolist(), [8.0, 7.0, 5.0])

    def test_graphs(self):
        recorder = EagerAndRecordGraphs()
        y = framejit.ones(2)

        @framejit.compile(backend=recorder, fullgraph=True)
        def f(init, xs):
            return scan(lambda c, x: (c + x, x * y), init, xs), map_each(lambda x: x + y, xs)

        xs = framejit.arange(200.0).reshape(100, 2)
        (carry, rows), mapped = f(framejit.zeros(2), xs)
        self.assertEqual(
            [carry.tolist(), rows.tolist(), mapped.tolist()], [xs.sum(0).tolist(), xs.tolist(), (xs + 1).tolist()]
        )
        (gm,) = recorder.graphs
        self.assertLess(len(gm.graph.nodes), 20)
        (node,) = gm.graph.find_nodes(op="call_function", target=scan_op)
        self.assertEqual([node.args[0].target, *map(len, node.args[1:])], ["scan_combine_fn_0", 1, 1, 1])
        (node,) = gm.graph.find_nodes(op="call_function", target=map_op)
        (example,) = node.meta["example_value"]
        self.assertEqual([example.shape, example.requires_grad], [xs.shape, False])
        self.assertEqual([node.args[0].target, *map(len, node.args[1:])], ["map_body_0", 1, 1])

    def test_refused(self):
        x = framejit.ones(3)
        with self.assertRaisesRegex(framejit.dynamo.exc.Unsupported, "metadata"):
            framejit.compile(lambda x: scan(lambda c, x: (c.double(), x), x[0], x), fullgraph=True)(x)


del Nodes

if __name__ == "__main__":
    unittest.main()
