"""Control flow inside vmap, eager and as nodes of a whole graph: a loop over the entries in plain Python says what is right."""

import unittest

import framejit
from framejit import cond
from framejit._control_flow import associative_scan, cond_op, map_each, scan, scan_op, while_loop, while_loop_op
from framejit.dynamo.testing import EagerAndRecordGraphs
from framejit.func import grad, vmap
from framejit.utils._pytree import tree_flatten, tree_leaves, tree_unflatten


def by_entry(f, in_dims=0, out_dims=0):
    """vmap as a loop."""

    def mapped(*args):
        dims = (in_dims,) * len(args) if isinstance(in_dims, int) else in_dims
        size = next(a.shape[d] for a, d in zip(args, dims) if d is not None)
        parts = [
            tree_flatten(f(*(a if d is None else a.select(d, i) for a, d in zip(args, dims)))) for i in range(size)
        ]
        stacked = [framejit.stack(list(leaves), out_dims) for leaves in zip(*(part[0] for part in parts))]
        return tree_unflatten(stacked, parts[0][1])

    return mapped


def plain_cond(pred, true_fn, false_fn, operands=()):
    return true_fn(*operands) if bool(pred) else false_fn(*operands)


def plain_loop(cond_fn, body_fn, carried):
    while bool(cond_fn(*carried)):
        out = body_fn(*carried)
        carried = out if isinstance(out, (tuple, list)) else (out,)
    return tuple(carried) if len(carried) > 1 else carried[0]


class Batches(unittest.TestCase):
    def check(self, make, *inputs, in_dims=0, out_dims=0, wrap=vmap, plain_wrap=by_entry, gradients=True):
        """`make(cond, while_loop)` gives the function of one entry."""
        keys = {"in_dims": in_dims, "out_dims": out_dims} if wrap is vmap else {}
        plain = plain_wrap(make(plain_cond, plain_loop), **keys)
        ours = wrap(make(cond, while_loop), **keys)
        for way in ("op by op", "inductor", "eager", "aot_eager"):
            framejit.reset()
            with self.subTest(way):
                f = ours if way == "op by op" else framejit.compile(ours, fullgraph=True, backend=way)
                results = []
                for function in (plain, f):
                    values = [v.clone().requires_grad_(gradients and v.is_floating_point()) for v in inputs]
                    out = tree_leaves(function(*values))
                    wanted = [v for v in values if v.requires_grad]
                    loss = sum((o * o).sum() for o in out if o.requires_grad)
                    grads = [None] * len(wanted)
                    if wanted and isinstance(loss, framejit.Tensor):
                        grads = framejit.autograd.grad(loss, wanted, allow_unused=True)
                    out += [framejit.zeros_like(v) if g is None else g for g, v in zip(grads, wanted)]
                    results.append(out)
                self.assertEqual(*map(len, results))
                for a, b in zip(*results):
                    framejit.testing.assert_close(b, a)


X = framejit.tensor([[1.0, 2.0], [-1.0, -3.0], [0.5, -0.25], [-2.0, 3.0]])


