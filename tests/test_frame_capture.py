"""Compiled functions end to end: capture, guards, segments and exits together, against plain Python."""

import copy
import traceback
import unittest

from framejit import _C

from tests.frame_subjects import SUBJECTS

CompiledFunction = _C.CompiledFunction


def outcome(call):
    try:
        return ("value", repr(call()))
    except Exception as e:
        frames = [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__) if "frame_subjects" in f.filename]
        return ("raised", type(e).__name__, str(e), frames)


class Subjects(unittest.TestCase):
    def test_every_subject(self):
        for fn, cases in SUBJECTS:
            with self.subTest(fn.__name__):
                compiled = CompiledFunction(fn)
                for round in range(3):
                    for args in cases:
                        want = outcome(lambda: fn(*copy.deepcopy(args)))
                        got = outcome(lambda: compiled(*copy.deepcopy(args)))
                        self.assertEqual(got, want, (args, round))


if __name__ == "__main__":
    unittest.main()
