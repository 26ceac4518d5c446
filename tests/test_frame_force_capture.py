"""config.force_capture: everything below a compiled call is compiled. What ran inside segments is told by code object."""

import re
import unittest

from framejit import _C
from framejit.testing import _share


def numbers(n):
    for i in range(n):
        yield i * 2


def talker(log):
    got = None
    while True:
        try:
            got = yield (got, len(log))
            log.append(got)
        except ValueError as error:
            log.append(str(error))
            yield "caught"
        finally:
            log.append("finally")


def delegating(log):
    result = yield from talker(log)
    log.append(result)


def closing():
    with_state = []
    try:
        yield with_state
        yield 2
    finally:
        with_state.append("closed")


def repl(match):
    text = match.group(0)
    return text.upper() + str(len(text))


class Reversed(type):
    def mro(cls):
        order = type.mro(cls)
        order.reverse()
        return order


def drive(generator, log):
    log.append(next(generator))
    log.append(generator.send(5))
    log.append(generator.throw(ValueError("thrown")))
    log.append(next(generator))
    log.append(generator.gi_frame.f_code is generator.gi_code)
    generator.close()
    return log


class ForceCaptureTest(unittest.TestCase):
    def setUp(self):
        before = _C._flags()["force_capture"]
        _C._set_flag("force_capture", True)
        self.addCleanup(_C._set_flag, "force_capture", before)
        _C.reset()

    def check(self, function, make_args=tuple, calls=3):
        for _ in range(calls):
            expected = function(*make_args())
            self.assertEqual(_C.CompiledFunction(function)(*make_args()), expected)
        compiled = _C.CompiledFunction(function)
        for _ in range(calls):
            self.assertEqual(compiled(*make_args()), function(*make_args()))

    def inside(self, function):
        return _share.accounts(_C._ledger()).get(_share.key_of(function.__code__), {}).get("inside", 0)

    def test_a_function_that_c_code_calls(self):
        self.check(lambda: re.compile("[an]+").subn(repl, "banana split and nan"))
        self.assertGreater(self.inside(repl), 0)

    def test_generators_from_outside(self):
        def total(generator):
            found = []
            for x in generator:
                found.append(x + 1)
            return found

        self.check(total, lambda: (numbers(6),))
        self.assertGreater(self.inside(numbers), 0)

    def test_send_throw_and_close(self):
        def make():
            log = []
            return talker(log), log

        self.check(drive, make)
        self.assertGreater(self.inside(talker), 0)

    def test_yield_from(self):
        def make():
            log = []
            return delegating(log), log

        self.check(drive, make)

    def test_a_generator_that_is_let_go(self):
        def first(generator):
            state = next(generator)
            del generator
            return state

        self.check(first, lambda: (closing(),))

    def test_an_exception_from_a_generator(self):
        def broken():
            yield 1
            yield [].pop()

        def consume(generator):
            found = []
            try:
                for x in generator:
                    found.append(x)
            except IndexError as error:
                found.append(str(error))
            return found, list(generator)

        self.check(consume, lambda: (broken(),))

    def test_values_that_differ_past_the_limit(self):
        def fill(table, keys):
            for key in keys:
                table[key] = len(table)
            return table

        class Key:
            pass

        keys = [Key() for _ in range(40)]
        self.check(fill, lambda: ({}, keys))
        self.check(fill, lambda: ({}, [str(i) for i in range(40)]))

    def test_a_class_without_its_order(self):
        def make():
            class Made(metaclass=Reversed):
                pass

            return [c.__name__ for c in Made.__mro__]

        self.check(make)

    def test_off(self):
        _C._set_flag("force_capture", False)
        _C.CompiledFunction(lambda: re.compile("[an]+").subn(repl, "banana"))()
        self.assertEqual(self.inside(repl), 0)


class ShareTest(unittest.TestCase):
    def test_more_in_one_function_hides_nothing_in_another(self):
        share = _share.Share()
        counter = lambda **n: {"unit": {}, "rest": {}, **n}
        told = {"a": counter(inside=100), "b": counter(inside=1, unit={"native_call": 2}, rest={"handler": 1})}
        share.add({"a": 10, "b": 10, "c": 5, "d (generator)": 1}, told)
        self.assertEqual((share.executed, share.inside), (26, 11))
        expected = {"native_call": 2, "handler": 7, "not_reached": 5, "generator_function": 1}
        self.assertEqual(dict(share.reasons), expected)

    def test_counter_counts_callees_alone(self):
        def inner():
            return 1

        def outer():
            return inner() + inner()

        counter = _share.Counter()
        self.assertEqual(counter.wrap(outer)(), 2)
        counts = counter.counts()
        self.assertEqual(set(counts), {_share.key_of(inner.__code__), _share.key_of(outer.__code__)})
        self.assertGreaterEqual(counts[_share.key_of(inner.__code__)], 2)  # one instruction a call from 3.12 on

    def test_counter_counts_a_first_call_like_any_other(self):
        def loop(n):
            for i in range(n):
                n += i
            return n

        counter, totals = _share.Counter(), []
        for _ in range(2):
            self.assertEqual(counter.wrap(loop)(10), 55)
            totals.append(counter.counts()[_share.key_of(loop.__code__)])
        loop(10)
        self.assertGreater(totals[0], 50)
        self.assertEqual(totals[1], 2 * totals[0])
        self.assertEqual(counter.counts().total(), totals[1])


if __name__ == "__main__":
    unittest.main()
