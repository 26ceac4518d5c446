"""func: grad, vjp, vmap and their nesting; functional_call."""

import dataclasses
import unittest

import framejit as fj
import numpy as np
from framejit import func, nn
from framejit.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)
from framejit.utils import _pytree as pytree


def close(test, got, want, tol=1e-5):
    got = got.detach().numpy() if isinstance(got, fj.Tensor) else np.asarray(got)
    want = want.detach().numpy() if isinstance(want, fj.Tensor) else np.asarray(want)
    test.assertEqual(got.shape, want.shape)
    np.testing.assert_allclose(got, want, rtol=tol, atol=tol)


X = fj.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
W = fj.tensor([1.0, 0.5, 2.0])


class DirectionsOfDirections(unittest.TestCase):
    """A tangent depends on the point and on the direction."""

    def test_nested(self):
        one = fj.ones(3)
        first = lambda a: jvp(fj.sin, (a,), (one,))[1]  # noqa: E731
        close(self, jvp(first, (W,), (one,))[1], -W.sin())
        close(self, jvp(lambda a: jvp(first, (a,), (one,))[1], (W,), (one,))[1], -W.cos())
        close(self, grad(lambda a: first(a).sum())(W), -W.sin())
        close(self, grad(lambda t: (jvp(fj.sin, (W,), (t,))[1] ** 2).sum())(X[0]), 2 * X[0] * W.cos() ** 2)
        close(self, vmap(first)(X), X.cos())
        close(self, linearize(first, W)[1](one), -W.sin())
        close(self, vmap(lambda a: linearize(fj.sin, a)[1](one))(X), X.cos())

    def test_outside(self):
        w = W.clone().requires_grad_()
        tangent = jvp(fj.sin, (w,), (fj.ones(3),))[1]
        close(self, fj.autograd.grad(tangent.sum(), w)[0], -W.sin())
        self.assertFalse(jvp(fj.sin, (W,), (fj.ones(3),))[1].requires_grad)
        with fj.no_grad():
            self.assertFalse(jvp(fj.sin, (w,), (fj.ones(3),))[1].requires_grad)

    def test_strict(self):
        close(self, jvp(fj.sin, (W,), (fj.ones(3),), strict=True)[1], W.cos())
        with self.assertRaisesRegex(RuntimeError, "independent"):
            jvp(lambda a: fj.ones(3), (W,), (fj.ones(3),), strict=True)


