"""Optimizers and schedules against torch: parameters, state, saved layout and reprs after the same steps."""

import unittest
import warnings

import framejit
import numpy as np

try:
    import torch
except ImportError:
    torch = None

OPTIMIZERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True, "momentum": 0.9, "weight_decay": 0.1}),
    ("Adagrad", {"lr_decay": 0.1}),
    ("Adagrad", {"initial_accumulator_value": 0.5, "weight_decay": 0.1}),
    ("Adadelta", {"weight_decay": 0.1}),
    ("Adamax", {"weight_decay": 0.1}),
    ("NAdam", {}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {}),
    ("RAdam", {"weight_decay": 0.1}),
]
SCHEDULES = [
    ("StepLR", (3,)),
    ("MultiStepLR", ([2, 5, 5],)),
    ("ExponentialLR", (0.9,)),
    ("CosineAnnealingLR", (5,)),
    ("CosineAnnealingLR", (5, 0.01)),
    ("LambdaLR", (lambda e: 0.95**e,)),
    ("MultiplicativeLR", (lambda e: 0.95,)),
    ("OneCycleLR", (1.0, 20)),
    ("LinearLR", ()),
    ("ConstantLR", ()),
    ("PolynomialLR", (6, 2.0)),
    ("CosineAnnealingWarmRestarts", (3, 2)),
    ("CyclicLR", (0.01, 0.1, 3)),
]
START = [np.random.default_rng(1).standard_normal(shape).astype(np.float32) for shape in ((3, 4), (5,))]


def train(lib, name, options):
    parameters = [lib.nn.Parameter(lib.from_numpy(value.copy())) for value in START]
    optimizer = getattr(lib.optim, name)(parameters, **options)
    for i in range(10):
        optimizer.zero_grad()
        (parameters[0].sin().sum() + (parameters[1] ** 2).sum() * parameters[0].mean()).backward()
        optimizer.step()
        if i == 5:
            state = optimizer.state_dict()
            optimizer = getattr(lib.optim, name)(parameters, **options)
            optimizer.load_state_dict(state)
    return parameters, optimizer


@unittest.skipIf(torch is None, "torch is not installed")
class PeerOptim(unittest.TestCase):
    def test_optimizers(self):
        for name, options in OPTIMIZERS:
            with self.subTest(name, **options):
                (mine, my_optimizer), (theirs, their_optimizer) = (
                    train(lib, name, options) for lib in (framejit, torch)
                )
                for a, b in zip(mine, theirs):
                    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-5, atol=1e-6)
                self.assertEqual(repr(my_optimizer), repr(their_optimizer))
                a, b = my_optimizer.state_dict(), their_optimizer.state_dict()
                self.assertEqual(a["param_groups"], b["param_groups"])
                self.assertEqual(
                    {k: list(v) for k, v in a["state"].items()}, {k: list(v) for k, v in b["state"].items()}
                )

    def test_schedules(self):
        for name, args in SCHEDULES:
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results = []
                for lib in (framejit, torch):
                    optimizer = lib.optim.SGD([lib.nn.Parameter(lib.zeros(1))], lr=0.5, momentum=0.9)
                    schedule = getattr(lib.optim.lr_scheduler, name)(optimizer, *args)
                    rows = []
                    for _ in range(18):
                        group = optimizer.param_groups[0]
                        rows.append((group["lr"], group["momentum"]))
                        optimizer.step()
                        schedule.step()
                        schedule.load_state_dict(schedule.state_dict())
                    results.append((rows, set(schedule.state_dict())))
                self.assertEqual(*results)


if __name__ == "__main__":
    unittest.main()
