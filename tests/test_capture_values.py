"""Objects of C types inside a trace, generators that it lets go, exceptions and groups: plain and compiled calls agree.

Each function of `SUBJECTS` is called three times both ways; `BREAKS` lists those that are not one graph.
"""

import array
import collections
import contextlib
import datetime
import hashlib
import io
import unittest

from tests.constructs.check import explain, outcome

SUBJECTS, BREAKS = [], set()


def subject(function=None, *, breaks=False):
    def register(f):
        SUBJECTS.append(f)
        if breaks:
            BREAKS.add(f)
        return f

    return register(function) if function else register


@subject
def bytearray_returned(x):
    b = bytearray(b"ab")
    b.extend([99, 100])
    b[1:3] = b"--"
    del b[0]
    return x + len(b), b, bytes(b)[::-1], 45 in b, b == b"--d", list(b), b + b"!", b * 2


@subject
def bytearray_twice(x):
    made = [bytearray(2) for _ in range(2)]
    made[0].append(1)
    return x, made, made[0] is made[1], made[0] > made[1]


@subject
def array_sums(x):
    a = array.array("d", [1, 2])
    a += array.array("d", [3])
    a.insert(0, 0.5)
    return x * sum(a), a, a.index(2.0), a.typecode, len(a), a[-1], a[1:]


@subject
def array_refuses(x, log):
    a = array.array("i")
    for wrong in ("text", 1.5, 2**70):
        try:
            a.append(wrong)
        except (TypeError, OverflowError) as e:
            log.append((type(e).__name__, str(e)))
    return x + len(a)


@subject
def text_buffer(x):
    out = io.StringIO("abc\n")
    out.seek(0, 2)
    print(1, "b", sep="-", end="|", file=out)
    with contextlib.redirect_stdout(out):
        print({"k": [1]})
        print()
    return x + 1, out.getvalue(), out.tell()


@subject(breaks=True)
def text_buffer_returned(x):
    out = io.StringIO()
    out.write("kept")
    return x + 1, [out.getvalue()], (out, out.write("more"))[0].getvalue()


class _Writer:
    def __init__(self):
        self.parts = []

    def write(self, text):
        self.parts.append(text)


@subject
def print_to_an_object(x):
    w = _Writer()
    print("a", 2, file=w)
    return x + 1, w.parts


@subject
def hash_updates(x):
    h = hashlib.sha1(b"a")
    other = h.copy()
    h.update(bytearray(b"b"))
    return x + h.digest_size, h.hexdigest(), other.hexdigest(), h.name


@subject
def dates(x):
    d = datetime.datetime(2024, 2, 28, 23, tzinfo=datetime.timezone.utc) + datetime.timedelta(hours=2)
    try:
        datetime.date(2023, 2, 29)
    except ValueError as e:
        wrong = str(e)
    return x * d.day, d, d.isoformat(), d.date() == datetime.date(2024, 2, 29), wrong, str(d), d - d, d.replace(hour=3)


_bounded = collections.deque([1, 2, 3], maxlen=3)
_plain = collections.deque()


@subject
def deques_outside(x, log):
    _bounded.extend([1, 2, 3])
    _bounded.append(len(_bounded))
    _plain.appendleft(x.dim())
    _plain.extend(_bounded)
    log.append((list(_bounded), len(_plain), _bounded.maxlen, _plain.maxlen, 2 in _plain))
    _plain.clear()
    return x + _bounded[0]


@subject
def deque_outside_of_tensors(x):
    _plain.append(x + 1)
    _plain.append(x)
    y = _plain.popleft() * _plain.pop()
    return y, len(_plain), bool(_plain)


class _Celsius(float):
    @property
    def fahrenheit(self):
        return self * 9 / 5 + 32

    @classmethod
    def zero(cls):
        return cls(0)


class _Tag(str):
    def up(self):
        return self.upper()

    def __repr__(self):
        return f"Tag({str(self)})"


class _Odd(int):
    def __add__(self, other):
        return "added"


@subject
def number_subclasses(x):
    c = _Celsius(10)
    return x * c.fahrenheit, c + 1, type(c + 1), _Celsius.zero() == 0, isinstance(c, float), max(c, 3), {c: 1}


@subject
def text_subclasses(x):
    t = _Tag("a-b")
    return x, t, repr(t), str(t), f"{t}", t.up(), t.split("-"), t + "c", type(t).__name__, [t], len(t)


@subject(breaks=True)
def number_subclass_with_operators(x):
    return x, _Odd(1) + 2


class _A:
    def who(self):
        return "a"


class _B:
    def who(self):
        return "b"


class _Slotted:
    __slots__ = ("k",)


@subject
def class_changes(x, log):
    o = _A()
    o.k = x
    o.__class__ = _B
    log.append(o.who())
    try:
        o.__class__ = _Slotted
    except TypeError as e:
        log.append(str(e))
    return o.k + 1, type(o) is _B, isinstance(o, _A)


def _noisy(log, name):
    try:
        log.append(f"{name} begins")
        yield 1
        yield 2
    finally:
        log.append(f"{name} ends")


@subject
def generator_overwritten(x, log):
    g = _noisy(log, "a")
    next(g)
    g = _noisy(log, "b")
    log.append("bound")
    next(g)
    del g
    log.append("deleted")
    return x + 1


@subject
def generator_kept_by_list(x, log):
    kept = [_noisy(log, "a")]
    next(kept[0])
    g = kept[0]
    del g
    log.append("still there")
    kept.pop()
    log.append("gone")
    return x + 1


