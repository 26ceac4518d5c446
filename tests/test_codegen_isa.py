"""The op matrix again with each instruction set that this CPU has, and with the reference executor."""

import os
import pathlib
import subprocess
import sys
import unittest

import framejit

ROOT = pathlib.Path(__file__).resolve().parent.parent
DTYPES = ("float32", "float64", "int64", "bool", "bfloat16")


class InstructionSets(unittest.TestCase):
    def run_matrix(self, isa):
        env = {
            **os.environ,
            "FRAMEJIT_ISA": isa,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "pkg"), str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        command = [sys.executable, "-m", "unittest", "tests.test_ops_matrix"]
        for dtype in DTYPES:
            command += ["-k", f"*_{dtype}"]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=900, check=False)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])
        self.assertRegex(done.stderr, r"Ran [1-9]\d+ tests")

    def test_reference_executor(self):
        self.run_matrix("ref")

    def test_avx2(self):
        if "avx2" not in framejit._C._debug.isas():
            self.skipTest("this CPU has no AVX2")
        self.run_matrix("avx2")


if __name__ == "__main__":
    unittest.main()
