"""The examples of docs/jit.md run."""

import importlib.util
import tempfile
import unittest
from pathlib import Path

DOC = Path(__file__).resolve().parent.parent / "docs" / "jit.md"


class DocsTest(unittest.TestCase):
    def test_the_worked_example(self):
        text = DOC.read_text().partition("\n    ")[2].partition("\n## ")[0]
        code = "\n".join(line[4:] for line in ("    " + text).splitlines() if line.startswith("    ") or not line)
        self.assertIn("jit.freeze", code)
        with tempfile.TemporaryDirectory() as folder:  # scripting reads the source from a file
            path = Path(folder, "worked_example.py")
            path.write_text(code)
            spec = importlib.util.spec_from_file_location("worked_example", path)
            spec.loader.exec_module(importlib.util.module_from_spec(spec))


if __name__ == "__main__":
    unittest.main()
