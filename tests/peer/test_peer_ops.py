"""Every row of the op table against torch 2.13: values, dtypes, sizes, errors' absence, gradients; eager and compiled."""
# run_tests: shards=2

import unittest

import framejit
import numpy as np

from tests import op_samples, op_table
from tests.test_ops_matrix import TOLERANCE, to_numpy, to_tensor

try:
    import torch
except ImportError:
    torch = None

# Where NumPy's semantics differ or PyTorch has no such public op.
NOT_IN_TORCH = {
    "_p_norm",
    "_trunc_divide",
    "slice",
    "view_dtype",
    "reflection_pad",
    "replication_pad",
    "circular_pad",
    # Other argument lists than torch's private forms; tests/peer/test_peer_nn.py compares the public ones.
    "batch_norm",
    "instance_norm",
    "native_group_norm",
    "convolution",
    "tensordot",
}


def torch_value(value, dtype, strided=False):
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return [torch_value(v, dtype, strided) for v in value]
    if isinstance(value, op_samples.Dtype):
        return getattr(torch, value.name)
    if not isinstance(value, np.ndarray):
        return value
    t = torch.from_numpy(np.array(value))
    if dtype == "bfloat16" and value.dtype == np.float32:
        t = t.to(torch.bfloat16)
    if strided and t.dim():
        wide = torch.zeros((*t.shape[:-1], t.shape[-1] * 2 + 1), dtype=t.dtype)
        wide[..., 1::2] = t
        t = wide[..., 1::2]
    return t


def torch_numpy(t):
    if isinstance(t, (tuple, list)):
        return [torch_numpy(v) for v in t]
    if not isinstance(t, torch.Tensor):
        return np.asarray(t)
    t = t.detach()
    return (t.float() if t.dtype == torch.bfloat16 else t).numpy(force=True)


def differentiable(values):
    return [v for v in values if getattr(v, "requires_grad", False)]


def require_grad(values):
    out = []
    for v in values:
        for x in v if isinstance(v, list) else [v]:
            if hasattr(x, "requires_grad_") and x.is_floating_point():
                x.requires_grad_()
                out.append(x)
    return out


def first_float(result):
    for r in result if isinstance(result, (tuple, list)) else [result]:
        if hasattr(r, "is_floating_point") and r.is_floating_point() and r.requires_grad:
            return r
    return None


@unittest.skipIf(torch is None, "torch is not installed")
class PeerOps(unittest.TestCase):
    def compare(self, got, want, dtype, where, scale=1):
        if isinstance(want, (tuple, list)):
            self.assertEqual(len(got), len(want), where)
            for g, w in zip(got, want, strict=True):
                self.compare(g, w, dtype, where, scale)
            return
        self.assertEqual(tuple(got.shape), tuple(want.shape), where)
        self.assertEqual(str(got.dtype).split(".")[-1], str(want.dtype).split(".")[-1], where)
        g, w = to_numpy(got), torch_numpy(want)
        if g.dtype.kind == "f":
            rtol, atol = TOLERANCE[str(got.dtype).split(".")[-1]]
            np.testing.assert_allclose(
                g.astype(np.float64), w.astype(np.float64), rtol * scale, atol * scale, err_msg=where
            )
        else:
            np.testing.assert_array_equal(g, w, err_msg=where)

    def run_row(self, row, spec, dtype, compiled=False):
        ours, theirs = op_table.function(framejit, row), op_table.function(torch, row)
        if theirs is None:
            self.skipTest(f"torch has no public {row.key}")
        call = framejit.compile(lambda *a, **k: ours(*a, **k), dynamic=False) if compiled else ours
        for i, (args, kwargs) in enumerate(spec.samples(dtype, seed=1)):
            for strided in (False, True):
                where = f"{row.key} {dtype} sample {i} {'strided' if strided else 'contiguous'}"
                a = [to_tensor(v, dtype, strided) for v in args]
                b = [torch_value(v, dtype, strided) for v in args]
                ka = {k: to_tensor(v, dtype, strided) for k, v in kwargs.items()}
                kb = {k: torch_value(v, dtype, strided) for k, v in kwargs.items()}
                try:
                    want = theirs(*b, **kb)
                except (RuntimeError, TypeError, NotImplementedError) as e:
                    with self.assertRaises(
                        (RuntimeError, TypeError, NotImplementedError), msg=f"{where}: torch raises {e}"
                    ):
                        call(*a, **ka)
                    continue
                self.compare(call(*a, **ka), want, dtype, where)
                if dtype == "float64" and not strided:
                    self.gradients(call, theirs, args, kwargs, where)

    def gradients(self, call, theirs, args, kwargs, where):
        a, b = [to_tensor(v, "float64") for v in args], [torch_value(v, "float64") for v in args]
        xs, ys = require_grad(a), require_grad(b)
        if not ys:
            return
        try:
            want = first_float(theirs(*b, **{k: torch_value(v, "float64") for k, v in kwargs.items()}))
            if want is None:
                return
            seed = np.random.default_rng(3).uniform(0.5, 1.5, tuple(want.shape))
            wanted = torch.autograd.grad(want, ys, torch.from_numpy(np.asarray(seed)), allow_unused=True)
        except (RuntimeError, NotImplementedError):
            return  # torch has no derivative with respect to one of the arguments
        got = first_float(call(*a, **{k: to_tensor(v, "float64") for k, v in kwargs.items()}))
        if got is None:
            self.assertFalse(
                any(w is not None and torch.count_nonzero(w) for w in wanted),
                f"{where}: the result does not require grad",
            )
            return
        have = framejit.autograd.grad(
            got,
            xs,
            framejit.from_numpy(np.asarray(seed))
            if seed.ndim
            else framejit.tensor(float(seed), dtype=framejit.float64),
            allow_unused=True,
        )
        for k, (g, w) in enumerate(zip(have, wanted, strict=True)):
            if w is None or g is None:
                self.assertTrue(
                    (w is None or not torch.count_nonzero(w)) and (g is None or not framejit.count_nonzero(g)),
                    f"{where}: gradient {k}",
                )
                continue
            self.compare(g, w, "float64", f"{where}: gradient {k}", scale=100)


def add_test(row, spec, dtype, compiled):
    def test(self):
        self.run_row(row, spec, dtype, compiled)

    name = f"test_{row.schema.ident}_{dtype}{'_compiled' if compiled else ''}"
    test.__name__ = name
    setattr(PeerOps, name, test)


for _row, _spec in op_table.rows():
    if _row.key in NOT_IN_TORCH or _row.schema.name.startswith("_") or op_table.is_internal(_row):
        continue
    for _dtype in _spec.dtypes:
        add_test(_row, _spec, _dtype, False)
        if _dtype == "float32":
            add_test(_row, _spec, _dtype, True)

if __name__ == "__main__":
    unittest.main()
