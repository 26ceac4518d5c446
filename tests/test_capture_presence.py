"""What was found in the outside world is guarded even when nothing else is asked of it: `key in d`, hasattr, a look-up whose value
is dropped. Each function runs over states that differ in just that, in both orders, against the plain call."""

import collections
import copy
import unittest

from framejit import _C


class Plain:
    pass


class Slotted:
    __slots__ = ("a",)


def made(cls, **attributes):
    instance = cls()
    for name, value in attributes.items():
        setattr(instance, name, value)
    return instance


def key_in(d):
    return 1 if "a" in d else 2


def key_not_in(d):
    return 1 if "a" not in d else 2


def key_in_keys(d):
    return 1 if "a" in d.keys() else 2


def key_looked_up(d):
    try:
        d["a"]
    except KeyError:
        return 2
    return 1


def key_or_default(d):
    return 1 if d.get("a") is not None else 2


def key_set_by_default(d):
    d.setdefault("a", 5)
    return len(d), d


def key_popped(d):
    d.pop("a", None)
    return d


def one_of_two_keys(d):
    found = 0
    for key in ("a", "b"):
        if key in d:
            found += 1
    return found


def has_attribute(o):
    return 1 if hasattr(o, "a") else 2


def attribute_or_default(o):
    return 1 if getattr(o, "a", None) is not None else 2


def attribute_looked_up(o):
    try:
        o.a
    except AttributeError:
        return 2
    return 1


def attribute_in_dict(o):
    return 1 if "a" in o.__dict__ else 2


def attribute_in_vars(o):
    return 1 if "a" in vars(o) else 2


def cell_is_set(fill):
    def look():
        try:
            held
        except NameError:
            return 2
        return 1

    if fill:
        held = 1
    return look


VALUES = (0, None, [], "x", Plain, Plain())
MAPPINGS = (dict, collections.OrderedDict, collections.Counter)
OF_KEYS = (
    key_in,
    key_not_in,
    key_in_keys,
    key_looked_up,
    key_or_default,
    key_set_by_default,
    key_popped,
    one_of_two_keys,
)
OF_ATTRIBUTES = (has_attribute, attribute_or_default, attribute_looked_up)


class PresenceTest(unittest.TestCase):
    def check(self, function, *states):
        for order in (states, states[::-1]):
            compiled = _C.CompiledFunction(function)
            for state in (*order, *order):
                with self.subTest(function.__name__, state=state):
                    self.assertEqual(compiled(copy.deepcopy(state)), function(copy.deepcopy(state)))

    def test_keys(self):
        for function in OF_KEYS:
            for cls in MAPPINGS:
                for value in VALUES[:-1]:
                    self.check(function, cls(), cls(a=value), cls(b=value), cls(b=1, a=value))

    def test_attributes(self):
        for value in VALUES:
            for function in OF_ATTRIBUTES:
                for cls in (Plain, Slotted):
                    self.check(function, made(cls), made(cls, a=value))
            for function in (attribute_in_dict, attribute_in_vars):
                self.check(function, made(Plain), made(Plain, a=value))

    def test_cells(self):
        for order in ((True, False), (False, True)):
            looks = [cell_is_set(fill) for fill in order]
            compiled = _C.CompiledFunction(lambda look: look())
            for look in looks + looks:
                self.assertEqual(compiled(look), look())

    def test_a_local_that_may_be_unbound_after_a_break(self):
        def f(fill, values):
            if fill:
                kept = object()
            values.sort(key=repr)  # C code that calls back: whatever it is, the frame goes on after it
            _C._debug.trace  # an attribute of a module
            iter(values)
            try:
                kept
            except UnboundLocalError:
                return 2
            return 1

        for order in ((True, False), (False, True)):
            compiled = _C.CompiledFunction(f)
            for fill in order + order:
                self.assertEqual(compiled(fill, [2, 1]), f(fill, [2, 1]))

    def test_only_presence_is_guarded(self):
        compiled = _C.CompiledFunction(key_in)
        for value in (1, "x", None, [2]):
            self.assertEqual(compiled({"a": value}), 1)
        self.assertEqual(len(compiled._entries()), 1)
        self.assertIn("d['a'] exists", compiled._entries()[0]["guards"])


if __name__ == "__main__":
    unittest.main()
