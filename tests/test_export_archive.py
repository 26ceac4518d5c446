"""export.save and export.load: what comes back, and what damaged and hostile files do (an error, before anything runs)."""

import collections
import io
import json
import random
import unittest
import zipfile

import framejit
from framejit import nn
from framejit.export import Dim, export, load, save

from tests.export_subjects import Counting, Mlp, subjects
from tests.test_export import ExportCase, dims_of, grown

Pair = collections.namedtuple("Pair", "a b")


def written(program, **more):
    file = io.BytesIO()
    save(program, file, **more)
    return file.getvalue()


def read(data, **more):
    return load(io.BytesIO(data), **more)


def changed(data, edit):
    """The archive with another program.json."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "program.json":
                program = json.loads(content)
                edit(program)
                content = json.dumps(program)
            new.writestr(name, content)
    return out.getvalue()


class ArchiveTest(ExportCase):
    def test_what_is_written_comes_back(self):
        for name, (module, args, shapes) in subjects().items():
            program = export(module, args, dynamic_shapes=dims_of(shapes))
            for made in (program, program.run_decompositions()):
                with self.subTest(name, dialect=made.dialect):
                    back = read(written(made))
                    self.assertEqual(str(back), str(made))
                    for given in (args, grown(args, shapes)):
                        self.assertSame(back.module()(*given), module(*given))

    def test_tensors_come_back_as_they_were(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(framejit.randn(3, 4).t().bfloat16(), requires_grad=False)
                self.tied = self.weight
                self.register_buffer("part", framejit.arange(6)[1::2], persistent=False)

            def forward(self, x):
                return x.bfloat16() @ self.weight + self.part.sum()

        module, x = Net(), framejit.randn(2, 4)
        back = read(written(export(module, (x,))))
        self.assertEqual(back.state_dict["weight"].stride(), module.weight.stride())
        self.assertIs(back.state_dict["weight"], back.state_dict["tied"])
        self.assertFalse(back.state_dict["weight"].requires_grad)
        self.assertSame(back.constants["part"], module.part)
        self.assertSame(back.module()(x), module(x))

    def test_mutation_and_extra_files(self):
        module = Counting()
        data = written(export(module, (framejit.randn(3, 4),)), extra_files={"about": "é", "raw": b"1"})
        extra = {"about": "", "raw": ""}
        made = read(data, extra_files=extra).module()
        self.assertEqual(extra, {"about": "é", "raw": "1"})
        made(framejit.randn(3, 4))
        self.assertEqual((made.calls.item(), module.calls.item()), (1, 0))

    def test_what_cannot_be_written(self):
        class Net(nn.Module):
            def forward(self, x):
                return Pair(x, x + 1)

        with self.assertRaises(TypeError):
            save(Mlp(), io.BytesIO())
        with self.assertRaisesRegex(NotImplementedError, "containers of type"):
            save(export(Net(), (framejit.ones(2),)), io.BytesIO())


class HostileTest(ExportCase):
    @classmethod
    def setUpClass(cls):
        cls.program = export(Mlp(), (framejit.randn(4, 6),), dynamic_shapes={"x": {0: Dim("n")}})
        cls.data = written(cls.program)

    def refused(self, data, text):
        with self.assertRaisesRegex(RuntimeError, "export.load: .*" + text):
            read(data)

    def edited(self, edit, text):
        self.refused(changed(self.data, edit), text)

    def test_no_archive(self):
        self.refused(b"", "not a zip")
        self.refused(b"PK" + bytes(100), "not a zip")
        other = io.BytesIO()
        framejit.save({"a": framejit.ones(2)}, other)
        self.refused(other.getvalue(), "no member program.json")

    def test_operators_that_are_none(self):
        def call(target):
            def edit(program):
                node = next(n for n in program["nodes"] if n["op"] == "call_function")
                node["target"] = target

            return edit

        for target in (
            "os.system", "builtins.eval", "builtins.__import__", "aten.save.default", "aten.load.default", "aten.compile.default",
            "aten.__class__.default", "aten.linear.__init__", "aten.linear._function", "operator.attrgetter", "operator.methodcaller",
            "framejit.load", "framejit._C", "framejit._run_backward", "aten.linear", "", None, 3, ["aten"], "aten.from_file.default",
        ):  # fmt: skip
            self.edited(call(target), "operator")

    def test_nodes_that_are_none(self):
        def first_call(program):
            return next(n for n in program["nodes"] if n["op"] == "call_function")

        def name(word):
            return lambda program: first_call(program).update(name=word)

        for word in ("import os", "x\nimport os", "x", "class", "1", "", None, "ä"):
            self.edited(name(word), "name")
        self.edited(lambda p: first_call(p).update(args=[{"node": 10**6}]), "before it")
        self.edited(lambda p: first_call(p).update(args=[{"node": len(p["nodes"]) - 1}]), "before it")
        self.edited(lambda p: first_call(p).update(args=[{"global": "os.system"}]), "unknown kind")
        self.edited(lambda p: first_call(p).update(args=[{"dtype": "os"}]), "unknown")
        self.edited(lambda p: first_call(p).update(kwargs={"a b": 1}), "names of arguments")
        self.edited(lambda p: first_call(p).update(op="call_module"), "of the kind")
        self.edited(lambda p: first_call(p).update(op="get_attr"), "is not there")
        self.edited(lambda p: p["nodes"].pop(), "no output")
        self.edited(lambda p: p["nodes"].reverse(), "")
        self.edited(lambda p: p.update(nodes=[]), "no nodes")
        self.edited(lambda p: p.update(version=2), "version")
        self.edited(lambda p: p.update(format="x"), "not an exported program")

    def test_tensors_that_are_none(self):
        def tensor(**more):
            return lambda program: program["tensors"][0].update(more)

        self.edited(tensor(shape=[10**9, 10**9]), "beyond its storage")
        self.edited(tensor(shape=[-1, 6]), "impossible")
        self.edited(tensor(offset=10**6), "beyond")
        self.edited(tensor(stride=[1]), "impossible")
        self.edited(tensor(dtype="object"), "unknown kind")
        self.edited(tensor(storage=99), "no member")
        self.edited(lambda p: p["state_dict"].update({"a.weight": 99}), "not there")
        self.edited(lambda p: p["state_dict"].update({"a; import os": 0}), "name")
        self.edited(lambda p: p["state_dict"].clear(), "not there")
        self.edited(lambda p: p["inputs"].pop(), "inputs")
        self.edited(lambda p: p["outputs"][0].update(kind="EXEC"), "kind")
        self.edited(lambda p: p.update(in_spec={"namedtuple": [], "context": None}), "unknown type")
        self.edited(lambda p: p["ranges"].update(n=[5, 2]), "range")
        self.edited(lambda p: p["sizes"]["x"].update({"7": "n"}), "dimension")

    def test_structures_without_end(self):
        def edit(program):
            spec = None
            for _ in range(100):
                spec = {"list": [spec], "context": None}
            program["out_spec"] = spec

        self.edited(edit, "too deep")
        deep = "[" * 100_000
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("program.json", '{"nodes":' + deep)
        self.refused(out.getvalue(), "damaged")

    def test_compressed_members(self):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("program.json", b" " * (1 << 20))
        self.refused(out.getvalue(), "compressed")

    def test_random_damage(self):
        rng, outcomes = random.Random(0), set()
        for i in range(300):
            data = bytearray(self.data)
            at = rng.randrange(len(data))
            if i % 3 == 0:
                data = data[:at]
            elif i % 3 == 1:
                data[at] ^= 1 << rng.randrange(8)
            else:
                del data[at : at + rng.randrange(1, 50)]
            try:
                outcomes.add(type(read(bytes(data))))
            except RuntimeError as error:
                self.assertIn("export.load: ", str(error))
                outcomes.add(RuntimeError)
        self.assertIn(RuntimeError, outcomes)

    def test_random_changes_of_the_program(self):
        """Whatever stands in the JSON: an error of load, or a program that runs or raises as any program does."""
        rng, values = (
            random.Random(1),
            [None, True, -1, 2**70, 1.5, "x", "aten.add.Tensor", [], {}, {"node": 0}, {"float": "nan"}, [[]]],
        )
        refused = ran = 0

        def walk(value, found):
            children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for key, child in children:
                found.append((value, key))
                walk(child, found)
            return found

        def edit(program):
            places = walk(program, [])
            for _ in range(rng.randrange(1, 3)):
                holder, key = rng.choice(places)
                try:
                    holder[key] = rng.choice(values)
                except (KeyError, IndexError):
                    pass

        for _ in range(400):
            data = changed(self.data, edit)
            try:
                made = read(data)
            except RuntimeError:
                refused += 1
                continue
            try:
                made.module()(framejit.randn(4, 6))
                ran += 1
            except Exception:  # of a program that says nonsense
                pass
        self.assertGreater(refused, 100)
        self.assertGreater(ran, 10)


if __name__ == "__main__":
    unittest.main()
