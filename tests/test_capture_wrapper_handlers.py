"""Handlers of `__torch_dispatch__` that do odd things, below programs of every kind: compiled code does what the plain function does.

Every handler meets every program, with and without gradients, at the first call and again.
"""

import copy
import unittest
import warnings

import framejit as fj
import framejit.utils._pytree as pytree

# ---- handlers: (class, operator, arguments, named arguments) -------------------------------------------------


def inside(cls, tree):
    return pytree.tree_map(lambda t: t.part if isinstance(t, cls) else t, tree)


def around(cls, tree):
    return pytree.tree_map(lambda t: cls(t) if isinstance(t, fj.Tensor) else t, tree)


def usual(cls, func, args, kwargs):
    return around(cls, func(*inside(cls, args), **inside(cls, kwargs)))


def plain_results(cls, func, args, kwargs):
    return func(*inside(cls, args), **inside(cls, kwargs))


def raises(cls, func, args, kwargs):
    raise ValueError("by the handler")


def mutates(cls, func, args, kwargs):
    result = usual(cls, func, args, kwargs)
    args[0].count += 1
    args[0].part = args[0].part * 2
    return result


def deletes(cls, func, args, kwargs):
    result = usual(cls, func, args, kwargs)
    del args[0].part
    return result


def refers_to_itself(cls, func, args, kwargs):
    result = usual(cls, func, args, kwargs)
    if isinstance(result, cls):
        result.me = result
    return result


def wraps_twice(cls, func, args, kwargs):
    return around(cls, around(cls, func(*inside(cls, inside(cls, args)), **kwargs)))


def nothing_inside(cls, func, args, kwargs):
    result = func(*inside(cls, args), **kwargs)
    return fj.Tensor._make_wrapper_subclass(cls, result.shape) if isinstance(result, fj.Tensor) else result


def reads_the_operator(cls, func, args, kwargs):
    assert str(func) and hash(func) is not None
    return usual(cls, func, args, kwargs)


def switches_gradients(cls, func, args, kwargs):
    fj.set_grad_enabled(True)
    return usual(cls, func, args, kwargs)


def by_a_generator(cls, func, args, kwargs):
    return next(usual(cls, func, args, kwargs) for _ in range(1))


class Other(fj.Tensor):
    @classmethod
    def __torch_dispatch__(cls, func, types, args, kwargs=None):
        return usual(cls, func, args, kwargs or {})


def changes_the_class(cls, func, args, kwargs):
    args[0].__class__ = Other
    return usual(cls, func, args, kwargs)


HANDLERS = [
    usual, plain_results, raises, mutates, deletes, refers_to_itself, wraps_twice, nothing_inside, reads_the_operator,
    switches_gradients, by_a_generator, changes_the_class, lambda *_: None, lambda *_: 3, lambda *_: NotImplemented,
    lambda cls, func, args, kwargs: func(*args, **kwargs), lambda cls, *_: cls(fj.ones(7)), lambda *_: fj.ones(7),
    lambda cls, *_: cls(fj.ones(3, dtype=fj.int64)), lambda *given: [usual(*given)],
]  # fmt: skip


def class_of(handler):
    class Wrapper(fj.Tensor):
        @staticmethod
        def __new__(cls, part):
            return fj.Tensor._make_wrapper_subclass(cls, part.shape, dtype=part.dtype, requires_grad=part.requires_grad)

        def __init__(self, part):
            self.part, self.count = part, 1

        @classmethod
        def __torch_dispatch__(cls, func, types, args, kwargs=None):
            return handler(cls, func, args, kwargs or {})

    return Wrapper


# ---- programs ------------------------------------------------------------------------------------------------


class Twice(fj.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0]


def in_place(x):
    x.add_(1)
    return x * 2


def set_item(x):
    x[0] = 5
    return x + 1


def set_attribute(x):
    x.more = x.part * 2
    return x.more + 1


def swap_part(x):
    x.part = fj.zeros(3)
    return x * 1


def set_data(x):
    x.data = x.data * 2
    return x + 1


def backward(x):
    y = x.clone().detach().requires_grad_()
    (y * 2).sum().backward()
    return y.grad


def hook(x):
    y = x * 2
    if y.requires_grad:
        y.register_hook(lambda gradient: gradient * 3)
    return y


