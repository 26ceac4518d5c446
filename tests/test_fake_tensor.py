"""Fake tensors: what they know is what real ones have, and what they cannot know is an error."""

import copy
import unittest

import framejit as fj
from framejit import nn
from framejit._fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    UnsupportedFakeTensorException,
)
from framejit.dynamo.utils import detect_fake_mode
from framejit.fx.experimental.proxy_tensor import make_fx
from framejit.utils import _pytree as pytree

from tests.test_torch_dispatch import cloned, sample_calls


def facts(tree):
    return [
        (tuple(t.shape), t.stride(), t.dtype, t.device, t.requires_grad) if isinstance(t, fj.Tensor) else t
        for t in pytree.tree_leaves(tree)
    ]


def copied(leaf):
    return leaf.clone() if isinstance(leaf, fj.Tensor) else leaf


class Operators(unittest.TestCase):
    def check(self, function):
        want = facts(function())
        with FakeTensorMode():
            got = function()
        for leaf in pytree.tree_leaves(got):
            if isinstance(leaf, fj.Tensor) and leaf.dim():
                self.assertIsInstance(leaf, FakeTensor)
        self.assertEqual(facts(got), want)

    def test_what_is_known(self):
        self.check(lambda: fj.randn(3, 4) @ fj.ones(4, 5))
        self.check(
            lambda: (fj.arange(10), fj.zeros(2, dtype=fj.int8), fj.full((2, 2), 3), fj.eye(3), fj.linspace(0, 1, 4))
        )
        self.check(lambda: fj.ones(3, 4).t()[1:].unsqueeze(0).expand(5, 3, 3).contiguous())
        self.check(lambda: fj.ones(3).to(fj.float64) + fj.ones(3, dtype=fj.int32))
        self.check(lambda: fj.ones(3, requires_grad=True).exp().sum() * fj.tensor(2.0))
        self.check(lambda: fj.ones(2, 6).split(2, 1) + fj.ones(4).topk(2))

    def test_in_place(self):
        with FakeTensorMode():
            x = fj.ones(3)
            y = x.add_(1)
        self.assertIs(x, y)

    def test_rows(self):
        """Each operator on fakes of its samples' tensors gives what it gives on them."""
        compared, wrong = 0, []
        for row, function, args, kwargs in sample_calls():
            args, kwargs = [cloned(v) for v in args], {k: cloned(v) for k, v in kwargs.items()}
            mode = FakeTensorMode()
            fakes = pytree.tree_map(lambda v: mode.from_tensor(v) if isinstance(v, fj.Tensor) else v, (args, kwargs))
            try:
                fj.manual_seed(0)
                want = facts(function(*pytree.tree_map(copied, args), **pytree.tree_map(copied, kwargs)))
            except TypeError:  # not how Python calls it
                continue
            try:
                with mode:
                    found = facts(function(*fakes[0], **fakes[1]))
            except (DataDependentOutputException, DynamicOutputShapeException):
                continue
            except Exception as error:
                found = repr(error)
            compared += 1
            if found != want:
                wrong.append((row.schema.name, found, want))
        self.assertEqual(wrong, [], wrong)
        self.assertGreater(compared, 600)

    def test_models(self):
        def train():
            net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
            optimizer = fj.optim.Adam(net.parameters())
            out = net(fj.randn(5, 3, 6, 6))
            out.sum().backward()
            optimizer.step()
            return out, list(net.parameters()), [p.grad for p in net.parameters()], list(net.state_dict().values())

        self.check(train)


class Errors(unittest.TestCase):
    def test_what_only_elements_tell(self):
        with FakeTensorMode():
            x = fj.ones(3)
            for f in (lambda: x[0].item(), lambda: bool(x.sum() > 0), lambda: int(x[0]), x.tolist):
                self.assertRaises(DataDependentOutputException, f)
            self.assertRaises(DynamicOutputShapeException, x.nonzero)
            with self.assertRaisesRegex(RuntimeError, "Cannot access data pointer"):
                x.numpy()
        with self.assertRaisesRegex(RuntimeError, "Cannot access data pointer"):
            make_fx(lambda x: x * x.data_ptr(), tracing_mode="fake")(fj.ones(2))

    def test_tensors_of_others(self):
        mode, real = FakeTensorMode(), fj.ones(3)
        fake = mode.from_tensor(real)
        with self.assertRaisesRegex(AssertionError, "Please convert all Tensors to FakeTensors first"):
            fake + real
        with self.assertRaisesRegex(AssertionError, "Mixing fake modes"):
            fake + FakeTensorMode().from_tensor(real)
        mode.allow_non_fake_inputs = True
        self.assertEqual((fake + real).shape, (3,))
        with mode:
            self.assertEqual((real + real).tolist(), [2.0] * 3)  # constants compute
        with self.assertRaises(UnsupportedFakeTensorException):
            mode.from_tensor(fj.eye(2).to_sparse())

    def test_errors_of_operators(self):
        with FakeTensorMode():
            with self.assertRaisesRegex(RuntimeError, "cannot be multiplied"):
                fj.ones(2, 3) @ fj.ones(2, 3)


class Objects(unittest.TestCase):
    def test_from_tensor(self):
        mode, x = FakeTensorMode(), fj.ones(2, 3, dtype=fj.float64).t()
        fake = mode.from_tensor(x)
        self.assertEqual(facts(fake), facts(x))
        self.assertIs(mode.from_tensor(x), fake)
        wide = fj.ones(1).expand(3)
        self.assertEqual(facts(mode.from_tensor(wide)), facts(wide))
        self.assertIs(mode.from_tensor(fake), fake)
        self.assertTrue(mode.from_tensor(fj.ones(1, requires_grad=True)).requires_grad)
        for _ in range(100):  # what is known of a tensor goes with it
            mode.from_tensor(fj.ones(1))
        self.assertLess(len(mode._known), 5)

    def test_copies_and_text(self):
        with FakeTensorMode():
            x = fj.ones(2, dtype=fj.float64, requires_grad=True)
            self.assertEqual(facts(copy.deepcopy(x)), facts(x))
            self.assertEqual(copy.copy(x).shape, x.shape)
        self.assertEqual(repr(x), "FakeTensor(..., size=(2,), dtype=framejit.float64, requires_grad=True)")

    def test_parameters(self):
        with FakeTensorMode() as mode:
            layer = nn.Linear(2, 3)
            self.assertIs(detect_fake_mode(), mode)
        self.assertIsInstance(layer.weight, nn.Parameter)
        self.assertIsInstance(layer.weight, FakeTensor)
        self.assertEqual([name for name, _ in layer.named_parameters()], ["weight", "bias"])
        self.assertEqual(detect_fake_mode(list(layer.parameters())), mode)
        self.assertIsNone(detect_fake_mode([fj.ones(1)]))

    def test_in_back_ends(self):
        seen = []

        def backend(gm, example_inputs):
            seen.append(detect_fake_mode(example_inputs))
            with seen[0]:
                seen.append(gm(*[seen[0].from_tensor(x) for x in example_inputs]))
            return gm.forward

        fj.compile(lambda x: x @ x, backend=backend)(fj.ones(2, 2))
        self.assertEqual(facts(seen[1]), facts((fj.ones(2, 2),)))
        self.assertIsNone(detect_fake_mode())


if __name__ == "__main__":
    unittest.main()
