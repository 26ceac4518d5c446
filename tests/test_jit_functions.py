"""Scripted calls of functions that PyTorch writes in Python: overloads, flags that decide the result's type, defaults."""

import unittest

import framejit
from framejit import jit
from framejit.nn import functional as F

X, Y = framejit.randn(4, 4), framejit.randn(4, 4)
IMAGE = framejit.randn(2, 3, 8, 8)


def run(text, *args):
    return jit.CompilationUnit(f"def f({', '.join('xyz'[: len(args)])}):\n    return {text}").f(*args)


class Scripted(unittest.TestCase):
    def same(self, got, want):
        if isinstance(want, tuple):
            self.assertIsInstance(got, tuple)
            self.assertEqual(len(got), len(want))
            for g, w in zip(got, want):
                self.same(g, w)
        else:
            self.assertEqual((got.shape, got.dtype), (want.shape, want.dtype))
            self.assertTrue(framejit.allclose(got, want, rtol=1e-4, atol=1e-5))

    def check(self, text, *args):
        """The scripted call gives what the plain call gives."""
        with self.subTest(text):
            want = eval(text, {"framejit": framejit, "F": F, **dict(zip("xyz", args))})
            self.same(run(text, *args), want)

    def test_tensordot(self):
        for dims in ("1", "2", "[[1], [0]]", "([1], [0])", "dims=0"):
            self.check(f"framejit.tensordot(x, y, {dims})", X, Y)
        self.check("framejit.tensordot(x, y, z)", X, Y, framejit.tensor([[1, 0], [0, 1]]))
        with self.assertRaisesRegex(Exception, "dims < ndim"):
            run("framejit.tensordot(x, y, 5)", X, Y)

    def test_norm(self):
        for rest in (
            "",
            ", dim=-1",
            ", 2, -1, True",
            ", p='fro'",
            ", 'nuc'",
            ", p=1, dim=[0, 1]",
            ", dtype=framejit.float64",
        ):
            self.check(f"framejit.norm(x{rest})", X)

    def test_unique(self):
        x = framejit.tensor([3, 1, 1, 2, 3, 3])
        for flags in ("", ", return_inverse=True", ", return_counts=True", ", True, True, True", ", dim=0"):
            self.check(f"framejit.unique(x{flags})", x)
            if ", True, True, True" not in flags:
                self.check(f"framejit.unique_consecutive(x{flags})", x)

    def test_flags_are_constants(self):
        with self.assertRaisesRegex(RuntimeError, "constant bool"):
            jit.CompilationUnit("def f(x, b: bool):\n    return framejit.unique(x, return_inverse=b)")

    def test_pools_with_indices(self):
        for n, x in ((1, IMAGE[0]), (2, IMAGE), (3, IMAGE)):
            self.check(f"F.max_pool{n}d(x, 2)", x)
            self.check(f"F.max_pool{n}d(x, 2, return_indices=True)", x)
            self.check(f"F.adaptive_max_pool{n}d(x, 2, True)", x)
        values, places = F.max_pool2d(IMAGE, 2, return_indices=True)
        self.check("F.max_unpool2d(x, y, 2)", values, places)
        self.check("F.max_unpool2d(x, y, 2, output_size=[2, 3, 8, 8])", values, places)
        with self.assertRaisesRegex(Exception, "invalid output_size"):
            run("F.max_unpool2d(x, y, 2, output_size=[20, 8])", values, places)
        samples = framejit.rand(2, 3, 2)
        self.check("F.fractional_max_pool2d(x, 3, output_ratio=0.5, _random_samples=y)", IMAGE, samples)
        self.check("F.fractional_max_pool2d(x, 3, [4, 5], None, True, y)", IMAGE, samples)

    def test_layers(self):
        weight = framejit.randn(10, 3)
        self.check("F.embedding_bag(x, y)", framejit.tensor([[0, 2], [4, 9]]), weight)
        self.check("F.embedding_bag(x, y, z, mode='max')", framejit.tensor([0, 2, 4]), weight, framejit.tensor([0, 1]))
        self.check(
            "F.embedding_bag(x, y, per_sample_weights=z, mode='sum')",
            framejit.tensor([[0, 2]]),
            weight,
            framejit.rand(1, 2),
        )
        self.check("F.upsample(x, scale_factor=2.0)", IMAGE)
        self.check("F.lp_pool3d(x.abs(), 2.0, 2)", IMAGE)
        self.check("F.conv_tbc(x, y, z, 1)", framejit.randn(5, 2, 3), framejit.randn(3, 3, 4), framejit.randn(4))
        self.check("F.affine_grid(x, framejit.Size([2, 1, 3, 3]), align_corners=False)", framejit.randn(2, 2, 3))

    def test_spectra(self):
        for rest in ("", ", center=False", ", onesided=False, hop_length=2", ", normalized=True, window=y"):
            self.check(f"framejit.stft(x, 8, return_complex=True{rest})", framejit.randn(32), framejit.hann_window(8))

    def test_old_reductions(self):
        target = framejit.tensor([0, 1, 2, 0])
        for name, y in (
            ("mse_loss", Y), ("l1_loss", Y), ("smooth_l1_loss", Y), ("soft_margin_loss", Y.sign()), ("cross_entropy", target),
            ("multi_margin_loss", target), ("multilabel_soft_margin_loss", Y.sigmoid()), ("kl_div", Y.softmax(1)),
            ("multilabel_margin_loss", framejit.tensor([[0, -1, 0, 0]] * 4)),
        ):  # fmt: skip
            for flags in ("", ", size_average=False", ", reduce=False", ", reduction='sum'", ", reduction='none'"):
                self.check(f"F.{name}(x, y{flags})", X, y)

    def test_weighted(self):
        for name in ("mse_loss", "l1_loss", "huber_loss"):
            for reduction in ("mean", "sum", "none"):
                self.check(f"F.{name}(x, y, weight=z, reduction='{reduction}')", X, Y, framejit.rand(4, 4))

    def test_autograd(self):
        unit = jit.CompilationUnit('''
            def gradient(x, y):
                x = x.detach().requires_grad_(True)
                return framejit.autograd.grad([(x @ y).sum()], [x])[0]

            def second(x):
                x = x.detach().requires_grad_(True)
                ones: List[Optional[Tensor]] = [framejit.ones_like(x)]
                g = framejit.autograd.grad([x ** 3], [x], ones, create_graph=True)[0]
                assert g is not None
                return framejit.autograd.grad([g.sum()], [x])[0]

            def unused(x, y):
                x = x.detach().requires_grad_(True)
                y = y.detach().requires_grad_(True)
                return framejit.autograd.grad([x.sum()], [y, x], allow_unused=True)[0] is None

            def backward(x):
                x = x.detach().requires_grad_(True)
                framejit.autograd.backward([(x * x).sum()])
                return x.grad
        ''')  # fmt: skip
        self.same(unit.gradient(X, Y), framejit.ones(4, 4) @ Y.t())
        self.same(unit.second(X), 6 * X)
        self.assertIs(unit.unused(X, Y), True)
        self.same(unit.backward(X), 2 * X)


