"""Operators of one's own: framejit.library and framejit.ops, eager, compiled and differentiated."""

import unittest

import framejit
from framejit import library
from framejit.library import Library, custom_op

X = framejit.arange(3.0)


class LibraryTest(unittest.TestCase):
    def setUp(self):
        self.lib = Library("surface_test", "FRAGMENT")
        self.addCleanup(self.lib._destroy)

    def check(self, f, *args, **settings):
        expected = f(*args)
        for backend in (None, "eager", "aot_eager"):
            self.assertEqual(framejit.compile(f, backend=backend, **settings)(*args).tolist(), expected.tolist())
        return expected

    def test_define_and_impl(self):
        self.assertEqual(self.lib.define("twice(Tensor a) -> (Tensor, Tensor)"), "twice")
        with self.assertRaises(NotImplementedError):
            framejit.ops.surface_test.twice(X)
        self.lib.impl("twice", lambda a: (a + a, a), "CPU")
        self.lib.impl("twice", lambda a: 1 / 0, "Meta")

        def f(x):
            b, c = framejit.ops.surface_test.twice(x)
            return framejit.ops.surface_test.twice.default(b)[0] + c

        self.assertEqual(self.check(f, X, fullgraph=True).tolist(), [0.0, 5.0, 10.0])

    def test_functions_and_scoped_library(self):
        with library._scoped_library("surface_scoped", "FRAGMENT") as lib:
            library.define("surface_scoped::foo", "(Tensor x) -> Tensor", lib=lib)

            @library.impl("surface_scoped::foo", "CompositeImplicitAutograd", lib=lib)
            def foo(x):
                return x.sin() + 1

            self.check(lambda x: framejit.ops.surface_scoped.foo(x) * 2, X, fullgraph=True)
        with self.assertRaises(AttributeError):
            framejit.ops.surface_scoped.foo(X)

    def test_custom_op_with_its_own_derivative(self):
        @custom_op("surface_test::step", mutates_args=())
        def step(x: framejit.Tensor, height: float) -> framejit.Tensor:
            return framejit.where(x > 1, x * 0 + height, x * 0)

        self.addCleanup(library._remove, "surface_test", "step")
        step.register_autograd(lambda ctx, grad: (grad * 7, None))

        def f(x):
            return step(x, 2.5).sum()

        for run in (f, framejit.compile(f)):
            x = X.clone().requires_grad_()
            out = run(x)
            self.assertEqual(out.item(), 2.5)
            out.backward()
            self.assertEqual(x.grad.tolist(), [7.0, 7.0, 7.0])

    def test_kernel_that_cannot_be_captured(self):
        @custom_op("surface_test::through_numpy", mutates_args=())
        def through_numpy(x: framejit.Tensor) -> framejit.Tensor:
            return framejit.from_numpy(x.numpy() * 3)

        self.addCleanup(library._remove, "surface_test", "through_numpy")
        self.assertEqual(self.check(lambda x: through_numpy(x + 1) - 1, X).tolist(), [2.0, 5.0, 8.0])

    def test_aten(self):
        aten = framejit.ops.aten
        self.assertEqual(aten.add.Tensor(X, X).tolist(), (X + X).tolist())
        self.assertIs(aten.relu, aten.relu)
        self.check(lambda x: aten.mul(aten.relu.default(x), 2), X, fullgraph=True)
        unseen = framejit.compile(lambda x: framejit.ops.aten.log1p(x), fullgraph=True)
        self.assertEqual(unseen(X).tolist(), X.log1p().tolist())

    def test_bad_input(self):
        self.lib.define("known(Tensor a) -> Tensor")
        wrong = [
            (ValueError, lambda: Library("x", "WHAT")),
            (ValueError, lambda: Library("aten", "DEF")),
            (RuntimeError, lambda: self.lib.define("no schema")),
            (RuntimeError, lambda: self.lib.define("known(Tensor a) -> Tensor")),
            (RuntimeError, lambda: self.lib.impl("unknown", lambda: 1)),
            (TypeError, lambda: self.lib.impl("known", 3)),
            (ValueError, lambda: library.define("no_colons", "() -> ()")),
            (ValueError, lambda: custom_op("no_colons", mutates_args=())),
            (AttributeError, lambda: framejit.ops.aten.no_such_op),
            (AttributeError, lambda: framejit.ops.surface_test.unknown),
        ]
        for error, call in wrong:
            with self.assertRaises(error):
                call()


if __name__ == "__main__":
    unittest.main()
