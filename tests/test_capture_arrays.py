"""Functions over NumPy arrays, compiled as they stand, against the plain call."""

import unittest

import framejit
import numpy as np
from framejit.dynamo.utils import counters


def compiled(function, **options):
    framejit.dynamo.reset()
    counters.clear()
    return framejit.compile(function, **options)


def copied(value):
    if isinstance(value, np.ndarray):
        return value.copy()
    return type(value)(map(copied, value)) if isinstance(value, (list, tuple)) else value


class ArrayCase(unittest.TestCase):
    def assertAlike(self, ours, plain):
        if isinstance(plain, (tuple, list)):
            self.assertEqual(type(ours), type(plain))
            self.assertEqual(len(ours), len(plain))
            for a, b in zip(ours, plain):
                self.assertAlike(a, b)
        elif isinstance(plain, (np.ndarray, np.generic)):
            self.assertIs(type(ours), type(plain))
            self.assertEqual(ours.dtype, plain.dtype)
            np.testing.assert_allclose(ours, plain, rtol=1e-6, atol=1e-9)
        else:
            self.assertEqual(ours, plain)

    def check(self, function, *args, rounds=2, **options):
        """Results and arguments are what the plain function leaves; gives the compiled function."""
        fast = compiled(function, **options)
        for _ in range(rounds):
            ours, plain = copied(args), copied(args)
            self.assertAlike(fast(*ours), function(*plain))
            self.assertAlike(ours, plain)
        return fast

    def one_graph(self, function, *args):
        return self.check(function, *args, fullgraph=True)


def image():
    return np.arange(12.0).reshape(3, 4) - 5


class OneGraph(ArrayCase):
    def test_pointwise(self):
        self.one_graph(lambda x, y: 2 * np.sin(x) + np.exp(-y * y), image(), image() / 7)

    def test_methods_and_properties(self):
        self.one_graph(lambda x: (x.T @ x, x.shape, x.ndim, x.dtype, x.mean(axis=0), x.sum(), len(x)), image())

    def test_integers_promote_as_numpy_has_it(self):
        def f(i, x):
            return i / 2, i + x, i * 2.5, i**2, -i, i > 3, i // 4 + np.float32(1)

        self.one_graph(f, np.arange(6, dtype=np.int32), np.ones(6, np.float32))

    def test_writes(self):
        def f(x, y):
            x += y
            x[0] = 7
            x[:, 1] *= 2
            x[x < 0] = 0
            view = x[1:]
            view -= 1
            return x.sum(), view

        self.one_graph(f, image(), image())

    def test_scalars(self):
        def f(x, s):
            top = x.max()
            return top * s, top + 1, x[0, 0], np.float32(3) * x, abs(top)

        self.one_graph(f, image(), np.float64(0.25))

    def test_reversed_inside_an_expression(self):
        self.one_graph(lambda x: x - x[::-1] + x[:, ::-1].sum(axis=0), image())

    def test_the_same_array_comes_back(self):
        x = image()
        fast = compiled(lambda x: x, fullgraph=True)
        self.assertIs(fast(x), x)

    def test_views_share_memory(self):
        x = image()
        rows = compiled(lambda x: (x[1:], x.T, x.reshape(-1)), fullgraph=True)(x)
        x[:] = 9
        for view in rows:
            self.assertTrue((view == 9).all())

    def test_made_here(self):
        def f(n):
            x = np.linspace(0.0, 1.0, n)
            return np.zeros((2, n)) + x, np.arange(n)

        self.one_graph(f, 5)

    def test_iteration(self):
        self.one_graph(lambda x: [row.sum() for row in x], image())

    def test_containers_and_classes(self):
        class Filter:
            def __init__(self, weights):
                self.weights = weights

            def __call__(self, x):
                return {"y": [x * w for w in self.weights]}

        box = Filter([np.float32(2), np.ones(4, np.float32)])
        fast = compiled(box.__call__, fullgraph=True)
        x = np.arange(4, dtype=np.float32)
        self.assertAlike(fast(x)["y"], box(x)["y"])


