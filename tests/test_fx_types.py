"""fx's gradual types: what is inferred is what running the program gives, as far as the annotations say."""

import importlib.util
import itertools
import unittest

import framejit
from framejit import fx, nn
from framejit.fx.annotate import annotate
from framejit.fx.experimental.graph_gradual_typechecker import (
    GraphTypeChecker,
    Refine,
    broadcast_types,
    get_greatest_upper_bound,
    register_inference_rule,
)
from framejit.fx.experimental.refinement_types import Equality
from framejit.fx.experimental.unification import Var, reify, unify, variables
from framejit.fx.experimental.unify_refinements import check_for_type_equality, infer_symbolic_types, unify_eq
from framejit.fx.passes.shape_prop import ShapeProp
from framejit.fx.tensor_type import Dyn, TensorType, is_consistent, is_more_precise


class Layers(nn.Module):
    def __init__(self, stride, padding, dilation, pool):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, (3, 2), stride=stride, padding=padding, dilation=dilation)
        self.norm, self.relu = nn.BatchNorm2d(4), nn.ReLU()
        self.pool, self.linear = pool, nn.Linear(4, 5)

    def forward(self, x):
        y = self.relu(self.norm(self.conv(x)))
        y += framejit.transpose(y, 0, 0)
        return framejit.flatten(self.linear(framejit.reshape(self.pool(y), [2, -1, 4])), 1)


def typed(traced, *kinds):
    for node, kind in zip(traced.graph.nodes, kinds):
        node.type = kind
    GraphTypeChecker({}, traced).type_check()
    return [node.type for node in traced.graph.nodes]


def open_sizes(sizes):
    """The type with each choice of its sizes unknown."""
    for known in itertools.product((True, False), repeat=len(sizes)):
        yield TensorType(tuple(size if k else Dyn for size, k in zip(sizes, known)))


class Inference(unittest.TestCase):
    def test_types_are_what_running_gives(self):
        pools = (nn.MaxPool2d(2, stride=(1, 2), padding=1), nn.AdaptiveAvgPool2d((None, 3)), nn.AdaptiveAvgPool2d(6))
        for stride, padding, dilation, pool in itertools.product((1, (2, 1)), (0, (1, 2)), (1, (1, 2)), pools):
            x = framejit.rand(2, 2, 9, 12)
            traced = fx.symbolic_trace(Layers(stride, padding, dilation, pool))
            ShapeProp(traced).propagate(x)
            ran = [TensorType(node.meta["tensor_meta"].shape) for node in traced.graph.nodes]
            ran[-4] = TensorType([2, Dyn, 4])  # the reshape's -1 is not computed, nor is what comes after it
            for kind, want in zip(typed(traced, TensorType(x.shape)), ran):
                self.assertTrue(is_consistent(kind, want), (kind, want))
                if Dyn not in kind.dims:
                    self.assertEqual(kind, want)

    def test_less_is_known_of_less(self):
        sizes = (2, 2, 9, 12)
        traced = fx.symbolic_trace(Layers(2, 1, 1, nn.AdaptiveAvgPool2d(6)))
        whole = typed(traced, TensorType(sizes))
        for kind in (Dyn, *open_sizes(sizes)):
            for node in traced.graph.nodes:
                node.type = None
            for found, best in zip(typed(traced, kind), whole):
                self.assertTrue(is_more_precise(best, found), (best, found))

    def test_annotations_inside_add_to_what_is_inferred(self):
        relu = nn.ReLU()
        net = nn.Sequential(relu, relu)
        traced = fx.symbolic_trace(net)
        self.assertEqual(typed(traced, Dyn, TensorType((2, Dyn)))[1:3], [TensorType((2, Dyn))] * 2)
        traced = fx.symbolic_trace(lambda x: annotate(framejit.transpose(x, 0, 1), TensorType((3, Dyn))))
        self.assertEqual(typed(traced, TensorType((Dyn, Dyn)))[1], TensorType((3, Dyn)))

    def test_what_cannot_run_is_refused(self):
        conv, linear, norm = nn.Conv2d(3, 1, 1), nn.Linear(3, 1), nn.BatchNorm2d(3)
        programs = (
            (lambda x: framejit.add(x, x.T), None, TypeError),
            (lambda x: framejit.sin(x), None, RuntimeError),
            (conv, (1, 2, 4, 4), TypeError),
            (conv, (1, 3, 4), TypeError),
            (linear, (3, 4), TypeError),
            (linear, (3,), TypeError),
            (norm, (1, 2, 1, 1), TypeError),
            (lambda x: framejit.transpose(x, 0, 2), (1, 2), TypeError),
            (lambda x: framejit.reshape(x, [2, 3]), (7,), TypeError),
            (lambda x: framejit.flatten(x, 2, 1), (1, 2, 3), TypeError),
            (lambda x: framejit.flatten(x, 0, 3), (1, 2, 3), TypeError),
            (nn.MaxPool2d(2), (1, 2), TypeError),
        )
        for program, sizes, error in programs:
            traced = fx.symbolic_trace(nn.Sequential(program) if isinstance(program, nn.Module) else program)
            with self.assertRaises(error):
                typed(traced, Dyn if sizes is None else TensorType(sizes))
        traced = fx.symbolic_trace(lambda x, y: framejit.add(x, y))
        with self.assertRaises(TypeError):
            typed(traced, TensorType((2, 3)), TensorType((3, 2)))
        with self.assertRaises(NotImplementedError):
            typed(fx.symbolic_trace(lambda x: x.sin()))

    def test_sums_broadcast_as_they_do(self):
        traced = fx.symbolic_trace(lambda x, y: framejit.add(x, y))
        for first, second in itertools.product(((2, 3), (1, 3), (3,), (), (4, 1, 1)), repeat=2):
            want = TensorType(framejit.broadcast_shapes(first, second))
            self.assertEqual(typed(traced, TensorType(first), TensorType(second))[-1], want)
            self.assertEqual(broadcast_types(TensorType(first), TensorType(second)), (want, want))
        self.assertEqual(typed(traced, int, TensorType((2, Dyn)))[-1], TensorType((2, Dyn)))

    def test_rules_of_ones_own(self):
        def negated(x):
            return -x

        register_inference_rule(negated)(lambda n: n.args[0].type)
        with self.assertRaises(RuntimeError):
            register_inference_rule(negated)(lambda n: None)
        graph = fx.Graph()
        graph.output(graph.call_function(negated, (graph.placeholder("x", TensorType((2,))),)))
        GraphTypeChecker({}, fx.GraphModule({}, graph)).type_check_node(next(iter(graph.nodes)).next)

    def test_relations(self):
        for t in (*open_sizes((1, 2, 3)), Dyn, int):
            self.assertTrue(is_consistent(t, t) and is_more_precise(t, t) and is_consistent(t, Dyn))
        for s, t in itertools.product(open_sizes((1, 2)), repeat=2):
            self.assertEqual(get_greatest_upper_bound(s, t), get_greatest_upper_bound(t, s))
            self.assertEqual(is_more_precise(s, t), get_greatest_upper_bound(s, t) == s)
        with self.assertRaises(TypeError):
            get_greatest_upper_bound(TensorType((1,)), TensorType((2,)))
        self.assertEqual(fx.symbolic_trace(annotated).graph.find_nodes(op="placeholder")[0].type, TensorType((1, Dyn)))


