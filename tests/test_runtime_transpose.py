"""Copies between layouts whose contiguous axes differ."""

import itertools
import random
import unittest

import framejit as fj
import numpy as np

SIZES = [1, 3, 7, 8, 9, 16, 31, 64, 65, 100, 130]
DTYPES = [np.uint8, np.int16, np.float32, np.float64]


class Transpose(unittest.TestCase):
    def compare(self, array, order):
        view = fj.from_numpy(array).permute(order)
        for got in (view.contiguous(), view.clone(), fj.compile(lambda v: v.contiguous())(view)):
            np.testing.assert_array_equal(got.numpy(), array.transpose(order))

    def test_two_dimensions(self):
        rng = np.random.default_rng(0)
        for dtype in DTYPES:
            for rows, columns in itertools.product(SIZES, SIZES):
                with self.subTest(dtype=dtype.__name__, rows=rows, columns=columns):
                    self.compare(rng.integers(0, 255, (rows, columns)).astype(dtype), (1, 0))

    def test_more_dimensions(self):
        rng, pick = np.random.default_rng(1), random.Random(1)
        for number in range(40):
            shape = [pick.choice([1, 2, 3, 9, 17, 33]) for _ in range(4)]
            order = pick.sample(range(4), 4)
            with self.subTest(number=number, shape=shape, order=order):
                self.compare(rng.integers(0, 255, shape).astype(pick.choice(DTYPES)), order)

    def test_parts_and_targets(self):
        array = np.arange(200 * 150, dtype=np.float32).reshape(200, 150)
        part = fj.from_numpy(array)[10:150, 5:90].mT
        np.testing.assert_array_equal(part.contiguous().numpy(), array[10:150, 5:90].T)
        target = fj.zeros(100, 170)
        target[5:90, 20:160] = part
        expected = np.zeros((100, 170), np.float32)
        expected[5:90, 20:160] = array[10:150, 5:90].T
        np.testing.assert_array_equal(target.numpy(), expected)
        np.testing.assert_array_equal(fj.from_numpy(array).flip(0).mT.contiguous().numpy(), array[::-1].T)

    def test_threads(self):
        array = np.arange(1000 * 1030, dtype=np.float32).reshape(1000, 1030)
        before = fj.get_num_threads()
        fj.set_num_threads(2)
        try:
            np.testing.assert_array_equal(fj.from_numpy(array).mT.contiguous().numpy(), array.T)
        finally:
            fj.set_num_threads(before)


if __name__ == "__main__":
    unittest.main()
