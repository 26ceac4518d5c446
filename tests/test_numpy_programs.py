"""Whole functions over NumPy arrays, compiled, against the plain call: what they give, and what they leave in their arguments."""

import copy
import unittest

import framejit
import numpy as np
from framejit.dynamo.utils import counters

from tests.numpy_cases import difference


def recurrence(x, a):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = a * y[i - 1] + (1 - a) * x[i]
    return y


def newton(x):
    guess = np.ones_like(x)
    for _ in range(50):
        new = 0.5 * (guess + x / guess)
        if np.max(np.abs(new - guess)) < 1e-12:
            break
        guess = new
    return new


def threshold(image, low):
    out = image.copy()
    out[out < low] = 0
    out[out >= low] = 1
    return out, (out == 1).sum()


def in_place(x, y):
    x += y
    x[1:-1] *= 2
    y[...] = x[::-1]
    return x


def views(x):
    top = x[:2]
    top[...] = 7
    return top, x.T, x.reshape(-1), x[0], x[0, 0]


def life(board):
    n = sum(np.roll(board, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
    return ((n == 3) | (board & (n == 2))).astype(board.dtype)


def mandelbrot(c, steps):
    z = np.zeros_like(c)
    count = np.zeros(c.shape, dtype=int)
    for _ in range(steps):
        inside = np.abs(z) <= 2
        z = np.where(inside, z * z + c, z)
        count += inside
    return count


def kmeans(points, centres):
    distance = np.linalg.norm(points[:, None, :] - centres[None], axis=2)
    label = np.argmin(distance, axis=1)
    return np.array([points[label == k].mean(axis=0) for k in range(len(centres))]), label


def monte_carlo(normals, spot, rate, sigma, years):
    final = spot * np.exp((rate - 0.5 * sigma**2) * years + sigma * np.sqrt(years) * normals)
    payoff = np.maximum(final - spot, 0)
    return np.exp(-rate * years) * payoff.mean(), payoff.std(ddof=1) / np.sqrt(len(payoff))


def moving(x, n):
    total = np.cumsum(np.insert(x, 0, 0.0))
    return (total[n:] - total[:-n]) / n


def gram_schmidt(a):
    q = np.zeros_like(a)
    for j in range(a.shape[1]):
        v = a[:, j].copy()
        for i in range(j):
            v -= np.dot(q[:, i], a[:, j]) * q[:, i]
        q[:, j] = v / np.linalg.norm(v)
    return q


def least_squares(x, y):
    a = np.vstack([x, np.ones(len(x))]).T
    return np.linalg.solve(a.T @ a, a.T @ y)


def mixed(x):
    with np.errstate(divide="ignore"):
        r = 1 / x
    lines = [f"{r.shape} {r.dtype} {r.ndim}"]
    return (
        r,
        lines,
        isinstance(r, np.ndarray),
        x.dtype == np.float64,
        np.issubdtype(x.dtype, np.floating),
        np.pi,
        np.finfo(x.dtype).eps,
    )


def caught(x, axis):
    try:
        return x.sum(axis=axis)
    except np.exceptions.AxisError as error:
        return str(error)


def flipped(x):
    return (x[::-1] - x)[1:], np.flip(x).sum(), x[::-1]


class Body:
    def __init__(self):
        self.position = np.zeros(3)
        self.velocity = np.array([1.0, 2.0, 0.0])

    def step(self, dt):
        self.velocity[2] -= 9.81 * dt
        self.position += self.velocity * dt
        return np.sqrt((self.velocity**2).sum())

    def __eq__(self, other):
        return np.allclose(self.position, other.position) and np.allclose(self.velocity, other.velocity)


def fly(body, dt):
    speeds = [body.step(dt) for _ in range(3)]
    return np.array(speeds), body.position.copy()


def random(*shape):
    return np.random.default_rng(len(shape)).standard_normal(shape)


PROGRAMS = [
    (recurrence, (random(40), 0.9), False),
    (newton, (np.abs(random(9)) + 0.1,), False),
    (threshold, (random(5, 6), 0.2), True),
    (in_place, (random(7), random(7)), False),
    (views, (random(3, 4),), True),
    (life, ((random(8, 8) > 0).astype(int),), True),
    (mandelbrot, (random(5, 6) + 1j * random(5, 6), 12), True),
    (kmeans, (random(50, 2), random(3, 2)), False),
    (monte_carlo, (random(200), 100.0, 0.03, 0.2, 1.5), True),
    (moving, (random(30), 5), True),
    (gram_schmidt, (random(5, 4),), True),
    (least_squares, (random(20), random(20) * 2), False),
    (mixed, (random(4),), False),
    (caught, (random(3, 4), 1), True),
    (caught, (random(3, 4), 5), False),
    (flipped, (random(6),), False),
    (fly, (Body(), 0.1), True),
]


class Programs(unittest.TestCase):
    def alike(self, ours, plain, what):
        if isinstance(plain, (tuple, list)):
            self.assertEqual((type(ours), len(ours)), (type(plain), len(plain)), what)
            for a, b in zip(ours, plain):
                self.alike(a, b, what)
        elif isinstance(plain, (np.ndarray, np.generic)):
            self.assertIsNone(difference(ours, plain, 1e-10), what)
        else:
            self.assertEqual(ours, plain, what)

    def test_programs(self):
        for function, args, whole in PROGRAMS:
            with self.subTest(function=function.__name__):
                framejit.dynamo.reset()
                counters.clear()
                fast = framejit.compile(function)
                for _ in range(3):
                    ours, plain = copy.deepcopy(args), copy.deepcopy(args)
                    self.alike(fast(*ours), function(*plain), function.__name__)
                    self.alike(ours, plain, function.__name__)
                if whole:
                    self.assertFalse(counters["graph_break"], function.__name__)

    def test_benchmark_functions(self):
        from benchmarks.suites import numpy_functions

        for function, args in numpy_functions.cases():
            with self.subTest(function=function.__name__):
                fast = framejit.compile(function, fullgraph=True)
                for _ in range(2):
                    numpy_functions.alike(fast(*args), function(*args))

    def test_aliases(self):
        """Arguments that share memory, and the same array twice."""
        base = np.arange(10.0)
        for make in (lambda a: (a, a), lambda a: (a[:6], a[4:]), lambda a: (a[1:], a[:-1])):

            def program(x, y):
                x[0] = 100.0
                z = x[: len(y)] + y[: len(x)]
                y *= 2
                return z, x.sum()

            fast = framejit.compile(program)
            for _ in range(2):
                a, b = base.copy(), base.copy()
                self.alike(fast(*make(a)), program(*make(b)), "aliases")
                np.testing.assert_array_equal(a, b)

    def test_views_share_memory_outside(self):
        fast = framejit.compile(lambda x: (x[1:], x.T, x.reshape(-1), x + 1))
        x = np.arange(6.0).reshape(2, 3)
        for _ in range(2):
            part, turned, line, new = fast(x)
            self.assertEqual([np.shares_memory(v, x) for v in (part, turned, line, new)], [True, True, True, False])

    def test_numbers_and_shapes_that_vary(self):
        framejit.dynamo.reset()
        counters.clear()

        def program(x, scale, power):
            return np.exp(-scale * x) + x**2 * power

        fast = framejit.compile(program)
        for i in range(8):
            x = random(3 + i)
            np.testing.assert_allclose(fast(x, 0.1 * i, np.float64(i)), program(x, 0.1 * i, np.float64(i)))
        self.assertLessEqual(framejit.dynamo.statistics(fast)["graphs"], 3)

    def test_read_only_and_foreign_arrays(self):
        def program(x):
            return (x * 2).sum(), x[1:] + x[:-1]

        fast = framejit.compile(program)
        fixed = np.arange(5.0)
        fixed.flags.writeable = False
        for x in (
            fixed,
            np.arange(5.0)[::-1],
            np.arange(5, dtype=">f8"),
            np.arange(5, dtype="uint32"),
            np.ma.array([1.0, 2.0, 3.0]),
        ):
            self.alike(fast(x), program(x), str(x.dtype))

        def writes(x):
            x[0] = 1
            return x

        with self.assertRaisesRegex(ValueError, "read-only"):
            framejit.compile(writes)(fixed)


if __name__ == "__main__":
    unittest.main()
