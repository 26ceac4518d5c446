"""FRAMEJIT_VERIFY=2: launches compared with the reference executor."""

import os
import subprocess
import sys
import unittest

import numpy as np

from tests.kernel_util import ISAS, pointwise, run

SUM = "kernel axes=pr\noperand 0 f32 in contig\noperand 1 f32 out contig\nacc 0 sum f32\nsweep\n%0 = load.f32 0\naccum 0 %0\npoint\n%2 = result.f32 0\nstore 1 %2\nend"


class Verify(unittest.TestCase):
    def check(self, text, reference, arrays, sizes, maps=None):
        for isa in ISAS[1:]:
            with self.subTest(isa=isa):
                copies = [a.copy() for a in arrays]
                run(text, isa, copies, sizes, maps=maps, reference=reference)

    def assert_differs(self, text, reference, arrays, sizes, message, maps=None):
        for isa in ISAS[1:]:
            with self.subTest(isa=isa), self.assertRaisesRegex(RuntimeError, message):
                run(text, isa, [a.copy() for a in arrays], sizes, maps=maps, reference=reference)

    def test_equal_kernels_pass(self):
        x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
        for op in ("exp", "sin", "neg", "sqrt"):
            text = pointwise(op, "f32", 1)
            self.check(text, text, [x, np.zeros_like(x)], [1000])

    def test_difference_is_named(self):
        x = np.linspace(0.5, 2, 100, dtype=np.float32)
        self.assert_differs(
            pointwise("exp", "f32", 1),
            pointwise("exp2", "f32", 1),
            [x, np.zeros_like(x)],
            [100],
            r"operand 1, element 0: 1\.64.* against 1\.41.*, 100 of 100 elements differ; axis sizes 100\nkernel axes=p",
        )

    def test_exact_operations_have_no_tolerance(self):
        x = np.full(10, 1 + 2.0**-23, np.float32)
        y = np.full(10, 2.0**-23, np.float32)
        arrays = [x, y, np.zeros_like(x)]
        text = pointwise("sub", "f32", 2)
        self.check(text, text, arrays, [10])
        self.assert_differs(text, text.replace("sub.f32", "max.f32"), arrays, [10], "10 of 10")

    def test_sums_have_a_tolerance(self):
        x = np.random.default_rng(1).standard_normal((3, 5000)).astype(np.float32)
        out = np.zeros(3, np.float32)
        self.check(SUM, SUM, [x, out], [3, 5000], [(0, 1), (0,)])
        other = SUM.replace("acc 0 sum", "acc 0 max")
        self.assert_differs(SUM, other, [x, out], [3, 5000], "3 of 3", [(0, 1), (0,)])

    def test_equality_of_inexact_values_is_not_compared(self):
        lines = ["kernel axes=p", "operand 0 f32 in contig", "operand 1 f32 in contig", "operand 2 bool out contig"]
        lines += ["sweep", "%0 = load.f32 0", "%1 = exp.f32 %0", "%2 = load.f32 1", "%3 = eq.bool %1 %2", "store 2 %3"]
        text = "\n".join([*lines, "end"])
        x = np.linspace(0, 1, 1000, dtype=np.float32)
        self.check(text, text.replace("exp", "exp2"), [x, np.exp(x), np.zeros(1000, np.bool_)], [1000])

    def test_in_place(self):
        text = "kernel axes=p\noperand 0 i32 inout contig\nsweep\n%0 = load.i32 0\n%1 = const.i32 1\n%2 = add.i32 %0 %1\nstore 0 %2\nend"
        x = np.arange(50, dtype=np.int32)
        run(text, ISAS[-1], [x], [50], reference=text)
        np.testing.assert_array_equal(x, np.arange(1, 51))

    def test_switch(self):
        code = "import framejit as fj; f = fj.compile(lambda x: fj.softmax(x.sin() + 1, 1)); x = fj.randn(64, 100); print(f(x).shape, (x[:, ::2] + 1).sum().shape)"
        result = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "FRAMEJIT_VERIFY": "2"},
            capture_output=True,
            text=True,
        )
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
