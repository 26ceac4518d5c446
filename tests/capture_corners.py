"""Subjects of test_capture_corners: corners of iteration and containers, and what all subjects use."""

import collections
import itertools
import sys

SUBJECTS = []


def subject(function):
    SUBJECTS.append(function)
    return function


def outcome(function, *args):
    """What a call gives: its result, or the exception's type and words."""
    try:
        return "gives", function(*args)
    except Exception as e:
        return "raises", type(e).__name__, str(e)


def brk(value=None):
    """Cannot be captured."""
    sys.getrecursionlimit()
    return value


# --- iteration


class NoNext:
    def __iter__(self):
        return self


@subject
def iter_of_something_without_next():
    return [outcome(f, NoNext()) for f in (iter, list, tuple, enumerate, zip, itertools.chain, itertools.pairwise)][:5]


@subject
def stop_iteration_of_a_mapped_function_ends_the_map():
    def f(x):
        if x == 2:
            raise StopIteration("over")
        return x

    return list(map(f, [1, 2, 3])), outcome(next, map(f, [2]))


@subject
def yield_from_gives_the_value_of_a_stop_iteration():
    class It:
        def __iter__(self):
            return self

        def __next__(self):
            raise StopIteration(7)

    def g():
        got = yield from It()
        yield got

    return list(g())


@subject
def sentinel_iterator_ends_at_stop_iteration():
    def f():
        raise StopIteration

    it = iter(f, 1)
    return list(it), outcome(next, it), outcome(iter, 3, 4)


@subject
def zip_asks_again_after_its_end():
    class Twice:
        def __init__(self):
            self.n = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.n += 1
            if self.n % 2:
                raise StopIteration
            return self.n

    z = zip(Twice())
    return [outcome(next, z) for _ in range(4)]


@subject
def unpacking_takes_one_more_than_names():
    seen = []

    def g():
        for i in range(5):
            seen.append(i)
            yield i

    def two(it):
        a, b = it
        return a, b

    return outcome(two, g()), seen


@subject
def a_dict_that_grows_in_its_loop():
    d = {1: 1}

    def loop():
        for i in d:
            d[i + 1] = brk(i)

    return outcome(loop)


@subject
def a_dict_whose_key_is_put_back_in_its_loop():
    d = {0: 0}

    def loop():
        for _ in d.items():
            del d[0]
            d[0] = 0

    return outcome(loop)


@subject
def a_set_that_grows_in_its_loop():
    s = {1}

    def loop():
        for x in s:
            s.add(x + 1)

    return outcome(loop)


@subject
def reversed_things():
    class Blocked(collections.abc.Mapping):
        def __getitem__(self, key):
            return key

        def __len__(self):
            return 0

        def __iter__(self):
            return iter(())

    r = reversed(range(3))
    return (
        type(r).__name__,
        list(r),
        list(reversed((1, 2))),
        list(reversed({1: 2, 3: 4})),
        outcome(reversed, Blocked()),
        outcome(reversed, {1}),
    )


@subject
def iterators_survive_a_break():
    d = iter({"a": 1, "b": 2}.items())
    s = zip([1, 2], [3], strict=True)
    t = iter((1, 2, 3))
    first = next(d), next(s), next(t)
    brk()
    return first, type(d).__name__, list(d), outcome(list, s), list(t)


@subject
def list_asks_for_the_length_first():
    log = []

    class Sized:
        def __len__(self):
            log.append("len")
            return 2

        def __iter__(self):
            log.append("iter")
            return iter((1, 2))

    return list(Sized()), tuple(Sized()), [*Sized()], log


@subject
def count_and_its_kind_refuse():
    return (
        outcome(itertools.count, "a"),
        outcome(lambda: itertools.pairwise(iterable="ab"))[:2],
        outcome(itertools.repeat, 1, None)[:2],
        outcome(lambda: itertools.islice(iterable=[1]))[:2],
        outcome(enumerate, "abc", "x")[:2],
    )


@subject
def ids_of_tuples_that_an_iterator_gives_again():
    return len(set(map(id, itertools.combinations("abcd", 2)))), len(set(map(id, enumerate("abcd"))))


# --- methods that are refused


@subject
def protocols_blocked_by_none():
    class Blocked:
        def __iter__(self):
            return iter(())

        __contains__ = __bool__ = __add__ = __eq__ = None
        __hash__ = None

    b = Blocked()
    return (
        outcome(lambda: 0 in b),
        outcome(bool, b),
        outcome(lambda: b + 1),
        outcome(lambda: b == 1),
        outcome(lambda: {b: 1}),
    )


@subject
def not_equal_asks_once():
    log = []

    class Left:
        def __eq__(self, other):
            log.append("Left ==")
            return NotImplemented

    class Right:
        def __eq__(self, other):
            log.append("Right ==")
            return NotImplemented

        def __ne__(self, other):
            log.append("Right !=")
            return NotImplemented

    return Left() != Right(), log


@subject
def reflected_operator_of_a_subclass_only_if_it_is_another():
    class A:
        def __add__(self, other):
            return "A +"

        def __radd__(self, other):
            return "A reflected"

    class B(A):
        pass

    class C(A):
        def __radd__(self, other):
            return "C reflected"

    return A() + B(), A() + C()


@subject
def special_methods_that_are_no_functions():
    class D(dict):
        __setattr__ = dict.__setitem__
        __neg__ = dict.copy

    d = D()
    d.x = 4
    return d["x"], -d


@subject
def methods_have_to_give_the_right_type():
    class Wrong:
        def __str__(self):
            return 3

        __repr__ = __float__ = __complex__ = __str__

        def __index__(self):
            return "x"

    w = Wrong()
    return [outcome(f, w) for f in (str, repr, complex, bin, range)]


class Shown:
    def __format__(self, spec):
        return f"shown as {spec!r}"


@subject
def format_wants_a_text():
    return [outcome(format, Shown(), spec) for spec in (None, 3, b"x", "", "x")] + [outcome(format, 3, None)]
