"""Every row with a batching rule: vmap of the op against a Python loop over the batch."""
# run_tests: shards=2

import unittest

import framejit
import numpy as np
from framejit.func import vmap

from tests import op_table
from tests.test_ops_matrix import to_tensor

BATCH = 3
RANDOM = {
    "rand_like",
    "randn_like",
    "randint_like",
    "randint_like.low",
    "bernoulli",
    "bernoulli.p",
    "normal",
    "multinomial",
    "empty_like",
    "new_empty",
}
SKIP = RANDOM | {
    "linalg_cholesky",  # shuffled elements are no positive definite matrix; tests/test_ops_linalg.py maps them
    "cholesky",
    "view_dtype",
    "as_strided",
    "masked_select",
    "nonzero",
    "bincount",
    "_unique",
    "one_hot",
    "batch_norm",
    "instance_norm",  # running statistics would be written once for all entries, which vmap refuses
}


def is_array(v):
    return isinstance(v, np.ndarray)


def numbers(v):
    return is_array(v) or (isinstance(v, list) and bool(v) and is_array(v[0]))


def variations(value, dim, rng):
    """The array BATCH times with other values of the same kind, stacked at `dim`."""
    parts = []
    for i in range(BATCH):
        if value.dtype.kind == "f":
            # The same elements in another order: still in the op's domain, still distinct.
            flat = value.reshape(-1).copy()
            rng.shuffle(flat)
            parts.append(flat.reshape(value.shape))
        else:
            parts.append(np.roll(value.reshape(-1), i).reshape(value.shape))
    return np.stack(parts, dim % (value.ndim + 1))


class Batched(unittest.TestCase):
    def mapped(self, fn, in_dims):
        return vmap(fn, in_dims=in_dims)

    def run_case(self, call, args, kwargs, dims, where):
        """`dims`: for every tensor argument where its batch is, or None."""
        rng = np.random.default_rng(0)
        batched, slices = [], [[] for _ in range(BATCH)]
        for a, d in zip(args, dims):
            if not numbers(a) or d is None:
                batched.append(to_tensor(a, "float64") if numbers(a) else a)
                for s in slices:
                    s.append(batched[-1])
                continue
            many = [variations(v, d, rng) for v in a] if isinstance(a, list) else variations(a, d, rng)
            whole = to_tensor(many, "float64")
            batched.append(whole)
            for i, s in enumerate(slices):
                one = [w.select(d, i) for w in whole] if isinstance(whole, list) else whole.select(d, i)
                s.append(one)
        fixed = {k: to_tensor(v, "float64") if numbers(v) else v for k, v in kwargs.items()}
        tensor_args = [i for i, a in enumerate(args) if numbers(a)]

        def fn(*tensors):
            full = list(batched)
            for i, t in zip(tensor_args, tensors):
                full[i] = t
            out = call(*full, **fixed)
            return tuple(out) if isinstance(out, (tuple, list)) else out

        want = [call(*s, **fixed) for s in slices]
        got = self.mapped(fn, tuple(dims[i] for i in tensor_args))(*[batched[i] for i in tensor_args])
        many = isinstance(want[0], (tuple, list))
        for k in range(len(want[0]) if many else 1):
            w = framejit.stack([x[k] if many else x for x in want])
            g = got[k] if many else got
            self.assertEqual(tuple(g.shape), tuple(w.shape), where)
            self.assertEqual(g.dtype, w.dtype, where)
            np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=1e-9, atol=1e-10, err_msg=where)

    def run_row(self, row, spec, call):
        for i, (args, kwargs) in enumerate(spec.samples("float64")):
            places = [k for k, a in enumerate(args) if numbers(a)]
            if not places or any(v.size > 300 for a in args if numbers(a) for v in (a if isinstance(a, list) else [a])):
                continue
            cases = [{p: 0 for p in places}, {p: -1 for p in places}]
            if len(places) > 1:
                cases += [{p: 0} for p in places]
            for case in cases:
                dims = [(case[k] if k in case else None) if numbers(a) else None for k, a in enumerate(args)]
                where = f"{row.key} sample {i} in_dims {[d for d, a in zip(dims, args) if numbers(a)]}"
                with self.subTest(where=where):
                    self.run_case(call, args, kwargs, dims, where)


op_table.add_float64_tests(Batched, framejit, but=SKIP)

if __name__ == "__main__":
    unittest.main()
