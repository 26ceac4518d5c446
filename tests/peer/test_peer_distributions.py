"""framejit.distributions against torch.distributions: texts, shapes, moments, densities with gradients, distribution
functions, divergences, transforms, constraints, errors; samples by stream where the algorithm is the same, else by moments."""

import itertools
import unittest
import warnings

import framejit
import framejit.distributions
import numpy as np

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(11)
A, B = RNG.random(3) + 0.5, RNG.random(3) + 2.5
X = RNG.standard_normal(3)
P = RNG.random(3) * 0.8 + 0.1
ROWS = RNG.random((2, 4)) + 0.1
LOW = np.array([[1.0, 0.0, 0.0], [0.3, 0.8, 0.0], [-0.2, 0.4, 1.3]])
COV = LOW @ LOW.T
W = RNG.standard_normal((3, 2))

# name -> (arrays, make(D, *tensors)); D is the distributions module
CASES = {
    "Normal": ([X, A], lambda D, m, s: D.Normal(m, s)),
    "Normal of numbers": ([], lambda D: D.Normal(0.5, 2)),
    "Uniform": ([A, B], lambda D, a, b: D.Uniform(a, b)),
    "Laplace": ([X, A], lambda D, m, s: D.Laplace(m, s)),
    "Cauchy": ([X, A], lambda D, m, s: D.Cauchy(m, s)),
    "Exponential": ([A], lambda D, r: D.Exponential(r)),
    "Gamma": ([B, A], lambda D, a, r: D.Gamma(a, r)),
    "Chi2": ([B], lambda D, df: D.Chi2(df)),
    "Beta": ([B, A], lambda D, a, b: D.Beta(a, b)),
    "Beta of numbers": ([], lambda D: D.Beta(2.0, 3)),
    "Dirichlet": ([ROWS + 1], lambda D, a: D.Dirichlet(a)),
    "StudentT": ([B, X, A], lambda D, df, m, s: D.StudentT(df, m, s)),
    "FisherSnedecor": ([A + 3, B + 4], lambda D, a, b: D.FisherSnedecor(a, b)),
    "LogNormal": ([X, A], lambda D, m, s: D.LogNormal(m, s)),
    "LogisticNormal": ([X, A], lambda D, m, s: D.LogisticNormal(m, s)),
    "HalfNormal": ([A], lambda D, s: D.HalfNormal(s)),
    "HalfCauchy": ([A], lambda D, s: D.HalfCauchy(s)),
    "Gumbel": ([X, A], lambda D, m, s: D.Gumbel(m, s)),
    "Weibull": ([A, B], lambda D, s, c: D.Weibull(s, c)),
    "Pareto": ([A, B], lambda D, s, a: D.Pareto(s, a)),
    "Kumaraswamy": ([B, A + 1], lambda D, a, b: D.Kumaraswamy(a, b)),
    "InverseGamma": ([B, A], lambda D, a, r: D.InverseGamma(a, r)),
    "GeneralizedPareto": ([X, A, np.array([-0.3, 0.0, 0.2])], lambda D, m, s, c: D.GeneralizedPareto(m, s, c)),
    "VonMises": ([X, B], lambda D, m, k: D.VonMises(m, k)),
    "Bernoulli": ([P], lambda D, p: D.Bernoulli(p)),
    "Bernoulli of logits": ([X], lambda D, x: D.Bernoulli(logits=x)),
    "Geometric": ([P], lambda D, p: D.Geometric(p)),
    "Poisson": ([B], lambda D, r: D.Poisson(r)),
    "Poisson of many": ([B * 20], lambda D, r: D.Poisson(r)),
    "Binomial": ([P], lambda D, p: D.Binomial(5, p)),
    "Binomial of many": ([X], lambda D, x: D.Binomial(200, logits=x)),
    "NegativeBinomial": ([B, P], lambda D, n, p: D.NegativeBinomial(n, p)),
    "Categorical": ([ROWS], lambda D, p: D.Categorical(p)),
    "Categorical of logits": ([ROWS], lambda D, x: D.Categorical(logits=x)),
    "OneHotCategorical": ([ROWS], lambda D, p: D.OneHotCategorical(p)),
    "OneHotCategoricalStraightThrough": ([ROWS], lambda D, p: D.OneHotCategoricalStraightThrough(p)),
    "Multinomial": ([ROWS], lambda D, p: D.Multinomial(6, p)),
    "ContinuousBernoulli": ([np.array([0.1, 0.5, 0.8])], lambda D, p: D.ContinuousBernoulli(p)),
    "RelaxedBernoulli": ([np.array(0.7), P], lambda D, t, p: D.RelaxedBernoulli(t, p)),
    "RelaxedOneHotCategorical": ([np.array(0.7), ROWS], lambda D, t, p: D.RelaxedOneHotCategorical(t, p)),
    "MultivariateNormal": ([X, COV], lambda D, m, c: D.MultivariateNormal(m, c)),
    "MultivariateNormal of factors": (
        [np.stack([X, A]), LOW],
        lambda D, m, c: D.MultivariateNormal(m, scale_tril=c),
    ),
    "MultivariateNormal of precisions": ([X, COV], lambda D, m, c: D.MultivariateNormal(m, precision_matrix=c)),
    "LowRankMultivariateNormal": ([X, W, A], lambda D, m, w, d: D.LowRankMultivariateNormal(m, w, d)),
    "Wishart": ([np.array(5.5), COV], lambda D, df, c: D.Wishart(df, c)),
    "LKJCholesky": ([A], lambda D, c: D.LKJCholesky(3, c)),
    "Independent": ([X, A], lambda D, m, s: D.Independent(D.Normal(m, s), 1)),
    "MixtureSameFamily": (
        [ROWS, RNG.standard_normal((2, 4))],
        lambda D, p, m: D.MixtureSameFamily(D.Categorical(p), D.Normal(m, 0.5)),
    ),
    "MixtureSameFamily of vectors": (
        [ROWS[0, :3], np.stack([X, A, B])],
        lambda D, p, m: D.MixtureSameFamily(
            D.Categorical(p), D.MultivariateNormal(m, scale_tril=0 * m + m.new_ones(3).diag())
        ),
    ),
    "TransformedDistribution": (
        [X, A],
        lambda D, m, s: D.TransformedDistribution(D.Normal(m, s), [D.AffineTransform(1.0, -2.0), D.SigmoidTransform()]),
    ),
}
MOMENTS = ("mean", "mode", "variance", "stddev")
# the same algorithm in the same stream; the others are compared by moments
SAME_STREAM = {
    "Normal", "Uniform", "Laplace", "LogNormal", "LogisticNormal", "HalfNormal", "Pareto", "Kumaraswamy", "Gumbel", "Bernoulli",
    "Geometric", "MultivariateNormal", "Independent", "TransformedDistribution", "RelaxedBernoulli", "ContinuousBernoulli",
}  # fmt: skip


