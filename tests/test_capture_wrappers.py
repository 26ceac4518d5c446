"""Tensors made of other tensors (`__torch_dispatch__`) in captured code: as the plain function has them, in one graph."""

import dataclasses
import unittest

import framejit as fj
from framejit.ops import aten

from tests.wrapper_classes import Int8, Quiet, Scaled, Two, parts_of


class Counter:
    """A back end that counts graphs and keeps the last one."""

    def __init__(self):
        self.count = 0

    def __call__(self, module, examples):
        self.count += 1
        self.module = module
        return module


class Captured(unittest.TestCase):
    def setUp(self):
        fj.reset()

    def check(self, f, make, **options):
        """`make()` gives the arguments. In one graph, with a back end in Python and with the native one."""
        plain = make()
        expected = parts_of((f(*plain), plain))
        for backend in ("eager", None):
            for dynamic in (None, True, False):
                with self.subTest(backend=backend, dynamic=dynamic):
                    fj.reset()
                    compiled = fj.compile(
                        f, fullgraph=True, dynamic=dynamic, **({"backend": backend} if backend else {}), **options
                    )
                    for _ in range(3):
                        given = make()
                        self.assertEqual(parts_of((compiled(*given), given)), expected)


def two(cls=Two):
    return cls(fj.arange(6.0).view(2, 3), fj.ones(2, 3) * 2)


class Operations(Captured):
    def test_operators_functions_and_methods(self):
        for cls in (Two, Quiet):
            self.check(lambda x: x + 1, lambda: [two(cls)])
            self.check(lambda x: (1 - x, x / 2, 2**x, -x, x @ x.t()), lambda: [two(cls)])
            self.check(lambda x: fj.sin(x).cos(), lambda: [two(cls)])
            self.check(lambda x: fj.nn.functional.gelu(x) * x.sum(), lambda: [two(cls)])
            self.check(lambda x: x + fj.ones(3), lambda: [two(cls)])
            self.check(lambda x, y: fj.cat([x, y]).mean(0), lambda: [two(cls), two(cls)])

    def test_results_of_several_tensors(self):
        self.check(lambda x: x.max(1), lambda: [two()])
        self.check(lambda x: (x.split(1), x.unbind(), x.chunk(2, 1)), lambda: [two()])

    def test_views_and_indices(self):
        self.check(lambda x: (x[0], x[:, 1:], x.view(-1), x.t(), x.unsqueeze(1).expand(2, 4, 3)), lambda: [two()])
        self.check(lambda x: x * 2, lambda: [two().narrow(-1, 1, 2)])
        self.check(lambda x: x.view(x.shape[1], x.shape[0]), lambda: [two()])
        self.check(lambda x: x * x.size(0) + x.shape.numel(), lambda: [two()])

    def test_composites_are_seen_in_parts(self):
        self.check(lambda x: fj.nn.functional.linear(x, fj.ones(4, 3)), lambda: [two()])
        self.check(lambda x: fj.nn.functional.layer_norm(x, (3,)), lambda: [two()])
        self.check(lambda x: fj.where(x > 2, x, 0), lambda: [two()])

    def test_in_place(self):
        def f(x):
            y = x.add_(1)
            x[0] = 7
            return y is x, x * 2

        self.check(f, lambda: [two()])
        self.check(lambda x, y: x.copy_(y).mul_(3), lambda: [two(), two() + 1])

        def own(x):
            y = x.clone()
            y += 1
            y.zero_()
            return y

        self.check(own, lambda: [two()])

    def test_aliases_of_what_is_inside(self):
        def f(x, a):
            a.add_(1)
            return x + x.a

        def make():
            x = two()
            return [x, x.a]

        self.check(f, make)

    def test_numbers_that_vary(self):
        self.check(lambda x, n: x * n + n, lambda: [two(), 3])
        self.check(lambda x, n: x * n + n, lambda: [two(), 0.5])

    def test_quantised(self):
        def make():
            return [fj.arange(6.0).view(2, 3) - 2.5, Int8.of(fj.arange(12.0).view(4, 3) - 5)]

        self.check(lambda x, w: fj.nn.functional.linear(x, w), make)
        self.check(lambda x, w: (w + 1, w.detach(), w.clone().scale, x @ w.t()), make)
        self.check(lambda x, w: Int8.of(x), make)

    def test_loops_over_rows(self):
        self.check(lambda x: [row * 2 for row in x] + [len(x)], lambda: [two()])

    def test_questions_about_data_are_left_to_cpython(self):
        def f(x):
            y = x * 2
            if y.a.sum() > 3:
                y = y + 1
            return y, x.a.sum().item()

        expected = parts_of(f(two()))
        compiled = fj.compile(f)
        for _ in range(3):
            self.assertEqual(parts_of(compiled(two())), expected)

    def test_tables_of_handlers(self):
        table = {}

        def implements(*functions):
            def note(f):
                table.update(dict.fromkeys(functions, f))
                return f

            return note

        class ByTable(Two):
            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                if func in table:
                    return table[func](func, *args, **(kwargs or {}))
                return super().__torch_dispatch__(func, types, args, kwargs)

        @implements(aten.mul.Tensor, aten.div.Tensor)
        def scale(func, x, y):
            return ByTable(func(x.a, y), x.b)

        self.check(lambda x: (x * 2, x / 2, x + 1), lambda: [two(ByTable)])

    def test_no_grad_of_what_requires_a_gradient(self):
        def make():
            x = two()
            x.requires_grad_()
            return [x]

        def f(x):
            with fj.no_grad():
                return (x * 2).detach()

        self.check(f, make)


