"""Subjects of test_capture_corners: corners of generators, handlers, names and lifetimes."""

import collections
import functools
import gc
import io
import itertools
import weakref

from tests.capture_corners import brk, outcome, subject


@subject
def close_may_give_a_value():
    def returns():
        try:
            yield
        except GeneratorExit:
            return 7

    def ends():
        yield

    given = []
    for function in (returns, ends):
        generator = function()
        given.append(generator.close())
        generator = function()
        next(generator)
        given.append(generator.close())
        given.append(generator.close())
    return given


@subject
def every_class_of_an_except_clause_is_looked_at():
    def catches(classes):
        try:
            raise ValueError
        except classes:
            return "caught"

    return [outcome(catches, classes) for classes in ((ValueError, 42), 42, (KeyError, ValueError), ((ValueError,),))]


@subject
def eval_sees_locals_that_nothing_else_reads():
    class Number(int):
        def __init__(self, value):
            self.value = value

    table = {n: Number(n) for n in (1, 2)}
    seen = []
    for x in (1, 2):
        for op in ("<", "=="):
            brk()
            seen.append((eval(f"table[x] {op} 2"), eval("table[x].value")))
    return seen


@subject
def iterators_that_are_made_of_iterators():
    given = []
    for make in (
        itertools.product,
        lambda *its: itertools.permutations(its[0], 2),
        lambda *its: itertools.combinations(its[0], 2),
        lambda *its: itertools.combinations_with_replacement(its[0], 2),
    ):
        made = make(iter(range(3)), iter("ab"))
        brk()
        given.append(list(made))
        pool = [1, 2]
        made = make(pool, pool)
        pool.append(3)
        brk()
        given.append(list(made))
    return given


class Copied:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        self.n += 1
        return self.n

    def __copy__(self):
        return Copied(self.n)


@subject
def tee_copies_what_has_a_copy():
    a, b = itertools.tee("abc")
    c, d = itertools.tee(a)
    own = Copied(3)
    e, f = itertools.tee(own)
    return a is c, next(c), list(d), list(b), e is own, type(f), next(e), next(e), next(f), itertools.tee(own, 0)


@subject
def what_tee_makes_is_a_tee():
    a, b = itertools.tee("abc")
    return type(a) is type(b), type(a) is type(x for x in ()), list(type(a)("def")), list(b)


@subject
def views_of_an_ordered_dict_across_a_break():
    class Key:
        def __init__(self, n):
            self.n = n

        def __hash__(self):
            return self.n

    keys = [Key(n) for n in range(3)]
    table = collections.OrderedDict((key, 1) for key in keys)
    views = table.keys(), table.values(), table.items()
    brk()
    types = [type(view).__name__ for view in views]
    for key in keys:
        key.n += 100
    return types, [outcome(sum, map(bool, view))[:2] for view in views]


@subject
def there_is_one_empty_tuple():
    def f(*args):
        return args

    x, y = f(), f()
    return x is y, tuple([]) is x, f(1) is f(1), f()[:] is x


@subject
def large_hashes_are_taken_as_they_are():
    class Key:
        def __init__(self, text):
            self.text = text

        def __hash__(self):
            return hash(self.text)

        def __eq__(self, other):
            return self.text == (other.text if isinstance(other, Key) else other)

    found = []
    for text in map(str, range(20)):
        key = Key(text)
        found.append((text in {key: 1}, key in {text: 1}, {"x": 0, key: 1}.get(text), {text: 1}.get(key)))
    return found


@subject
def a_number_with_a_finaliser():
    log = []

    class Number(int):
        def __del__(self):
            log.append(int(self))

    held = {n: Number(n) for n in range(3)}
    held[1] = None
    log.append("between")
    del held
    gc.collect()
    return log


@subject
def a_list_of_objects_with_finalisers():
    class Counted:
        count = 0

        def __new__(cls):
            cls.count += 1
            return object.__new__(cls)

        def __del__(self):
            type(self).count -= 1

    held = [Counted(), Counted()]
    seen = [Counted.count]
    brk()
    held = {"a": held}
    brk()
    seen.append(Counted.count)
    held = None
    seen.append(Counted.count)
    held = [Counted(), Counted()]
    seen.append(Counted.count)
    del held
    seen.append(Counted.count)
    return seen


