"""Views by sizes and strides and by another dtype: as_strided, as_strided_scatter, view(dtype), against NumPy."""

import unittest

import framejit
import numpy as np

CASES = [
    ((2, 3), (2, 1), 0),
    ((3, 2), (1, 4), 1),
    ((2, 2, 2), (4, 2, 1), 0),
    ((4,), (0,), 2),
    ((), (), 5),
    ((0, 3), (1, 1), 0),
]


def strided(array, size, stride, offset):
    """NumPy's view of the same elements."""
    bytes_ = tuple(step * array.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(array.reshape(-1)[offset:], size, bytes_)


class StridedTest(unittest.TestCase):
    def test_values_and_memory(self):
        for size, stride, offset in CASES:
            for fn in (
                lambda x: x.as_strided(size, stride, offset),
                framejit.compile(lambda x: x.as_strided(size, stride, offset)),
            ):
                x = framejit.arange(12.0)
                got = fn(x)
                with self.subTest(size=size, stride=stride):
                    np.testing.assert_array_equal(
                        got.numpy(), strided(np.arange(12.0, dtype=np.float32), size, stride, offset)
                    )
                    self.assertEqual((got.stride(), got.storage_offset()), (stride, offset))
                    if got.numel():
                        self.assertEqual(got.data_ptr(), x.data_ptr() + 4 * offset)

    def test_a_write_reaches_the_base(self):
        x, expected = framejit.zeros(12), np.zeros(12, dtype=np.float32)
        x.as_strided((2, 3), (6, 2), 1).copy_(framejit.arange(6.0).reshape(2, 3))
        strided(expected, (2, 3), (6, 2), 1)[...] = np.arange(6.0).reshape(2, 3)
        np.testing.assert_array_equal(x.numpy(), expected)

    def test_gradient(self):
        x = framejit.arange(6.0).requires_grad_()
        (x.as_strided((3, 2), (2, 1)) * framejit.tensor([1.0, 10.0])).sum().backward()
        self.assertEqual(x.grad.tolist(), [1.0, 10.0] * 3)
        x.grad = None
        x.as_strided((2, 2), (1, 1)).sum().backward()  # element 1 stands in the view twice
        self.assertEqual(x.grad.tolist(), [1.0, 2.0, 1.0, 0.0, 0.0, 0.0])

    def test_scatter(self):
        base, part = np.arange(12.0, dtype=np.float32), -np.arange(6.0, dtype=np.float32).reshape(2, 3)
        expected = base.copy()
        strided(expected, (2, 3), (6, 2), 1)[...] = part
        x, y = framejit.from_numpy(base.copy()), framejit.from_numpy(part)
        for fn in (framejit.as_strided_scatter, framejit.compile(lambda *args: framejit.as_strided_scatter(*args))):
            np.testing.assert_array_equal(fn(x, y, (2, 3), (6, 2), 1).numpy(), expected)
            np.testing.assert_array_equal(x.numpy(), base)
        x, y = framejit.zeros(4, requires_grad=True), framejit.zeros(2, requires_grad=True)
        (x.as_strided_scatter(y, (2,), (2,), 1) * framejit.arange(4.0)).sum().backward()
        self.assertEqual((x.grad.tolist(), y.grad.tolist()), ([0.0, 0.0, 2.0, 0.0], [1.0, 3.0]))

    def test_refused(self):
        x = framejit.arange(12.0)
        for size, stride, offset in (
            ((13,), (1,), 0),
            ((2,), (-1,), 0),
            ((2, 2), (1,), 0),
            ((2,), (1,), 11),
            ((2,), (1,), -1),
        ):
            with self.subTest(size=size, stride=stride, offset=offset), self.assertRaises(RuntimeError):
                x.as_strided(size, stride, offset)


class OtherDtypeTest(unittest.TestCase):
    def test_values(self):
        base = np.arange(24, dtype=np.float32).reshape(4, 6)
        for dtype in ("int32", "float64", "int16", "uint8", "float16", "int64"):
            for fn in (
                lambda x: x.view(getattr(framejit, dtype)),
                framejit.compile(lambda x: x.view(getattr(framejit, dtype))),
            ):
                x = framejit.from_numpy(base.copy())
                got = fn(x)
                with self.subTest(dtype=dtype):
                    np.testing.assert_array_equal(got.numpy(), base.view(dtype))
                    self.assertEqual(got.data_ptr(), x.data_ptr())

    def test_refused(self):
        for x, dtype in (
            (framejit.ones(3), framejit.float64),
            (framejit.ones(4, 2).t(), framejit.float64),
            (framejit.ones(()), framejit.int64),
        ):
            with self.subTest(x=x), self.assertRaises(RuntimeError):
                x.view(dtype)


if __name__ == "__main__":
    unittest.main()
