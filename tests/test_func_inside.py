"""What is said and what is refused inside of a function that is transformed; autograd.Function there; views by strides."""

import unittest

import framejit
from framejit import autograd
from framejit.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

X = framejit.tensor([1.0, 2.0, 3.0])


class Refused(unittest.TestCase):
    def test_switches_of_the_tape(self):
        def flag(x):
            x.requires_grad_()
            return x.sin().sum()

        def kept(x):
            y = x.sin()
            y.retain_grad()
            return y.sum()

        for f, words in ((flag, "requires_grad_"), (kept, "retain_grad")):
            for transformed in (grad(f), vmap(f), vmap(grad(f)), grad(grad(f)), lambda x: jvp(f, (x,), (x,))):
                with self.assertRaisesRegex(RuntimeError, words):
                    transformed(X)
        with self.assertRaisesRegex(RuntimeError, "autograd.functional"):
            grad(lambda x: autograd.functional.vjp(lambda y: y.sin().sum(), x)[1].sum())(X)
        X.clone().requires_grad_()  # and all is as before

    def test_hooks_of_saved_tensors(self):
        f = lambda x: x.sin().sum()  # noqa: E731

        def inside(x):
            with autograd.graph.save_on_cpu():
                return f(x)

        for transform in (grad, jacrev, hessian, lambda f: lambda x: vjp(f, x)):
            with self.assertRaisesRegex(RuntimeError, "saved tensor hooks"):
                transform(inside)(X)
            with self.assertRaisesRegex(RuntimeError, "saved tensor hooks"), autograd.graph.save_on_cpu():
                transform(f)(X)
        with autograd.graph.save_on_cpu():
            self.assertEqual(jvp(f, (X,), (framejit.ones(3),))[1].item(), X.cos().sum().item())
        x = X.clone().requires_grad_()
        inside(x).backward()
        self.assertEqual(x.grad.tolist(), X.cos().tolist())

    def test_out_dims_are_of_the_results_kind(self):
        for out, dims in (([X, X], (0, 0)), ((X, X), [0, 0]), ([X], (0,))):
            with self.assertRaisesRegex(ValueError, "not compatible"):
                vmap(lambda x, out=out: out, out_dims=dims)(X)
        with self.assertRaisesRegex(ValueError, "not compatible"):
            vmap(lambda pair: pair[0], in_dims=((0, 0),))([X, X])


class Square(autograd.Function):
    @staticmethod
    def forward(x, scale=1.0):
        return x * x * scale

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.scale = inputs[1] if len(inputs) > 1 else 1.0

    @staticmethod
    def backward(ctx, g):
        return 2 * ctx.saved_tensors[0] * g * ctx.scale, None


