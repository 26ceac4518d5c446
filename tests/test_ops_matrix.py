"""Every row of the op table × dtype × layout against its NumPy reference, in plain eager calls.

The compiled half of the matrix is tests/test_compile_matrix.py; comparison with the peer is tests/peer/test_peer_ops.py.
"""
# run_tests: shards=2

import unittest

import framejit
import numpy as np

from tests import op_samples, op_table

TOLERANCE = {"float64": (1e-10, 1e-10), "float32": (2e-5, 2e-5), "float16": (5e-3, 5e-3), "bfloat16": (4e-2, 4e-2)}


def to_tensor(value, dtype, strided=False):
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return [to_tensor(v, dtype, strided) for v in value]
    if isinstance(value, op_samples.Dtype):
        return getattr(framejit, value.name)
    if not isinstance(value, np.ndarray):
        return value
    half = dtype == "bfloat16" and value.dtype == np.float32
    if strided and value.ndim:
        wide = np.zeros((*value.shape[:-1], value.shape[-1] * 2 + 1), value.dtype)
        wide[..., 1::2] = value
        t = framejit.from_numpy(wide)
        return (t.to(framejit.bfloat16) if half else t)[..., 1::2]
    t = (
        framejit.from_numpy(np.array(value))
        if value.ndim
        else framejit.tensor(value.item(), dtype=getattr(framejit, str(value.dtype)))
    )
    return t.to(framejit.bfloat16) if half else t


def to_numpy(t):
    if isinstance(t, (tuple, list)):
        return [to_numpy(v) for v in t]
    if not isinstance(t, framejit.Tensor):
        return np.asarray(t)
    if t.dtype is framejit.bfloat16:
        t = t.to(framejit.float32)
    return t.detach().numpy()


def as_float(value, dtype):
    """Half-precision references are computed in float32: NumPy would round in between."""
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return [as_float(v, dtype) for v in value]
    if isinstance(value, np.ndarray) and value.dtype == np.float16:
        return value.astype(np.float32)
    return value


class OpMatrix(unittest.TestCase):
    maxDiff = None

    def check(self, got, want, dtype, loose, where):
        if isinstance(want, (tuple, list)):
            for g, w in zip(got, want, strict=True):
                self.check(g, w, dtype, loose, where)
            return
        got, want = np.asarray(got), np.asarray(want)
        self.assertEqual(got.shape, want.shape, where)
        if got.dtype.kind == "f" and want.dtype.kind in "fiub":
            kind = dtype if dtype in TOLERANCE else {4: "float32", 2: "float16", 8: "float64"}[got.dtype.itemsize]
            rtol, atol = TOLERANCE[kind]
            scale = 10 if loose else 1
            if kind == "float16":  # the reference was computed in float32, whose finite range is wider
                want = np.where(np.isfinite(want), np.clip(want, -65504, 65504), want)
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(
                    got.astype(np.float64), want.astype(np.float64), rtol * scale, atol * scale, err_msg=where
                )
        else:
            np.testing.assert_array_equal(
                got, want.astype(got.dtype) if want.dtype != got.dtype else want, err_msg=where
            )

    def run_row(self, row, spec, dtype):
        call = op_table.function(framejit, row)
        self.assertIsNotNone(call, f"{row.key} is not reachable from Python")
        for i, (args, kwargs) in enumerate(spec.samples(dtype)):
            try:
                want = op_table.reference(
                    row, [as_float(a, dtype) for a in args], {k: as_float(v, dtype) for k, v in kwargs.items()}
                )
            except (TypeError, ValueError, np.exceptions.AxisError):
                want = None
            for strided in (False, True):
                if strided and row.key == "view":
                    continue  # not every strided tensor has a view of other sizes
                where = f"{row.key} {dtype} sample {i} {'strided' if strided else 'contiguous'}"
                got = call(
                    *[to_tensor(a, dtype, strided) for a in args],
                    **{k: to_tensor(v, dtype, strided) for k, v in kwargs.items()},
                )
                if want is not None:
                    result = got[0] if isinstance(got, tuple) and not isinstance(want, (tuple, list)) else got
                    self.check(to_numpy(result), want, dtype, row.cols.get("tol") == "loose", where)


def add_test(row, spec, dtype):
    def test(self):
        self.run_row(row, spec, dtype)

    name = f"test_{row.schema.ident}_{dtype}"
    test.__name__ = name
    setattr(OpMatrix, name, test)


for _row, _spec in op_table.rows():
    if op_table.is_internal(_row):
        continue
    for _dtype in _spec.dtypes:
        add_test(_row, _spec, _dtype)

if __name__ == "__main__":
    unittest.main()
