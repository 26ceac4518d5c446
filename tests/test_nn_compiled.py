"""Every module and loss of nn, compiled whole, gives what it gives eager: outputs, gradients, buffers."""

import unittest
import warnings

import framejit
import numpy as np
from framejit import nn

from tests.peer.test_peer_nn import LOSSES, MODULES

# Embedding(max_norm) and BatchNorm(momentum=None) ask a tensor for its value
BREAKS = {"Embedding", "BatchNorm2d"}


def run(make, inputs, compiled, train):
    framejit.manual_seed(0)
    module = make().train(train)
    fullgraph = type(module).__name__ not in BREAKS
    call = framejit.compile(module, fullgraph=fullgraph) if compiled else module
    tensors = [framejit.from_numpy(np.ascontiguousarray(x)).clone() for x in inputs]
    if tensors[0].is_floating_point():
        tensors[0].requires_grad_()
    outputs = call(*tensors)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    results = [o.detach() for o in outputs]
    total = sum(o.sin().sum() for o in outputs if o.is_floating_point())
    if total.requires_grad:
        total.backward()
        results += [p.grad for p in (tensors[0], *module.parameters()) if p.grad is not None]
    return results + list(module.buffers())


class CompiledModules(unittest.TestCase):
    def compare(self, make, inputs):
        for train in (True, False):
            want, got = (run(make, inputs, compiled, train) for compiled in (False, True))
            self.assertEqual(len(got), len(want))
            for g, w in zip(got, want):
                framejit.testing.assert_close(g, w, rtol=2e-5, atol=2e-6)

    def test_modules(self):
        for name, args, kwargs, inputs in MODULES:
            with self.subTest(name, args=args, **kwargs), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.compare(lambda: getattr(nn, name)(*args, **kwargs), inputs)

    def test_losses(self):
        for name, inputs in LOSSES:
            for reduction in ("mean", "sum", "none"):
                with self.subTest(name, reduction=reduction), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.compare(lambda: getattr(nn, name)(reduction=reduction), inputs)

    def test_random_modules_draw_the_same(self):
        for make in (lambda: nn.Dropout(0.4), lambda: nn.Dropout2d(0.4), lambda: nn.AlphaDropout(0.4), nn.RReLU):
            with self.subTest(str(make())):
                self.compare(make, [np.ones((4, 6, 3, 3), dtype=np.float32)])


class OffsetTest(unittest.TestCase):
    def test_copy_of_a_part_is_no_view_of_it(self):
        a, b = framejit.arange(3.0), framejit.arange(3.0) + 10
        for change in (lambda t: t.clone(), lambda t: t * 1, lambda t: t - 0):
            f = lambda a, b, change=change: change(framejit.cat([a, b])[3:]) @ framejit.ones(3, 2)
            self.assertEqual(framejit.compile(f)(a, b).tolist(), [33.0, 33.0])


class WarningTest(unittest.TestCase):
    """nn's own warnings in whole graphs: at each call and of the same place, as eager; the program's stay where they are."""

    def shown(self, f, *args):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            f(*args)
        return [(w.category, str(w.message), w.filename, w.lineno) for w in seen]

    def test_own_warnings(self):
        x, y = framejit.ones(3, 4), framejit.ones(4)
        calls = (
            lambda: nn.functional.kl_div(x, x),
            lambda: nn.functional.dropout2d(x, training=False) + nn.functional.dropout3d(x, training=False),
            lambda: nn.functional.mse_loss(x, y) + 1,
            lambda: nn.functional.softmax(y),
        )
        for f in calls:
            whole = framejit.compile(f, fullgraph=True)
            for _ in range(2):
                self.assertEqual(self.shown(whole), self.shown(f))
            self.assertTrue(self.shown(whole))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.assertRaises(UserWarning, whole)

    def test_those_of_the_program(self):
        def f(x):
            warnings.warn("mine")
            return x + 1

        def caught(x):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return nn.functional.kl_div(x, x)

        for g in (f, caught):
            whole, parts = framejit.compile(g, fullgraph=True), framejit.compile(g)
            self.assertRaises(framejit.dynamo.exc.Unsupported, whole, framejit.ones(2))
            self.assertEqual(self.shown(parts, framejit.ones(2)), self.shown(g, framejit.ones(2)))

    def test_exported(self):
        class Loss(nn.Module):
            def forward(self, x):
                return nn.functional.kl_div(x, x)

        x = framejit.ones(2)
        made = []
        self.assertTrue(self.shown(lambda: made.append(framejit.export.export(Loss(), (x,)))))
        self.assertEqual(self.shown(made[0].module(), x), [])


if __name__ == "__main__":
    unittest.main()