def tensor(lib, array, grad=False, dtype="float64"):
    return lib.tensor(array.tolist(), dtype=getattr(lib, dtype)).requires_grad_(grad)


def make(lib, name, grad=False):
    arrays, build = CASES[name]
    dtype = "float32" if name == "GeneralizedPareto" else "float64"  # the peer's has no float64
    parameters = [tensor(lib, a, grad, dtype) for a in arrays]
    return build(lib.distributions, *parameters), parameters


def array(value):
    return np.asarray(value.detach().tolist(), dtype=float)


def outcome(call):
    """A value as an array, or the type of the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = call()
        except Exception as error:
            return type(error).__name__
    return array(value) if hasattr(value, "tolist") else value


@unittest.skipIf(torch is None, "torch is not installed")
class DistributionsTest(unittest.TestCase):
    def agree(self, ours, theirs, tol=1e-6):
        if isinstance(theirs, np.ndarray):
            self.assertIsInstance(ours, np.ndarray, ours)
            self.assertEqual(ours.shape, theirs.shape)
            np.testing.assert_allclose(ours, theirs, rtol=tol, atol=tol)
        else:
            self.assertEqual(ours, theirs)

    def each(self, check):
        for name in CASES:
            with self.subTest(name):
                check(name, make(framejit, name)[0], make(torch, name)[0])

    def test_texts_and_shapes(self):
        def check(_, ours, theirs):
            self.assertEqual(repr(ours).replace("framejit.", "torch."), repr(theirs))
            self.assertEqual(repr(ours.support).replace("framejit.", "torch."), repr(theirs.support))
            for d in ("batch_shape", "event_shape", "has_rsample", "has_enumerate_support"):
                self.assertEqual(getattr(ours, d), getattr(theirs, d))
            self.assertEqual(list(ours.arg_constraints), list(theirs.arg_constraints))

        self.each(check)

    def test_moments(self):
        def check(name, ours, theirs):
            for moment in MOMENTS:
                if (name, moment) == ("Kumaraswamy", "mode"):
                    continue  # the peer takes the logarithm of a negative number
                with self.subTest(moment):
                    self.agree(outcome(lambda: getattr(ours, moment)), outcome(lambda: getattr(theirs, moment)))
            self.agree(outcome(ours.entropy), outcome(theirs.entropy))
            self.agree(outcome(ours.perplexity), outcome(theirs.perplexity))

        self.each(check)

    def test_mode_in_closed_form(self):
        a, b = B, A + 1
        ours = framejit.distributions.Kumaraswamy(tensor(framejit, a), tensor(framejit, b))
        np.testing.assert_allclose(array(ours.mode), ((a - 1) / (a * b - 1)) ** (1 / a))

    def test_densities(self):
        def check(name, ours, theirs):
            torch.manual_seed(3)
            value = theirs.sample((4,))
            mine = framejit.tensor(value.tolist(), dtype=getattr(framejit, str(value.dtype)[6:]))
            for method in ("log_prob", "cdf"):
                with self.subTest(method):
                    self.agree(
                        outcome(lambda: getattr(ours, method)(mine)), outcome(lambda: getattr(theirs, method)(value))
                    )
            levels = RNG.random((2, *theirs.batch_shape)) * 0.9 + 0.05
            with self.subTest("icdf"):
                self.agree(
                    outcome(lambda: ours.icdf(tensor(framejit, levels))),
                    outcome(lambda: theirs.icdf(tensor(torch, levels))),
                )
            with self.subTest("support"):
                self.agree(outcome(lambda: ours.support.check(mine)), outcome(lambda: theirs.support.check(value)))

        self.each(check)

    def test_gradients(self):
        for name in CASES:
            with self.subTest(name):
                torch.manual_seed(3)
                value = make(torch, name)[0].sample((4,))
                mine = framejit.tensor(value.tolist(), dtype=getattr(framejit, str(value.dtype)[6:]))
                (ours, p), (theirs, q) = make(framejit, name, grad=True), make(torch, name, grad=True)
                if not p:
                    continue
                ours.log_prob(mine).sum().backward()
                theirs.log_prob(value).sum().backward()
                for x, y in zip(p, q):
                    self.assertEqual(x.grad is None, y.grad is None)
                    if y.grad is not None:
                        self.agree(array(x.grad), array(y.grad))

    def test_expand(self):
        def check(name, ours, theirs):
            shape = (2, *theirs.batch_shape)
            more, want = ours.expand(shape), theirs.expand(shape)
            self.assertIs(type(more), type(ours))
            self.assertEqual((more.batch_shape, more.event_shape), (want.batch_shape, want.event_shape))
            self.agree(outcome(lambda: more.mean), outcome(lambda: want.mean))
            torch.manual_seed(5)
            value = want.sample()
            mine = framejit.tensor(value.tolist(), dtype=getattr(framejit, str(value.dtype)[6:]))
            self.agree(outcome(lambda: more.log_prob(mine)), outcome(lambda: want.log_prob(value)))
            self.assertEqual(more.sample((3,)).shape, want.sample((3,)).shape)

        self.each(check)

    def test_enumerate(self):
        def check(_, ours, theirs):
            for expand in (True, False):
                self.agree(
                    outcome(lambda: ours.enumerate_support(expand)), outcome(lambda: theirs.enumerate_support(expand))
                )

        self.each(check)

    def test_streams(self):
        for name in SAME_STREAM:
            with self.subTest(name):
                for shape in ((), (5,)):
                    framejit.manual_seed(9), torch.manual_seed(9)
                    ours, theirs = make(framejit, name)[0].sample(shape), make(torch, name)[0].sample(shape)
                    self.agree(array(ours), array(theirs))

    def test_samples(self):
        framejit.manual_seed(1)

        def check(name, ours, theirs):
            for shape in ((), (2, 3)):
                x, y = ours.sample(shape), theirs.sample(shape)
                self.assertEqual((x.shape, str(x.dtype)[9:]), (y.shape, str(y.dtype)[6:]))
            n = 4000
            x = array(ours.sample((n,)))
            self.assertTrue(bool(ours.support.check(ours.sample((50,))).all()))
            mean, variance = outcome(lambda: theirs.mean), outcome(lambda: theirs.variance)
            if name == "VonMises" or isinstance(mean, str) or not np.isfinite(mean).all() or isinstance(variance, str):
                return
            if not np.isfinite(variance).all():
                return
            error = 6 * np.sqrt(variance / n) + 1e-9
            self.assertTrue((np.abs(x.mean(0) - mean) < error).all(), (x.mean(0), mean, error))
            if name not in ("FisherSnedecor", "InverseGamma", "Pareto", "StudentT", "LogNormal"):  # heavy tails
                np.testing.assert_allclose(x.var(0), variance, rtol=0.35, atol=0.02)

        self.each(check)

    def test_reparametrised(self):
        """E[f(x)] has the gradient that rsample gives, to within the noise of 20,000 samples."""
        framejit.manual_seed(2)
        for name in CASES:
            ours, parameters = make(framejit, name, grad=True)
            if not ours.has_rsample or not parameters:
                continue
            with self.subTest(name):
                theirs, reference = make(torch, name, grad=True)
                if outcome(lambda: theirs.mean.sum()) == "NotImplementedError" or not bool(
                    theirs.mean.isfinite().all()
                ):
                    ours.rsample((3,)).sum().backward()
                    self.assertTrue(all(bool(p.grad.isfinite().all()) for p in parameters if p.grad is not None))
                    continue
                weights = RNG.random(tuple(theirs.batch_shape + theirs.event_shape)) + 0.5
                (ours.rsample((20000,)).mean(0) * tensor(framejit, weights)).sum().backward()
                (theirs.mean * tensor(torch, weights)).sum().backward()
                for p, q in zip(parameters, reference):
                    if q.grad is not None and p.grad is not None and name != "Wishart":
                        np.testing.assert_allclose(array(p.grad), array(q.grad), rtol=0.15, atol=0.1)

    def test_divergences(self):
        names = [n for n in CASES if n not in ("Binomial of many", "Wishart")]
        pairs = [(a, b) for a, b in itertools.product(names, names) if a.partition(" ")[0] == b.partition(" ")[0]]
        cross = (
            "Bernoulli Beta Binomial ContinuousBernoulli Exponential Gamma Gumbel Laplace Normal Pareto Poisson Uniform "
            "LowRankMultivariateNormal MultivariateNormal HalfNormal"
        ).split()
        for a, b in {*pairs, *itertools.product(cross, cross)}:
            with self.subTest(p=a, q=b):
                kl = [
                    outcome(lambda: lib.distributions.kl_divergence(make(lib, a)[0], make(lib, b)[0]))
                    for lib in (framejit, torch)
                ]
                if isinstance(kl[1], str) and kl[1] == "TypeError":
                    continue  # the peer stumbles over shapes of its own
                self.agree(*kl)

    def test_divergences_of_shifted(self):
        for a in (
            "Uniform",
            "Normal",
            "Gamma",
            "Beta",
            "Dirichlet",
            "Categorical",
            "MultivariateNormal",
            "Poisson",
            "Gumbel",
        ):
            results = []
            for lib in (framejit, torch):
                p, parameters = make(lib, a)
                moved = [x * 1.25 if x.dim() < 2 else x * 2.0 for x in parameters]
                q = CASES[a][1](lib.distributions, *moved)
                results.append((outcome(lambda: lib.distributions.kl_divergence(p, q)),
                                outcome(lambda: lib.distributions.kl_divergence(q, p))))  # fmt: skip
            with self.subTest(a):
                self.agree(results[0][0], results[1][0])
                self.agree(results[0][1], results[1][1])


@unittest.skipIf(torch is None, "torch is not installed")
class TransformsTest(unittest.TestCase):
    MAKERS = (
        lambda D: D.ExpTransform(),
        lambda D: D.PowerTransform(2.5),
        lambda D: D.SigmoidTransform(),
        lambda D: D.SoftplusTransform(),
        lambda D: D.TanhTransform(),
        lambda D: D.AbsTransform(),
        lambda D: D.AffineTransform(1.0, -2.0),
        lambda D: D.AffineTransform(1.0, 3.0, event_dim=1),
        lambda D: D.SoftmaxTransform(),
        lambda D: D.StickBreakingTransform(),
        lambda D: D.CorrCholeskyTransform(),
        lambda D: D.LowerCholeskyTransform(),
        lambda D: D.PositiveDefiniteTransform(),
        lambda D: D.CumulativeDistributionTransform(D.Normal(0.0, 1.0)),
        lambda D: D.ComposeTransform([D.AffineTransform(0.5, 2.0), D.TanhTransform()]),
        lambda D: D.ComposeTransform([D.ExpTransform(), D.StickBreakingTransform()]),
        lambda D: D.IndependentTransform(D.ExpTransform(), 1),
        lambda D: D.ReshapeTransform((3, 3), (9,)),
        lambda D: D.StackTransform([D.ExpTransform(), D.SigmoidTransform(), D.TanhTransform()], dim=-1),
        lambda D: D.CatTransform([D.ExpTransform(), D.SigmoidTransform()], dim=-1, lengths=[2, 1]),
        lambda D: D.identity_transform,
    )

    def test_transforms(self):
        x = RNG.random((2, 3, 3)) * 1.5 + 0.2
        for maker in self.MAKERS:
            ours, theirs = maker(framejit.distributions), maker(torch.distributions)
            with self.subTest(repr(theirs)):
                self.assertEqual(repr(ours), repr(theirs))
                self.assertEqual((repr(ours.domain), repr(ours.codomain)), (repr(theirs.domain), repr(theirs.codomain)))
                self.assertEqual(ours.bijective, theirs.bijective)
                self.assertEqual(outcome(lambda: ours.sign), outcome(lambda: theirs.sign))
                results = []
                for lib, t in ((framejit, ours), (torch, theirs)):
                    v = tensor(lib, x)
                    y = outcome(lambda: t(v))
                    results.append(
                        (
                            y,
                            outcome(lambda: t.inv(t(v))),
                            outcome(lambda: t.log_abs_det_jacobian(v, t(v))),
                            outcome(lambda: tuple(t.forward_shape((2, 3, 3)))),
                            outcome(lambda: tuple(t.inverse_shape((2, 3, 3)))),
                            outcome(lambda: t == t.inv.inv),
                            outcome(lambda: t.with_cache()._cache_size),
                        )
                    )
                for got, want in zip(*results):
                    if isinstance(want, np.ndarray):
                        self.assertIsInstance(got, np.ndarray, got)
                        self.assertEqual(got.shape, want.shape)
                        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-8)
                    else:
                        self.assertEqual(got, want)

    def test_cache(self):
        t = framejit.distributions.ExpTransform(cache_size=1)
        x = framejit.randn(3)
        y = t(x)
        self.assertIs(t(x), y)
        self.assertIs(t.inv(y), x)
        self.assertRaises(ValueError, framejit.distributions.ExpTransform, 2)

    def test_registries(self):
        c = {lib: lib.distributions.constraints for lib in (framejit, torch)}
        makers = (
            lambda c: c.real, lambda c: c.positive, lambda c: c.nonnegative, lambda c: c.greater_than(2.0), lambda c: c.less_than(1.0),
            lambda c: c.unit_interval, lambda c: c.interval(-1.0, 3.0), lambda c: c.half_open_interval(0.0, 2.0), lambda c: c.simplex,
            lambda c: c.real_vector, lambda c: c.lower_cholesky, lambda c: c.positive_definite, lambda c: c.corr_cholesky,
            lambda c: c.boolean, lambda c: c.cat([c.positive, c.simplex], -1, [1, 2]), lambda c: c.stack([c.positive, c.real, c.real], -1),
            lambda c: c.positive_semidefinite, lambda c: c.dependent,
        )  # fmt: skip
        x = RNG.standard_normal((3, 3))
        for maker in makers:
            for to in ("biject_to", "transform_to"):
                with self.subTest(repr(maker(c[torch])), to=to):
                    ours, theirs = (
                        outcome(lambda: getattr(lib.distributions, to)(maker(c[lib]))(tensor(lib, x)))
                        for lib in (framejit, torch)
                    )
                    if isinstance(theirs, str):
                        self.assertEqual(ours, theirs)
                    else:
                        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)

    def test_constraints(self):
        values = (
            [x, np.abs(x) + 0.1, np.round(x), LOW, COV, np.eye(3), -x]
            if (x := RNG.standard_normal((3, 3))) is not None
            else []
        )
        names = [n for n in torch.distributions.constraints.__all__ if n.islower()]
        calls = {
            "greater_than": (0.0,), "greater_than_eq": (0.0,), "less_than": (0.5,), "interval": (-1.0, 1.0),
            "half_open_interval": (0.0, 1.0), "integer_interval": (-1, 1), "multinomial": (4,),
        }  # fmt: skip
        for name in names:
            if name in ("cat", "stack", "independent", "is_dependent", "dependent_property"):
                continue
            for i, value in enumerate(values):
                with self.subTest(name, value=i):
                    results = []
                    for lib in (framejit, torch):
                        constraint = getattr(lib.distributions.constraints, name)
                        if name in calls:
                            constraint = constraint(*calls[name])
                        results.append((outcome(lambda: constraint.check(tensor(lib, value))), repr(constraint),
                                        outcome(lambda: constraint.event_dim), outcome(lambda: constraint.is_discrete)))  # fmt: skip
                    self.assertEqual(str(results[0]), str(results[1]))

    def test_triangles(self):
        for diag in (-1, 0, 1):
            mat = RNG.random((2, 4, 4))
            got, want = (
                lib.distributions.utils.tril_matrix_to_vec(tensor(lib, mat), diag) for lib in (framejit, torch)
            )
            np.testing.assert_allclose(array(got), array(want))
            back, there = (
                lib.distributions.utils.vec_to_tril_matrix(v, diag) for lib, v in ((framejit, got), (torch, want))
            )
            np.testing.assert_allclose(array(back), array(there))


@unittest.skipIf(torch is None, "torch is not installed")
class ErrorsTest(unittest.TestCase):
    CALLS = (
        lambda t, D: D.Normal(0.0, -1.0),
        lambda t, D: D.Normal("a", 1.0),
        lambda t, D: D.Normal(0.0, 1.0).log_prob(2.0),
        lambda t, D: D.Normal(t.zeros(2), 1.0).log_prob(t.ones(3)),
        lambda t, D: D.Normal(t.tensor(float("nan")), 1.0),
        lambda t, D: D.Bernoulli(),
        lambda t, D: D.Bernoulli(0.5, logits=0.3),
        lambda t, D: D.Bernoulli(0.5).log_prob(t.tensor(0.3)),
        lambda t, D: D.Bernoulli(1.5),
        lambda t, D: D.Categorical(t.tensor(0.3)),
        lambda t, D: D.Categorical(t.tensor([0.5, -0.5])),
        lambda t, D: D.Categorical(t.ones(3)).log_prob(t.tensor(3)),
        lambda t, D: D.Poisson(2.0).rsample(),
        lambda t, D: D.Poisson(2.0).cdf(t.tensor(1.0)),
        lambda t, D: D.Poisson(2.0).icdf(t.tensor(0.5)),
        lambda t, D: D.Poisson(-2.0),
        lambda t, D: D.Uniform(1.0, 0.0),
        lambda t, D: D.Uniform(0.0, 1.0).log_prob(t.tensor(2.0)),
        lambda t, D: D.Uniform(0.0, 1.0, validate_args=False).log_prob(t.tensor(2.0)),
        lambda t, D: D.Independent(D.Normal(0.0, 1.0), 1),
        lambda t, D: D.MultivariateNormal(t.zeros(2)),
        lambda t, D: D.MultivariateNormal(t.tensor(0.0), t.eye(2)),
        lambda t, D: D.MultivariateNormal(t.zeros(2), -t.eye(2)),
        lambda t, D: D.MultivariateNormal(t.zeros(2), t.zeros(2)),
        lambda t, D: D.LowRankMultivariateNormal(t.zeros(2), t.zeros(3, 1), t.ones(2)),
        lambda t, D: D.Dirichlet(t.tensor(1.0)),
        lambda t, D: D.LKJCholesky(1),
        lambda t, D: D.Multinomial(t.tensor(3), t.ones(2)),
        lambda t, D: D.TransformedDistribution(D.Normal(0.0, 1.0), "exp"),
        lambda t, D: D.TransformedDistribution(D.Normal(0.0, 1.0), [1]),
        lambda t, D: D.TransformedDistribution(D.Normal(0.0, 1.0), D.StickBreakingTransform()),
        lambda t, D: D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(t.zeros(2), 1.0)),
        lambda t, D: D.MixtureSameFamily(D.Categorical(t.ones(3)), D.Normal(t.zeros(2), 1.0)),
        lambda t, D: D.kl_divergence(D.Poisson(2.0), D.Normal(0.0, 1.0)),
        lambda t, D: D.kl_divergence(D.Cauchy(0.0, 1.0), D.Normal(0.0, 1.0)),
        lambda t, D: D.biject_to.register(int, lambda c: c),
        lambda t, D: D.Distribution().support,
        lambda t, D: D.Distribution.set_default_validate_args(3),
        lambda t, D: D.Wishart(1.0, t.eye(3)),
        lambda t, D: t.poisson(t.tensor([-1.0])),
        lambda t, D: t.poisson(t.tensor([1])),
        lambda t, D: D.Geometric(0.0),
    )

    def test_errors(self):
        for i, call in enumerate(self.CALLS):
            with self.subTest(i):
                ours, theirs = (outcome(lambda: call(lib, lib.distributions)) for lib in (framejit, torch))
                if isinstance(theirs, np.ndarray):
                    np.testing.assert_allclose(ours, theirs)
                else:
                    self.assertEqual(ours, theirs)


if __name__ == "__main__":
    unittest.main()
