"""The loop IR's text form: what prints parses back, and broken kernels are refused with the reason."""

import unittest

from framejit import _C

SOFTMAX = """kernel axes=pr
operand 0 f32 in contig
operand 1 f32 inout contig
param 0 float
acc 0 max f32
acc 1 sum f32
sweep
  %0 = load.f32 0
  accum 0 %0
point
  %2 = result.f32 0
sweep
  %3 = load.f32 0
  %4 = sub.f32 %3 %2
  %5 = exp.f32 %4
  store 1 %5
  accum 1 %5
point
  %8 = result.f32 1
  %9 = param.f32 0
  %10 = div.f32 %9 %8
sweep
  %11 = load.f32 1
  %12 = mul.f32 %11 %10
  store 1 %12
end
"""

CONSTANTS = """kernel axes=p
operand 0 f64 out contig
sweep
  %0 = const.f64 0x1.999999999999ap-4
  %1 = const.f64 inf
  %2 = const.f64 nan
  %3 = const.i64 -7
  %4 = const.f64 -0x0p+0
  %5 = index.i64 0
  store 0 %0
end
"""


def broken(body, head="operand 0 f32 in contig\noperand 1 f32 out contig\n", axes="p"):
    return f"kernel axes={axes}\n{head}sweep\n{body}\nend\n"


BROKEN = {
    "used before definition": (broken("%0 = exp.f32 %1\n%1 = load.f32 0"), "before its definition"),
    "mixed dtypes": (broken("%0 = load.f32 0\n%1 = const.f64 1\n%2 = add.f32 %0 %1"), "different dtypes"),
    "exp of an int": (broken("%0 = const.i32 1\n%1 = exp.i32 %0"), "f32 or f64"),
    "half arithmetic": (broken("%0 = const.f16 1\n%1 = add.f16 %0 %0"), "arithmetic"),
    "store to input": (broken("%0 = load.f32 0\nstore 0 %0"), "stores to an input"),
    "load from output": (broken("%0 = load.f32 1"), "loads from an output"),
    "axes out of order": (broken("%0 = load.f32 0", axes="rpp"), "axes come as"),
    "numbering": (broken("%1 = load.f32 0"), "numbered"),
    "unknown op": (broken("%0 = frob.f32 0"), "unknown instruction"),
    "too few arguments": (broken("%0 = load.f32 0\n%1 = add.f32 %0"), "too few"),
    "no end": ("kernel axes=p\nsweep\n", "does not end"),
    "sweep value escapes": (broken("%0 = load.f32 0\npoint\n%1 = exp.f32 %0", axes="pr"), "another sweep stage"),
    "unfed accumulator": (broken("%0 = load.f32 0", "operand 0 f32 in contig\nacc 0 sum f32\n", "pr"), "never fed"),
    "select on float": (broken("%0 = load.f32 0\n%1 = select.f32 %0 %0 %0"), "not bool"),
}


class LoopText(unittest.TestCase):
    def test_prints_what_it_parses(self):
        for text in (SOFTMAX, CONSTANTS):
            once = _C._debug.kernel_text(text)
            self.assertEqual(once, _C._debug.kernel_text(once))
        self.assertEqual(_C._debug.kernel_text(SOFTMAX), SOFTMAX)

    def test_comments_and_blank_lines(self):
        text = SOFTMAX.replace("sweep\n", "\n; a comment\nsweep ; here too\n")
        self.assertEqual(_C._debug.kernel_text(text), SOFTMAX)

    def test_refuses_broken_kernels(self):
        for name, (text, reason) in BROKEN.items():
            with self.subTest(name), self.assertRaisesRegex(ValueError, reason):
                _C._debug.kernel_text(text)


if __name__ == "__main__":
    unittest.main()
