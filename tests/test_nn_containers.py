"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

import unittest
from collections import OrderedDict

import framejit
from framejit import nn


class SequentialTest(unittest.TestCase):
    def test_indexing_and_editing(self):
        a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
        net = nn.Sequential(a, b)
        self.assertIs(net[-1], b)
        self.assertEqual(len(net[0:1]), 1)
        net.append(c)
        net.insert(0, nn.Identity())
        self.assertEqual([type(m).__name__ for m in net], ["Identity", "ReLU", "Tanh", "Sigmoid"])
        del net[1]
        self.assertEqual(list(net._modules), ["0", "1", "2"])
        self.assertIs(net.pop(-1), c)
        net[0] = c
        self.assertIs(net[0], c)
        with self.assertRaises(IndexError):
            net[7]
        self.assertEqual(len(net + nn.Sequential(a)), 3)
        self.assertEqual(len(net * 2), 4)
        with self.assertRaises(ValueError):
            net * 0

    def test_named_and_forward(self):
        net = nn.Sequential(OrderedDict(first=nn.ReLU(), second=nn.Flatten(0)))
        self.assertIs(net.first, net[0])
        self.assertEqual(net(framejit.tensor([[-1.0, 2.0]])).tolist(), [0, 2])


class ModuleListTest(unittest.TestCase):
    def test_list_protocol(self):
        modules = nn.ModuleList([nn.ReLU()])
        modules.append(nn.Tanh()).extend([nn.Sigmoid()])
        modules += [nn.Identity()]
        modules.insert(0, nn.Flatten())
        self.assertEqual([type(m).__name__ for m in modules], ["Flatten", "ReLU", "Tanh", "Sigmoid", "Identity"])
        self.assertIsInstance(modules[1:3], nn.ModuleList)
        del modules[0:2]
        self.assertEqual(list(modules._modules), ["0", "1", "2"])
        self.assertIsInstance(modules.pop(0), nn.Tanh)
        self.assertEqual(len(modules + [nn.ReLU()]), 3)
        self.assertEqual(dir(modules).count("0"), 0)
        with self.assertRaises(IndexError):
            modules[9]


class ModuleDictTest(unittest.TestCase):
    def test_dict_protocol(self):
        modules = nn.ModuleDict({"a": nn.ReLU()})
        modules.update([("b", nn.Tanh())])
        modules["c"] = nn.Sigmoid()
        self.assertEqual(list(modules), ["a", "b", "c"])
        self.assertIn("b", modules)
        self.assertIsInstance(modules.pop("b"), nn.Tanh)
        del modules["c"]
        self.assertEqual([(k, type(v).__name__) for k, v in modules.items()], [("a", "ReLU")])
        modules.clear()
        self.assertEqual(len(modules), 0)
        with self.assertRaises(ValueError):
            modules.update([("x", nn.ReLU(), 1)])


class ParameterContainerTest(unittest.TestCase):
    def test_list(self):
        values = nn.ParameterList([framejit.ones(2), nn.Parameter(framejit.zeros(1))])
        self.assertTrue(all(isinstance(p, nn.Parameter) for p in values))
        values.append(framejit.ones(3))
        self.assertEqual([n for n, _ in values.named_parameters()], ["0", "1", "2"])
        values[0] = framejit.zeros(2)
        self.assertEqual(values[0].tolist(), [0, 0])
        self.assertEqual(len(values[1:]), 2)
        with self.assertRaises(RuntimeError):
            values()

    def test_dict(self):
        values = nn.ParameterDict({"b": framejit.ones(1), "a": framejit.zeros(1)})
        self.assertEqual(sorted(values.keys()), ["a", "b"])
        self.assertEqual(values.pop("b").item(), 1)
        self.assertEqual(values.setdefault("c", framejit.ones(2)).tolist(), [1, 1])
        merged = values | nn.ParameterDict({"d": framejit.ones(1)})
        self.assertEqual(len(merged), 3)
        self.assertIsNone(values.get("zzz"))
        with self.assertRaises(TypeError):
            values[3] = framejit.ones(1)


if __name__ == "__main__":
    unittest.main()
