"""export: programs against the modules they were made of, their signatures, and what they refuse."""

import copy
import dataclasses
import unittest

import framejit
from framejit import nn
from framejit.dynamo import exc
from framejit.export import Dim, ShapesCollection, export, register_dataclass
from framejit.export.graph_signature import InputKind
from framejit.fx import Interpreter
from framejit.utils import _pytree as pytree

from tests.export_subjects import Counting, subjects


def dims_of(shapes):
    return {name: d and {dim: Dim(word) for dim, word in d.items()} for name, d in shapes.items()}


def grown(args, shapes, by=1):
    """The arguments with every open size larger."""
    out = []
    for arg, dims in zip(args, shapes.values()):
        shape = [size + by if dims and i in dims else size for i, size in enumerate(arg.shape)]
        out.append(framejit.randn(shape) if arg.is_floating_point() else framejit.randint(0, 20, shape))
    return tuple(out)


class ExportCase(unittest.TestCase):
    def assertSame(self, got, expected, atol=1e-5):
        got, spec = pytree.tree_flatten(got)
        expected, expected_spec = pytree.tree_flatten(expected)
        self.assertEqual(spec, expected_spec)
        for a, b in zip(got, expected):
            if isinstance(b, framejit.Tensor):
                self.assertEqual((a.shape, a.dtype), (b.shape, b.dtype))
                self.assertTrue(
                    framejit.allclose(a.double(), b.double(), atol=atol, rtol=1e-4, equal_nan=True), f"{a} {b}"
                )
            else:
                self.assertEqual(a, b)


