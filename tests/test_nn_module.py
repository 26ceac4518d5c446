"""The protocol of nn.Module: registration, walks, state_dict, hooks, modes, conversions, printing."""

import copy
import pickle
import unittest
from collections import OrderedDict

import framejit
from framejit import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(framejit.ones(3))
        self.register_buffer("count", framejit.zeros(()))
        self.register_buffer("scratch", framejit.zeros(2), persistent=False)
        self.inner = nn.Linear(3, 2)

    def forward(self, x):
        return self.inner(x * self.weight)


class RegistrationTest(unittest.TestCase):
    def test_assignment_sorts_by_kind(self):
        block = Block()
        self.assertEqual(list(block._parameters), ["weight"])
        self.assertEqual(list(block._buffers), ["count", "scratch"])
        self.assertEqual(list(block._modules), ["inner"])
        block.plain = framejit.ones(1)
        self.assertNotIn("plain", block._buffers)
        block.count = framejit.ones(())
        self.assertEqual(block._buffers["count"].item(), 1)
        block.mark = nn.Buffer(framejit.ones(2))
        self.assertIn("mark", block._buffers)

    def test_a_parameter_takes_the_place_of_an_attribute(self):
        block = Block()
        block.thing = 3
        block.thing = nn.Parameter(framejit.ones(1))
        self.assertNotIn("thing", block.__dict__)
        self.assertIs(block.thing, block._parameters["thing"])
        block.thing = None
        self.assertIsNone(block._parameters["thing"])

    def test_wrong_kinds_are_refused(self):
        block = Block()
        with self.assertRaisesRegex(TypeError, "cannot assign .* as parameter 'weight'"):
            block.weight = framejit.ones(3)
        with self.assertRaisesRegex(TypeError, "cannot assign .* as child module 'inner'"):
            block.inner = 5
        with self.assertRaisesRegex(TypeError, "cannot assign .* as buffer 'count'"):
            block.count = 5
        with self.assertRaises(TypeError):
            block.register_parameter("p", framejit.ones(1))
        with self.assertRaises(TypeError):
            block.register_buffer("b", 3)
        with self.assertRaises(TypeError):
            block.add_module("m", 3)

    def test_bad_names_are_refused(self):
        block = Block()
        for register, value in (
            (block.register_buffer, framejit.ones(1)),
            (block.add_module, nn.ReLU()),
            (block.register_parameter, nn.Parameter(framejit.ones(1))),
        ):
            for name in ("a.b", "", "forward"):
                with self.assertRaises(KeyError):
                    register(name, value)
            with self.assertRaises(TypeError):
                register(3, value)

    def test_before_init(self):
        class Late(nn.Module):
            def __init__(self, value):
                self.thing = value
                super().__init__()

        for value in (nn.Parameter(framejit.ones(1)), nn.ReLU()):
            with self.assertRaisesRegex(AttributeError, "before Module.__init__"):
                Late(value)

    def test_non_leaf_parameter(self):
        with self.assertRaises(ValueError):
            module = nn.Module()
            parameter = nn.Parameter(framejit.ones(2))
            derived = nn.Parameter(framejit.ones(2))
            module.register_parameter("ok", parameter)
            (parameter * 2).sum().backward()
            self.assertIsNotNone(parameter.grad)
            derived = framejit.ones(2, requires_grad=True) * 1
            derived.__class__ = nn.Parameter
            module.register_parameter("bad", derived)

    def test_missing_attribute(self):
        with self.assertRaisesRegex(AttributeError, "'Block' object has no attribute 'nothing'"):
            Block().nothing

    def test_delete(self):
        block = Block()
        del block.weight, block.scratch, block.inner
        self.assertEqual((len(block._parameters), len(block._modules)), (0, 0))
        self.assertNotIn("scratch", block._non_persistent_buffers_set)
        with self.assertRaises(AttributeError):
            del block.nothing

    def test_init_arguments(self):
        with self.assertRaises(TypeError):
            nn.Module(3)
        with self.assertRaises(TypeError):
            nn.Module(thing=3)