class Cond(Batches):
    def test_each_entry_has_its_own(self):
        self.check(lambda op, _: lambda x: op(x.sum() > 0, lambda a: a.sin() * 2, lambda a: a.exp(), (x,)), X)

    def test_scalars_structures_and_predicates(self):
        def make(op, _):
            def f(x):
                p = x.reshape(1) > 0
                return op(p, lambda: {"a": x * 2, "b": [x.sin()]}, lambda: {"a": x + 1, "b": [x * x]})

            return f

        self.check(make, X[:, 0])
        self.check(
            lambda op, _: lambda n, x: op(n, lambda a: a * 2, lambda a: a * 3, (x,)), framejit.tensor([2, 0, -1, 0]), X
        )

    def test_dimensions(self):
        y = framejit.tensor([1.5, -2.0, 0.5])

        def make(op, _):
            return lambda x, y: op(x.sum() > y.sum(), lambda a, b: a * b + x, lambda a, b: b - a, (x, y))

        x = framejit.arange(12.0).reshape(3, 4) - 5
        self.check(make, x, y, in_dims=(1, None))
        self.check(make, x, framejit.stack([y] * 4, 1) * X[:, 0], in_dims=(1, 1), out_dims=1)
        self.check(make, y, framejit.stack([y] * 4) - X[:, :1], in_dims=(None, 0))

    def test_only_the_condition_differs(self):
        w = framejit.tensor([1.0, 2.0])
        self.check(lambda op, _: lambda p: op(p > 0, lambda: w * 2, lambda: w.sin()), X[:, 0])

    def test_one_condition_for_all(self):
        for value in (True, False):
            p = framejit.tensor(value)
            self.check(lambda op, _: lambda x: op(p, lambda a: a.sin(), lambda a: a * 2 + a, (x,)), X)
            self.check(
                lambda op, _: lambda p, x: op(p, lambda a: (a.sin(), p * 2), lambda a: (a * 2, p * 3), (x,)),
                p.float(),
                X,
                in_dims=(None, 0),
            )

    def test_one_function_reads_the_batch(self):
        w = framejit.tensor([1.0, 2.0])
        for value in (True, False):
            p = framejit.tensor(value)
            self.check(lambda op, _: lambda x: op(p, lambda: x.sin(), lambda: w * 2), X)

    def test_nested(self):
        def make(op, _):
            def inner(a):
                return op(
                    a.prod() > 0, lambda b: b * 10, lambda b: op(b[0] > 0, lambda: b + 1, lambda: b - x0, ()), (a,)
                )

            x0 = framejit.tensor(3.0)
            return lambda x: op(x.sum() > 0, inner, lambda a: a * 3, (x,))

        self.check(make, X)

    def test_nested_maps(self):
        xs = framejit.stack([X, -X, X * X])
        q = framejit.tensor([[True, False, True, True], [False, True, True, False], [True, True, False, False]])

        def make(op, _):
            return lambda x: op(x.sum() > 0, lambda a: a.sin(), lambda a: a * 2, (x,))

        def outer(op, _):
            return lambda p, x: op(p, lambda a: a.sin() + x, lambda a: a * 2, (x,))

        twice = dict(wrap=lambda f, **k: vmap(vmap(f)), plain_wrap=lambda f, **k: by_entry(by_entry(f)))
        self.check(make, xs, **twice)
        self.check(outer, q, xs, **twice)
        mixed = dict(
            wrap=lambda f, **k: vmap(vmap(f, in_dims=(None, 0))),
            plain_wrap=lambda f, **k: by_entry(by_entry(f, in_dims=(None, 0))),
        )
        self.check(outer, q[:, 0], xs, **mixed)
        shared = dict(
            wrap=lambda f, **k: vmap(vmap(f, in_dims=(None, 0)), in_dims=(None, 1)),
            plain_wrap=lambda f, **k: by_entry(by_entry(f, in_dims=(None, 0)), in_dims=(None, 1)),
        )
        self.check(outer, q[0, 0], xs, **shared)

    def test_gradients_inside(self):
        def make(op, _):
            return lambda x: op(x.sum() > 0, lambda a: a.sin() * a, lambda a: a**3, (x,)).sum()

        def make_shared(op, _):
            p = framejit.tensor(True)
            return lambda x: op(p, lambda a: a.sin() * a, lambda a: a**3, (x,)).sum()

        for f in (make, make_shared):
            with self.subTest(f=f):
                self.check(
                    f,
                    X,
                    wrap=lambda f, **k: vmap(grad(f)),
                    plain_wrap=lambda f, **k: by_entry(grad(f)),
                )
        self.check(
            make,
            X,
            wrap=lambda f, **k: grad(lambda x: vmap(f)(x).sum()),
            plain_wrap=lambda f, **k: grad(lambda x: by_entry(f)(x).sum()),
        )

    def test_what_is_the_same_for_all_stays_so(self):
        p, w = framejit.tensor(True), framejit.ones(2)

        def f(x):
            return x + 1, cond(p, lambda: w * 2, lambda: w * 3)

        for g in (f, framejit.compile(lambda x: vmap(f, out_dims=(0, None))(x), fullgraph=True)):
            out = vmap(f, out_dims=(0, None))(X) if g is f else g(X)
            self.assertEqual([t.tolist() for t in out], [(X + 1).tolist(), [2.0, 2.0]])

    def test_graph(self):
        recorder = EagerAndRecordGraphs()
        p = framejit.tensor(False)

        @framejit.compile(backend=recorder, fullgraph=True)
        def f(x):
            return vmap(lambda a: cond(p, lambda b: b.sin(), lambda b: b * 2, (a,)))(x)

        self.assertEqual(f(X).tolist(), (X * 2).tolist())
        self.assertEqual(len(recorder.graphs[0].graph.find_nodes(op="call_function", target=cond_op)), 1)
        recorder.graphs.clear()
        g = framejit.compile(vmap(lambda a: cond(a > 0, lambda: a, lambda: -a)), backend=recorder, fullgraph=True)
        self.assertEqual(g(X[:, 0]).tolist(), X[:, 0].abs().tolist())
        self.assertEqual(len(recorder.graphs[0].graph.find_nodes(op="call_function", target=cond_op)), 0)

    def test_random(self):
        def f(x):
            return cond(x > 0, lambda: framejit.rand(()) + 1, lambda: x * 2)

        for g in (vmap(f, randomness="different"), vmap(f, randomness="same")):
            out = g(framejit.tensor([1.0, -1.0, 2.0])).tolist()
            self.assertEqual(out[1], -2.0)
            self.assertTrue(1 <= out[0] <= 2 and 1 <= out[2] <= 2)
        with self.assertRaisesRegex(RuntimeError, "randomness"):
            vmap(f)(X[:, 0])

    def test_refused(self):
        cases = {
            "pytree": lambda x: cond(x > 0, lambda: (x, x), lambda: x),
            "sizes": lambda x: cond(x > 0, lambda: x, lambda: x.expand(2)),
            "return tensors": lambda x: cond(x > 0, lambda: x, lambda: 3),
        }
        for text, f in cases.items():
            for g in (vmap(f), framejit.compile(vmap(f))):
                with self.subTest(text), self.assertRaisesRegex(RuntimeError, text):
                    g(X[:, 0])


