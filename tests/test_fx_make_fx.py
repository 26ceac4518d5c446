"""make_fx of transformations of functions: the graph computes for other inputs what the transformed function computes."""

import unittest

import framejit
from framejit.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap
from framejit.fx.experimental.proxy_tensor import make_fx
from framejit.nn import functional as F

WEIGHT = framejit.rand(3, 3)
LAYER = framejit.nn.Linear(3, 2)


def net(x):
    return (x @ WEIGHT).tanh().sum()


CASES = [  # function, sizes of its arguments
    (vmap(framejit.sin), [(5, 3)]),
    (vmap(lambda a, b: (a * b).sum(), in_dims=(0, 1)), [(2, 3), (3, 2)]),
    (vmap(vmap(lambda a: a.cumsum(0).flip(0))), [(2, 3, 4)]),
    (vmap(lambda a: a.clone().add_(1).mul_(a)), [(3, 2)]),
    (grad(net), [(3,)]),
    (vmap(grad(net)), [(4, 3)]),
    (grad(lambda a: grad(net)(a).sin().sum()), [(3,)]),
    (hessian(net), [(3,)]),
    (jacfwd(lambda a: a * a.sum()), [(3,)]),
    (jacrev(lambda a: F.softmax(a, 0), chunk_size=1), [(3,)]),
    (lambda x: vmap(lambda row: row * x.sum())(x), [(3, 2)]),
    (lambda x: jvp(net, (x,), (x.cos(),))[1], [(3,)]),
    (lambda x: vjp(net, x)[1](x.sum())[0] + 1, [(3,)]),
    (lambda x: linearize(net, x)[1](x * 2), [(3,)]),
    (lambda x: vmap(grad(lambda a: a.sort()[0].cumsum(0)[1:].prod()))(x), [(2, 4)]),
    (lambda w, x: grad(lambda p: functional_call(LAYER, {"weight": p}, (x,)).sum())(w), [(2, 3), (5, 3)]),
]


class Transformations(unittest.TestCase):
    def test_graphs_compute_for_other_inputs(self):
        for i, (f, sizes) in enumerate(CASES):
            with self.subTest(i):
                graph = make_fx(f)(*(framejit.randn(s) for s in sizes))
                for _ in range(2):
                    args = [framejit.randn(s) for s in sizes]
                    framejit.testing.assert_close(graph(*args), f(*args))
                targets = [n.target for n in graph.graph.nodes if n.op == "call_function"]
                self.assertTrue(targets and all("func" not in getattr(t, "__module__", "") for t in targets))

    def test_a_pullback_alone(self):
        value, pull = vjp(lambda x: {"y": x.sin().sum()}, framejit.rand(3))
        graph = make_fx(pull)({"y": framejit.rand(())}, True, False)
        seed = {"y": framejit.rand(())}
        framejit.testing.assert_close(graph(seed, True, False), pull(seed))

    def test_values_around_are_followed(self):
        def f(x):
            y = x.exp()
            return grad(lambda a: (a * y).sum())(x) + y

        graph = make_fx(f)(framejit.zeros(2))
        self.assertEqual([n for n in graph.graph.nodes if n.op == "get_attr"], [])
        x = framejit.tensor([1.0, -2.0])
        framejit.testing.assert_close(graph(x), 2 * x.exp())

    def test_what_is_not_told_is_refused(self):
        f = grad(lambda x: (x.clone().mul_(x) * x).sum())
        x = framejit.tensor([2.0])
        self.assertEqual(f(x).tolist(), [12.0])
        with self.assertRaises(NotImplementedError):
            make_fx(f)(x)
        self.assertEqual(make_fx(grad(net))(framejit.ones(3))(framejit.ones(3)).shape, (3,))  # nothing is left behind


class Subscripts(unittest.TestCase):
    def test_they_are_operators(self):
        x = framejit.arange(120.0).reshape(2, 3, 4, 5)
        i, j = framejit.tensor([1, 0, 1]), framejit.tensor([[0], [1]])
        every, mask = slice(None), framejit.tensor([True, False, True])
        aten = framejit.ops.aten
        cases = [  # subscript, and the operators that it becomes
            (0, "select.int"),
            (..., "alias.default"),
            (i, "index.Tensor"),
            ((every, i), "index.Tensor"),
            ((0, i), "select.int index.Tensor"),
            ((i, j, every, 0), "select.int index.Tensor"),
            ((j, every, i[:2]), "index.Tensor"),
            ((0, None, i), "select.int unsqueeze.default index.Tensor"),
            ((None, 0, ..., None, 2), "unsqueeze.default select.int unsqueeze.default select.int"),
            ((every, slice(1, None), slice(0, 4, 2)), "slice.Tensor slice.Tensor"),
            ((..., -1), "select.int"),
            ((every, mask), None),  # CPython's operator, as the operator index takes no masks
        ]
        for index, names in cases:
            graph = make_fx(lambda x, index=index: x[index])(x)
            targets = [n.target for n in graph.graph.nodes if n.op == "call_function"]
            if names is not None:
                want = [getattr(getattr(aten, name.split(".")[0]), name.split(".")[1]) for name in names.split()]
                self.assertEqual(targets, want)
            for given in (x, x + 1):
                self.assertEqual(graph(given).tolist(), given[index].tolist())


if __name__ == "__main__":
    unittest.main()
