"""What one call costs: a compiled `x + 1` and an eager `x + y`, each with one element and a fresh result."""

from benchmarks.harness import compare, one_thread, peer


def at_most(factor):
    return lambda ours, peers: ours <= factor * peers["np.add"]


def rows(options):
    import framejit as fj
    import numpy as np

    torch = peer("torch")
    one_thread(fj, torch)
    a, b = np.ones(1, np.float32), np.ones(1, np.float32)
    x, y = fj.ones(1), fj.ones(1)
    add = np.add

    def plus_one(x):
        return x + 1

    fast = fj.compile(plus_one)
    fast(x)
    contenders = {"framejit": lambda: fast(x), "np.add": lambda: add(a, 1)}
    eager = {"framejit": lambda: x + y, "np.add": lambda: add(a, b)}
    if torch:
        tx, ty = torch.ones(1), torch.ones(1)
        contenders["torch eager"] = lambda: tx + 1
        eager["torch eager"] = lambda: tx + ty
    target = "at most 1.5x np.add, reach for 1x"
    yield compare("calls", "compiled x + 1, one element", contenders, options, target=target, meets=at_most(1.5))
    yield compare("calls", "eager x + y, one element", eager, options, target="at most 1.5x np.add", meets=at_most(1.5))
