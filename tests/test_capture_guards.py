"""Each fact that a segment relied on is changed between calls, and the change is seen."""

import types
import unittest

import framejit
from framejit import _C, nn

SCALE = 2
TABLE = {"k": 1}


def helper(x):
    return x * 2


class Holder:
    factor = 3

    def __init__(self):
        self.value = 1
        self.items = [1, 2]
        self.table = {"a": 1}

    def method(self):
        return self.value * self.factor


class GuardTest(unittest.TestCase):
    """`seen(function, make_args, change)`: results before and after the change equal those of the plain function."""

    def seen(self, function, args, change, undo=None):
        compiled = _C.CompiledFunction(function)
        try:
            before = function(*args)
            for _ in range(3):
                self.same(compiled(*args), before)
            change()
            after = function(*args)
            for _ in range(3):
                self.same(compiled(*args), after)
        finally:
            if undo:
                undo()
                self.same(compiled(*args), function(*args))
        return compiled

    def same(self, a, b):
        if isinstance(a, framejit.Tensor):
            self.assertEqual((a.dtype, a.shape, a.requires_grad), (b.dtype, b.shape, b.requires_grad))
            self.assertEqual(a.tolist(), b.tolist())
        elif isinstance(a, (tuple, list)):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b):
                self.same(x, y)
        else:
            self.assertEqual(a, b)

    def test_global_value(self):
        def set_scale(v):
            global SCALE
            SCALE = v

        self.seen(lambda: SCALE + 1, (), lambda: set_scale(5), lambda: set_scale(2))

    def test_global_function(self):
        original = globals()["helper"]
        self.seen(
            lambda x: helper(x),
            (3,),
            lambda: globals().__setitem__("helper", lambda x: x - 1),
            lambda: globals().__setitem__("helper", original),
        )

    def test_global_appears_and_hides_builtin(self):
        self.seen(
            lambda: len("abc"),
            (),
            lambda: globals().__setitem__("len", lambda s: 42),
            lambda: globals().__delitem__("len"),
        )

    def test_function_code(self):
        def inner(x):
            return x + 1

        def other(x):
            return x + 100

        code = inner.__code__
        self.seen(
            lambda x: inner(x),
            (1,),
            lambda: setattr(inner, "__code__", other.__code__),
            lambda: setattr(inner, "__code__", code),
        )

    def test_own_code(self):
        def f(x):
            return x + 1

        def other(x):
            return x + 100

        self.seen(f, (1,), lambda: setattr(f, "__code__", other.__code__))

    def test_defaults(self):
        def inner(x, k=1, *, m=2):
            return x, k, m

        self.seen(lambda x: inner(x), (1,), lambda: setattr(inner, "__defaults__", (7,)))
        self.seen(lambda x: inner(x), (1,), lambda: setattr(inner, "__kwdefaults__", {"m": 9}))

    def test_closure(self):
        n = 1

        def f():
            return n + 1

        def change():
            nonlocal n
            n = 10

        self.seen(f, (), change)

    def test_instance_attribute(self):
        h = Holder()
        self.seen(lambda o: o.method(), (h,), lambda: setattr(h, "value", 5))

    def test_instance_shadows_method(self):
        h = Holder()
        self.seen(lambda o: o.method(), (h,), lambda: setattr(h, "method", lambda: "own"))

    def test_class_attribute(self):
        h = Holder()
        self.seen(
            lambda o: o.method(), (h,), lambda: setattr(Holder, "factor", 11), lambda: setattr(Holder, "factor", 3)
        )

    def test_class_method(self):
        h, old = Holder(), Holder.method
        self.seen(
            lambda o: o.method(),
            (h,),
            lambda: setattr(Holder, "method", lambda self: "new"),
            lambda: setattr(Holder, "method", old),
        )

    def test_getattr_appears(self):
        h = Holder()

        def f(o):
            return getattr(o, "extra", "none")

        self.seen(f, (h,), lambda: setattr(h, "extra", 1))
        self.seen(
            f,
            (Holder(),),
            lambda: setattr(Holder, "__getattr__", lambda s, n: n),
            lambda: delattr(Holder, "__getattr__"),
        )

    def test_class_of_object(self):
        class Other(Holder):
            factor = 50

        h = Holder()
        self.seen(lambda o: o.method(), (h,), lambda: setattr(h, "__class__", Other))

    def test_dict_swapped(self):
        h = Holder()
        self.seen(lambda o: o.value, (h,), lambda: setattr(h, "__dict__", {"value": 77}))

    def test_containers(self):
        h = Holder()
        self.seen(lambda o: [i + 1 for i in o.items], (h,), lambda: h.items.append(3))
        self.seen(lambda o: o.items[0], (h,), lambda: h.items.__setitem__(0, 9))
        self.seen(lambda o: list(o.table.items()), (h,), lambda: h.table.update(b=2))
        self.seen(lambda o: o.table.get("zz", 0), (h,), lambda: h.table.update(zz=2))
        self.seen(lambda o: bool(o.items), (h,), lambda: h.items.clear())
        s = {1, 2}
        self.seen(lambda v: 3 in v, (s,), lambda: s.add(3))

    def test_module_attribute(self):
        module = types.ModuleType("m")
        module.k = 1
        module.f = lambda: 5
        self.seen(lambda m: (m.k, m.f()), (module,), lambda: setattr(module, "k", 2))
        self.seen(lambda m: (m.k, m.f()), (module,), lambda: setattr(module, "f", lambda: 6))

    def test_a_name_that_a_module_loads_when_asked(self):
        module = types.ModuleType("m")

        def __getattr__(name):
            module.__dict__[name] = 3
            return 3

        module.__getattr__ = __getattr__
        compiled = framejit.compile(lambda x: x + module.late)
        for n in (1, 2, 3):
            self.assertEqual(compiled(framejit.ones(())).item(), 4)
        self.assertEqual(framejit.dynamo.statistics(compiled)["graphs"], 1)
        module.late = 5
        self.assertEqual(compiled(framejit.ones(())).item(), 6)

    def test_argument_kinds(self):
        plain = lambda x: (x, type(x).__name__)
        for v in (1, 1.0, True, "1", None, 2, 0.0, -0.0, (1,), [1], {"a": 1}, float("nan")):
            f = _C.CompiledFunction(plain)
            for first in (7, v):
                self.assertEqual(repr(f(first)), repr(plain(first)))

    def test_aliasing(self):
        def f(a, b):
            a.append(1)
            return len(b), a is b

        compiled = _C.CompiledFunction(f)
        for _ in range(2):
            self.assertEqual(compiled([0], [0]), (1, False))
            same = [0]
            self.assertEqual(compiled(same, same), (2, True))

    def test_tensor_facts(self):
        compiled = _C.CompiledFunction(lambda x: (x + 1, x.shape[0], str(x.dtype), x.requires_grad, x.stride()))
        plain = compiled.__wrapped__
        base = framejit.arange(12.0).reshape(3, 4)
        for x in (
            base,
            base[:2],
            base.t(),
            base[:, ::2],
            base.double(),
            base.long(),
            base.clone().requires_grad_(),
            base[0],
            base,
        ):
            self.same(compiled(x), plain(x))

    def test_tensor_aliasing_with_writes(self):
        def f(a, b):
            a.add_(1)
            return a + b

        compiled = _C.CompiledFunction(f)
        for _ in range(2):
            x, y = framejit.ones(3), framejit.ones(3)
            self.assertEqual(compiled(x, y).tolist(), [3.0] * 3)
            self.assertEqual((x.tolist(), y.tolist()), ([2.0] * 3, [1.0] * 3))
            x = framejit.ones(3)
            self.assertEqual(compiled(x, x).tolist(), [4.0] * 3)
            x = framejit.ones(4)
            self.assertEqual(
                compiled(x[:2], x[1:3]).tolist(), f(framejit.ones(4)[:2], framejit.tensor([2.0, 1.0])).tolist()
            )

    def test_modes(self):
        w = framejit.ones(3, requires_grad=True)
        compiled = _C.CompiledFunction(lambda x: (x * 2, framejit.is_grad_enabled()))
        self.assertTrue(compiled(w)[0].requires_grad)
        with framejit.no_grad():
            out, mode = compiled(w)
            self.assertFalse(out.requires_grad)
            self.assertFalse(mode)
        self.assertTrue(compiled(w)[0].requires_grad)

    def test_module_weights_and_flags(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(2, 2, bias=False)
                self.gain = 1.0

            def forward(self, x):
                out = self.fc(x) * self.gain
                return out + 1 if self.training else out

        net = Net()
        x = framejit.ones(1, 2)
        f = lambda x: net(x)
        self.seen(f, (x,), net.eval)
        self.seen(f, (x,), lambda: setattr(net, "gain", 3.0))

        def new_weight():
            net.fc.weight = nn.Parameter(framejit.full((2, 2), 5.0))

        self.seen(f, (x,), new_weight)

        def write_weight():
            with framejit.no_grad():
                net.fc.weight.mul_(2)

        self.seen(f, (x,), write_weight)
        self.seen(f, (x,), lambda: setattr(net, "fc", nn.Linear(2, 2)))
        self.seen(f, (x,), lambda: setattr(net.fc, "forward", lambda v: v * 0))
        hook = []
        self.seen(
            f, (x,), lambda: hook.append(net.register_forward_hook(lambda m, i, o: o + 100)), lambda: hook[0].remove()
        )


if __name__ == "__main__":
    unittest.main()
