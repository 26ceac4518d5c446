"""Random programs: see capture_fuzz. Seeds that once showed a difference are listed in PAST."""

import sys
import unittest
import warnings

from tests import capture_fuzz, capture_fuzz_wide

PAST = ()
PAST_WIDE = ()
# A suspended generator in the traceback of an exception that a `with` swallowed is closed sooner than plain on 3.12 and
# 3.13: it logs its end before the log is read.
KNOWN_WIDE = {81} if sys.version_info >= (3, 12) else set()


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
            for seed in (*PAST_WIDE, *(seed for seed in range(150) if seed not in KNOWN_WIDE)):
                with self.subTest(seed=seed):
                    self.assertIsNone(capture_fuzz_wide.run_seed(seed))


if __name__ == "__main__":
    unittest.main()
