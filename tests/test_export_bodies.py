"""Programs with bodies of cond(), while_loop(), scan() and map in files: the module itself says what is right."""

import copy
import io
import json
import os
import tempfile
import unittest
import zipfile

import framejit
from framejit import export, nn
from framejit._control_flow import cond, map_each, scan, while_loop


class Flow(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(framejit.tensor([2.0, 3.0, 5.0]))
        self.register_buffer("b", framejit.tensor([1.0, 0.5, 2.0]))
        self.inner = nn.Linear(3, 3)

    def forward(self, x, n):
        def yes(a):
            return cond(a[0] > 1, lambda: self.inner(a).relu() * self.w, lambda: nn.functional.softmax(a, -1).T + 1)

        y = cond(x.sum() > 0, yes, lambda a: framejit.sin(a) - self.b, (x,))
        with framejit.no_grad():
            n, z = while_loop(lambda n, a: n < 3, lambda n, a: (n + 1, a * 2 + self.b), (n, y))
        c, rows = scan(lambda c, x: (c + x, {"q": c * x}), z.sum(), z)
        return y, n, c, rows, map_each(lambda x: x.exp() + c, y)


def outcome(module, x, n):
    return [t.detach().tolist() for t in framejit.utils._pytree.tree_leaves(module(x, n))]


INPUTS = [
    (sign * framejit.tensor([first, 1.0, 2.0]), framejit.tensor(n))
    for sign in (1, -1)
    for first in (0.5, 4.0)
    for n in (0, 9)
]


def rewritten(content, change):
    """The archive with its program changed."""
    source, out = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in source.namelist():
            data = source.read(name)
            if name == "program.json":
                program = json.loads(data)
                change(program)
                data = json.dumps(program).encode()
            archive.writestr(name, data)
    out.seek(0)
    return out


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        framejit.manual_seed(0)
        cls.module = Flow()
        cls.program = export.export(cls.module, INPUTS[0])
        file = io.BytesIO()
        export.save(cls.program, file)
        cls.content = file.getvalue()

    def check(self, program):
        again = program.module()
        for inputs in INPUTS:
            with self.subTest(inputs=inputs):
                for a, b in zip(outcome(self.module, *inputs), outcome(again, *inputs)):
                    framejit.testing.assert_close(framejit.tensor(b), framejit.tensor(a))

    def test_save_and_load(self):
        loaded = export.load(io.BytesIO(self.content))
        self.check(loaded)
        self.assertEqual(str(loaded.graph), str(self.program.graph))
        file = io.BytesIO()
        export.save(loaded, file)
        self.check(export.load(io.BytesIO(file.getvalue())))

    def test_functional_form(self):
        file = io.BytesIO()
        export.save(self.program.run_decompositions({}), file)
        self.check(export.load(io.BytesIO(file.getvalue())))

    def test_compiled_after_loading(self):
        module = framejit.compile(export.load(io.BytesIO(self.content)).module(), fullgraph=True)
        for inputs in INPUTS[::3]:
            for a, b in zip(outcome(self.module, *inputs), outcome(module, *inputs)):
                framejit.testing.assert_close(framejit.tensor(b), framejit.tensor(a))

    def test_damaged(self):
        def body(program):
            return next(iter(program["bodies"].values()))

        def call(program):
            return next(row for row in body(program)["nodes"] if row["op"] == "call_function")

        changes = {
            "no operator": lambda p: call(p).update(target="function.save"),
            "is no operator": lambda p: call(p).update(target="function.compile"),
            "'builtins.eval' is no operator": lambda p: call(p).update(target="builtins.eval"),
            "'higher_order.other' is no operator": lambda p: call(p).update(target="higher_order.other"),
            "is no method": lambda p: call(p).update(op="call_method", target="__reduce__"),
            "'backward' is no method": lambda p: call(p).update(op="call_method", target="backward"),
            "an attribute of no tensor": lambda p: call(p).update(target="attribute", args=[{"node": 0}, "__class__"]),
            "bodies that are none": lambda p: p["bodies"].update({"__class__": body(p)}),
            "is not there": lambda p: p["bodies"].pop(next(iter(p["bodies"]))),
            "the kind 'call_module'": lambda p: call(p).update(op="call_module", target="w"),
        }
        for text, change in changes.items():
            with self.subTest(text), self.assertRaisesRegex(RuntimeError, f"damaged: .*{text}"):
                export.load(rewritten(self.content, change))

    def test_what_cannot_be_written(self):
        program = copy.deepcopy(self.program)
        body = next(child for _, child in program.graph_module.named_children())
        next(node for node in body.graph.nodes if node.op == "call_function").target = print
        with self.assertRaisesRegex(NotImplementedError, "a call of 'print' cannot be written"):
            export.save(program, io.BytesIO())
        with self.assertRaisesRegex(NotImplementedError, r"aot_compile: cond\(\)"):
            export.aot_compile(self.program, "unused")

    def test_compiled_ahead(self):
        class Loops(nn.Module):
            def forward(self, x):
                c, rows = scan(lambda c, x: (c * 0.5 + x, c.sin() * x), x[0] * 0, x, reverse=True)
                return c, rows, map_each(lambda row: row.exp() + c, x)

        module = Loops()
        x = framejit.arange(6.0).reshape(3, 2)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "loops.fj")
            export.aot_compile(export.export(module, (x,)), path)
            loaded = export.aot_load(path)
            for a, b in zip(loaded(x - 3), module(x - 3)):
                framejit.testing.assert_close(a, b)


if __name__ == "__main__":
    unittest.main()
