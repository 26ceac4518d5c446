"""fx's tools: what they make of a graph computes what the program computes, and has the shape that was asked for."""

import copy
import doctest
import importlib
import math
import operator
import pickle
import pkgutil
import tempfile
import unittest
from pathlib import Path

import framejit
from framejit import fx, nn
from framejit.fx import subgraph_rewriter
from framejit.fx.experimental.const_fold import split_const_subgraphs
from framejit.fx.experimental.proxy_tensor import make_fx
from framejit.fx.experimental.rewriter import RewritingTracer
from framejit.fx.passes.dialect.common.cse_pass import CSEPass
from framejit.fx.passes.graph_drawer import FxGraphDrawer
from framejit.fx.passes.infra.partitioner import CapabilityBasedPartitioner
from framejit.fx.passes.infra.pass_manager import PassManager, pass_result_wrapper, this_before_that_pass_constraint
from framejit.fx.passes.operator_support import OperatorSupport, any_chain, chain, create_op_support
from framejit.fx.passes.split_module import split_module
from framejit.fx.passes.utils.common import compare_graphs
from framejit.fx.passes.utils.fuser_utils import validate_partition
from framejit.nn import functional as F

X = framejit.arange(6.0).reshape(2, 3) - 2


def leaf(x):
    return x * 3


fx.wrap("leaf")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 2)
        self.scale = nn.Parameter(framejit.ones(3))
        self.offset = framejit.ones(3)

    def forward(self, x):
        y = F.relu(self.first(x)) * (self.scale + self.offset)
        return self.second(y).sum(-1), y


def calls(gm):
    return [n.name for n in gm.graph.nodes if n.op.startswith("call")]


class Doctests(unittest.TestCase):
    def test_examples(self):
        names = [m.name for m in pkgutil.walk_packages(fx.__path__, "framejit.fx.")]
        self.assertGreater(len(names), 20)
        for name in names:
            with self.subTest(name):
                flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
                self.assertEqual(doctest.testmod(importlib.import_module(name), optionflags=flags).failed, 0)


