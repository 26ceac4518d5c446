"""__torch_dispatch__: modes and wrapper subclasses, below the tape."""

import contextlib
import gc
import unittest
import weakref

import framejit as fj
import numpy as np
from framejit.ops import aten
from framejit.utils import _pytree as pytree
from framejit.utils._python_dispatch import (
    TorchDispatchMode,
    _disable_current_modes,
    _get_current_dispatch_mode,
    is_traceable_wrapper_subclass,
    return_and_correct_aliasing,
    transform_subclass,
)

from tests import op_samples, op_table
from tests.op_nonsense import callables


class Log(TorchDispatchMode):
    def __init__(self):
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


class Wrapper(fj.Tensor):
    """Two tensors of which all is computed twice, as in PyTorch's TwoTensor."""

    @staticmethod
    def __new__(cls, a, b):
        return fj.Tensor._make_wrapper_subclass(
            cls, a.shape, strides=a.stride(), dtype=a.dtype, device=a.device, requires_grad=a.requires_grad
        )

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __repr__(self):
        return f"Wrapper({self.a!r}, {self.b!r})"

    def __tensor_flatten__(self):
        return ["a", "b"], None

    @staticmethod
    def __tensor_unflatten__(parts, context, outer_size, outer_stride):
        return Wrapper(parts["a"], parts["b"])

    calls = []

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        cls.calls.append(str(func))
        outs = []
        for part in ("a", "b"):
            unwrap = lambda t: getattr(t, part) if isinstance(t, Wrapper) else t  # noqa: B023
            outs.append(func(*pytree.tree_map(unwrap, args), **pytree.tree_map(unwrap, kwargs or {})))
        leaves, spec = pytree.tree_flatten(outs[0])
        made = [Wrapper(a, b) if isinstance(a, fj.Tensor) else a for a, b in zip(leaves, pytree.tree_leaves(outs[1]))]
        return return_and_correct_aliasing(func, args, kwargs, pytree.tree_unflatten(made, spec))


