"""CPython's own tests pass when their functions are compiled; `python -m framejit.testing.cpython` runs the whole list.

# run_tests: shards=2
"""

import importlib.util
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from framejit.testing import cpython

from tests.flat import SANITIZED

# Seconds for one test; under a sanitizer the longest one takes minutes.
LIMIT = 600 if SANITIZED else 120
NAMES = ("test_unpack", "test_with", "test_scope", "test_raise", "test_heapq", "test_sort", "test_contains")


# Compiled, the first takes longer than the limit of a second, the second for ever.
SLOW = """
import sys, time, unittest

COMPILED = "compiled" in sys.argv

class Slow(unittest.TestCase):
    def test_takes_its_time(self):
        end = time.process_time() + (1.5 if COMPILED else 0.5)
        while time.process_time() < end:
            pass

    def test_hangs(self):
        while COMPILED:
            pass
"""


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

    def test_a_test_that_is_slow_by_itself_has_more_time(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "test").mkdir()
            (Path(folder) / "test" / "__init__.py").touch()
            (Path(folder) / "test" / "test_slow.py").write_text(SLOW)
            with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join([folder, *sys.path])):
                row = cpython.compare("test_slow", limit=1, count=False)
        self.assertEqual([text.split(":")[0] for text in row["differences"]], ["test.test_slow.Slow.test_hangs"])
        self.assertEqual((row["tests"], row["crashes"]), (2, 1))

    def test_a_difference_is_seen(self):
        row = cpython.compare("no_such_test_file", limit=60, count=False)
        self.assertIn("skipped", row)


if __name__ == "__main__":
    unittest.main()