PROGRAMS = {f.__name__: f for f in (in_place, set_item, set_attribute, swap_part, set_data, backward, hook)} | {
    "add": lambda x: x + 1,
    "chain": lambda x: ((x * 2).sin() + x).sum(),
    "split": lambda x: x.split(1),
    "item": lambda x: x.sum().item(),
    "index": lambda x: (x[0], x[1:]),
    "max": lambda x: x.max(0),
    "out": lambda x: fj.add(x, 1, out=fj.empty(3)),
    "detach": lambda x: x.detach().requires_grad_(),
    "attributes": lambda x: (x.part + x.count, x.shape, x.dtype),
    "rows": lambda x: list(x),
    "truth": lambda x: 1 if x.sum() > 0 else 2,
    "cat": lambda x: fj.cat([x, x.part, x]),
    "made": lambda x: type(x)(x.part * 3) + x,
    "parameter": lambda x: fj.nn.Parameter(x) * 2,
    "numpy": lambda x: x.numpy(),
    "tolist": lambda x: x.tolist(),
    "copy": lambda x: fj.ones(3).copy_(x),
    "func.grad": lambda x: fj.func.grad(lambda t: (t * t).sum())(x),
    "func.vjp": lambda x: fj.func.vjp(lambda t: t * t, x)[0],
    "func.jvp": lambda x: fj.func.jvp(lambda t: t * t, (x,), (x.part,)),
    "vmap": lambda x: fj.vmap(lambda t: t * 2)(x),
    "autograd.grad": lambda x: fj.autograd.grad((x * x).sum(), x),
    "autograd.Function": Twice.apply,
    "checkpoint": lambda x: fj.utils.checkpoint.checkpoint(lambda t: t * 2, x, use_reentrant=False),
    "cond": lambda x: fj.cond(x.sum() > 0, lambda t: t + 1, lambda t: t - 1, (x,)),
    "linear": lambda x: fj.nn.functional.linear(x, fj.ones(2, 3)),
    "copy.copy": lambda x: copy.copy(x) + 1,
    "copy.deepcopy": lambda x: copy.deepcopy(x) + 1,
    "membership": lambda x: (isinstance(x, fj.Tensor), x in [x]),
    "key": lambda x: next(iter({x: 1})) * 2,
}


def told(value):
    if isinstance(value, fj.Tensor):
        facts = type(value).__name__, tuple(value.shape), value.dtype, value.requires_grad
        if type(value) is fj.Tensor:
            return facts, value.tolist()
        return facts, told(vars(value).get("part")), vars(value).get("count")
    if isinstance(value, (list, tuple)):
        return [told(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else str(value)


def outcome(f, x):
    try:
        return told(f(x)), told(x)
    except Exception as error:  # noqa: BLE001 (its type is what is compared)
        return type(error).__name__
    finally:
        fj.set_grad_enabled(True)


class OddHandlers(unittest.TestCase):
    def test_every_program(self):
        warnings.simplefilter("ignore")
        for handler in HANDLERS:
            for name, program in PROGRAMS.items():
                for gradient in (False, True):
                    cls = class_of(handler)
                    with self.subTest(
                        handler=HANDLERS.index(handler), name=handler.__name__, program=name, gradient=gradient
                    ):
                        make = lambda: cls(fj.tensor([1.0, 2.0, 3.0])).requires_grad_(gradient)  # noqa: B023
                        fj.reset()
                        expected, compiled = outcome(program, make()), fj.compile(program)
                        self.assertEqual([outcome(compiled, make()), outcome(compiled, make())], [expected] * 2)


class Subclasses(unittest.TestCase):
    def test_hooks_and_gradients_of_wrappers_made_inside(self):
        def program(x):
            y, z = x * 2, x * 4
            y.register_hook(lambda gradient: gradient * 3)
            z.retain_grad()
            return z, (y + z).sum()

        for f in (program, fj.compile(program), fj.compile(program, backend="eager")):
            x = class_of(usual)(fj.ones(3)).requires_grad_()
            z, loss = f(x)
            loss.backward()
            self.assertEqual([t.grad.part.tolist() for t in (x, z)], [[10.0] * 3, [1.0] * 3])

    def test_functions_of_ones_own_keep_the_history(self):
        class Plain(fj.Tensor):
            pass

        x = fj.ones(3).as_subclass(Plain).requires_grad_()
        (gradient,) = fj.autograd.grad(fj.compile(lambda x: Twice.apply(x).sum())(x), x)
        self.assertEqual(gradient.tolist(), [1.0, 1.0, 1.0])


if __name__ == "__main__":
    unittest.main()