class Unit(unittest.TestCase):
    def test_functions_call_each_other(self):
        unit = jit.CompilationUnit("def a(x, n: int = 2):\n    return x + n\ndef b(x):\n    return a(a(x), 5)")
        self.assertEqual(unit.b(framejit.zeros(2)).tolist(), [7, 7])
        self.assertEqual(sorted(f.name for f in unit.get_functions()), ["a", "b"])
        self.assertIsNone(unit.find_function("c"))
        unit.define("def c(x):\n    return b(x) * 2")
        self.assertEqual(unit.c(framejit.zeros(2)).tolist(), [14, 14])
        self.assertRaisesRegex(AttributeError, "has no attribute 'd'", lambda: unit.d)

    def test_types(self):
        unit = jit.CompilationUnit("""
            def f(x, d, n=3):
                # type: (Tensor, Dict[str, int], int) -> Optional[Tensor]
                if "a" in d:
                    return x + d["a"] + n
                return None
        """)
        self.assertEqual(unit.f(framejit.zeros(1), {"a": 1}).tolist(), [4])
        self.assertIsNone(unit.f(framejit.zeros(1), {"b": 1}))

    def test_errors(self):
        unit = jit.CompilationUnit("def f(x):\n    return x")
        for text, message in (
            ("def f(x):\n    return x + 1", "already defined"),
            ("x = 1", "no definition of a function"),
            ("def g(x) return", "cannot be read"),
            ("def g(x):\n    return nothing(x)", "nothing"),
            ("def g(x, n=len('a')):\n    return x", "must be a constant"),
            ("def ok(x):\n    return x\ndef g(x):\n    return x.no_such()", "no_such"),
        ):
            with self.subTest(text), self.assertRaisesRegex(RuntimeError, message):
                unit.define(text)
        self.assertEqual([f.name for f in unit.get_functions()], ["f"])

    def test_compiled_and_saved(self):
        import io

        unit = jit.CompilationUnit("def f(x):\n    return framejit.norm(x, dim=-1) * 2")
        self.assertTrue(framejit.allclose(framejit.compile(unit.f, fullgraph=True)(X), unit.f(X)))
        file = io.BytesIO(unit.f.save_to_buffer())
        self.assertTrue(framejit.allclose(jit.load(file)(X), unit.f(X)))


if __name__ == "__main__":
    unittest.main()
