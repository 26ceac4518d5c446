"""Iteration: user iterators, comprehensions, builtins, itertools."""

import itertools

from . import case

TITLE = "Iteration"


class _Range:
    def __init__(self, n):
        self.i, self.n = 0, n

    def __iter__(self):
        return self

    def __next__(self):
        if self.i == self.n:
            raise StopIteration
        self.i += 1
        return self.i


class _Indexed:
    def __getitem__(self, i):
        if i > 2:
            raise IndexError(i)
        return i * 2

    def __len__(self):
        return 3


class _Iterable:
    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        yield from self.items


@case
def user_iterator(x):
    for i in _Range(3):
        x = x * i + 1
    return x


@case
def user_iterable_with_generator(x):
    return sum(_Iterable(x, 1, x * 2)), list(_Iterable(1, 2)), 2 in _Iterable(1, 2)


@case
def iteration_by_getitem(x):
    for i in _Indexed():
        x = x + i
    return x, list(_Indexed()), 4 in _Indexed(), list(reversed(_Indexed()))


@case
def iter_with_sentinel(x):
    it = iter(_Range(5).__next__, 3)
    return x * sum(it)


@case
def list_comprehension(x):
    ys = [x * i for i in range(4) if i != 2]
    return sum(ys), [[j for j in range(i)] for i in range(3)], [a + b for a in (1, 2) for b in (3, 4)]


@case
def dict_and_set_comprehension(x):
    d = {k: x * v for k, v in zip("abc", range(3)) if v}
    s = {i % 3 for i in range(7)}
    return d["b"] + d["c"], len(s), {k: v for k, v in d.items() if k != "b"}


@case
def comprehension_closure(x):
    k = 3
    fs = [lambda t: t * k + i for i in range(3)]
    return sum(f(x) for f in fs)


@case
def nested_comprehension_with_tensors(x):
    rows = [[x[i, j] * 2 for j in range(3)] for i in range(2)]
    return sum(sum(r) for r in rows)


@case
def loop_over_tensor(x):
    total = x[0] * 0
    for row in x + 1:
        total = total + row
    return total


@case
def range_(x):
    r = range(1, 10, 3)
    for i in r:
        x = x + i
    return x, len(r), r[1], 4 in r, list(reversed(r)), r.start


@case
def zip_(x):
    for a, b, c in zip([1, 2], (x, x * 2), "ab"):
        x = x * a + b
    return x, list(zip("ab", [1, 2, 3])), c


@case
def zip_strict(x):
    y = x + 1
    try:
        list(zip([1], [1, 2], strict=True))
    except ValueError as e:
        return y * 2, str(e)


@case
def enumerate_(x):
    for i, v in enumerate([x, 1, 2], start=1):
        x = x + v * i
    return x, list(enumerate("ab"))


@case
def map_(x):
    return sum(map(lambda a, b: a * b, [x, x + 1], [2, 3])), list(map(str, [1, 2]))


@case
def filter_(x):
    return x * sum(filter(lambda i: i > 1, range(4))) + len(list(filter(None, [0, 1, ""])))


@case
def reversed_(x):
    for i in reversed([1, 2, 3]):
        x = x * i - 1
    return x, "".join(reversed("abc")), list(reversed({"a": 1, "b": 2}))


@case
def sorted_with_key(x):
    xs = sorted([3, 1, 2], key=lambda v: -v)
    ys = sorted([("b", x), ("a", x + 1)], key=lambda p: p[0])
    return xs, ys[0][1] * 2, sorted("bca", reverse=True), sorted({2: 1, 1: 2})


@case
def sorted_stable_with_objects(x):
    class_ = sorted([(1, "b"), (0, "c"), (1, "a")], key=lambda p: p[0], reverse=True)
    return class_, x + 1


@case
def min_max_sum(x):
    return (
        x * min(3, 1, 2) + max([1, 5, 2]),
        min("abc", key=lambda c: -ord(c)),
        max([], default=4),
        sum([x, x], x * 2),
        sum([[1], [2]], []),
    )


@case
def min_of_empty_caught(x):
    try:
        min([])
    except ValueError as e:
        return x + 1, str(e)


