"""Functions over lists of tensors against torch: every name, every kind of operand, values and types of errors."""

import unittest

import framejit
import numpy as np

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(7)
A = [RNG.random((2, 3)) * 0.8 + 0.1, RNG.random(4) * 0.8 + 0.1]
B = [RNG.random((2, 3)) + 0.2, RNG.random(4) + 0.2]
C = [RNG.random((2, 3)) + 0.2, RNG.random(4) + 0.2]
NAMES = [name for name in dir(torch) if name.startswith("_foreach_")] if torch else []

# what follows the list: called with (library, list of tensors from arrays)
OPERANDS = {
    "binary": (
        lambda t, lists: (2,),
        lambda t, lists: (1.5,),
        lambda t, lists: ([2, 0.5],),
        lambda t, lists: (lists(B),),
        lambda t, lists: (t.tensor(1.25, dtype=t.float64),),
        lambda t, lists: (t.tensor([1.0, 2.0]),),
        lambda t, lists: (lists(B)[:1],),
        lambda t, lists: ([1.0],),
        lambda t, lists: ("x",),
    ),
    "ternary": (
        lambda t, lists: (lists(B), lists(C)),
        lambda t, lists: (lists(B), lists(C), 2),
        lambda t, lists: (lists(B), lists(C), [2, 3]),
        lambda t, lists: (lists(B), lists(C), t.tensor([2.0, 3.0])),
        lambda t, lists: (lists(B), lists(C), t.tensor([2.0])),
        lambda t, lists: (lists(B), lists(C), [1]),
        lambda t, lists: (lists(B)[:1], lists(C)),
    ),
    "lerp": (
        lambda t, lists: (lists(B), 0.25),
        lambda t, lists: (lists(B), lists(C)),
        lambda t, lists: (lists(B), [0.1, 0.2]),
        lambda t, lists: (lists(B)[:1], 0.25),
    ),
    "none": (lambda t, lists: (),),
    "norm": (
        lambda t, lists: (),
        lambda t, lists: (1,),
        lambda t, lists: (float("inf"),),
        lambda t, lists: (2, t.float32),
    ),
    "powsum": (lambda t, lists: (), lambda t, lists: (3,)),
    "copy_": (lambda t, lists: (lists(B),), lambda t, lists: (lists(B)[:1],)),
}
KINDS = {
    **dict.fromkeys(("add", "sub", "mul", "div", "pow", "maximum", "minimum", "clamp_min", "clamp_max"), "binary"),
    **dict.fromkeys(("addcmul", "addcdiv"), "ternary"),
    "lerp": "lerp",
    "norm": "norm",
    "powsum": "powsum",
    "copy_": "copy_",
}


def outcome(lib, name, operands, arrays):
    lists = lambda values: [lib.tensor(v.tolist(), dtype=lib.float64) for v in values]
    tensors = lists(arrays)
    try:
        result = getattr(lib, name)(tensors, *operands(lib, lists))
    except Exception as error:
        return type(error)
    after = [t.tolist() for t in tensors]
    return type(result), [str(t.dtype).rpartition(".")[2] for t in result], [t.tolist() for t in result], after


def kind_of(name):
    plain = name.removeprefix("_foreach_")
    return KINDS.get(plain) or KINDS.get(plain.removesuffix("_"), "none")


@unittest.skipIf(torch is None, "torch is not installed")
class ForeachTest(unittest.TestCase):
    def agree(self, ours, theirs):
        if isinstance(theirs, type):
            self.assertEqual(ours, theirs)
            return
        self.assertNotIsInstance(ours, type, ours)
        self.assertEqual(ours[:2], theirs[:2])
        for got, want in zip(ours[2] + ours[3], theirs[2] + theirs[3]):
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)

    def test_every_name(self):
        self.assertGreater(len(NAMES), 80)
        for name in NAMES:
            if name == "_foreach_mm":
                continue
            for i, operands in enumerate(OPERANDS[kind_of(name)]):
                with self.subTest(name, operands=i):
                    self.agree(outcome(framejit, name, operands, A), outcome(torch, name, operands, A))

    def test_products(self):
        pairs = [RNG.random((2, 3)), RNG.random((4, 1))], [RNG.random((3, 2)), RNG.random((1, 5))]
        operands = lambda t, lists: (lists(pairs[1]),)
        ours, theirs = (outcome(lib, "_foreach_mm", operands, pairs[0]) for lib in (framejit, torch))
        self.agree(ours, theirs)

    def test_alpha_and_bases(self):
        calls = (
            lambda t, x: t._foreach_add(x, x, alpha=3),
            lambda t, x: t._foreach_sub_(x, [y.clone() for y in x], alpha=0.5),
            lambda t, x: t._foreach_pow(2.0, x),
            lambda t, x: t._foreach_addcdiv(x, x, x, scalars=[1, 2]),
        )
        for i, call in enumerate(calls):
            with self.subTest(i):
                ours, theirs = (
                    [t.tolist() for t in call(lib, [lib.tensor(a.tolist(), dtype=lib.float64) for a in A])]
                    for lib in (framejit, torch)
                )
                for got, want in zip(ours, theirs, strict=True):
                    np.testing.assert_allclose(got, want, rtol=1e-12)

    def test_bad_lists(self):
        for name in NAMES:
            for bad in ([], [1, 2], None, "tensor"):
                results = []
                for lib in (framejit, torch):
                    first = lib.ones(2) if bad == "tensor" else bad
                    try:
                        getattr(lib, name)(first, *(OPERANDS[kind_of(name)][0](lib, lambda v: [])))
                    except Exception as error:
                        results.append(type(error))
                    else:
                        results.append(None)
                with self.subTest(name, bad=bad):
                    self.assertEqual(*results)

    def test_gradients_and_compiled(self):
        def loss(lib, x):
            x = lib._foreach_mul(lib._foreach_exp(x), [2.0, 3.0])
            return sum(t.sum() for t in lib._foreach_addcmul(x, x, x))

        grads = []
        for lib, run in ((torch, loss), (framejit, loss), (framejit, framejit.compile(loss))):
            x = [lib.tensor(a.tolist(), dtype=lib.float64, requires_grad=True) for a in A]
            run(lib, x).backward()
            grads.append([t.grad.tolist() for t in x])
        for ours in grads[1:]:
            for got, want in zip(ours, grads[0], strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-9)


if __name__ == "__main__":
    unittest.main()
