"""Single eager ops on small tensors and on 1e5 elements, one thread, against eager torch: the median over 40 ops."""

import statistics

from benchmarks.harness import Row, interleaved, one_thread, peer

SMALL, LARGE = (8,), (250, 400)

# One line an op: what it is called with, given the module m and float tensors a, b of the size, positive c, integer i.
OPS = {
    "add": "a + b",
    "add number": "a + 2",
    "sub": "a - b",
    "mul": "a * b",
    "div": "a / c",
    "neg": "-a",
    "abs": "a.abs()",
    "pow 2": "a ** 2",
    "sqrt": "c.sqrt()",
    "rsqrt": "c.rsqrt()",
    "exp": "a.exp()",
    "log": "c.log()",
    "sin": "a.sin()",
    "tanh": "a.tanh()",
    "sigmoid": "a.sigmoid()",
    "relu": "m.relu(a)",
    "gelu": "m.nn.functional.gelu(a)",
    "silu": "m.nn.functional.silu(a)",
    "softmax": "m.softmax(a, -1)",
    "log_softmax": "m.log_softmax(a, -1)",
    "clamp": "a.clamp(-1, 1)",
    "maximum": "m.maximum(a, b)",
    "where": "m.where(mask, a, b)",
    "eq": "a == b",
    "lt": "a < b",
    "floor": "a.floor()",
    "sum": "a.sum()",
    "sum dim": "a.sum(-1)",
    "mean": "a.mean()",
    "max": "a.max()",
    "argmax": "a.argmax(-1)",
    "var": "a.var()",
    "int add": "i + i",
    "int floor divide": "i // 7",
    "int to float": "i.to(m.float32)",
    "float to int": "a.to(m.int64)",
    "clone": "a.clone()",
    "reshape": "a.reshape(-1)",
    "cat": "m.cat([a, b])",
    "transpose copy": "a.mT.contiguous() if a.dim() > 1 else a.unsqueeze(0).mT.contiguous()",
    "cumsum": "a.cumsum(-1)",
    "index": "a[1:]",
    "zeros": "m.zeros(8)",
    "matmul": "a @ a.mT if a.dim() > 1 else a @ a",
}


def arguments(module, shape):
    import numpy as np

    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))
    arrays = {"a": a, "b": b, "c": np.abs(a) + 0.5, "i": rng.integers(1, 100, shape), "mask": a > b}
    return {name: module.from_numpy(array) for name, array in arrays.items()} | {"m": module}


def one_size(fj, torch, shape, options, show):
    ours, theirs = arguments(fj, shape), arguments(torch, shape)
    ratios = {}
    for name, text in OPS.items():
        code = compile(f"lambda: {text}", name, "eval")
        try:
            times = interleaved(
                {"ours": eval(code, ours), "torch": eval(code, theirs)}, 3 if options.quick else 7, 0.001
            )
        except (AttributeError, TypeError, RuntimeError, NotImplementedError) as e:
            print(f"{name}: {type(e).__name__}: {e}")
            continue
        ratios[name] = times["ours"] / times["torch"]
        if show:
            print(f"  {name:18} {times['ours'] * 1e6:8.3f} us   torch {times['torch'] * 1e6:8.3f}   {ratios[name]:.2f}")
    return ratios


def rows(options):
    import framejit as fj

    torch = peer("torch")
    if not torch:
        return
    one_thread(fj, torch)
    for shape, case, limit in ((SMALL, "8 elements", 0.6), (LARGE, "1e5 elements", 1.0)):
        ratios = one_size(fj, torch, shape, options, True)
        median = statistics.median(ratios.values())
        slow = [name for name, ratio in ratios.items() if ratio > 1]
        yield Row(
            "eager",
            f"{len(ratios)} eager ops, {case}: time over torch's",
            "x",
            median,
            {},
            f"median at most {limit}",
            median <= limit,
            "slower than torch: " + (", ".join(slow) or "none"),
        )
