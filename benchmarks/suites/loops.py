"""Loops and side exits: what a round of a closed loop costs beside the compiled call of its body, what a branch on a
tensor's value costs beside the test itself, and how long a loop of 100,000 rounds takes to compile."""

import time

from benchmarks.harness import Row, interleaved, one_thread

ROUNDS = 1000


def rows(options):
    import framejit as fj

    one_thread(fj)
    count = 5 if options.quick else options.rounds
    x, one = fj.zeros(3), fj.ones(())

    def body(x, i):
        return x + i

    def loop(x, n):
        for i in range(n):
            x = x + i
        return x

    fast, whole = fj.compile(body), fj.compile(loop)
    for i in range(4):
        fast(x, i)
        whole(x, ROUNDS + i)
    times = interleaved({"loop": lambda: whole(x, ROUNDS), "call": lambda: fast(x, 7)}, count)
    ours, call = times["loop"] / ROUNDS * 1e6, times["call"] * 1e6
    target = "at most 1.2x a compiled call of its body"
    yield Row("loops", "a round of x = x + i", "us", ours, {"the call": call}, target, ours <= 1.2 * call)

    def branch(x):
        if x > 0:
            return 1
        return 2

    taken = fj.compile(branch)
    taken(one)
    times = interleaved({"branch": lambda: taken(one), "eager": lambda: branch(one)}, count)
    ours, plain = times["branch"] * 1e6, times["eager"] * 1e6
    yield Row("loops", "if x > 0 on a 0-d tensor", "us", ours, {"eager": plain}, "", None)

    def item(x):
        return x.item() + 1

    taken_item = fj.compile(item)
    taken_item(one)
    times = interleaved({"item": lambda: taken_item(one), "eager": lambda: item(one)}, count)
    yield Row("loops", "x.item() + 1", "us", times["item"] * 1e6, {"eager": times["eager"] * 1e6}, "", None)

    fresh = fj.compile(loop)
    began = time.thread_time()
    fresh(x, 100_000)
    first = time.thread_time() - began
    began = time.thread_time()
    fresh(x, 100_000)
    compiling = (first - (time.thread_time() - began)) * 1e3
    yield Row("loops", "compile a loop of 100,000 rounds", "ms", compiling, {}, "at most 20 ms", compiling <= 20)
