"""Every way to change what a compiled function relied on, between calls, alone and in random order.

A world of functions, classes, objects and modules is made; a function that reads all of it is compiled and called until
its guards are answered from a cache; then a statement changes the world, and the compiled function must give what the
plain one gives, exceptions included. FRAMEJIT_FUZZ=N makes the random walks N times as long, FRAMEJIT_FUZZ_SEED gives
other ones.
"""

import os
import random
import types
import unittest

import framejit
from framejit import _C
from framejit.dynamo import config

WORLD = '''
import framejit as fj
from framejit import nn

SCALE = 2.0
FLAG = True
NAMES = ["a", "b"]
TABLE = {"k": 1, "m": 2}
WEIGHT = fj.ones(2)

def helper(x, k=1, *, m=2):
    return x * k + m

def other_helper(x, k=5, *, m=7):
    return x - k - m

def make(n):
    def inner(x):
        return x + n
    def set_n(v):
        nonlocal n
        n = v
    return inner, set_n

inner, set_n = make(3)

class Slotted:
    __slots__ = ("a", "b")

class Child:
    depth = 1
    def __init__(self):
        self.number = 4

class Base:
    factor = 3
    def method(self, x):
        return x * self.factor
    @property
    def prop(self):
        return self.value + 1
    @staticmethod
    def static(x):
        return x + 1
    @classmethod
    def cls_method(cls, x):
        return x + cls.factor

class Mixin:
    factor = 70

class Holder(Base):
    def __init__(self):
        self.value = 1
        self.items = [1, 2]
        self.table = {"a": 1}
        self.pair = (1, 2.5)
        self.child = Child()
        self.slotted = Slotted()
        self.slotted.a = 5
        self.tensor = fj.ones(2)
        self.fn = helper

class OtherHolder(Holder):
    def method(self, x):
        return x - 1

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.gain = 1.5
        self.act = fj.relu
        self.register_buffer("mask", fj.ones(2))
    def forward(self, x):
        y = self.act(self.fc(x)) * self.gain * self.mask
        return y + 1 if self.training else y

class OtherBlock(Block):
    def forward(self, x):
        return x * 3

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block() for _ in range(3)])
        self.head = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
        self.extra = None
    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        x = self.head(x)
        return x if self.extra is None else x + self.extra

fj.manual_seed(0)
h = Holder()
net = Net()

def read(x):
    facts = [SCALE, FLAG, len(NAMES), NAMES[0], sorted(TABLE.items()), helper(2), inner(1)]
    facts += [h.method(2), h.prop, h.static(1), h.cls_method(1), h.value, len(h.items), h.items[0], h.table.get("a")]
    facts += [h.pair, h.child.number, h.child.depth, h.slotted.a, getattr(h, "missing", None), h.fn(3)]
    return facts, net(x) * SCALE + h.tensor * WEIGHT

def read_objects(x):
    return [h.method(2), h.prop, h.value, h.items[0], h.pair[0], h.child.number, h.slotted.a, SCALE, inner(2), x.shape]

def read_given(x, h, net):
    return [h.method(2), h.value, h.child.number, h.fn(1)], net.blocks[0](x), net.head(x)
'''  # fmt: skip

