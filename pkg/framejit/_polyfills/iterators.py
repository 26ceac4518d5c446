"""itertools. What a constructor does at once happens in the outer function, what it does later in the generator inside."""

import itertools
import operator
import sys


def _is_number(value):
    kind = type(value)
    return kind is complex or any([hasattr(kind, name) for name in ("__index__", "__int__", "__float__")])


def count(start=0, step=1):
    if not _is_number(start) or not _is_number(step):
        raise TypeError("a number is required")

    def items(n):
        while True:
            yield n
            n += step

    return items(start)


def cycle(iterable, /):
    def items(it):
        saved = []
        for v in it:
            yield v
            saved.append(v)
        while saved:
            yield from saved

    return items(iter(iterable))


_WITHOUT = object()


def repeat(object, times=_WITHOUT):
    def items(n):
        if n is None:
            while True:
                yield object
        for _ in range(n):
            yield object

    return items(None if times is _WITHOUT else operator.index(times))


def chain(*iterables):
    def items():
        for part in iterables:
            for v in part:
                yield v

    return items()


def chain_from_iterable(iterable, /):
    def items(it):
        for part in it:
            for v in part:
                yield v

    return items(iter(iterable))


def _bound(value, text, otherwise):
    if value is None:
        return otherwise
    try:
        n = operator.index(value)
    except TypeError:
        n = -1
    if not 0 <= n <= sys.maxsize:
        raise ValueError(text)
    return n


def islice(iterable, /, *bounds):
    if not 1 <= len(bounds) <= 3:
        raise TypeError(f"islice expected at {'most 4' if bounds else 'least 2'} arguments, got {len(bounds) + 1}")
    if len(bounds) == 1:
        start, step = 0, 1
        stop = _bound(bounds[0], "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.", None)
    else:
        text = "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize."
        start, stop = _bound(bounds[0], text, 0), _bound(bounds[1], text, None)
        step = _bound(bounds[2], "Step for islice() must be a positive integer or None.", 1) if len(bounds) == 3 else 1
        if step == 0:
            raise ValueError("Step for islice() must be a positive integer or None.")

    def items(it, wanted):
        at = 0
        while stop is None or wanted < stop:
            while at < wanted:
                try:
                    next(it)
                except StopIteration:
                    return
                at += 1
            try:
                v = next(it)
            except StopIteration:
                return
            at += 1
            yield v
            wanted += step
        while at < stop:
            try:
                next(it)
            except StopIteration:
                return
            at += 1

    return items(iter(iterable), start)


def accumulate(iterable, func=None, *, initial=None):
    def items(it, total):
        if initial is None:
            try:
                total = next(it)
            except StopIteration:
                return
        yield total
        for v in it:
            total = total + v if func is None else func(total, v)
            yield total

    return items(iter(iterable), initial)


def compress(data, selectors):
    def items(a, b):
        for v, wanted in zip(a, b):
            if wanted:
                yield v

    return items(iter(data), iter(selectors))


def dropwhile(predicate, iterable, /):
    def items(it):
        for v in it:
            if not predicate(v):
                yield v
                break
        for v in it:
            yield v

    return items(iter(iterable))


def takewhile(predicate, iterable, /):
    def items(it):
        for v in it:
            if not predicate(v):
                return
            yield v

    return items(iter(iterable))


def filterfalse(function, iterable, /):
    def items(it):
        for v in it:
            if not (v if function is None or function is bool else function(v)):
                yield v

    return items(iter(iterable))


def groupby(iterable, key=None):
    def groups(it):
        exhausted = False

        def members(wanted):
            nonlocal value, current, exhausted
            yield value
            for value in it:
                current = value if key is None else key(value)
                if not (current is wanted or current == wanted):
                    return
                yield value
            exhausted = True

        try:
            value = next(it)
        except StopIteration:
            return
        current = value if key is None else key(value)
        while not exhausted:
            wanted = current
            group = members(wanted)
            yield wanted, group
            if current is wanted or current == wanted:
                for _ in group:
                    pass

    return groups(iter(iterable))


def pairwise(iterable, /):
    def items(it):
        try:
            a = next(it)
        except StopIteration:
            return
        for b in it:
            yield a, b
            a = b

    return items(iter(iterable))


def product(*iterables, repeat=1):
    pools = [tuple(pool) for pool in iterables] * operator.index(repeat)

    def items(depth):
        if depth == len(pools):
            yield ()
            return
        for v in pools[depth]:
            for rest in items(depth + 1):
                yield (v, *rest)

    return items(0)


def permutations(iterable, r=None):
    pool = tuple(iterable)
    n = len(pool)
    r = n if r is None else r
    if r < 0:
        raise ValueError("r must be non-negative")

    def items(taken):
        if len(taken) == r:
            yield tuple(pool[i] for i in taken)
            return
        for i in range(n):
            if i not in taken:
                yield from items((*taken, i))

    return items(())


def _chosen(pool, r, repeated):
    def items(first, taken):
        if len(taken) == r:
            yield taken
            return
        for i in range(first, len(pool)):
            yield from items(i if repeated else i + 1, (*taken, pool[i]))

    return items(0, ())


def combinations(iterable, r):
    pool = tuple(iterable)
    if r < 0:
        raise ValueError("r must be non-negative")
    return _chosen(pool, r, False)


def combinations_with_replacement(iterable, r):
    pool = tuple(iterable)
    if r < 0:
        raise ValueError("r must be non-negative")
    return _chosen(pool, r, True)


def starmap(function, iterable, /):
    def items(it):
        for args in it:
            yield function(*args)

    return items(iter(iterable))


def tee(iterable, n=2, /):
    if n < 0:
        raise ValueError("n must be >= 0")
    it = iter(iterable)
    if n and hasattr(it, "__copy__"):
        return (it,) + tuple([it.__copy__() for _ in range(n - 1)])
    seen = []

    def items():
        at = 0
        while True:
            if at == len(seen):
                try:
                    seen.append(next(it))
                except StopIteration:
                    return
            yield seen[at]
            at += 1

    return tuple([items() for _ in range(n)])


def zip_longest(*iterables, fillvalue=None):
    def items(parts):
        active = len(parts)
        while active:
            row = []
            for i, part in enumerate(parts):
                if part is None:
                    row.append(fillvalue)
                    continue
                try:
                    row.append(next(part))
                except StopIteration:
                    active -= 1
                    if not active:
                        return
                    parts[i] = None
                    row.append(fillvalue)
            yield tuple(row)

    return items([iter(part) for part in iterables])


def batched(iterable, n, *, strict=False):
    if n < 1:
        raise ValueError("n must be at least one")

    def items(it):
        while True:
            batch = []
            for v in it:
                batch.append(v)
                if len(batch) == n:
                    break
            if not batch:
                return
            if strict and len(batch) != n:
                raise ValueError("batched(): incomplete batch")
            yield tuple(batch)

    return items(iter(iterable))


_NAMES = (
    "accumulate",
    "batched",
    "chain",
    "combinations",
    "combinations_with_replacement",
    "compress",
    "count",
    "cycle",
    "dropwhile",
    "filterfalse",
    "groupby",
    "islice",
    "pairwise",
    "permutations",
    "product",
    "repeat",
    "starmap",
    "takewhile",
    "tee",
    "zip_longest",
)
SUBSTITUTES = {getattr(itertools, name): globals()[name] for name in _NAMES if hasattr(itertools, name)}