class Grad(unittest.TestCase):
    def test_grad(self):
        g = grad(lambda a: (a.sin() * W).sum())(W)
        close(self, g, W.cos() * W)
        self.assertFalse(g.requires_grad)

    def test_argnums_aux_and_value(self):
        f = lambda a, b: (a * b * b).sum()  # noqa: E731
        ga, gb = grad(f, argnums=(0, 1))(W, X[0])
        close(self, ga, X[0] ** 2)
        close(self, gb, 2 * W * X[0])
        close(self, grad(f, argnums=-1)(W, X[0]), gb)
        g, aux = grad(lambda a: ((a * a).sum(), a + 1), has_aux=True)(W)
        close(self, g, 2 * W)
        close(self, aux, W + 1)
        self.assertFalse(aux.requires_grad)
        g, v = grad_and_value(lambda a: (a * a).sum())(W)
        close(self, v, (W * W).sum())

    def test_trees(self):
        params = {"w": W, "b": [fj.tensor(0.5), X[0]]}
        g = grad(lambda p: (p["w"] * p["b"][1]).sum() + p["b"][0] ** 2)(params)
        close(self, g["w"], X[0])
        close(self, g["b"][0], 1.0)
        close(self, g["b"][1], W)

    def test_nested(self):
        cube = lambda a: (a**3).sum()  # noqa: E731
        close(self, grad(lambda a: grad(cube)(a).sum())(W), 6 * W)
        close(self, grad(lambda a: grad(lambda b: grad(cube)(b).sum())(a).sum())(W), fj.full((3,), 6.0))
        # What belongs to the outer derivative is a constant to the inner one.
        close(self, grad(lambda a: (a * grad(lambda b: (a.detach() * b).sum())(a)).sum())(W), W)

    def test_outer_tape_goes_on(self):
        p = W.detach().clone().requires_grad_()
        g = grad(lambda a: (a * a * p).sum())(X[0])
        self.assertTrue(g.requires_grad)
        g.sum().backward()
        close(self, p.grad, 2 * X[0])

    def test_under_no_grad(self):
        with fj.no_grad():
            close(self, grad(lambda a: (a * a).sum())(W), 2 * W)

    def test_unused_argument(self):
        close(self, grad(lambda a, b: (a * a).sum(), argnums=1)(W, X), fj.zeros(2, 3))

    def test_errors(self):
        with self.assertRaisesRegex(RuntimeError, "Expected f.* to return a scalar Tensor, got tensor with 1 dims"):
            grad(lambda a: a * 2)(W)
        with self.assertRaisesRegex(RuntimeError, "Expected the output of f to be a Tensor|Expected f.*Tensor"):
            grad(lambda a: 2.0)(W)
        with self.assertRaisesRegex(RuntimeError, "argnum"):
            grad(lambda a: a.sum(), argnums=3)(W)
        with self.assertRaisesRegex(RuntimeError, "only Tensors of floating point dtype can require gradients"):
            grad(lambda a: a.sum())(fj.arange(3))
        with self.assertRaisesRegex(ValueError, "must be Tensor"):
            grad(lambda a: W.sum())("a")

    def test_vjp(self):
        out, pull = vjp(lambda a, b: (a * b, a.sum()), W, X[0])
        ga, gb = pull((fj.ones(3), fj.tensor(2.0)))
        close(self, out[0], W * X[0])
        close(self, ga, X[0] + 2)
        close(self, gb, W)
        (g,) = vjp(lambda a: a * a, W)[1](fj.ones(3))
        close(self, g, 2 * W)

    def test_jvp(self):
        value, tangent = jvp(lambda a: a**3, (W,), (fj.tensor([1.0, 0.0, 2.0]),))
        close(self, value, W**3)
        close(self, tangent, 3 * W**2 * fj.tensor([1.0, 0.0, 2.0]))

    def test_jacobians(self):
        f = lambda a: a**2 * W  # noqa: E731
        want = fj.diag(2 * X[0] * W)
        close(self, jacrev(f)(X[0]), want)
        close(self, jacfwd(f)(X[0]), want)
        close(self, vmap(jacrev(f))(X), fj.stack([jacrev(f)(x) for x in X]))
        close(self, hessian(lambda a: (a**3).sum())(W), fj.diag(6 * W))


