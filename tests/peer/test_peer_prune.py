"""Pruning, and modules that stand for several processes or devices or for quantisation, against torch."""

import unittest
import warnings

import framejit
import framejit.nn.utils.prune
import framejit.utils.data.distributed
import numpy as np

try:
    import torch
    import torch.nn.utils.prune
    import torch.utils.data.distributed
except ImportError:
    torch = None

RNG = np.random.default_rng(8)
WEIGHT, CONV, SCORES = RNG.standard_normal((4, 3)), RNG.standard_normal((4, 3, 2)), RNG.random((4, 3))


def outcome(call, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call(*args)
        except Exception as error:
            return type(error).__name__


def layer(lib, conv=False):
    module = lib.nn.Conv1d(3, 4, 2) if conv else lib.nn.Linear(3, 4)
    with lib.no_grad():
        module.weight.copy_(lib.tensor((CONV if conv else WEIGHT).tolist()))
        module.bias.copy_(lib.tensor([0.5, -0.1, 0.2, 0.9]))
    return module


def state(module):
    return (
        {k: np.round(np.array(v.tolist()), 5).tolist() for k, v in module.state_dict().items()},
        [name for name, _ in module.named_parameters()],
        [name for name, _ in module.named_buffers()],
        [type(hook).__name__ for hook in module._forward_pre_hooks.values()],
        type(module.weight).__name__,
        np.round(np.abs(np.array(module.weight.tolist())), 5).tolist(),
    )


# (call(lib, prune, module))
CALLS = (
    lambda t, p, m: p.identity(m, "weight"),
    lambda t, p, m: p.l1_unstructured(m, "weight", 5),
    lambda t, p, m: p.l1_unstructured(m, "weight", 0.3),
    lambda t, p, m: p.l1_unstructured(m, "weight", 0),
    lambda t, p, m: p.l1_unstructured(m, "weight", 12),
    lambda t, p, m: p.l1_unstructured(m, "weight", 13),
    lambda t, p, m: p.l1_unstructured(m, "weight", -1),
    lambda t, p, m: p.l1_unstructured(m, "weight", 1.5),
    lambda t, p, m: p.l1_unstructured(m, "weight", "x"),
    lambda t, p, m: p.l1_unstructured(m, "nothing", 1),
    lambda t, p, m: p.l1_unstructured(m, "weight", 4, t.ones(2)),
    lambda t, p, m: p.ln_structured(m, "weight", 1, 2, 0),
    lambda t, p, m: p.ln_structured(m, "weight", 0.5, 1, -1),
    lambda t, p, m: p.ln_structured(m, "weight", 2, float("inf"), 1),
    lambda t, p, m: p.ln_structured(m, "weight", 1, 2, 7),
    lambda t, p, m: p.ln_structured(m, "bias", 1, 2, 0),
    lambda t, p, m: p.ln_structured(m, "weight", 9, 2, 0),
    lambda t, p, m: p.random_structured(m, "weight", 4, 0),
    lambda t, p, m: p.random_unstructured(m, "weight", 1.0),
    lambda t, p, m: p.custom_from_mask(m, "weight", t.ones_like(m.weight.detach()).tril()),
    lambda t, p, m: p.custom_from_mask(m, "weight", t.ones(2)),
    lambda t, p, m: [p.l1_unstructured(m, "weight", 4), p.l1_unstructured(m, "weight", 3)],
    lambda t, p, m: [p.l1_unstructured(m, "weight", 4), p.ln_structured(m, "weight", 0.5, 2, 0)],
    lambda t, p, m: [p.ln_structured(m, "weight", 1, 2, 0), p.ln_structured(m, "weight", 1, 2, 1)],
    lambda t, p, m: [p.ln_structured(m, "weight", 1, 2, 0), p.l1_unstructured(m, "weight", 0.5)],
    lambda t, p, m: [p.l1_unstructured(m, "weight", 4), p.l1_unstructured(m, "bias", 2)],
    lambda t, p, m: [p.l1_unstructured(m, "weight", 4), p.remove(m, "weight")],
    lambda t, p, m: [p.l1_unstructured(m, "weight", 4), p.remove(m, "bias")],
    lambda t, p, m: p.remove(m, "weight"),
    lambda t, p, m: p.global_unstructured([(m, "weight"), (m, "bias")], p.L1Unstructured, amount=0.5),
    lambda t, p, m: p.global_unstructured([(m, "weight"), (m, "bias")], p.L1Unstructured, amount=3),
    lambda t, p, m: p.global_unstructured([(m, "weight")], p.LnStructured, amount=1, n=2),
    lambda t, p, m: p.global_unstructured(3, p.L1Unstructured, amount=3),
    lambda t, p, m: p.global_unstructured([(m, "weight")], p.L1Unstructured, importance_scores=3, amount=3),
)


@unittest.skipIf(torch is None, "torch is not installed")
class PruneTest(unittest.TestCase):
    def test_calls(self):
        for conv in (False, True):
            for i, call in enumerate(CALLS):
                results = []
                for lib in (framejit, torch):
                    module, prune = layer(lib, conv), lib.nn.utils.prune
                    found = outcome(call, lib, prune, module)
                    failed = isinstance(found, str)
                    after = sorted(module.state_dict()) if failed else state(module)  # the peer leaves another order
                    results.append((found if failed else None, after, prune.is_pruned(module)))
                with self.subTest(i, conv=conv):
                    self.assertEqual(*results)

    def test_scores_and_training(self):
        def story(lib):
            module = layer(lib)
            lib.nn.utils.prune.l1_unstructured(module, "weight", 6, importance_scores=lib.tensor(SCORES.tolist()))
            optimizer = lib.optim.SGD(module.parameters(), lr=0.1)
            for _ in range(3):
                optimizer.zero_grad()
                module(lib.ones(2, 3)).square().sum().backward()
                optimizer.step()
            return state(module)

        ours, theirs = story(framejit), story(torch)
        self.assertEqual(ours[1:5], theirs[1:5])
        np.testing.assert_allclose(ours[5], theirs[5], rtol=1e-4)

    def test_random_masks(self):
        for amount, left in ((5, 7), (0.25, 9)):
            module = layer(framejit)
            framejit.nn.utils.prune.random_unstructured(module, "weight", amount)
            self.assertEqual(module.weight_mask.sum().item(), left)
        module = layer(framejit)
        framejit.nn.utils.prune.random_structured(module, "weight", 2, 0)
        self.assertEqual(sorted(module.weight_mask.sum(1).tolist()), [0.0, 0.0, 3.0, 3.0])


@unittest.skipIf(torch is None, "torch is not installed")
class StandInsTest(unittest.TestCase):
    def test_data_parallel(self):
        def story(lib):
            model = lib.nn.DataParallel(layer(lib))
            return (
                repr(model), list(model.state_dict()), model.device_ids, np.round(model(lib.ones(2, 3)).tolist(), 5).tolist(),
                type(model.module).__name__, lib.nn.parallel.DataParallel is lib.nn.DataParallel,
                outcome(lambda: isinstance(model, lib.nn.parallel.DistributedDataParallel)),
            )  # fmt: skip

        self.assertEqual(story(framejit), story(torch))

    def test_sync_batch_norm(self):
        x = RNG.standard_normal((2, 3, 4))

        def story(lib):
            model = lib.nn.Sequential(
                lib.nn.Linear(4, 4), lib.nn.BatchNorm1d(3), lib.nn.Sequential(lib.nn.BatchNorm2d(2, affine=False))
            )
            old = model[1].weight
            model = lib.nn.SyncBatchNorm.convert_sync_batchnorm(model)
            alone = lib.nn.SyncBatchNorm(3)
            log = [repr(model), model[1].weight is old, np.round(alone(lib.tensor(x.tolist())).tolist(), 4).tolist()]
            log.append(np.round(alone.running_mean.tolist(), 4).tolist())
            return [*log, outcome(lambda: alone(lib.ones(3))), list(alone.state_dict())]

        self.assertEqual(story(framejit), story(torch))

    def test_float_functional(self):
        def story(lib):
            f, x, y = lib.nn.quantized.FloatFunctional(), lib.tensor([[1.0, -2.0]]), lib.tensor([[3.0], [0.5]])
            return [
                f.add(x, x).tolist(), f.add_scalar(x, 2).tolist(), f.mul(x, x).tolist(), f.mul_scalar(x, 3).tolist(),
                f.cat([x, x], 1).tolist(), f.add_relu(x, x).tolist(), f.matmul(x, y).tolist(), outcome(f, x), repr(f),
            ]  # fmt: skip

        self.assertEqual(story(framejit), story(torch))

    def test_distributed_sampler(self):
        for size in (0, 1, 5, 8):
            for options in (
                {"num_replicas": 2, "rank": 0}, {"num_replicas": 2, "rank": 1, "shuffle": False}, {"num_replicas": 3, "rank": 2},
                {"num_replicas": 3, "rank": 2, "drop_last": True, "shuffle": False}, {"num_replicas": 2, "rank": 5}, {},
                {"num_replicas": 3, "rank": 1, "seed": 5},
            ):  # fmt: skip

                def story(lib, size=size, options=options):
                    sampler = lib.utils.data.distributed.DistributedSampler(range(size), **options)
                    first = list(sampler)
                    sampler.set_epoch(2)
                    return first, list(sampler), len(sampler), sampler.num_samples, sampler.total_size

                with self.subTest(size=size, **options):
                    self.assertEqual(outcome(story, framejit), outcome(story, torch))


if __name__ == "__main__":
    unittest.main()