class Tracing(unittest.TestCase):
    def check(self, f, *args, **concrete):
        gm = fx.symbolic_trace(f, **concrete)
        gm.graph.lint()
        for twin in (gm, copy.deepcopy(gm), pickle.loads(pickle.dumps(gm))):
            self.assertEqual(repr(twin(*args)), repr(f(*args)))
        return gm

    def test_wrapped_functions(self):
        gm = fx.symbolic_trace(lambda x: leaf(x) + 1)
        self.assertEqual(calls(gm), ["leaf", "add"])
        self.assertEqual(calls(fx.symbolic_trace(gm)), ["leaf", "add"])
        self.assertEqual(gm(2), 7)
        self.assertFalse(hasattr(leaf, "__fx_already_patched"))
        with self.assertRaises(NotImplementedError):
            fx.wrap("leaf")  # not at the top level
        with self.assertRaises(RuntimeError):
            fx.wrap(3)

    def test_functions_of_math_are_seen(self):
        self.check(lambda x: math.sqrt(x.size(0)), framejit.ones(4))
        self.assertEqual(math.sqrt(4), 2.0)

    def test_nested_arguments(self):
        def f(pair, scale):
            return {"sum": (pair["a"] + pair["b"][0]) * scale}

        arguments = {"a": framejit.ones(1), "b": [framejit.ones(1)]}, 2
        nested = {"pair": {"a": fx.PH, "b": [fx.PH]}, "scale": fx.PH}
        gm = fx.symbolic_trace(f, concrete_args=nested)
        self.assertEqual(sum(n.op == "placeholder" for n in gm.graph.nodes), 3)
        for twin in (gm, copy.deepcopy(gm), pickle.loads(pickle.dumps(gm)), fx.symbolic_trace(gm)):
            self.assertEqual(twin(*arguments)["sum"].tolist(), [4.0])
        self.assertEqual(fx.Interpreter(gm).run(*arguments)["sum"].tolist(), [4.0])

    def test_star_arguments(self):
        gm = fx.symbolic_trace(lambda a, *rest, k=2, **named: a + rest[0] * k + named["z"])
        self.assertEqual(gm(1, 3, 2, z=4), 11)  # what has a name of its own comes first

    def test_values_that_were_fixed_are_checked(self):
        gm = fx.symbolic_trace(lambda x, n: x * n if n else x, concrete_args={"n": 3})
        self.assertEqual(gm(2, 3), 6)
        with self.assertRaisesRegex(AssertionError, "n has been specialized to have value 3"):
            gm(2, 4)
        with self.assertRaisesRegex(RuntimeError, "expected 2 arguments but got 1"):
            fx.symbolic_trace(lambda x, n: x, concrete_args=(3,))

    def test_annotations_stand_in_the_code(self):
        def f(x: framejit.Tensor, names: list[str]) -> tuple[framejit.Tensor, int]:
            return x + 1, 3

        gm = fx.symbolic_trace(f)
        self.assertIn("x : framejit.Tensor, names : list[str]) -> tuple[framejit.Tensor, int]:", gm.code)

    def test_customised_tracer(self):
        class Whole(fx.Tracer):
            def is_leaf_module(self, m, module_qualified_name):
                return False

            def create_node(self, *args, **kwargs):
                node = super().create_node(*args, **kwargs)
                node.tag = "mine"
                return node

        net = Net()
        graph = Whole().trace(net)
        self.assertNotIn("call_module", [n.op for n in graph.nodes])
        self.assertEqual({n.tag for n in graph.nodes}, {"mine"})
        self.assertEqual(repr(fx.GraphModule(net, graph)(X)), repr(net(X)))

    def test_where_nodes_come_from(self):
        tracer = fx.Tracer()
        tracer.record_stack_traces = True
        graph = tracer.trace(Net())
        nodes = {n.name: n for n in graph.nodes}
        self.assertIn("test_fx_tools.py", nodes["relu"].stack_trace)
        self.assertEqual(list(nodes["first"].meta["nn_module_stack"].values()), [("first", nn.Linear)])
        gm = fx.GraphModule(tracer.root, graph)
        moved = fx.Transformer(gm).transform()
        self.assertIn("test_fx_tools.py", next(n for n in moved.graph.nodes if n.name == "relu").stack_trace)
        self.assertIn("test_fx_tools.py", gm.forward.__code__.co_filename)

    def test_proxies_outside_of_traces(self):
        graph = fx.Graph()
        x = fx.Proxy(graph.placeholder("x"))
        graph.output((framejit.relu(x) + framejit.cat([x, X]) + framejit.Tensor.add(x, 1)).node)
        graph.lint()
        self.assertEqual(
            [n.target for n in graph.nodes if n.op == "call_function"],
            [framejit.relu, framejit.cat, operator.add, operator.add],
        )

    def test_operators_first_seen_inside_a_trace_are_themselves(self):
        vars(framejit.ops.aten).pop("log1p", None)
        gm = fx.symbolic_trace(lambda x: framejit.ops.aten.log1p.default(x))
        self.assertIs(framejit.ops.aten.log1p._function, framejit.log1p)
        self.assertEqual(gm(X[1]).tolist(), X[1].log1p().tolist())
        self.assertEqual([n.target for n in gm.graph.nodes][1], framejit.ops.aten.log1p.default)

    def test_keys_and_other_values_that_no_graph_holds(self):
        with self.assertRaisesRegex(RuntimeError, "cannot contain a Node"):
            fx.symbolic_trace(lambda x: leaf({x: x}))
        with self.assertRaisesRegex(NotImplementedError, "argument of type"):
            fx.symbolic_trace(lambda x: x + iter([1]))

    def test_in_compiled_functions(self):
        net = Net()
        gm = fx.symbolic_trace(net)
        x = X.clone()
        compiled = framejit.compile(gm, fullgraph=True)
        caller = framejit.compile(lambda x: gm(x)[0] + 1, fullgraph=True)
        framejit.testing.assert_close(compiled(x)[0], net(x)[0])
        framejit.testing.assert_close(caller(x), net(x)[0] + 1)
        self.assertEqual(framejit.dynamo.statistics(caller)["graphs"], 1)

    def test_assertions_rewritten(self):
        class Checked(nn.Module):
            def forward(self, x):
                assert x.sum() > 0, "must be positive"
                return x + 1

        module = Checked()
        with self.assertRaises(fx.TraceError):
            fx.symbolic_trace(module)
        gm = fx.GraphModule(module, RewritingTracer().trace(module))
        self.assertEqual(gm(framejit.ones(1)).tolist(), [2.0])
        with self.assertRaisesRegex(AssertionError, "must be positive"):
            gm(-framejit.ones(1))

    def test_folder(self):
        import sys

        net = Net()
        gm = fx.symbolic_trace(net)
        with tempfile.TemporaryDirectory() as folder:
            gm.to_folder(Path(folder, "made_by_fx"), "Made")
            sys.path.insert(0, folder)
            try:
                made = importlib.import_module("made_by_fx").Made()
            finally:
                sys.path.remove(folder)
                sys.modules.pop("made_by_fx", None)
        framejit.testing.assert_close(made(X)[0], net(X)[0])


