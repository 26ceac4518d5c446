"""Transformations of functions inside compiled functions, against the peer's, which run as they are."""

import importlib.util
import unittest

HAVE_PEER = importlib.util.find_spec("torch") is not None
if HAVE_PEER:
    import framejit
    import torch


def plain(v):
    if isinstance(v, (tuple, list)):
        return [plain(x) for x in v]
    return v.detach().tolist()


def programs(lib):
    """name -> function of a matrix and a vector"""
    func = lib.func
    body = lambda a, b: ((a * b).tanh() * a.exp()).sum()  # noqa: E731
    vector = lambda a, b: (a * b).sin() * a.sum()  # noqa: E731

    def loop(a):
        for i in range(3):
            a = a * 0.5 + i
        return a.softmax(-1)

    def two_layers(x, w):
        return func.vmap(func.vmap(lambda a, b: a * b + a.sin(), in_dims=(None, 0)), in_dims=(0, None))(x, w)

    def norms(x, w):
        def step(a):
            a = a.clone()
            a.add_(w).mul_(2).mul_(w).div_(3)
            return a.norm(), lib.nn.functional.layer_norm(a, (3,))

        return func.vmap(step, out_dims=(0, 1))(x)

    one = lib.ones(3, dtype=lib.float64)
    along = lambda f, a, t=one: func.jvp(f, (a,), (t,))[1]  # noqa: E731
    wave = lambda a: a.sin() * a.sum()  # noqa: E731
    nested = {
        "jvp_jvp": lambda x, w: along(lambda a: along(wave, a), w),
        "jvp_jvp_jvp": lambda x, w: along(lambda a: along(lambda b: along(wave, b), a), w),
        "vmap_jvp": lambda x, w: func.vmap(lambda a: along(wave, a))(x),
        "vmap_tangents": lambda x, w: func.vmap(lambda t: along(wave, w, t))(x),
        "vmap_jvp_jvp": lambda x, w: func.vmap(lambda a: along(lambda b: along(wave, b), a))(x),
        "grad_jvp": lambda x, w: func.grad(lambda a: along(wave, a).sum())(w),
        "grad_tangent": lambda x, w: func.grad(lambda t: (along(wave, w, t) ** 2).sum())(x[0]),
        "jacrev_jvp": lambda x, w: func.jacrev(lambda a: along(wave, a))(w),
        "jacfwd_jvp": lambda x, w: func.jacfwd(lambda a: along(wave, a))(w),
        "jacfwd_jacfwd": lambda x, w: func.jacfwd(func.jacfwd(wave))(w),
        "jacrev_jacfwd": lambda x, w: func.jacrev(func.jacfwd(wave))(w),
        "jvp_aux": lambda x, w: func.jvp(lambda a: (wave(a), a * 2), (w,), (x[0],), has_aux=True),
    }
    return {
        **nested,
        "vmap": lambda x, w: func.vmap(vector, in_dims=(0, None))(x, w),
        "loop": lambda x, w: func.vmap(loop)(x),
        "layers": two_layers,
        "norms": norms,
        "grad": lambda x, w: func.grad(body, argnums=(0, 1))(x[0], w),
        "per_sample": lambda x, w: func.vmap(func.grad_and_value(body), in_dims=(0, None))(x, w),
        "vjp": lambda x, w: func.vjp(vector, x[0], w)[1](w),
        "jvp": lambda x, w: func.jvp(vector, (x[0], w), (w, x[1])),
        "jacrev": lambda x, w: func.jacrev(vector)(x[0], w),
        "jacfwd": lambda x, w: func.jacfwd(vector, argnums=1)(x[0], w),
        "hessian": lambda x, w: func.hessian(body)(x[0], w),
        "hessians": lambda x, w: func.vmap(func.hessian(body), in_dims=(0, None))(x, w),
        "third": lambda x, w: func.grad(lambda a: func.grad(lambda b: func.grad(body)(b, w).sum())(a).sum())(x[0]),
        "product": lambda x, w: func.jvp(func.grad(lambda a: body(a, w)), (x[0],), (w,)),
        "matrix": lambda x, w: func.vmap(lambda a: lib.linalg.solve(lib.outer(a, a) + lib.eye(3, dtype=a.dtype), w))(x),
        "indexed": lambda x, w: func.vmap(lambda a, i: a[i] + lib.where(a > 0, a, w))(x, lib.tensor([0, 2])),
    }


def inputs(lib):
    x = lib.tensor([[0.3, -0.7, 1.1], [0.2, 0.9, -0.4]], dtype=lib.float64)
    return x, lib.tensor([0.1, 0.5, -0.2], dtype=lib.float64)


@unittest.skipUnless(HAVE_PEER, "the peer is not installed")
class FuncCompiledTest(unittest.TestCase):
    def close(self, a, b):
        if isinstance(a, list):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b):
                self.close(x, y)
        else:
            self.assertAlmostEqual(a, b, delta=1e-9 * max(1.0, abs(b)))

    def test_programs(self):
        peers = programs(torch)
        for name, ours in programs(framejit).items():
            with self.subTest(name):
                want = plain(peers[name](*inputs(torch)))
                compiled = framejit.compile(ours, fullgraph=True)
                for function in (ours, compiled, compiled):
                    self.close(plain(function(*inputs(framejit))), want)

    def test_gradients_of_programs(self):
        peers = programs(torch)
        for name, ours in programs(framejit).items():
            with self.subTest(name):
                want = self.gradient(torch, peers[name])
                for function in (ours, framejit.compile(ours)):
                    self.close(self.gradient(framejit, function), want)

    def gradient(self, lib, function):
        given = [t.clone().requires_grad_() for t in inputs(lib)]
        result = function(*given)
        parts = lib.utils._pytree.tree_leaves(result) if lib is torch else framejit.utils._pytree.tree_leaves(result)
        total = sum((p * (i + 1)).sum() for i, p in enumerate(parts))
        found = lib.autograd.grad(total, given, allow_unused=True)
        return [[0.0] if g is None else plain(g) for g in found]


if __name__ == "__main__":
    unittest.main()
