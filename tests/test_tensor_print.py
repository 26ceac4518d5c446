"""repr of tensors; the expected texts are what PyTorch 2.13 prints."""

import unittest

import framejit as fj

CASES = [
    (lambda: fj.tensor([1.0, 2.0, 3.5]), "tensor([1.0000, 2.0000, 3.5000])"),
    (lambda: fj.tensor([1.0, 2.0]), "tensor([1., 2.])"),
    (lambda: fj.zeros(2, 3), "tensor([[0., 0., 0.],\n        [0., 0., 0.]])"),
    (lambda: fj.arange(5), "tensor([0, 1, 2, 3, 4])"),
    (lambda: fj.tensor([[1e-5, 1e6]]), "tensor([[1.0000e-05, 1.0000e+06]])"),
    (lambda: fj.tensor([True, False]), "tensor([ True, False])"),
    (lambda: fj.zeros(0), "tensor([])"),
    (lambda: fj.zeros(0, 3), "tensor([], size=(0, 3))"),
    (lambda: fj.tensor(3), "tensor(3)"),
    (
        lambda: fj.tensor([1.5, float("nan"), float("inf")], dtype=fj.float64),
        "tensor([1.5000,    nan,    inf], dtype=framejit.float64)",
    ),
    (lambda: fj.tensor([1.0, float("inf")]), "tensor([1., inf])"),
    (
        lambda: fj.tensor([[1, -100], [3, 4]], dtype=fj.int8),
        "tensor([[   1, -100],\n        [   3,    4]], dtype=framejit.int8)",
    ),
    (lambda: fj.tensor(1e-9), "tensor(1.0000e-09)"),
    (lambda: fj.tensor([1.0, 1000000.0]), "tensor([1.0000e+00, 1.0000e+06])"),
    (lambda: fj.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
    (lambda: fj.tensor([1.0], requires_grad=True) * 2, "tensor([2.], grad_fn=<MulBackward0>)"),
    (lambda: fj.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    (
        lambda: fj.zeros(100, 100),
        "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n        ...,\n        [0., 0., 0.,  ..., 0., 0., 0.],\n"
        "        [0., 0., 0.,  ..., 0., 0., 0.],\n        [0., 0., 0.,  ..., 0., 0., 0.]])",
    ),
    (
        lambda: fj.arange(25),
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n        18, 19, 20, 21, 22, 23, 24])",
    ),
    (lambda: fj.zeros(1, 2, 2), "tensor([[[0., 0.],\n         [0., 0.]]])"),
    (lambda: fj.zeros(2, 2, 1), "tensor([[[0.],\n         [0.]],\n\n        [[0.],\n         [0.]]])"),
    (
        lambda: fj.max(fj.tensor([[1.0, 5.0]]), 1),
        "framejit.return_types.max(\nvalues=tensor([5.]),\nindices=tensor([1]))",
    ),
    (lambda: fj.zeros(2, 3).shape, "framejit.Size([2, 3])"),
    (lambda: fj.bfloat16, "framejit.bfloat16"),
    (lambda: fj.device("cpu"), "device(type='cpu')"),
    (lambda: fj.device("cuda:1"), "device(type='cuda', index=1)"),
    (lambda: fj.iinfo(fj.int8), "iinfo(min=-128, max=127, dtype=int8)"),
]


class Printing(unittest.TestCase):
    def test_repr(self):
        for make, text in CASES:
            self.assertEqual(repr(make()), text)

    def test_options(self):
        x = fj.tensor([1.23456789])
        try:
            fj.set_printoptions(precision=2)
            self.assertEqual(repr(x), "tensor([1.23])")
            fj.set_printoptions(sci_mode=True)
            self.assertEqual(repr(x), "tensor([1.23e+00])")
        finally:
            fj.set_printoptions(profile="default")
        self.assertEqual(repr(x), "tensor([1.2346])")

    def test_format(self):
        self.assertEqual(f"{fj.tensor(2.5):.2f}", "2.50")
        self.assertEqual(f"{fj.tensor([1, 2])}", "tensor([1, 2])")
        with self.assertRaises(TypeError):
            f"{fj.tensor([1.0]):.2f}"


if __name__ == "__main__":
    unittest.main()
