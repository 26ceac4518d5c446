"""Transformations of framejit.func inside compiled functions: one graph, and what the plain function does."""

import contextlib
import io
import unittest

import framejit as fj
from framejit import func, nn
from framejit.dynamo.testing import CompileCounter

X = fj.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
W = fj.tensor([1.0, 0.5, 2.0])
OUTER = fj.tensor([0.3, -0.2, 0.7])
WEIGHT = fj.tensor([0.4, 0.6, -0.8], requires_grad=True)


def numbers(value):
    if isinstance(value, fj.Tensor):
        return value.dtype, value.requires_grad, value.tolist()
    if isinstance(value, (tuple, list)):
        return [numbers(v) for v in value]
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items()}
    return value


class Square(fj.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(a):
        return a * a

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, g):
        return 3 * g * ctx.saved_tensors[0]  # told apart from the derivative that the tape would find


class Compare(unittest.TestCase):
    def outcome(self, function, *args):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            try:
                result = numbers(function(*args))
            except Exception as e:
                result = type(e), str(e)
        return result, out.getvalue()

    def near(self, a, b):
        if isinstance(a, float) and isinstance(b, float):
            return self.assertAlmostEqual(a, b, delta=1e-4 * max(1.0, abs(a)))
        if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b):
                self.near(x, y)
        elif isinstance(a, dict) and isinstance(b, dict):
            self.assertEqual(list(a), list(b))
            self.near(list(a.values()), list(b.values()))
        else:
            self.assertEqual(a, b)

    def check(self, function, *args, graphs=1, fullgraph=True):
        """Compiled twice: natively, and counting graphs; each called twice."""
        fj.compiler.reset()
        want = self.outcome(function, *args)
        native = fj.compile(function, fullgraph=fullgraph)
        counter = CompileCounter()
        counted = fj.compile(function, backend=counter)
        for compiled in (native, native, counted, counted):
            self.near(self.outcome(compiled, *args), want)
        if graphs is not None:
            self.assertEqual(counter.frame_count, graphs)


class OneGraph(Compare):
    def test_vmap(self):
        self.check(lambda x: func.vmap(lambda a: a * 2 + OUTER)(x), X)
        self.check(lambda x: func.vmap(fj.Tensor.sum)(x), X)
        self.check(lambda x: func.vmap(lambda a, b: a * b, in_dims=(1, None), out_dims=1)(x, X[:, 0]), X)
        self.check(lambda x: func.vmap(lambda a: a.sin(), chunk_size=1)(x), X)
        self.check(lambda x: func.vmap(lambda d: {"s": d["a"] * d["b"][0]})({"a": x, "b": [x]}), X)

    def test_in_place_and_data_inside(self):
        def body(a):
            b = a.clone()
            b.add_(1).mul_(a)
            return b + fj.tensor([1.0, 2.0, 3.0]) + fj.zeros(3)

        self.check(lambda x: func.vmap(body)(x), X)

    def test_gradients(self):
        loss = lambda a: (a.sin() * OUTER).sum()  # noqa: E731
        self.check(lambda w: func.grad(loss)(w), W)
        self.check(lambda w: func.grad_and_value(loss)(w), W)
        self.check(lambda w: func.grad(lambda a, b: (a * b * b).sum(), argnums=(0, 1))(w, w + 1), W)
        self.check(lambda w: func.grad(lambda a: ((a * a).sum(), a.sin()), has_aux=True)(w), W)
        self.check(lambda w: func.vjp(fj.sin, w)[1](fj.ones(3))[0], W)
        self.check(lambda w: func.jvp(fj.sin, (w,), (fj.ones(3),)), W)
        self.check(lambda w: func.linearize(fj.sin, w)[1](fj.ones(3)), W)

    def test_matrices(self):
        self.check(lambda w: func.jacrev(lambda a: a.sin() * a.sum())(w), W)
        self.check(lambda w: func.jacrev(lambda a: a.sin(), chunk_size=1)(w), W)
        self.check(lambda w: func.jacfwd(lambda a: a.sin() * OUTER)(w), W)
        self.check(lambda w: func.hessian(lambda a: (a**3 * OUTER).sum())(w), W)

    def test_nests(self):
        cube = lambda a: (a**3 * OUTER).sum()  # noqa: E731
        self.check(lambda x: func.vmap(func.grad(cube))(x), X)
        self.check(lambda x: func.vmap(func.vmap(lambda a: a * 2))(x), X)
        self.check(lambda w: func.grad(lambda b: func.grad(cube)(b).sum())(w), W)
        self.check(lambda x: func.vmap(func.jacrev(lambda a: a.sin() * a.sum()))(x), X)
        self.check(lambda x: func.vmap(func.hessian(cube))(x), X)
        self.check(lambda w: func.grad(lambda b: func.vmap(lambda a: a * b.sum())(X).sum())(w), W)
        second = lambda t: func.jvp(fj.sin, (t,), (fj.ones(3),))[1]  # noqa: E731
        self.check(lambda w: func.jvp(second, (w,), (fj.ones(3),)), W)

    def test_modules(self):
        layer = nn.Linear(3, 2)
        weights = {k: v.detach() for k, v in layer.named_parameters()}

        def per_sample(x):
            loss = lambda p, a: (func.functional_call(layer, p, (a,)) ** 2).sum()  # noqa: E731
            return func.vmap(func.grad(loss), in_dims=(None, 0))(weights, x)

        self.check(per_sample, X)

    def test_draws(self):
        def same(x):
            fj.manual_seed(3)
            rows = func.vmap(lambda a: a * 0 + fj.rand(3), randomness="same")(x)
            return bool((rows[0] == rows[1]).all())

        self.check(same, X, graphs=None, fullgraph=False)
        draw = fj.compile(lambda x: func.vmap(lambda a: a * 0 + fj.rand(3), randomness="different")(x), fullgraph=True)
        rows = draw(X)
        self.assertFalse(fj.equal(rows[0], rows[1]))
        self.assertFalse(fj.equal(rows, draw(X)))

    def test_custom_functions(self):
        self.check(lambda x: func.vmap(Square.apply)(x), X)
        for transformed in (func.vmap(func.grad(lambda a: Square.apply(a).sum())), func.vmap(func.vmap(Square.apply))):
            self.check(lambda x: transformed(x), X, graphs=None)  # noqa: B023

    def test_sizes_that_vary(self):
        def f(x):
            return func.vmap(func.grad(lambda a: (a.sin() * a.shape[0]).sum()))(x)

        for options in ({}, {"dynamic": True}):
            fj.compiler.reset()
            compiled = fj.compile(f, fullgraph=True, **options)
            for n in range(2, 12):
                x = fj.rand(n, n + 1)
                self.near(numbers(compiled(x)), numbers(x.cos() * (n + 1)))


