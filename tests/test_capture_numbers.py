"""Python numbers that vary from call to call: the results are right, and the function is not compiled once a value."""

import math
import types
import unittest

import framejit
from framejit import _C, nn

RATE = 0.5
BOX = {"rate": 0.5, "steps": [1, 2]}


class Settings:
    def __init__(self):
        self.rate = 0.5
        self.step = 0


class Gain(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = 1.0
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return x * self.gain + self.calls


def outcome(value):
    if isinstance(value, framejit.Tensor):
        return str(value.dtype), [round(v, 5) for v in value.flatten().tolist()], list(value.shape)
    if isinstance(value, (list, tuple)):
        return [outcome(v) for v in value]
    return type(value).__name__, value


def attempt(function, *arguments):
    try:
        return str(function(*arguments))
    except Exception as e:
        return type(e), str(e)


class NumberTest(unittest.TestCase):
    def setUp(self):
        self.enterContext(framejit.dynamo.config.patch(recompile_limit=32))
        self.x = framejit.arange(3.0)

    def traces(self, function, calls, prepare=None, compiled=None):
        """How many segments of the function's start were made for these calls; each result is compared."""
        compiled = compiled or _C.CompiledFunction(function)
        before = _C.counters()["plain_calls"]
        for arguments in calls:
            if prepare:
                prepare(*arguments)
                arguments = ()
            want, got = function(self.x, *arguments), compiled(self.x, *arguments)
            self.assertEqual(outcome(got), outcome(want))
        self.assertEqual(_C.counters()["plain_calls"], before, "calls ran uncompiled")
        return sum(row["offset"] == 0 and row["code"] is function.__code__ for row in compiled._entries())

    def test_float_argument_is_a_parameter_at_once(self):
        self.assertEqual(self.traces(lambda x, lr: x - x * lr, [(0.9**n,) for n in range(20)]), 1)
        self.assertEqual(self.traces(lambda x, lr: x / lr + lr, [(0.9**n,) for n in range(20)]), 1)
        self.assertEqual(self.traces(lambda x, lr: x > lr, [(0.9**n,) for n in range(20)]), 1)
        self.assertEqual(self.traces(lambda x, lr: lr * 0.5 * x, [(0.9**n,) for n in range(20)]), 1)

    def test_alpha(self):
        def f(x, lr):
            y = x.clone()
            y.add_(x, alpha=-lr)
            return framejit.sub(y, x, alpha=lr) + x.double().add(x.double(), alpha=lr)

        self.assertEqual(self.traces(f, [(0.1 * i,) for i in range(6)]), 1)
        # Where the product would be rounded, or where the op refuses a float, the value is a constant.
        half = self.x.bfloat16()
        for g in (lambda x, lr: half.add(half, alpha=lr).float(), lambda x, lr: x.add(half, alpha=lr)):
            self.traces(g, [(0.3,), (0.7,)])
        whole = framejit.arange(3)
        refused = _C.CompiledFunction(lambda x, lr: whole.add(whole, alpha=lr))
        for lr in (0.5, 0.25):
            self.assertEqual(
                attempt(refused, self.x, lr), attempt(lambda x, lr: whole.add(whole, alpha=lr), self.x, lr)
            )

    def test_keyword_default_and_container(self):
        def f(x, lr=0.5, *more, **named):
            return x * lr * more[0] + named["k"]

        compiled = _C.CompiledFunction(f)
        for n in range(20):
            arguments, named = (0.9**n, 0.8**n), {"k": 0.7**n}
            self.assertEqual(outcome(compiled(self.x, *arguments, **named)), outcome(f(self.x, *arguments, **named)))
        self.assertLessEqual(len(compiled._entries()), 2)

    def test_int_argument(self):
        self.assertLessEqual(self.traces(lambda x, n: x + n, [(n,) for n in range(30)]), 2)
        self.assertLessEqual(self.traces(lambda x, n: x + (n * 2 + 1), [(n,) for n in range(30)]), 2)
        self.assertLessEqual(self.traces(lambda x, n: x + (n * 2 + 1), [(2**n,) for n in range(30)]), 2)

    def test_called_by_name(self):
        self.assertEqual(self.traces(lambda x, lr: x.mul(lr).add_(lr), [(0.9**n,) for n in range(20)]), 1)
        self.assertEqual(self.traces(lambda x, lr: framejit.div(x, lr), [(0.9**n,) for n in range(20)]), 1)

    def test_schedule(self):
        def f(x, step, lr):
            return x * lr + step

        self.assertLessEqual(self.traces(f, [(step, 0.1 * 0.9**step) for step in range(1000)]), 2)

    def test_bias_correction(self):
        def f(x, step, beta):
            return x / (1 - beta**step) * math.sqrt(1 - beta ** (2 * step))

        self.assertLessEqual(self.traces(f, [(step, 0.9) for step in range(1, 30)]), 2)

    def test_attribute(self):
        settings = Settings()
        f = lambda x: x * settings.rate
        self.assertLessEqual(self.traces(f, [(0.9**n,) for n in range(20)], lambda v: setattr(settings, "rate", v)), 2)

    def test_counter_on_an_object(self):
        ours, theirs = Settings(), Settings()

        def f(x, settings):
            settings.step += 1
            return x * settings.step, settings.step

        compiled = _C.CompiledFunction(f)
        for _ in range(50):
            self.assertEqual(outcome(compiled(self.x, ours)), outcome(f(self.x, theirs)))
        self.assertLessEqual(len(compiled._entries()), 2)

    def test_counter_on_a_module(self):
        ours, theirs = Gain(), Gain()
        compiled = _C.CompiledFunction(Gain.forward)
        for n in range(50):
            ours.gain = theirs.gain = 0.9**n
            self.assertEqual(outcome(compiled(ours, self.x)), outcome(theirs(self.x)))
        self.assertLessEqual(len(compiled._entries()), 2)

    def test_dict_list_global_closure(self):
        def set_global(v):
            global RATE
            RATE = v

        def set_cell(v):
            nonlocal rate
            rate = v

        rate = 0.5
        values = [(0.9**n,) for n in range(20)]
        for function, change in (
            (lambda x: x * BOX["rate"], lambda v: BOX.update(rate=v)),
            (lambda x: x * BOX["steps"][1], lambda v: BOX["steps"].__setitem__(1, v)),
            (lambda x: x * RATE, set_global),
            (lambda x: x * rate, set_cell),
        ):
            self.assertLessEqual(self.traces(function, values, change), 2)

    def test_passed_through(self):
        log = []

        def keep(x, v):
            return x + 1, v, [v], {"v": v}

        for values in ([(n,) for n in range(20)], [(0.9**n,) for n in range(20)], [(str(n),) for n in range(20)]):
            self.assertEqual(self.traces(keep, values), 1)
        self.assertEqual(self.traces(lambda x, v: (x + 1, log.clear(), log.append(v), list(log)), [(1.5,), (2.5,)]), 1)

    def test_branch(self):
        f = lambda x, lr: x + 1 if lr > 0.5 else x * lr
        self.assertLessEqual(self.traces(f, [(0.9**n,) for n in range(20)]), 3)
        f = lambda x, step: x + step if step % 10 == 0 else x - step
        self.assertLessEqual(self.traces(f, [(n,) for n in range(1, 50)]), 4)

    def test_continuation(self):
        @framejit.dynamo.disable
        def outside(v):
            return v * 0.5

        def f(x, lr, step):
            y = x * lr
            scale = outside(lr)
            return y * lr + scale * x + step

        compiled = _C.CompiledFunction(f)
        for n in range(40):
            self.assertEqual(outcome(compiled(self.x, 0.9**n, n)), outcome(f(self.x, 0.9**n, n)))
        rows = [(row["code"].co_name, row["offset"]) for row in compiled._entries()]
        for row in set(rows):
            self.assertLessEqual(rows.count(row), 2, row)

    def test_special_values(self):
        f = lambda x, v: (x * v, x + v, x / v if v else x)
        values = [1.5, 0.0, -0.0, math.inf, math.nan, 1, 0, True, 2**40, -1.5, 2**70, 1e300]
        compiled = _C.CompiledFunction(f)
        for v in values + values:
            self.assertEqual(attempt(compiled, self.x, v), attempt(f, self.x, v), v)

    def test_promotion(self):
        f = lambda x, v: (x + v, x * v, v - x, x > v)
        compiled = _C.CompiledFunction(f)
        for dtype in (framejit.float32, framejit.float64, framejit.int64, framejit.int32, framejit.bool):
            x = framejit.ones(2, dtype=dtype) > 0 if dtype is framejit.bool else framejit.ones(2, dtype=dtype)
            for v in (0.5, 1.5, 2, 3, 2.5, 0.1):
                if dtype is framejit.bool:
                    self.assertEqual(str((x * v).dtype), str(_C.CompiledFunction(lambda x, v: x * v)(x, v).dtype))
                    continue
                got, want = compiled(x, v), f(x, v)
                self.assertEqual([(str(t.dtype), t.tolist()) for t in got], [(str(t.dtype), t.tolist()) for t in want])

    def test_bools_strings_and_none_are_constants(self):
        f = lambda x, v: x + 1 if v else x - 1
        self.assertEqual(self.traces(f, [(v,) for v in (True, False) * 5]), 2)
        self.assertEqual(self.traces(f, [(v,) for v in (None, "a") * 5]), 2)

    def test_namespace(self):
        settings = types.SimpleNamespace(lr=0.5)

        def f(x, lr):
            settings.lr = lr
            return x * lr

        self.assertLessEqual(self.traces(f, [(0.9**n,) for n in range(20)]), 2)

    def test_text_of_long_computations(self):
        """A number computed from itself time and again: written out, each round would make the text three times as long."""

        def root(a, x):
            y = a
            for _ in range(12):
                y = y - (y * y - 2.0) / (2.0 * y)
            return x + 1 if y > 1.0 else x

        compiled = _C.CompiledFunction(root)
        for a in (3.0, 4.0, 5.0):
            self.assertEqual(compiled(a, framejit.ones(1)).tolist(), [2.0])
        told = [str(guard) for entry in compiled._entries() for guard in entry["guards"]]
        self.assertLess(max(map(len, told)), 2000)
        self.assertTrue(any("..." in text for text in told))


if __name__ == "__main__":
    unittest.main()