class Editing(unittest.TestCase):
    def test_insertion_points(self):
        gm = fx.symbolic_trace(lambda x: x.sin().cos())
        sin = next(n for n in gm.graph.nodes if n.name == "sin")
        with gm.graph.inserting_after(sin):
            tan = gm.graph.call_method("tan", (sin,))
        sin.replace_all_uses_with(tan, lambda user: user is not tan)
        gm.recompile()
        self.assertEqual(gm(X).tolist(), X.sin().tan().cos().tolist())
        with self.assertRaisesRegex(AssertionError, "not in graph"):
            fx.Graph().inserting_before(sin)
        with self.assertRaisesRegex(RuntimeError, "still had 1 users"):
            gm.graph.erase_node(sin)

    def test_lint_of_strangers(self):
        gm, other = fx.symbolic_trace(lambda x: x.sin()), fx.Graph()
        for node in gm.graph.nodes:
            other.node_copy(node)
        with self.assertRaisesRegex(RuntimeError, "does not belong to this Graph"):
            other.lint()

    def test_arguments_do_not_change(self):
        gm = fx.symbolic_trace(lambda x: framejit.cat([x, x]))
        cat = next(n for n in gm.graph.nodes if n.op == "call_function")
        with self.assertRaisesRegex(NotImplementedError, "new_args"):
            cat.args[0].append(3)

    def test_generated_code_changed(self):
        gm = fx.symbolic_trace(lambda x: x + 1)
        with gm.graph.on_generate_code(lambda _: lambda lines: ["x = x * 2\n", *lines]):
            gm.recompile()
            self.assertEqual(gm(3), 7)
        gm.recompile()
        self.assertEqual(gm(3), 4)


