"""Mistakes raise the exception type that PyTorch raises, with a message that names what is wrong, eager and compiled."""

import unittest

import framejit

from tests.bad_input import CASES


class BadInput(unittest.TestCase):
    def check(self, call, kind, words):
        with self.assertRaises(kind) as caught:
            call(framejit)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_operands_stay_as_they_were(self):
        x, y = framejit.ones(3, dtype=framejit.int64), framejit.ones(3)
        before = x._version
        for wrong in (
            lambda: x.add_(1.5),
            lambda: x.add_(framejit.ones(2, 3, dtype=framejit.int64)),
            lambda: framejit.add(y, 1, out=x),
        ):
            self.assertRaises(RuntimeError, wrong)
        self.assertEqual(x.tolist(), [1, 1, 1])
        self.assertEqual(x._version, before)


def add_tests(name, kind, words, call):
    setattr(BadInput, f"test_{name}", lambda self: self.check(call, kind, words))
    setattr(BadInput, f"test_{name}_compiled", lambda self: self.check(framejit.compile(call), kind, words))


for _case in CASES:
    add_tests(*_case)

if __name__ == "__main__":
    unittest.main()
