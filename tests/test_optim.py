"""Optimizers against recurrences written out in NumPy; groups, state, hooks; learning-rate schedules."""

import copy
import math
import pickle
import unittest
import warnings

import framejit
import numpy as np
from framejit import nn, optim
from framejit.optim import lr_scheduler

START = np.array([[1.0, -2.0], [0.5, 3.0]])


def gradient(p):
    """Of the test's loss, sum(p⁴ / 4 + p)."""
    return p**3 + 1


def run(make, steps=8):
    """The parameter after some steps of an optimizer on the test's loss."""
    p = nn.Parameter(framejit.tensor(START.tolist(), dtype=framejit.float64))
    optimizer = make([p])
    for _ in range(steps):
        optimizer.zero_grad()
        (p.pow(4) / 4 + p).sum().backward()
        optimizer.step()
    return p.detach().numpy()


def iterate(update, steps=8):
    """The same by a recurrence: update(p, gradient, state, step) -> p."""
    p, state = START.copy(), {}
    for t in range(1, steps + 1):
        p = update(p, gradient(p), state, t)
    return p


def sgd(lr, momentum=0.0, dampening=0.0, decay=0.0, nesterov=False):
    def update(p, g, s, t):
        g = g + decay * p
        if momentum:
            s["b"] = g if "b" not in s else momentum * s["b"] + (1 - dampening) * g
            g = g + momentum * s["b"] if nesterov else s["b"]
        return p - lr * g

    return update


def adam(lr=1e-3, b1=0.9, b2=0.999, eps=1e-8, decay=0.0, decoupled=False, amsgrad=False):
    def update(p, g, s, t):
        if decoupled:
            p = p * (1 - lr * decay)
        else:
            g = g + decay * p
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
        s["x"] = np.maximum(s.get("x", 0), s["v"])
        v = s["x"] if amsgrad else s["v"]
        return p - lr / (1 - b1**t) * s["m"] / (np.sqrt(v) / math.sqrt(1 - b2**t) + eps)

    return update


def rmsprop(lr, alpha=0.99, eps=1e-8, momentum=0.0, centered=False):
    def update(p, g, s, t):
        s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g * g
        s["a"] = alpha * s.get("a", 0) + (1 - alpha) * g
        root = np.sqrt(s["v"] - s["a"] ** 2 if centered else s["v"]) + eps
        s["b"] = momentum * s.get("b", 0) + g / root
        return p - lr * s["b"]

    return update


def adagrad(lr, decay):
    def update(p, g, s, t):
        s["v"] = s.get("v", 0) + g * g
        return p - lr / (1 + (t - 1) * decay) * g / (np.sqrt(s["v"]) + 1e-10)

    return update


def adadelta(lr, rho=0.9, eps=1e-6):
    def update(p, g, s, t):
        s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
        delta = np.sqrt(s.get("d", 0) + eps) / np.sqrt(s["v"] + eps) * g
        s["d"] = rho * s.get("d", 0) + (1 - rho) * delta * delta
        return p - lr * delta

    return update


def adamax(lr, b1=0.9, b2=0.999, eps=1e-8):
    def update(p, g, s, t):
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["u"] = np.maximum(b2 * s.get("u", 0), np.abs(g) + eps)
        return p - lr / (1 - b1**t) * s["m"] / s["u"]

    return update


def nadam(lr, b1=0.9, b2=0.999, eps=1e-8, psi=4e-3):
    def update(p, g, s, t):
        mu, following = b1 * (1 - 0.5 * 0.96 ** (t * psi)), b1 * (1 - 0.5 * 0.96 ** ((t + 1) * psi))
        s["mu"] = s.get("mu", 1.0) * mu
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
        root = np.sqrt(s["v"] / (1 - b2**t)) + eps
        return p - lr * ((1 - mu) / (1 - s["mu"]) * g + following / (1 - s["mu"] * following) * s["m"]) / root

    return update


def radam(lr, b1=0.9, b2=0.999, eps=1e-8):
    def update(p, g, s, t):
        s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
        mean = s["m"] / (1 - b1**t)
        longest = 2 / (1 - b2) - 1
        rho = longest - 2 * t * b2**t / (1 - b2**t)
        if rho <= 5:
            return p - lr * mean
        r = math.sqrt((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho))
        return p - lr * mean * r * math.sqrt(1 - b2**t) / (np.sqrt(s["v"]) + eps)

    return update


