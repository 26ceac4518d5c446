"""Plain call and compiled call agree on result, side effects and exceptions, for each construct of capture_subjects."""

import copy
import unittest

from framejit import _C

from tests import capture_subjects as subjects
from tests import capture_subjects_classes  # noqa: F401 (adds to CASES)

# Constructs that today end a segment before the function returns.
BREAKS = set()


def canon(x, depth=0):
    """A value as nested lists that compare by contents."""
    if depth > 6:
        return "..."
    if isinstance(x, (list, tuple)):
        return [type(x).__name__] + [canon(i, depth + 1) for i in x] + sorted(getattr(x, "__dict__", ()))
    if isinstance(x, dict):
        return [type(x).__name__] + [(canon(k, depth + 1), canon(v, depth + 1)) for k, v in x.items()]
    if isinstance(x, (set, frozenset)):
        return [type(x).__name__] + sorted(map(repr, x))
    if hasattr(x, "__code__"):
        return [
            "function",
            x.__qualname__,
            x.__defaults__,
            [canon(c.cell_contents, depth + 1) for c in x.__closure__ or ()],
        ]
    if hasattr(x, "__dict__") and not isinstance(x, type):
        return [type(x).__name__, canon(vars(x), depth + 1)]
    slots = getattr(type(x), "__slots__", None)
    if slots:
        return [type(x).__name__] + [canon(getattr(x, s, None), depth + 1) for s in slots]
    return repr(x)


def outcome(function, args):
    subjects.counter = 0
    try:
        result = ["returned", function(*args)]
    except Exception as error:
        result = ["raised", type(error).__name__, str(error)]
    return canon(result), canon(args), subjects.counter


class ConstructTest(unittest.TestCase):
    def check(self, function, args):
        expected = outcome(function, copy.deepcopy(args))
        compiled = _C.CompiledFunction(function)
        for _ in range(3):
            self.assertEqual(outcome(compiled, copy.deepcopy(args)), expected)
        entries = compiled._entries()
        reasons = [(e["reason"], e["detail"], e["line"]) for e in entries if e["reason"]]
        self.assertEqual(bool(reasons), function.__name__ in BREAKS, reasons)
        if not reasons:
            self.assertEqual(len(entries), 1, "recompiled for equal arguments")


class LifetimeTest(unittest.TestCase):
    def test_finalizer_runs_at_its_place(self):
        class Res:
            alive = 0

            def __init__(self):
                Res.alive += 1

            def __del__(self):
                Res.alive -= 1

        def f(log):
            r = Res()
            log.append(Res.alive)
            print(end="")
            del r
            log.append(Res.alive)
            return log

        compiled = _C.CompiledFunction(f)
        for _ in range(3):
            self.assertEqual(compiled([]), f([]))


for _function, _args in subjects.CASES:

    def _test(self, function=_function, args=_args):
        self.check(function, args)

    setattr(ConstructTest, "test_" + _function.__name__.strip("_"), _test)


if __name__ == "__main__":
    unittest.main()
