"""Regional compilation: parts of a model that are compiled by themselves."""

import copy
import unittest

import framejit
from framejit import nn
from framejit.dynamo.testing import CompileCounter, EagerAndRecordGraphs

X = framejit.arange(8.0).reshape(2, 4).requires_grad_() * 1  # no leaf, as what a layer gets from the one before


class Block(nn.Module):
    def __init__(self, width=4, scale=1.0, activation="relu"):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.scale, self.activation = scale, activation

    def forward(self, x):
        y = self.linear(x) * self.scale
        return (y.relu() if self.activation == "relu" else y.tanh()) + x


class RegionalTest(unittest.TestCase):
    def setUp(self):
        framejit.dynamo.reset()
        self.counter = CompileCounter()

    def in_place(self, model, **settings):
        for block in model:
            block.compile(**settings)
        return model

    def assert_same(self, model, plain, x=X):
        self.assertEqual(model(x).tolist(), plain(x).tolist())

    def test_one_compilation_for_all_instances(self):
        plain = nn.Sequential(*[Block() for _ in range(6)])
        self.assert_same(self.in_place(copy.deepcopy(plain), backend=self.counter), plain)
        self.assertEqual(self.counter.frame_count, 1)
        wrapped = nn.Sequential(*[framejit.compile(block, backend=self.counter) for block in plain])
        self.assert_same(wrapped, plain)
        self.assertEqual(self.counter.frame_count, 1)
        native = self.in_place(copy.deepcopy(plain), fullgraph=True)
        self.assert_same(native, plain)

    def test_what_differs_between_instances_is_respected(self):
        plain = nn.Sequential(Block(), Block(scale=2.0), Block(activation="tanh"), Block(scale=3.0), Block())
        self.assert_same(self.in_place(copy.deepcopy(plain), backend=self.counter), plain)
        self.assertLess(self.counter.frame_count, 5)
        self.assert_same(self.in_place(copy.deepcopy(plain)), plain)

    def test_parameters_change_without_compiling_again(self):
        model = self.in_place(nn.Sequential(Block(), Block()), backend=self.counter)
        model(X).sum().backward()
        before = model(X).tolist()
        with framejit.no_grad():
            for parameter in model.parameters():
                parameter.sub_(parameter.grad)
        self.assertNotEqual(model(X).tolist(), before)
        self.assertEqual(self.counter.frame_count, 1)

    def test_other_settings_are_compiled_apart(self):
        first, second = Block(), Block()
        other = CompileCounter()
        first.compile(backend=self.counter)
        second.compile(backend=other)
        first(X), second(X)
        self.assertEqual((self.counter.frame_count, other.frame_count), (1, 1))
        first.compile(backend=self.counter, fullgraph=True)
        first(X)
        self.assertEqual(self.counter.frame_count, 2)

    def test_hooks_of_one_instance(self):
        plain = nn.Sequential(Block(), Block())
        model = self.in_place(copy.deepcopy(plain), backend=self.counter)
        for m in (model, plain):
            m[0].register_forward_hook(lambda module, args, out: out * 10)
        self.assert_same(model, plain)

    def test_nests(self):
        plain = nn.Sequential(Block(), Block())
        model = self.in_place(copy.deepcopy(plain))
        self.assert_same(framejit.compile(model, backend=self.counter, fullgraph=True), plain)
        self.assertEqual(self.counter.frame_count, 1)

    def test_disable_cuts(self):
        plain = nn.Sequential(Block(), Block(), Block())
        model = copy.deepcopy(plain)
        model[1].forward = framejit.compiler.disable(model[1].forward)
        recorder = EagerAndRecordGraphs()
        self.assert_same(framejit.compile(model, backend=recorder), plain)
        self.assertEqual(len(recorder.graphs), 2)

    def test_copies_and_reset(self):
        model = self.in_place(nn.Sequential(Block(), Block()), backend=self.counter)
        model(X)
        again = copy.deepcopy(model)
        self.assert_same(again, model)
        self.assertEqual(self.counter.frame_count, 1)
        framejit.dynamo.reset()
        model(X)
        self.assertEqual(self.counter.frame_count, 2)


if __name__ == "__main__":
    unittest.main()
