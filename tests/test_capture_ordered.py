"""Subclasses of OrderedDict in compiled functions, as model outputs are written: made inside, taken in, given out."""

import unittest
from collections import OrderedDict
from dataclasses import dataclass, fields

import framejit


class Output(OrderedDict):
    """Fields that are attributes, keys and places in a tuple at once."""

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                self[field.name] = value

    def __delitem__(self, *args, **kwargs):
        raise TypeError(f"You cannot use ``__delitem__`` on a {self.__class__.__name__} instance.")

    def __getitem__(self, k):
        if isinstance(k, str):
            return dict(self.items())[k]
        return self.to_tuple()[k]

    def __setattr__(self, name, value):
        if name in self.keys() and value is not None:
            super().__setitem__(name, value)
        super().__setattr__(name, value)

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        super().__setattr__(key, value)

    def to_tuple(self):
        return tuple(self[k] for k in self.keys())


@dataclass
class Hidden(Output):
    last: object = None
    pooled: object = None
    states: object = None


class Counting(OrderedDict):
    """Whose __setitem__ is called by what OrderedDict does."""

    def __init__(self, *args, **kwargs):
        self.sets = 0
        super().__init__(*args, **kwargs)

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.sets += 1


class Plain(OrderedDict):
    pass


def shown(value):
    """What can be compared of a result: types, order, attributes, elements."""
    if isinstance(value, framejit.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        inside = {k: shown(v) for k, v in getattr(value, "__dict__", {}).items()}
        return type(value), [(k, shown(v)) for k, v in OrderedDict.items(value)], inside
    if isinstance(value, (list, tuple)):
        return type(value), [shown(v) for v in value]
    return value


class Ordered(unittest.TestCase):
    def same(self, f, *make, whole=True):
        """The same as plainly, twice, and as one graph; the arguments end alike, too."""
        compiled = framejit.compile(f, fullgraph=whole)
        for _ in range(2):
            one, two = [m() for m in make], [m() for m in make]
            x = framejit.tensor([1.0, 2.0])
            try:
                expected = shown(f(x, *one))
            except Exception as error:
                with self.assertRaises(type(error)) as caught:
                    compiled(x, *two)
                self.assertEqual(str(caught.exception), str(error))
            else:
                self.assertEqual(shown(compiled(x, *two)), expected)
            self.assertEqual(shown(one), shown(two))

    def test_made_and_used(self):
        def f(x):
            o = Hidden(last=x * 2, pooled=x.sum())
            return o[0] + o.pooled + o["pooled"] + len(o)

        self.same(f)

    def test_made_and_returned(self):
        self.same(lambda x: Hidden(last=x * 2, states=(x, x + 1)))
        self.same(lambda x: [Hidden(x), Hidden(pooled=x), Hidden()])

    def test_changed(self):
        def f(x):
            o = Hidden(last=x)
            o.last = x + 1
            o["pooled"] = x * 3
            o.states = (x,)
            return o, list(o), "pooled" in o, bool(o), o.to_tuple()

        self.same(f)

    def test_refused(self):
        def f(x):
            o = Hidden(last=x)
            del o["last"]

        self.same(f, whole=False)
        self.same(lambda x: Hidden(last=x)["nothing"], whole=False)
        self.same(lambda x: Hidden(last=x)[5], whole=False)

    def test_from_outside(self):
        def f(x, o):
            h = o.last + o["pooled"] + o[1]
            o.last = h
            o["more"] = x
            return h, o

        self.same(f, lambda: Hidden(last=framejit.ones(2), pooled=framejit.zeros(2)))

    def test_order(self):
        def f(x, d):
            n = x
            for i, (k, v) in enumerate(d.items()):
                n = n * (i + 2) + v
            return n, list(d), list(d.values())

        compiled = framejit.compile(f, fullgraph=True)
        d = OrderedDict(a=1, b=2, c=3)
        x = framejit.tensor([1.0, 2.0])
        for change in (
            lambda: None,
            lambda: d.move_to_end("a"),
            lambda: d.move_to_end("c", last=False),
            lambda: d.pop("a"),
        ):
            change()
            self.assertEqual(shown(compiled(x, d)), shown(f(x, d)))
        self.same(f, lambda: Plain(b=1, a=2))

    def test_equality(self):
        """Two of them are equal in the same order only; one of them and a dict in any."""

        def f(x, a, b):
            made = OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)
            inside = (
                made[0] == made[1],
                made[0] != made[1],
                made[0] == OrderedDict(made[0]),
                made[0] == {"b": 2, "a": 1},
            )
            return x + (a == b), a != b, a == made[0], b == made[1], a == dict(b), Plain(a) == b, inside

        orders = [("a", "b"), ("b", "a")]
        for first in orders:
            for second in orders:
                make = lambda order: OrderedDict((k, {"a": 1, "b": 2}[k]) for k in order)  # noqa: E731
                self.same(f, lambda: make(first), lambda: make(second), whole=False)

    def test_keys_that_change_their_hash(self):
        """CPython raises KeyError where such a dict is asked for its items; so does compiled code."""

        class Key:
            def __hash__(self):
                return next(hashes)

        def f(x, d):
            return x, list(d.items())

        compiled = framejit.compile(f)
        for _ in range(2):
            hashes = iter(range(10_000))
            broken = OrderedDict()
            broken[Key()] = 1
            broken[Key()] = 2
            with self.assertRaises(KeyError):
                f(1, broken)
            with self.assertRaises(KeyError):
                compiled(framejit.ones(1), broken)

    def test_own_setitem(self):
        def f(x, c):
            made = Counting({"a": 1}, b=2)
            made.update(d=4)
            made["e"] = 5
            c.update({"z": x})
            return made, made.sets, c.sets

        self.same(f, lambda: Counting(y=1))

    def test_methods(self):
        def f(x, p):
            made = Plain(a=1, b=2, c=3)
            made.move_to_end("a")
            last = made.popitem()
            first = made.popitem(last=False)
            p.setdefault("k", 4)
            return made, last, first, p.pop("a"), p.pop("none", 7), p.get("b"), made == {"c": 3}

        self.same(f, lambda: Plain(a=1, b=2), whole=False)


if __name__ == "__main__":
    unittest.main()
