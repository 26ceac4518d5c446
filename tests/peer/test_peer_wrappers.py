"""Wrapper subclasses (`__torch_dispatch__`) in compiled functions, compared with the same class and program in PyTorch."""

import unittest

import framejit
import framejit.utils._python_dispatch as own_dispatch
import framejit.utils._pytree as own_pytree
import torch
import torch.utils._python_dispatch as their_dispatch
import torch.utils._pytree as their_pytree


def make_classes(t, tree, dispatch):
    aten = t.ops.aten

    class Pair(t.Tensor):
        @staticmethod
        def __new__(cls, a, b):
            return t.Tensor._make_wrapper_subclass(
                cls, a.shape, strides=a.stride(), storage_offset=a.storage_offset(), dtype=a.dtype, device=a.device
            )

        def __init__(self, a, b):
            self.a, self.b = a, b

        def __tensor_flatten__(self):
            return ["a", "b"], None

        @staticmethod
        def __tensor_unflatten__(parts, context, outer_size, outer_stride):
            return Pair(parts["a"], parts["b"])

        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            first = func(*tree.tree_map_only(Pair, lambda x: x.a, args), **kwargs)
            second = func(*tree.tree_map_only(Pair, lambda x: x.b, args), **kwargs)
            leaves, spec = tree.tree_flatten(first)
            pairs = [Pair(a, b) if isinstance(a, t.Tensor) else a for a, b in zip(leaves, tree.tree_leaves(second))]
            out = tree.tree_unflatten(pairs, spec)
            return dispatch.return_and_correct_aliasing(func, args, kwargs, out)

    class Kept(t.Tensor):
        """Kept in half precision, computed in single."""

        __torch_function__ = t._C._disabled_torch_function_impl

        @staticmethod
        def __new__(cls, half):
            return t.Tensor._make_wrapper_subclass(cls, half.shape, strides=half.stride(), dtype=t.float32)

        def __init__(self, half):
            self.half_ = half

        def __tensor_flatten__(self):
            return ["half_"], None

        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            if func is aten.t.default or func is aten.detach.default:
                return Kept(func(args[0].half_))
            return func(*tree.tree_map_only(Kept, lambda x: x.half_.float(), args), **(kwargs or {}))

    return Pair, Kept


OURS = make_classes(framejit, own_pytree, own_dispatch)
THEIRS = make_classes(torch, their_pytree, their_dispatch)


PROGRAMS = {
    "pointwise": lambda t, x: (x * 2 + x).sin() / (x + 3),
    "reduce": lambda t, x: (x.sum(0), x.mean(), x.amax(1, keepdim=True)),
    "several": lambda t, x: [x.max(1).values, *x.split(1), *x.unbind(1)],
    "views": lambda t, x: (x[0], x[:, 1:], x.t(), x.view(-1), x.unsqueeze(0), x.expand(2, 2, 3)),
    "matmul": lambda t, x: (x @ x.t(), t.mm(x, x.t()), t.einsum("ij,kj->ik", x, x)),
    "nn": lambda t, x: t.nn.functional.softmax(t.nn.functional.layer_norm(x, (3,)), -1),
    "linear": lambda t, x: t.nn.functional.linear(x, t.ones(4, 3), t.ones(4)).relu(),
    "shape": lambda t, x: x.reshape(x.shape[1], x.shape[0]) * x.numel(),
    "cat": lambda t, x: t.cat([x, x + 1], 1),
    "where": lambda t, x: t.where(x > 2, x, -x),
    "in place": lambda t, x: x.clone().add_(1).mul_(x),
    "clamp": lambda t, x: x.clamp(1, 3).pow(2),
}


def numbers(value):
    if isinstance(value, (list, tuple)):
        return [numbers(v) for v in value]
    if hasattr(value, "__tensor_flatten__"):
        return (
            type(value).__name__,
            list(value.shape),
            [numbers(getattr(value, n)) for n in value.__tensor_flatten__()[0]],
        )
    return value.detach().tolist()


class Wrappers(unittest.TestCase):
    def close(self, ours, theirs):
        self.assertEqual(type(ours), type(theirs))
        if isinstance(ours, (list, tuple)):
            self.assertEqual(len(ours), len(theirs))
            for a, b in zip(ours, theirs):
                self.close(a, b)
        elif isinstance(ours, float):
            self.assertAlmostEqual(ours, theirs, places=4)
        else:
            self.assertEqual(ours, theirs)

    def made(self, t, kinds, grad=False):
        a = t.arange(6.0).reshape(2, 3)
        pair = kinds[0](a, a.flip(0) + 0.5)
        return pair.requires_grad_() if grad else pair

    def test_programs(self):
        for name, program in PROGRAMS.items():
            for dynamic in (None, True):
                with self.subTest(name, dynamic=dynamic):
                    framejit.reset()
                    compiled = framejit.compile(lambda x: program(framejit, x), fullgraph=True, dynamic=dynamic)  # noqa: B023
                    ours = [numbers(compiled(self.made(framejit, OURS))) for _ in range(2)]
                    theirs = numbers(program(torch, self.made(torch, THEIRS)))
                    for one in ours:
                        self.close(one, theirs)

    def test_gradients(self):
        for name, program in PROGRAMS.items():
            if name in ("in place", "several"):
                continue
            with self.subTest(name):
                framejit.reset()
                compiled = framejit.compile(lambda x: program(framejit, x), fullgraph=True)  # noqa: B023
                found = []
                for t, kinds, f in ((framejit, OURS, compiled), (torch, THEIRS, lambda x: program(torch, x))):  # noqa: B023
                    x = self.made(t, kinds, grad=True)
                    out = f(x)
                    sum(o.sum() for o in (out if isinstance(out, (list, tuple)) else [out])).backward()
                    found.append(numbers(x.grad))
                self.close(*found)

    def test_weights_kept_in_another_form(self):
        found = []
        for t, (_, kept) in ((framejit, OURS), (torch, THEIRS)):
            model = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.ReLU(), t.nn.Linear(4, 2))
            with t.no_grad():
                for i, p in enumerate(model.parameters()):
                    p.copy_(t.linspace(-1, 1, p.numel()).reshape(p.shape) * (i + 1))
            for layer in (model[0], model[2]):
                layer.weight = t.nn.Parameter(kept(layer.weight.detach().half()), requires_grad=False)
            model = framejit.compile(model, fullgraph=True) if t is framejit else model
            x = t.arange(6.0).reshape(2, 3)
            with t.no_grad():
                found.append(numbers(model(x)))
        self.close(*found)


if __name__ == "__main__":
    unittest.main()
