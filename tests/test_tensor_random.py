"""Random streams: repeatable, independent generators, and PyTorch's own numbers for one seed."""

import unittest

import framejit as fj


class Random(unittest.TestCase):
    def test_numbers_of_pytorch(self):
        fj.manual_seed(0)
        self.assertEqual(fj.rand(3).tolist(), [0.49625658988952637, 0.7682217955589294, 0.08847743272781372])
        for got, want in zip(
            fj.randn(4).tolist(), [0.3643381893634796, 0.13439632952213287, 0.16421625018119812, 0.3057610094547272]
        ):
            self.assertAlmostEqual(got, want, 6)
        for got, want in zip(fj.randn(20).tolist(), [-0.20410172641277313, -0.08853142708539963, 0.5238832831382751]):
            self.assertAlmostEqual(got, want, 6)
        self.assertEqual(fj.randint(0, 10, (5,)).tolist(), [5, 2, 1, 0, 9])
        self.assertEqual(fj.randperm(6).tolist(), [5, 2, 0, 1, 3, 4])

    def test_halves_of_pytorch(self):  # blocks of sixteen in float, rounded at the end
        ends = {fj.bfloat16: (-1.125, -0.84375), fj.float16: (-1.1259765625, -0.84375)}
        for dtype, (first, last) in ends.items():
            fj.manual_seed(0)
            numbers = fj.randn(25, dtype=dtype)
            self.assertEqual((numbers[0].item(), numbers[24].item()), (first, last))
            fj.manual_seed(0)
            self.assertLess(fj.rand(1 << 12, dtype=dtype).max().item(), 1)  # none is rounded up to 1

    def test_seeds_and_states(self):
        g = fj.Generator().manual_seed(3)
        a = fj.rand(5, generator=g)
        state = g.get_state()
        b = fj.randn(3, generator=g)
        g.set_state(state)
        self.assertEqual(fj.randn(3, generator=g).tolist(), b.tolist())
        self.assertEqual(fj.rand(5, generator=fj.Generator().manual_seed(3)).tolist(), a.tolist())
        self.assertEqual((g.initial_seed(), g.manual_seed(-1).initial_seed()), (3, 2**64 - 1))
        self.assertRaises(ValueError, lambda: g.manual_seed(2**64))
        self.assertRaises(TypeError, lambda: fj.rand(2, generator=3))

    def test_in_place(self):
        fj.manual_seed(1)
        x = fj.zeros(1000, 2)[:, 1]
        self.assertIs(x.uniform_(2, 3), x)
        self.assertTrue(2 <= x.min().item() <= x.max().item() < 3)
        self.assertAlmostEqual(x.normal_(5, 0.1).mean().item(), 5, 1)
        self.assertTrue(set(x.bernoulli_(0.5).tolist()) == {0, 1})
        self.assertTrue(x.exponential_(2).min().item() >= 0)
        i = fj.zeros(1000, dtype=fj.int64).random_(3, 7)
        self.assertEqual(set(i.tolist()), {3, 4, 5, 6})
        self.assertEqual(set(fj.zeros(100, dtype=fj.bool).random_().tolist()), {False, True})

    def test_distributions(self):
        fj.manual_seed(2)
        self.assertAlmostEqual(fj.randn(10000).std().item(), 1, 1)
        self.assertAlmostEqual(fj.bernoulli(fj.full((10000,), 0.3)).mean().item(), 0.3, 1)
        narrow, wide = fj.full((50,), 5.0), fj.full((50,), 1e-9, dtype=fj.float64)
        self.assertEqual(fj.normal(narrow, wide).tolist(), [5.0] * 50)  # of the mean's dtype
        self.assertEqual((fj.normal(narrow, wide).dtype, fj.normal(wide, narrow).dtype), (fj.float32, fj.float64))
        self.assertRaisesRegex(RuntimeError, "all elements of std", fj.normal, narrow, -wide)
        n = fj.normal(fj.tensor([0.0, 100.0]), 1.0)
        self.assertTrue(abs(n[0].item()) < 10 < n[1].item())
        self.assertEqual(fj.normal(1.0, 2.0, (3, 4)).shape, (3, 4))
        draw = fj.multinomial(fj.tensor([0.0, 1.0, 3.0]), 2)
        self.assertEqual(sorted(draw.tolist()), [1, 2])
        many = fj.multinomial(fj.tensor([[1.0, 0.0], [0.0, 1.0]]), 50, replacement=True)
        self.assertEqual((many[0].sum().item(), many[1].sum().item()), (0, 50))
        self.assertEqual(fj.rand_like(fj.zeros(2, 3, dtype=fj.float64)).dtype, fj.float64)

    def test_mistakes(self):
        for wrong in (
            lambda: fj.rand(2, dtype=fj.int64),
            lambda: fj.randint(5, 2, (3,)),
            lambda: fj.normal(0.0, -1.0, (2,)),
            lambda: fj.bernoulli(fj.tensor([2.0])),
            lambda: fj.multinomial(fj.zeros(2), 1),
            lambda: fj.zeros(2).uniform_(3, 1),
        ):
            self.assertRaises((RuntimeError, NotImplementedError), wrong)


if __name__ == "__main__":
    unittest.main()