class WalkTest(unittest.TestCase):
    def test_names(self):
        net = nn.Sequential(Block(), nn.ReLU())
        self.assertEqual([n for n, _ in net.named_parameters()], ["0.weight", "0.inner.weight", "0.inner.bias"])
        self.assertEqual([n for n, _ in net.named_buffers()], ["0.count", "0.scratch"])
        self.assertEqual([n for n, _ in net.named_modules()], ["", "0", "0.inner", "1"])
        self.assertEqual([n for n, _ in net.named_children()], ["0", "1"])
        self.assertEqual(len(list(net.parameters(recurse=False))), 0)

    def test_shared_members_come_once(self):
        shared = nn.Linear(2, 2)
        net = nn.Sequential(shared, shared)
        self.assertEqual(len(list(net.parameters())), 2)
        self.assertEqual(len(list(net.named_parameters(remove_duplicate=False))), 4)
        self.assertEqual(len(list(net.modules())), 2)
        self.assertEqual(len(list(net.children())), 1)

    def test_paths(self):
        net = nn.Sequential(Block(), nn.ReLU())
        self.assertIs(net.get_submodule("0.inner"), net[0].inner)
        self.assertIs(net.get_submodule(""), net)
        self.assertIs(net.get_parameter("0.inner.bias"), net[0].inner.bias)
        self.assertIs(net.get_buffer("0.count"), net[0].count)
        for call in (
            lambda: net.get_submodule("0.nope"),
            lambda: net.get_parameter("0.count"),
            lambda: net.get_buffer("0.weight"),
            lambda: net.get_submodule("0.weight"),
        ):
            with self.assertRaises(AttributeError):
                call()
        net.set_submodule("0.inner", nn.Identity())
        self.assertIsInstance(net[0].inner, nn.Identity)


class StateDictTest(unittest.TestCase):
    def test_keys_and_sharing(self):
        block = Block()
        state = block.state_dict()
        self.assertEqual(list(state), ["weight", "count", "inner.weight", "inner.bias"])
        self.assertEqual(state._metadata, OrderedDict([("", {"version": 1}), ("inner", {"version": 1})]))
        with framejit.no_grad():
            block.weight.fill_(7)
        self.assertEqual(state["weight"].tolist(), [7, 7, 7])
        self.assertFalse(state["weight"].requires_grad)
        self.assertTrue(block.state_dict(keep_vars=True)["weight"].requires_grad)
        self.assertEqual(list(block.inner.state_dict(prefix="x.")), ["x.weight", "x.bias"])

    def test_round_trip(self):
        source, target = Block(), Block()
        self.assertEqual(repr(target.load_state_dict(source.state_dict())), "<All keys matched successfully>")
        self.assertTrue(bool((target.inner.weight == source.inner.weight).all()))
        self.assertIsNot(target.inner.weight, source.inner.weight)

    def test_strict_errors_name_everything(self):
        state = Block().state_dict()
        state["extra"] = framejit.ones(1)
        state["inner.deep.x"] = framejit.ones(1)
        del state["count"]
        state["weight"] = framejit.ones(4)
        with self.assertRaises(RuntimeError) as caught:
            Block().load_state_dict(state)
        text = str(caught.exception)
        for part in (
            "Error(s) in loading state_dict for Block:",
            'Missing key(s) in state_dict: "count". ',
            "Unexpected key(s) in state_dict: ",
            '"extra"',
            '"inner.deep.x"',
            "size mismatch for weight",
        ):
            self.assertIn(part, text)

    def test_not_strict(self):
        state = Block().state_dict()
        state["extra"] = framejit.ones(1)
        del state["count"]
        result = Block().load_state_dict(state, strict=False)
        self.assertEqual((result.missing_keys, result.unexpected_keys), (["count"], ["extra"]))
        with self.assertRaises(TypeError):
            Block().load_state_dict(3)

    def test_assign_takes_the_tensors(self):
        block, state = Block(), Block().state_dict()
        block.load_state_dict(state, assign=True)
        self.assertEqual(block.weight.data_ptr(), state["weight"].data_ptr())
        self.assertTrue(block.weight.requires_grad)

    def test_hooks(self):
        block, calls = Block(), []
        block.register_state_dict_pre_hook(lambda m, prefix, keep: calls.append("save"))
        block.register_state_dict_post_hook(lambda m, state, prefix, meta: state.__delitem__(prefix + "count"))
        block.register_load_state_dict_pre_hook(lambda m, *rest: calls.append("load"))
        handle = block.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
        state = block.state_dict()
        self.assertNotIn("count", state)
        block.load_state_dict(state)
        self.assertEqual(calls, ["save", "load"])
        handle.remove()
        with self.assertRaises(RuntimeError):
            block.load_state_dict(state)

    def test_extra_state(self):
        class Extra(nn.Module):
            value = 1

            def get_extra_state(self):
                return {"value": self.value}

            def set_extra_state(self, state):
                self.value = state["value"]

        source, target = nn.Sequential(Extra()), nn.Sequential(Extra())
        source[0].value = 5
        state = source.state_dict()
        self.assertEqual(list(state), ["0._extra_state"])
        target.load_state_dict(state)
        self.assertEqual(target[0].value, 5)