class Vmap(unittest.TestCase):
    def test_dims(self):
        close(self, vmap(fj.dot, (0, None))(X, W), X @ W)
        close(self, vmap(lambda a: a * 2, in_dims=1, out_dims=1)(X), X * 2)
        close(self, vmap(lambda a: a * 2, in_dims=1)(X), X.t() * 2)
        close(self, vmap(lambda a: a * 2, in_dims=-1, out_dims=-1)(X), X * 2)
        a, b = vmap(lambda x: (x.sum(), x), out_dims=(0, 1))(X)
        close(self, a, X.sum(1))
        close(self, b, X.t())

    def test_trees(self):
        out = vmap(lambda d, w: {"y": d["x"] * w, "z": [d["x"].sum()]}, in_dims=({"x": 0}, None))({"x": X}, W)
        close(self, out["y"], X * W)
        close(self, out["z"][0], X.sum(1))

    def test_unbatched_result(self):
        close(self, vmap(lambda a: W)(X), W.expand(2, 3))
        close(self, vmap(lambda a: (a, W), out_dims=(0, None))(X)[1], W)

    def test_nested(self):
        close(self, vmap(vmap(lambda a, b: a * b, (None, 0)), (0, None))(W, W), W[:, None] * W)
        close(self, vmap(vmap(vmap(lambda a: a + 1)))(X[None].expand(2, 2, 3).clone()), X[None].expand(2, 2, 3) + 1)

    def test_chunks(self):
        x = fj.arange(14.0).reshape(7, 2)
        for n in (1, 2, 3, 7, 20):
            close(self, vmap(lambda a: a * 2, chunk_size=n)(x), x * 2)

    def test_in_place(self):
        def f(a):
            b = a.clone()
            b.add_(1)
            b[0] = a.sum()
            b[1:].mul_(2)
            return b

        close(self, vmap(f)(X), fj.stack([f(x) for x in X]))
        with self.assertRaisesRegex(RuntimeError, "vmap: .*is not possible because there exists a Tensor `other`"):
            vmap(lambda a: fj.zeros(3).add_(a))(X)

    def test_new_tensors_can_be_written(self):
        def f(a):
            out = a.new_zeros(3)
            out.copy_(a)
            return out * 2

        close(self, vmap(f)(X), X * 2)

    def test_batched_indices(self):
        table = fj.arange(12.0).reshape(4, 3)
        at = fj.tensor([[0, 3], [1, 1]])
        close(self, vmap(lambda i: table[i])(at), table[at])
        close(
            self,
            vmap(lambda t, i: t[:, i])(table.expand(2, 4, 3), fj.tensor([[0, 2], [1, 1]])),
            fj.stack([table[:, [0, 2]], table[:, [1, 1]]]),
        )

        def put(t, i):
            t = t.clone()
            t[i] = 9.0
            return t

        close(self, vmap(put)(table.expand(2, 4, 3), at), fj.stack([put(table, i) for i in at]))

    def test_randomness(self):
        zeros = fj.zeros(4, 5)
        with self.assertRaisesRegex(RuntimeError, "random operation while in randomness error mode"):
            vmap(lambda a: a + fj.rand(5))(zeros)
        different = vmap(lambda a: a + fj.rand(5), randomness="different")(zeros)
        self.assertNotEqual(different[0].tolist(), different[1].tolist())
        same = vmap(lambda a: a + fj.rand(5), randomness="same")(zeros)
        self.assertEqual(same[0].tolist(), same[1].tolist())
        same = vmap(lambda a: fj.rand_like(a), randomness="same")(zeros)
        self.assertEqual(same[0].tolist(), same[3].tolist())
        different = vmap(lambda a: fj.bernoulli(a + 0.5), randomness="different")(fj.zeros(8, 40))
        self.assertNotEqual(different[0].tolist(), different[1].tolist())

    def test_data_dependence(self):
        with self.assertRaisesRegex(RuntimeError, "vmap: It looks like you're"):
            vmap(lambda a: a if a.sum() > 0 else -a)(X)
        with self.assertRaisesRegex(RuntimeError, r"vmap: It looks like you're calling .item\(\)"):
            vmap(lambda a: a.sum().item())(X)
        with self.assertRaisesRegex(RuntimeError, "dynamic shape"):
            vmap(lambda a: a.nonzero())(X)

    def test_named_results_and_registered_containers(self):
        @dataclasses.dataclass
        class Pair:
            first: object
            second: object

        pytree.register_dataclass(Pair)
        for found in (vmap(fj.sort)(X), fj.compile(vmap(fj.sort))(X)):
            self.assertIs(type(found), type(fj.sort(X)))
            close(self, found.values, np.sort(X.numpy(), -1))
        close(self, vmap(lambda a: a.max(0))(X).indices, X.numpy().argmax(-1))
        both = vmap(lambda p: Pair(p.first + p.second, [p.first]), in_dims=(Pair(0, None),))(Pair(X, W[0]))
        close(self, both.first, X.numpy() + W[0].item())
        self.assertEqual(vmap(lambda a: (a, "text"), out_dims=(0, None))(X)[1], "text")

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "Expected all tensors to have the same size in the mapped dimension"):
            vmap(lambda a, b: a)(X, W)
        with self.assertRaisesRegex(ValueError, "in_dims is not compatible"):
            vmap(lambda a: a, in_dims=(0, 0))(X)
        with self.assertRaisesRegex(ValueError, "dimensionality 2"):
            vmap(lambda a: a, in_dims=2)(X)
        with self.assertRaisesRegex(ValueError, "must only return Tensors"):
            vmap(lambda a: 3)(X)
        for dim in (2, -3):
            with self.assertRaisesRegex(IndexError, "out of range"):
                vmap(lambda a: a, out_dims=dim)(X)
        with self.assertRaisesRegex(RuntimeError, "randomness"):
            vmap(lambda a: a, randomness="maybe")
        # An error inside leaves no layer behind.
        with self.assertRaisesRegex(KeyError, "x"):
            vmap(lambda a: {}["x"])(X)
        close(self, X + 1, X.numpy() + 1)

    def test_escaped_tensor(self):
        kept = []
        vmap(lambda a: kept.append(a) or a)(X)
        with self.assertRaises(RuntimeError):
            kept[0] + 1

    def test_promotion_of_scalars(self):
        x = fj.tensor([1.0, 2.0], dtype=fj.float64)
        out = vmap(lambda a: a * W)(x)
        self.assertEqual(out.dtype, fj.float32)

    def test_gradients_through_vmap(self):
        p = W.detach().clone().requires_grad_()
        vmap(lambda a: (a * p).sum() ** 2)(X).sum().backward()
        q = W.detach().clone().requires_grad_()
        sum((x * q).sum() ** 2 for x in X).backward()
        close(self, p.grad, q.grad)