class Instances(Captured):
    def test_attributes(self):
        self.check(lambda x: (x.a * 2, x.total(), x.first, x.shape, x.dtype, x.ndim, x.requires_grad), lambda: [two()])
        self.check(lambda x: (x + 1).b, lambda: [two()])
        self.check(
            lambda x: (x * 2)._scale * (x * 2)._constant, lambda: [Scaled(fj.ones(2, 3), fj.ones(3), constant=2)]
        )

    def test_isinstance_and_type(self):
        self.check(lambda x: (isinstance(x, Two), isinstance(x, fj.Tensor), type(x + 1) is Two), lambda: [two()])
        self.check(lambda x: x * 2 if isinstance(x, Quiet) else x, lambda: [two()])

    def test_flatten_and_unflatten(self):
        def f(x):
            names, context = x.__tensor_flatten__()
            parts = {name: getattr(x, name) + 1 for name in names}
            return type(x).__tensor_unflatten__(parts, context, x.size(), x.stride())

        self.check(f, lambda: [two()])
        self.check(f, lambda: [Scaled(fj.ones(2, 3), None, constant=5)])

    def test_made_inside(self):
        self.check(lambda a, b: Two(a, b), lambda: [fj.ones(2, 3), fj.zeros(2, 3)])
        self.check(lambda a, b: (Two(a, b) * 2).a, lambda: [fj.ones(2, 3), fj.zeros(2, 3)])

        def twice(a, b):
            x = Two(a, b)
            return x, [x, x + 1], x.a is a

        self.check(twice, lambda: [fj.ones(2, 3), fj.zeros(2, 3)])
        x = fj.compile(twice)(fj.ones(2), fj.ones(2))
        self.assertIs(x[0], x[1][0])

    def test_made_with_metadata(self):
        @dataclasses.dataclass(frozen=True)
        class Meta:
            shape: tuple
            device: fj.device
            inner: object

        class Tagged(Scaled):
            def __new__(cls, data, meta):
                return Scaled.__new__(cls, data)

            def __init__(self, data, meta):
                self._data, self.meta = data, meta

            def __tensor_flatten__(self):
                return ["_data"], self.meta

            @classmethod
            def __torch_dispatch__(cls, func, types, args, kwargs=None):
                out = func(*(a._data if isinstance(a, Tagged) else a for a in args), **(kwargs or {}))
                return Tagged(out, args[0].meta)

        def f(x):
            out = Tagged(x, Meta(x.shape, x.device, Meta(x.shape, x.device, None)))
            return (out * out)._data, (out + 1).meta.inner.shape

        self.check(f, lambda: [fj.ones(2, 3)])

    def test_nested(self):
        make = lambda: [Two(two(), two())]
        self.check(lambda x: x * 2 + x, make)
        self.check(lambda x: (x.a.b, x.sum(), x[0]), make)
        self.check(lambda x: Scaled(x.a, constant=1) * 3, make)

    def test_one_class_above_another(self):
        class Upper(Quiet):
            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                if func is aten.mul.Tensor:
                    return NotImplemented if len(types) == 1 else Quiet(fj.ones(1), fj.ones(1))
                return super().__torch_dispatch__(func, types, args, kwargs)

        self.check(lambda x, y: (x * y, x + y), lambda: [two(Quiet), two(Upper)])

    def test_held_by_modules_and_closures(self):
        held = two()

        class Model(fj.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = Int8.of(fj.arange(12.0).view(4, 3) - 5)

            def forward(self, x):
                return fj.nn.functional.linear(x, self.weight) + held.a.sum()

        self.check(Model(), lambda: [fj.ones(2, 3)])

    def test_breaks_hand_real_ones_on(self):
        def f(x):
            y = x + 1
            fj.dynamo.graph_break()
            z = y * y
            print(end="")
            return z, y

        expected = parts_of(f(two()))
        compiled = fj.compile(f)
        for _ in range(3):
            self.assertEqual(parts_of(compiled(two())), expected)


class Guards(Captured):
    def graphs(self, f, *calls, dynamic=None):
        fj.reset()
        counter = Counter()
        compiled = fj.compile(f, fullgraph=True, backend=counter, dynamic=dynamic)
        for args in calls:
            self.assertEqual(parts_of(compiled(*args)), parts_of(f(*args)))
        return counter.count

    def test_what_handlers_read_is_guarded(self):
        make = lambda constant, scale=None: (Scaled(fj.ones(2, 3), scale, constant=constant),)
        self.assertEqual(self.graphs(lambda x: x.sin(), make(1), make(1)), 1)
        f = lambda x: x.sin() * (x.sin()._constant > 3)
        self.assertEqual(self.graphs(f, make(1), make(7), dynamic=False), 2)
        self.assertEqual(self.graphs(lambda x: x + 1, make(1), make(1, fj.ones(3)), make(1)), 2)

    def test_sizes(self):
        def scaled(rows, scale=3):
            return (Scaled(fj.ones(rows, 3), fj.ones(scale) if scale else None),)

        f = lambda x: x.sin()
        self.assertEqual(self.graphs(f, scaled(2), scaled(4), scaled(5), dynamic=True), 1)
        self.assertEqual(self.graphs(f, scaled(2), scaled(4), dynamic=False), 2)
        self.assertEqual(self.graphs(f, scaled(2), scaled(4), scaled(5), scaled(6)), 2)
        self.assertEqual(self.graphs(f, scaled(2), scaled(2, 1), dynamic=False), 2)

    def test_sizes_marked_on_the_outer_tensor(self):
        def marked(rows, columns):
            x = Scaled(fj.ones(rows, columns))
            fj.dynamo.mark_dynamic(x, 0)
            fj.dynamo.mark_dynamic(x, 1)
            return (x,)

        f = lambda x: x.sin()
        self.assertEqual(self.graphs(f, marked(2, 4), (Scaled(fj.ones(3, 5)),), dynamic=False), 1)

    def test_sizes_that_vary(self):
        f = lambda x: x.view(x.shape[0] * x.shape[1]) * x.size(0)
        for dynamic in (True, None):
            fj.reset()
            compiled = fj.compile(f, fullgraph=True, dynamic=dynamic)
            for rows in (2, 3, 5, 8):
                args = (Two(fj.randn(rows, 3), fj.randn(rows, 3)),)
                self.assertEqual(parts_of(compiled(*args)), parts_of(f(*args)))

    def test_class_of_the_argument(self):
        f = lambda x: x * 2
        plain = fj.ones(2, 3)
        self.assertEqual(self.graphs(f, (two(),), (plain,), (two(Quiet),), (two(),), (plain,)), 3)

    def test_graphs_hold_the_inner_operations(self):
        counter = Counter()
        fj.compile(lambda x: x.sin(), fullgraph=True, backend=counter)(two())
        targets = [node.target for node in counter.module.graph.nodes if node.op.startswith("call")]
        self.assertEqual(len(targets), 2, targets)


class Handlers(Captured):
    def test_side_effects_of_handlers(self):
        log = []

        class Logged(Two):
            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                log.append(str(func))
                return super().__torch_dispatch__(func, types, args, kwargs)

        f = lambda x: (x * 2).sum()
        f(two(Logged))
        expected = log.copy()
        compiled = fj.compile(f)
        for _ in range(3):
            log.clear()
            compiled(two(Logged))
            self.assertEqual(log, expected)

    def test_exceptions_of_handlers(self):
        class Refuses(Two):
            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                raise KeyError(str(func))

        def f(x):
            try:
                return x * 2
            except KeyError as e:
                return str(e)

        self.check(f, lambda: [two(Refuses)])
        with self.assertRaisesRegex(KeyError, "aten.mul.Tensor"):
            fj.compile(lambda x: x * 2)(two(Refuses))

    def test_nobody_answers(self):
        class Silent(Two):
            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                return NotImplemented

        with self.assertRaisesRegex(TypeError, "returned NotImplemented"):
            fj.compile(lambda x: fj.mul(x, 2))(two(Silent))

    def test_gradients_are_off_inside(self):
        seen = []

        class Looks(Two):
            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                seen.append(fj.is_grad_enabled())
                return super().__torch_dispatch__(func, types, args, kwargs)

        fj.compile(lambda x: x * 2, backend="eager")(two(Looks))
        self.assertEqual(set(seen), {False})


class Histories(Captured):
    """Results of tensors that require gradients: their histories are those of the plain function."""

    def gradients(self, f, make):
        given = make()
        out = f(*given)
        outs = [o for o in (out if isinstance(out, (list, tuple)) else [out]) if o.requires_grad]
        names = [type(o.grad_fn).__name__ for o in outs if isinstance(o, Two)]
        for o in outs:
            o.sum().backward(retain_graph=True)
        return parts_of(out), names, [parts_of(x.grad) for x in given if isinstance(x, fj.Tensor)]

    def check_gradients(self, f, make):
        expected = self.gradients(f, make)
        for backend in ("eager", None):
            for dynamic in (None, True):
                with self.subTest(backend=backend, dynamic=dynamic):
                    fj.reset()
                    options = {"backend": backend} if backend else {}
                    compiled = fj.compile(f, fullgraph=True, dynamic=dynamic, **options)
                    for _ in range(3):
                        self.assertEqual(self.gradients(compiled, make), expected)

    def leaf(self, cls=Two):
        return two(cls).requires_grad_()

    def test_operations(self):
        for cls in (Two, Quiet):
            make = lambda: [self.leaf(cls)]  # noqa: B023
            self.check_gradients(lambda x: x * 2, make)
            self.check_gradients(lambda x: (x * x).sin() + x.sum(), make)
            self.check_gradients(lambda x: x.view(3, 2).t()[0], make)
            self.check_gradients(lambda x: fj.nn.functional.linear(x, fj.ones(4, 3)).relu(), make)
            self.check_gradients(lambda x: x.view(x.shape[1], x.shape[0]) * x.size(0), make)

    def test_several_results(self):
        self.check_gradients(lambda x: x.split(1), lambda: [self.leaf()])
        self.check_gradients(lambda x: [x * 2, x.detach(), (x + 1).max(1).values], lambda: [self.leaf()])

    def test_with_plain_tensors(self):
        make = lambda: [self.leaf(), fj.ones(3, requires_grad=True)]
        self.check_gradients(lambda x, y: x * y, make)
        self.check_gradients(lambda x, y: [x * y, y.cos()], make)

    def test_plain_tensors_with_a_history_are_left_to_cpython(self):
        make = lambda: [self.leaf(), fj.ones(3, requires_grad=True)]
        f = lambda x, y: x * y.sin()
        with self.assertRaisesRegex(fj.dynamo.exc.Unsupported, "a tensor with a history beside"):
            fj.compile(f, fullgraph=True)(*make())
        expected = self.gradients(f, make)
        compiled = fj.compile(f)
        for _ in range(3):
            self.assertEqual(self.gradients(compiled, make), expected)

    def test_gradients_that_are_wrappers_in_compiled_backward_passes(self):
        compiled = fj.compile(lambda y: (y.sin() * y, y.cos()), fullgraph=True)

        def gradient(f, times):
            y = fj.ones(3, requires_grad=True)
            a, b = f(y)
            for _ in range(times):
                (two() * a).sum().backward(retain_graph=True)
                (two() * a * b).sum().backward(retain_graph=True)
            return parts_of(y.grad)

        plain = lambda y: (y.sin() * y, y.cos())
        self.assertEqual(gradient(compiled, 1), gradient(plain, 1))
        sum(t.sum() for t in compiled(fj.ones(3, requires_grad=True))).backward()  # now it is compiled
        self.assertEqual(gradient(compiled, 2), gradient(plain, 2))

    def test_what_is_not_recorded(self):
        def f(x):
            with fj.no_grad():
                y = x * 2
            return y + x.detach(), x * 3

        self.check_gradients(f, lambda: [self.leaf()])

    def test_results_that_are_not_leaves(self):
        self.check_gradients(lambda x: x.sin(), lambda: [self.leaf()])
        x = self.leaf()
        compiled = fj.compile(lambda x: x.sin() * x, fullgraph=True)
        compiled(x * 2).sum().backward()
        y = self.leaf()
        ((y * 2).sin() * (y * 2)).sum().backward()
        self.assertEqual(parts_of(x.grad), parts_of(y.grad))

    def test_second_derivative(self):
        def second(f):
            x = self.leaf()
            (first,) = fj.autograd.grad(f(x).sum(), x, create_graph=True)
            (again,) = fj.autograd.grad(first.sum(), x)
            return parts_of(again)

        f = lambda x: x * x * x
        self.assertEqual(second(fj.compile(f, fullgraph=True)), second(f))

    def test_in_place_is_left_to_cpython(self):
        def f(x):
            y = x * 2
            y.mul_(x)
            return y + 1

        expected = self.gradients(f, lambda: [self.leaf()])
        compiled = fj.compile(f)
        for _ in range(3):
            self.assertEqual(self.gradients(compiled, lambda: [self.leaf()]), expected)

    def test_parameters(self):
        class Model(fj.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = fj.nn.Parameter(two())

            def forward(self, x):
                kind = 1 if isinstance(self.weight, fj.nn.Parameter) else 2
                return fj.nn.functional.linear(x, self.weight) + kind

        def step(compiled):
            model = Model()
            out = (fj.compile(model) if compiled else model)(two())
            out.sum().backward()
            return parts_of(out), parts_of(model.weight.grad)

        self.assertEqual(step(True), step(False))


class MetadataGuards(Captured):
    def kind(self, guard):
        class Guarded(Scaled):
            __metadata_guard__ = guard

            @staticmethod
            def __tensor_unflatten__(parts, context, outer_size, outer_stride):
                return Guarded(parts["_data"], parts.get("_scale"), constant=context["_constant"])

            def __tensor_flatten__(self):
                return ["_data"], (self._constant,)

            @classmethod
            def __torch_dispatch__(cls, func, types, args, kwargs=None):
                out = func(*(a._data if isinstance(a, Scaled) else a for a in args), **(kwargs or {}))
                return Guarded(out + args[0]._constant, constant=args[0]._constant)

        return Guarded

    def test_accepted_metadata(self):
        kind = self.kind(classmethod(lambda cls, first, other: first[0] <= other[0]))
        counter = Counter()
        compiled = fj.compile(lambda x: x * x, fullgraph=True, backend=counter)
        for constant, graphs in ((2, 1), (3, 1), (5, 1), (1, 2)):
            x = kind(fj.ones(2), constant=constant)
            self.assertEqual(parts_of(compiled(x)), parts_of(x * x))
            self.assertEqual(counter.count, graphs)

    def test_bad_guards(self):
        error = fj.dynamo.exc.InternalTorchDynamoError
        with self.assertRaisesRegex(error, "must take exactly two subclass metadata arguments"):
            fj.compile(lambda x: x * x)(self.kind(classmethod(lambda cls, y: True))(fj.ones(2)))
        with self.assertRaisesRegex(error, "__metadata_guard__ must be a classmethod"):
            fj.compile(lambda x: x * x)(self.kind(lambda self, x, y: True)(fj.ones(2)))


if __name__ == "__main__":
    unittest.main()