class HookTest(unittest.TestCase):
    def test_forward_hooks(self):
        linear, calls = nn.Linear(2, 2), []
        pre = linear.register_forward_pre_hook(lambda m, args: (args[0] * 0,))
        post = linear.register_forward_hook(lambda m, args, out: calls.append(args[0].tolist()))
        out = linear(framejit.ones(2))
        self.assertEqual(out.tolist(), linear.bias.tolist())
        self.assertEqual(calls, [[0.0, 0.0]])
        pre.remove()
        post.remove()
        self.assertNotEqual(linear(framejit.ones(2)).tolist(), linear.bias.tolist())
        linear.register_forward_hook(lambda m, args, out: out * 0)
        self.assertEqual(linear(framejit.ones(2)).tolist(), [0, 0])

    def test_kwargs_order_and_always(self):
        class Add(nn.Module):
            def forward(self, x, y=0):
                if y is None:
                    raise ValueError("no y")
                return x + y

        module, calls = Add(), []
        module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"y": 5}), with_kwargs=True)
        self.assertEqual(module(1, y=2), 6)
        module = Add()
        module.register_forward_hook(lambda m, a, out: calls.append("second"))
        module.register_forward_hook(lambda m, a, out: calls.append("first"), prepend=True)
        module.register_forward_hook(lambda m, a, kw, out: calls.append((kw, out)), with_kwargs=True, always_call=True)
        module(1, y=1)
        self.assertEqual(calls, ["first", "second", ({"y": 1}, 2)])
        calls.clear()
        with self.assertRaises(ValueError):
            module(1, y=None)
        self.assertEqual(calls, [({"y": None}, None)])

    def test_backward_hooks(self):
        linear, seen = nn.Linear(2, 3), []
        linear.register_full_backward_pre_hook(lambda m, grads: seen.append(("pre", grads[0].tolist())))
        linear.register_full_backward_hook(lambda m, gin, gout: seen.append((gin[0].tolist(), gout[0].tolist())))
        x = framejit.ones(1, 2, requires_grad=True)
        linear(x).sum().backward()
        expected = linear.weight.detach().sum(0, keepdim=True).tolist()
        self.assertEqual(seen[0], ("pre", [[1, 1, 1]]))
        self.assertEqual(seen[1][1], [[1, 1, 1]])
        for got, want in zip(seen[1][0][0], expected[0]):
            self.assertAlmostEqual(got, want, places=6)
        self.assertEqual(x.grad.tolist(), seen[1][0])

    def test_backward_hook_changes_gradients(self):
        linear = nn.Linear(2, 2)
        linear.register_full_backward_hook(lambda m, gin, gout: (gin[0] * 0,))
        x = framejit.ones(1, 2, requires_grad=True)
        (linear(x).sum() + x.sum()).backward()
        self.assertEqual(x.grad.tolist(), [[1, 1]])

    def test_global_hooks(self):
        from framejit.nn.modules import _hooks

        calls = []
        handle = _hooks.register_module_forward_hook(lambda m, a, out: calls.append(type(m).__name__))
        try:
            nn.Sequential(nn.ReLU())(framejit.ones(1))
        finally:
            handle.remove()
        self.assertEqual(calls, ["ReLU", "Sequential"])
        nn.ReLU()(framejit.ones(1))
        self.assertEqual(len(calls), 2)


