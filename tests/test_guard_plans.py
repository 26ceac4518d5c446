"""Plans: guards answered from remembered words. They are used, they are not made again and again, they hold nothing."""

import gc
import unittest
import weakref

import framejit
from framejit import _C, nn


def plans():
    return _C._debug.plans()


class Since:
    """What the counts of plans have grown by since this was made."""

    def __init__(self):
        self.before = plans()

    def __getattr__(self, name):
        return plans()[name] - self.before[name]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.gain = 1.0
        self.steps = 0

    def forward(self, x):
        y = framejit.relu(self.fc(x)) * self.gain
        return y + 1 if self.training else y


class Counter:
    def __init__(self):
        self.count = 0
        self.a = self.b = self.c = self.d = 1


class PlanTest(unittest.TestCase):
    def setUp(self):
        self.x = framejit.ones(1, 2)

    def same(self, got, want):
        self.assertEqual(got.tolist(), want.tolist())

    def test_model_is_planned_once(self):
        model = nn.Sequential(*[Block() for _ in range(5)])
        compiled = _C.CompiledFunction(lambda x: model(x))
        compiled(self.x)
        since = Since()
        for _ in range(20):
            compiled(self.x)
        self.assertEqual((since.made, since.changed), (0, 0))  # made at the first call
        self.assertEqual(since.held, 20)

    def test_long_model_is_one_segment(self):
        model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(100)])
        compiled = _C.CompiledFunction(lambda x: model(x))
        self.same(compiled(self.x), model(self.x))
        self.assertEqual([row["ops"] for row in compiled._entries()], [100])

    def test_weight_replaced_is_one_change(self):
        model = nn.Sequential(*[Block() for _ in range(5)])
        compiled = _C.CompiledFunction(lambda x: model(x))
        for _ in range(20):
            compiled(self.x)
        since = Since()
        model[2].fc.weight = nn.Parameter(framejit.full((2, 2), 0.25))
        for _ in range(20):
            self.same(compiled(self.x), model(self.x))
        self.assertLessEqual(since.made, 1)
        self.assertGreaterEqual(since.held, 18)

    def test_unrelated_attribute_costs_no_plan(self):
        model = Block()
        compiled = _C.CompiledFunction(lambda x: model(x))
        for _ in range(20):
            compiled(self.x)
        since = Since()
        for step in range(20):
            model.steps = step
            Block.unrelated = step
            compiled(self.x)
        del Block.unrelated
        self.assertEqual((since.made, since.changed, since.held), (0, 0, 20))

    def test_train_and_eval_have_a_plan_each(self):
        model = Block()
        compiled = _C.CompiledFunction(lambda x: model(x))
        for k in range(4):
            model.train(k % 2 == 0)
            for _ in range(12):
                compiled(self.x)
        since = Since()
        for k in range(6):
            model.train(k % 2 == 0)
            for _ in range(12):
                self.same(compiled(self.x), model(self.x))
        self.assertLessEqual(since.made, 1)

    def test_many_instances(self):
        blocks = [Block() for _ in range(30)]
        compiled = _C.CompiledFunction(Block.forward)
        for _ in range(3):
            for block in blocks:
                self.same(compiled(block, self.x), block(self.x))
        since = Since()
        for _ in range(3):
            for block in blocks:
                compiled(block, self.x)
        self.assertEqual((since.made, since.held), (0, 90))

    def test_changing_source_is_given_up(self):
        counter = Counter()

        def f(x):
            counter.count += 1
            return x * (counter.a + counter.b + counter.c + counter.d), counter.count

        compiled = _C.CompiledFunction(f)
        since = Since()
        for n in range(1, 60):
            self.assertEqual(compiled(self.x)[1], n)
        self.assertLess(since.made, 12)

    def test_fresh_objects_are_given_up(self):
        def f(x, o):
            return x * (o.a + o.b + o.c + o.d)

        compiled = _C.CompiledFunction(f)
        keep = []
        for n in range(400):
            o = Counter()
            keep.append(o)
            o.a = n % 2
            self.same(compiled(self.x, o), f(self.x, o))
            if n == 300:
                since = Since()
        self.assertEqual(since.made, 0)

    def test_nothing_is_kept_alive(self):
        compiled = _C.CompiledFunction(Block.forward)
        block = Block()
        for _ in range(20):
            compiled(block, self.x)
        gone = weakref.ref(block), weakref.ref(block.fc.weight)
        del block
        gc.collect()
        self.assertEqual([ref() for ref in gone], [None, None])
        for _ in range(50):  # others at the same addresses
            block = Block()
            self.same(compiled(block, self.x), block(self.x))

    def test_what_changes_in_a_weight_is_noticed(self):
        linear = nn.Linear(2, 2)

        def step(x):
            linear(x).sum().backward()
            grads = [None if p.grad is None else p.grad.tolist() for p in linear.parameters()]
            for p in linear.parameters():
                p.grad = None
            return grads, [p.dtype for p in linear.parameters()], linear.weight.shape, linear.weight.stride()

        def other_data():
            linear.weight.data = framejit.full((3, 2), 2.0)
            linear.bias.data = framejit.zeros(3)

        def doubled(p):
            p.grad.mul_(2)

        weight, handles = linear.weight, []
        changes = (
            lambda: handles.append(weight.register_hook(lambda g: g * 3)),
            lambda: handles.append(weight.register_post_accumulate_grad_hook(doubled)),
            lambda: [h.remove() for h in handles],
            lambda: weight.requires_grad_(False),
            lambda: weight.requires_grad_(True),
            other_data,
            lambda: setattr(weight, "data", framejit.full((2, 3), 1.0).t()),
            lambda: weight.requires_grad_(False).set_(framejit.full((3, 2), 4.0)),
            lambda: (weight.resize_(1, 2), setattr(linear.bias, "data", framejit.zeros(1))),
        )
        compiled = _C.CompiledFunction(step)
        for change in (lambda: None, *changes):
            change()
            want = step(self.x)
            for _ in range(3):
                self.assertEqual(compiled(self.x), want)

    def test_a_weight_that_is_given_new_data_at_each_call(self):
        model = nn.Sequential(*[Block() for _ in range(5)])
        compiled = _C.CompiledFunction(lambda x: model(x))
        for _ in range(20):
            compiled(self.x)
        since = Since()
        for n in range(20):
            model[2].fc.weight.data = framejit.full((2, 2), float(n))
            self.same(compiled(self.x), model(self.x))
        self.assertEqual((since.made, since.changed, since.held), (0, 0, 20))

    def test_the_collector_calls_compiled_code_at_any_time(self):
        for _ in range(20):
            self.collect_at_any_time()

    def collect_at_any_time(self):
        model = nn.Sequential(*[Block() for _ in range(5)])

        def step(*args):
            y = model(args[0])
            print(end="")  # leaves the frame
            return y * 2

        compiled = _C.CompiledFunction(step)
        want = step(self.x)
        sizes = iter(range(2, 8))

        def retrace(phase, info):  # a new segment, or new sizes of one: the plans so far are dropped
            size = next(sizes, None) if phase == "stop" else None
            if size:
                gc.disable()
                compiled(framejit.ones(size, 2))

        before = gc.get_threshold()
        with framejit.dynamo.config.patch(recompile_limit=1000):
            for _ in range(3):
                compiled(self.x)
            gc.callbacks.append(retrace)
            try:
                for _ in range(10):
                    gc.set_threshold(1)
                    gc.enable()
                    self.same(compiled(self.x), want)
            finally:
                gc.enable()
                gc.set_threshold(*before)
                gc.callbacks.remove(retrace)
        self.assertIsNone(next(sizes, None))

    def test_a_continuation_asks_nothing_of_its_own_cells(self):
        def outer(calls):
            def f(x):
                y = x + 1
                calls.append(str(id(y)))
                return y * 2

            return f

        calls = []
        compiled = _C.CompiledFunction(outer(calls))
        for _ in range(2):
            self.same(compiled(self.x), (self.x + 1) * 2)
        self.assertEqual(len(calls), 2)
        later = [e for e in compiled._entries() if e["offset"]]
        self.assertTrue(later)
        self.assertEqual([g for e in later for g in e["guards"] if "__closure__" in g and " is " in g], [])

    def test_same_address_other_constant(self):
        class Owner:
            pass

        def f(x, o):
            return x.shape[0] + o.a + o.b + o.c + o.d + o.e + o.f

        compiled = _C.CompiledFunction(f)
        owner = Owner()
        with framejit.dynamo.config.patch(recompile_limit=1000):
            for name in "abcdef":
                setattr(owner, name, 0.5)
            for n in range(200):
                owner.a = float(n)  # a new float, often where an old one was
                owner.a = float(n % 3) + 0.25
                self.assertEqual(compiled(self.x, owner), f(self.x, owner))


if __name__ == "__main__":
    unittest.main()
