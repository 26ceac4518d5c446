"""Classes with `__torch_function__` in captured code: the same as the uncompiled function, in one graph."""

import unittest

import framejit
import framejit.overrides


class Plain(framejit.Tensor):
    """Whose results are of the class."""


class Swapping(framejit.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func == framejit.Tensor.sigmoid:
            func = framejit.Tensor.exp
        return super().__torch_function__(func, types, args, kwargs)


class Dimensions(framejit.Tensor):
    level = 7

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func == framejit.Tensor.ndim.__get__:
            return 10
        return super().__torch_function__(func, types, args, kwargs)


class Logged(framejit.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        with framejit.overrides.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {})) * 2


class Wrapper:
    def __init__(self, tensor):
        self.tensor = tensor

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        args = [a.tensor if isinstance(a, cls) else a for a in args]
        return func(*args, **(kwargs or {}))


def values(result):
    if isinstance(result, framejit.Tensor):
        return type(result).__name__, result.as_subclass(framejit.Tensor).tolist()
    return [values(part) for part in result] if isinstance(result, (list, tuple)) else result


class CapturedOverrides(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def check(self, f, *args):
        expected = values(f(*args))
        for backend in ("eager", None):
            with self.subTest(backend=backend):
                framejit.reset()
                compiled = framejit.compile(f, fullgraph=True, **({"backend": backend} if backend else {}))
                for _ in range(2):
                    self.assertEqual(values(compiled(*args)), expected)

    def test_results_are_of_the_class(self):
        x = framejit.arange(3.0).as_subclass(Plain)
        self.check(lambda x: framejit.add(x, 1), x)
        self.check(lambda x: (x + 1).sum() * framejit.ones(2), x)
        self.check(lambda x: 2 - x, x)
        self.check(lambda x: [x[1:], -x, x.sin().cos()], x)

    def test_in_place_gives_the_same(self):
        def f(x):
            y = x * 2
            z = y.add_(1)
            return y, z is y

        self.check(f, framejit.arange(3.0).as_subclass(Plain))

    def test_handler_decides(self):
        x = framejit.arange(3.0).as_subclass(Swapping)
        self.check(lambda x: x.sigmoid(), x)
        self.check(lambda x: x.sin(), x)

    def test_attributes(self):
        x = framejit.ones(2, 3).as_subclass(Dimensions)
        x.mark = 5
        self.check(lambda x: (x.ndim, x.level, x.mark, x.shape[1]), x)

    def test_what_is_not_of_the_class(self):
        x = framejit.ones(2, 3).as_subclass(Plain).requires_grad_()
        x.grad = framejit.ones(2, 3)
        self.check(lambda x: (x.grad, x.max(1), x.shape), x)

    def test_disabled_inside(self):
        self.check(lambda x: framejit.add(x, 1), framejit.arange(3.0).as_subclass(Logged))

    def test_disabled_around(self):
        def f(x):
            with framejit.overrides.DisableTorchFunctionSubclass():
                y = x + 1
            return y, x + 1

        self.check(f, framejit.arange(3.0).as_subclass(Plain))

    def test_state_is_guarded(self):
        x = framejit.arange(3.0).as_subclass(Logged)
        compiled = framejit.compile(lambda x: framejit.add(x, 1), fullgraph=True)
        self.assertEqual(compiled(x).tolist(), [2.0, 4.0, 6.0])
        with framejit.overrides.DisableTorchFunctionSubclass():
            self.assertEqual(compiled(x).tolist(), [1.0, 2.0, 3.0])
        self.assertEqual(compiled(x).tolist(), [2.0, 4.0, 6.0])

    def test_other_objects(self):
        self.check(lambda w: framejit.add(w, 1, alpha=2), Wrapper(framejit.arange(3.0)))
        self.check(lambda w: framejit.stack([w.tensor, framejit.ones(3)]), Wrapper(framejit.arange(3.0)))

    def test_in_lists(self):
        x = framejit.arange(3.0).as_subclass(Plain)
        self.check(lambda x, y: framejit.stack([y, x]), x, framejit.ones(3))

    def test_functions_in_python(self):
        self.check(lambda x: framejit.nn.functional.gelu(x), framejit.arange(3.0).as_subclass(Plain))

    def test_made_inside(self):
        self.check(lambda x: (Plain(x + 1), (x * 2).as_subclass(Swapping)), framejit.arange(3.0))

    def test_subclass_before_its_base(self):
        class Deeper(Plain):
            pass

        x, y = framejit.arange(3.0).as_subclass(Plain), framejit.ones(3).as_subclass(Deeper)
        self.check(lambda x, y: framejit.add(x, y), x, y)

    def test_open_sizes(self):
        f = framejit.compile(lambda x: framejit.clone(x) + x.shape[0], fullgraph=True, dynamic=True)
        for n in (4, 5, 6):
            x = framejit.ones(n, 2).as_subclass(Plain)
            self.assertEqual(values(f(x)), ("Plain", [[1.0 + n] * 2] * n))
        self.assertEqual(framejit.dynamo.statistics(f)["graphs"], 1)

    def test_asked_below_the_tape(self):
        """Such a class is CPython's matter."""

        class Doubling(framejit.Tensor):
            __torch_function__ = framejit._C._disabled_torch_function_impl

            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                return func(*[a.inner if isinstance(a, cls) else a for a in args], **(kwargs or {})) * 2

        x = framejit.Tensor._make_wrapper_subclass(Doubling, (3,))
        x.inner = framejit.arange(3.0)

        def f(x):
            return framejit.add(x, 1) * 3

        self.assertEqual(f(x).tolist(), [6.0, 12.0, 18.0])
        for backend in ("eager", None):
            framejit.reset()
            compiled = framejit.compile(f, **({"backend": backend} if backend else {}))
            self.assertEqual(compiled(x).tolist(), [6.0, 12.0, 18.0])

    def test_nobody_answers(self):
        class Silent:
            @classmethod
            def __torch_function__(cls, func, types, args=(), kwargs=None):
                return NotImplemented

        f = lambda w: framejit.add(w, 1)  # noqa: E731
        with self.assertRaises(TypeError):
            f(Silent())
        with self.assertRaises(TypeError):
            framejit.compile(f)(Silent())


if __name__ == "__main__":
    unittest.main()
