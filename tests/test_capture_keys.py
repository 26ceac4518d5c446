"""Sizes from outside, and dicts and sets whose keys are tuples. Each runs plainly and compiled and is one graph."""

import unittest

import framejit

from tests.constructs.check import explain, outcome

SUBJECTS = []


def subject(function):
    SUBJECTS.append(function)
    return function


_SIZE = framejit.Size([2, 3])
_KINDS = {(framejit.Tensor, int): "a", (int, int): "b", (None, ("x", float)): "c"}
_PAIRS = {(1, int), (2, str)}


@subject
def size_operators(x, log):
    s, t = _SIZE, _SIZE + _SIZE
    log.append((t, s + (1,), (1,) + s, s * 2, 2 * s, (*s, 5), s[:1], s[-1], len(s)))
    log.append([type(v).__name__ for v in (t, s + (1,), (1,) + s, s * 2, s[:1], (*s, 5))])
    t += (4,)
    log.append((t, type(t).__name__))
    return x + s[0]


@subject
def size_questions(x, log):
    s = _SIZE
    log.append(
        (
            s == (2, 3),
            (2, 3) == s,
            s != x.shape,
            s < (3,),
            2 in s,
            s.numel(),
            s.index(3),
            s.count(2),
            hash(s) == hash((2, 3)),
        )
    )
    log.append((isinstance(s, tuple), type(s) is framejit.Size, bool(s), max(s), sum(s), sorted(s, reverse=True)))
    return x * 2


@subject
def size_iterated(x, log):
    for i, n in enumerate(_SIZE):
        x = x + n * i
    a, b = _SIZE
    log.append(([n for n in _SIZE], tuple(_SIZE), list(zip(_SIZE, x.shape)), list(reversed(_SIZE)), a + b))
    return x


@subject
def size_as_argument(x, log):
    def inner(s=_SIZE):
        return framejit.zeros(s) + framejit.ones(*s), framejit.ones(6).reshape(s), framejit.ones(6).view(*s)

    return (*inner(), x.expand(_SIZE[:1] + x.shape))


@subject
def size_as_text(x, log):
    log.append((str(_SIZE), repr(_SIZE), f"{_SIZE}"))
    return x + 1


@subject
def dict_with_tuple_keys(x, log):
    kind = _KINDS[(type(x), int)]
    log.append(
        (kind, (int, int) in _KINDS, (str, int) in _KINDS, _KINDS.get((type(1), type(2))), _KINDS[None, ("x", float)])
    )
    log.append([k[0] for k in _KINDS])
    more = dict(_KINDS)
    more[(type(x), type(x))] = "d"
    log.append((len(more), more[(type(x), type(x))]))
    return x + len(more)


@subject
def keys_that_are_equal_but_of_another_type(x, log):
    table = {(1, "a"): "int", (2.0, "b"): "float"}
    log.append((table[(True, "a")], table[(1.0, "a")], table[(2, "b")], [type(k[0]).__name__ for k in table]))
    return x


@subject
def set_with_tuple_elements(x, log):
    log.append(((1, int) in _PAIRS, (1, str) in _PAIRS, len(_PAIRS), sorted(p[0] for p in _PAIRS)))
    return x + 1


class KeysTest(unittest.TestCase):
    def check(self, function):
        case = type("Case", (), {"function": staticmethod(function)})
        seen = explain(case)
        for got in seen.outcomes:
            self.assertEqual(got, outcome(function, function))
        self.assertEqual(seen.reason, "", seen.detail)

    def test_another_dict_with_keys_of_another_type(self):
        def f(x, table):
            return x + table[(1, int)], [type(k[0]) for k in table]

        compiled = framejit.compile(f)
        for table in ({(1, int): 2}, {(1.0, int): 3}, {(True, int): 4}, {(1, int): 2, (1, str): 3}):
            for _ in range(2):
                got, kinds = compiled(framejit.ones(2), table)
                want, expected = f(framejit.ones(2), table)
                self.assertEqual((got.tolist(), kinds), (want.tolist(), expected))

    def test_hash_of_a_tuple_with_what_is_hashed_by_address(self):
        def local_class(hash):
            class Key(tuple):
                pass

            return hash((1, Key)), hash(frozenset([Key])), Key

        first, second, key = framejit.compile(local_class)(hash)
        self.assertEqual((first, second), (hash((1, key)), hash(frozenset([key]))))
        compiled = framejit.compile(lambda x: (x + 1, hash((2, x))))
        for x in (framejit.ones(2), framejit.ones(2)):
            self.assertEqual(compiled(x)[1], hash((2, x)))

    def test_types_that_name_a_local_class(self):
        @framejit.dynamo.disable
        def stop():
            pass

        def f(x):
            class Local:
                pass

            both, many = Local | str, list[Local]
            stop()
            y = x + 1
            return y.shape[0], both.__args__ == (Local, str), many.__args__[0] is Local, isinstance(Local(), both)

        compiled = framejit.compile(f)
        for _ in range(2):
            self.assertEqual(compiled(framejit.ones(2)), (2, True, True, True))

    def test_another_size(self):
        compiled = framejit.compile(lambda x, s: x.sum() * s.numel() + s[0])
        x = framejit.ones(2)
        for s in (framejit.Size([2, 3]), framejit.Size([3, 2]), framejit.Size([4]), framejit.Size([2, 3])):
            self.assertEqual(compiled(x, s).item(), 2 * s.numel() + s[0])


for _f in SUBJECTS:
    setattr(KeysTest, "test_" + _f.__name__, lambda self, f=_f: self.check(f))


if __name__ == "__main__":
    unittest.main()
