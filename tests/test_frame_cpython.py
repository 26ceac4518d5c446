"""CPython's own tests pass when their functions are compiled; `python -m framejit.testing.cpython` runs the whole list.

# run_tests: shards=2
"""

import importlib.util
import unittest

from framejit.testing import cpython

from tests.flat import SANITIZED

# Seconds for one test; under a sanitizer the longest one takes minutes.
LIMIT = 600 if SANITIZED else 120
NAMES = ("test_unpack", "test_with", "test_scope", "test_raise", "test_heapq", "test_sort", "test_contains")


class CPythonTest(unittest.TestCase):
    def test_files_of_the_interpreter(self):
        for name in NAMES:
            if importlib.util.find_spec("test." + name) is None:
                self.skipTest("this interpreter came without its tests")
            with self.subTest(name):
                row = cpython.compare(name, limit=LIMIT, count=False)
                self.assertNotIn("skipped", row)
                self.assertEqual(row["differences"], [])
                self.assertGreater(row["inside"], 0)

    def test_most_of_it_runs_inside_segments(self):
        share = cpython.compare("test_generators", limit=LIMIT)["share"]
        self.assertGreater(share.executed, 100_000)
        self.assertGreater(share.ratio, 0.4, list(share.lines(10)))

    def test_a_difference_is_seen(self):
        row = cpython.compare("no_such_test_file", limit=60, count=False)
        self.assertIn("skipped", row)


if __name__ == "__main__":
    unittest.main()
