"""Subscripts of framejit._numpy against NumPy: views, copies, scalars, and what assignment writes."""

import unittest

import numpy as np

from tests.numpy_cases import array, call, check

S = np.s_
BASIC = [
    S[0], S[-1], S[1:], S[:-1], S[::2], S[1:2], S[5:9], S[...], S[()], S[None], S[:, 0], S[0, :], S[0, 1], S[-1, -2], S[..., 0],
    S[0, ...], S[:, None], S[None, :, None], S[1:, 1:], S[::2, ::3], S[0, None], S[:, 1:1], S[0, 1, ...], S[None, 0], S[3:1],
    S[-2:], S[:, -2:], S[7], S[0, 9], S[0, 0, 0], S[..., ...],
]  # fmt: skip
FANCY = [
    [0, 2], [[0, 1], [2, 0]], np.array([0, 2]), np.array([-1]), np.array([[0, 1], [2, 2]], "int32"), np.array(1), np.int64(1),
    S[:, [0, 1]], S[[0, 1], [1, 2]], S[[0, 1], :], S[..., [0, 1]], S[[0, 1], None], S[[[0], [1]], [1, 2]], S[0, [1, 2]],
    S[[1, 2], 0], S[1:, [0, 2]], S[np.array([0, 2]), 1:], S[[]], np.array([], "int64"), S[np.array(1), np.array(2)], [5], S[[0, 1], [0, 1, 2]],
    np.array([True, False, True]), [True, False, True], S[:, np.array([True, False, True, True])], np.ones(4, bool),
    array("bool", (3, 4), 7), S[array("bool", (3, 4), 7)], S[np.array([True, False, True]), 1], S[np.array([True, True, False]), [0, 1]],
    np.array([1.0]), [1.5], "name", S[np.int64(1), 2], S[np.int32(1), np.int64(-1)],
]  # fmt: skip


def name(key):
    return repr(key).replace("\n", "")


class Get(unittest.TestCase):
    def test_basic(self):
        for dtype in ("bool", "int64", "float32", "complex128"):
            check(self, [(f"{dtype} {name(k)}", ".__getitem__", call(lambda: array(dtype, (3, 4)), k)) for k in BASIC])

    def test_fancy(self):
        for dtype in ("bool", "int64", "float32", "complex128"):
            for key in FANCY:
                check(
                    self,
                    [(f"{dtype} {name(key)}", ".__getitem__", call(lambda: array(dtype, (3, 4)), key))],
                    None if isinstance(key, np.int64) else True,
                )

    def test_few_and_many_dimensions(self):
        for key in (0, S[...], S[()], S[None], [0], np.array(0), S[1:]):
            check(
                self,
                [(f"0-d {name(key)}", ".__getitem__", call(lambda: array("float64", ()), key))],
                None if isinstance(key, (int, list)) else True,
            )
            check(self, [(f"1-d {name(key)}", ".__getitem__", call(lambda: array("float64", (3,)), key))])
        check(self, [("3-d apart", ".__getitem__", call(lambda: array("float64", (2, 3, 4)), S[0, :, [0, 1]]))], False)
        for key in (
            S[:, [0, 1], [0, 1]],
            S[[0, 1], :, [0, 1]],
            S[0, [0, 1]],
            S[:, 0, [0, 1]],
            S[:, [0, 1], 0],
            S[0, ..., 1],
            S[..., None, 0],
            S[1, 2, 3],
            S[array("bool", (2, 3))],
        ):
            check(self, [(f"3-d {name(key)}", ".__getitem__", call(lambda: array("float64", (2, 3, 4)), key))])

    def test_mirrored(self):
        for key in (S[::-1], S[:, ::-1], S[::-1, ::-1], S[..., ::-1], S[::-1, ...]):
            check(self, [(name(key), ".__getitem__", call(lambda: array("float64", (3, 4)), key))])
        for key in (S[::-2], S[2:0:-1]):
            check(self, [(name(key), ".__getitem__", call(lambda: array("float64", (3, 4)), key))], None)


class Set(unittest.TestCase):
    def test_numbers(self):
        for dtype in ("bool", "uint8", "int64", "float32", "complex128"):
            for value in (
                1,
                0,
                True,
                2.75,
                -1,
                300,
                np.float64(1.5),
                np.int32(2),
                np.float32("nan"),
                float("nan"),
                1j,
                "text",
            ):
                for key in (S[0, 1], S[1:], [0, 2], array("bool", (3, 4), 7), S[:, 0]):
                    check(
                        self,
                        [
                            (
                                f"{dtype} {name(key)} {value!r}",
                                ".__setitem__",
                                call(lambda: array(dtype, (3, 4)), key, value),
                            )
                        ],
                        None if isinstance(value, (np.generic, complex, str)) else True,
                    )

    def test_keys(self):
        for key in BASIC + FANCY:
            make = lambda: array("float64", (3, 4))
            check(self, [(f"{name(key)} number", ".__setitem__", call(make, key, 7.5))])
            check(self, [(f"{name(key)} 0-d", ".__setitem__", call(make, key, lambda: np.array(7, "int32")))])
            shape = np.shape(make()[key]) if self.fits(make(), key) else ()
            check(self, [(f"{name(key)} array", ".__setitem__", call(make, key, lambda: array("float32", shape, 5)))])
            check(
                self,
                [
                    (
                        f"{name(key)} more dimensions",
                        ".__setitem__",
                        call(make, key, lambda: array("float32", (1, *shape), 5)),
                    )
                ],
                None,
            )
            check(self, [(f"{name(key)} wrong", ".__setitem__", call(make, key, lambda: array("float32", (5, 7), 5)))])
            check(self, [(f"{name(key)} list", ".__setitem__", call(make, key, [1, 2.5]))], None)

    def fits(self, a, key):
        try:
            a[key]
        except Exception:
            return False
        return True

    def test_overlap(self):
        def overlapping(to, of):
            def make():
                a = np.arange(10.0)
                return (a, to, a[of]), {}

            return make

        pairs = [(S[1:], S[:-1]), (S[:-1], S[1:]), (S[2:8], S[:6]), (S[::2], S[1::2]), (S[:], S[:])]
        check(self, [(name(p), ".__setitem__", overlapping(*p)) for p in pairs])


if __name__ == "__main__":
    unittest.main()
