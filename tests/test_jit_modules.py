"""jit.script of modules against the modules themselves, and what is left of nn.Module in them."""

import copy
import io
import pickle
import unittest
from typing import Dict, Final, List, Optional, Tuple

import framejit
from framejit import Tensor, jit, nn
from framejit.nn import functional as F

# ruff: noqa: UP006, UP035, UP045


class Dicts(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.ReLU()})
        self.weights = nn.ParameterList([nn.Parameter(framejit.ones(3)), nn.Parameter(framejit.ones(3) * 2)])

    def forward(self, x):
        for name, layer in self.layers.items():
            x = layer(x) + len(name)
        for weight in self.weights:
            x = x * weight
        return self.layers["a"](x)


class Constants(nn.Module):
    __constants__ = ["names", "count"]
    k: Final[int]

    def __init__(self):
        super().__init__()
        self.k, self.count, self.names = 3, 2, ("a", "bc")
        self.act, self.bias, self.dtype, self.device = F.relu, None, framejit.float64, framejit.device("cpu")
        self.pair, self.table = (1, [2.5]), {"z": framejit.ones(1)}

    def forward(self, x: Tensor, y: Optional[Tensor] = None) -> Tuple[Tensor, List[float]]:
        if self.bias is not None:
            x = x + self.bias
        if y is not None:
            x = x + y
        for name in self.names:
            x = x + len(name)
        for i in range(self.count):
            x = x * self.k + i
        return self.act(x).to(self.dtype).to(self.device) + self.table["z"], self.pair[1]


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x):
        return self.help(self.linear(x))

    def help(self, x):
        return x + 1


class Derived(Base):
    def forward(self, x):
        return super().forward(x) * 2

    def help(self, x):
        return super().help(x) - 5


