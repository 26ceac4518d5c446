"""The derivative of every row of the op table, along random directions, against finite differences of the op itself.

A sample's float tensors move along a random direction; the change of a random combination of the results must be what
the gradients say. A second pass does the same for the gradient, so that double backward is covered.
"""
# run_tests: shards=2

import unittest

import framejit
import numpy as np

from tests import op_table
from tests.test_ops_matrix import to_tensor

EPS = 1e-6
LIMIT = 200  # elements of a sample: larger ones only cost time

# Rows whose value jumps, whose results are no function of the input, or whose derivative is missing and says so.
NOT_SMOOTH = {
    "floor",
    "ceil",
    "trunc",
    "round",
    "sign",
    "sgn",
    "heaviside",
    "floor_divide",
    "_trunc_divide",
    "signbit",
    "nextafter",
    "trigamma",
    "bernoulli",
    "bernoulli.p",
    "rand_like",
    "randn_like",
    "empty_like",
    "empty",
    "normal",
    "multinomial",
}
# Float arguments that are constants to the op.
CONSTANTS = {"running_mean", "running_var"}
# Arguments whose values are labels.
LABELS = op_table.NO_DERIVATIVE | {
    "hinge_embedding_loss": {"target"},
    "margin_ranking_loss": {"target"},
    "cosine_embedding_loss": {"target"},
}
# Samples in which the rule gives no full derivative on purpose (the padding row, scaled by frequency).
PARTIAL = {"embedding": (1, 2)}
# Rows whose second derivative is missing and says so.
ONCE = {"digamma"}


def is_float_array(v):
    return isinstance(v, np.ndarray) and v.dtype == np.float64


def leaves_of(value):
    if isinstance(value, list) and any(isinstance(v, np.ndarray) for v in value):
        return value
    return [value]


class Constant:
    """A float tensor that stays where it is."""

    def __init__(self, value):
        self.value = value


class Sample:
    """A call of a row with its float64 tensors as one vector."""

    def __init__(self, row, call, args, kwargs, rng):
        constant = CONSTANTS | LABELS.get(row.key, set())
        self.call, self.rng = call, rng
        names = [a.name for a in row.schema.args]
        self.args = [Constant(a) if n in constant and is_float_array(a) else a for n, a in zip(names, args)]
        self.kwargs = {k: Constant(v) if k in constant and is_float_array(v) else v for k, v in kwargs.items()}
        args, kwargs = self.args, self.kwargs
        self.floats = [v for a in [*args, *kwargs.values()] for v in leaves_of(a) if is_float_array(v)]

    def tensors(self, values, grad):
        it = iter(values)

        def convert(v):
            if isinstance(v, list) and any(isinstance(x, np.ndarray) for x in v):
                return [convert(x) for x in v]
            if is_float_array(v):
                t = framejit.tensor(next(it).tolist(), dtype=framejit.float64).reshape(v.shape)
                t = t.requires_grad_() if grad else t
                made.append(t)
                return t
            return to_tensor(v.value if isinstance(v, Constant) else v, "float64")

        made = []
        args = [convert(a) for a in self.args]
        kwargs = {k: convert(v) for k, v in self.kwargs.items()}
        return args, kwargs, made

    def run(self, values, grad=False):
        args, kwargs, made = self.tensors(values, grad)
        outs = self.call(*args, **kwargs)
        outs = outs if isinstance(outs, (tuple, list)) else [outs]
        return [o for o in outs if isinstance(o, framejit.Tensor) and o.dtype is framejit.float64], made


def weights_for(outs, rng):
    return [
        framejit.tensor(rng.standard_normal(tuple(o.shape)).tolist(), dtype=framejit.float64).reshape(o.shape)
        for o in outs
    ]


def combined(outs, weights):
    total = framejit.zeros((), dtype=framejit.float64)
    for o, w in zip(outs, weights):
        total = total + (o * w).sum()
    return total


def at(values, direction, step):
    return [v + step * d for v, d in zip(values, direction)]


class Derivatives(unittest.TestCase):
    def check_sample(self, s, where, second):
        outs, made = s.run(s.floats, grad=True)
        weights = weights_for(outs, s.rng)
        loss = combined(outs, weights)
        if not loss.requires_grad or not np.isfinite(loss.item()):
            return False
        grads = framejit.autograd.grad(loss, made, create_graph=second, allow_unused=True)
        direction = [s.rng.standard_normal(v.shape) for v in s.floats]
        value = lambda step: combined(s.run(at(s.floats, direction, step))[0], weights).item()  # noqa: E731
        numeric = (value(EPS) - value(-EPS)) / (2 * EPS)
        exact = sum(float((g.detach().numpy() * d).sum()) for g, d in zip(grads, direction) if g is not None)
        for g, m in zip(grads, made):
            if g is not None:
                self.assertEqual(tuple(g.shape), tuple(m.shape), where)
        self.assertLess(
            abs(numeric - exact), 1e-4 * (1 + abs(numeric)), f"{where}: {numeric} numerically, {exact} by the rule"
        )
        if second:
            self.check_second(s, weights, where)
        return True

    def check_second(self, s, weights, where):
        directions = [s.rng.standard_normal(v.shape) for v in s.floats]

        def first(values, create):
            outs, made = s.run(values, grad=True)
            loss = combined(outs, weights)
            found = framejit.autograd.grad(loss, made, create_graph=create, allow_unused=True)
            total = framejit.zeros((), dtype=framejit.float64)
            for g, d in zip(found, directions):
                if g is not None:
                    total = total + (g * framejit.tensor(d.tolist(), dtype=framejit.float64).reshape(g.shape)).sum()
            return total, made

        total, made = first(s.floats, True)
        exact = 0.0
        step = [s.rng.standard_normal(v.shape) for v in s.floats]
        if total.requires_grad:
            found = framejit.autograd.grad(total, made, allow_unused=True)
            exact = sum(float((g.detach().numpy() * d).sum()) for g, d in zip(found, step) if g is not None)
        numeric = (
            first(at(s.floats, step, EPS), False)[0].item() - first(at(s.floats, step, -EPS), False)[0].item()
        ) / (2 * EPS)
        self.assertLess(
            abs(numeric - exact),
            2e-4 * (1 + abs(numeric)),
            f"{where}, second derivative: {numeric} numerically, {exact} by the rule",
        )

    def run_row(self, row, spec, call):
        checked = 0
        for i, (args, kwargs) in enumerate(spec.samples("float64")):
            s = Sample(row, call, args, kwargs, np.random.default_rng(i + 1))
            size = sum(v.size for v in s.floats)
            if (
                i in PARTIAL.get(row.key, ())
                or not s.floats
                or size == 0
                or size > LIMIT
                or not all(np.isfinite(v).all() for v in s.floats)
            ):
                continue
            with self.subTest(sample=i):
                checked += self.check_sample(s, f"{row.key} sample {i}", second=row.key not in ONCE)
        return checked


op_table.add_float64_tests(Derivatives, framejit, but=NOT_SMOOTH | op_table.SYMMETRIC)

if __name__ == "__main__":
    unittest.main()