class Rewriting(unittest.TestCase):
    def test_all_places(self):
        def f(x, y):
            return framejit.cat([x, y]).sum() * framejit.cat([y, x]).sum() + framejit.cat([x, y]).max()

        gm = fx.symbolic_trace(f)
        found = fx.replace_pattern(gm, lambda a, b: framejit.cat([a, b]).sum(), lambda a, b: a.sum() + b.sum())
        self.assertEqual(len(found), 2)
        self.assertEqual(gm(X, X + 1).item(), f(X, X + 1).item())
        self.assertEqual([n.target for n in gm.graph.nodes].count(framejit.cat), 1)

    def test_used_outside_is_no_match(self):
        gm = fx.symbolic_trace(lambda x: (lambda y: y.cos() + y)(x.sin()))
        self.assertEqual(fx.replace_pattern(gm, lambda x: x.sin().cos(), lambda x: x), [])

    def test_modules_come_with_the_replacement(self):
        class Pattern(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = nn.Linear(3, 3)

            def forward(self, x):
                return self.first(x)

        class Replacement(nn.Module):
            def __init__(self):
                super().__init__()
                self.other = nn.Tanh()

            def forward(self, x):
                return self.other(x)

        net = Net()
        gm = fx.symbolic_trace(net)
        fx.replace_pattern(gm, Pattern(), Replacement())
        expected = F.relu(X.tanh()) * 2
        framejit.testing.assert_close(gm(X)[1].detach(), expected)
        with self.assertRaises(AttributeError):
            gm.get_submodule("first")

    def test_filters_literals_and_callbacks(self):
        gm = fx.symbolic_trace(lambda x: (x + 1) * (x + 2))
        rewrite = subgraph_rewriter.replace_pattern_with_filters
        self.assertEqual(len(rewrite(copy.deepcopy(gm), lambda x: x + 1, lambda x: x - 1)), 1)
        loose = copy.deepcopy(gm)
        self.assertEqual(len(rewrite(loose, lambda x: x + 5, lambda x: x - 1, ignore_literals=True)), 2)
        self.assertEqual(loose(3), 4)
        refused = rewrite(copy.deepcopy(gm), lambda x: x + 1, lambda x: x, match_filters=[lambda *found: False])
        self.assertEqual(refused, [])
        by_callback = copy.deepcopy(gm)
        double = fx.symbolic_trace(lambda x: x * 2).graph
        rewrite(by_callback, lambda x: x + 1, replacement_callback=lambda *found: double)
        self.assertEqual(by_callback(3), 30)

    def test_bad_patterns(self):
        gm = fx.symbolic_trace(lambda x: x.sin())
        with self.assertRaisesRegex(ValueError, "empty pattern"):
            fx.replace_pattern(gm, fx.Graph(), lambda x: x)
        with self.assertRaisesRegex(ValueError, "dead code"):
            fx.replace_pattern(gm, lambda x: (x.cos(), x.sin())[1], lambda x: x)


class Passes(unittest.TestCase):
    def test_folding(self):
        net = Net()
        folded = split_const_subgraphs(net)
        self.assertEqual(repr(folded(X)), repr(net(X)))
        self.assertEqual(calls(folded), ["first", "relu", "mul", "second", "sum_1"])
        nothing = split_const_subgraphs(nn.Linear(3, 3))
        self.assertIsNone(nothing.const_subgraph_module)

    def test_equal_calls(self):
        def f(x):
            a, b = framejit.sin(x) + 1, framejit.sin(x) + 1
            return a * b + framejit.rand_like(x) * 0 + framejit.rand_like(x) * 0

        gm = make_fx(f)(X)
        done = CSEPass()(gm)
        self.assertTrue(done.modified)
        self.assertEqual(len(gm.graph.nodes) - len(done.graph_module.graph.nodes), 2)
        framejit.testing.assert_close(done.graph_module(X), f(X))
        self.assertFalse(CSEPass(banned_ops=[framejit.ops.aten.sin, framejit.ops.aten.add])(gm).modified)

    def test_order_of_passes(self):
        names = []
        a, b, c = (pass_result_wrapper(self._named(name, names)) for name in "abc")
        manager = PassManager([a, b, c], [this_before_that_pass_constraint(c, a)])
        manager(fx.symbolic_trace(lambda x: x))
        self.assertEqual(names, ["b", "c", "a"])
        manager.add_constraint(this_before_that_pass_constraint(a, c))
        with self.assertRaisesRegex(RuntimeError, "Circular"):
            manager(fx.symbolic_trace(lambda x: x))

        def fails(gm):
            raise KeyError

        with self.assertRaisesRegex(Exception, "'fails' pass after the following passes: .'a'"):
            PassManager([a, fails])(fx.symbolic_trace(lambda x: x))

    @staticmethod
    def _named(name, names):
        def run(gm):
            names.append(name)

        run.__name__ = name
        return run

    def test_split(self):
        def f(x, y):
            a = x + y
            b, c = a.sin(), a.cos()
            return b * c, a

        gm = fx.symbolic_trace(f)
        part = {"add": 0, "sin": 0, "cos": 1, "mul": 1}
        for more in ({}, {"keep_original_order": True}, {"tuple_return": True}):
            split = split_module(gm, None, lambda n: part[n.name], **more)
            self.assertEqual([n.target for n in split.graph.nodes if n.op == "call_module"], ["submod_0", "submod_1"])
            self.assertEqual(repr(split(X, X)), repr(f(X, X)))
        names = {}
        net = Net()
        split = split_module(fx.symbolic_trace(net), net, lambda n: n.name in ("second", "sum_1"), names)
        self.assertEqual(repr(split(X)), repr(net(X)))
        self.assertEqual(names, {"submod_False.first": "first", "submod_True.second": "second"})

    def test_split_with_a_cycle(self):
        gm = fx.symbolic_trace(lambda x: x.sin().cos().tan())
        with self.assertRaisesRegex(RuntimeError, "cycle"):
            split_module(gm, None, lambda n: n.name == "cos")

    def test_partitions(self):
        def f(x):
            a = x.sin() + x.cos()
            return a.tan() * a.exp()

        gm = fx.symbolic_trace(f)
        able = create_op_support(lambda submodules, node: node.name in ("sin", "cos", "add", "exp", "mul"))
        parts = CapabilityBasedPartitioner(gm, able).propose_partitions()
        self.assertEqual([p.size() for p in parts], [3, 2])  # not one: tan lies between
        self.assertTrue(all(validate_partition(list(p.nodes)) for p in parts))
        fused = CapabilityBasedPartitioner(gm, able).partition_and_fuse()
        framejit.testing.assert_close(fused(X), f(X))
        self.assertEqual([n.op for n in fused.graph.nodes].count("call_module"), 2)
        fused.graph.lint()

    def test_support(self):
        gm = fx.symbolic_trace(lambda x: framejit.sin(x).cos())
        by_table = OperatorSupport({"framejit.sin": None})
        nodes = {n.name: n for n in gm.graph.nodes}
        for support, expected in (
            (by_table, (True, False)),
            (any_chain(by_table, OperatorSupport({"cos": None})), (True, True)),
            (chain(by_table, OperatorSupport({"cos": None})), (False, False)),
        ):
            found = tuple(support.is_node_supported({}, nodes[name]) for name in ("sin", "cos"))
            self.assertEqual(found, expected)

    def test_pictures(self):
        picture = FxGraphDrawer(fx.symbolic_trace(Net()), "net").get_dot_graph()
        text = picture.to_string()
        for part in ("digraph net {", "first -> relu;", "Linear", "op_code=output"):
            self.assertIn(part, text)
        self.assertEqual(text.count("->"), 10)
        svg = picture.create_svg()
        self.assertIn(b"<svg", svg)
        self.assertIn(b"relu", svg)

    def test_equal_graphs(self):
        a, b, c = (fx.symbolic_trace(f).graph for f in (lambda x: x + 1, lambda y: y + 1, lambda x: x + 2))
        self.assertEqual((compare_graphs(a, b), compare_graphs(a, c)), (True, False))


class MakeFx(unittest.TestCase):
    def check(self, f, *args):
        gm = make_fx(f)(*args)
        gm.graph.lint()
        self.assertEqual(repr(gm(*args)), repr(f(*args)))
        return gm

    def test_operators(self):
        gm = self.check(lambda x, n: F.gelu(x @ x.t()).sum(dim=1)[0] * n + framejit.zeros(()), X, 3)
        targets = [n.target for n in gm.graph.nodes if n.op == "call_function"]
        self.assertTrue(all(isinstance(t, framejit.ops.OpOverload) for t in targets), targets)
        self.assertIn(framejit.ops.aten.sum.dim_IntList, targets)
        self.assertIs(pickle.loads(pickle.dumps(targets[0])), targets[0])

    def test_control_flow_follows_the_values(self):
        def f(x):
            return x + 1 if x.sum() > 0 else x - 1

        self.check(f, framejit.ones(2))
        self.check(f, -framejit.ones(2))

    def test_arguments_stay(self):
        x = framejit.ones(2)
        gm = make_fx(lambda x: x.add_(1) * 2)(x)
        self.assertEqual(x.tolist(), [1.0, 1.0])
        self.assertEqual(gm(x).tolist(), [4.0, 4.0])

    def test_modules_and_containers(self):
        net = Net()
        gm = make_fx(lambda d: net(d["x"][0]))({"x": [X]})
        self.assertEqual(repr(gm({"x": [X]})), repr(net(X)))

    def test_bad_mode(self):
        with self.assertRaisesRegex(AssertionError, "tracing_mode"):
            make_fx(lambda x: x, tracing_mode="imaginary")


if __name__ == "__main__":
    unittest.main()
