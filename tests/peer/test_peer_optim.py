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
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "t0": 3, "weight_decay": 0.1}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.1, "weight_decay": 0.1, "maximize": True}),
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


@unittest.skipIf(torch is None, "torch is not installed")
class PeerAverages(unittest.TestCase):
    def test_lbfgs(self):
        for options in ({}, {"lr": 0.5, "history_size": 3}, {"line_search_fn": "strong_wolfe"}):
            ends = []
            for lib in (torch, framejit):
                x = lib.nn.Parameter(lib.tensor([-1.5, 2.0, 0.3], dtype=lib.float64))
                optimizer = lib.optim.LBFGS([x], max_iter=7, **options)

                def closure(x=x, optimizer=optimizer):
                    optimizer.zero_grad()
                    loss = (1 - x[:-1]).square().sum() + 5 * (x[1:] - x[:-1].square()).square().sum()
                    loss.backward()
                    return loss

                losses = [float(optimizer.step(closure)) for _ in range(4)]
                state = optimizer.state_dict()["state"][0]
                ends.append((x.detach().numpy(), losses, state["func_evals"], state["n_iter"]))
            with self.subTest(**options):
                np.testing.assert_allclose(ends[1][0], ends[0][0], rtol=1e-9)
                np.testing.assert_allclose(ends[1][1], ends[0][1], rtol=1e-9)
                self.assertEqual(ends[1][2:], ends[0][2:])

    def test_averaged_model(self):
        for average in (None, "ema"):
            ends = []
            for lib in (torch, framejit):
                lib.manual_seed(0)
                utils = lib.optim.swa_utils
                model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4))
                with lib.no_grad():
                    model[0].weight.copy_(lib.from_numpy(START[0].T[:, :3].copy()))
                    model[0].bias.zero_()
                other = {} if average is None else {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.9)}
                averaged = utils.AveragedModel(model, **other)
                optimizer = lib.optim.SGD(model.parameters(), lr=0.5)
                schedule = utils.SWALR(optimizer, swa_lr=0.05, anneal_epochs=4)
                x = lib.from_numpy(START[0].copy()[:, :3])
                rates = []
                for _ in range(6):
                    optimizer.zero_grad()
                    model(x).sin().sum().backward()
                    optimizer.step()
                    averaged.update_parameters(model)
                    schedule.step()
                    rates.append(optimizer.param_groups[0]["lr"])
                utils.update_bn([x, x + 1], averaged)
                ends.append(({k: v.numpy() for k, v in averaged.state_dict().items()}, rates))
            self.assertEqual(list(ends[0][0]), list(ends[1][0]))
            np.testing.assert_allclose(ends[1][1], ends[0][1])
            for key, want in ends[0][0].items():
                np.testing.assert_allclose(ends[1][0][key], want, rtol=1e-4, atol=1e-5, err_msg=key)


if __name__ == "__main__":
    unittest.main()