CASES = [
    (lambda p: optim.SGD(p, 0.01), sgd(0.01)),
    (lambda p: optim.SGD(p, 0.01, momentum=0.9, weight_decay=0.1), sgd(0.01, 0.9, decay=0.1)),
    (lambda p: optim.SGD(p, 0.01, momentum=0.9, dampening=0.3), sgd(0.01, 0.9, 0.3)),
    (lambda p: optim.SGD(p, 0.01, momentum=0.9, nesterov=True), sgd(0.01, 0.9, nesterov=True)),
    (lambda p: optim.Adam(p), adam()),
    (
        lambda p: optim.Adam(p, 0.1, (0.8, 0.9), weight_decay=0.1, amsgrad=True),
        adam(0.1, 0.8, 0.9, decay=0.1, amsgrad=True),
    ),
    (lambda p: optim.AdamW(p, 0.1), adam(0.1, decay=0.01, decoupled=True)),
    (
        lambda p: optim.AdamW(p, framejit.tensor(0.1, dtype=framejit.float64), weight_decay=0.3),
        adam(0.1, decay=0.3, decoupled=True),
    ),
    (lambda p: optim.RMSprop(p, 0.01), rmsprop(0.01)),
    (lambda p: optim.RMSprop(p, 0.01, momentum=0.9, centered=True), rmsprop(0.01, momentum=0.9, centered=True)),
    (lambda p: optim.Adagrad(p, 0.1, lr_decay=0.1), adagrad(0.1, 0.1)),
    (lambda p: optim.Adadelta(p, 1.0), adadelta(1.0)),
    (lambda p: optim.Adamax(p, 0.1), adamax(0.1)),
    (lambda p: optim.NAdam(p, 0.1), nadam(0.1)),
    (lambda p: optim.RAdam(p, 0.1), radam(0.1)),
]


class RuleTest(unittest.TestCase):
    def test_recurrences(self):
        for i, (make, update) in enumerate(CASES):
            with self.subTest(case=i):
                np.testing.assert_allclose(run(make), iterate(update), rtol=1e-6, atol=1e-9)

    def test_long_radam(self):
        np.testing.assert_allclose(run(lambda p: optim.RAdam(p, 0.01), 30), iterate(radam(0.01), 30), rtol=1e-6)

    def test_maximize_is_the_negated_gradient(self):
        up = run(lambda p: optim.SGD(p, 0.01, maximize=True), 1)
        np.testing.assert_allclose(up, START + 0.01 * gradient(START))


