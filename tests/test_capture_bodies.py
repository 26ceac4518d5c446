"""Bodies of pure higher-order operators write to nothing from outside: such a write ends the graph, and Python goes on."""

import unittest

import framejit
from framejit._regions import Region
from framejit.dynamo.testing import EagerAndRecordGraphs

_level = 1.5


class Holder:
    pass


class PureBodies(unittest.TestCase):
    def setUp(self):
        framejit.reset()
        self.op = Region("pure_operator", pure=True)

    def check(self, make, whole):
        """`make()` gives a function of a tensor and what it may have written to; plain Python says what is right."""
        x = framejit.arange(3.0)
        plain, state = make()
        expected, wanted = plain(x).tolist(), state()
        compiled, state = make()
        recorder = EagerAndRecordGraphs()
        result = framejit.compile(compiled, backend=recorder)(x)
        self.assertEqual(result.tolist(), expected)
        self.assertEqual(str(state()), str(wanted))
        calls = sum(node.target is self.op for graph in recorder.graphs for node in graph.graph.nodes)
        self.assertEqual(calls, 1 if whole else 0)
        reasons = framejit.dynamo.explain(make()[0])(x).break_reasons
        self.assertEqual(bool(reasons), not whole)

    def test_own_list(self):
        def make():
            def body(a):
                parts = []
                parts.append(a + 1)
                parts.append(a * 2)
                return parts[0] + parts[1]

            return lambda x: self.op(body, x) - 1, lambda: None

        self.check(make, whole=True)

    def test_list_of_the_caller(self):
        def make():
            seen = []

            def f(x):
                def body(a):
                    seen.append(a.shape[0])
                    return a + 1

                return self.op(body, x) * 2

            return f, lambda: seen

        self.check(make, whole=False)

    def test_list_made_by_the_caller(self):
        def make():
            def f(x):
                seen = []

                def body(a):
                    seen.append(a + 1)
                    return a * 2

                y = self.op(body, x)
                return y + seen[0]

            return f, lambda: None

        self.check(make, whole=False)

    def test_variable_of_the_caller(self):
        def make():
            def f(x):
                n = 1

                def body(a):
                    nonlocal n
                    n += 1
                    return a * n

                return self.op(body, x) + n

            return f, lambda: None

        self.check(make, whole=False)

    def test_global(self):
        def make():
            global _level
            _level = 1.5

            def f(x):
                def body(a):
                    global _level
                    _level = _level + 1
                    return a + _level

                return self.op(body, x) * _level

            return f, lambda: _level

        self.check(make, whole=False)

    def test_attribute_set_and_deleted(self):
        for change in ("set", "new", "delete"):

            def make(change=change):
                holder = Holder()
                holder.a = 1

                def f(x):
                    def body(a):
                        if change == "set":
                            holder.a = 2
                        elif change == "new":
                            holder.b = 3
                        else:
                            del holder.a
                        return a + 1

                    return self.op(body, x)

                return f, lambda: vars(holder)

            with self.subTest(change):
                self.check(make, whole=False)

    def test_dict_and_set(self):
        for kind in (dict, set):

            def make(kind=kind):
                known = kind()

                def f(x):
                    def body(a):
                        if kind is dict:
                            known["n"] = a.shape[0]
                        else:
                            known.add(a.shape[0])
                        return a + 1

                    return self.op(body, x)

                return f, lambda: known

            with self.subTest(kind.__name__):
                self.check(make, whole=False)

    def test_written_after_a_body_that_raised(self):
        """A body that an exception has left has ended."""

        def make():
            seen = []

            def f(x):
                def body(a):
                    raise KeyError("no")

                try:
                    self.op(body, x)
                except KeyError:
                    pass
                seen.append(1)
                return x + 1

            return f, lambda: seen

        x = framejit.arange(3.0)
        compiled, state = make()
        self.assertEqual(framejit.compile(compiled, fullgraph=True)(x).tolist(), [1.0, 2.0, 3.0])
        self.assertEqual(state(), [1])


if __name__ == "__main__":
    unittest.main()
