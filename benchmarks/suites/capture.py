"""What capture costs besides the tensor work: hits, guards of a large model, specialisations, breaks, tracing.

Each row is CPU time of the calling thread. A row that is about an overhead gives the difference to the plain call that
is named, timed in turns with it. Graphs are either empty or handed to a back end that returns a result it holds, so
that no kernel is measured.
"""

import statistics
import subprocess
import sys
import time

from benchmarks.harness import Row, interleaved, one_thread

LAYERS = 100


def difference(case, contenders, options, target, minus, note="", scale=1e6, unit="us", slice_seconds=0.004):
    """First contender minus the named ones, against `target`."""
    times = interleaved(contenders, 5 if options.quick else options.rounds, slice_seconds)
    names = list(contenders)
    ours = (times[names[0]] - sum(times[name] for name in minus)) * scale
    whole = {name: value * scale for name, value in times.items()}
    said = ", ".join(f"{name} {value:.3g} {unit}" for name, value in whole.items())
    return Row("capture", case, unit, ours, {}, f"at most {target} {unit}", ours <= target, note or said)


def stub_backend(results):
    """A back end whose compiled function returns what it holds, whatever the inputs; `results` remembers a call."""

    def backend(graph, inputs):
        held = []

        def run(*inputs):
            if not held:
                held.append(graph(*inputs))
                results["inputs"] = inputs
                results["run"] = run
            return held[0]

        return run

    return backend


def hit(fj, options):
    def f(x, y):
        return x.dtype is y.dtype and x.shape == y.shape

    def nothing(x, y):
        return True

    x, y = fj.ones(3), fj.ones(3)
    fast = fj.compile(f)
    assert fast(x, y) is True
    contenders = {"compiled": lambda: fast(x, y), "an empty function": lambda: nothing(x, y)}
    return difference(
        "hit: two tensors guarded, empty graph, over a call", contenders, options, 0.15, ["an empty function"]
    )


def large_model(fj, options):
    nn = fj.nn
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(LAYERS)])
    results = {}
    fast = fj.compile(model, backend=stub_backend(results))
    x = fj.ones(2, 4)
    with fj.no_grad():
        fast(x)
        run, inputs = results["run"], results["inputs"]
        contenders = {"compiled": lambda: fast(x), "its back end's function": lambda: run(*inputs)}
        return difference(
            f"guards and dispatch of {LAYERS} Linear layers", contenders, options, 3, ["its back end's function"]
        )


def many_specialisations(fj, options, count=10):
    from framejit.dynamo import config

    def f(x):
        return x.shape[0] * x.shape[1]

    tensors = [fj.ones(n + 2, 3) for n in range(count)]
    limit, config.recompile_limit = config.recompile_limit, count
    try:
        fast, alone = (fj.compile(lambda x: f(x), dynamic=False) for _ in range(2))
        alone(tensors[0])
        for t in tensors:
            fast(t)
        first, last = tensors[0], tensors[-1]
        contenders = {"tenth": lambda: fast(last), "only one": lambda: alone(first), "first": lambda: fast(first)}
        times = interleaved(contenders, 5 if options.quick else options.rounds)
    finally:
        config.recompile_limit = limit
    ratio = times["tenth"] / times["only one"]
    note = ", ".join(f"{name} {value * 1e6:.3g} us" for name, value in times.items())
    return Row("capture", "the tenth specialisation to the first", "x", ratio, {}, "at most 1.3 x", ratio <= 1.3, note)


def break_and_return(fj, options):
    @fj.dynamo.disable
    def stop():
        return None

    def f(x):
        a = x.shape[0]
        stop()
        return a

    def whole(x):
        return x.shape[0]

    x = fj.ones(3)
    fast, straight = fj.compile(f), fj.compile(whole)
    for _ in range(3):
        fast(x), straight(x)
    contenders = {"compiled": lambda: fast(x), "without the call": lambda: straight(x), "the call": stop}
    minus = ["without the call", "the call"]
    return difference("a break and return, over the call itself", contenders, options, 0.3, minus)


def first_and_second(fj, model, x, backend):
    fj.dynamo.reset()
    fast = fj.compile(model, backend=backend)
    times = []
    for _ in range(2):
        began = time.thread_time()
        fast(x)
        times.append(time.thread_time() - began)
    return times[0] - times[1]


def tracing(fj, options):
    """What the first call costs more than the second: with a back end that replays the graph, and with the default."""
    nn = fj.nn
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(LAYERS)])
    x = fj.ones(2, 4)
    taken = {"eager": [], "inductor": []}
    with fj.no_grad():
        for _ in range(5 if options.quick else 21):
            for backend, samples in taken.items():
                samples.append(first_and_second(fj, model, x, backend) * 1e3)
    graph, whole = (statistics.median(samples) for samples in taken.values())
    note = f"{whole:.3g} ms with the graph compiled"
    case = f"tracing {LAYERS} Linear layers to a graph"
    return Row("capture", case, "ms", graph, {}, "at most 15 ms", graph <= 15, note)


UNCOMPILED = """
import sys, time
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)
def work():
    v = Vector(0, 0)
    for i in range(2000):
        v = v + Vector(i, 1)
    return fib(16), v.x
if sys.argv[1] == "with":
    import framejit as fj
    f = fj.compile(lambda x: (x + 1, len(repr(x)))[0])
    for n in range(3):
        f(fj.ones(3))
work(), work()
best = []
for _ in range(int(sys.argv[2])):
    began = time.thread_time()
    work()
    best.append(time.thread_time() - began)
print(min(best))
"""


def uncompiled(options):
    """Fresh processes in turns, the best of each: what is not compiled must not notice that framejit is there."""
    samples = {"with": [], "without": []}
    for _ in range(3 if options.quick else 9):
        for which in samples:
            command = [sys.executable, "-c", UNCOMPILED, which, "40"]
            samples[which].append(
                float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
            )
    ratio = min(samples["with"]) / min(samples["without"])
    return Row("capture", "code that is not compiled", "x", ratio, {}, "at most 1.02", ratio <= 1.02)


def rows(options):
    import framejit as fj

    one_thread(fj)
    yield hit(fj, options)
    yield large_model(fj, options)
    yield many_specialisations(fj, options)
    yield break_and_return(fj, options)
    yield tracing(fj, options)
    yield uncompiled(options)