class OptimizerTest(unittest.TestCase):
    def setUp(self):
        self.layer = nn.Linear(2, 2)

    def step(self, optimizer):
        optimizer.zero_grad()
        self.layer(framejit.ones(1, 2)).pow(2).sum().backward()
        optimizer.step()

    def test_groups(self):
        optimizer = optim.SGD([{"params": [self.layer.weight], "lr": 0.5}, {"params": self.layer.bias}], lr=0.1)
        self.assertEqual([g["lr"] for g in optimizer.param_groups], [0.5, 0.1])
        with self.assertRaisesRegex(ValueError, "more than one parameter group"):
            optimizer.add_param_group({"params": [self.layer.bias]})
        optimizer.add_param_group({"params": [nn.Parameter(framejit.ones(1))], "momentum": 0.5})
        self.assertEqual(len(optimizer.param_groups), 3)
        named = optim.SGD(self.layer.named_parameters(), lr=0.1)
        self.assertEqual(named.param_groups[0]["param_names"], ["weight", "bias"])
        pairs = [*named.param_groups[0]["params"]]
        for mixed in ([("a", pairs[0]), pairs[1]], [pairs[0], ("b", pairs[1])]):
            self.assertRaisesRegex(ValueError, "some param names are missing".capitalize(), optim.SGD, mixed, 0.1)

    def test_bad_arguments(self):
        parameters = list(self.layer.parameters())
        for make in (
            lambda: optim.SGD([], 0.1),
            lambda: optim.SGD(parameters, -1),
            lambda: optim.SGD(parameters, 0.1, nesterov=True),
            lambda: optim.Adam(parameters, betas=(1.0, 0.9)),
            lambda: optim.Adam(parameters, eps=-1),
            lambda: optim.SGD([self.layer.weight * 2], 0.1),
        ):
            with self.assertRaises(ValueError):
                make()
        for make in (
            lambda: optim.SGD(self.layer.weight, 0.1),
            lambda: optim.SGD([3], 0.1),
            lambda: optim.SGD([{"params": set(parameters)}], 0.1),
        ):
            with self.assertRaises(TypeError):
                make()

    def test_closure(self):
        optimizer, calls = optim.SGD(self.layer.parameters(), lr=0.1), []

        def closure():
            calls.append(1)
            optimizer.zero_grad()
            loss = self.layer(framejit.ones(1, 2)).sum()
            loss.backward()
            return loss

        with framejit.no_grad():
            loss = optimizer.step(closure)
        self.assertEqual(len(calls), 1)
        self.assertTrue(loss.requires_grad)

    def test_parameters_without_gradients_stay(self):
        optimizer = optim.Adam(self.layer.parameters())
        before = self.layer.weight.tolist()
        optimizer.step()
        self.assertEqual(self.layer.weight.tolist(), before)
        self.assertEqual(len(optimizer.state), 0)

    def test_zero_grad(self):
        optimizer = optim.SGD(self.layer.parameters(), lr=0.1)
        self.layer(framejit.ones(1, 2)).sum().backward()
        grad = self.layer.weight.grad
        optimizer.zero_grad(set_to_none=False)
        self.assertEqual(grad.tolist(), [[0, 0], [0, 0]])
        optimizer.zero_grad()
        self.assertIsNone(self.layer.weight.grad)

    def test_state_dict_continues_exactly(self):
        for make in (lambda p: optim.Adam(p, 0.1), lambda p: optim.SGD(p, 0.1, momentum=0.9)):
            self.layer = nn.Linear(2, 2)
            optimizer = make(self.layer.parameters())
            self.step(optimizer)
            twin, layer = copy.deepcopy(self.layer), self.layer
            other = make(twin.parameters())
            other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
            self.step(optimizer)
            self.layer = twin
            self.step(other)
            self.assertEqual(twin.weight.tolist(), layer.weight.tolist())

    def test_steps_of_a_compiled_radam(self):
        # Past the step from which on the rate is rectified.
        def trained(compile_step):
            layer = nn.Linear(2, 1)
            with framejit.no_grad():
                layer.weight.copy_(framejit.tensor([[0.5, -0.25]]))
                layer.bias.zero_()
            optimizer = optim.RAdam(layer.parameters(), 0.1)
            step = framejit.compile(optimizer.step) if compile_step else optimizer.step
            for i in range(12):
                layer.zero_grad()
                layer(framejit.tensor([[1.0, float(i)]])).sum().backward()
                step()
            return layer.weight.tolist()

        np.testing.assert_allclose(trained(True), trained(False), rtol=1e-5)

    def test_state_dict_layout(self):
        optimizer = optim.Adam(self.layer.parameters())
        self.step(optimizer)
        state = optimizer.state_dict()
        self.assertEqual(state["param_groups"][0]["params"], [0, 1])
        self.assertEqual(list(state["state"][0]), ["step", "exp_avg", "exp_avg_sq"])
        self.assertEqual(state["state"][0]["step"].item(), 1)
        with self.assertRaises(ValueError):
            optim.Adam([self.layer.weight]).load_state_dict(state)

    def test_load_casts_to_the_parameters_dtype(self):
        optimizer = optim.Adam(self.layer.parameters())
        self.step(optimizer)
        half = nn.Linear(2, 2).to(framejit.bfloat16)
        other = optim.Adam(half.parameters())
        other.load_state_dict(optimizer.state_dict())
        state = other.state[half.weight]
        self.assertEqual((state["exp_avg"].dtype, state["step"].dtype), (framejit.bfloat16, framejit.float32))

    def test_hooks(self):
        optimizer, calls = optim.SGD(self.layer.parameters(), lr=0.1), []
        pre = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("pre"))
        optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("post"))
        optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
        optimizer.register_load_state_dict_pre_hook(lambda o, state: {k: v for k, v in state.items() if k != "more"})
        self.step(optimizer)
        pre.remove()
        self.step(optimizer)
        self.assertEqual(calls, ["pre", "post", "post"])
        self.assertEqual(optimizer.state_dict()["more"], 1)
        optimizer.load_state_dict(optimizer.state_dict())

    def test_own_subclass_gets_hooks_too(self):
        class Mine(optim.Optimizer):
            def step(self, closure=None):
                return "stepped"

        mine, calls = Mine(self.layer.parameters(), {"lr": 1}), []
        mine.register_step_post_hook(lambda o, args, kwargs: calls.append(1))
        self.assertEqual(mine.step(), "stepped")
        self.assertEqual(calls, [1])

    def test_repr_and_pickle(self):
        optimizer = optim.SGD(self.layer.parameters(), lr=0.1)
        self.assertEqual(repr(optimizer).split("\n")[:2], ["SGD (", "Parameter Group 0"])
        self.step(optimizer)
        other = pickle.loads(pickle.dumps(optimizer))
        self.assertEqual(other.param_groups[0]["lr"], 0.1)


def rates(make, steps=12, start=0.5, **options):
    optimizer = optim.SGD([nn.Parameter(framejit.zeros(1))], lr=start, **options)
    schedule, result = make(optimizer), []
    for _ in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return result


