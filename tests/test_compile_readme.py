"""The README's example prints what the README says."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


class ReadmeTest(unittest.TestCase):
    def test_example(self):
        text = README.read_text()
        code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
        expected = re.search(r"```text\n(.*?)```", text, re.DOTALL).group(1)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "step.py").write_text(code)
            environment = dict(os.environ, PYTHONPATH=str(README.parent / "pkg"))
            command = [sys.executable, "step.py"]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.replace(folder + os.sep, ""), expected)


if __name__ == "__main__":
    unittest.main()
