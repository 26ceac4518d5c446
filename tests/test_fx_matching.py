"""fx: patterns that name their nodes, operators that only graphs call, and scripts of traced modules."""

import unittest

import framejit
from framejit import dynamo, fx, nn
from framejit.export import export
from framejit.fx.passes.utils.matcher_with_name_node_map_utils import SubgraphMatcherWithNameNodeMap
from framejit.fx.passes.utils.source_matcher_utils import check_subgraphs_connected, get_source_partitions
from framejit.nn import functional as F


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, weight):
        return self.function(x, weight)


def pattern(x, weight):
    conv = F.conv2d(x, weight)
    relu = F.relu(conv)
    return relu, relu * 2, {"conv": conv, "relu": relu}


def program(x, weight):
    relu = F.relu(F.conv2d(x * 2, weight * 3))
    return relu + relu * 2


class NamedPatterns(unittest.TestCase):
    INPUTS = (framejit.rand(1, 3, 3, 3), framejit.rand(3, 3, 3, 3))

    def test_in_exported_and_in_traced_modules(self):
        for make in (
            lambda f: fx.symbolic_trace(f),
            lambda f: export(Calls(f), self.INPUTS).module(),
        ):
            wanted, whole = make(pattern), make(program)
            before = wanted(*self.INPUTS)[:2]
            matcher = SubgraphMatcherWithNameNodeMap(wanted)
            after = matcher.pattern_gm(*self.INPUTS)
            self.assertEqual([v.tolist() for v in after], [v.tolist() for v in before])
            (match,) = matcher.match(whole.graph)
            for name in ("conv", "relu"):
                node = match.name_node_map[name]
                self.assertIs(node.graph, whole.graph)
                self.assertIn(name, str(node.target))

    def test_patterns_without_names_are_refused(self):
        with self.assertRaises(AssertionError):
            SubgraphMatcherWithNameNodeMap(fx.symbolic_trace(lambda x: (x + 1, x + 2)))


class Sources(unittest.TestCase):
    def parts(self, graph, *wanted, **more):
        return {source: [[n.name for n in p.nodes] for p in parts]
                for source, parts in get_source_partitions(graph, list(wanted), **more).items()}  # fmt: skip

    def test_of_exported_functions(self):
        def f(x, w):
            y = framejit.cos(F.relu(F.linear(x, w)))
            return F.linear(y, w) + y.cos()

        inputs = (framejit.rand(2, 2), framejit.rand(2, 2))
        for graph in (export(Calls(f), inputs).graph, dynamo.export(f, aten_graph=True)(*inputs).graph_module.graph):
            self.assertEqual(self.parts(graph, "linear"), {"linear": [["linear"], ["linear_1"]]})
            self.assertEqual(self.parts(graph, framejit.cos), {framejit.cos: [["cos"]]})  # y.cos() is a method's call
            self.assertEqual(self.parts(graph, "relu", "cos"), {"relu": [["relu"]], "cos": [["cos"], ["cos_1"]]})
            found = get_source_partitions(graph, ["linear", "relu"])
            first, second = found["linear"]
            self.assertTrue(check_subgraphs_connected(first, found["relu"][0]))
            self.assertFalse(check_subgraphs_connected(found["relu"][0], first))
            self.assertFalse(check_subgraphs_connected(first, second))
            self.assertEqual([n.name for n in second.input_nodes][0], "cos")
            self.assertEqual(self.parts(graph, "cos", filter_fn=lambda n: n.name != "cos"), {"cos": [["cos_1"]]})

    def test_results_are_the_functions(self):
        f = lambda x: {"y": x.sin() + 1}  # noqa: E731
        gm, _ = dynamo.export(f, aten_graph=True)(framejit.zeros(2))
        self.assertEqual(gm(framejit.ones(2))["y"].tolist(), f(framejit.ones(2))["y"].tolist())

    def test_of_traced_modules(self):
        class Inner(nn.Module):
            def forward(self, x):
                return x.sin() * 2

        traced = fx.symbolic_trace(nn.Sequential(Inner(), nn.ReLU(), Inner()))
        for node in traced.graph.nodes:
            node.meta.pop("source_fn_stack", None)
        self.assertEqual(self.parts(traced.graph, Inner), {Inner: [["mul"], ["mul_1"]]})
        self.assertEqual(self.parts(traced.graph, framejit.sin), {})


class Operators(unittest.TestCase):
    def test_reshape_alias(self):
        aten, x = framejit.ops.aten, framejit.arange(6.0)
        view = aten._reshape_alias.default(x, [2, 2], [3, 1])
        copy = aten._reshape_alias_copy.default(x, [2, 2], [3, 1])
        self.assertEqual(view.tolist(), [[0, 1], [3, 4]])
        self.assertEqual(copy.tolist(), view.tolist())
        x.zero_()
        self.assertEqual((view.sum().item(), copy.sum().item()), (0, 8))

    def test_ranges_of_a_profile_stay_in_a_graph(self):
        enter = framejit.ops.profiler._record_function_enter_new
        leave = framejit.ops.profiler._record_function_exit
        graph = fx.Graph()
        x = graph.placeholder("x")
        handle = graph.call_function(enter, ("cosines",))
        y = graph.call_function(framejit.cos, (x,))
        graph.call_function(leave, (handle,))
        graph.output(y)
        graph.eliminate_dead_code()
        self.assertEqual([n.target for n in graph.nodes if n.op == "call_function"], [enter, framejit.cos, leave])
        with framejit.profiler.profile() as run:
            fx.GraphModule({}, graph)(framejit.ones(2))
        ranges = [(e.name, len(e.cpu_children)) for e in run.events() if e.is_user_annotation]
        self.assertEqual(ranges, [("cosines", 1)])


def missing(x):
    return framejit.no_such_function(x)


fx.wrap("missing")


class Scripts(unittest.TestCase):
    def test_a_traced_module_shows_its_code_as_script(self):
        class Texts(nn.Module):
            def forward(self, x: list[str]) -> list[str]:
                return x

        scripted = framejit.jit.script(fx.symbolic_trace(Texts()))
        self.assertIn("-> List[str]", scripted.code)
        self.assertEqual(scripted(["a"]), ["a"])

    def test_errors_say_who_called(self):
        def caller(x):
            return missing(x)

        with self.assertRaisesRegex(
            RuntimeError, "'missing' is being compiled since it was called from 'caller.forward'"
        ):
            framejit.jit.script(fx.symbolic_trace(caller))
        with self.assertRaisesRegex(RuntimeError, "'missing' is being compiled since it was called from 'caller'"):
            framejit.jit.script(caller)
        with self.assertRaises(RuntimeError) as caught:
            framejit.jit.script(missing)
        self.assertNotIn("being compiled", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
