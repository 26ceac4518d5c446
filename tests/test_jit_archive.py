"""jit.save and jit.load: programs survive, and no damaged or hostile archive gets anything run."""

import io
import pickle
import random
import unittest
import zipfile
from typing import Dict, List, Optional, Tuple

import framejit
from framejit import jit, nn

# ruff: noqa: UP006, UP035, UP045


class Inner(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(framejit.ones(3) * scale)
        self.register_buffer("seen", framejit.zeros(1))

    def forward(self, x, again: bool = False):
        if again:
            x = x * self.scale
        return x * self.weight


class Outer(nn.Module):
    counts: Dict[str, int]
    names: List[str]

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Inner(1.0), Inner(2.0)])
        self.body = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
        self.counts = {"a": 1}
        self.names = []
        self.numbers = [1.5, 2.5]
        self.nothing: Optional[int] = None
        self.pair = (1, "x")

    def forward(self, x, times: List[int]) -> Tuple[framejit.Tensor, Dict[str, int]]:
        for i, layer in enumerate(self.layers):
            x = layer(x, i > 0)
        for t in times:
            x = x + t + self.numbers[0]
        x = self.body(x)
        if self.nothing is None:
            self.counts["a"] += 1
        return x, self.counts

    @jit.export
    def other(self, n: int) -> int:
        return n + self.pair[0]


def saved(module):
    buffer = io.BytesIO()
    jit.save(module, buffer)
    return buffer.getvalue()