class Functions(unittest.TestCase):
    def test_named_arguments(self):
        x = X.clone().requires_grad_()
        autograd.grad(Square.apply(x, scale=3.0).sum(), x)
        self.assertEqual(autograd.grad(Square.apply(x, scale=3.0).sum(), x)[0].tolist(), (6 * X).tolist())
        self.assertEqual(grad(lambda x: Square.apply(x, scale=3.0).sum())(X).tolist(), (6 * X).tolist())

        class Named(Square):
            @staticmethod
            def forward(x, *, scale):
                return x * scale

        with self.assertRaisesRegex(NotImplementedError, "kwarg-only Tensor args"):
            vmap(Named.apply)(X, scale=X)

    def test_a_context_in_forward_is_refused(self):
        class Old(autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x.sin()

            @staticmethod
            def backward(ctx, g):
                return g

        self.assertEqual(Old.apply(X).tolist(), X.sin().tolist())
        f = lambda x: Old.apply(x).sum()  # noqa: E731
        for transformed in (grad(f), vmap(Old.apply), jacrev(Old.apply), jacfwd(Old.apply), hessian(f)):
            with self.assertRaisesRegex(RuntimeError, "must override the setup_context"):
                transformed(X)
            with self.assertRaisesRegex(RuntimeError, "must override the setup_context"):
                framejit.compile(transformed)(X)

    def rule(self, rule, *args):
        namespace = {"forward": staticmethod(lambda *a: X), "vmap": staticmethod(rule)}
        namespace["setup_context"] = staticmethod(lambda ctx, inputs, output: None)
        return vmap(type("Mine", (autograd.Function,), namespace).apply)(*args)

    def test_vmap_rules_see_containers_and_give_two_things(self):
        seen = []

        def note(info, in_dims, x, pair):
            seen.append(in_dims)
            return (x * 2, [pair[0]]), (0, [0])

        doubled, (first,) = self.rule(note, X, [X, X])
        self.assertEqual(seen, [(0, [0, 0])])
        self.assertEqual((doubled.tolist(), first.tolist()), ([2.0, 4.0, 6.0], X.tolist()))
        for given, words in ((X, "to have two returns"), ((X, 0, 0), "to have two returns"),
                             ((X, (None,)), "incompatible"), (([X], (None,)), "incompatible")):  # fmt: skip
            with self.assertRaisesRegex(RuntimeError, words):
                self.rule(lambda info, in_dims, x, given=given: given, X)


class Values(unittest.TestCase):
    def test_a_batch_is_printed_whole(self):
        texts = []

        def f(x):
            texts.append(repr(x))
            return x

        x = framejit.arange(6.0).reshape(2, 3)
        vmap(vmap(f), in_dims=1)(x)
        inner = "BatchedTensor(lvl=1, bdim=1, value=\n    tensor([[0., 1., 2.],\n            [3., 4., 5.]])\n)"
        self.assertEqual(texts, ["BatchedTensor(lvl=2, bdim=0, value=\n    " + inner.replace("\n", "\n    ") + "\n)"])
        escaped = []
        vmap(lambda x: escaped.append(x) or x)(x)
        self.assertEqual(repr(escaped[0]), "tensor(..., size=(3,), dtype=framejit.float32)")

    def test_gradients_of_strided_reads_have_the_layout_of_memory(self):
        base = framejit.rand(2, 6, dtype=framejit.float64).requires_grad_()
        seed = framejit.ones(6, dtype=framejit.float64).requires_grad_()
        view = framejit.as_strided(base, (6,), (1,), 0)
        (g,) = autograd.grad(view, base, seed, create_graph=True)
        back = framejit.arange(12.0, dtype=framejit.float64).reshape(6, 2).t()  # not contiguous
        self.assertEqual(autograd.grad(g, seed, back)[0].tolist(), back[0].tolist())

    def test_views_follow_their_base_in_batches_of_directions(self):
        def f(x, y):
            x = x.clone()
            view = x[0]
            x.copy_(y)
            return view, x

        x, y, t = framejit.rand(2, 4, 6), framejit.rand(2, 6, 4), framejit.rand(2, 6, 4)
        push = lambda x, y, t: jvp(lambda y: f(x, y), (y,), (t,))  # noqa: E731
        values, tangents = vmap(push, in_dims=(1, 2, 2))(x, y, t)
        self.assertEqual(values[0].tolist(), y.movedim(2, 0)[:, 0].tolist())
        self.assertEqual(tangents[0].tolist(), t.movedim(2, 0)[:, 0].tolist())
        self.assertEqual(tangents[1].tolist(), t.movedim(2, 0).tolist())

    def test_writes_to_the_input_of_a_directional_derivative(self):
        def f(x):
            x.mul_(2)
            return x.sin().sum()

        x = framejit.ones(2)
        value, tangent = jvp(f, (x,), (framejit.ones(2),))
        two = framejit.full((2,), 2.0)
        self.assertEqual((value.item(), tangent.item()), (two.sin().sum().item(), (2 * two.cos()).sum().item()))
        self.assertEqual(x.tolist(), [2.0, 2.0])
        with self.assertRaisesRegex(RuntimeError, "leaf Variable"):
            grad(f)(framejit.ones(2))

    def test_strided_views_of_each_entry(self):
        x = framejit.arange(24.0).reshape(2, 3, 4)
        for dim in (0, 1):
            got = vmap(lambda a: a.as_strided((2, 2), (a.stride(0), 1)), in_dims=dim)(x)
            want = framejit.stack([a.as_strided((2, 2), (a.stride(0), 1)) for a in x.unbind(dim)])
            self.assertEqual(got.tolist(), want.tolist())
        with self.assertRaisesRegex(RuntimeError, "outside"):
            vmap(lambda a: a.as_strided((13,), (1,)))(x)

        def written(x):
            y = x.clone()
            y[0].mul_(x[1])
            return y.reshape(-1)

        p = framejit.rand(2, 3)
        rows = [autograd.grad(written(q)[i], q)[0] for i in range(6) for q in [p.clone().requires_grad_()]]
        for transform in (jacrev, jacfwd):
            framejit.testing.assert_close(transform(written)(p), framejit.stack(rows))


if __name__ == "__main__":
    unittest.main()
