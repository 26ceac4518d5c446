"""Calls that captured code makes in ways of its own: logging that is left out or put off, classes made by functions, mappings
behind **, lazy modules."""

import collections
import collections.abc
import contextlib
import io
import itertools
import unittest

import framejit
from framejit import nn

config = framejit.dynamo.config


class Log:
    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(text)


class LoggingCalls(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def test_ignored(self):
        log = Log()

        def f(x):
            log.info("before")
            y = x + 1
            log.info("after")
            return y * 2

        for name in ("ignore_logger_methods", "ignore_logging_functions"):
            for function in (log.info, Log.info):
                with self.subTest(name), config.patch({name: {function}}):
                    framejit.reset()
                    compiled = framejit.compile(f, fullgraph=True)
                    self.assertEqual(compiled(framejit.ones(2)).tolist(), [4.0, 4.0])
                    self.assertEqual(log.lines, [])
        framejit.reset()
        framejit.compile(f)(framejit.ones(2))
        self.assertEqual(log.lines, ["before", "after"])

    def test_record_is_one_break(self):
        import logging

        logger = logging.getLogger("framejit.tests.capture_calls")

        def f(x):
            y = x + 1
            logger.info("seen %s", 3)
            return y * 2

        with self.assertLogs(logger, "INFO") as caught:
            explained = framejit.dynamo.explain(f)(framejit.ones(2))
        self.assertEqual(explained.graph_break_count, 1)
        self.assertEqual([record.getMessage() for record in caught.records], ["seen 3"])
        self.assertEqual([record.funcName for record in caught.records], ["f"])
        logger.setLevel("ERROR")
        f(framejit.ones(2))
        framejit.reset()
        framejit.compile(f, fullgraph=True)(framejit.ones(2))

    def test_put_off(self):
        def f(x):
            print("begins")
            y = x + x
            print(y, end="!\n")
            y.mul_(5)
            print(1, None, sep="-")
            return y

        def printed(function):
            text = io.StringIO()
            with contextlib.redirect_stdout(text):
                result = function(framejit.ones(2)).tolist()
            return result, text.getvalue()

        with config.patch(reorderable_logging_functions={print}):
            compiled = framejit.compile(f, fullgraph=True)
            for _ in range(2):
                self.assertEqual(printed(compiled), printed(f))


class ObjectsAsKeys(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def test_dict_from_outside(self):
        class Key:
            pass

        a, b, c = Key(), Key(), Key()
        table = {a: 2, b: 3, "c": 4}

        def f(x, key):
            return x * table[key] if key in table else x + table.get(key, 7)

        compiled = framejit.compile(f, fullgraph=True)
        for key in (a, b, c, a):
            self.assertEqual(compiled(framejit.ones(1), key).tolist(), f(framejit.ones(1), key).tolist())
        table[a] = 5
        self.assertEqual(compiled(framejit.ones(1), a).tolist(), [5.0])
        del table[a]
        self.assertEqual(compiled(framejit.ones(1), a).tolist(), [8.0])

    def test_modules(self):
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        weights = {model: 1, model[0]: 2, model[1]: 3}

        def f(x):
            for i, module in enumerate(model.modules()):
                x = x + weights[module] * i
            return x

        compiled = framejit.compile(f, fullgraph=True)
        self.assertEqual(compiled(framejit.zeros(1)).tolist(), [8.0])
        weights[model[1]] = 10
        self.assertEqual(compiled(framejit.zeros(1)).tolist(), [22.0])


class MadeByCalls(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def test_backward_of_lists_that_hold_themselves(self):
        inner = [1]
        inner.append(inner)

        def f(x):
            with self.assertRaisesRegex(TypeError, "expected Tensor, but got list"):
                framejit.autograd.backward([inner], x)
            return x + 1

        for g in (f, framejit.compile(f)):
            self.assertEqual(g(framejit.ones(2)).tolist(), [2.0, 2.0])

    def test_long_iterations_are_left_to_cpython(self):
        def rows(x):
            return len(tuple(x)), x[0] + 1

        def pairs(x):
            return dict(zip(range(300_000), range(300_000)))[3], x + 1

        for f, n, reason in ((rows, 20_000, "5000"), (pairs, 2, "200000")):
            told = framejit.dynamo.explain(f)(framejit.ones(n)).break_reasons
            self.assertTrue(any(reason in str(why) for why in told), told)
            self.assertEqual(str(framejit.compile(f)(framejit.ones(n))), str(f(framejit.ones(n))))

    def test_sort_of_lists_that_hold_themselves(self):
        def f(x):
            inner = [1]
            inner.append(inner)
            both = [inner, inner]
            both.sort()
            return len(both), both[0] is inner, "%s" % (inner,), x + 1

        for _ in range(2):
            *told, y = framejit.compile(f)(framejit.ones(2))
            self.assertEqual((told, y.tolist()), ([2, True, "[1, [...]]"], [2.0, 2.0]))

    def test_namedtuple_of_nameless_globals(self):
        space = {"collections": collections}
        exec("def f(x): return collections.namedtuple('Pair', ['a', 'b'])(x + 1, 2)", space)
        pair = framejit.compile(space["f"], fullgraph=True)(framejit.ones(2))
        self.assertEqual((pair.a.tolist(), pair.b), ([2.0, 2.0], 2))
        self.assertEqual(type(pair).__module__, type(space["f"](framejit.ones(2))).__module__)

    def test_namedtuple(self):
        def f(x):
            Pair = collections.namedtuple("Pair", ["a", "b"], defaults=(1,))
            first = Pair(x + 1)
            return Pair(first.b, b=first[0] * 2), first._replace(b=3).b, Pair._fields

        compiled = framejit.compile(f, fullgraph=True)
        for _ in range(2):
            pair, three, fields = compiled(framejit.ones(2))
            expected = f(framejit.ones(2))
            self.assertEqual((pair.a, pair.b.tolist(), three, fields), (1, [4.0, 4.0], 3, ("a", "b")))
            self.assertEqual(type(pair).__name__, type(expected[0]).__name__)
            self.assertEqual(type(pair).__module__, __name__)

    def test_fromkeys(self):
        def f(x):
            a = collections.OrderedDict.fromkeys(("p", "q"), value=x)
            b = collections.OrderedDict.fromkeys("pq", x + 1)
            a.move_to_end("p")
            return list(a), a["q"] + b["p"]

        keys, total = framejit.compile(f, fullgraph=True)(framejit.ones(2))
        self.assertEqual((keys, total.tolist()), (["q", "p"], [3.0, 3.0]))

    def test_endless_repeat(self):
        def f(x):
            ones, numbers = itertools.repeat(1), itertools.count(2)
            for _ in range(3):
                x = x + next(ones) + next(numbers)
            return ones, numbers, x

        ones, numbers, x = framejit.compile(f, fullgraph=True)(framejit.zeros(2))
        self.assertEqual((next(ones), next(ones), next(numbers), x.tolist()), (1, 1, 5, [12.0, 12.0]))

    def test_mapping_behind_stars(self):
        class Settings(collections.abc.Mapping):
            def __init__(self, **values):
                self.values_ = values

            def __getitem__(self, key):
                return self.values_[key]

            def __iter__(self):
                return iter(self.values_)

            def __len__(self):
                return len(self.values_)

        def scaled(x, *, by, shift=0):
            return x * by + shift

        def f(x, settings):
            return scaled(x, **settings)

        compiled = framejit.compile(f, fullgraph=True)
        self.assertEqual(compiled(framejit.ones(2), Settings(by=3, shift=1)).tolist(), [4.0, 4.0])
        with self.assertRaises(TypeError):
            compiled(framejit.ones(2), Settings(other=3))

    def test_iskeyword(self):
        import keyword

        f = framejit.compile(lambda x: x + int(keyword.iskeyword("if")) - int(keyword.iskeyword("iff")), fullgraph=True)
        self.assertEqual(f(framejit.ones(1)).tolist(), [2.0])


class LazyModules(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def test_first_call_compiled(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.second = nn.LazyLinear(4), nn.LazyLinear(2)

            def forward(self, x):
                return self.second(self.first(x).relu())

        model = Model()
        result = framejit.compile(model, fullgraph=True)(framejit.ones(3, 5))
        self.assertEqual((type(model.first), type(model.second)), (nn.Linear, nn.Linear))
        self.assertEqual(tuple(model.second.weight.shape), (2, 4))
        expected = nn.functional.linear(framejit.ones(3, 5), model.first.weight, model.first.bias).relu()
        expected = nn.functional.linear(expected, model.second.weight, model.second.bias)
        self.assertTrue(framejit.allclose(result, expected))

    def test_error_of_the_initialisation(self):
        layer = nn.LazyConv2d(3, 2)
        with self.assertRaises(RuntimeError):
            framejit.compile(layer)(framejit.ones(3))


class HooksOfInputs(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def check(self, f):
        """Gradients and the number of times that a hook ran, twice: each call registers one more."""

        def run(function):
            x, seen = framejit.arange(3.0, requires_grad=True), []
            for _ in range(2):
                function(x, seen).sum().backward()
            return x.grad.tolist(), seen

        self.assertEqual(run(framejit.compile(f, fullgraph=True)), run(f))

    def test_gradient_hook(self):
        def f(x, seen):
            def hook(grad):
                seen.append(grad.tolist())
                return grad * 2

            x.register_hook(hook)
            return x * x

        self.check(f)

    def test_after_accumulation(self):
        def f(x, seen):
            x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
            return x.sin()

        self.check(f)

    def test_handle_leaves(self):
        def f(x):
            handle = x.register_hook(lambda grad: grad * 5)
            return x * 2, handle, handle

        x = framejit.ones(2, requires_grad=True)
        y, first, second = framejit.compile(f, fullgraph=True)(x)
        self.assertIs(first, second)
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [10.0, 10.0])
        first.remove()
        (x * 2).sum().backward()
        self.assertEqual(x.grad.tolist(), [12.0, 12.0])

    def test_removed_inside(self):
        def f(x):
            handle = x.register_hook(lambda grad: grad * 5)
            y = x * 2
            handle.remove()
            handle.remove()
            x.register_hook(lambda grad: grad * 3)
            return y, handle

        x = framejit.ones(2, requires_grad=True)
        y, handle = framejit.compile(f, fullgraph=True)(x)
        handle.remove()
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [6.0, 6.0])


class Names(unittest.TestCase):
    def test_input_by_name(self):
        x = framejit.ones(2, 3)
        self.assertTrue(framejit.is_floating_point(input=x))
        self.assertFalse(framejit.is_complex(input=x))
        self.assertEqual(framejit.numel(input=x), 6)
        with self.assertRaises(TypeError):
            framejit.is_complex(other=x)

    def test_type_by_class(self):
        self.assertIs(framejit.ones(2).type(framejit.HalfTensor).dtype, framejit.float16)

    def test_foreach_pow_of_one_base(self):
        powers = framejit._foreach_pow(framejit.tensor(2.0), [framejit.tensor(3.0), framejit.tensor([1.0, 2.0])])
        self.assertEqual([p.tolist() for p in powers], [8.0, [2.0, 4.0]])

    def test_same_of_tensor_and_number(self):
        same = framejit.dynamo.utils.same
        self.assertTrue(same(framejit.tensor([105]), 105))
        self.assertFalse(same(framejit.tensor([105]), 104))
        self.assertFalse(same(framejit.tensor([1, 1]), 1))


if __name__ == "__main__":
    unittest.main()
