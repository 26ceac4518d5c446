"""Subjects of test_capture_corners: corners of classes, objects and exceptions."""

import collections
import operator
import sys
import types

from tests.capture_corners import brk, outcome, subject

# --- containers that change while they are looked at


@subject
def lists_cleared_by_a_comparison():
    items = []

    class Clears:
        def __eq__(self, other):
            items.clear()
            return False

    def fill():
        items[:] = [Clears(), 1, 2]

    told = []
    for f in (lambda: items.index(2), lambda: items.count(2), lambda: 2 in items):
        fill()
        told.append(outcome(f))
    return told


@subject
def deques_changed_by_a_comparison():
    told = []
    for name in ("remove", "__contains__"):
        d = collections.deque("ab")

        class Clears:
            def __eq__(self, other, d=d):
                d.clear()
                return False

        d.appendleft(Clears())
        told.append(outcome(getattr(d, name), "b")[:2])
    return told


@subject
def lists_changed_while_they_are_sorted():
    items = [3, 1, 2]

    def key(x):
        items.append(x)
        return x

    return outcome(lambda: items.sort(key=key)), items


@subject
def a_sort_that_fails_keeps_the_elements():
    items = [2, 1, "x", 0]
    told = outcome(items.sort)
    return told[:2], sorted(map(str, items))


@subject
def sorting_compares_as_cpython_does():
    log = []

    class Item:
        def __init__(self, n):
            self.n = n

        def __lt__(self, other):
            log.append((self.n, other.n))
            return self.n < other.n

    items = [Item(n) for n in (5, 1, 4, 1, 3, 9, 2)]
    return [x.n for x in sorted(items)], [x.n for x in sorted(items, reverse=True)], log


@subject
def a_dict_changed_by_an_update():
    class Key:
        def __hash__(self):
            return 0

        def __eq__(self, other):
            source.clear()
            return False

    source = {i: 0 for i in range(1, 9)}
    source[Key()] = 0
    return outcome({Key(): 0}.update, source)


@subject
def a_key_is_asked_for_its_hash_once():
    class Key:
        def __init__(self):
            self.hashed = self.compared = 0

        def __hash__(self):
            self.hashed += 1
            return 42

        def __eq__(self, other):
            self.compared += 1
            return self is other

    a, b = Key(), Key()
    d = {a: 1, 0: 0}
    d.setdefault(b, 2)
    other = {Key(): 3}
    copy = dict(d)
    brk()
    return a.hashed, b.hashed, a.compared + b.compared, len(d), len(other), len(copy)


@subject
def tuples_that_are_themselves():
    t = (1, 2)
    e = ()
    return t * 1 is t, t + e is t, e + t is t, frozenset([1]).copy() == {1}, tuple(t) is t


@subject
def a_set_is_filled_anew():
    s = {1, 2}
    s.__init__([3])
    return s, outcome(s.__init__, 1, 2)[:2], outcome(lambda: set(a=1))[:2]


@subject
def operators_of_dicts_and_their_kin():
    d = collections.defaultdict(int, a=1)

    class Sub(dict):
        pass

    return type(d | {"b": 2}).__name__, (d | {"b": 2}).default_factory, type(Sub(a=1) | {}).__name__


# --- classes and objects


@subject
def slots_in_a_list():
    class C:
        __slots__ = ["a"]

    c = C()
    before = hasattr(c, "a")
    brk()
    c.a = 1
    kept = c.a
    del c.a
    return before, kept, hasattr(c, "a"), outcome(setattr, c, "b", 1)[:2]


@subject
def a_descriptor_that_only_sets():
    class Sets:
        def __set__(self, obj, value):
            obj.__dict__["a"] = value + 1

    class C:
        a = Sets()

    c = C()
    first = type(c.a).__name__
    c.a = 1
    return first, c.a


@subject
def isinstance_by_class_attribute():
    class Stands:
        @property
        def __class__(self):
            return int

    return isinstance(Stands(), int), isinstance(Stands(), str), isinstance(3, int | str), isinstance(None, int | None)


@subject
def object_new_and_init_take_no_more():
    class New:
        def __new__(cls, *args):
            return object.__new__(cls, *args)

    class Init:
        def __init__(self, *args):
            object.__init__(self, *args)

    return (
        [outcome(cls, 1)[:2] for cls in (New, Init)],
        outcome(object.__new__, New, 5)[:2],
        outcome(int.__new__, bool, 0),
    )


@subject
def a_subclass_of_tuple_with_an_init():
    class T(tuple):
        def __init__(self, items, name=None):
            self.name = name

    t = T([1, 2], name="x")
    return t, t.name, outcome(lambda: type("P", (tuple,), {})(sequence=()))[0]


