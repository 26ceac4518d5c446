"""Recipes of values that cannot be finished, that contain themselves, or whose steps are absurd."""

import itertools
import unittest

from framejit import _C


class Catcher:
    def handle(self, args):
        try:
            called, *args = args
            with self:
                called(*args)
        finally:
            self = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        return traceback.tb_frame is not None and kind is StopIteration


def catch(*args):
    return Catcher().handle(args)


def generator_among_arguments():
    def gen():
        yield 1

    it = gen()
    next(it)
    return catch(next, it)


def contains_itself():
    xs = [1]
    xs.append(xs)
    d = {"k": 1}
    d["d"] = d
    return repr(xs), repr(d), len(str(xs))


def equal_rings():
    a, b = [], []
    a.append(b)
    b.append(a)
    try:
        return a == b
    except RecursionError:
        return "too deep"


def huge_steps():
    a = list(range(10))
    a[9 :: 1 << 333] = [5]
    del a[0 :: 1 << 80]
    return a, a[1 :: -(1 << 70)], [][:: 1 << 70]


class SaysNonsense:
    def __bool__(self):
        return self

    def __len__(self):
        return -1


def bad_truth_and_length():
    out = []
    for ask in (bool, len):
        try:
            ask(SaysNonsense())
        except (TypeError, ValueError) as e:
            out.append((type(e).__name__, str(e)))
    return out


def used_while_it_runs():
    def gen():
        try:
            next(g)
        except ValueError as e:
            yield str(e)

    g = gen()
    return next(g)


def group_used_by_its_key():
    def key(n):
        if n == 5:
            list(group)
        return n != 6

    out = []
    for k, group in itertools.groupby(range(10), key):
        out.append((k, list(group)))
    return out


class Ring(Exception):
    pass


def ring_of_contexts():
    a, b = Ring("a"), Ring("b")
    try:
        try:
            raise a
        except Ring:
            raise b
    except Ring as e:
        try:
            raise a
        except Ring as f:
            return str(e), str(f), str(f.__context__), f.__context__.__context__


class RecipeTest(unittest.TestCase):
    def test_compiled_as_plain(self):
        for function in (
            generator_among_arguments,
            contains_itself,
            equal_rings,
            huge_steps,
            bad_truth_and_length,
            used_while_it_runs,
            group_used_by_its_key,
            ring_of_contexts,
        ):
            with self.subTest(function.__name__):
                compiled = _C.CompiledFunction(function)
                for _ in range(3):
                    self.assertEqual(compiled(), function())


if __name__ == "__main__":
    unittest.main()
