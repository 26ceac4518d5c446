"""float16 and bfloat16 against torch: where PyTorch computes in float32 and rounds once, framejit is as near to the double result."""

import unittest

import framejit
import numpy as np

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(0)
X, Y, Z = (RNG.normal(size=(2, 3, 8, 10)) * 4 for _ in range(3))

CASES = {
    "softmax": lambda t, x, y, z: x.softmax(-1),
    "log_softmax": lambda t, x, y, z: x.log_softmax(-1),
    "_softmax_backward_data": lambda t, x, y, z: t._softmax_backward_data(x, y.softmax(-1), 3, y.dtype),
    "attention": lambda t, x, y, z: t.nn.functional.scaled_dot_product_attention(x, y, z),
    "attention_3d": lambda t, x, y, z: t.nn.functional.scaled_dot_product_attention(x[0], y[0], z[0], is_causal=True),
    "attention_mask": lambda t, x, y, z: t.nn.functional.scaled_dot_product_attention(x, y, z, x[:, :, :, :8]),
    "bilinear": lambda t, x, y, z: t.nn.functional.interpolate(x, size=(13, 7), mode="bilinear"),
    "bicubic": lambda t, x, y, z: t.nn.functional.interpolate(x, size=(13, 7), mode="bicubic"),
    "gradient": lambda t, x, y, z: t.gradient(x, spacing=2.1, dim=3)[0],
    "gradient_second_order": lambda t, x, y, z: t.gradient(x, spacing=2.1, dim=3, edge_order=2)[0],
    "hardswish": lambda t, x, y, z: t.nn.functional.hardswish(x.round()),
}


def run(lib, function, dtype, compiled=False):
    """The result and the gradient of the first argument, in double precision."""
    rounded = [torch.tensor(a).to(getattr(torch, dtype)).double().numpy() for a in (X, Y, Z)]
    work = dtype if lib is not None else "float64"
    lib = lib or torch
    tensors = [lib.tensor(a.tolist(), dtype=getattr(lib, work)).requires_grad_() for a in rounded]
    call = framejit.compile(lambda *a: function(lib, *a), fullgraph=True) if compiled else lambda *a: function(lib, *a)
    result = call(*tensors)
    (result * result.detach()).sum().backward()
    return [t.detach().double().numpy() for t in (result, tensors[0].grad)]


@unittest.skipIf(torch is None, "torch is not installed")
class Halves(unittest.TestCase):
    def test_as_near_as_torch(self):
        for name, function in CASES.items():
            for dtype in ("bfloat16", "float16"):
                exact, theirs = run(None, function, dtype), run(torch, function, dtype)
                for compiled in (False, True):
                    ours = run(framejit, function, dtype, compiled)
                    for e, t, o, what in zip(exact, theirs, ours, ("result", "gradient")):
                        with self.subTest(f"{name} {dtype} {what} {'compiled' if compiled else 'eager'}"):
                            self.assertLessEqual(np.abs(o - e).max(), 1.5 * np.abs(t - e).max() + 1e-6)


if __name__ == "__main__":
    unittest.main()
