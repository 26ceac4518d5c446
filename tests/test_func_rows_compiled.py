"""Every row of the op table inside transformations: directional derivatives against finite differences, eager and compiled;
second derivatives and vmap compiled against what tests/test_autograd_rows.py and tests/test_func_rows.py check eagerly.
"""
# run_tests: shards=4

import unittest

import framejit
import numpy as np
from framejit.func import grad, jvp, vmap

from tests import op_table
from tests import test_autograd_rows as autograd_rows
from tests import test_func_rows as batch_rows

EPS = 1e-6
COMPILED_SAMPLES = 2  # of each row: the rules are the same for all


# Their results' sizes, or those of their derivatives, are data: CPython carries the call out.
BREAK = {"masked_select", "masked_scatter"}


def compiled(function, key=""):
    return framejit.compile(function, fullgraph=key not in BREAK)


def tensors(arrays):
    return [framejit.tensor(a.tolist(), dtype=framejit.float64).reshape(a.shape) for a in arrays]


class Program:
    """A sample of a row as a function of its float64 tensors: results that are float64."""

    def __init__(self, row, call, args, kwargs, number):
        self.sample = autograd_rows.Sample(row, call, args, kwargs, np.random.default_rng(number + 1))
        self.call, self.floats, self.key = call, self.sample.floats, row.key
        self.args, self.kwargs, self.made = self.sample.tensors(self.floats, False)

    def usable(self):
        size = sum(v.size for v in self.floats)
        return 0 < size <= autograd_rows.LIMIT and all(np.isfinite(v).all() for v in self.floats)

    def __call__(self, *values):
        given = {id(old): new for old, new in zip(self.made, values)}

        def put(v):
            if isinstance(v, list):
                return [put(x) for x in v]
            return given.get(id(v), v) if isinstance(v, framejit.Tensor) else v

        outs = self.call(*[put(a) for a in self.args], **{k: put(v) for k, v in self.kwargs.items()})
        outs = outs if isinstance(outs, (tuple, list)) else (outs,)
        return tuple(o for o in outs if isinstance(o, framejit.Tensor) and o.dtype is framejit.float64)

    def direction(self):
        return tensors([self.sample.rng.standard_normal(v.shape) for v in self.floats])


def numbers(values):
    return np.concatenate([np.asarray(v.detach().numpy(), dtype=float).ravel() for v in values] or [np.zeros(0)])


class Directions(unittest.TestCase):
    def run_row(self, row, spec, call):
        done = 0
        for i, (args, kwargs) in enumerate(spec.samples("float64")):
            program = Program(row, call, args, kwargs, i)
            if i in autograd_rows.PARTIAL.get(row.key, ()) or not program.usable():
                continue
            with self.subTest(sample=i):
                self.check(program, f"{row.key} sample {i}", done < COMPILED_SAMPLES, row.key not in autograd_rows.ONCE)
            done += 1

    def check(self, program, where, also_compiled, second):
        xs, along = program.made, program.direction()
        outs = program(*xs)
        tracked = program(*(x.clone().requires_grad_() for x in xs))
        if not any(o.requires_grad for o in tracked) or not np.isfinite(numbers(outs)).all():
            return
        ahead, behind = (program(*(x + s * d for x, d in zip(xs, along))) for s in (EPS, -EPS))
        want = (numbers(ahead) - numbers(behind)) / (2 * EPS)
        push = lambda xs, ds: jvp(program, tuple(xs), tuple(ds))  # noqa: E731
        for name, run in (("eager", push), *([("compiled", compiled(push, program.key))] if also_compiled else ())):
            values, tangents = run(xs, along)
            np.testing.assert_allclose(numbers(values), numbers(outs), rtol=1e-9, atol=1e-9, err_msg=f"{where} {name}")
            np.testing.assert_allclose(
                numbers(tangents),
                want,
                rtol=1e-4,
                atol=1e-4 * (1 + np.abs(want).max(initial=0)),
                err_msg=f"{where} {name}",
            )
        if also_compiled and second:
            self.check_second(program, where, outs)

    def check_second(self, program, where, outs):
        xs, along, weights = program.made, program.direction(), [framejit.rand_like(o) for o in outs]

        def slope(values):
            loss = lambda vs: sum((o * w).sum() for o, w in zip(program(*vs), weights))  # noqa: E731
            return sum((g * d).sum() for g, d in zip(grad(loss)(values), along))

        want = grad(slope)(xs)
        got = compiled(lambda values: grad(slope)(values), program.key)(xs)
        np.testing.assert_allclose(numbers(got), numbers(want), rtol=1e-7, atol=1e-8, err_msg=f"{where} twice")


class Batches(batch_rows.Batched):
    """The cases of tests/test_func_rows.py, compiled: the batch in front, and behind."""

    def run_row(self, row, spec, call):
        self.key = row.key
        self.left = 2 * COMPILED_SAMPLES
        super().run_row(row, spec, call)

    def run_case(self, call, args, kwargs, dims, where):
        if self.left > 0:
            self.left -= 1
            super().run_case(call, args, kwargs, dims, where)

    def mapped(self, fn, in_dims):
        return compiled(vmap(fn, in_dims=in_dims), self.key)


op_table.add_float64_tests(Directions, framejit, but=autograd_rows.NOT_SMOOTH | op_table.SYMMETRIC)

if __name__ == "__main__":
    unittest.main()