def annotated(x: TensorType((1, Dyn))):
    return x


class Symbols(unittest.TestCase):
    def test_unification(self):
        x, y, z = Var("x"), Var("y"), Var()
        for u, v in (((x, [1, y]), (y, [z, 2])), ((x, x), (y, 3)), (x, (y, z)), ((), ())):
            found = unify(u, v)
            self.assertEqual(reify(u, found), reify(v, found))
        for u, v in (((x, x), (1, 2)), ((1, 2), (1,)), ("a", "b"), ([x, 1], [2, x])):
            self.assertIs(unify(u, v), False)
        with variables("n"):
            self.assertEqual(unify(("n", 1), (4, 1)), {"n": 4})
        self.assertIs(unify("n", 4), False)
        with self.assertRaises(TypeError):
            unify_eq([Equality(1, 2)])

    def test_equal_sizes_get_one_name(self):
        traced = fx.symbolic_trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5)))
        typed(traced, TensorType((Dyn, 3)))
        refine = Refine(traced)
        refine.refine()
        self.assertEqual(refine.constraints[0], Equality(Var(0), Var(1)))
        if importlib.util.find_spec("sympy") is None:
            self.skipTest("the expressions of sizes are sympy's, which is not installed")
        infer_symbolic_types(traced)
        types = [node.type for node in traced.graph.nodes]
        self.assertEqual(len({t.dims[0] for t in types}), 1)
        self.assertEqual([t.dims[1] for t in types], [3, 4, 4, 5, 5])
        self.assertTrue(check_for_type_equality(traced.graph, traced.graph))

    def test_expressions_give_the_sizes_of_any_input(self):
        if importlib.util.find_spec("sympy") is None:
            self.skipTest("the expressions of sizes are sympy's, which is not installed")
        net = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Conv2d(2, 1, 2, dilation=2))
        traced = fx.symbolic_trace(net)
        typed(traced, TensorType((Dyn, 1, Dyn, Dyn)))
        infer_symbolic_types(traced)
        given, *made = (node.type for node in traced.graph.nodes)
        for sizes in ((1, 1, 9, 14), (3, 1, 21, 10)):
            values = dict(zip(given.dims[2:], sizes[2:]))
            y = framejit.rand(sizes)
            for module, kind in zip(net, made):
                y = module(y)
                self.assertEqual([d.subs(values) for d in kind.dims[2:]], list(y.shape[2:]))


if __name__ == "__main__":
    unittest.main()
