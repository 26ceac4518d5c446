"""uint16, uint32 and uint64 against torch: values, dtypes and the errors of promotion."""

import unittest

import framejit
import torch

NAMES = ("uint16", "uint32", "uint64")
TYPES = (
    *NAMES,
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
)

# what PyTorch has for them
CALLS = {
    "mul": lambda t, a, b: a * b, "mul number": lambda t, a, b: a * 3, "mul float": lambda t, a, b: a * 2.5,
    "add float": lambda t, a, b: a + 1.5, "div": lambda t, a, b: a / b, "and": lambda t, a, b: a & b,
    "or": lambda t, a, b: a | b, "xor": lambda t, a, b: a ^ b, "eq": lambda t, a, b: a == b, "ne": lambda t, a, b: a != 2,
    "isnan": lambda t, a, b: t.isnan(a), "any": lambda t, a, b: a.any(), "all": lambda t, a, b: a.all(1),
    "sum": lambda t, a, b: a.sum(), "prod": lambda t, a, b: a.prod(1), "cumsum": lambda t, a, b: a.cumsum(0),
    "sort": lambda t, a, b: b.sort(1), "unique": lambda t, a, b: t.unique(t.cat([a, b])),
    "where": lambda t, a, b: t.where(a == b, a, b), "cat": lambda t, a, b: t.cat([a, b], 1), "stack": lambda t, a, b: t.stack([a, b]),
    "flip": lambda t, a, b: a.flip(0), "roll": lambda t, a, b: a.roll(1), "index": lambda t, a, b: a[:, [2, 0]],
    "mask": lambda t, a, b: a[t.tensor([True, False])], "index_select": lambda t, a, b: a.index_select(1, t.tensor([1, 1])),
    "repeat": lambda t, a, b: a.repeat(2, 1), "sqrt": lambda t, a, b: a.sqrt(), "exp": lambda t, a, b: b.exp2(),
    "atan2": lambda t, a, b: t.atan2(a, b), "floor": lambda t, a, b: a.floor(), "full_like": lambda t, a, b: t.full_like(a, 7),
    "fill": lambda t, a, b: a.clone().fill_(9), "copy": lambda t, a, b: a.clone().copy_(t.tensor([[4, 5, 6], [7, 8, 9]])),
    "setitem": lambda t, a, b: a.clone().__setitem__((0, 1), 4), "kron": lambda t, a, b: t.kron(a, b), "equal": lambda t, a, b: t.equal(a, a),
    "zeros": lambda t, a, b: t.zeros(2, dtype=a.dtype), "repeat_interleave": lambda t, a, b: a.repeat_interleave(2),
    "pad": lambda t, a, b: t.nn.functional.pad(a, (1, 1)), "view": lambda t, a, b: a.view(t.uint8), "item": lambda t, a, b: a[1, 2].item(),
    "embedding": lambda t, a, b: t.nn.functional.embedding(t.tensor([1, 0]), a), "diagonal": lambda t, a, b: t.diagonal(a),
}  # fmt: skip


def plain(value):
    if isinstance(value, (framejit.Tensor, torch.Tensor)):
        return str(value.dtype).split(".")[1], value.tolist()
    return [plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def outcome(f):
    try:
        return plain(f())
    except Exception as e:
        return type(e).__name__, str(e).split("\n")[0]


class Unsigned(unittest.TestCase):
    def test_calls(self):
        for name in NAMES:
            values = [[1, 2, 3], [2 ** (8 * torch.empty(0, dtype=getattr(torch, name)).element_size()) - 1, 5, 6]]
            others = [[3, 2, 1], [1, 9, 4]]
            for case, f in CALLS.items():
                with self.subTest(f"{name} {case}"):
                    ours, theirs = (
                        plain(f(t, *(t.tensor(v, dtype=getattr(t, name)) for v in (values, others))))
                        for t in (framejit, torch)
                    )
                    if isinstance(theirs, tuple) and theirs[0].startswith("float"):
                        self.assertEqual(ours[0], theirs[0])
                        torch.testing.assert_close(torch.tensor(ours[1]), torch.tensor(theirs[1]))
                    else:
                        self.assertEqual(ours, theirs)

    def test_promotion(self):
        for a in NAMES:
            for b in TYPES:
                with self.subTest(f"{a} {b}"):
                    for f in (
                        lambda t: t.promote_types(getattr(t, a), getattr(t, b)),
                        lambda t: t.can_cast(getattr(t, a), getattr(t, b)),
                        lambda t: t.ones(2, dtype=getattr(t, a)) * t.ones(2, dtype=getattr(t, b)),
                    ):
                        ours, theirs = (outcome(lambda: f(t)) for t in (framejit, torch))  # noqa: B023
                        self.assertEqual(str(ours).replace("framejit.", "torch."), str(theirs))


if __name__ == "__main__":
    unittest.main()
