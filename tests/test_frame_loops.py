"""Loops that are closed into a segment that runs again, iterators from outside, numbers that vary."""

import _thread
import contextlib
import io
import signal
import threading
import time
import unittest

import framejit
from framejit import _C


def opaque(v):
    return v


opaque._framejit_disable = True


def counted(x, n):
    for i in range(n):
        x = x + i
    return x


def stepped(x, n):
    for i in range(3, 3 * n, 3):
        x = x + i
    else:
        x = x * 2
    return x, i


def while_counts(x, n):
    i = j = 0
    while i < n:
        x = x + i
        i += 1
        j -= i // 2
    return x, i, j


def while_floats(x, n):
    t, dt = 0.0, 0.5
    while t <= n / 2:
        x = x * 0.5 + t
        t += dt
    return x, t


def leaves(x, n):
    for i in range(n):
        if i == 90:
            break
        if i % 3 == 1:
            continue
        x = x + i
    else:
        x = x * 0
    return x, i


def over_list(x, n):
    for v in [float(k) for k in range(n)]:
        x = x + v
    return x


def over_argument(x, n, values):
    total = 0
    for v in values:
        total += 1
        x = x + v
    return x, total


def over_dict(x, n, table):
    last = None
    for k, v in table.items():
        x = x + v
        last = k
    for v in table.values():
        x = x - v
    return x, last


def zipped(x, n, values):
    for i, (a, b) in enumerate(zip(values, range(1000)), 1):
        x = x + a * i + b
    return x, i


def nested(x, n):
    count = 0
    for i in range(n):
        for j in range(i % 4):
            x = x + j
            count += 1
        k = 0
        while k < 2:
            k += 1
            x = x - k
    return x, count


def texts(x, n):
    total, out = 0, []
    for i in range(n):
        x = x + i
        total += i
        if i % 25 == 0:
            out.append(f"step {i}: {total:5d} {total / 7:.2f} {-i}")
            print("step", i, str(total))
    return x, out


def breaks_each_round(x, n):
    for i in range(n):
        x = x + opaque(i)
        print(i, end=",")
    return x


def generator(n):
    for i in range(n):
        yield i * 2


def over_generator(x, n):
    for v in generator(n):
        x = x + v
    return x


def inner_loop(x, n):
    def run(y, k):
        for i in range(k):
            y = y + i
        return y * 2

    return run(x, n) + run(x, 3)


def raises(x, n):
    done = 0
    try:
        for i in range(n):
            x = x + 1 // (80 - i)
            done = i
    except ZeroDivisionError as e:
        done = (done, str(e))
    return x, done


def changes_list(x, n, values):
    for v in values:
        if len(values) < 120:
            values.append(v + 1)
        x = x + v
    return x, len(values)


def appends(x, n, values):
    for i in range(n):
        x = x + 1
        values.append(i)
        if i == n - 2:
            values.append(len(values))
    return x


def shared_iterator(x, n):
    it = iter(range(n))
    for a in it:
        x = x + a
        for b in zip(it, it):
            x = x - b[0] * b[1]
            if b[0] % 5 == 0:
                break
    return x, list(it)


def iterator_argument(x, n, it):
    for v in it:
        x = x + v
        if v > n - 5:
            break
    return x, next(it, None), next(it, "none")


def floats(x, n):
    best, seen = 1e9, []
    for i in range(n):
        loss = ((x - i) ** 2).sum().item()
        if loss < best:
            best = loss
            seen.append(i)
    return best, seen


def grows(x, n):
    product = 1
    for i in range(1, n):
        product *= i
    return x, product


def argument_sets():
    yield counted, lambda: ()
    yield stepped, lambda: ()
    yield while_counts, lambda: ()
    yield while_floats, lambda: ()
    yield leaves, lambda: ()
    yield over_list, lambda: ()
    yield over_argument, lambda: ([float(i) for i in range(80)],)
    yield over_argument, lambda: (tuple(range(80)),)
    yield over_argument, lambda: ([framejit.ones(3) * i for i in range(80)],)
    yield over_argument, lambda: (iter(range(80)),)
    yield over_argument, lambda: (generator(80),)
    yield over_dict, lambda: ({str(i): i for i in range(80)},)
    yield zipped, lambda: ([float(i) for i in range(80)],)
    yield nested, lambda: ()
    yield texts, lambda: ()
    yield breaks_each_round, lambda: ()
    yield over_generator, lambda: ()
    yield inner_loop, lambda: ()
    yield raises, lambda: ()
    yield changes_list, lambda: ([1.0, 2.0],)
    yield changes_list, lambda: ([float(i) for i in range(90)],)
    yield appends, lambda: ([],)
    yield shared_iterator, lambda: ()
    yield iterator_argument, lambda: (iter(list(range(100))),)
    yield iterator_argument, lambda: (iter(range(100)),)
    yield floats, lambda: ()
    yield grows, lambda: ()


def outcome(f, n, args):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            result = repr(f(framejit.zeros(3), n, *args))
        except Exception as e:
            result = repr(e)
    return result, repr(args[:1]) if args and not hasattr(args[0], "__next__") else "", out.getvalue()


class Loops(unittest.TestCase):
    maxDiff = None

    def test_equal_to_plain(self):
        for f, make in argument_sets():
            with self.subTest(f.__name__):
                compiled = _C.CompiledFunction(f)
                for n in (100, 100, 3, 0, 101):
                    if not n and f in (stepped, leaves):
                        continue
                    self.assertEqual(outcome(compiled, n, make()), outcome(f, n, make()), n)

    def test_one_segment_runs_again(self):
        for f in (counted, while_counts, inner_loop):
            with self.subTest(f.__name__):
                compiled = _C.CompiledFunction(f)
                compiled(framejit.zeros(3), 5000)
                compiled(framejit.zeros(3), 6000)
                before = _C.counters()
                compiled(framejit.zeros(3), 7000)
                after = _C.counters()
                self.assertEqual(after["traces"], before["traces"])
                self.assertLess(len(compiled._entries()), 10)

    def test_hundred_thousand_rounds(self):
        compiled = _C.CompiledFunction(counted)
        start = time.process_time()
        result = compiled(framejit.zeros(3, dtype=framejit.float64), 100_000)
        self.assertEqual(result.tolist(), [sum(range(100_000))] * 3)
        self.assertLess(time.process_time() - start, 5)  # 0.06 s on an idle machine; unrolled it takes minutes
        self.assertLess(sum(e["ops"] for e in compiled._entries()), 10)

    def test_a_loop_can_be_interrupted(self):
        compiled = _C.CompiledFunction(counted)
        # a job in the background of a shell begins with SIGINT ignored
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        threading.Timer(0.2, _thread.interrupt_main).start()
        with self.assertRaises(KeyboardInterrupt):
            for _ in range(1000):
                compiled(framejit.zeros(3), 1_000_000)


if __name__ == "__main__":
    unittest.main()