class Guards(ArrayCase):
    def count(self):
        return counters["stats"]["unique_graphs"]

    def test_dtype_and_rank(self):
        fast = compiled(lambda x: x * 2 + 1)
        for x in (np.ones(3), np.ones(3, np.float32), np.ones((2, 3)), np.ones(3, np.int16), np.ones(0), np.array(2.0)):
            self.assertAlike(fast(x), x * 2 + 1)

    def test_sizes_become_symbolic(self):
        fast = compiled(lambda x: (x - x.mean()) / x.std())
        for n in range(2, 12):
            x = np.arange(float(n))
            self.assertAlike(fast(x), (x - x.mean()) / x.std())
        self.assertLessEqual(self.count(), 2)

    def test_a_float_that_varies(self):
        fast = compiled(lambda x, s: x * s + np.sqrt(s), fullgraph=True)
        for s in (0.5, 1.5, 2.5, 3.5):
            x = image()
            self.assertAlike(fast(x, s), x * s + np.sqrt(s))
        self.assertEqual(self.count(), 1)

    def test_read_only(self):
        def f(x):
            x += 1
            return x

        fast = compiled(f)
        x = image()
        self.assertAlike(fast(x), image() + 1)
        x.flags.writeable = False
        with self.assertRaisesRegex(ValueError, "read-only"):
            fast(x)
        self.assertAlike(x, image() + 1)
        self.assertAlike(compiled(lambda x: x * 2)(x), x * 2)

    def test_arrays_that_overlap(self):
        def f(x, y):
            x += y
            return x * 2

        fast = compiled(f)
        for views in (lambda a: (a[1:], a[:-1]), lambda a: (a[:3], a[3:]), lambda a: (a, a), lambda a: (a[::2], a[:3])):
            ours, plain = np.arange(6.0), np.arange(6.0)
            self.assertAlike(fast(*views(ours)), f(*views(plain)))
            self.assertAlike(ours, plain)

    def test_layouts(self):
        fast = compiled(lambda x: x + x.sum(axis=-1, keepdims=True))
        x = np.arange(24.0).reshape(4, 6)
        strange = x.astype(">f8")
        for view in (x, x.T, x[::2], x[:, ::3], x[::-1], np.broadcast_to(x[0], (3, 6)), strange, x[1:1]):
            self.assertAlike(fast(view), (view + view.sum(axis=-1, keepdims=True)).astype("f8"))

    def test_arrays_of_other_kinds(self):
        class Sub(np.ndarray):
            pass

        fast = compiled(lambda x: x + x)
        for x in (
            np.arange(3).view(Sub),
            np.ma.masked_array([1.0, 2.0], [True, False]),
            np.array(["a", "b"], dtype=object),
            np.array([1, 2], dtype=np.uint64),
            np.longdouble([1, 2]),
        ):
            result, plain = fast(x), x + x
            self.assertIs(type(result), type(plain))
            self.assertEqual(str(result), str(plain))


class Breaks(ArrayCase):
    def test_branches(self):
        def f(x):
            if x.max() > 3 and np.any(x < 0):
                return np.clip(x, 0, 3)
            if not x.any():
                return x
            return -x

        for x in (image(), np.zeros(3), np.ones(2)):
            self.check(f, x)

    def test_left_to_numpy(self):
        def f(x):
            y = np.sin(x) * 2
            order = np.lexsort((y[0],))
            return y[:, order] + 1, np.random.default_rng(3).standard_normal(2) * 2

        self.check(f, image())

    def test_reversed_views_that_escape(self):
        def f(x):
            y = x[::-1]
            return y

        x = image()
        y = compiled(f)(x)
        x[0, 0] = 99
        self.assertEqual(y[-1, 0], 99)

        def written_meanwhile(x):
            y = x[::-1]
            x[0] = 5
            z = y[1:]
            z[0] = 3
            return y * 2

        self.check(written_meanwhile, image())

    def test_numbers_from_arrays(self):
        self.check(lambda x: (float(x.sum()), int(x[0, 0]), x.tolist(), [i for i in range(int(x.max()))]), image())

    def test_errors_are_numpys(self):
        cases = (
            lambda x: x + np.ones(7),
            lambda x: x[5],
            lambda x: x.sum(axis=3),
            lambda x: x.reshape(5, 5),
            lambda x: np.concatenate([x, x[0]]),
            lambda x: x.no_such_thing,
            lambda x: x @ np.ones(7),
            lambda x: np.sin(x, x, x, x),
        )
        for f in cases:
            with self.assertRaises(Exception) as plain:
                f(image())
            with self.assertRaises(type(plain.exception)) as ours:
                compiled(f)(image())
            self.assertEqual(str(ours.exception), str(plain.exception))

    def test_an_error_that_is_caught(self):
        def f(x):
            try:
                return x + np.ones(7)
            except ValueError as e:
                return str(e), x * 2

        self.check(f, image())

    def test_nothing_is_written_twice(self):
        def f(x):
            x += 1
            print(end="")
            x *= 2
            x[0] = np.lexsort((x[0],))
            x -= 1
            return x

        self.check(f, image())


class Lifetime(ArrayCase):
    def test_memory(self):
        import gc
        import weakref

        fast = compiled(lambda x: (x[1:], x * 2, x.sum()))
        x = image()
        for _ in range(3):
            results = fast(x)
        gone = weakref.ref(x)
        view = results[0]
        del x, results
        gc.collect()
        self.assertIsNotNone(gone(), "the view needs the memory")
        self.assertEqual(view[0, 0], -1)
        del view
        gc.collect()
        self.assertIsNone(gone())


if __name__ == "__main__":
    unittest.main()
