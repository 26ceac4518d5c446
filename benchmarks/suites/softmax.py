"""Row softmax of a 1024 x 1024 float32 matrix, one thread, a fresh output each call."""

from benchmarks.harness import compare, one_thread, peer


def rows(options):
    import framejit as fj
    import numpy as np

    torch = peer("torch")
    one_thread(fj, torch)
    a = np.random.default_rng(0).standard_normal((1024, 1024)).astype(np.float32)
    x = fj.from_numpy(a)

    def numpy_softmax():
        e = np.exp(a - a.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    fast = fj.compile(lambda x: fj.softmax(x, 1))
    np.testing.assert_allclose(fast(x).numpy(), numpy_softmax(), rtol=1e-4, atol=1e-7)
    contenders = {"compiled": lambda: fast(x), "framejit eager": lambda: fj.softmax(x, 1), "numpy": numpy_softmax}
    if torch:
        tx = torch.from_numpy(a)
        contenders["torch eager"] = lambda: torch.softmax(tx, 1)

    def meets(ours, peers):
        return ours <= 1.02 * peers["torch eager"] if torch else None

    target = "not slower than torch eager"
    yield compare("softmax", "softmax(x, 1), 1024 x 1024 float32", contenders, options, target=target, meets=meets)