class ScheduleTest(unittest.TestCase):
    def check(self, make, want, **options):
        np.testing.assert_allclose(rates(make, **options), [want(t) for t in range(12)], rtol=1e-9, atol=1e-12)

    def test_closed_forms(self):
        s = lr_scheduler
        self.check(lambda o: s.StepLR(o, 3), lambda t: 0.5 * 0.1 ** (t // 3))
        self.check(lambda o: s.MultiStepLR(o, [2, 5, 5]), lambda t: 0.5 * 0.1 ** ((t >= 2) + 2 * (t >= 5)))
        self.check(lambda o: s.ExponentialLR(o, 0.9), lambda t: 0.5 * 0.9**t)
        self.check(lambda o: s.CosineAnnealingLR(o, 12, 0.1), lambda t: 0.1 + 0.2 * (1 + math.cos(math.pi * t / 12)))
        self.check(lambda o: s.LambdaLR(o, lambda t: 1 / (t + 1)), lambda t: 0.5 / (t + 1))
        self.check(lambda o: s.MultiplicativeLR(o, lambda t: 0.8), lambda t: 0.5 * 0.8**t)
        self.check(lambda o: s.LinearLR(o, 0.2, 0.8, 6), lambda t: 0.5 * (0.2 + 0.6 * min(t, 6) / 6))
        self.check(lambda o: s.ConstantLR(o, 0.25, 4), lambda t: 0.125 if t < 4 else 0.5)
        self.check(lambda o: s.PolynomialLR(o, 8, 2), lambda t: 0.5 * (1 - min(t, 8) / 8) ** 2)
        self.check(
            lambda o: s.CosineAnnealingWarmRestarts(o, 4), lambda t: 0.25 * (1 + math.cos(math.pi * (t % 4) / 4))
        )

    def test_one_cycle(self):
        def want(t):
            end = 0.3 * 12 - 1
            low, high, last = 1 / 25, 1.0, 1 / 25 / 1e4
            if t <= end:
                return high + (low - high) / 2 * (math.cos(math.pi * t / end) + 1)
            return last + (high - last) / 2 * (math.cos(math.pi * (t - end) / (11 - end)) + 1)

        self.check(lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=12), want, momentum=0.9)
        optimizer = optim.Adam([nn.Parameter(framejit.zeros(1))])
        schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=10)
        self.assertEqual(optimizer.param_groups[0]["betas"][0], 0.95)
        with self.assertRaises(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(12):
                schedule.step()

    def test_composites(self):
        s = lr_scheduler
        self.check(
            lambda o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)], [4]),
            lambda t: 0.05 if t < 4 else 0.5 * 0.9 ** (t - 4),
        )
        self.check(
            lambda o: s.ChainedScheduler([s.ExponentialLR(o, 0.9), s.StepLR(o, 5)]),
            lambda t: 0.5 * 0.9**t * 0.1 ** (t // 5),
        )

    def test_plateau(self):
        optimizer = optim.SGD([nn.Parameter(framejit.zeros(1))], lr=1.0)
        schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, cooldown=1, min_lr=0.005)
        seen = []
        for loss in [5, 4, 4, 4, 4, 4, 4, 4, 4, 4]:
            schedule.step(framejit.tensor(float(loss)))
            seen.append(optimizer.param_groups[0]["lr"])
        np.testing.assert_allclose(seen, [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.005], rtol=1e-9)

    def test_saving(self):
        def make(o):
            return lr_scheduler.CosineAnnealingLR(o, 10)

        full = rates(make)
        optimizer = optim.SGD([nn.Parameter(framejit.zeros(1))], lr=0.5)
        schedule = make(optimizer)
        for _ in range(5):
            optimizer.step()
            schedule.step()
        other_optimizer = optim.SGD([nn.Parameter(framejit.zeros(1))], lr=0.5)
        other = make(other_optimizer)
        other.load_state_dict(schedule.state_dict())
        other_optimizer.load_state_dict(optimizer.state_dict())
        for t in range(5, 12):
            self.assertEqual(other_optimizer.param_groups[0]["lr"], full[t])
            other_optimizer.step()
            other.step()
        self.assertNotIn("optimizer", schedule.state_dict())

    def test_warnings(self):
        optimizer = optim.SGD([nn.Parameter(framejit.zeros(1))], lr=0.5)
        schedule = lr_scheduler.StepLR(optimizer, 2)
        with self.assertWarnsRegex(UserWarning, "before `optimizer.step"):
            schedule.step()
        with self.assertWarnsRegex(UserWarning, "get_last_lr"):
            schedule.get_lr()


if __name__ == "__main__":
    unittest.main()
