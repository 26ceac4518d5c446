"""The examples of docs/export.md run and print what the page says."""

import contextlib
import importlib.util
import io
import re
import tempfile
import unittest
from pathlib import Path

import framejit

DOC = Path(__file__).resolve().parent.parent / "docs" / "export.md"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)


class DocsTest(unittest.TestCase):
    maxDiff = None

    def test_the_examples(self):
        blocks = BLOCK.findall(DOC.read_text())
        self.assertGreater(len(blocks), 1)
        names = {"__name__": "docs"}
        framejit.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for code, expected in blocks:
                if "framejit.onnx" in code and importlib.util.find_spec("onnx") is None:
                    print("the example of framejit.onnx is left out: the package onnx is not installed")
                    continue
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    exec(compile(code, str(DOC), "exec"), names)
                self.assertEqual(out.getvalue(), expected)


if __name__ == "__main__":
    unittest.main()
