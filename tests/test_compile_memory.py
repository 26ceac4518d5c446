# run_tests: shards=2
"""Memory stays flat over many calls of compiled functions of tensors: hits, misses, breaks, exceptions, training."""

import unittest
import warnings

import framejit as fj

from tests.flat import ROUNDS, FlatCase


def plain(x):  # a function that capture does not enter
    return x


plain = fj.compiler.disable(plain)


class Flat(FlatCase):
    def setUp(self):
        fj.compiler.reset()
        self.x = fj.arange(8.0)

    def test_hits(self):
        c = fj.compile(lambda x, y, *, k=2: (x * k + y).relu().sum())
        self.flat(lambda p: c(self.x, 3.0, k=2))

    def test_objects_go_in_and_out(self):
        def f(x, p):
            return {"sum": x + 1, "probe": [p, (p,)]}

        c = fj.compile(f)
        self.flat(lambda p: c(self.x, p))

    def test_second_entries(self):
        c = fj.compile(lambda x: x.exp() + 1, dynamic=False)
        kinds = [fj.arange(8.0), fj.arange(8), fj.ones(2, 3), fj.ones(3, 2).t()]
        turn = iter(range(1 << 62))
        self.flat(lambda p: c(kinds[next(turn) % 4]))

    def test_misses(self):
        """Past the recompile limit every call runs plainly."""
        c = fj.compile(lambda x, s: x + 1 if s is not None else x, dynamic=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(20):
                c(self.x, type("T", (), {}))
            turn = iter(range(1 << 62))
            self.flat(lambda p: c(self.x, "s%d" % (next(turn) % 1000)))

    def test_breaks(self):
        def f(x, p):
            y = x + 1
            box = [plain(p)]
            for _ in range(2):
                y = plain(y) * 2
            return y, box

        c = fj.compile(f)
        self.flat(lambda p: c(self.x, p), ROUNDS // 4)

    def test_exceptions(self):
        def f(x, p):
            y = x * 2
            try:
                plain(y)
                raise KeyError(p)
            except KeyError as e:
                y = y + len(e.args)
            if p is not None:
                raise ValueError(y)
            return y

        c = fj.compile(f)

        def run(p):
            try:
                c(self.x, p)
            except ValueError:
                pass

        self.flat(run, ROUNDS // 4)

    def test_bad_input(self):
        c = fj.compile(lambda x, y: x + y)
        other = fj.ones(3)

        def run(p):
            try:
                c(self.x, other)
            except RuntimeError:
                pass

        self.flat(run, ROUNDS // 4)

    def test_training(self):
        w = fj.ones(8, requires_grad=True)

        @fj.compile
        def loss(w, x):
            return ((w * x).tanh() - x).square().mean()

        def run(p):
            loss(w, self.x).backward()
            w.grad = None

        self.flat(run, ROUNDS // 4)

    def test_recompiling(self):
        """A compiled function and all that it holds goes away with its last reference."""

        def run(p):
            def f(x):
                return (x + 1, p)

            fj.compile(f)(self.x)

        self.flat(run, ROUNDS // 40)


if __name__ == "__main__":
    unittest.main()
