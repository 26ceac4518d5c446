"""Programs compiled ahead of time: against eager, in other processes, from C, under other instruction sets, damaged."""

import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import framejit
from framejit import nn
from framejit.export import Dim, aot_compile, aot_load, export

from tests.export_subjects import Cnn, Mlp, subjects
from tests.flat import FlatCase
from tests.test_export import ExportCase, dims_of, grown

ROOT = Path(__file__).resolve().parent
PACKAGE = Path(framejit.__file__).parent
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


class Steps(nn.Module):
    """Counts its calls in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", framejit.zeros((), dtype=framejit.int64))

    def forward(self, x):
        self.calls += 1
        return x * self.calls


class AotCase(ExportCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "program.fj")

    def child(self, code, *args, **environ):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ}
        done = subprocess.run(
            [sys.executable, "-c", code, self.path, *args], env=env, capture_output=True, text=True, timeout=120
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class AotTest(AotCase):
    def test_programs_do_what_their_modules_do(self):
        for name, (module, args, shapes) in subjects().items():
            with self.subTest(name):
                program = export(module, args, dynamic_shapes=dims_of(shapes))
                symbols = {
                    word: [args[list(shapes).index(k)].shape[d] + by for by in (0, 1)]
                    for k, dims in shapes.items()
                    if dims
                    for d, word in dims.items()
                }
                aot_compile(program, self.path, sizes=symbols)
                loaded = aot_load(self.path)
                for given in (args, grown(args, shapes)):
                    self.assertSame(loaded(*given), module(*given))

    def test_other_sizes(self):
        module, x = Mlp(), framejit.randn(4, 6)
        aot_compile(export(module, (x,), dynamic_shapes={"x": {0: Dim("n", max=32)}}), self.path, sizes={"n": [1, 4]})
        loaded = aot_load(self.path)
        self.assertEqual(loaded.sizes, [{"n": 1}, {"n": 4}])
        with self.assertRaisesRegex(AssertionError, "compile for them too"):
            loaded(framejit.randn(5, 6))
        with self.assertRaisesRegex(AssertionError, r"x\.size\(\)\[0\] <= 32"):
            loaded(framejit.randn(33, 6))
        with self.assertRaisesRegex(AssertionError, "dtype"):
            loaded(x.double())
        y = framejit.randn(5, 6)
        self.assertSame(aot_load(self.path, fallback=True)(y), module(y))
        self.assertSame(loaded(x.t().contiguous().t()), module(x))  # any strides

    def test_what_sizes_may_not_say(self):
        program = export(Mlp(), (framejit.randn(4, 6),), dynamic_shapes={"x": {0: Dim("n", max=8)}})
        for sizes in ({"m": 3}, {"n": 9}, {"n": "a"}, [3]):
            with self.assertRaises(ValueError):
                aot_compile(program, self.path, sizes=sizes)

    def test_buffers_that_change(self):
        module, x = Steps(), framejit.ones(3)
        aot_compile(export(module, (x,)), self.path)
        loaded = aot_load(self.path)
        self.assertEqual([loaded(x)[0].item() for _ in range(3)], [1, 2, 3])
        self.assertEqual(aot_load(self.path)(x)[0].item(), 1)
        self.assertEqual(module.calls.item(), 0)

        class Writes(nn.Module):
            def forward(self, x):
                return x.add_(1)

        with self.assertRaisesRegex(NotImplementedError, "changes its arguments"):
            aot_compile(export(Writes(), (x,)), self.path)

    def test_another_process_compiles_nothing(self):
        module, x = Cnn().eval(), framejit.randn(2, 3, 16, 16)
        aot_compile(export(module, (x,)), self.path)
        numbers = json.dumps(x.flatten().tolist())
        code = (
            "import sys, json, framejit\n"
            "p = framejit.export.aot_load(sys.argv[1])\n"
            "x = framejit.tensor(json.loads(sys.argv[2])).reshape(2, 3, 16, 16)\n"
            "before = framejit._C._debug.codegen_stats()['misses'] if hasattr(framejit._C._debug, 'codegen_stats') else 0\n"
            "y = p(x)\n"
            "print(json.dumps([p.isa, p.compiled_at_load, y.flatten().tolist()]))\n"
        )
        for isa in ("", "avx2", "ref"):
            if isa == "avx2" and "avx2" not in Path("/proc/cpuinfo").read_text():
                continue
            got, compiled, y = json.loads(self.child(code, numbers, FRAMEJIT_ISA=isa))
            self.assertSame(framejit.tensor(y).reshape(2, 5), module(x))
            self.assertEqual(compiled, isa == "ref")
            if isa:
                self.assertEqual(got, isa)

    def test_files_are_the_same_each_time(self):
        program = export(Mlp(), (framejit.randn(4, 6),))
        aot_compile(program, self.path)
        first = Path(self.path).read_bytes()
        aot_compile(program, self.path)
        self.assertEqual(Path(self.path).read_bytes(), first)


class MemoryTest(AotCase, FlatCase):
    def test_loads_and_calls_stay_flat(self):
        class Net(nn.Module):  # whose kernel has a check with a message
            def forward(self, x, i):
                return x[i] + 1

        x, i = framejit.randn(64, 16), framejit.tensor([3, 1])
        aot_compile(export(Net(), (x, i)), self.path)
        with self.assertRaises(IndexError):
            aot_load(self.path)(x, framejit.tensor([3, 99]))

        loaded = aot_load(self.path)

        def call(probe):
            loaded(x, i)

        def load(probe):
            aot_load(self.path)(x, i)

        self.flat(call)
        self.flat(load, rounds=400)

    def test_threads(self):
        module, x = Cnn().eval(), framejit.randn(2, 3, 16, 16)
        aot_compile(export(module, (x,)), self.path)
        loaded, expected, wrong = aot_load(self.path), module(x), []

        def work():
            for _ in range(50):
                if not framejit.allclose(loaded(x), expected, atol=1e-5):
                    wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class DamagedTest(AotCase):
    def test_damaged_files(self):
        aot_compile(export(Mlp(), (framejit.randn(4, 6),)), self.path)
        data, rng = Path(self.path).read_bytes(), random.Random(0)
        broken = [b"", b"FJAOT", data[:31], data[:-1], data + b"x", data[: len(data) // 2], b"PK" + data[2:]]
        broken += [data[:8] + struct.pack("<I", 99) + data[12:]]
        for _ in range(60):
            copy = bytearray(data)
            copy[rng.randrange(len(copy))] ^= 1 << rng.randrange(8)
            broken.append(bytes(copy))
        for content in broken:
            Path(self.path).write_bytes(content)
            with self.assertRaisesRegex(RuntimeError, "aot_load: .*(file is|the file|file has)"):
                aot_load(self.path)

    def test_contents_that_lie(self):
        """Damage that the checksum does not show, outside the machine code: an error or a program, never a crash."""
        aot_compile(export(Mlp(), (framejit.randn(4, 6),)), self.path)
        data, rng, outcomes = Path(self.path).read_bytes(), random.Random(1), {"ok": 0, "error": 0}
        for _ in range(200):
            body = bytearray(data[32:])
            at = rng.randrange(len(body))
            body[at] = rng.randrange(256)
            Path(self.path).write_bytes(data[:24] + struct.pack("<Q", checksum(bytes(body))) + bytes(body))
            try:
                aot_load(self.path)
                outcomes["ok"] += 1
            except RuntimeError:
                outcomes["error"] += 1
        self.assertGreater(outcomes["error"], 10)


def checksum(data):
    mask, h = (1 << 64) - 1, 0xCBF29CE484222325
    whole = len(data) // 8 * 8
    for (word,) in struct.iter_unpack("<Q", data[:whole]):
        h = (h ^ word) * 0x100000001B3 & mask
        h ^= h >> 29
    for byte in data[whole:]:
        h = (h ^ byte) * 0x100000001B3 & mask
    return h


def plain_environment():
    """Without what a sanitized interpreter preloads."""
    return {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}


@unittest.skipIf(COMPILER is None, "there is no C compiler")
class FromCTest(AotCase):
    @classmethod
    def setUpClass(cls):
        cls.built = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.built.cleanup)
        cls.client = os.path.join(cls.built.name, "client")
        command = [COMPILER, "-std=c99", "-Wall", "-Werror", str(ROOT / "files" / "aot_client.c"), "-o", cls.client]
        command += [f"-I{PACKAGE / 'include'}", f"-L{PACKAGE / 'lib'}", "-lframejit", f"-Wl,-rpath,{PACKAGE / 'lib'}"]
        done = subprocess.run(command, env=plain_environment(), capture_output=True, text=True, timeout=120)
        if any(f"__{word}" in done.stderr for word in ("asan", "tsan", "ubsan")):
            raise unittest.SkipTest("the library is built with a sanitizer, the C program is not")
        if done.returncode:
            raise AssertionError(done.stderr)

    def run_client(self, tensors, variant=0, **environ):
        paths = []
        for i, t in enumerate(tensors):
            paths.append(os.path.join(self.folder.name, f"in{i}"))
            Path(paths[-1]).write_bytes(bytes(t.contiguous().numpy().tobytes()))
        env = {**os.environ, **environ}  # a sanitizer's run-time library stays: the client needs it, too
        return subprocess.run(
            [self.client, self.path, str(variant), *paths], env=env, capture_output=True, text=True, timeout=120
        )

    def outputs(self, text):
        dtypes = {0: framejit.bool, 5: framejit.int64, 8: framejit.float32, 9: framejit.float64}
        found = []
        for line in text.splitlines():
            if line.startswith("out "):
                head, _, data = line.partition(":")
                dtype, *sizes = map(int, head.split()[1:])
                flat = framejit.frombuffer(bytearray.fromhex(data), dtype=dtypes[dtype])
                found.append(flat.reshape(sizes))
        return found

    def test_against_eager(self):
        from framejit.utils import _pytree as pytree

        for name, (module, args, _) in subjects().items():
            aot_compile(export(module, args), self.path)
            expected = [t for t in pytree.tree_leaves(module(*args)) if isinstance(t, framejit.Tensor)]
            for isa in ("", "ref"):
                with self.subTest(name, isa=isa):
                    done = self.run_client(args, FRAMEJIT_ISA=isa)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertSame(self.outputs(done.stdout), expected)

    def test_it_needs_no_python(self):
        needed = subprocess.run(["ldd", str(PACKAGE / "lib" / "libframejit.so")], capture_output=True, text=True).stdout
        self.assertNotIn("python", needed)

    def test_products_of_a_library(self):
        import importlib.util

        found = importlib.util.find_spec("scipy_openblas64")
        if found is None:
            self.skipTest("the package scipy_openblas64 is not installed")
        library = next(Path(found.origin).parent.glob("lib/libscipy_openblas64_*"))
        module, x = nn.Linear(64, 32), framejit.randn(16, 64)
        aot_compile(export(module, (x,)), self.path)
        done = self.run_client([x], FRAMEJIT_BLAS=str(library))
        self.assertSame(self.outputs(done.stdout), [module(x)])

    def test_variants_and_state(self):
        aot_compile(
            export(Steps(), (framejit.ones(3),), dynamic_shapes={"x": {0: Dim("n")}}), self.path, sizes={"n": [2, 5]}
        )
        done = self.run_client([framejit.ones(5)], variant=1)  # the client runs it twice
        self.assertIn("2 variants", done.stdout)
        self.assertSame(self.outputs(done.stdout), [framejit.full((5,), 2.0)])

    def test_errors(self):
        self.assertIn("cannot open", self.run_client([]).stderr)
        aot_compile(export(Mlp(), (framejit.randn(4, 6),)), self.path)
        data = Path(self.path).read_bytes()
        Path(self.path).write_bytes(data[:-5])
        self.assertIn("cut off", self.run_client([]).stderr)
        Path(self.path).write_bytes(data)
        self.assertIn("no variant 7", self.run_client([framejit.randn(4, 6)], variant=7).stderr)


if __name__ == "__main__":
    unittest.main()