# {f}: a float, {i}: an int, {b}: a bool
MUTATIONS = """
w.SCALE = {f}
w.SCALE = {i}
vars(w)["FLAG"] = {b}
w.read.__globals__["SCALE"] = {f}
del w.SCALE
w.NAMES.append("c")
w.NAMES[0] = "{i}"
w.NAMES = ["z"]
w.TABLE["k"] = {i}
w.TABLE["{i}"] = 1
w.TABLE.pop("k", None)
w.TABLE = {{"q": {i}}}
w.len = lambda v: {i}
vars(w).pop("len", None)
w.helper, w.other_helper = w.other_helper, w.helper
w.helper.__code__, w.other_helper.__code__ = w.other_helper.__code__, w.helper.__code__
w.helper.__defaults__ = ({i},)
w.helper.__kwdefaults__["m"] = {i}
w.helper.__kwdefaults__ = {{"m": {i}}}
w.set_n({i})
w.inner.__closure__[0].cell_contents = {i}
w.inner, w.set_n = w.make({i})
w.WEIGHT = w.fj.full((2,), {f})
w.WEIGHT.mul_({f})
w.h = w.Holder()
w.h = w.OtherHolder()
w.h.value = {i}
w.h.__dict__["value"] = {i}
vars(w.h).update(value={i})
object.__setattr__(w.h, "value", {f})
del w.h.value
w.h.__dict__ = dict(w.h.__dict__, value={i})
w.h.__class__ = w.OtherHolder
w.h.__class__ = w.Holder
w.h.method = lambda x: {i}
w.h.__dict__.pop("method", None)
w.h.missing = {i}
w.h.__dict__.pop("missing", None)
w.h.items.append({i})
w.h.items[0] = {i}
w.h.items = [{i}]
w.h.items.clear()
w.h.table["a"] = {i}
w.h.table = {{}}
w.h.pair = ({i}, {f})
w.h.child.number = {i}
w.h.child.__dict__["number"] = {i}
w.h.child = w.Child()
w.h.child.depth = {i}
w.h.slotted.a = {i}
del w.h.slotted.a
w.h.slotted = w.Slotted()
w.h.fn = w.other_helper
w.h.fn = lambda x: {i}
w.h.tensor = w.fj.full((2,), {f})
w.h.tensor.add_({f})
w.h.tensor = w.fj.ones(2, dtype=w.fj.float64)
w.h.tensor = w.fj.ones(1, 2)
w.h.tensor.requires_grad_({b})
w.h.tensor.data = w.fj.full((1, 2), {f})
w.h.tensor.data = w.fj.full((2,), {f}, dtype=w.fj.float64)
w.h.tensor.detach_()
w.h.tensor.requires_grad_(False).resize_(2)
w.h.tensor.set_(w.fj.full((1, 2), {f}))
w.Base.factor = {i}
w.Holder.factor = {i}
w.OtherHolder.factor = {i}
vars(w.Holder).get("factor") and delattr(w.Holder, "factor")
w.Base.method = lambda self, x: {i}
w.Holder.method = lambda self, x: x + {i}
w.Base.prop = property(lambda self: {i})
w.Base.static = staticmethod(lambda x: {i})
w.Base.cls_method = classmethod(lambda cls, x: {i})
w.Base.method.__code__ = (lambda self, x: x * self.factor + 1).__code__
w.Holder.__getattr__ = lambda self, name: {i}
vars(w.Holder).get("__getattr__") and delattr(w.Holder, "__getattr__")
w.Holder.__getattribute__ = lambda self, name: object.__getattribute__(self, name)
vars(w.Holder).get("__getattribute__") and delattr(w.Holder, "__getattribute__")
w.Holder.__bases__ = (w.Mixin, w.Base)
w.Holder.__bases__ = (w.Base,)
w.Child.depth = {i}
w.net = w.Net()
w.net.eval()
w.net.train()
w.net.blocks[1].train({b})
w.net.blocks[2].gain = {f}
vars(w.net.blocks[0])["gain"] = {f}
w.net.blocks[0].__dict__["training"] = {b}
object.__setattr__(w.net.blocks[1], "training", {b})
w.net.blocks[0].act = w.fj.tanh
w.net.blocks[0].act = lambda v: v * {f}
w.net.blocks[0].fc.weight = w.nn.Parameter(w.fj.full((2, 2), {f}))
w.net.blocks[0].fc._parameters["weight"] = w.nn.Parameter(w.fj.full((2, 2), {f}))
w.net.blocks[0].fc.weight.data = w.fj.full((2, 2), {f})
w.net.blocks[0].fc.weight.data.mul_({f})
w.net.blocks[0].fc.weight.requires_grad_({b})
w.net.blocks[0].fc.bias = None
w.net.head[0].bias = w.nn.Parameter(w.fj.full((2,), {f}))
w.net.head[0].weight = w.nn.Parameter(w.fj.full((3, 2), {f}))
w.net.head[0] = w.nn.Linear(2, 2)
w.net.head._modules["0"] = w.nn.Linear(2, 2, bias=False)
w.net.head = w.nn.Sequential(w.nn.Linear(2, 2))
w.net.head[0].weight = w.nn.Parameter(w.fj.ones(2, 2).t())
w.net.blocks[1].mask = w.fj.full((2,), {f})
w.net.blocks[1]._buffers["mask"] = w.fj.full((2,), {f})
w.net.blocks[1].mask.mul_({f})
w.net.blocks[1].mask.set_(w.fj.full((2,), {f}))
w.net.blocks[1].mask.data = w.fj.full((1, 2), {f})
w.net.blocks[0].fc.weight.register_hook(lambda g: g * 2)
w.net.blocks[0].fc.weight.data = w.fj.full((2, 2), {f}).t()
w.net.blocks.append(w.Block())
w.net.blocks[-1] = w.Block()
del w.net.blocks[len(w.net.blocks) - 1]
w.net.extra = {f}
w.net.extra = w.fj.full((2,), {f})
w.net.extra = None
w.net.blocks[0].forward = lambda x: x * {f}
w.net.blocks[0].__dict__.pop("forward", None)
w.net.blocks[0].__class__ = w.OtherBlock
w.net.blocks[0].__class__ = w.Block
w.Block.forward = lambda self, x: self.fc(x) * {f}
w.OtherBlock.forward = lambda self, x: x + {f}
w.nn.Linear.__call__ = w.nn.Module.__call__
vars(w.nn.Linear).get("__call__") and delattr(w.nn.Linear, "__call__")
w.hook = w.net.blocks[0].register_forward_hook(lambda m, a, o: o + {f})
w.hook = w.net.head[0].register_forward_pre_hook(lambda m, a: (a[0] * {f},))
vars(w).get("hook") and w.hook.remove()
w.net.head[0]._forward_hooks.clear()
w.net.double()
w.net.float()
w.net.blocks[0].fc.weight.grad = w.fj.ones(2, 2)
w.fj.set_grad_enabled({b})
w.fj.set_default_dtype(w.fj.float64 if {b} else w.fj.float32)
""".strip().splitlines()  # fmt: skip


