"""Generators: for, send, throw, close, yield from, expressions."""

from . import case

TITLE = "Generators"


def _count(n, t):
    for i in range(n):
        t = t + i
        yield t


@case
def generator_in_for(x):
    total = x * 0
    for t in _count(3, x):
        total = total + t
    return total


@case
def generator_defined_inside(x):
    k = 2

    def gen():
        nonlocal k
        while k < 5:
            yield x * k
            k += 1

    return sum(gen()), k


@case
def generator_expression(x):
    return sum(x * i for i in range(4) if i % 2) + max(i for i in (3, 1))


@case
def generator_next(x):
    g = _count(2, x)
    a = next(g)
    b = next(g)
    return a + b, next(g, "end"), next(g, None)


@case
def generator_stop_iteration(x):
    def gen():
        yield x
        return x * 2

    g = gen()
    y = next(g)
    try:
        next(g)
    except StopIteration as e:
        return y + e.value


@case
def generator_send(x):
    def gen():
        total = x
        while True:
            got = yield total
            total = total + got

    g = gen()
    next(g)
    g.send(1)
    return g.send(x * 2)


@case
def generator_send_before_start(x):
    def gen():
        yield x

    g = gen()
    try:
        g.send(1)
    except TypeError as e:
        return next(g) + 1, str(e)


@case
def generator_throw(x):
    def gen():
        try:
            yield x
        except ValueError as e:
            yield x * 2, str(e)
        yield x * 3

    g = gen()
    a = next(g)
    b, text = g.throw(ValueError("no"))
    return a + b + next(g), text


@case
def generator_throw_leaves(x):
    def gen():
        yield x

    g = gen()
    y = next(g)
    try:
        g.throw(KeyError, "k")
    except KeyError as e:
        y = y * 2
        return y, e.args, list(g)


@case
def generator_close(x, log):
    def gen():
        try:
            yield x
            yield x + 1
        finally:
            log.append("closed")

    g = gen()
    y = next(g) + 1
    g.close()
    log.append("after")
    return y * 2, list(g)


@case
def generator_close_ignored(x):
    def gen():
        try:
            yield x
        except GeneratorExit:
            yield 1

    g = gen()
    y = next(g)
    try:
        g.close()
    except RuntimeError as e:
        return y + 1, str(e)


@case
def generator_finally_in_loop(x, log):
    def gen():
        try:
            for i in range(5):
                yield x + i
        finally:
            log.append("done")

    for t in gen():
        log.append(1)
        if len(log) > 1:
            break
    return t * 2


@case
def yield_from_generator(x):
    def inner():
        got = yield x
        yield x + got
        return 7

    def outer():
        r = yield from inner()
        yield x * r

    g = outer()
    a = next(g)
    b = g.send(3)
    return a + b + next(g), list(g)


@case
def yield_from_list(x):
    def gen():
        yield from [x, x + 1]
        yield from (x * i for i in range(2))

    return sum(gen())


@case
def yield_from_throw(x):
    def inner():
        try:
            yield x
        except ValueError:
            yield x * 5

    def outer():
        yield from inner()

    g = outer()
    return next(g) + g.throw(ValueError())


@case
def recursive_generator(x):
    def walk(tree):
        if isinstance(tree, list):
            for part in tree:
                yield from walk(part)
        else:
            yield tree

    y = x
    for v in walk([1, [2, [x, 3]], [4]]):
        y = y + v
    return y


@case
def generator_raises(x):
    def gen():
        yield x
        raise ValueError("inside")

    y = x
    try:
        for t in gen():
            y = y + t
    except ValueError as e:
        return y * 2, str(e)


@case
def generator_stop_iteration_inside(x):
    def gen():
        yield x
        next(iter([]))

    g = gen()
    y = next(g)
    try:
        next(g)
    except RuntimeError as e:
        return y + 1, str(e), type(e.__cause__).__name__


@case
def two_generators_in_turn(x):
    a, b = _count(3, x), _count(3, x * 2)
    y = x
    for p, q in zip(a, b):
        y = y + p * q
    return y


@case
def generator_returned_to_caller(x):
    y = x + 1
    return (y * i for i in range(3))


@case
def generator_started_and_returned(x):
    g = _count(3, x + 1)
    y = next(g)
    return y * 2, g


@case
def generator_of_the_caller(x):
    def produce():
        for i in range(3):
            yield x + i

    def consume(g):
        return sum(t * 2 for t in g)

    return consume(produce())


@case
def generator_pipeline(x):
    nums = (i for i in range(6))
    odd = (i for i in nums if i % 2)
    scaled = (x * i for i in odd)
    return sum(scaled)


@case
def unpacking_a_generator(x):
    a, *b, c = _count(4, x)
    return a + c, len(b), [*_count(2, x)], {*(i for i in range(2))}


@case
def generator_in_with(x, log):
    def gen():
        with _Log(log):
            yield x
            yield x + 1

    for t in gen():
        log.append("body")
    return t


class _Log:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append("enter")

    def __exit__(self, *a):
        self.log.append("exit")


@case
def generator_attributes(x):
    g = _count(2, x)
    y = next(g)
    return y + 1, g.__name__, g.gi_frame is None, g.gi_running