@subject
def a_list_that_is_cleared_while_a_slice_of_it_is_replaced():
    class Clears:
        def __init__(self, items):
            self.items = items

        def __iter__(self):
            yield from self.items
            self.items.clear()

    items = list(range(5))
    items[1:3] = Clears(items)
    return items


@subject
def a_method_of_a_stream_across_a_break():
    stream = io.StringIO("a\nb")
    read = stream.readline
    brk()
    try:
        return read(), stream.fileno()
    except io.UnsupportedOperation:
        return "no file", read()


@subject
def a_cache_of_ones_own_in_singledispatch():
    seen = []

    class Cache(collections.UserDict):
        def __getitem__(self, key):
            seen.append(key.__name__)
            return super().__getitem__(key)

    kept = weakref.WeakKeyDictionary
    weakref.WeakKeyDictionary = Cache
    try:

        @functools.singledispatch
        def g(x):
            return "any"
    finally:
        weakref.WeakKeyDictionary = kept
    return [g(1), g(2), g("x"), g(3)], seen


@subject
def a_deque_whose_elements_are_set_while_it_is_iterated():
    table = collections.deque(range(4))
    brk()
    iterator = iter(table)
    seen = [next(iterator)]
    brk()
    for i, text in enumerate("abcd"):
        table[i] = text
    brk()
    seen += list(iterator)
    inner = []
    for item in table:
        table[-1] = 7
        inner.append(item)
    iterator = iter(table)
    table.append(8)
    table.popleft()
    brk()
    return seen, inner, list(table), outcome(next, iterator)


@subject
def digits_of_large_numbers():
    number = int("7" * 4000)
    brk()
    text = str(number)
    large = 1 << 110000
    brk()
    return text == "7" * 4000, outcome(str, large), outcome(int, "1" * 31000), outcome(repr, [large])


@subject
def an_exit_that_is_none_is_looked_at_last():
    class Manager:
        __exit__ = None

        def __enter__(self):
            return 2

    seen = [1]
    try:
        with Manager() as two:
            brk()
            seen.append(two)
    except TypeError as error:
        seen.append(str(error))
    return seen


@subject
def defaults_taken_from_a_function():
    def g(x, a=1):
        g.__defaults__ = None
        return x + a

    return g(1), outcome(g, 1), g(1, 2)


@subject
def a_star_argument_that_is_no_iterable():
    def g(*args):
        return args

    def give(value):
        return g(*value)

    return [outcome(give, value) for value in (3, None, [1].__len__, (1, 2), {3: 4}, "ab")]


@subject
def a_format_specification_that_is_no_text():
    return outcome(object().__format__, 3), outcome((3).__format__, None), outcome([].__format__, [1])


class Own(Exception):
    pass


EXCEPTIONS = [
    ValueError("v"),
    Own(1, 2),
    OSError(2, "none"),
    StopIteration(3),
    KeyboardInterrupt(),
    ExceptionGroup("g", [ValueError(1), KeyError(2)]),
    BaseExceptionGroup("b", [KeyboardInterrupt()]),
]


@subject
def exceptions_from_outside_are_raised_and_caught():
    """What is raised was made before the call: it may be any object, and what is none is refused."""
    seen = []

    def takes(given):
        try:
            raise given
        except Exception as e:
            seen.append((type(e).__name__, e.args, e is given))

    def causes(given):
        try:
            raise KeyError("k") from given
        except KeyError as e:
            seen.append(repr(e.__cause__))

    def groups(given):
        try:
            raise given
        except* ValueError as g:
            seen.append([repr(e) for e in g.exceptions])
        except* KeyError:
            seen.append("key")

    def throws(given):
        def yields():
            try:
                yield
            except Exception as e:
                yield repr(e)

        generator = yields()
        next(generator)
        seen.append(generator.throw(given))

    for given in (*EXCEPTIONS, 1, None, int, Own):
        for function in (takes, causes, groups, throws):
            try:
                function(given)
            except BaseException as e:
                seen.append((type(e).__name__, str(e)))
    return seen
