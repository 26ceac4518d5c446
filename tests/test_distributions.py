"""Distributions on their own: samplers against their exact probabilities, the gradient of gamma variates, compiled use.

tests/peer/test_peer_distributions.py compares the whole API with torch.
"""

import itertools
import math
import unittest

import framejit
import framejit.distributions as D
import numpy as np
from framejit.distributions._sampling import _gamma_slope


def pmf_binomial(n, p):
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


def pmf_poisson(rate, count):
    return [math.exp(k * math.log(rate) - rate - math.lgamma(k + 1)) for k in range(count)]


class SamplersTest(unittest.TestCase):
    def setUp(self):
        framejit.manual_seed(4)

    def assert_counts(self, draws, mass):
        """A chi-squared test; 20 000 draws at a level that fails once in a million."""
        mass = np.asarray(mass)
        counts = np.bincount(draws.astype(int), minlength=len(mass))[: len(mass)]
        keep = mass * len(draws) > 5
        expected = np.append(mass[keep] * len(draws), (1 - mass[keep].sum()) * len(draws) + 1e-9)
        seen = np.append(counts[keep], len(draws) - counts[keep].sum())
        degrees = keep.sum()
        self.assertLess(((seen - expected) ** 2 / expected).sum(), degrees + 5 * math.sqrt(2 * degrees) + 20)

    def test_counts(self):
        n = 20000
        for rate in (0.3, 4.0, 9.9, 10.1, 35.0, 200.0):
            with self.subTest("poisson", rate=rate):
                draws = framejit.poisson(framejit.full((n,), rate, dtype=framejit.float64))
                self.assert_counts(np.array(draws.tolist()), pmf_poisson(rate, int(rate * 3 + 20)))
        for count, p in ((1, 0.5), (7, 0.02), (20, 0.9), (60, 0.5), (300, 0.2), (300, 0.97)):
            with self.subTest("binomial", count=count, p=p):
                draws = framejit.binomial(*(framejit.full((n,), float(v), dtype=framejit.float64) for v in (count, p)))
                self.assert_counts(np.array(draws.tolist()), pmf_binomial(count, p))

    def test_edges_of_counts(self):
        zero, one = framejit.zeros(5), framejit.ones(5)
        self.assertEqual(framejit.poisson(zero).tolist(), [0.0] * 5)
        self.assertEqual(framejit.binomial(3 * one, one).tolist(), [3.0] * 5)
        self.assertEqual(framejit.binomial(3 * one, zero).tolist(), [0.0] * 5)
        self.assertEqual(framejit.binomial(zero, 0.5 * one).tolist(), [0.0] * 5)
        self.assertEqual(framejit.poisson(framejit.zeros(0)).tolist(), [])

    def test_continuous(self):
        """Samples put through the distribution function are uniform (Kolmogorov and Smirnov)."""
        n = 20000
        for d in (D.Gamma(0.2, 1.0), D.Gamma(1.0, 3.0), D.Gamma(12.0, 0.5), D.Cauchy(1.0, 2.0), D.Laplace(0.0, 2.0),
                  D.Exponential(3.0), D.Gumbel(1.0, 2.0), D.Weibull(1.0, 2.5), D.ContinuousBernoulli(0.5),
                  D.GeneralizedPareto(0.0, 1.0, 0.0)):  # fmt: skip
            with self.subTest(repr(d)):
                levels = np.sort(np.array(d.cdf(d.sample((n,))).tolist()))
                gap = np.abs(levels - (np.arange(n) + 0.5) / n).max()
                self.assertLess(gap, 2.5 / math.sqrt(n))

    def test_angles(self):
        d = D.VonMises(framejit.tensor(0.5), framejit.tensor(2.0))
        x = np.array(d.sample((20000,)).tolist())
        self.assertLess(abs(np.angle(np.exp(1j * x).mean()) - 0.5), 0.03)
        self.assertLess(abs(1 - np.abs(np.exp(1j * x).mean()) - d.variance.item()), 0.02)

    def test_gamma_slope(self):
        """The gradient of a gamma variate keeps its level: the inverse distribution function says where it goes."""
        try:
            from scipy.special import gammainc, gammaincinv
        except ImportError:
            self.skipTest("scipy is not installed")
        for a, level in itertools.product((0.05, 0.7, 1.0, 3.0, 40.0, 900.0), (0.001, 0.1, 0.5, 0.9, 0.999)):
            z, h = gammaincinv(a, level), 1e-4 * a
            if z < 1e-250:
                continue
            level = gammainc(a, z)
            want = (gammaincinv(a + h, level) - gammaincinv(a - h, level)) / (2 * h)
            got = _gamma_slope(*(framejit.tensor(v, dtype=framejit.float64) for v in (a, z))).item()
            with self.subTest(a=a, level=level):
                self.assertLess(abs(got - want), 2e-5 * abs(want) + 1e-12)


class CompiledTest(unittest.TestCase):
    def test_compiled(self):
        def loss(x, loc, scale):
            d = D.Normal(loc, scale)
            prior = D.Normal(framejit.zeros_like(loc), 1.0)
            return (D.kl_divergence(d, prior) - d.log_prob(x)).sum() + D.Bernoulli(logits=x).entropy().sum()

        x, loc, scale = framejit.randn(6), framejit.randn(6), framejit.rand(6) + 0.1
        compiled = framejit.compile(loss)
        for _ in range(3):
            self.assertAlmostEqual(compiled(x, loc, scale).item(), loss(x, loc, scale).item(), places=4)
        with self.assertRaises(ValueError):
            compiled(x, loc, -scale)


if __name__ == "__main__":
    unittest.main()
