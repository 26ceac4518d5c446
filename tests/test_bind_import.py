"""Importing the package: it works, is cheap, and does not pull NumPy in."""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from framejit import _platform

ROOT = Path(__file__).resolve().parent.parent


class ImportTest(unittest.TestCase):
    def test_import_has_version(self):
        import framejit

        self.assertRegex(framejit.__version__, r"^\d+\.\d+\.\d+")

    def test_import_leaves_numpy_alone(self):
        code = "import framejit, sys; print('numpy' in sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(out.stdout.strip(), "False")

    def test_compiling_a_function_imports_little(self):
        """The first compiled call is quick in a fresh process: nothing of ours but _compile is loaded for it."""
        code = (
            "import framejit, sys\n"
            "before = set(sys.modules)\n"
            "framejit.compile(lambda x: x * 2)(framejit.ones(3))\n"
            "print(*sorted(m for m in set(sys.modules) - before if m.startswith('framejit')))"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(out.stdout.split(), ["framejit._compile"])


class PlatformTest(unittest.TestCase):
    """Elsewhere the install and the import say why not."""

    def test_here(self):
        self.assertIsNone(_platform.why_not())

    def test_refusals(self):
        here = {"system": "Linux", "machine": "x86_64", "implementation": "CPython", "version": (3, 12)}
        self.assertIsNone(_platform.why_not(**here, free_threaded=False))
        for change, words in (
            ({"machine": "aarch64"}, "machine is aarch64"),
            ({"system": "Darwin"}, "this is Darwin"),
            ({"implementation": "PyPy"}, "this is PyPy"),
            ({"version": (3, 10, 4)}, "this is 3.10"),
            ({"version": (3, 14)}, "supports CPython 3.11, 3.12, 3.13"),
            ({"free_threaded": True}, "free-threaded"),
        ):
            with self.subTest(change):
                self.assertIn(words, _platform.why_not(**{**here, **change}))

    def test_import_without_the_extension(self):
        """A package without its extension module fails to import with words of our own."""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "pkg" / "framejit", f"{folder}/framejit", ignore=shutil.ignore_patterns("*.so"))
            command = [sys.executable, "-c", "import framejit"]
            out = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": folder})
        self.assertNotEqual(out.returncode, 0)
        self.assertIn("ImportError: the extension module framejit._C was not built for this interpreter", out.stderr)

    def test_the_stub_promises_what_is_there(self):
        """Every function, class and method of the stub exists in the extension."""
        import framejit._C

        missing = []
        for holder in ast.parse((ROOT / "pkg" / "framejit" / "_C.pyi").read_text()).body:
            if isinstance(holder, (ast.FunctionDef, ast.ClassDef)) and holder.name != "__getattr__":
                held = getattr(framejit._C, holder.name, None)
                missing += [holder.name] if held is None else []
                members = holder.body if isinstance(holder, ast.ClassDef) else ()
                names = [m.name for m in members if isinstance(m, ast.FunctionDef)]
                missing += [f"{holder.name}.{name}" for name in names if not hasattr(held, name)]
        self.assertEqual(missing, [])

    def test_cpu_without_vectors(self):
        """With no instruction set to generate for, programs run on the reference executor."""
        code = "import framejit as f; print(f.compile(lambda x: (x * 2 + 1).sum())(f.arange(3.0)).item())"
        env = {**os.environ, "FRAMEJIT_ISA": "ref"}
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
        self.assertEqual(out.stdout.strip(), "9.0")


if __name__ == "__main__":
    unittest.main()