class ModeTest(unittest.TestCase):
    def test_train_and_eval(self):
        net = nn.Sequential(nn.Dropout(), nn.Sequential(nn.ReLU()))
        self.assertTrue(all(m.training for m in net.modules()))
        self.assertIs(net.eval(), net)
        self.assertFalse(any(m.training for m in net.modules()))
        net.train()
        self.assertTrue(net[1][0].training)
        with self.assertRaises(ValueError):
            net.train("yes")

    def test_gradients(self):
        linear = nn.Linear(2, 1)
        linear(framejit.ones(2)).sum().backward()
        grad = linear.weight.grad
        self.assertEqual(grad.tolist(), [[1, 1]])
        linear.zero_grad(set_to_none=False)
        self.assertEqual(grad.tolist(), [[0, 0]])
        linear.zero_grad()
        self.assertIsNone(linear.weight.grad)
        linear.requires_grad_(False)
        self.assertFalse(any(p.requires_grad for p in linear.parameters()))

    def test_conversions_keep_identity(self):
        net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        weight = net[0].weight
        self.assertIs(net.double(), net)
        self.assertIs(net[0].weight, weight)
        self.assertEqual(weight.dtype, framejit.float64)
        self.assertEqual(net[1].num_batches_tracked.dtype, framejit.int64)
        net.to(framejit.float32)
        self.assertEqual(net[1].running_mean.dtype, framejit.float32)
        net.half()
        self.assertEqual(weight.dtype, framejit.float16)
        net.to(framejit.ones(1))
        net.to("cpu")
        net.to(device="cpu", dtype=framejit.float64)
        self.assertEqual(weight.dtype, framejit.float64)
        self.assertTrue(weight.requires_grad and weight.is_leaf)
        with self.assertRaises(TypeError):
            net.to(framejit.int32)

    def test_apply(self):
        seen = []
        nn.Sequential(nn.ReLU(), nn.Linear(1, 1)).apply(lambda m: seen.append(type(m).__name__))
        self.assertEqual(seen, ["ReLU", "Linear", "Sequential"])

    def test_copies(self):
        block = Block()
        for other in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
            self.assertEqual(other.inner.weight.tolist(), block.inner.weight.tolist())
            self.assertIsInstance(other.weight, nn.Parameter)
            with framejit.no_grad():
                other.weight.fill_(9)
            self.assertEqual(block.weight.tolist(), [1, 1, 1])

    def test_forward_is_required(self):
        with self.assertRaisesRegex(NotImplementedError, 'missing the required "forward" function'):
            nn.Module()(1)


class PublicNamesTest(unittest.TestCase):
    def test_every_module_is_public(self):
        def below(kind):
            return {kind, *(k for sub in kind.__subclasses__() for k in below(sub))}

        mine = {k.__name__ for k in below(nn.Module) if k.__module__.startswith("framejit.nn.modules")}
        hidden = {"NonDynamicallyQuantizableLinear"}  # PyTorch keeps it in nn.modules.linear as well
        self.assertEqual({n for n in mine if not n.startswith("_")} - set(nn.modules.modules_all), hidden)


class ReprTest(unittest.TestCase):
    def test_tree(self):
        net = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1),
            nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()]),
            nn.ModuleDict({"a": nn.Linear(2, 3, bias=False)}),
        )
        self.assertEqual(
            repr(net),
            (
                "Sequential(\n"
                "  (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))\n"
                "  (1): ModuleList(\n"
                "    (0-1): 2 x ReLU()\n"
                "    (2): Tanh()\n"
                "  )\n"
                "  (2): ModuleDict(\n"
                "    (a): Linear(in_features=2, out_features=3, bias=False)\n"
                "  )\n"
                ")"
            ),
        )

    def test_leaf(self):
        self.assertEqual(repr(nn.ReLU(inplace=True)), "ReLU(inplace=True)")
        self.assertEqual(repr(nn.Module()), "Module()")
        self.assertTrue(repr(nn.Parameter(framejit.ones(1))).startswith("Parameter containing:\n"))


if __name__ == "__main__":
    unittest.main()
