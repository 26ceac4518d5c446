"""Gradients of compiled functions of every differentiable row against finite differences, in float64."""

import unittest

import framejit
import numpy as np

from tests import op_table
from tests.test_ops_matrix import to_tensor


class Gradients(unittest.TestCase):
    STEP, TOLERANCE = 1e-6, 2e-4

    def run_row(self, row, spec):
        op = op_table.function(framejit, row)
        call = framejit.compile(lambda *a, **k: op(*a, **k), dynamic=False)
        checked = 0
        for i, (args, kwargs) in enumerate(spec.samples("float64", seed=2)):
            if checked == 4:
                break
            names = [a.name for a in row.schema.args]
            wanted = [
                k
                for k, a in enumerate(args)
                if k < len(names)
                and isinstance(a, np.ndarray)
                and a.dtype == np.float64
                and 0 < a.size <= 60
                and self.differentiable(row, names[k])
            ]
            if wanted and self.sample(row, call, args, kwargs, wanted, f"{row.key} sample {i}"):
                checked += 1

    @staticmethod
    def differentiable(row, name):
        if name.startswith("running_") or name in op_table.NO_DERIVATIVE.get(row.key, ()):
            return False
        rule = row.cols["vjp"]
        if isinstance(rule, dict):
            return name in rule
        if rule.startswith("fn:"):
            return name in (row.cols.get("diff") or [row.schema.args[0].name])
        return row.kind == "composite" and name not in ("target", "weight", "pos_weight")

    def sample(self, row, call, args, kwargs, wanted, where):
        keywords = {k: to_tensor(v, "float64") for k, v in kwargs.items()}
        tensors = [to_tensor(a, "float64") for a in args]
        for k in wanted:
            tensors[k].requires_grad_()
        out = self.first(call(*tensors, **keywords))
        if out is None or not out.requires_grad:
            return False
        seed = np.random.default_rng(5).uniform(0.5, 1.5, tuple(out.shape))
        grads = framejit.autograd.grad(out, [tensors[k] for k in wanted], self.tensor(seed), allow_unused=True)
        for k, grad in zip(wanted, grads, strict=True):
            have = np.zeros(args[k].shape) if grad is None else grad.numpy()
            np.testing.assert_allclose(
                have,
                self.numeric(call, args, keywords, k, seed),
                self.TOLERANCE,
                self.TOLERANCE,
                err_msg=f"{where}, argument {k}",
            )
        return True

    def numeric(self, call, args, keywords, k, seed):
        base, grad = np.array(args[k], dtype=np.float64), np.zeros(args[k].shape)
        for at in np.ndindex(base.shape):
            ends = []
            for sign in (1, -1):
                moved = base.copy()
                moved[at] += sign * self.STEP
                tensors = [self.tensor(moved) if j == k else to_tensor(a, "float64") for j, a in enumerate(args)]
                ends.append(float((self.first(call(*tensors, **keywords)).detach().numpy() * seed).sum()))
            grad[at] = (ends[0] - ends[1]) / (2 * self.STEP)
        return grad

    @staticmethod
    def tensor(a):
        return framejit.from_numpy(np.array(a)) if np.ndim(a) else framejit.tensor(float(a), dtype=framejit.float64)

    @staticmethod
    def first(result):
        for r in result if isinstance(result, (tuple, list)) else [result]:
            if r.is_floating_point():
                return r
        return None


# Steps and selections whose derivative jumps within the samples, or that draw fresh numbers.
JUMPS = {
    "nan_to_num",
    "remainder",
    "fmod",
    "_trunc_divide",
    "floor_divide",
    "div.mode",
    "frac",
    "round",
    "floor",
    "ceil",
    "trunc",
    "sign",
    "sgn",
    "heaviside",
    "nextafter",
    "copysign",
    "median",
    "median.dim",
    "embedding",
}


def add_tests():
    for row, spec in op_table.rows():
        if op_table.is_internal(row):
            continue
        if "float64" in spec.dtypes and row.key not in JUMPS | op_table.SYMMETRIC:
            setattr(Gradients, f"test_{row.schema.ident}", lambda self, r=row, s=spec: self.run_row(r, s))


add_tests()

if __name__ == "__main__":
    unittest.main()
