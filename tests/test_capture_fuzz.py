"""Random programs: see capture_fuzz. Seeds that once showed a difference are listed in PAST."""

import unittest
import warnings

from tests import capture_fuzz, capture_fuzz_wide

PAST = ()
PAST_WIDE = (125348, 127409, 5007931, 7004216, 7009504)


class FuzzTest(unittest.TestCase):
    def test_programs(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for seed in (*PAST, *range(150)):
                with self.subTest(seed=seed):
                    self.assertIsNone(capture_fuzz.run_seed(seed))

    def test_wide_programs(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for seed in (*PAST_WIDE, *range(150)):
                with self.subTest(seed=seed):
                    self.assertIsNone(capture_fuzz_wide.run_seed(seed))


if __name__ == "__main__":
    unittest.main()
