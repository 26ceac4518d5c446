"""Every row of the op table compiled: results, layouts and gradients are those of the eager call."""
# run_tests: shards=4

import os
import unittest

import framejit

from tests import op_table
from tests.test_ops_matrix import to_tensor

DTYPES = os.environ.get("FRAMEJIT_MATRIX_DTYPES", "float32,float64,float16,int64,uint8,bool").split(",")
# their results are draws, memory as it was, or depend on data in size (capture breaks the graph there)
SKIPPED = {"empty", "empty_like", "empty_strided", "new_empty"}


def flat(value):
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in flat(v)]
    return [value]


def same(got, want):
    if not isinstance(want, framejit.Tensor):
        return got == want
    if got.dtype is not want.dtype or got.shape != want.shape or got.stride() != want.stride():
        return False
    if want.dtype.is_floating_point:
        tol = {framejit.float64: 1e-10, framejit.float32: 2e-5}.get(want.dtype, 1e-2)
        return framejit.allclose(got.detach().double(), want.detach().double(), rtol=tol, atol=tol, equal_nan=True)
    return bool((got == want).all())


def describe(value):
    if isinstance(value, framejit.Tensor):
        return f"{value.dtype} {tuple(value.shape)} {value.stride()} {value.tolist()}"
    return repr(value)


def differentiable(t):
    return isinstance(t, framejit.Tensor) and t.dtype in (framejit.float32, framejit.float64)


class CompiledMatrix(unittest.TestCase):
    def compare(self, call, args, kwargs, grad, where):
        def run(function):
            framejit.manual_seed(7)
            leaves = []

            def fresh(v):
                if isinstance(v, (list, tuple)):
                    return type(v)(fresh(x) for x in v)
                if not isinstance(v, framejit.Tensor):
                    return v
                t = v.detach()
                if grad and differentiable(t):
                    t = t.requires_grad_()
                    leaves.append(t)
                return t

            outs = flat(function(*[fresh(a) for a in args], **{k: fresh(v) for k, v in kwargs.items()}))
            grads = []
            tracked = [o for o in outs if differentiable(o) and o.requires_grad]
            if tracked and leaves:
                weights = [framejit.linspace(0.5, 1.5, o.numel(), dtype=o.dtype).view(o.shape) for o in tracked]
                grads = framejit.autograd.grad([o for o in tracked], leaves, weights, allow_unused=True)
            return outs, list(grads)

        try:
            want, want_grads = run(call)
        except (RuntimeError, NotImplementedError, TypeError, IndexError, ValueError):
            return  # the eager matrix speaks about these
        got, got_grads = run(framejit.compile(lambda *a, **k: call(*a, **k)))
        self.assertEqual(len(got), len(want), where)
        for g, w in zip(got, want):
            self.assertTrue(same(g, w), f"{where}\n got {describe(g)}\nwant {describe(w)}")
        for g, w in zip(got_grads, want_grads):
            if g is None or w is None:
                self.assertTrue(
                    (g is None) == (w is None) or not (g if w is None else w).any(),
                    f"{where}: gradient of unused input",
                )
                continue
            close = framejit.allclose(g, w, rtol=1e-4, atol=1e-5, equal_nan=True)
            self.assertTrue(close, f"{where}: gradient\n got {describe(g)}\nwant {describe(w)}")

    def run_row(self, row, spec, dtype):
        call = op_table.function(framejit, row)
        if call is None:
            return
        for i, (args, kwargs) in enumerate(spec.samples(dtype)):
            for strided in (False, True):
                if strided and row.key == "view":
                    continue
                values = [to_tensor(a, dtype, strided) for a in args]
                named = {k: to_tensor(v, dtype, strided) for k, v in kwargs.items()}
                where = f"{row.key} {dtype} sample {i} {'strided' if strided else 'contiguous'}"
                self.compare(call, values, named, dtype.startswith("float"), where)


def add_test(row, spec, dtype):
    def test(self):
        self.run_row(row, spec, dtype)

    test.__name__ = f"test_{row.schema.ident}_{dtype}"
    setattr(CompiledMatrix, test.__name__, test)


for _row, _spec in op_table.rows():
    if op_table.is_internal(_row) or _row.schema.name in SKIPPED:
        continue
    for _dtype in _spec.dtypes:
        if _dtype in DTYPES:
            add_test(_row, _spec, _dtype)

if __name__ == "__main__":
    unittest.main()