class Together(unittest.TestCase):
    def loss(self, p, x):
        return ((p * x).sum() - 1) ** 2

    def test_per_sample_gradients(self):
        got = vmap(grad(self.loss), (None, 0))(W, X)
        close(self, got, fj.stack([grad(self.loss)(W, x) for x in X]))

    def test_grad_of_vmap(self):
        got = grad(lambda p: vmap(self.loss, (None, 0))(p, X).sum())(W)
        close(self, got, sum(grad(self.loss)(W, x) for x in X))

    def test_deep(self):
        f = lambda p, x: grad(lambda q: grad(self.loss)(q, x).sum())(p)  # noqa: E731
        close(self, vmap(f, (None, 0))(W, X), fj.stack([f(W, x) for x in X]))
        close(
            self,
            vmap(vmap(grad(self.loss), (None, 0)), (0, None))(X, X),
            fj.stack([fj.stack([grad(self.loss)(p, x) for x in X]) for p in X]),
        )

    def test_model(self):
        fj.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        params = {k: v.detach() for k, v in net.named_parameters()}
        target = fj.tensor([0, 1])

        def loss(params, x, y):
            return nn.functional.cross_entropy(functional_call(net, params, (x,)), y)

        close(self, functional_call(net, params, (X,)), net(X))
        per_sample = vmap(grad(loss), (None, 0, 0))(params, X, target)
        for i in range(2):
            one = grad(loss)(params, X[i], target[i])
            for k in params:
                close(self, per_sample[k][i], one[k])
        net(X)  # its own parameters are back

    def test_convolution_per_sample(self):
        fj.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(0), nn.Linear(8, 3))
        params = {k: v.detach() for k, v in net.named_parameters()}
        images, labels = fj.randn(5, 1, 4, 4), fj.tensor([0, 1, 2, 0, 1])

        def loss(params, x, y):
            return nn.functional.cross_entropy(functional_call(net, params, (x,)), y)

        got = vmap(grad(loss), (None, 0, 0))(params, images, labels)
        for i in range(5):
            one = grad(loss)(params, images[i], labels[i])
            for k in params:
                close(self, got[k][i], one[k], 1e-4)

    def test_ensemble(self):
        fj.manual_seed(0)
        nets = [nn.Linear(3, 2) for _ in range(3)]
        params, buffers = stack_module_state(nets)
        base = nets[0]
        out = vmap(lambda p, b, x: functional_call(base, (p, b), (x,)), (0, 0, None))(params, buffers, X)
        close(self, out, fj.stack([n(X) for n in nets]))

    def test_functional_call_errors(self):
        net = nn.Linear(3, 2)
        with self.assertRaisesRegex(RuntimeError, "unexpected key"):
            functional_call(net, {"nothing": W}, (X,))
        self.assertTrue(hasattr(func, "vmap"))