@subject
def generator_in_function(x, log):
    def inner():
        g = _noisy(log, "a")
        log.append(next(g))
        return x * 2

    y = inner()
    log.append("after")
    return y


@subject
def generator_dies_with_the_frame(x, log):
    g = _noisy(log, "a")
    next(g)
    log.append("last")
    return x + 1


@subject
def generator_leaves_loop(x, log):
    for i in _noisy(log, "a"):
        if i:
            break
    log.append("out")
    return x + i


@subject
def throw_through_three(x, log):
    def lowest():
        try:
            yield x
        except KeyError as e:
            log.append(str(e))
            got = yield x + 1
            log.append(got)
        return "low"

    def middle():
        log.append((yield from lowest()))
        return (yield from [1, 2])

    def top():
        try:
            yield from middle()
        except ValueError as e:
            yield str(e)

    g = top()
    out = [next(g), g.throw(KeyError("k")), g.send("sent"), next(g), g.throw(ValueError, "v")]
    return out, list(g)


@subject
def throw_into_user_iterator(x, log):
    class It:
        def __iter__(self):
            return self

        def __next__(self):
            return 1

        def send(self, v):
            log.append(v)
            if v == "end":
                raise StopIteration("result")
            return v

        def throw(self, e):
            log.append(type(e).__name__)
            return "thrown"

        def close(self):
            log.append("closed")

    def gen():
        log.append((yield from It()))
        yield "after"
        yield from It()

    g = gen()
    out = [next(g), g.send(5), g.throw(ValueError()), g.send("end"), next(g)]
    g.close()
    return x, out


@subject
def generator_introspection(x):
    def gen():
        yield from inner()

    def inner():
        yield 1

    g = gen()
    before = g.gi_running, g.gi_suspended, g.gi_yieldfrom is None, g.gi_frame is None, g.gi_code.co_name
    next(g)
    during = g.gi_suspended, g.gi_yieldfrom.__name__, g.__qualname__
    list(g)
    return x, before, during, g.gi_frame is None, g.gi_suspended


@subject
def traceback_handed_on(x, log):
    @contextlib.contextmanager
    def manager():
        try:
            yield
        except KeyError as e:
            log.append(e.__traceback__ is not None)
            raise

    try:
        with manager():
            raise KeyError("k")
    except KeyError as e:
        tb = e.__traceback__
        other = ValueError().with_traceback(tb)
        log.append((other.__traceback__ is tb, e.with_traceback(None).__traceback__))
    return x + 1


@subject
def cleared_exception_returned(x):
    try:
        raise ValueError("v")
    except ValueError as e:
        return x + 1, e.with_traceback(None)


@subject
def except_star_nested(x, log):
    try:
        try:
            raise ExceptionGroup("g", [ValueError(1), ExceptionGroup("h", [KeyError(2), OSError(3)])])
        except* KeyError as e:
            log.append(repr(e))
            raise RuntimeError("new")
        except* (ValueError, TypeError) as e:
            log.append(e.exceptions[0].args)
    except ExceptionGroup as e:
        log.append((str(e), [repr(v) for v in e.exceptions], repr(e.__context__)))
    return x * 2


@subject
def except_star_reraises(x, log):
    try:
        try:
            raise ExceptionGroup("g", [ValueError(1), KeyError(2)])
        except* ValueError:
            raise
    except* ValueError as e:
        log.append(repr(e))
    except* KeyError as e:
        log.append(repr(e))
    return x * 2


@subject
def except_star_wraps(x, log):
    try:
        try:
            raise KeyError("k")
        except* KeyError as e:
            log.append((e.message, repr(e)))
            raise ValueError from e
    except ExceptionGroup as e:
        log.append(repr(e))
    except ValueError as e:
        log.append(("plain", repr(e.__cause__)))
    return x


@subject
def groups_refuse(x, log):
    for args in (("m", []), ("m", [1]), (1, [ValueError()]), ("m",)):
        try:
            ExceptionGroup(*args)
        except (TypeError, ValueError) as e:
            log.append((type(e).__name__, str(e)))
    return x, type(BaseExceptionGroup("b", [ValueError()])).__name__


BREAKS.add(groups_refuse)


class ValuesTest(unittest.TestCase):
    def check(self, function):
        compiled = []
        case = type("Case", (), {"function": staticmethod(function)})
        seen = explain(case)
        compiled += seen.outcomes
        for got in compiled:
            self.assertEqual(got, outcome(function, function))
        if function not in BREAKS:
            self.assertEqual(seen.reason, "", seen.detail)


class TensorKeys(unittest.TestCase):
    def test_a_dict_from_outside_that_has_one(self):
        import framejit

        weight = framejit.nn.Parameter(framejit.ones(2))
        known = collections.defaultdict(dict)

        def f(x):
            known["a"] = x + 1
            known[weight] = 123
            return known["b"], known[weight]

        self.assertEqual(f(framejit.ones(1)), ({}, 123))  # it has all the keys now
        self.assertEqual(framejit.compile(f, backend="eager", fullgraph=True)(framejit.ones(1)), ({}, 123))
        self.assertEqual(list(known), ["a", weight, "b"])


for _f in SUBJECTS:
    setattr(ValuesTest, "test_" + _f.__name__, lambda self, f=_f: self.check(f))


if __name__ == "__main__":
    unittest.main()
