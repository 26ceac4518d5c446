"""A short run of the kernel fuzzer; `python -m tests.fuzz_kernels COUNT SEED` runs more."""

import unittest
import warnings

from tests.fuzz_kernels import run_case

FOUND = [106572]  # seeds that failed once


class Fuzz(unittest.TestCase):
    def test_random_kernels(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for seed in [*FOUND, *range(400)]:
                problem = run_case(seed)
                if problem:
                    self.fail(problem)


if __name__ == "__main__":
    unittest.main()
