"""Memory shared with NumPy, the buffer protocol and DLPack; tensors from Python data."""

import array
import gc
import subprocess
import sys
import unittest
import weakref

import framejit
import numpy as np

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


class NumPy(unittest.TestCase):
    def test_round_trip_shares_memory(self):
        for name in DTYPES:
            a = np.arange(6).reshape(2, 3).astype(name)
            t = framejit.from_numpy(a)
            self.assertEqual(t.dtype, getattr(framejit, name))
            back = t.numpy()
            self.assertEqual(back.dtype, a.dtype)
            self.assertEqual(back.__array_interface__["data"], a.__array_interface__["data"])
            a[0, 0] = 1
            self.assertEqual(t[0, 0].item(), 1)

    def test_strided_and_empty(self):
        a = np.arange(24, dtype=np.float32).reshape(4, 6)[::2, 1::3]
        t = framejit.from_numpy(a)
        self.assertEqual(t.stride(), (12, 3))
        np.testing.assert_array_equal(t.numpy(), a)
        self.assertEqual(framejit.from_numpy(np.zeros((0, 3))).shape, (0, 3))
        self.assertEqual(framejit.zeros(3).expand(2, 3).numpy().shape, (2, 3))
        self.assertEqual(framejit.tensor(2.5).numpy().shape, ())

    def test_what_cannot_be_shared(self):
        with self.assertRaises(ValueError):
            framejit.from_numpy(np.arange(3)[::-1])
        with self.assertRaises(TypeError):
            framejit.from_numpy(np.zeros(2, dtype="datetime64[s]"))
        with self.assertRaises(TypeError):
            framejit.from_numpy([1, 2])
        with self.assertRaises(TypeError):
            framejit.zeros(2, dtype=framejit.bfloat16).numpy()

    def test_owner_lives_as_long_as_the_memory(self):
        class Array(np.ndarray):
            pass

        a = np.arange(4.0).view(Array)
        alive = weakref.ref(a)
        t = framejit.from_numpy(a)
        del a
        gc.collect()
        self.assertIsNotNone(alive())
        view = t[1:]
        del t
        self.assertEqual(view.tolist(), [1, 2, 3])
        del view
        gc.collect()
        self.assertIsNone(alive())
        n = framejit.arange(3).numpy()
        gc.collect()
        self.assertEqual(n.tolist(), [0, 1, 2])

    def test_numpy_functions_take_tensors(self):
        t = framejit.tensor([1.0, 4.0])
        np.testing.assert_array_equal(np.asarray(t), [1, 4])
        self.assertEqual(np.array(t, dtype=np.int64).dtype, np.int64)
        np.testing.assert_array_equal(np.sqrt(t), [1, 2])

    def test_import_leaves_numpy_alone(self):
        code = "import sys, framejit; t = framejit.zeros(3) + 1; repr(t); print('numpy' in sys.modules)"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(out.stdout.strip(), "False")


class Buffers(unittest.TestCase):
    def test_export(self):
        t = framejit.arange(6, dtype=framejit.int16).reshape(2, 3)
        m = memoryview(t)
        self.assertEqual((m.format, m.shape, m.strides, m.readonly), ("h", (2, 3), (6, 2), False))
        m[1, 2] = 99
        self.assertEqual(t[1, 2].item(), 99)
        self.assertEqual(bytes(framejit.tensor([1, 2], dtype=framejit.uint8)), b"\x01\x02")
        with self.assertRaises(BufferError):
            memoryview(framejit.zeros(2, dtype=framejit.bfloat16))

    def test_import(self):
        data = bytearray(range(8))
        t = framejit.frombuffer(data, dtype=framejit.int16, offset=2, count=2)
        self.assertEqual(t.tolist(), [0x0302, 0x0504])
        t.zero_()
        self.assertEqual(bytes(data), b"\0\1\0\0\0\0\6\7")
        self.assertEqual(framejit.as_tensor(array.array("d", [1, 2])).tolist(), [1, 2])
        for bad in (dict(offset=9), dict(count=9), dict(offset=1), dict(count=0)):
            with self.assertRaises(ValueError):
                framejit.frombuffer(data, dtype=framejit.int16, **bad)
        with self.assertRaisesRegex(TypeError, "dtype"):
            framejit.frombuffer(data)

    def test_dlpack(self):
        t = framejit.arange(6.0).reshape(2, 3)
        a = np.from_dlpack(t)
        self.assertEqual(a.tolist(), t.tolist())
        back = framejit.from_dlpack(np.arange(4, dtype=np.int32).reshape(2, 2))
        self.assertEqual((back.tolist(), back.dtype), ([[0, 1], [2, 3]], framejit.int32))
        capsule = t.__dlpack__()
        self.assertEqual(framejit.from_dlpack(capsule).data_ptr(), t.data_ptr())
        with self.assertRaises(RuntimeError):
            framejit.from_dlpack(capsule)
        for _ in range(100):
            t.__dlpack__()  # never consumed: freed with the capsule


class FromData(unittest.TestCase):
    def test_dtype_follows_the_data(self):
        for data, dtype in [
            (1, "int64"),
            (True, "bool"),
            (1.5, "float32"),
            ([1, 2.5], "float32"),
            ([True, 2], "int64"),
            ([], "float32"),
            (np.float64(2), "float64"),
            ([np.int32(1)], "int32"),
            (np.zeros(2, np.int8), "int8"),
        ]:
            self.assertEqual(framejit.tensor(data).dtype, getattr(framejit, dtype), repr(data))

    def test_nesting(self):
        self.assertEqual(framejit.tensor([[1, 2], (3, 4)]).shape, (2, 2))
        self.assertEqual(framejit.tensor([[], []]).shape, (2, 0))
        self.assertEqual(framejit.tensor([framejit.tensor(1), framejit.tensor(2)]).tolist(), [1, 2])
        self.assertEqual(framejit.tensor([np.arange(2), np.arange(2)]).tolist(), [[0, 1], [0, 1]])
        self.assertEqual(framejit.tensor(range(3)).tolist(), [0, 1, 2])

    def test_mistakes(self):
        for data, kind in [
            ([[1], [2, 3]], ValueError),
            ([[1], 2], TypeError),
            ("x", TypeError),
            (["x"], TypeError),
            (object(), RuntimeError),
            ([None], (RuntimeError, TypeError)),
            ({}, RuntimeError),
            (2**70, ValueError),
        ]:
            with self.assertRaises(
                (kind if isinstance(kind, tuple) else (kind, TypeError, RuntimeError)), msg=repr(data)
            ):
                framejit.tensor(data)
        loop = []
        loop.append(loop)
        with self.assertRaises(ValueError):
            framejit.tensor(loop)
        with self.assertRaises(RuntimeError):
            framejit.tensor([300], dtype=framejit.int8)

    def test_copy_or_share(self):
        a = np.zeros(2, np.float32)
        framejit.tensor(a)[0] = 1
        self.assertEqual(a[0], 0)
        framejit.as_tensor(a)[0] = 1
        self.assertEqual(a[0], 1)
        t = framejit.zeros(2)
        self.assertIs(framejit.as_tensor(t), t)
        self.assertIsNot(framejit.asarray(t, copy=True), t)


if __name__ == "__main__":
    unittest.main()
