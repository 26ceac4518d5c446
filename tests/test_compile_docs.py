"""The pages about compiling: every example prints what its page says. FRAMEJIT_UPDATE_DOCS=1 writes it there instead."""

import doctest
import importlib
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import framejit

from benchmarks import draw

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ("autograd", "compile", "dynamic_shapes", "func", "fx", "lazy", "overrides", "why-break", "why-recompile")
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
SOURCE = DOCS.parent / "csrc" / "capture" / "break_reasons.def"
TEXTS = {".cpp", ".h", ".def", ".toml", ".py", ".md"}
DOCTESTED = (
    "_backends _fake_tensor _compile _options as_torch as_torch.stand_ins.testing._file_check compiler compiler._guards dynamo dynamo._export "
    "dynamo._stance dynamo.callback dynamo.compiled_autograd dynamo.comptime dynamo.control dynamo.decorators dynamo.explain "
    "dynamo.external_utils dynamo.in_graph dynamo.testing dynamo.utils testing._capture utils._pytree"
).split()


def output_of(code):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "example.py").write_text(code)
        environment = {**os.environ, "PYTHONPATH": str(Path(framejit.__file__).parents[1])}
        done = subprocess.run(
            [sys.executable, "example.py"], capture_output=True, text=True, env=environment, cwd=folder, timeout=60
        )
        return (done.stdout + done.stderr).replace(folder + os.sep, "")


def any_version(text):
    """Guards are counted without: how many a function takes differs between versions of CPython."""
    return re.sub(r"Guard Count: \d+", "Guard Count: some", text)


def reasons():
    rows = re.findall(r'^FJ_BREAK\((\w+), "(.*?)", "(.*?)"\)', SOURCE.read_text(), re.MULTILINE)
    lines = [f"| `{name}` | {words} | {advice} |" for name, words, advice in rows]
    return "| reason | what it is | what helps |\n|---|---|---|\n" + "\n".join(lines)


class PagesTest(unittest.TestCase):
    maxDiff = None

    def test_examples(self):
        for name in PAGES:
            page = DOCS / f"{name}.md"
            text = page.read_text()
            if os.environ.get("FRAMEJIT_UPDATE_DOCS") == "1":
                text = EXAMPLE.sub(lambda m: f"```python\n{m[1]}```\n\n```text\n{output_of(m[1])}```", text)
                text = re.sub(
                    r"(## The reasons\n\n).*?(\n\nWith a debugger)", lambda m: m[1] + reasons() + m[2], text, flags=re.S
                )
                page.write_text(text)
            for code, expected in EXAMPLE.findall(text):
                with self.subTest(page=name, code=code):
                    self.assertEqual(any_version(output_of(code)), any_version(expected))

    def test_the_picture_shows_the_measured_times(self):
        rows = draw.table((DOCS / "performance.md").read_text())
        self.assertEqual(set(rows), set(draw.ROWS))
        self.assertEqual((DOCS / "gain.svg").read_text(), draw.svg(rows), "run benchmarks/draw.py")

    def test_every_reason_is_listed(self):
        self.assertIn(reasons(), (DOCS / "why-break.md").read_text())


class FilesTest(unittest.TestCase):
    def test_what_is_named_exists(self):
        """Files that comments, tables and pages refer to: from the root on, or in a page by their bare names."""
        root = DOCS.parent
        texts = [
            p for room in ("csrc", "docs", "tools", "tests") for p in (root / room).rglob("*") if p.suffix in TEXTS
        ]
        bare = {p.name for room in ("csrc", "tests", "tools") for p in (root / room).rglob("*.*")}
        missing = set()
        for path in (*texts, *root.glob("*.md")):
            text = path.read_text()
            named = re.findall(
                r"\b(?:tests|tools|docs|csrc|benchmarks)/[\w/-]+\.(?:py|md|cpp|h|def|toml|png|svg)\b", text
            )
            missing |= {(path.name, name) for name in named if not (root / name).exists()}
            if path.suffix == ".md":
                named = re.findall(r"`(\w+\.(?:cpp|h|def|py))`", text)
                missing |= {(path.name, name) for name in named if name not in bare}
        self.assertEqual(missing, set())


class DocstringTest(unittest.TestCase):
    def test_examples_in_docstrings(self):
        for name in DOCTESTED:
            module = importlib.import_module(f"framejit.{name}")
            with self.subTest(module=name):
                framejit.dynamo.reset()
                failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
                self.assertEqual(failed, 0)


if __name__ == "__main__":
    unittest.main()
