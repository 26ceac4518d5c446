"""fx: building, printing, changing and running graphs; tracing; what back ends rely on."""

import copy
import operator
import pickle
import unittest

import framejit
from framejit import fx, nn
from framejit.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)
        self.scale = nn.Parameter(framejit.ones(4))
        self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x, k=2):
        y = F.relu(self.linear(x)) + self.scale
        a, b = y.split(2, -1)
        y = framejit.cat([a * k, -b], dim=-1)
        return {"out": self.body(y).sum(dim=0), "rest": (y[:, 1:], y.shape)}


def add_relu():
    graph = fx.Graph()
    x, y = graph.placeholder("x"), graph.placeholder("y")
    total = graph.call_function(operator.add, (x, y))
    result = graph.call_method("relu", (total,))
    graph.output(result)
    return graph


class TraceTest(unittest.TestCase):
    def test_same_results(self):
        net, x = Net(), framejit.randn(5, 3)
        traced = fx.symbolic_trace(net)
        want = net(x)
        for got in (
            traced(x),
            fx.Interpreter(traced).run(x),
            copy.deepcopy(traced)(x),
            fx.Transformer(traced).transform()(x),
        ):
            self.assertEqual(got["out"].tolist(), want["out"].tolist())
            self.assertEqual(got["rest"][0].tolist(), want["rest"][0].tolist())
        traced.graph.lint()

    def test_nodes(self):
        traced = fx.symbolic_trace(Net())
        self.assertEqual(
            [(n.op, str(n.name)) for n in traced.graph.nodes][:6],
            [
                ("placeholder", "x"),
                ("placeholder", "k"),
                ("call_module", "linear"),
                ("call_function", "relu"),
                ("get_attr", "scale"),
                ("call_function", "add"),
            ],
        )
        relu = next(n for n in traced.graph.nodes if n.name == "relu")
        self.assertIs(relu.target, F.relu)
        self.assertEqual(list(relu.users), [relu.next.next])

    def test_code_is_readable(self):
        def f(x, y):
            z = x + y
            w = z[:, 0]
            w += 1
            return framejit.cat([w, w], dim=0).float(), x.shape

        code = fx.symbolic_trace(f).code
        for line in (
            "def forward(self, x, y):",
            "add = x + y;  y = None",
            "getitem = add[(slice(None, None, None), 0)];  add = None",
            "cat = framejit.cat([add_1, add_1], dim = 0);  add_1 = None",
            "float_1 = cat.float();  cat = None",
            "return (float_1, getattr_1)",
        ):
            self.assertIn(line, code)

    def test_control_flow_is_refused(self):
        with self.assertRaises(fx.TraceError):
            fx.symbolic_trace(lambda x: 1 if x.sum() > 0 else 2)
        with self.assertRaises(fx.TraceError):
            fx.symbolic_trace(lambda x: [v for v in x])

    def test_tracing_leaves_no_trace(self):
        before = (framejit.relu, F.linear, nn.Module.__call__)
        with self.assertRaises(ZeroDivisionError):
            fx.symbolic_trace(lambda x: 1 / 0)
        self.assertEqual((framejit.relu, F.linear, nn.Module.__call__), before)

    def test_concrete_args_and_varargs(self):
        traced = fx.symbolic_trace(lambda x, flag: x + 1 if flag else x, concrete_args={"flag": True})
        self.assertEqual(traced(framejit.ones(1), True).tolist(), [2])
        with self.assertRaisesRegex(AssertionError, "flag has been specialized to have value True"):
            traced(framejit.ones(1), False)

    def test_constants(self):
        constant = framejit.ones(2)
        traced = fx.symbolic_trace(lambda x: x + constant)
        self.assertEqual(traced(framejit.ones(2)).tolist(), [2, 2])
        self.assertTrue(hasattr(traced, "_tensor_constant0"))