def rewritten(data, change):
    """The archive with `change(name, content)` applied to its members; None drops one."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = change(name.partition("/")[2], old.read(name))
            if content is not None:
                new.writestr(name, content)
    return out.getvalue()


class ArchiveTest(unittest.TestCase):
    def setUp(self):
        framejit.manual_seed(0)
        self.module = jit.script(Outer())
        self.data = saved(self.module)

    def test_round_trip(self):
        loaded = jit.load(io.BytesIO(self.data))
        x = framejit.randn(2, 3)
        for got, want in zip(loaded(x, [1, 2]), self.module(x, [1, 2])):
            if isinstance(got, framejit.Tensor):
                framejit.testing.assert_close(got, want)
            else:
                self.assertEqual(got, want)
        self.assertEqual(loaded.other(4), 5)
        self.assertEqual(loaded.code, self.module.code)
        self.assertEqual(list(loaded.state_dict()), list(self.module.state_dict()))
        self.assertEqual([n for n, _ in loaded.named_parameters()], [n for n, _ in self.module.named_parameters()])
        self.assertEqual([n for n, _ in loaded.named_buffers()], ["layers.0.seen", "layers.1.seen"])
        self.assertEqual(saved(loaded), saved(jit.load(io.BytesIO(saved(loaded)))))

    def test_function(self):
        @jit.script
        def f(x, n: int):
            return x * n

        buffer = io.BytesIO()
        f.save(buffer)
        buffer.seek(0)
        self.assertEqual(jit.load(buffer)(framejit.ones(1), 3).item(), 3.0)

    def test_extra_files_and_paths(self):
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/model.pt"
            self.module.save(path, _extra_files={"note.txt": "hello"})
            extra = {"note.txt": ""}
            jit.load(path, _extra_files=extra)
            self.assertEqual(extra["note.txt"], b"hello")
            with self.assertRaises(ValueError):
                jit.load(f"{folder}/absent.pt")

    def test_older_versions(self):
        """Below version 4, div of integers cut off; below 5, full gave floats."""

        @jit.script
        def f(x, n: int):
            return x / 2, framejit.full([2], 3), n / 2

        buffer = io.BytesIO()
        f.save(buffer)
        for version, cut, dtype in (
            (b"10", False, framejit.int64),
            (b"4", False, framejit.float32),
            (b"3", True, framejit.float32),
        ):
            old = rewritten(buffer.getvalue(), lambda n, c, v=version: v if n == "version" else c)
            x, full, n = jit.load(io.BytesIO(old))(framejit.tensor([3, -3]), 3)
            self.assertEqual(x.tolist(), [1, -1] if cut else [1.5, -1.5])
            self.assertEqual((full.dtype, n), (dtype, 1.5))
        for version in (b"11", b"x", b"0"):
            with self.assertRaisesRegex(RuntimeError, "version"):
                jit.load(io.BytesIO(rewritten(buffer.getvalue(), lambda n, c, v=version: v if n == "version" else c)))

    def test_trained_and_moved(self):
        loaded = jit.load(io.BytesIO(self.data))
        self.assertTrue(loaded.training)
        loaded.eval()
        self.assertFalse(loaded.body.training)
        loaded.to(framejit.float64)
        self.assertEqual(loaded.layers[0].weight.dtype, framejit.float64)
        self.assertTrue(all(p.requires_grad for p in loaded.parameters()))

    def test_what_calls_python_is_not_saved(self):
        @jit.ignore
        def python(x):
            return x

        @jit.script
        def f(x):
            return python(x)

        with self.assertRaisesRegex(RuntimeError, "Could not export Python function call 'python'"):
            f.save(io.BytesIO())

    def test_pickling_is_refused(self):
        with self.assertRaises(pickle.PickleError):
            pickle.dumps(self.module)


class HostileTest(unittest.TestCase):
    def setUp(self):
        self.module = jit.script(Outer())
        self.data = saved(self.module)

    def refuse(self, data, text=""):
        with self.assertRaises(RuntimeError) as caught:
            jit.load(io.BytesIO(data))
        self.assertIn("jit.load", str(caught.exception))
        self.assertIn(text, str(caught.exception))

    def test_missing_and_broken_members(self):
        self.refuse(b"no zip at all", "not a zip archive")
        self.refuse(self.data[: len(self.data) // 2], "not a zip archive")
        code = f"code/{type(self.module)._script_type.qualname.rpartition('.')[0].replace('.', '/')}.py"
        for member in ("data.pkl", "constants.pkl", "version", code, "data/0"):
            self.refuse(rewritten(self.data, lambda n, c, m=member: None if n == m else c))
            self.refuse(
                rewritten(
                    self.data,
                    lambda n, c, m=member: c[: len(c) // 2] if n == m and len(c) > 4 else b"" if n == m else c,
                )
            )

    def test_pickles_name_nothing_else(self):
        for payload in (
            b"\x80\x02cos\nsystem\n(X\x04\x00\x00\x00true\x85R.",
            b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
            b"\x80\x02c__torch__\nOuter\n)\x81.",
            b"\x80\x02c__torch__.absent\nX\n)\x81}b.",
            b"\x80\x02ccollections\nOrderedDict\n)R.",
            b"\x80\x02K\x01.",
        ):
            self.refuse(rewritten(self.data, lambda n, c, p=payload: p if n == "data.pkl" else c))
            self.refuse(rewritten(self.data, lambda n, c, p=payload: p if n == "constants.pkl" else c))

    def test_code_is_checked_before_anything_runs(self):
        for bad in (
            "import os\n",
            "class Outer(Module):\n  x : int\n  os.system('true')\n",
            "class Outer(object):\n  pass\n",
            "@print\ndef f(x: Tensor) -> Tensor:\n  return x\n",
        ):
            self.refuse(rewritten(self.data, lambda n, c, b=bad: b.encode() if b"class Outer(" in c else c))
        for bad in (
            "return __import__('os').system('true')",
            "return n.__class__.__base__",
            "return torch.no_such_operator(n)",
            "return ops.os.system('true')",
            "return eval('1')",
            "return CONSTANTS.c99",
            "return (lambda: 1)()",
            "return 'text'",
            "return __torch__.os.system(1)",
            "return self.pair.__class__",
        ):
            with self.subTest(bad):
                self.refuse(self._with_body(bad))

    def _with_body(self, body):
        def change(name, content):
            if name.startswith("code/") and b"def other" in content:
                before, mark, after = content.decode().partition("    return torch.add(n, (self.pair)[0])")
                assert mark
                return (before + "    " + body + after).encode()
            return content

        return rewritten(self.data, change)

    def test_values_must_be_of_their_types(self):
        data = rewritten(
            self.data,
            lambda n, c: (
                c.replace(b"counts : Dict[str, int]", b"counts : Dict[str, str]") if n.startswith("code/") else c
            ),
        )
        self.refuse(data)

    def test_random_damage(self):
        """Whatever is changed: a module, or one of the errors that say what is wrong."""
        rng = random.Random(1)
        for _ in range(150):
            data = bytearray(self.data)
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                jit.load(io.BytesIO(bytes(data)))
            except RuntimeError:
                pass

            def scramble(name, content):
                if name.endswith((".py", ".pkl")) and content:
                    content = bytearray(content)
                    content[rng.randrange(len(content))] = rng.randrange(256)
                return bytes(content)

            try:
                jit.load(io.BytesIO(rewritten(self.data, scramble)))
            except RuntimeError:
                pass


if __name__ == "__main__":
    unittest.main()
