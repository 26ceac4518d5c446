"""autograd.functional against the peer: values, structure, and the errors of strict mode and bad arguments."""

import importlib.util
import unittest

HAVE_PEER = importlib.util.find_spec("torch") is not None
if HAVE_PEER:
    import framejit
    import framejit.autograd.functional
    import torch
    import torch.autograd.functional


def plain(v):
    if isinstance(v, (tuple, list)):
        return [plain(x) for x in v]
    return v.detach().tolist() if hasattr(v, "detach") else v


def outcome(lib, name, function, *args, **kwargs):
    try:
        return plain(getattr(lib.autograd.functional, name)(function, *args, **kwargs))
    except Exception as e:  # noqa: BLE001
        return type(e).__name__


def tensors(lib):
    x = lib.tensor([0.3, -0.7, 1.1], dtype=lib.float64)
    w = lib.tensor([[0.1, 0.5, -0.2], [0.9, -0.4, 0.3]], dtype=lib.float64)
    return x, w


def vector(x, w):
    return (w @ x).tanh() * x.sum()


def scalar(x, w):
    return vector(x, w).pow(2).sum()


def two(x, w):
    return (w @ x).exp(), x.sum()


def independent(x, w):
    return x * 2


@unittest.skipUnless(HAVE_PEER, "the peer is not installed")
class FunctionalTest(unittest.TestCase):
    def check(self, name, function, make=lambda lib: (), **kwargs):
        with self.subTest(name=name, function=function.__name__, kwargs=kwargs):
            got, want = (outcome(lib, name, function, tensors(lib), *make(lib), **kwargs) for lib in (framejit, torch))
            self.close(got, want)

    def close(self, a, b):
        if isinstance(b, list):
            self.assertIsInstance(a, list)
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b):
                self.close(x, y)
        elif isinstance(b, float):
            self.assertAlmostEqual(a, b, places=9)
        else:
            self.assertEqual(a, b)

    def test_jacobian_and_hessian(self):
        for create_graph in (False, True):
            for function in (vector, scalar, two, independent):
                self.check("jacobian", function, create_graph=create_graph)
            self.check("hessian", scalar, create_graph=create_graph)
            self.check("hessian", vector)
        self.check("jacobian", independent, strict=True)
        self.check("hessian", lambda x, w: (x * w[0]).sum(), strict=True)

    def test_products(self):
        ones = lambda lib: ((lib.ones(2, dtype=lib.float64), lib.tensor(2.0, dtype=lib.float64)),)  # noqa: E731
        inputs = lambda lib: ((lib.arange(3.0, dtype=lib.float64), lib.ones(2, 3, dtype=lib.float64)),)  # noqa: E731
        for create_graph in (False, True):
            self.check("vjp", two, ones, create_graph=create_graph)
            self.check("jvp", two, inputs, create_graph=create_graph)
            self.check("hvp", scalar, inputs, create_graph=create_graph)
            self.check("vhp", scalar, inputs, create_graph=create_graph)
        self.check("vjp", scalar)
        self.check("vjp", vector)
        self.check("jvp", vector)
        self.check("vjp", vector, lambda lib: (lib.ones(5),))
        self.check("hvp", vector, inputs)
        self.check("vhp", independent, inputs, strict=True)


if __name__ == "__main__":
    unittest.main()
