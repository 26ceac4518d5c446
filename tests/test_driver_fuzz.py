"""Random graphs give the same results op by op, functionalised node by node, and compiled."""
# run_tests: shards=2

import os
import unittest

from tests import graph_fuzz

COUNT = int(os.environ.get("FRAMEJIT_FUZZ", "150"))


class Fuzz(unittest.TestCase):
    def check(self, seeds):
        for seed in seeds:
            text, inputs = graph_fuzz.random_graph(seed)
            with self.subTest(seed=seed):
                try:
                    wrong = graph_fuzz.differs(text, inputs)
                except Exception as error:
                    raise AssertionError(f"{error}\n{text}") from error
                if wrong:
                    self.fail(f"{wrong}\n{graph_fuzz.shrink(text, inputs)}")

    def test_first_half(self):
        self.check(range(COUNT // 2))

    def test_second_half(self):
        self.check(range(COUNT // 2, COUNT))


if __name__ == "__main__":
    unittest.main()
