"""Corners of Python's own types in which capture once told another story than CPython, each found by CPython's own tests.

Every function runs plainly and compiled, twice; results, exceptions and the order of what happened are the same.
"""

import gc
import unittest

from framejit import _C

import tests.capture_corners_flow
import tests.capture_corners_lifetimes  # noqa: F401  more subjects
from tests.capture_corners import SUBJECTS, outcome
from tests.capture_corners_objects import looks_outside


class CornersTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(_C._set_flag, "force_capture", _C._flags()["force_capture"])
        self.addCleanup(gc.collect)
        _C._set_flag("force_capture", True)

    def test_each(self):
        for function in SUBJECTS:
            with self.subTest(function.__name__):
                expected = repr(outcome(function))
                compiled = _C.CompiledFunction(function)
                for _ in range(2):
                    self.assertEqual(repr(outcome(compiled)), expected)

    def test_called_while_an_exception_is_handled(self):
        compiled = _C.CompiledFunction(looks_outside)
        calm = compiled(), looks_outside()
        try:
            raise ValueError
        except ValueError:
            self.assertEqual(compiled(), looks_outside())
            self.assertNotEqual(compiled(), calm[0])
        self.assertEqual(*calm)


if __name__ == "__main__":
    unittest.main()