@subject
def vars_is_the_object_s_own_dict():
    class C:
        pass

    c = C()
    d = vars(c)
    d["x"] = 1
    brk()
    d["y"] = 2
    return c.x, c.y, c.__dict__ is d


@subject
def classes_of_a_trace_are_not_found():
    class Parent:
        pass

    class Child(Parent):
        pass

    brk()
    return [c.__name__ for c in Parent.__subclasses__()]


@subject
def a_class_attribute_set_later_gets_no_name():
    class Named:
        name = None

        def __set_name__(self, owner, name):
            self.name = name

    class C:
        pass

    C.x = Named()
    return C.x.name


@subject
def a_module_with_a_class_of_its_own():
    class M(types.ModuleType):
        extra = 1

        def __getattr__(self, name):
            log.append(name)
            return name

    log = []
    m = M("m")
    plain = types.ModuleType("p")
    plain.__class__ = M
    return m.extra, m.other, plain.extra, plain.other, log


@subject
def names_of_a_generator_are_those_of_its_making():
    def g():
        yield

    first = g()
    g.__name__ = "renamed"
    second = g()
    return first.__name__, second.__name__


@subject
def a_tuple_that_holds_itself():
    t = ([],)
    t[0].append(t)
    brk()
    return t[0][0] is t


@subject
def bound_methods_compare():
    x = [1]
    return x.append == x.append, x.__add__ == x.__add__, type(x.__add__).__name__, x.append == [1].append


@subject
def a_class_method_of_a_class_made_here():
    class F(float):
        pass

    f = F.fromhex
    brk()
    return type(f("0x1p0")) is F


@subject
def empty_super_in_a_ring():
    class A:
        def f(self):
            return "A"

    class B(A):
        def f(self):
            return "B" + self.parent.f()

    B.parent = super(B)
    return outcome(B().f)


# --- exceptions


@subject
def contexts_in_a_ring():
    a, b, c = ValueError("a"), KeyError("b"), TypeError("c")
    a.__context__, b.__context__, c.__context__ = b, c, b
    try:
        try:
            raise a
        except ValueError:
            raise OSError
    except OSError as e:
        return type(e.__context__).__name__


def looks_outside():
    return type(sys.exception()).__name__


@subject
def sys_exception_sees_those_outside():
    calm = looks_outside()
    try:
        raise ValueError
    except ValueError:
        return calm, looks_outside(), brk(looks_outside())


@subject
def dict_eq_by_name():
    class D(dict):
        def __eq__(self, other):
            return dict.__eq__(self, other) and all(map(operator.eq, self, other))

    return D(a=1) == D(a=1), D(a=1) == D(b=1), D(a=1, b=2) == D(b=2, a=1)


@subject
def a_method_is_bound_again():
    class A:
        def meth(self, *args):
            return type(self).__name__, args

    class B:
        pass

    a, b = A(), B()
    b.meth = a.meth.__get__(b, B)
    bind, apply = a.meth.__get__, a.meth.__call__
    return b.meth(1), a.meth.__call__(2), bind(b, B)(3), apply(4), b.meth.__self__ is a


# --- operators that nobody answers


class Refuses:
    def __divmod__(self, other):
        return NotImplemented

    def __rdivmod__(self, other):
        return NotImplemented


class Answers:
    def __rdivmod__(self, other):
        return type(other).__name__, "answered"


class Number(int):
    def __rdivmod__(self, other):
        return "asked first"


@subject
def divmod_asks_both_sides():
    pairs = [
        (Refuses(), 1j),
        (Refuses(), Refuses()),
        (1, Refuses()),
        (Refuses(), Answers()),
        (2.5, Answers()),
        (Answers(), 3),
        (Refuses(), Number(2)),
        (7, Number(2)),
        (Number(7), 2),
        (1j, 1),
        (True, 2),
    ]

    def ask(a, b):
        return outcome(lambda: divmod(a, b))

    return [outcome(lambda a=a, b=b: divmod(a, b)) for a, b in pairs] + [brk(ask(a, b)) for a, b in pairs]


# --- a class of a metaclass that the function itself makes


@subject
def metaclass_of_the_function_survives_a_break():
    calls = 0

    class Meta(type):
        def __call__(cls, *args):
            nonlocal calls
            calls += 1
            return type.__call__(cls, *args)

    class Made(metaclass=Meta):
        def __init__(self, value):
            self.value = value

    class Derived(Made):
        pass

    brk()
    found = [Made(n).value for n in range(100)] + [Derived(1).value]
    return calls, sum(found), type(Made) is Meta, type(Derived) is Meta, Meta.__mro__[1:], Made.__name__