class Members(nn.Module):
    def __init__(self):
        super().__init__()
        self.sequence = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Dropout(), nn.Tanh()))
        self.convs = nn.ModuleList(nn.Conv1d(2, 2, k, padding=k // 2) for k in (1, 3))

    @staticmethod
    def scaled(x, k: int):
        return x * k

    @property
    def four(self) -> int:
        return 4

    @jit.unused
    def never(self, x):
        return x

    def forward(self, x):
        y = self.sequence(x)
        for i, layer in enumerate(self.sequence):
            y = layer(y) + i
        z = framejit.cat([c(x[None].expand(1, 2, 3)) for c in self.convs])
        if self.four > 5:
            return self.never(x), z
        return self.scaled(y, self.four) + len(self.sequence), z


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(5, 3), nn.LSTM(3, 4, batch_first=True)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, index, state: Optional[Tuple[Tensor, Tensor]] = None):
        out, (h, c) = self.lstm(self.embedding(index), state)
        seen, weights = self.attention(out, out, out)
        assert weights is not None
        return seen, weights, h, c


@jit.interface
class Step(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        pass


class Plus(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


class Times(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 3


class Chosen(nn.Module):
    step: Step

    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        return self.step.forward(x)


class State(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("total", framejit.zeros(1))
        self.seen = jit.Attribute([], List[int])
        self.counts: Dict[str, int] = jit.annotate(Dict[str, int], {"n": 0})

    @jit.export
    def add(self, n: int) -> List[int]:
        self.seen.append(n)
        self.total += n
        self.counts["n"] = len(self.seen)
        return self.seen

    def forward(self, x):
        return x + self.total


class ModulesTest(unittest.TestCase):
    def same(self, got, want):
        if isinstance(want, Tensor):
            framejit.testing.assert_close(got, want)
        elif isinstance(want, (tuple, list)):
            self.assertEqual(len(got), len(want))
            for g, w in zip(got, want):
                self.same(g, w)
        else:
            self.assertEqual(got, want)

    def check(self, module, *args):
        module.eval()
        scripted = jit.script(module)
        want = module(*args)
        self.same(scripted(*args), want)
        self.same(reloaded(scripted)(*args), want)
        self.same(jit.freeze(scripted)(*args), want)
        return scripted

    def test_against_the_modules(self):
        framejit.manual_seed(0)
        x = framejit.rand(2, 3)
        for module, args in (
            (Dicts(), (x,)), (Constants(), (x,)), (Constants(), (x, x)), (Base(), (x,)), (Derived(), (x,)), (Members(), (x,)),
            (Recurrent(), (framejit.tensor([[1, 2], [3, 4]]),)), (Chosen(Plus()), (x,)), (Chosen(Times()), (x,)),
        ):  # fmt: skip
            with self.subTest(type(module).__name__):
                self.check(module, *args)

    def test_a_pooling_that_keeps_one_size(self):
        self.check(nn.AdaptiveAvgPool2d((None, 3)), framejit.rand(1, 2, 5, 6))
        self.check(nn.AdaptiveAvgPool2d(2), framejit.rand(1, 2, 5, 6))

    def test_state(self):
        scripted = jit.script(State())
        self.assertEqual(scripted.add(3), [3])
        self.assertEqual((scripted.add(4), scripted.total.item(), scripted.counts), ([3, 4], 7.0, {"n": 2}))
        loaded = reloaded(scripted)
        self.assertEqual((loaded.add(5), loaded.total.item()), ([3, 4, 5], 12.0))
        self.assertEqual(scripted.seen, [3, 4])
        frozen = jit.freeze(scripted.eval(), ["add"])
        self.assertEqual((frozen.add(1), frozen(framejit.ones(1)).item()), ([3, 4, 1], 9.0))

    def test_they_are_modules(self):
        module = Derived()
        scripted = jit.script(module)
        self.assertIsInstance(scripted, jit.RecursiveScriptModule)
        self.assertEqual(scripted.original_name, "Derived")
        self.assertIs(scripted.linear.weight, module.linear.weight)
        self.assertEqual([n for n, _ in scripted.named_modules()], ["", "linear"])
        self.assertEqual(list(scripted.state_dict()), ["linear.weight", "linear.bias"])
        scripted.load_state_dict(Derived().state_dict())
        scripted.eval()
        self.assertFalse(scripted.linear.training)
        scripted(framejit.ones(1, 3)).sum().backward()
        self.assertIsNotNone(module.linear.weight.grad)
        calls = []
        handle = scripted.register_forward_hook(lambda m, args, out: calls.append(1))
        scripted(framejit.ones(1, 3))
        handle.remove()
        self.assertEqual(calls, [1])
        other = copy.deepcopy(scripted)
        self.assertIsNot(other.linear.weight, scripted.linear.weight)
        self.same(other(framejit.ones(1, 3)), scripted(framejit.ones(1, 3)))
        with self.assertRaises(pickle.PickleError):
            pickle.dumps(scripted)
        self.assertIs(jit.script(scripted), scripted)

    def test_alike_modules_share_their_code(self):
        scripted = jit.script(
            nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 4), nn.Linear(3, 3, bias=False))
        )
        kinds = [type(m)._script_type for m in scripted]
        self.assertIs(kinds[0], kinds[1])
        self.assertEqual(len(set(kinds)), 3)

    def test_one_module_twice_stays_one(self):
        layer = nn.Linear(3, 3)
        scripted = jit.script(nn.Sequential(layer, layer))
        self.assertIs(scripted[0], scripted[1])
        loaded = reloaded(scripted)
        self.assertIs(loaded[0], loaded[1])

    def test_overloads(self):
        @jit._overload
        def twice(x: int) -> int:
            return x * 2

        @jit._overload  # noqa: F811
        def twice(x: str) -> str:  # noqa: F811
            return x + x

        def twice(x):  # noqa: F811
            return x

        @jit.script
        def f(n: int, s: str):
            return twice(n), twice(s)

        self.assertEqual(f(2, "a"), (4, "aa"))

    def test_errors_of_modules(self):
        class Missing(nn.Module):
            def forward(self, x):
                return x + self.absent

        class Empty(nn.Module):
            def __init__(self):
                super().__init__()
                self.values = []

            def forward(self, x):
                return x, self.values

        class Late(nn.Module):
            def forward(self, x):
                self.fresh = x
                return x

        for cls, text in (
            (Missing, "has no attribute or method 'absent'"),
            (Empty, "could not be converted to a TorchScript type"),
            (Late, "Tried to set nonexistent attribute: fresh"),
        ):
            with self.subTest(cls.__name__), self.assertRaises(RuntimeError) as caught:
                jit.script(cls())
            self.assertIn(text, str(caught.exception))
            self.assertIn("<--- HERE", str(caught.exception))

    def test_freezing_needs_evaluation(self):
        with self.assertRaisesRegex(RuntimeError, "eval mode"):
            jit.freeze(jit.script(nn.Linear(2, 2)))
        with self.assertRaisesRegex(RuntimeError, "expects a ScriptModule"):
            jit.freeze(nn.Linear(2, 2).eval())


def reloaded(module):
    buffer = io.BytesIO()
    module.save(buffer)
    buffer.seek(0)
    return jit.load(buffer)


if __name__ == "__main__":
    unittest.main()