class Directions(unittest.TestCase):
    def test_linearize(self):
        f = lambda a, b: {"x": (a.sin() * b).sum(0), "y": a @ b.t()}  # noqa: E731
        value, push = linearize(f, X, X * 2)
        calls = [(X.cos(), fj.ones(2, 3)), (fj.ones(2, 3), X)]
        close(self, value["y"], f(X, X * 2)["y"])
        for tangents in calls:
            want = jvp(f, (X, X * 2), tangents)[1]
            got = push(*tangents)
            for key in want:
                close(self, got[key], want[key])
        for bad in ((X,), (X, X[:1]), (X, X.double())):
            with self.assertRaises(RuntimeError):
                push(*bad)

    def test_jacobians_in_chunks(self):
        f = lambda a, b: [a.sin() + b, (a * b).sum()]  # noqa: E731
        want = jacrev(f, argnums=(0, 1))(X, X + 1)
        for chunk_size in (1, 2, 5, 100):
            got = jacrev(f, argnums=(0, 1), chunk_size=chunk_size)(X, X + 1)
            for row, expected in zip(got, want):
                for part, whole in zip(row, expected):
                    close(self, part, whole)
        close(self, jacrev(lambda a: a)(fj.tensor(2.0)), fj.tensor(1.0))
        with self.assertRaisesRegex(ValueError, "chunk_size"):
            jacrev(f, chunk_size=0)

    def test_functionalize(self):
        def f(x):
            y = x.clone()
            return y.add_(1)

        close(self, func.functionalize(f)(X), X + 1)
        with self.assertRaisesRegex(RuntimeError, "invalid argument"):
            func.functionalize(f, remove="views")

    def test_batch_norm_without_memory(self):
        net = func.replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(3, affine=False)).eval())
        close(self, net(X), (X - X.mean(0)) / (X.var(0, correction=0) + 1e-5).sqrt())


class NoGradOutside(unittest.TestCase):
    def test_the_gradient_is_a_constant(self):
        x = fj.tensor(1.5, requires_grad=True)

        def h(x):
            with fj.no_grad():
                shift = grad(lambda x: 0.25 * x**4)(x)
            return x**3 - shift

        y = grad(h)(x)
        close(self, y, 3 * x**2)
        close(self, fj.autograd.grad(y, x)[0], 6 * x)
        with fj.no_grad():
            out, pull = vjp(lambda x: x**2, x)
            (back,) = pull(fj.tensor(1.0))
        self.assertFalse(out.requires_grad or back.requires_grad)
        close(self, back, 2 * x)


class BadInput(unittest.TestCase):
    def test_messages(self):
        f = lambda x: x  # noqa: E731
        for text, call in (
            ("output of function f should be a tuple", lambda: grad(lambda x: [x, x], has_aux=True)(W)),
            ("Expected tensors, got unsupported type", lambda: grad(lambda x: (x.sum(), 1), has_aux=True)(W)),
            ("non-empty output", lambda: vjp(lambda x: (), W)),
            ("return only tensors", lambda: jacrev(lambda x: 3)(W)),
            ("Expected pytree structure", lambda: vjp(lambda x: (x, (x, x)), W)[1](((W, (W, W)),))),
            ("must be unique", lambda: jacfwd(fj.mul, argnums=(0, -2))(W, W)),
            ("int or Tuple", lambda: grad(fj.mul, argnums=[0])(W, W)),
            ("but only 2", lambda: grad(fj.mul, argnums=2)(W, W)),
            ("Expected primals to be a tuple", lambda: jvp(f, W, W)),
            ("same python structure", lambda: jvp(f, (W,), [W])),
            ("only contain Tensors", lambda: jvp(f, (1.0,), (W,))),
            ("at least one Tensor", lambda: jvp(f, (), ())),
            ("strict", lambda: jvp(lambda x: (x, X), (W,), (W,), strict=True)),
            (
                "same .requires_grad",
                lambda: stack_module_state([nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)]),
            ),
        ):
            with self.subTest(text), self.assertRaisesRegex(RuntimeError, text):
                call()


if __name__ == "__main__":
    unittest.main()
