"""dynamo.export: the exported module against the function itself."""

import io
import os
import tempfile
import unittest

import framejit
from framejit import nn
from framejit.dynamo import exc, export

X, Y = framejit.arange(6.0).reshape(2, 3), framejit.ones(2, 3)


class ExportTest(unittest.TestCase):
    def setUp(self):
        framejit.dynamo.reset()

    def test_structure_of_arguments_and_result(self):
        def f(pair, *, scale, extra=None):
            a, b = pair["a"], pair["b"][0]
            return {"sum": (a + b) * scale, "same": a, "number": 3, "all": [a.sin(), extra]}

        graph, guards = export(f)({"a": X, "b": (Y, 1)}, scale=2)
        self.assertTrue(any("scale" in guard for guard in guards))
        for a, b in ((X, Y), (X * 2, X)):
            out, expected = graph({"a": a, "b": (b, 1)}, scale=2), f({"a": a, "b": (b, 1)}, scale=2)
            self.assertEqual(out["sum"].tolist(), expected["sum"].tolist())
            self.assertEqual(out["all"][0].tolist(), expected["all"][0].tolist())
            self.assertIs(out["same"], a)
            self.assertEqual((out["number"], out["all"][1]), (3, None))
        with self.assertRaises(ValueError):
            graph(X)

    def test_module_with_parameters(self):
        module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
        graph, _ = export(module)(X)
        self.assertEqual(graph(Y).tolist(), module(Y).tolist())
        self.assertEqual(
            {name for name, _ in graph.named_parameters()}, {name for name, _ in module.named_parameters()}
        )
        with framejit.no_grad():
            module[0].weight.add_(1)
        self.assertEqual(graph(Y).tolist(), module(Y).tolist())

    def test_constant_results(self):
        self.assertEqual(export(lambda x: (x.dim(), "text"))(X).graph_module(Y), (2, "text"))

    def test_refusals(self):
        with self.assertRaises(exc.Unsupported):
            export(lambda x: x + x.sum().item())(X)
        with self.assertRaises(NotImplementedError):
            export(lambda x: x, pre_dispatch=True)

        class Counts(nn.Module):
            def __init__(self):
                super().__init__()
                self.calls = 0

            def forward(self, x):
                self.calls += 1
                return x + self.calls

        module = Counts()
        with self.assertRaisesRegex(AssertionError, "calls"):
            export(module)(X)
        self.assertEqual(module.calls, 0)


class AheadOfTime(unittest.TestCase):
    def setUp(self):
        def f(x, scale, *, bias=None):
            return {"out": x.sin() * scale, "bias": bias}

        self.plain = f
        self.f = framejit.compile(f, fullgraph=True)

    def saved_and_loaded(self, function):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "f.pt")
            function.save_compiled_function(path)
            with open(path, "rb") as file:
                return framejit.compiler.load_compiled_function(file)

    def test_runs_saved_or_not(self):
        made = self.f.aot_compile(((X, 3), {"bias": 1}))
        for function in (made, self.saved_and_loaded(made)):
            got, expected = function(Y, 3, bias=1), self.plain(Y, 3, bias=1)
            self.assertEqual((got["out"].tolist(), got["bias"]), (expected["out"].tolist(), 1))

    def test_other_arguments_are_refused(self):
        made = self.saved_and_loaded(self.f.aot_compile(((X, 3), {})))
        for arguments, text in (
            ((X, 4), "leaf 1 is 4, not 3"),
            ((X, 3.0), "leaf 1"),
            ((X.double(), 3), "float64"),
            ((X[:1], 3), "shape"),
            ((X,), "structure"),
        ):
            with self.assertRaisesRegex(RuntimeError, text):
                made(*arguments)

    def test_bad_input(self):
        with self.assertRaisesRegex(RuntimeError, "Graph breaks"):
            framejit.compile(lambda x: print(x)).aot_compile(((X,), {}))
        with self.assertRaises(TypeError):
            self.f.aot_compile(3)
        file = io.BytesIO()
        framejit.save([X], file)
        file.seek(0)
        with self.assertRaisesRegex(RuntimeError, "no compiled function"):
            framejit.compiler.load_compiled_function(file)


if __name__ == "__main__":
    unittest.main()
