"""Every construct of tests/constructs: plain and compiled call agree, and it is one graph unless breaks.txt says why not.

# run_tests: shards=2
"""

import sys
import unittest

from tests import constructs
from tests.constructs.check import explain, outcome

KNOWN = {name: reason for (version, name), reason in constructs.known_breaks().items() if version == sys.version[:4]}


class ConstructTest(unittest.TestCase):
    def check(self, case):
        expected = outcome(case.function, case.function)
        seen = explain(case)
        for got in seen.outcomes:
            self.assertEqual(got, expected)
        if not case.call_out and case.id not in KNOWN:
            self.assertEqual(seen.reason, "", seen.detail)


for _case in constructs.load():
    setattr(ConstructTest, "test_" + _case.id.replace(".", "_"), lambda self, case=_case: self.check(case))


class TableTest(unittest.TestCase):
    def test_names_are_unique(self):
        ids = [case.id for case in constructs.load()]
        self.assertEqual(len(ids), len(set(ids)))

    def test_listed_breaks_exist(self):
        self.assertLessEqual(set(KNOWN), {case.id for case in constructs.load()})


if __name__ == "__main__":
    unittest.main()
