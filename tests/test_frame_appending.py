"""Lists from outside that grow: what was there is not looked at, unless the program does."""

import unittest

import framejit as fj
from framejit import dynamo


def graphs_of(function, *args):
    """(result, frames compiled) of a compiled call."""
    dynamo.utils.counters.clear()
    result = fj.compile(function)(*args)
    return result, dynamo.utils.counters["frames"]["total"]


def numbers(x, n):
    out = []
    for i in range(n):
        out.append(i)
    return out, x + 1


def rows_of(x):
    out = []
    for row in x.unbind(0):
        out.append(row * 2)
    return fj.stack(out)


def recurrence(x):
    out, h = [], x[0]
    for row in x.unbind(0):
        h = (h + row).tanh()
        out.append(h)
    return fj.stack(out[::-1]), h


def inlined(x):
    return recurrence(x)[0] + 1


def two_lists(x, n):
    a, b, i = [], [], 0
    while i < n:
        a.append(i)
        if i % 3 == 0:
            b.append(x * i)
        i += 1
    return a, fj.stack(b)


class LongLoops(unittest.TestCase):
    def test_one_body_serves_all_rounds(self):
        x = fj.randn(300, 4)
        for function, args in (
            (numbers, (x, 300)),
            (rows_of, (x,)),
            (recurrence, (x,)),
            (inlined, (x,)),
            (two_lists, (x, 200)),
        ):
            with self.subTest(function.__name__):
                got, frames = graphs_of(function, *args)
                self.assertLess(frames, 8)
                for g, w in zip(fj.utils._pytree.tree_leaves(got), fj.utils._pytree.tree_leaves(function(*args))):
                    self.assertTrue(fj.allclose(g, w) if isinstance(w, fj.Tensor) else g == w)

    def test_long_recurrent_layers(self):
        for make in (fj.nn.LSTM, fj.nn.GRU):
            for bidirectional in (False, True):
                layer = make(4, 4, bidirectional=bidirectional)
                x = fj.randn(90, 2, 4)
                want = layer(x)[0]
                want.sum().backward()
                grads = [p.grad.clone() for p in layer.parameters()]
                layer.zero_grad()
                got = fj.compile(layer)(x)[0]
                got.sum().backward()
                self.assertTrue(fj.allclose(got, want, atol=1e-5))
                for p, g in zip(layer.parameters(), grads):
                    self.assertTrue(fj.allclose(p.grad, g, rtol=1e-3, atol=1e-3))


READS = {
    "len": lambda out: len(out),
    "last": lambda out: out[-1],
    "first": lambda out: out[0],
    "slice": lambda out: out[:2],
    "iterate": lambda out: [v for v in out],
    "contains": lambda out: 7 in out,
    "equal": lambda out: out == [1, 2, 7],
    "pop": lambda out: out.pop(),
    "pop first": lambda out: out.pop(0),
    "remove": lambda out: out.remove(7),
    "reverse": lambda out: out.reverse(),
    "extend": lambda out: out.extend([8, 9]),
    "insert": lambda out: out.insert(0, 5),
    "set": lambda out: out.__setitem__(0, 6),
    "delete": lambda out: out.__delitem__(-1),
    "clear": lambda out: out.clear(),
    "sort": lambda out: out.sort(reverse=True),
    "sum": lambda out: sum(out),
    "text": lambda out: str(out),
    "truth": lambda out: bool(out),
    "copy": lambda out: list(out) + out,
    "append again": lambda out: out.append(out[0]),
    "in place": lambda out: out.__iadd__([3]) is out,
    "itself": lambda out: out,
}


class Keys(unittest.TestCase):
    def test_subclasses_of_values_are_found_by_value(self):
        class Pair(tuple):
            pass

        table = {Pair((1, 2)): "one"}
        compiled = fj.compile(lambda key, x: (table.get(key), key in table, x + 1))
        for key, want in ((Pair((1, 2)), "one"), (Pair((True, 2.0)), "one"), (Pair((3, 4)), None)):
            self.assertEqual(compiled(key, fj.ones(1))[:2], (want, want is not None))


class Reads(unittest.TestCase):
    def test_reads_after_append(self):
        for name, read in READS.items():

            def f(out, x, read=read):
                out.append(7)
                found = read(out)
                out.append(8)
                return found, x + 1

            for start in ([1, 2], [], [1, 2, 3]):
                with self.subTest(name, start=start):
                    mine, theirs = list(start), list(start)
                    compiled = fj.compile(f)
                    outcomes = []
                    for run, out in ((compiled, mine), (f, theirs), (compiled, mine), (f, theirs)):
                        try:
                            found = run(out, fj.ones(1))[0]
                            outcomes.append("the list" if found is out else repr(found))
                        except Exception as error:
                            outcomes.append(repr(error))
                    self.assertEqual(outcomes[::2], outcomes[1::2])
                    self.assertEqual(mine, theirs)

    def test_one_list_by_two_names(self):
        def f(a, b, x):
            a.append(1)
            b.append(2)
            return len(a), a is b, x + 1

        compiled = fj.compile(f)
        for _ in range(3):
            one, other = [], []
            self.assertEqual(compiled(one, other, fj.ones(1))[:2], (1, False))
            self.assertEqual((one, other), ([1], [2]))
            self.assertEqual(compiled(one, one, fj.ones(1))[:2], (3, True))
            self.assertEqual(one, [1, 1, 2])

    def test_kept_methods(self):
        def f(out, x):
            add = out.append
            add(1)
            add(len(out))
            return add, x + 1

        out = [5]
        add, _ = fj.compile(f)(out, fj.ones(1))
        add(9)
        self.assertEqual(out, [5, 1, 2, 9])

    def test_subclasses_are_asked(self):
        class Loud(list):
            def append(self, value):
                list.append(self, value * 2)

        def f(out, x):
            out.append(4)
            return x + 1

        compiled = fj.compile(f)
        for make in (list, Loud, list):
            mine, theirs = make(), make()
            compiled(mine, fj.ones(1))
            f(theirs, fj.ones(1))
            self.assertEqual(list(mine), list(theirs))


if __name__ == "__main__":
    unittest.main()
