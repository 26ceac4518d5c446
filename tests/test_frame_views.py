"""Compiled writes through views, of inputs whose memory has gaps or another order too: random chains of views, against NumPy."""

import random
import unittest

import framejit as fj
import numpy as np
from framejit import _C

STEPS = (
    "[{}:]",
    "[:{}]",
    "[::{}]",
    "[:, {}:]",
    "[:, ::{}]",
    "[..., :{}]",
    ".swapaxes(0, 1)",
    ".swapaxes(0, -1)",
    "[None]",
    "[..., 1]",
)
WRITES = ("{} += 1", "{} *= 2", "{}[0] = 5", "{}[..., 1:] -= 3", "{}[...] = {} * 2 + 1", "{} += {}.sum()")


def view(pick, of, steps):
    text = of
    for _ in range(steps):
        text += pick.choice(STEPS).format(pick.choice((1, 2)))
    return text


def program(seed):
    """The text of a function that writes through views, and of the view of memory that it gets."""
    pick = random.Random(seed)
    given = view(pick, "memory", pick.randint(0, 3))
    lines = []
    for name in "vwu"[: pick.randint(1, 3)]:
        lines.append(
            f"{name} = {view(pick, pick.choice(['x', 'x', lines[-1][0] if lines else 'x']), pick.randint(0, 3))}"
        )
        lines.append(pick.choice(WRITES).format(name, name))
    return given, f"def program(x):\n    {'; '.join(lines)}\n    return x + 1, {lines[-2][0]} * 1\n"


class StridedWrites(unittest.TestCase):
    def test_against_numpy(self):
        ran = 0
        for seed in range(600):
            given, text = program(seed)
            scope = {}
            exec(text, scope)
            expected = np.arange(120.0).reshape(4, 5, 6)
            try:
                results = scope["program"](eval(given, {"memory": expected}))
            except (IndexError, ValueError):
                continue  # not that many dimensions
            ran += 1
            memory = fj.arange(120.0, dtype=fj.float64).reshape(4, 5, 6)
            with self.subTest(seed=seed, given=given, text=text):
                got = _C.CompiledFunction(scope["program"])(eval(given, {"memory": memory}))
                np.testing.assert_array_equal(memory.numpy(), expected)
                for a, b in zip(got, results):
                    np.testing.assert_array_equal(a.numpy(), b)
        self.assertGreater(ran, 200)

    def test_every_second_element(self):
        def last_stays(x):
            x = x[:-1]
            x += 1

        for memory, given in (
            (fj.arange(6.0), lambda m: m[::2]),
            (fj.arange(6.0), lambda m: m.reshape(2, 3).t()),
            (fj.arange(6.0), lambda m: m.reshape(3, 2)[:, 1]),
        ):
            compiled, plain = memory, memory.clone()
            _C.CompiledFunction(last_stays)(given(compiled))
            last_stays(given(plain))
            self.assertEqual(compiled.tolist(), plain.tolist())

    def test_as_strided_reads_memory(self):
        def after_a_write(x):
            x.add_(1)
            return x.as_strided((2,), (1,)) + x.sum()

        def written(x):
            x.as_strided((2,), (1,), 1).mul_(3)
            return x * 2

        def by_place(x):
            x.add_(1)
            return x.as_strided((2,), (2,), 3) * 2

        for function in (after_a_write, written, by_place):
            for given in (lambda m: m[::2], lambda m: m[3:], lambda m: m.reshape(3, 4).t()[1:], lambda m: m):
                with self.subTest(function.__name__):
                    compiled, plain = fj.arange(12.0), fj.arange(12.0)
                    got, expected = _C.CompiledFunction(function)(given(compiled)), function(given(plain))
                    self.assertEqual((got.tolist(), compiled.tolist()), (expected.tolist(), plain.tolist()))

    def test_views_of_another_order(self):
        def flat(x):
            x.copy_(x.cumsum(0))
            return x.t().view(-1) * 2

        compiled, plain = fj.arange(6.0).reshape(2, 3).t(), fj.arange(6.0).reshape(2, 3).t()
        self.assertEqual(_C.CompiledFunction(flat)(compiled).tolist(), flat(plain).tolist())
        self.assertEqual(compiled.tolist(), plain.tolist())


if __name__ == "__main__":
    unittest.main()
