"""Recipes and effects: what a segment builds and changes when it is carried out."""

import collections
import types
import unittest

from framejit import _C

from tests.frame_subjects import Manager
from tests.frame_tools import tracing

CompiledFunction = _C.CompiledFunction


class Recipes(unittest.TestCase):
    def make(self, recipes, args=(), sources=(), **more):
        def subject(a=None, b=None, c=None):
            raise AssertionError("ran plain")

        segment = {"sources": list(sources), "recipes": recipes, "exit": ("Return", 0), **more}
        with tracing(lambda *a: segment):
            c = CompiledFunction(subject)
            first = c(*args)
            return first if more.get("once") else c(*args)

    def test_containers(self):
        const = lambda v: ("Const", 0, v, [], [])
        self.assertEqual(self.make([("Tuple", 0, None, [1, 2], []), const(1), ("List", 0, None, [1], [])]), (1, [1]))
        self.assertEqual(self.make([("Set", 0, None, [1, 2], []), const(1), const(2)]), {1, 2})
        self.assertEqual(self.make([("FrozenSet", 0, None, [1], []), const(1)]), frozenset([1]))
        self.assertEqual(self.make([("Dict", 0, None, [1, 2], []), const("k"), const(2)]), {"k": 2})
        self.assertEqual(self.make([("Slice", 0, None, [1, 2, 2], []), const(1), const(None)]), slice(1, None, None))
        ordered = self.make([("Dict", 0, collections.OrderedDict, [1, 2, 2, 1], []), const("k"), const("j")])
        self.assertEqual(list(ordered.items()), [("k", "j"), ("j", "k")])
        self.assertIs(type(ordered), collections.OrderedDict)
        Pair = collections.namedtuple("Pair", "x y")
        self.assertEqual(self.make([("Tuple", 0, Pair, [1, 1], []), const(3)]), Pair(3, 3))

        class Names(list):
            pass

        names = self.make([("List", 0, Names, [1], [("tag", 1)]), const("n")])
        self.assertEqual((type(names), list(names), names.tag), (Names, ["n"], "n"))

    def test_cycles_and_identity(self):
        ring = self.make([("List", 0, None, [0, 1, 1], []), ("Dict", 0, None, [2, 0], []), ("Const", 0, "up", [], [])])
        self.assertIs(ring[0], ring)
        self.assertIs(ring[1], ring[2])
        self.assertIs(ring[1]["up"], ring)

    def test_objects(self):
        class Plain:
            def __init__(self, a):
                raise AssertionError

            def __setattr__(self, name, value):
                raise AssertionError

        class Slots:
            __slots__ = ("x",)

        made = self.make(
            [
                ("Object", 0, Plain, [], [("x", 1), ("me", 0)]),
                ("Object", 0, Slots, [], [("x", 2)]),
                ("Const", 0, 5, [], []),
            ]
        )
        self.assertIs(made.me, made)
        self.assertEqual(made.x.x, 5)
        error = self.make([("Exception", 0, KeyError, [1], [("note", 1)]), ("Const", 0, "k", [], [])])
        self.assertEqual((type(error), error.args, error.note), (KeyError, ("k",), "k"))

    def test_functions(self):
        def outer():
            free = 1

            def inner(a, b=2, *, c=3):
                return free, a, b, c

            return inner

        inner = outer()
        const = lambda v: ("Const", 0, v, [], [])
        made = self.make(
            [
                ("Function", 0, inner.__code__, [1, 2, 3, 4, 5], []),
                const(globals()),
                const("qual.name"),
                const((7,)),
                const({"c": 8}),
                ("Tuple", 0, None, [6], []),
                ("Cell", 0, None, [7], []),
                const("free"),
            ]
        )
        self.assertEqual(made(1), ("free", 1, 7, 8))
        self.assertEqual(made.__qualname__, "qual.name")
        method = self.make([("Method", 0, None, [1, 2], []), const(Manager.__exit__), const(Manager([]))])
        self.assertIs(method(None, None, None), False)

    def test_iterators_and_calls(self):
        const = lambda v: ("Const", 0, v, [], [])
        self.assertEqual(list(self.make([("Iterator", 2, None, [1], []), const(range(5))])), [2, 3, 4])
        self.assertEqual(
            list(self.make([("Iterator", 1, None, [1], []), ("List", 0, None, [2, 3], []), const(1), const(2)])), [2]
        )
        self.assertEqual(list(self.make([("Iterator", 0, None, [1], []), const("ab")])), ["a", "b"])
        self.assertEqual(self.make([("Call", 0, max, [1, 2], []), const(4), const(9)]), 9)

    def test_effects(self):
        const = lambda v: ("Const", 0, v, [], [])

        class Target:
            def __setattr__(self, name, value):
                raise AssertionError

        def run(effects, recipes, arg):
            self.make(
                [const("done"), ("Source", 0, None, [], []), *recipes],
                (arg,),
                [("Local", -1, 0, None)],
                effects=effects,
                once=True,
            )
            return arg

        t = run([("SetAttr", 1, 2, 3)], [const("x"), const(4)], Target())
        self.assertEqual(t.x, 4)
        run([("DelAttr", 1, 2, -1)], [const("x")], t)
        self.assertFalse(hasattr(t, "x"))
        self.assertEqual(
            run([("SetItem", 1, 2, 3), ("DelItem", 1, 4, -1)], [const("k"), const(1), const("old")], {"old": 1}),
            {"k": 1},
        )
        self.assertEqual(run([("Clear", 1, -1, -1)], [], {1: 1}), {})
        self.assertEqual(run([("Clear", 1, -1, -1)], [], {1}), set())
        self.assertEqual(run([("SetList", 1, -1, 2)], [("List", 0, None, [0], [])], [1, 2]), ["done"])
        self.assertEqual(run([("SetSet", 1, -1, 2)], [("Set", 0, None, [0], [])], {1, 2}), {"done"})
        cell = types.CellType(1)
        self.assertEqual(run([("SetCell", 1, -1, 2)], [const(5)], cell).cell_contents, 5)
        self.assertEqual(list(run([("Advance", 1, 2, -1)], [const(2)], iter([1, 2, 3, 4]))), [3, 4])
        self.assertEqual(list(run([("Advance", 1, 2, -1)], [const(2)], (i for i in range(4)))), [2, 3])
        od = run([("SetItem", 1, 2, 2), ("DelItem", 1, 3, -1)], [const("k"), const("a")], collections.OrderedDict(a=1))
        self.assertEqual(list(od.items()), [("k", "k")])


if __name__ == "__main__":
    unittest.main()