@case
def any_all(x):
    seen = []

    def see(i):
        seen.append(i)
        return i > 1

    return any(see(i) for i in range(5)), all(see(i) for i in (3, 0, 3)), seen, x * any([]) + all([])


@case
def unpacking(x):
    a, (b, *c), d = 1, [x, 2, 3], "z"
    [e, f] = x
    return a * b + sum(c), d, e + f


@case
def unpacking_wrong_length_caught(x):
    try:
        a, b = [x, 1, 2]
    except ValueError as e:
        y = str(e)
    try:
        a, b, *c = (1,)
    except ValueError as e:
        return x + 1, y, str(e)


@case
def iterator_protocol_by_hand(x):
    it = iter([x, x + 1])
    a = it.__next__()
    b = next(it)
    try:
        next(it)
    except StopIteration:
        return a * b, next(it, None)


@case
def list_changed_while_iterated(x):
    xs = [1, 2, 3]
    for v in xs:
        if v < 3 and len(xs) < 6:
            xs.append(v + 5)
        x = x + v
    return x, xs


@case
def iterator_shared_by_loops(x):
    it = iter(range(6))
    for i in it:
        x = x + i
        if i == 2:
            break
    return x * sum(it)


@case
def iterator_escapes(x):
    it = iter([x, x * 2, x * 3])
    y = next(it)
    return y + 1, it


@case
def itertools_count(x):
    c = itertools.count(5, 2)
    y = x * next(c)
    for i, v in zip(range(3), itertools.count()):
        y = y + v * i
    return y, next(c)


@case
def itertools_cycle(x):
    c = itertools.cycle([1, x, 3])
    return sum(next(c) for _ in range(7))


@case
def itertools_repeat(x):
    return sum(itertools.repeat(x, 3)), list(map(pow, [1, 2, 3], itertools.repeat(2)))


@case
def itertools_chain(x):
    return sum(itertools.chain([x, 1], (2,), range(3))), list(itertools.chain.from_iterable(["ab", [1]]))


@case
def itertools_islice(x):
    g = (x * i for i in itertools.count())
    ys = list(itertools.islice(g, 1, 6, 2))
    return sum(ys), next(g), list(itertools.islice("abcd", 2, None))


@case
def itertools_accumulate(x):
    return list(itertools.accumulate([x, 1, 2])), list(itertools.accumulate([1, 2, 3], lambda a, b: a * b, initial=2))


@case
def itertools_groupby(x):
    out = []
    for k, g in itertools.groupby([1, 1, 2, 3, 3], key=lambda v: v % 2):
        out.append((k, [x * v for v in g]))
    return out


@case
def itertools_takewhile_dropwhile(x):
    return (
        x + sum(itertools.takewhile(lambda v: v < 3, [1, 2, 5, 1])),
        list(itertools.dropwhile(lambda v: v < 3, [1, 5, 1])),
        list(itertools.filterfalse(lambda v: v % 2, range(5))),
    )


@case
def itertools_compress_pairwise(x):
    return sum(a * b for a, b in itertools.pairwise([1, x, 3])), list(itertools.compress("abc", [1, 0, 1]))


@case
def itertools_product(x):
    for a, b in itertools.product([1, 2], [x, 3]):
        x = x + a * b
    return x, list(itertools.product("ab", repeat=2))


@case
def itertools_permutations_combinations(x):
    return (
        x * len(list(itertools.permutations([1, 2, 3], 2))),
        list(itertools.combinations("abc", 2)),
        list(itertools.combinations_with_replacement("ab", 2)),
        list(itertools.permutations("ab")),
    )


@case
def itertools_starmap(x):
    return sum(itertools.starmap(lambda a, b: a * b, [(x, 2), (3, x)]))


@case
def itertools_tee(x):
    a, b = itertools.tee(x * i for i in range(3))
    return sum(a), sum(b)


@case
def itertools_zip_longest(x):
    return [p for p in itertools.zip_longest([1, 2], "a", fillvalue=0)], x + 1


@case(since=(3, 12))
def itertools_batched(x):
    return [sum(b) * x for b in itertools.batched([1, 2, 3], 2)]


@case
def aiter_free_async_for_sync(x):
    return [x for x in _Range(2)], x * 2