class Loops(Batches):
    def test_while_loop(self):
        def make(_, loop):
            return lambda n, x: loop(lambda n, a: n < 5, lambda n, a: (n + 1, a * 2 + n), (n, x))

        n = framejit.tensor([0, 5, 3, 9])
        self.check(make, n, X)
        self.check(make, n[0], X, in_dims=(None, 0))
        self.check(make, n, X[0], in_dims=(0, None))

    def test_what_an_entry_keeps(self):
        """The limit differs by entry, what is carried begins the same for all."""

        def make(_, loop):
            zero = framejit.tensor(0.0)
            return lambda limit: loop(lambda a: a < limit, lambda a: a * 2 + 1, (zero,))

        self.check(make, framejit.tensor([3.0, -1.0, 100.0]))

    def test_nested_maps(self):
        def make(_, loop):
            return lambda x: loop(lambda a, n: a.abs().sum() < 9, lambda a, n: (a * 1.5, n + 1), (x, x.sum() * 0))

        twice = dict(wrap=lambda f, **k: vmap(vmap(f)), plain_wrap=lambda f, **k: by_entry(by_entry(f)))
        self.check(make, framejit.stack([X, X / 3]), **twice)

    def test_scan(self):
        def make(*_):
            return lambda c, xs: scan(lambda c, x: ((c * x).sin(), c + x), c, xs)

        xs = framejit.arange(24.0).reshape(4, 3, 2) / 10
        self.check(make, X, xs)
        self.check(make, X[0], xs, in_dims=(None, 0))
        self.check(make, X, xs[0], in_dims=(0, None))
        self.check(make, X.t(), xs.movedim(0, 2), in_dims=(1, 2))
        twice = dict(wrap=lambda f, **k: vmap(vmap(f)), plain_wrap=lambda f, **k: by_entry(by_entry(f)))
        self.check(make, framejit.stack([X, X + 1]), framejit.stack([xs, -xs]), **twice)

    def test_map_and_associative_scan(self):
        xs = framejit.arange(24.0).reshape(4, 3, 2) / 10
        self.check(lambda *_: lambda xs, y: map_each(lambda x: x * y, xs), xs, X)
        self.check(lambda *_: lambda xs: associative_scan(lambda a, b: a * b, xs, 0), xs)

    def test_graph(self):
        recorder = EagerAndRecordGraphs()

        @framejit.compile(backend=recorder, fullgraph=True)
        def f(n, xs):
            vmap(lambda n: while_loop(lambda n: n < 5, lambda n: (n + 1,), (n,)))(n)
            return vmap(lambda xs: scan(lambda c, x: (c + x, c * x), xs[0], xs)[0])(xs)

        self.assertEqual(f(framejit.tensor([1, 2]), X).tolist(), (X[:, 0] + X.sum(1)).tolist())
        for op in (while_loop_op, scan_op):
            self.assertEqual(len(recorder.graphs[0].graph.find_nodes(op="call_function", target=op)), 1)


if __name__ == "__main__":
    unittest.main()
