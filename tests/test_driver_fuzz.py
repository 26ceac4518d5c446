"""Random graphs give the same results op by op, functionalised node by node, and compiled."""
# run_tests: shards=2

import os
import subprocess
import sys
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


class FuzzGradients(unittest.TestCase):
    def test_gradients(self):
        for seed in range(COUNT):
            text, inputs = graph_fuzz.random_graph(seed, 16, inplace=False)
            with self.subTest(seed=seed):
                self.assertIsNone(graph_fuzz.gradients_differ(text, inputs), text)


class OtherInstructionSets(unittest.TestCase):
    """The same graphs on the other back ends, every IR verified, in processes of their own."""

    def run_with(self, isa):
        program = (
            "from tests import graph_fuzz as g\n"
            "for seed in range(40):\n"
            "    wrong = g.differs(*g.random_graph(seed))\n"
            "    assert not wrong, (seed, wrong, g.random_graph(seed)[0])\n"
        )
        env = dict(os.environ, FRAMEJIT_ISA=isa, FRAMEJIT_VERIFY="1")
        done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_avx2(self):
        self.run_with("avx2")

    def test_reference(self):
        self.run_with("ref")

    def test_without_optional_passes(self):
        os.environ["FRAMEJIT_DISABLE_PASSES"] = "simplify,eliminate_common"
        self.addCleanup(os.environ.pop, "FRAMEJIT_DISABLE_PASSES")
        self.run_with("avx2")


if __name__ == "__main__":
    unittest.main()
