"""2*sin(x) + exp(-y*y) on 1e5 float32, one thread, a fresh output each call."""

from benchmarks.harness import compare, machine, one_thread, peer


def rows(options):
    import framejit as fj
    import numpy as np

    torch = peer("torch")
    one_thread(fj, torch)
    n = 100_000
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal(n).astype(np.float32) for _ in range(2))
    x, y = fj.from_numpy(a), fj.from_numpy(b)

    def f(x, y):
        return 2 * fj.sin(x) + fj.exp(-y * y)

    fast = fj.compile(f)
    expected = 2 * np.sin(a) + np.exp(-b * b)
    np.testing.assert_allclose(fast(x, y).numpy(), expected, rtol=1e-5, atol=1e-6)
    contenders = {"compiled": lambda: fast(x, y), "numpy": lambda: 2 * np.sin(a) + np.exp(-b * b)}
    if torch:
        tx, ty = torch.from_numpy(a), torch.from_numpy(b)
        contenders["torch eager"] = lambda: 2 * torch.sin(tx) + torch.exp(-ty * ty)
    contenders["framejit eager"] = lambda: f(x, y)
    factor = 4 if machine()["isa"].lower().replace("-", "") == "avx512" else 2

    def meets(ours, peers):
        return all(value >= factor * ours for name, value in peers.items() if name != "framejit eager")

    target = f"at least {factor}x faster than numpy and torch eager"
    yield compare("pointwise", "2*sin(x)+exp(-y*y), 1e5 float32", contenders, options, target=target, meets=meets)