class WithTheRestOfTheFrame(Compare):
    def test_gradients_go_through(self):
        def f(x):
            g = func.grad(lambda a: (a * a * WEIGHT).sum())(W)
            (g * x[0]).sum().backward()
            grad, WEIGHT.grad = WEIGHT.grad, None
            return g, grad

        self.check(f, X)

    def test_an_outer_gradient(self):
        compiled = fj.compile(lambda w: func.grad(lambda a: (a**3).sum())(w), fullgraph=True)
        w = W.clone().requires_grad_()
        compiled(w).sum().backward()
        self.near(numbers(w.grad), numbers(6 * W))

    def test_no_grad_around(self):
        def f(w):
            with fj.no_grad():
                return func.grad(lambda a: (a * a * WEIGHT).sum())(w)

        self.check(f, W)

    def test_side_effects(self):
        log = []

        def f(x):
            log.clear()

            def body(a):
                log.append(tuple(a.shape))
                return a + len(log)

            return func.vmap(body)(x), func.grad(lambda a: body(a).sum())(W), list(log)

        self.check(f, X)

    def test_errors(self):
        self.check(lambda x: func.vmap(lambda a: a + fj.zeros(5))(x), X, graphs=None, fullgraph=False)
        self.check(lambda w: func.grad(lambda a: a * 2)(w), W, graphs=None, fullgraph=False)
        self.check(lambda x: func.vmap(lambda a: 1)(x), X, graphs=None, fullgraph=False)

    def test_errors_that_are_caught(self):
        def f(x):
            try:
                func.vmap(lambda a: a.sum().item())(x)
            except RuntimeError as e:
                told = str(e)
            try:
                func.vmap(lambda a: func.grad(lambda b: 1 / 0)(a))(x)
            except ZeroDivisionError:
                return told, func.vmap(lambda a: a * 3)(x)

        self.check(f, X)

    def test_what_cannot_be_captured_inside(self):
        def f(x):
            def body(a):
                print("inside")
                return (a * a).sum()

            y = x + 1
            return func.vmap(body)(y) + 1, func.grad(body)(y[0]) * 2

        self.check(f, X, graphs=3, fullgraph=False)

    def test_a_tensor_that_outlives_its_vmap(self):
        def f(x):
            kept = []
            func.vmap(lambda a: kept.append(a) or a * 2)(x)
            return kept[0] + 1

        self.check(f, X, graphs=None, fullgraph=False)

    def test_a_pullback_that_leaves(self):
        compiled = fj.compile(lambda w: func.vjp(fj.sin, w))
        value, pull = compiled(W)
        self.near(numbers(value), numbers(W.sin()))
        self.near(numbers(pull(fj.ones(3))[0]), numbers(W.cos()))

    def test_a_pullback_from_outside(self):
        value, pull = func.vjp(fj.sin, W)
        self.check(lambda seed: pull(seed)[0], fj.ones(3), graphs=None, fullgraph=False)

    def test_gradients_of_what_was_computed_outside(self):
        x = W.clone().requires_grad_()
        y = x * 2
        g = lambda out, given: fj.autograd.grad(out.sum(), given, retain_graph=True, allow_unused=True)  # noqa: E731
        self.check(lambda x, y: g(y * y, x), x, y, graphs=None, fullgraph=False)
        self.check(lambda x, y: g(x * y, x), x, y, graphs=None, fullgraph=False)
        self.check(lambda x, y: g(x * y, y), x, y)

    def test_layers_are_left(self):
        def f(x):
            return func.vmap(lambda a: a + missing)(x)  # noqa: F821

        for _ in range(3):
            with self.assertRaises(NameError):
                fj.compile(f)(X)
        self.assertEqual(fj._C._vmap_depth(), 0)


if __name__ == "__main__":
    unittest.main()
