"""Random programs: see capture_fuzz. Programs that once showed a difference are in capture_fuzz_past.txt."""

import unittest
import warnings
from pathlib import Path

from tests import capture_fuzz, capture_fuzz_deep, capture_fuzz_wide

PAST = Path(__file__).with_name("capture_fuzz_past.txt").read_text().strip().split("\n\n")


class FuzzTest(unittest.TestCase):
    def setUp(self):
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore")

    def test_programs(self):
        for seed in range(400):
            with self.subTest(seed=seed):
                self.assertIsNone(capture_fuzz.run_seed(seed))

    def test_wide_programs(self):
        for seed in range(400):
            with self.subTest(seed=seed):
                self.assertIsNone(capture_fuzz_wide.run_seed(seed))

    def test_deep_programs(self):
        for seed in range(150):
            with self.subTest(seed=seed):
                self.assertIsNone(capture_fuzz_deep.run_seed(seed))

    def test_past_programs(self):
        self.assertGreater(len(PAST), 4)
        for i, source in enumerate(PAST):
            with self.subTest(i):
                self.assertIsNone(capture_fuzz.difference(source, f"past {i}", capture_fuzz_wide.scope()))


if __name__ == "__main__":
    unittest.main()