def new_world():
    world = types.ModuleType("world")
    exec(compile(WORLD, "world.py", "exec"), vars(world))
    return world


def plain(value):
    """The value as something that `==` compares, types and dtypes included."""
    if isinstance(value, framejit.Tensor):
        return ("tensor", str(value.dtype), value.requires_grad, repr(value.tolist()))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *map(plain, value))
    return (type(value).__name__, repr(value))


def outcome(function, arguments):
    try:
        return plain(function(*arguments))
    except Exception as e:
        return (type(e).__name__, str(e))


class Walk:
    """A world, its compiled readers, and statements that change it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.world = new_world()
        self.inputs = [framejit.ones(1, 2), framejit.full((3, 2), 0.5), framejit.ones(2, 2)]
        self.readers = [self.world.read, self.world.read_objects, self.world.read_given]
        self.compiled = [_C.CompiledFunction(reader) for reader in self.readers]
        self.done = []

    def arguments(self, reader, x):
        return (x, self.world.h, self.world.net) if reader is self.world.read_given else (x,)

    def check(self, test, x):
        for reader, compiled in zip(self.readers, self.compiled):
            arguments = self.arguments(reader, x)
            want, got = outcome(reader, arguments), outcome(compiled, arguments)
            if want != got:
                test.fail(f"{reader.__name__} gave {got} instead of {want} after:\n" + "\n".join(self.done))

    def change(self, statement):
        values = {
            "f": self.random.choice([0.5, 2.0, 3.25, -1.0]),
            "i": self.random.choice([0, 1, 2, 7, 1000, -5]),
            "b": self.random.choice([True, False]),
        }
        text = statement.format(**values)
        self.done.append(text)
        try:
            exec(text, {"w": self.world})
        except Exception as e:  # a change that this world does not allow any more
            self.done[-1] += f"  # {type(e).__name__}"

    def restore(self):
        framejit.set_grad_enabled(True)
        framejit.set_default_dtype(framejit.float32)
        if "__call__" in vars(framejit.nn.Linear):
            del framejit.nn.Linear.__call__


class MutationTest(unittest.TestCase):
    def setUp(self):
        self.limit, config.recompile_limit = config.recompile_limit, 1000

    def tearDown(self):
        config.recompile_limit = self.limit

    def test_each(self):
        before, held = _C.counters()["hits"], _C._debug.plans()["held"]
        calls = 0
        for statement in MUTATIONS:
            walk = Walk(statement)
            try:
                for _ in range(12):  # enough for a plan to be made and trusted
                    walk.check(self, walk.inputs[0])
                for _ in range(3):
                    walk.change(statement)
                    for _ in range(3):
                        walk.check(self, walk.inputs[0])
                    calls += 9
            finally:
                walk.restore()
        self.assertGreater(_C.counters()["hits"] - before, 0.9 * calls, "the functions were hardly compiled")
        self.assertGreater(_C._debug.plans()["held"] - held, calls, "the guards were hardly answered from plans")

    def test_random_walks(self):
        length = int(os.environ.get("FRAMEJIT_FUZZ", "1"))
        base = os.environ.get("FRAMEJIT_FUZZ_SEED", "walk")
        for seed in range(6 * length):
            walk = Walk(f"{base}{seed}")
            try:
                for _ in range(60):
                    for _ in range(walk.random.choice([1, 1, 2, 3, 12])):
                        walk.check(self, walk.random.choice(walk.inputs))
                    for _ in range(walk.random.choice([1, 1, 2, 4])):
                        walk.change(walk.random.choice(MUTATIONS))
                walk.check(self, walk.inputs[0])
            finally:
                walk.restore()


if __name__ == "__main__":
    unittest.main()
