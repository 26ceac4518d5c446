"""Parametrizations, weight and spectral norm, batch norm folding: against torch from the same weights."""

import copy
import unittest
import warnings

import framejit
import numpy as np

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(5)
WEIGHT, BIAS, X = (RNG.standard_normal(s).astype(np.float32) for s in ((4, 3), (4,), (2, 3)))


@unittest.skipIf(torch is None, "torch is not installed")
class ParametrizeTest(unittest.TestCase):
    def linear(self, lib):
        layer = lib.nn.Linear(3, 4)
        with lib.no_grad():
            layer.weight.copy_(lib.from_numpy(WEIGHT.copy()))
            layer.bias.copy_(lib.from_numpy(BIAS.copy()))
        return layer

    def both(self, run):
        """run(lib) → a list of tensors and plain values, to be equal for the two libraries."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want, got = run(torch), run(framejit)
        self.assertEqual(len(want), len(got))
        for w, g in zip(want, got):
            if isinstance(w, torch.Tensor):
                np.testing.assert_allclose(g.detach().numpy(), w.detach().numpy(), rtol=1e-5, atol=1e-6)
            else:
                self.assertEqual(g, w)

    def trained(self, lib, layer):
        out = layer(lib.from_numpy(X.copy()))
        out.square().sum().backward()
        return [out, sorted(layer.state_dict()), *[p.grad for _, p in sorted(layer.named_parameters())]]

    def test_weight_norm(self):
        for where in ("utils", "parametrizations"):
            for dim in (0, 1, None):

                def run(lib, where=where, dim=dim):
                    tools = lib.nn.utils if where == "utils" else lib.nn.utils.parametrizations
                    return self.trained(lib, tools.weight_norm(self.linear(lib), dim=dim))

                with self.subTest(where, dim=dim):
                    self.both(run)

    def test_weight_norm_removed(self):
        def run(lib):
            layer = lib.nn.utils.remove_weight_norm(lib.nn.utils.weight_norm(self.linear(lib)))
            with self.assertRaises(ValueError):
                lib.nn.utils.remove_weight_norm(layer)
            return self.trained(lib, layer)

        self.both(run)

    def test_spectral_norm_converges(self):
        for where in ("utils", "parametrizations"):
            tools = framejit.nn.utils if where == "utils" else framejit.nn.utils.parametrizations
            layer = tools.spectral_norm(self.linear(framejit), n_power_iterations=50)
            layer(framejit.from_numpy(X.copy()))
            want = WEIGHT / np.linalg.svd(WEIGHT, compute_uv=False)[0]
            np.testing.assert_allclose(layer.weight.detach().numpy(), want, rtol=1e-4, atol=1e-5)
        self.both(lambda lib: [sorted(lib.nn.utils.spectral_norm(self.linear(lib)).state_dict())])
        self.both(lambda lib: [sorted(lib.nn.utils.parametrizations.spectral_norm(self.linear(lib)).state_dict())])

    def test_own_parametrization(self):
        def run(lib):
            class Symmetric(lib.nn.Module):
                def forward(self, x):
                    return x.triu() + x.triu(1).transpose(-1, -2)

            class Doubled(lib.nn.Module):
                def forward(self, x):
                    return 2 * x

                def right_inverse(self, x):
                    return x / 2

            tools = lib.nn.utils.parametrize
            layer = lib.nn.Linear(3, 3)
            with lib.no_grad():
                layer.weight.copy_(lib.from_numpy(WEIGHT[:3].copy()))
                layer.bias.zero_()
            original = layer.weight
            tools.register_parametrization(layer, "weight", Symmetric())
            out = [
                layer.weight,
                tools.is_parametrized(layer),
                tools.is_parametrized(layer, "bias"),
                type(layer).__name__,
            ]
            out += [
                tools.type_before_parametrizations(layer) is lib.nn.Linear,
                layer.parametrizations.weight.original is original,
            ]
            with tools.cached():
                out.append(layer.weight is layer.weight)
            out += self.trained(lib, copy.deepcopy(layer))
            tools.remove_parametrizations(layer, "weight", leave_parametrized=False)
            out += [layer.weight, type(layer).__name__, layer.weight is original]
            tools.register_parametrization(layer, "weight", Doubled())
            out += [layer.weight, layer.parametrizations.weight.original]
            layer.weight = lib.ones(3, 3)
            out += [layer.parametrizations.weight.original]
            tools.remove_parametrizations(layer, "weight")
            out += [layer.weight, sorted(layer.state_dict())]
            for bad in (lambda: tools.register_parametrization(layer, "nothing", Doubled()),
                        lambda: tools.remove_parametrizations(layer, "weight")):  # fmt: skip
                with self.assertRaises(ValueError):
                    bad()
            return out

        self.both(run)

    def test_folding(self):
        def run(lib):
            bn = lib.nn.BatchNorm1d(4).eval()
            with lib.no_grad():
                bn.running_mean.copy_(lib.from_numpy(BIAS.copy()))
                bn.running_var.copy_(lib.from_numpy(np.abs(BIAS)))
            fused = lib.nn.utils.fuse_linear_bn_eval(self.linear(lib).eval(), bn)
            x = lib.from_numpy(X.copy())
            np.testing.assert_allclose(
                fused(x).detach().numpy(), bn(self.linear(lib)(x)).detach().numpy(), rtol=1e-4, atol=1e-5
            )
            return [fused.weight, fused.bias]

        self.both(run)

    def test_skip_init(self):
        layer = framejit.nn.utils.skip_init(framejit.nn.Linear, 3, 4)
        self.assertIs(type(layer), framejit.nn.Linear)
        self.assertEqual(layer.weight.shape, (4, 3))
        with self.assertRaises(RuntimeError):
            framejit.nn.utils.skip_init(dict)


if __name__ == "__main__":
    unittest.main()
