"""What operations keep for their backward passes: an operand that no wanted gradient reads may be written, as in PyTorch."""

import unittest

import framejit
import torch

OPERATIONS = {
    "mul by a number": lambda m, y, w: y * 3,
    "mul": lambda m, y, w: y * w,
    "div": lambda m, y, w: y / w,
    "reciprocal": lambda m, y, w: w.reciprocal(),
    "div by a number": lambda m, y, w: y / 2,
    "matmul": lambda m, y, w: y @ w,
    "mm": lambda m, y, w: m.mm(y, w),
    "bmm": lambda m, y, w: m.bmm(y[None], w[None]),
    "mv": lambda m, y, w: m.mv(y, w[0]),
    "dot": lambda m, y, w: m.dot(y[0], w[0]),
    "outer": lambda m, y, w: m.outer(y[0], w[0]),
    "linear": lambda m, y, w: m.nn.functional.linear(y, w),
    "addmm": lambda m, y, w: m.addmm(y, y, w),
    "addcmul": lambda m, y, w: m.addcmul(y, y, w),
    "addcdiv": lambda m, y, w: m.addcdiv(y, y, w),
    "lerp": lambda m, y, w: m.lerp(y, w, 0.5),
    "einsum": lambda m, y, w: m.einsum("ij,jk->ik", y, w),
    "conv1d": lambda m, y, w: m.nn.functional.conv1d(y[None], w[None]),
    "where": lambda m, y, w: m.where(y > 0, y, w),
    "maximum": lambda m, y, w: m.maximum(y, w),
    "atan2": lambda m, y, w: m.atan2(y, w),
    "hypot": lambda m, y, w: m.hypot(y, w),
    "mse": lambda m, y, w: m.nn.functional.mse_loss(y, w),
    "exp": lambda m, y, w: y.exp(),
    "sin": lambda m, y, w: y.sin(),
    "sum": lambda m, y, w: y.sum(),
}


def outcome(m, operation, wanted, written=""):
    """The gradients of those of the two operands that want one, after one of them was written; or that it is refused."""
    first, second = ((m.arange(9.0).reshape(3, 3) + 1 + k) / 5 for k in range(2))
    if "y" in wanted:
        first.requires_grad_()
    if "w" in wanted:
        second.requires_grad_()
    y, w = first.clone(), second.clone()
    z = operation(m, y, w)
    with m.no_grad():
        for t in {"": [], "y": [y], "w": [w]}[written]:
            t.add_(1)
    if not z.requires_grad:
        return None
    try:
        z.sum().backward()
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error), error
        return "refused"
    return [None if t.grad is None else t.grad.tolist() for t in (first, second)]


class SavedTest(unittest.TestCase):
    def test_what_may_be_written(self):
        for name, operation in OPERATIONS.items():
            for wanted in ("y", "w", "yw"):
                for written in "yw":
                    with self.subTest(name, wanted=wanted, written=written):
                        got = outcome(framejit, operation, wanted, written)
                        if got == "refused":
                            self.assertEqual(got, outcome(torch, operation, wanted, written))
                        elif got is not None:  # the right ones, also where PyTorch keeps more and refuses
                            for g, e in zip(got, outcome(torch, operation, wanted), strict=True):
                                self.assertEqual(g is None, e is None)
                                if g is not None:
                                    torch.testing.assert_close(torch.tensor(g), torch.tensor(e))


if __name__ == "__main__":
    unittest.main()
