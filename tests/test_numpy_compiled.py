"""Samples of the cases of the other files on framejit._numpy, compiled, against NumPy."""

import contextlib
import io
import re
import unittest
from pathlib import Path

from tests import (
    test_numpy_indexing,
    test_numpy_linear,
    test_numpy_reductions,
    test_numpy_shapes,
    test_numpy_statistics,
    test_numpy_ufuncs,
)
from tests.numpy_cases import Sample


def compiled(case, every, share=9):
    """The tests of a class with every n-th of their cases compiled; `share` graphs to a break at least."""

    def set_up(self):
        Sample.every, Sample.seen, Sample.whole, Sample.broken = every, 0, 0, 0

    def tear_down(self):
        Sample.every = 0
        # One graph wherever the results' shapes do not depend on elements.
        if Sample.whole + Sample.broken > 20:
            self.assertGreater(Sample.whole, share * Sample.broken)

    return type("Compiled" + case.__name__, (case,), {"setUp": set_up, "tearDown": tear_down, "__module__": __name__})


CompiledUfuncs = compiled(test_numpy_ufuncs.Ufuncs, 31)
CompiledMethods = compiled(test_numpy_ufuncs.Methods, 17)
CompiledReductions = compiled(test_numpy_reductions.Reductions, 11)
CompiledGet = compiled(test_numpy_indexing.Get, 3, 2)
CompiledSet = compiled(test_numpy_indexing.Set, 5)
CompiledShapes = compiled(test_numpy_shapes.Shapes, 5)
CompiledCreation = compiled(test_numpy_shapes.Creation, 5)
CompiledJoining = compiled(test_numpy_shapes.Joining, 5)
CompiledSelection = compiled(test_numpy_statistics.Selection, 7)
CompiledStatistics = compiled(test_numpy_statistics.Statistics, 7)
CompiledRunning = compiled(test_numpy_statistics.Running, 7)
CompiledProducts = compiled(test_numpy_linear.Products, 7)
CompiledLinalg = compiled(test_numpy_linear.Linalg, 5)
CompiledSorting = compiled(test_numpy_linear.Sorting, 3)
CompiledSignals = compiled(test_numpy_linear.Signals, 3)


class Docs(unittest.TestCase):
    def test_example(self):
        text = (Path(__file__).resolve().parent.parent / "docs" / "numpy.md").read_text()
        code, shown = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.S).groups()
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "docs/numpy.md", "exec"), {"__name__": "example"})
        self.assertEqual(out.getvalue(), shown)


if __name__ == "__main__":
    unittest.main()