class GraphTest(unittest.TestCase):
    def test_text(self):
        self.assertEqual(
            str(add_relu()),
            (
                "graph():\n"
                "    %x : [num_users=1] = placeholder[target=x]\n"
                "    %y : [num_users=1] = placeholder[target=y]\n"
                "    %add : [num_users=1] = call_function[target=operator.add](args = (%x, %y), kwargs = {})\n"
                "    %relu : [num_users=1] = call_method[target=relu](args = (%add,), kwargs = {})\n"
                "    return relu"
            ),
        )

    def test_replace_and_erase(self):
        graph = add_relu()
        add = next(n for n in graph.nodes if n.op == "call_function")
        with self.assertRaisesRegex(RuntimeError, "still had 1 users"):
            graph.erase_node(add)
        with graph.inserting_after(add):
            product = graph.call_function(operator.mul, add.args)
        self.assertEqual(add.replace_all_uses_with(product), [product.next])
        graph.erase_node(add)
        graph.lint()
        module = fx.GraphModule({}, graph)
        self.assertEqual(module(framejit.tensor([2.0]), framejit.tensor([3.0])).tolist(), [6])
        self.assertEqual(len(graph.nodes), 5)

    def test_dead_code(self):
        graph = add_relu()
        x = next(iter(graph.nodes))
        with graph.inserting_before(graph.output_node()):
            graph.call_function(operator.neg, (x,))
            graph.call_method("add_", (x, 1))
        self.assertTrue(graph.eliminate_dead_code())
        self.assertFalse(graph.eliminate_dead_code())
        self.assertEqual([n.name for n in graph.nodes], ["x", "y", "add", "relu", "add_", "output"])

    def test_lint_finds_disorder(self):
        graph = add_relu()
        nodes = list(graph.nodes)
        nodes[2].append(nodes[0])
        with self.assertRaisesRegex(RuntimeError, "used before it has been defined"):
            graph.lint()

    def test_arguments_are_immutable(self):
        graph = fx.Graph()
        x = graph.placeholder("x")
        node = graph.call_function(framejit.cat, ([x, x],), {"dim": 0})
        with self.assertRaises(NotImplementedError):
            node.args[0].append(x)
        node.args = ([x],)
        self.assertEqual(list(x.users), [node])
        node.update_kwarg("dim", 1)
        self.assertEqual(node.kwargs["dim"], 1)

    def test_names(self):
        graph = fx.Graph()
        x = graph.placeholder("x")
        names = [graph.call_method("sum", (x,)).name for _ in range(3)] + [
            graph.create_node("call_method", "t", (x,), name=n).name for n in ("x", "class", "1a", "b c", "sum_2")
        ]
        self.assertEqual(names, ["sum_1", "sum_2", "sum_3", "x_1", "class_1", "_1a", "b_c", "sum_4"])

    def test_copy_into(self):
        graph, target = add_relu(), fx.Graph()
        mapping = {}
        result = target.graph_copy(graph, mapping)
        target.output((result, result))
        self.assertEqual(len(target.nodes), 5)
        self.assertEqual(len(fx.GraphModule({}, target)(framejit.ones(1), framejit.ones(1))), 2)

    def test_special_values_in_code(self):
        graph = fx.Graph()
        x = graph.placeholder("x")
        y = graph.call_function(framejit.clamp, (x,), {"min": float("-inf"), "max": float("inf")})
        z = graph.call_method("to", (y, framejit.float64))
        graph.output((z, {"a": [None, True, 1.5, "s", slice(1, None)]}))
        out, extra = fx.GraphModule({}, graph)(framejit.ones(1))
        self.assertEqual((out.dtype, extra["a"][4]), (framejit.float64, slice(1, None)))


fx.wrap("len")


class GraphModuleTest(unittest.TestCase):
    def test_traced_again(self):
        def f(x):
            return x * len(x)

        once = fx.symbolic_trace(f)
        again = fx.symbolic_trace(once)
        self.assertIn('framejit.fx.wrap("len")', once.code)
        self.assertEqual(again.code, once.code)
        self.assertEqual(again(framejit.ones(3)).tolist(), [3.0, 3.0, 3.0])

    def test_pickle(self):
        module = fx.GraphModule({}, add_relu())
        other = pickle.loads(pickle.dumps(module))
        self.assertEqual(other.code, module.code)
        net = fx.symbolic_trace(Net())
        other = pickle.loads(pickle.dumps(net))
        x = framejit.ones(2, 3)
        self.assertEqual(other(x)["out"].tolist(), net(x)["out"].tolist())

    def test_each_has_its_own_forward(self):
        first, second = fx.GraphModule({}, add_relu()), fx.symbolic_trace(lambda x: x * 2)
        self.assertEqual(first(framejit.ones(1), framejit.ones(1)).tolist(), [2])
        self.assertEqual(second(framejit.ones(1)).tolist(), [2])
        self.assertIsInstance(first, fx.GraphModule)

    def test_submodules(self):
        net = fx.symbolic_trace(Net())
        self.assertEqual(sorted(n for n, _ in net.named_children()), ["body", "linear"])
        net.add_submodule("more.deep", nn.ReLU())
        self.assertIsInstance(net.more.deep, nn.ReLU)
        net.delete_all_unused_submodules()
        self.assertFalse(hasattr(net, "more"))
        with self.assertRaises(RuntimeError):
            fx.GraphModule({}, net.graph)

    def test_traceback_shows_the_code(self):
        module = fx.GraphModule({}, add_relu())
        import linecache

        self.assertIn("add = x + y", "".join(linecache.getlines(module.forward.__func__.__code__.co_filename)))
        self.assertIn("class GraphModule(framejit.nn.Module):", module.print_readable(print_output=False))


class InterpreterTest(unittest.TestCase):
    def test_override(self):
        class Double(fx.Interpreter):
            def call_function(self, target, args, kwargs):
                return super().call_function(target, args, kwargs) * 2

        module = fx.GraphModule({}, add_relu())
        self.assertEqual(Double(module).run(framejit.ones(1), framejit.ones(1)).tolist(), [4])

    def test_errors_name_the_node(self):
        module = fx.GraphModule({}, add_relu())
        with self.assertRaises(Exception) as caught:
            fx.Interpreter(module).run(framejit.ones(2), framejit.ones(3))
        self.assertIn("While executing %add", str(caught.exception))

    def test_shape_propagation(self):
        from framejit.fx.passes.shape_prop import ShapeProp

        module = fx.GraphModule({}, add_relu())
        ShapeProp(module).propagate(framejit.ones(2, 1), framejit.ones(3))
        self.assertEqual(tuple(module.graph.output_node().args[0].meta["tensor_meta"].shape), (2, 3))


class DescribedGraphTest(unittest.TestCase):
    def test_from_data(self):
        from framejit._backends import Ref, graph_module

        module = graph_module(
            ["a", "b"],
            [("add", ("c",), (Ref("a"), Ref("b")), {}, None), ("split", ("d", "e"), (Ref("c"), 1), {}, None)],
            ["e", "c"],
        )
        e, c = module(framejit.ones(2), framejit.ones(2))
        self.assertEqual((e.tolist(), c.tolist()), ([2], [2, 2]))


if __name__ == "__main__":
    unittest.main()
