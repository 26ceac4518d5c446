"""Importing the package: it works, is cheap, and does not pull NumPy in."""

import subprocess
import sys
import unittest


class ImportTest(unittest.TestCase):
    def test_import_has_version(self):
        import framejit

        self.assertRegex(framejit.__version__, r"^\d+\.\d+\.\d+")

    def test_import_leaves_numpy_alone(self):
        code = "import framejit, sys; print('numpy' in sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(out.stdout.strip(), "False")


if __name__ == "__main__":
    unittest.main()
