"""Sparse tensors against PyTorch: the same expressions give the same layout, parts and values, or the same type of error."""

import random
import unittest
import warnings

import framejit as fj
import torch

from tests import sparse_gradients

EXPRESSIONS = """
s; s.coalesce(); s * 2; s / 3; -s; s.abs(); s.sin(); s.sqrt(); s + s; s + o; s - o; s.add(o, alpha=2); c * o; s * d; d * s; d + s; d - s
s @ m; m.t() @ s.t(); lib.mm(s, m); lib.sparse.mm(s, m); lib.sparse.mm(s, o.t()); s @ v; lib.mv(s, v); s.t(); s.transpose(0, 1)
lib.addmm(q, s, m, beta=2, alpha=3); lib.sparse.addmm(q, s, m); lib.sparse.sum(s); s.sum(0); s.sum(1); s.sum((0, 1)); s.norm()
s[0]; s[-1]; s[1, 2]; s[:, 1]; s[0:1]; s.index_select(1, i); lib.cat([s, o]); lib.cat([s, o], 1); lib.stack([s, o]); s.unsqueeze(1)
s.double(); s.long(); s.to_sparse_csr(); s.to_sparse_csc(); s.to_dense(); r; r.to_dense(); r.to_sparse(); r * 2; r + r; r @ m; r.t()
r.sum(); r.sum(0); r[0]; r.sin(); r * d; r.crow_indices(); r.col_indices(); r.indices(); s.indices(); c.values(); s.crow_indices()
s.cos(); s + 1; s + d; s == s; s.view(6); s.numpy(); s.tolist(); s.mean(); lib.equal(s, s); bool(s); float(s); s.reshape(6)
d.sparse_mask(c); lib.sparse.softmax(c, 1); lib.sparse.log_softmax(c, 0); lib.zeros_like(s); s.permute(1, 0); len(s); s.dim()
lib.sparse_coo_tensor(s._indices()[0], s._values()); lib.sparse_coo_tensor(s._indices(), s._values()[:1]); d.to_sparse(1); d.to_sparse(9)
s.is_sparse; s.layout; r.layout; r.is_sparse_csr; s.is_coalesced(); c.is_coalesced(); s._nnz(); d.coalesce(); d.values(); lib.dot(s, s)
""".replace("\n", ";")


def given(lib, seed):
    chance = random.Random(seed)
    n, k, count = chance.randint(1, 4), chance.randint(3, 5), chance.randint(0, 6)

    def coo():
        places = [[chance.randrange(n) for _ in range(count)], [chance.randrange(k) for _ in range(count)]]
        values = [float(chance.randint(1, 9)) for _ in range(count)]
        indices = lib.tensor(places, dtype=lib.int64).reshape(2, count)
        return lib.sparse_coo_tensor(indices, lib.tensor(values), (n, k))

    s, o = coo(), coo()
    return {
        "lib": lib,
        "s": s,
        "c": s.coalesce(),
        "o": o,
        "r": s.to_sparse_csr(),
        "d": lib.arange(float(n * k)).reshape(n, k),
        "m": lib.arange(float(k * 2)).reshape(k, 2),
        "q": lib.ones(n, 2),
        "v": lib.arange(float(k)),
        "i": lib.tensor([1, 0, 1, 2]),
    }


def told(lib, value):
    if not isinstance(value, lib.Tensor):
        return repr(value).replace("framejit.", "torch.")
    dense = value.to_dense()
    return (
        str(value.layout).split(".")[-1],
        str(value.dtype).split(".")[-1],
        tuple(value.shape),
        [round(float(x), 4) for x in dense.flatten().to(lib.float64).nan_to_num().tolist()],
    )


def outcome(lib, expression, names):
    try:
        return told(lib, eval(expression, names))
    except Exception as error:
        return type(error)


class Sparse(unittest.TestCase):
    def test_as_in_pytorch(self):
        cases = [e.strip() for e in EXPRESSIONS.split(";") if e.strip()]
        warnings.simplefilter("ignore")
        for seed in range(12):
            mine, theirs = given(fj, seed), given(torch, seed)
            for expression in cases:
                with self.subTest(expression, seed=seed):
                    self.assertEqual(outcome(fj, expression, mine), outcome(torch, expression, theirs))

    def test_gradients(self):
        def run(lib):
            indices = lib.tensor([[0, 1, 1], [2, 0, 2]])
            m = lib.arange(6.0).reshape(3, 2).requires_grad_()
            found = []
            for f in (
                lambda s: (lib.sparse.mm(s, m) ** 2).sum(),
                lambda s: (s.to_dense() ** 3).sum(),
                lambda s: lib.sparse.sum(s, 0).to_dense().pow(2).sum(),
                lambda s: lib.sparse.mm(s, s.t()).to_dense().sum(),
                lambda s: (lib.sparse.softmax(s, 1).to_dense() * lib.arange(6.0).reshape(2, 3)).sum(),
            ):
                m.grad = None
                s = lib.sparse_coo_tensor(indices, lib.tensor([3.0, 4.0, 5.0]), (2, 3), requires_grad=True)
                f(s).backward()
                found.append((told(lib, s.grad), m.grad is not None and m.grad.tolist()))
            return found

        self.assertEqual(run(fj), run(torch))

    def test_gradients_of_rows(self):
        for name, program in sparse_gradients.PROGRAMS.items():
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.close(program(fj), program(torch))

    def close(self, ours, theirs):
        if isinstance(theirs, (list, tuple)):
            self.assertEqual(len(ours), len(theirs))
            for a, b in zip(ours, theirs):
                self.close(a, b)
        elif isinstance(theirs, float):
            self.assertAlmostEqual(ours, theirs, 5)
        else:
            self.assertEqual(ours, theirs)

    def test_archives(self):
        import io

        for lib, other in ((fj, torch), (torch, fj)):
            file = io.BytesIO()
            names = given(lib, 3)
            lib.save({"s": names["s"], "r": names["r"]}, file)
            file.seek(0)
            back = other.load(file)
            for key in "sr":
                self.assertEqual(told(other, back[key]), told(lib, names[key]))


if __name__ == "__main__":
    unittest.main()
