"""Eight threads call and compile the same and different functions; every result equals the plain function's.

FRAMEJIT_THREAD_SECONDS=60 makes it the long run (`make test-threads`).
"""

import faulthandler
import os
import random
import sys
import threading
import time
import unittest

import framejit
from framejit import _C, nn

SECONDS = float(os.environ.get("FRAMEJIT_THREAD_SECONDS", "2"))
THREADS = 8
SCALE = 2.0


@framejit.dynamo.disable
def outside(x):
    return x.shape[0] + 1


def arithmetic(x, k):
    return (x * k + SCALE).sin().sum()


def with_break(x, k):
    y = x + k
    n = outside(y)
    z = y * n
    outside(z)
    return z.mean()


def with_loop(x, k):
    total = x
    for i in range(4):
        total = total + i * outside(x)
    return total


def with_exception(x, k):
    try:
        y = x + 1
        if k > 1:
            raise ValueError(k)
        return y.sum()
    except ValueError as e:
        return x - e.args[0]


def with_effects(x, k, log):
    log.append(k)
    y = x * len(log)
    outside(y)
    log.append(y)
    return y


def recursive(x, k):
    return x if k <= 0 else recursive(x * 2, k - 1) + 1


def with_gradient(x, k):
    w = framejit.full_like(x, 3.0, requires_grad=True)
    loss = (w * x * k).sum()
    return framejit.autograd.grad(loss, w)[0]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(3)])
        self.gain = 1.0

    def forward(self, x):
        for layer in self.layers:
            x = framejit.relu(layer(x)) * self.gain
        return x


framejit.manual_seed(0)
NET = Net()


def through_model(x, k):
    return NET(x) + k


def own_model(x, k, net):
    net.gain = float(k)
    return net(x)


FUNCTIONS = [arithmetic, with_break, with_loop, with_exception, recursive, with_gradient, through_model]


class Worker(threading.Thread):
    def __init__(self, seed, shared, until, reset):
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.shared, self.until, self.reset = shared, until, reset
        self.calls, self.error = 0, None
        self.net = Net()

    def run(self):
        try:
            while self.calls <= 10 or time.monotonic() < self.until:  # however slow the machine is just now
                self.round()
        except BaseException as e:
            self.error = e

    def round(self):
        pick = self.random
        x = framejit.full((pick.choice([1, 2, 5]), 3), pick.choice([0.5, 1.0, 2.0]))
        k = pick.choice([0, 1, 2, 0.5])
        function = pick.choice(FUNCTIONS)
        fresh = pick.random() < 0.05
        compiled = framejit.compile(function) if fresh else self.shared[function]
        self.same(compiled(x, k), function(x, k), function)
        if pick.random() < 0.2:
            compiled = self.shared[own_model]
            self.same(compiled(x, k, self.net), own_model(x, k, self.net), own_model)
        if pick.random() < 0.2:
            logs = [], []
            results = self.shared[with_effects](x, k, logs[0]), with_effects(x, k, logs[1])
            self.same(*results, with_effects)
            assert [str(e) for e in logs[0]] == [str(e) for e in logs[1]], logs
        if pick.random() < 0.02:
            with framejit.no_grad():
                self.same(self.shared[through_model](x, k), through_model(x, k), through_model)
        if self.reset and pick.random() < 0.01:
            _C.reset()
        self.calls += 1

    def same(self, got, want, function):
        assert got.shape == want.shape and got.requires_grad == want.requires_grad, function
        assert framejit.allclose(got, want), (function, got, want)


class ThreadTest(unittest.TestCase):
    def test_eight_threads(self):
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        self.enterContext(framejit.dynamo.config.patch(recompile_limit=64))
        shared = {f: framejit.compile(f) for f in [*FUNCTIONS, own_model, with_effects]}
        until = time.monotonic() + SECONDS
        workers = [Worker(seed, shared, until, seed == 0) for seed in range(THREADS)]
        faulthandler.dump_traceback_later(SECONDS + 100, exit=True)  # a deadlock shows where everyone stands
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        finally:
            faulthandler.cancel_dump_traceback_later()
            sys.setswitchinterval(interval)
        for worker in workers:
            if worker.error:
                raise worker.error
            self.assertGreater(worker.calls, 10)


if __name__ == "__main__":
    unittest.main()
