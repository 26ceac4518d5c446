"""PyTorch's operator database: a part of its ops, one sample of each dtype, so that what agrees goes on agreeing."""

import argparse
import unittest

try:
    from torch.testing._internal.common_methods_invocations import op_db
except ImportError:
    op_db = None

# Ops of which every sample agrees, of different rooms; `python -m tests.peer.op_database` runs all of them.
OPS = ("addmm", "fft.fft", "fft.irfft", "linalg.eig", "linalg.solve", "masked.mean", "norm", "scatter", "tensordot")


@unittest.skipIf(op_db is None, "torch is not installed")
class OpDatabaseTest(unittest.TestCase):
    def run_ops(self, mode):
        from tests.peer.op_database import DTYPES, spread
        from tests.peer.op_database_compare import Comparison

        kinds = ["value", "grad"]
        options = argparse.Namespace(mode=mode, samples=1, dtypes=DTYPES, kinds=kinds, inputs="as they are")
        ran = 0
        for op in op_db:
            if op.name not in OPS:
                continue
            comparison = Comparison(op, options)
            for dtype in DTYPES:
                for kind, index, run in comparison.triples(dtype, lambda s: spread(s, 1)):
                    cause, text = run()
                    ran += 1
                    with self.subTest(op.name, variant=op.variant_test_name, dtype=dtype, kind=kind, index=index):
                        self.assertEqual((cause, text), ("agrees", ""))
        self.assertGreater(ran, 100)

    def test_eager(self):
        self.run_ops("eager")

    def test_compiled(self):
        self.run_ops("compiled")


if __name__ == "__main__":
    unittest.main()
