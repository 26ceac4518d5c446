"""Graphs for back ends written in Python: nodes are the program's own calls, under the program's names."""

import builtins
import operator
import unittest

import framejit
from framejit.nn import functional as F


def nodes_of(function, *args, **options):
    """(kind, target, name) of each node, and the results, which have to be the plain call's."""
    graphs = []

    def backend(gm, example_inputs):
        graphs.append(gm)
        return gm.forward

    found = framejit.compile(function, backend=backend, **options)(*args)
    plain = function(*args)
    for a, b in zip(found, plain):
        assert a.tolist() == b.tolist(), (a, b)
    (gm,) = graphs
    return [(node.op, node.target, node.name) for node in gm.graph.nodes], gm


class CallsTest(unittest.TestCase):
    def test_forms(self):
        def f(x, y):
            total = x.sum(dim=0) + y
            total += 1
            return F.mse_loss(total, y), framejit.cat([x, x]).T, -x[0]

        nodes, gm = nodes_of(f, framejit.ones(2, 3), framejit.ones(3))
        self.assertEqual(
            nodes,
            [
                ("placeholder", "L_x_", "l_x_"),
                ("placeholder", "L_y_", "l_y_"),
                ("call_method", "sum", "sum_1"),
                ("call_function", operator.add, "total"),
                ("call_function", operator.iadd, "total_1"),
                ("call_function", F.mse_loss, "mse_loss"),
                ("call_function", framejit.cat, "cat"),
                ("call_function", builtins.getattr, "getattr_1"),
                ("call_function", operator.getitem, "getitem"),
                ("call_function", operator.neg, "neg"),
                ("output", "output", "output"),
            ],
        )
        self.assertIn('total: "f32[3]" = sum_1 + l_y_', gm.print_readable(print_output=False))

    def test_names_in_comprehensions(self):
        def f(x):
            y = x * 2
            return [y + i for i, y in enumerate([x, y])]  # 3.12 puts y aside and back

        nodes, _ = nodes_of(f, framejit.ones(2))
        self.assertEqual([name for kind, _, name in nodes if kind == "call_function"], ["y", "add", "add_1"])

    def test_results_used_beside_the_whole_call(self):
        kept = []

        class Noting(framejit.nn.Module):
            def forward(self, x):
                kept.append(x)
                return F.softmax(x, -1)

        module = Noting()

        def f(x):
            del kept[:]
            return module(x * 2), kept[0] + 1

        nodes, _ = nodes_of(f, framejit.ones(2))
        self.assertIn(("call_function", F.softmax, "softmax"), nodes)

    def test_calls_below_transformations_are_ops(self):
        def f(x):
            return (framejit.func.grad(lambda x: x.sin().sum())(x),)

        nodes, _ = nodes_of(f, framejit.ones(3))
        self.assertIn(("call_function", framejit.cos), [(kind, target) for kind, target, _ in nodes])

    def test_numbers_read_from_data(self):
        def f(x):
            return (x + x.sum().item(),)

        nodes, _ = nodes_of(f, framejit.ones(3), fullgraph=True)
        self.assertIn(("call_method", "item", "item"), nodes)


if __name__ == "__main__":
    unittest.main()