class ProgramTest(ExportCase):
    def test_programs_do_what_their_modules_do(self):
        for name, (module, args, shapes) in subjects().items():
            for dynamic in (None, dims_of(shapes)):
                with self.subTest(name, dynamic=dynamic is not None):
                    program = export(module, args, dynamic_shapes=dynamic)
                    program.validate()
                    runs = [args] if dynamic is None else [args, grown(args, shapes), grown(args, shapes, 2)]
                    for given in runs:
                        self.assertSame(program.module()(*given), module(*given))
                        for table in ({}, None):
                            pure = program.run_decompositions(table)
                            pure.validate()
                            self.assertSame(pure.module()(*given), module(*given))

    def test_mutation(self):
        module, x = Counting(), framejit.randn(3, 4)
        program = export(module, (x.clone(),), dynamic_shapes={"x": {0: Dim("n", min=2)}})
        self.assertEqual(module.calls.item(), 0)  # export changes nothing
        self.assertEqual(program.graph_signature.buffers_to_mutate.get("mul"), "last")
        pure = program.run_decompositions({})
        self.assertEqual(pure.dialect, "ATEN")
        changed = pure.graph_signature
        self.assertEqual(
            set(changed.buffers_to_mutate.values()),
            {"calls", "last", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked"},
        )
        self.assertEqual(list(changed.user_inputs_to_mutate.values()), ["x"])
        for made in (program, pure):
            expected, own = copy.deepcopy(module), copy.deepcopy(made.module())
            for n in (3, 5):
                x = framejit.randn(n, 4)
                theirs, ours = x.clone(), x.clone()
                self.assertSame(own(ours), expected(theirs))
                self.assertSame(ours, theirs)
            self.assertSame(dict(own.named_buffers())["last"], expected.last)
            self.assertSame(own.calls, expected.calls)
            self.assertSame(own.bn.running_var, expected.bn.running_var)

    def test_signature(self):
        signature = export(Counting(), (framejit.randn(3, 4),)).graph_signature
        self.assertEqual(signature.parameters, ("bn.weight", "bn.bias"))
        self.assertEqual(signature.inputs_to_buffers["b_calls"], "calls")
        self.assertEqual(signature.non_persistent_buffers, ("last",))
        self.assertEqual(signature.lifted_tensor_constants, ("shift",))
        self.assertEqual(signature.user_inputs, ("x",))

    def test_training_through_a_program(self):
        module = nn.Linear(3, 2)
        x = framejit.randn(4, 3)
        made = export(module, (x,)).module()
        made(x).sum().backward()
        self.assertSame(made.weight.grad, x.sum(0).expand(2, 3))

    def test_containers_and_names(self):
        class Net(nn.Module):
            def forward(self, pair, *more, scale=1.0, flag=None):
                return [pair["a"] * scale, (pair["b"][0], more[0])], flag

        a, b, c = (framejit.randn(2) for _ in range(3))
        program = export(Net(), ({"a": a, "b": [b]}, c), {"scale": 2.0, "flag": "on"})
        self.assertEqual(program.graph_signature.user_inputs, ("pair_a", "pair_b_0", "more_0", 2.0, "on"))
        self.assertSame(
            program.module()({"a": a, "b": [b]}, c, flag="on", scale=2.0),
            Net()({"a": a, "b": [b]}, c, scale=2.0, flag="on"),
        )

    def test_long_loops(self):
        """Capture makes a segment of its own of a long loop; a program is one graph all the same."""

        class Deep(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleDict({f"l{i}": nn.Linear(3, 3) for i in range(100)})

            def forward(self, x):
                out = {}
                for name, layer in self.layers.items():
                    x = layer(x).tanh()
                    if name == "l98":
                        out["late"] = x
                return out, x

        module = Deep()
        program = export(module, (framejit.randn(2, 3),), dynamic_shapes={"x": {0: Dim("n")}})
        self.assertEqual(program.graph_signature.lifted_tensor_constants, ())
        for n in (2, 5):
            x = framejit.randn(n, 3)
            self.assertSame(program.module()(x), module(x))

    def test_one_module_shared_by_two_names(self):
        class Tied(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = self.b = nn.Linear(3, 3)

            def forward(self, x):
                return self.b(self.a(x))

        module, x = Tied(), framejit.randn(2, 3)
        program = export(module, (x,))
        self.assertEqual(program.graph_signature.parameters, ("a.weight", "a.bias"))
        self.assertSame(program.module()(x), module(x))


class SizesTest(ExportCase):
    def test_a_branch_on_a_size_is_checked_when_the_program_runs(self):
        class Net(nn.Module):
            def forward(self, x):
                return x[: x.shape[0] // 2] if x.shape[0] > 8 else x + 1

        program = export(Net(), (framejit.ones(4),), dynamic_shapes={"x": {0: Dim("n")}})
        self.assertSame(program.module()(framejit.ones(8)), framejit.full((8,), 2.0))
        with self.assertRaisesRegex(RuntimeError, r"x\.size\(0\) > 8"):
            program.module()(framejit.ones(9))
        with self.assertRaisesRegex(exc.UserError, "specified range"):
            export(Net(), (framejit.ones(4),), dynamic_shapes={"x": {0: Dim("n", max=20)}})

    def test_a_size_that_is_one_value_only(self):
        class Net(nn.Module):
            def forward(self, x):
                return x + framejit.ones(4)

        for entry in (Dim("n"), Dim.DYNAMIC):
            with self.assertRaisesRegex(exc.UserError, "specialized it to be a constant"):
                export(Net(), (framejit.ones(4),), dynamic_shapes={"x": {0: entry}})
        program = export(Net(), (framejit.ones(4),), dynamic_shapes={"x": {0: Dim.AUTO}})
        with self.assertRaisesRegex(AssertionError, r"x\.size\(\)\[0\] == 4"):
            program.module()(framejit.ones(5))

    def test_inputs_are_checked(self):
        class Net(nn.Module):
            def forward(self, x, y, scale=2.0):
                return (x + y) * scale

        n = Dim("n", min=2, max=9)
        x = framejit.ones(4, 3)
        made = export(Net(), (x, x, 3.0), dynamic_shapes=({0: n}, {0: n}, None)).module()
        self.assertSame(made(x[:2], x[:2], 3.0), x[:2] * 6)
        for args, text in (
            ((x[:1], x[:1], 3.0), r"x\.size\(\)\[0\] >= 2, but got 1"),
            ((framejit.ones(10, 3), x, 3.0), r"x\.size\(\)\[0\] <= 9"),
            ((x, x[:3], 3.0), r"y\.size\(\)\[0\] == x\.size\(\)\[0\]"),
            ((x[:, :2], x, 3.0), r"x\.size\(\)\[1\] == 3"),
            ((x.double(), x, 3.0), r"x\.dtype == framejit.float32"),
            ((x[0], x, 3.0), r"x\.dim\(\) == 2"),
            ((x, x, 4.0), r"scale == 3\.0"),
            ((1.0, x, 3.0), "x is a tensor"),
        ):
            with self.assertRaisesRegex(AssertionError, "Guard failed: " + text):
                made(*args)
        for args in ((x,), (x, x), (x, [x], 3.0)):
            with self.assertRaisesRegex(ValueError, "exported input tree spec"):
                made(*args)

    def test_questions_about_memory(self):
        class Net(nn.Module):
            def forward(self, x):
                y = x.t()
                return y.view(-1) if y.is_contiguous() else y.reshape(-1) + 1

        program = export(Net(), (framejit.ones(4, 3),), dynamic_shapes={"x": {0: Dim("n")}})
        self.assertSame(program.module()(framejit.ones(5, 3)), framejit.full((15,), 2.0))
        with self.assertRaisesRegex(RuntimeError, "is_contiguous"):  # one row is contiguous in either order
            program.module()(framejit.ones(1, 3))

    def test_results_that_are_sizes(self):
        class Net(nn.Module):
            def forward(self, x):
                return (
                    x.shape[0] * 2 + 1,
                    x.numel(),
                    x.shape[1],
                    x.new_zeros(x.shape[0], 2),
                    x.shape[0] / 2,
                    2.5,
                    x.shape[0] > 3,
                )

        program = export(Net(), (framejit.ones(4, 3),), dynamic_shapes={"x": {0: Dim("n")}})
        self.assertSame(program.module()(framejit.ones(7, 3)), (15, 21, 3, framejit.zeros(7, 2), 3.5, 2.5, True))
        with self.assertRaisesRegex(RuntimeError, "holds only for sizes"):
            program.module()(framejit.ones(3, 3))

    def test_shapes_by_tensor(self):
        class Net(nn.Module):
            def forward(self, pair, z):
                return pair["a"] + z, pair["b"] * 2

        a, b, z = framejit.ones(3, 2), framejit.ones(4), framejit.ones(3, 2)
        shapes, n = ShapesCollection(), Dim("n")
        shapes[a] = shapes[z] = {0: n}
        self.assertEqual(len(shapes), 2)
        made = export(Net(), ({"a": a, "b": b}, z), dynamic_shapes=shapes).module()
        c = framejit.ones(5, 2)
        self.assertSame(made({"a": c, "b": b}, c), (c * 2, b * 2))
        with self.assertRaises(AssertionError):
            shapes[a] = {1: n}
        shapes[c] = {0: n}
        with self.assertRaisesRegex(ValueError, "no arguments"):
            export(Net(), ({"a": a, "b": b}, z), dynamic_shapes=shapes)

    def test_registered_containers(self):
        @dataclasses.dataclass
        class Pair:
            a: framejit.Tensor
            b: framejit.Tensor

        register_dataclass(Pair)

        class Net(nn.Module):
            def forward(self, pair):
                return Pair(pair.b * 2, pair.a + 1)

        x = framejit.ones(2)
        made = export(Net(), (Pair(x, x * 3),)).module()(Pair(x, x * 3))
        self.assertSame((made.a, made.b), (x * 6, x * 2))

    def test_what_dynamic_shapes_may_not_say(self):
        x = framejit.ones(4, 3)
        for shapes, text in (
            ({"y": None}, "none of the arguments"),
            ({"input": {2: Dim("n")}}, "dimension 2"),
            ({"input": {0: 5}}, "is 5, but it is 4"),
            ({"input": {0: Dim("n", max=3)}}, "outside the range"),
            ({"input": (None,)}, "has 1 entries"),
            ({"input": {0: "n"}}, "expected a Dim"),
            (3, "must be a dict"),
        ):
            with self.assertRaisesRegex(exc.UserError, text):
                export(nn.Linear(3, 2), (x,), dynamic_shapes=shapes)
        with self.assertRaisesRegex(AssertionError, "valid identifier"):
            Dim("a b")
        with self.assertRaisesRegex(AssertionError, "inconsistent"):
            Dim("n", min=4, max=2)


class FixedSizesTest(ExportCase):
    """What the graph takes for the same at all sizes is the same: checked by running it for others, node by node."""

    def check(self, module, args, shapes, *others):
        program = export(module, args, dynamic_shapes=shapes)
        for given in others:
            seen = []

            class Checking(Interpreter):
                def run_node(self, n):
                    value = super().run_node(n)
                    if isinstance(value, framejit.Tensor):
                        seen.append((n, tuple(value.shape)))
                    return value

            specs = program.graph_signature.input_specs
            held = [program._tensor(s.target) for s in specs if s.kind is not InputKind.USER_INPUT]
            Checking(program.graph_module).run(*held, *given)
            for node, shape in seen:
                for dim in node.meta.get("fixed", ()):
                    self.assertEqual(shape[dim], node.meta["val"].shape[dim], f"{node.format_node()}, dimension {dim}")
        return program

    def test_modules(self):
        for name, (module, args, shapes) in subjects().items():
            with self.subTest(name):
                self.check(module, args, dims_of(shapes), grown(args, shapes), grown(args, shapes, 3))

    def test_operators(self):
        f, one = framejit, framejit.ones(1, 5)
        functions = [
            lambda x: x + one, lambda x: x[:, :1] + one, lambda x: f.where(x > 0, one, x), lambda x: x.clamp(min=one), lambda x: x.sum(0),
            lambda x: x.mean(1, keepdim=True), lambda x: x.sum((0, 1)), lambda x: x.norm(2, 1), lambda x: x.var(0), lambda x: x.argmax(1),
            lambda x: x.t() @ x, lambda x: x @ x.t(), lambda x: x[None] @ x.t()[None], lambda x: x.unsqueeze(-1).expand(-1, -1, 3),
            lambda x: x.view(-1), lambda x: x.reshape(-1, 5), lambda x: x.reshape(5, -1), lambda x: x[1:], lambda x: x[:, 1:3], lambda x: x[0],
            lambda x: x.narrow(0, 0, 1), lambda x: x.split(2, 1)[2], lambda x: x.chunk(2, 1)[0], lambda x: x.unbind(1)[0],
            lambda x: f.cat([x, one]), lambda x: f.cat([x, x], 1), lambda x: f.stack([x, x], 1), lambda x: x.permute(1, 0), lambda x: x.mT,
            lambda x: f.zeros(3, 4) + x.sum(), lambda x: f.zeros_like(x), lambda x: x.new_zeros(x.shape[0], 2), lambda x: x.cumsum(0),
            lambda x: f.nn.functional.max_pool1d(x[None], 2), lambda x: f.nn.functional.embedding(f.ones(x.shape[0], dtype=f.int64), x),
            lambda x: f.nn.functional.conv1d(x[None], f.ones(2, x.shape[0], 1)), lambda x: f.nn.functional.pad(x, (1, 1)), lambda x: x.add_(1),
            lambda x: f.nn.functional.linear(x, x), lambda x: f.einsum("ij,ij->j", x, x), lambda x: x.flatten(), lambda x: x.repeat(2, 1),
            lambda x: f.nn.functional.layer_norm(x, (5,)), lambda x: x.max(0)[0], lambda x: x.transpose(0, -1), lambda x: x.masked_fill(x > 0, 1),
        ]  # fmt: skip
        for i, function in enumerate(functions):
            with self.subTest(i):
                rows = {"x": {0: Dim("n", min=2)}}
                self.check(Call(function), (f.randn(4, 5),), rows, (f.randn(7, 5),), (f.randn(2, 5),))

    def test_fewer_questions(self):
        program = export(subjects()["attention"][0], (framejit.randn(2, 5, 16),), dynamic_shapes={"x": {0: Dim("b")}})
        self.assertNotIn("_assert_scalar", program.graph_module.code)


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class RefusedTest(ExportCase):
    def test_what_cannot_be_exported(self):
        class Counts(nn.Module):
            def forward(self, x):
                self.n = x.shape[0]
                return x

        class Breaks(nn.Module):
            def forward(self, x):
                return x * 2 if x.sum().item() > 0 else x

        with self.assertRaisesRegex(exc.UserError, "attribute n was assigned"):
            export(Counts(), (framejit.ones(2),))
        with self.assertRaises(exc.Unsupported):
            export(Breaks(), (framejit.ones(2),))
        with self.assertRaisesRegex(ValueError, "nn.Module"):
            export(lambda x: x, (framejit.ones(2),))
        with self.assertRaisesRegex(exc.UserError, "tuple of example"):
            export(nn.ReLU(), framejit.ones(2))
        with self.assertRaisesRegex(RuntimeError, "Unable to call ExportedProgram"):
            export(nn.ReLU(), (framejit.ones(2),))(framejit.ones(2))
        module = Counts()
        try:
            export(module, (framejit.ones(2),))
        except exc.UserError:
            self.assertFalse(hasattr(module, "n"))


if __name__ == "__main__":
    unittest.main()