def flat(value):
    if isinstance(value, fj.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from flat(v)


def cloned(value):
    if isinstance(value, np.ndarray):
        return fj.tensor(value) if value.dtype.kind in "biuf" else value
    if isinstance(value, op_samples.Dtype):
        return getattr(fj, value.name)
    return [cloned(v) for v in value] if isinstance(value, list) else value


def sample_calls():
    for row in op_table.table.load(op_table.ROOT / "csrc/ops/table"):
        spec = op_samples.evaluate(row.cols["samples"])
        found = [f for f in callables(row) if f.__name__ == row.schema.name]
        if spec is None or not found:
            continue
        dtype = "float32" if "float32" in spec.dtypes else spec.dtypes[0]
        for args, kwargs in list(spec.make(dtype, np.random.default_rng(0)))[:2]:
            yield row, found[0], args, kwargs


def run(f, args, kwargs, wrap=lambda v: v):
    fj.manual_seed(0)
    return list(flat(f(*[wrap(cloned(v)) for v in args], **{k: wrap(cloned(v)) for k, v in kwargs.items()})))


class Modes(unittest.TestCase):
    def test_names_and_arguments(self):
        x = fj.ones(2, 3)
        calls = {
            "aten.add.Tensor": lambda: x + 1, "aten.mul.Tensor": lambda: x * x, "aten.rsub.Scalar": lambda: 1 - x,
            "aten.sum.dim_IntList": lambda: x.sum(1), "aten.sum.default": lambda: x.sum(), "aten.mm.default": lambda: x @ x.t(),
            "aten.zeros.default": lambda: fj.zeros(2), "aten.add_.Tensor": lambda: x.add_(1), "aten.view.default": lambda: x.view(6),
            "aten.slice.Tensor": lambda: x[1:], "aten.select.int": lambda: x[0], "aten.max.dim": lambda: x.max(1),
            "aten._to_copy.default": lambda: x.to(fj.float64), "aten._softmax.default": lambda: fj.softmax(x, 1),
            "aten.gt.Scalar": lambda: x > 1, "aten.pow.Tensor_Scalar": lambda: x**2, "aten.cat.default": lambda: fj.cat([x, x]),
            "aten.detach.default": lambda: x.detach(), "aten.addmm.default": lambda: fj.nn.functional.linear(x, fj.ones(4, 3), fj.ones(4)),
            "aten.convolution.default": lambda: fj.nn.functional.conv1d(fj.ones(1, 1, 3), fj.ones(1, 1, 2)),
        }  # fmt: skip
        for name, call in calls.items():
            with self.subTest(name), Log() as log:
                call()
            self.assertIn(name, log.seen)

    def test_the_operators_are_those_of_programs(self):
        seen = []

        class Same(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                seen.append((func is aten.add.Tensor, func.overloadpacket is aten.add, args[1], dict(kwargs or {})))
                return aten.sub.Tensor(*args)

        with Same():
            out = fj.ones(2) + 3 if False else aten.add.Tensor(self.two, 3, alpha=2)
        self.assertEqual(out.tolist(), [-1, -1])
        self.assertEqual(seen, [(True, True, 3, {"alpha": 2})])

    def setUp(self):
        self.two = fj.full((2,), 2.0)

    def test_every_row_passes_through(self):
        for row, f, args, kwargs in sample_calls():
            with self.subTest(row.schema.full_name):
                try:
                    expected = run(f, args, kwargs)
                except Exception:
                    continue
                with Log() as log:
                    got = run(f, args, kwargs)
                self.assertTrue(log.seen or not got)
                self.assertEqual([(t.dtype, t.shape) for t in got], [(t.dtype, t.shape) for t in expected])
                if not row.schema.name.startswith(("empty", "new_empty")):
                    for a, b in zip(got, expected):
                        np.testing.assert_array_equal(a.numpy(), b.numpy())

    def test_gradients(self):
        x = fj.tensor([1.0, 2.0], requires_grad=True)
        with Log() as log:
            y = (x.exp() * x)[1:].sum()
            (g,) = fj.autograd.grad(y, x)
        forward = fj.tensor([0.0, 3 * np.exp(2.0)]).float()
        self.assertTrue(fj.allclose(g, forward))
        self.assertIn("aten.exp.default", log.seen)
        self.assertGreater(log.seen.count("aten.mul.Tensor"), 2)
        with Log():  # a view made meanwhile belongs to its base's history
            z = x * 1
            z[0].mul_(5)
        z.sum().backward()
        self.assertEqual(x.grad.tolist(), [5, 1])

    def test_nesting(self):
        order = []

        class Named(TorchDispatchMode):
            def __init__(self, name):
                self.name = name

            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                order.append((self.name, _get_current_dispatch_mode() and _get_current_dispatch_mode().name))
                return func(*args, **(kwargs or {}))

        with Named("outer"), Named("inner"):
            self.two.sin()
        self.assertEqual(order, [("inner", "outer"), ("outer", None)])
        with Named("outer"), contextlib.suppress(ZeroDivisionError), Named("inner"):
            1 / 0
        self.assertIsNone(_get_current_dispatch_mode())
        with Named("hidden"), _disable_current_modes():
            order.clear()
            self.two.sin()
        self.assertEqual(order, [])

    def test_answers(self):
        class Constant(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                return fj.full((3,), 9.0)

        class Wrong(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                return 7

        class Silent(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                return NotImplemented

        class Raises(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                raise KeyError("mine")

        with Constant():
            self.assertEqual(self.two.cos().tolist(), [9, 9, 9])
        for mode, error in ((Wrong, TypeError), (Silent, TypeError), (Raises, KeyError)):
            with self.assertRaises(error), mode():
                self.two.cos()
            self.assertIsNone(_get_current_dispatch_mode())
        self.assertRaises(RuntimeError, fj._C._pop_dispatch_mode)

    def test_out(self):
        out = fj.empty(2)
        with Log() as log:
            fj.sin(self.two, out=out)
        self.assertIn("aten.sin.default", log.seen)
        np.testing.assert_allclose(out.numpy(), np.sin([2.0, 2.0]), rtol=1e-6)

    def test_compiled_functions_run_op_by_op(self):
        f = fj.compile(lambda x: (x.sin() + 1).sum())
        expected = f(self.two)
        with Log() as log:
            self.assertEqual(f(self.two).item(), expected.item())
        self.assertEqual(log.seen, ["aten.sin.default", "aten.add.Tensor", "aten.sum.default"])

        def inside(x):
            y = x + 1
            log = Log()
            with log:
                z = y.cos() * 2
            return z, tuple(log.seen)

        for _ in range(3):
            z, seen = fj.compile(inside)(self.two)
            self.assertEqual(seen, ("aten.cos.default", "aten.mul.Tensor"))
            np.testing.assert_allclose(z.numpy(), np.cos([3.0, 3.0]) * 2, rtol=1e-6)

    def test_memory(self):
        with Log() as log:
            for _ in range(100):
                self.two + 1
        self.assertEqual(len(log.seen), 100)
        kept = weakref.ref(log)
        del log
        gc.collect()
        self.assertIsNone(kept())


class Wrappers(unittest.TestCase):
    def pair(self, *shape, grad=False):
        rng = np.random.default_rng(0)
        a, b = (fj.tensor(rng.standard_normal(shape).astype("float32")) for _ in range(2))
        w = Wrapper(a.clone(), b.clone())
        return a, b, w.requires_grad_() if grad else w

    def test_computes_on_its_parts(self):
        a, b, w = self.pair(3, 4)
        for f in (
            lambda x: x + 1, lambda x: 2 - x, lambda x: (x @ x.t()).relu().sum(1), lambda x: x[1:, ::2].reshape(-1),
            lambda x: fj.softmax(x, 0), lambda x: fj.cat([x, x], 1), lambda x: x.max(1)[0], lambda x: x.to(fj.float64),
            lambda x: fj.nn.functional.linear(x, fj.ones(2, 4), fj.ones(2)), lambda x: fj.einsum("ij,kj->ik", x, x),
        ):  # fmt: skip
            out = f(w)
            self.assertIs(type(out), Wrapper)
            for part, x in ((out.a, a), (out.b, b)):
                self.assertEqual(part.tolist(), f(x).tolist())
            self.assertEqual((out.shape, out.dtype), (f(a).shape, f(a).dtype))

    def test_writes(self):
        a, b, w = self.pair(2)
        same = w.add_(1).mul_(w)
        self.assertIs(same, w)
        self.assertEqual(w.b.tolist(), ((b + 1) * (b + 1)).tolist())
        self.assertEqual(w._version, 2)

    def test_gradients(self):
        a, b, w = self.pair(3, grad=True)
        for f in (lambda x: (x.exp() * x).sum(), lambda x: (x.sigmoid().tanh() ** 2)[1:].sum()):
            w.grad = None
            f(w).backward()
            self.assertIs(type(w.grad), Wrapper)
            for part, x in ((w.grad.a, a), (w.grad.b, b)):
                x = x.clone().requires_grad_()
                f(x).backward()
                self.assertTrue(fj.allclose(part, x.grad))

    def test_a_module(self):
        linear = fj.nn.Linear(4, 2)
        a, b, w = self.pair(3, 4)
        linear(w).sum().backward()
        self.assertIs(type(linear.weight.grad), Wrapper)
        expected = a.sum(0).expand(2, 4)
        self.assertTrue(fj.allclose(linear.weight.grad.a, expected))

    def test_results_are_of_the_class_that_handlers_make(self):
        class Inner(Wrapper):
            pass

        inner = Inner(fj.ones(2), fj.ones(2))
        for f in (lambda x: x * x, lambda x: x.exp(), lambda x: x[0], lambda x: fj.nn.functional.relu(x)):
            self.assertIs(type(f(inner)), Wrapper)
            self.assertIs(type(fj.compile(f, fullgraph=True)(inner)), Wrapper)
        self.assertFalse(fj.overrides.has_torch_function((inner,)))

    def test_modes_come_first(self):
        _, _, w = self.pair(2)
        Wrapper.calls.clear()
        with Log() as log:
            w.sin()
        self.assertEqual((log.seen, Wrapper.calls), (["aten.sin.default"], ["aten.sin.default"]))

    def test_has_no_memory(self):
        _, _, w = self.pair(2)
        for f in (lambda: w.tolist(), lambda: w.numpy(), lambda: memoryview(w), lambda: np.asarray(w)):
            self.assertRaises((RuntimeError, TypeError, BufferError), f)
        self.assertTrue(repr(w).startswith("Wrapper(tensor("))
        self.assertEqual(w.sum().dim(), 0)
        self.assertEqual(w.sum().item(), w.a.sum().item())
        self.assertTrue(is_traceable_wrapper_subclass(w))
        doubled = transform_subclass(w, lambda name, part: part * 2)
        self.assertEqual(doubled.a.tolist(), (w.a * 2).tolist())

    def test_compiled(self):
        a, b, w = self.pair(2, 3)
        f = fj.compile(lambda x: (x.sin() + 1).sum(0))
        for _ in range(2):
            out = f(w)
            self.assertIs(type(out), Wrapper)
            self.assertEqual(out.b.tolist(), (b.sin() + 1).sum(0).tolist())
        self.assertEqual(f(a).tolist(), (a.sin() + 1).sum(0).tolist())

    def test_with_memory(self):
        seen = []

        class Own(fj.Tensor):
            __torch_function__ = fj._C._disabled_torch_function_impl

            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                seen.append((str(func), types))
                plain = lambda t: t.as_subclass(fj.Tensor) if type(t) is cls else t
                with contextlib.suppress(AttributeError):
                    args = pytree.tree_map(lambda t: t.elem if isinstance(t, cls) else t, args)
                return pytree.tree_map(plain, func(*args, **(kwargs or {})))

        base = fj.ones(2)
        x = fj.Tensor._make_subclass(Own, base)
        x.elem = base
        self.assertEqual((x + 1).tolist(), [2, 2])
        self.assertEqual(seen, [("aten.add.Tensor", (Own,))])
        self.assertEqual(x.tolist(), [1, 1])

    def test_gradients_of_compiled_functions(self):
        def f(x):
            return (x * x).sin()

        outer = Wrapper(fj.ones(3), fj.full((3,), 2.0))
        for backend in ("inductor", "aot_eager"):
            with self.subTest(backend):
                x = fj.arange(3.0).requires_grad_()
                found, wanted = (
                    fj.autograd.grad(g(x), x, grad_outputs=outer)[0] for g in (fj.compile(f, backend=backend), f)
                )
                self.assertIs(type(found), Wrapper)
                self.assertEqual(found.a.tolist(), wanted.a.tolist())
                self.assertEqual(found.b.tolist(), wanted.b.tolist())

    def test_errors(self):
        class Plain(fj.Tensor):
            pass

        make = fj.Tensor._make_wrapper_subclass
        self.assertRaisesRegex(RuntimeError, "must define __torch_dispatch__", make, Plain, (2,))
        self.assertRaises(TypeError, make, int, (2,))
        self.assertRaises(RuntimeError, make, Wrapper, (-2,))
        self.assertRaises(RuntimeError, make, Wrapper, (2**62, 2**62))
        self.assertRaises(RuntimeError, make, Wrapper, (2,), strides=(1, 1))

        class Lost(fj.Tensor):
            __torch_function__ = fj._C._disabled_torch_function_impl

            @classmethod
            def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
                return NotImplemented

        self.assertRaisesRegex(TypeError, "Multiple dispatch failed", lambda: make(Lost, (2,)) + 1)

    def test_memory(self):
        class Local(Wrapper):
            pass

        kept = []
        for _ in range(20):
            _, _, w = self.pair(3, grad=True)
            y = w.exp()  # keeps its result
            kept.append(weakref.ref(y))
            y.sum().backward()
        del w, y
        gc.collect()
        self.assertFalse(any(r() is not None for r in kept))


if __name__ == "__main__":
    unittest.main()
