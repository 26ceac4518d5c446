"""uint16, uint32 and uint64: eager and compiled, compared with NumPy."""

import copy
import io
import pickle
import unittest

import framejit as fj
import numpy as np

NAMES = ("uint16", "uint32", "uint64")


def values(name):
    top = np.iinfo(name).max
    return np.array([0, 1, 2, top // 2, top // 2 + 1, top - 1, top, 7], dtype=name).reshape(2, 4)


def others(name):
    return np.array([1, 3, 2, 5, np.iinfo(name).max, 2, 9, 7], dtype=name).reshape(2, 4)


ARITHMETIC = {
    "mul": lambda m, a, b: a * b,
    "add": lambda m, a, b: a + b,
    "sub": lambda m, a, b: a - b,
    "and": lambda m, a, b: a & b,
    "or": lambda m, a, b: a | b,
    "xor": lambda m, a, b: a ^ b,
    "not": lambda m, a, b: ~a,
    "eq": lambda m, a, b: a == b,
    "ne": lambda m, a, b: a != b,
    "lt": lambda m, a, b: a < b,
    "ge": lambda m, a, b: a >= b,
    "lt number": lambda m, a, b: a < 5,
    "mul number": lambda m, a, b: a * 3,
    "maximum": lambda m, a, b: m.maximum(a, b),
    "minimum": lambda m, a, b: m.minimum(a, b),
    "where": lambda m, a, b: m.where(a == b, a, b),
    "flip": lambda m, a, b: m.flip(a, (0,)),
    "index": lambda m, a, b: a[:, 1:3].T[0],
    "sum": lambda m, a, b: a.sum(),
    "roll": lambda m, a, b: m.roll(a, 1),
    "any": lambda m, a, b: m.any(a),
    "max": lambda m, a, b: a.max(),
    "argmax": lambda m, a, b: a.argmax(),
    "divide": lambda m, a, b: m.true_divide(a, b),
    "sqrt": lambda m, a, b: m.sqrt(a),
}


class Unsigned(unittest.TestCase):
    def agree(self, got, expected):
        if isinstance(got, fj.Tensor):
            got = got.numpy()
        if got.dtype.kind == "f":
            np.testing.assert_allclose(got, np.asarray(expected).astype(got.dtype), rtol=1e-6)
        else:
            np.testing.assert_array_equal(got, np.asarray(expected).astype(got.dtype))

    def test_arithmetic(self):
        for name in NAMES:
            x, y = values(name), others(name)
            a, b = fj.from_numpy(x), fj.from_numpy(y)
            self.assertEqual(a.dtype, getattr(fj, name))
            for case, f in ARITHMETIC.items():
                with self.subTest(f"{name} {case}"):
                    with np.errstate(all="ignore"):
                        expected = f(np, x, y)
                    self.agree(f(fj, a, b), expected)
                    self.agree(fj.compile(lambda p, q: f(fj, p, q), fullgraph=True)(a, b), expected)

    def test_order(self):
        for name in NAMES:
            x = values(name).reshape(-1)[[3, 6, 0, 4, 7, 1, 5, 2]]
            t = fj.from_numpy(x)
            ordered, places = fj.sort(t)
            self.agree(ordered, np.sort(x))
            self.agree(places, np.argsort(x, kind="stable"))
            self.assertEqual(ordered.dtype, t.dtype)
            self.agree(fj.unique(fj.cat([t, t])), np.unique(x))
            self.agree(fj.cummax(t, 0)[0], np.maximum.accumulate(x))
            self.agree(fj.clamp(t, 2, 7), np.clip(x, 2, 7))

    def test_conversions(self):
        for name in NAMES:
            dtype, x = getattr(fj, name), values(name)
            t = fj.from_numpy(x)
            for to in ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64", "complex128", *NAMES):
                with self.subTest(f"{name} to {to}"):
                    for f in (
                        lambda v: v.to(getattr(fj, to)),
                        fj.compile(lambda v: v.to(getattr(fj, to)), fullgraph=True),
                    ):
                        out = f(t)
                        self.assertEqual(out.dtype, getattr(fj, to))
                        np.testing.assert_array_equal(out.numpy(), x.astype(to))
            for source in (np.array([-1, 0, 1, 300]), np.array([True, False]), np.array([1.9, 250.0, 65535.0])):
                with self.subTest(f"{source.dtype} to {name}"):
                    np.testing.assert_array_equal(fj.from_numpy(source).to(dtype).numpy(), source.astype(name))
        large = np.array([2.0**63, 2.0**64 - 2048, 5.0])
        np.testing.assert_array_equal(fj.from_numpy(large).to(fj.uint64).numpy(), large.astype("uint64"))

    def test_conversions_own_their_memory(self):
        x = fj.arange(4, dtype=fj.int16)
        y = x.to(fj.uint16)
        y.fill_(9)
        self.assertEqual(x.tolist(), [0, 1, 2, 3])

    def test_creation(self):
        top = 2**64 - 1
        self.assertEqual(fj.tensor(top, dtype=fj.uint64).item(), top)
        self.assertEqual(fj.tensor([[top, 3]], dtype=fj.uint64).tolist(), [[top, 3]])
        self.assertEqual(fj.tensor([-1], dtype=fj.uint16).tolist(), [65535])
        self.assertRaises(OverflowError, fj.tensor, -1, dtype=fj.uint64)
        for name in NAMES:
            dtype = getattr(fj, name)
            for made in (
                fj.full((2,), 7, dtype=dtype), fj.zeros(2, dtype=dtype) | 7, fj.ones(2, dtype=dtype) * 7,
                fj.empty(2, dtype=dtype).fill_(7), fj.full_like(fj.ones(2), 7, dtype=dtype),
            ):  # fmt: skip
                self.assertEqual((made.dtype, made.tolist()), (dtype, [7, 7]))
            self.assertEqual(fj.randint(0, 5, (30,), dtype=dtype).max().item() < 5, True)
            self.assertEqual(fj.zeros_like(fj.ones(2, dtype=dtype)).dtype, dtype)
            self.assertEqual(repr(fj.tensor([1, 20], dtype=dtype)), f"tensor([ 1, 20], dtype=framejit.{name})")
            self.assertEqual(fj.iinfo(dtype).max, np.iinfo(name).max)
            self.assertEqual(
                (fj.iinfo(dtype).min, dtype.is_signed, dtype.itemsize), (0, False, np.dtype(name).itemsize)
            )

    def test_writes(self):
        for name in NAMES:
            with self.subTest(name):
                x = values(name)
                t = fj.from_numpy(x.copy())
                t[0, 1:3] = 5
                t[1] = fj.tensor([1, 2, 3, 4])
                t.mul_(2)
                t[:, 0] += 1
                t[t == 10] = 3
                with np.errstate(all="ignore"):
                    x[0, 1:3] = 5
                    x[1] = [1, 2, 3, 4]
                    x *= 2
                    x[:, 0] += 1
                    x[x == 10] = 3
                np.testing.assert_array_equal(t.numpy(), x)

                def step(v):
                    v[0] = v[1]
                    v.mul_(3)
                    return v + 1

                eager, compiled = fj.from_numpy(x.copy()), fj.from_numpy(x.copy())
                self.assertEqual(step(eager).tolist(), fj.compile(step, fullgraph=True)(compiled).tolist())
                self.assertEqual(eager.tolist(), compiled.tolist())

    def test_views_and_moves(self):
        for name in NAMES:
            x = values(name)
            t = fj.from_numpy(x)
            self.assertEqual(t.view(fj.uint8).tolist(), x.view(np.uint8).tolist())
            self.assertEqual(fj.from_numpy(x.view(np.uint8)).view(t.dtype).tolist(), x.tolist())
            self.agree(fj.stack([t, t], 1), np.stack([x, x], 1))
            self.agree(t[fj.tensor([1, 0])], x[[1, 0]])
            self.agree(t.gather(1, fj.tensor([[0, 1], [2, 3]])), np.take_along_axis(x, np.array([[0, 1], [2, 3]]), 1))
            self.agree(t.masked_fill(t == 1, 4), np.where(x == 1, 4, x))
            self.agree(t.contiguous().t().clone(), x.T)
            self.assertEqual(t.sum().dtype, fj.int64)
            self.assertEqual(copy.deepcopy(t).tolist(), x.tolist())

    def test_exchange(self):
        for name in NAMES:
            x = values(name)
            t = fj.from_numpy(x)
            self.assertEqual(t.numpy().ctypes.data, x.ctypes.data)
            self.assertEqual(np.from_dlpack(t).tolist(), x.tolist())
            self.assertEqual(fj.from_dlpack(x).dtype, t.dtype)
            file = io.BytesIO()
            fj.save({"a": t, "b": t[1]}, file)
            file.seek(0)
            loaded = fj.load(file)
            self.assertEqual(loaded["b"].tolist(), x[1].tolist())
            self.assertEqual(loaded["a"].data_ptr(), loaded["b"].untyped_storage().data_ptr())
            self.assertEqual(pickle.loads(pickle.dumps(t)).tolist(), x.tolist())
            self.assertEqual(int(t[1, 1]), int(x[1, 1]))

    def test_promotion(self):
        for name in NAMES:
            t = fj.ones(2, dtype=getattr(fj, name))
            self.assertEqual((t * 2.5).dtype, fj.float32)
            self.assertEqual((t * fj.ones(2, dtype=fj.float64)).dtype, fj.float64)
            self.assertEqual((t * fj.tensor(3)).dtype, t.dtype)
            for other in (fj.ones(2, dtype=fj.int64), fj.ones(2, dtype=fj.bool), fj.ones(2, dtype=fj.uint8)):
                for f in (lambda p, q: p * q, fj.compile(lambda p, q: p * q)):
                    with self.assertRaisesRegex(
                        RuntimeError, "Promotion for uint16, uint32, uint64 types is not supported"
                    ):
                        f(t, other)
            self.assertRaises(RuntimeError, lambda: t == fj.ones(2, dtype=fj.int64))
            self.assertRaises(RuntimeError, t.requires_grad_)
        self.assertRaises(NotImplementedError, lambda: fj.ones(2, dtype=fj.uint64) // 2)

    def test_what_is_no_index(self):
        for name in (*NAMES, "complex64"):
            bad = fj.zeros(2, 2, dtype=getattr(fj, name))
            x, z = fj.ones(2, 2), fj.ones(2, 2, dtype=fj.complex64)
            for t in (x, z, bad):
                for call in (
                    lambda: t.gather(0, bad), lambda: t.scatter(0, bad, t), lambda: t.masked_select(bad),  # noqa: B023
                    lambda: t.masked_fill(bad, 1), lambda: t.masked_scatter(bad, t), lambda: t.index_select(0, bad[0]),  # noqa: B023
                    lambda: fj.where(bad, t, t), lambda: t[bad], lambda: fj._C._checked(t, bad, "no"),  # noqa: B023
                ):  # fmt: skip
                    self.assertRaises((RuntimeError, IndexError, TypeError), call)


if __name__ == "__main__":
    unittest.main()
