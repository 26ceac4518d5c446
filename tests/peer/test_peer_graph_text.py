"""Captured graphs as a back end written in Python gets them, compared with PyTorch's text of the same program's graph."""

import importlib.util
import re
import unittest

HAVE_PEER = importlib.util.find_spec("torch") is not None
if HAVE_PEER:
    import framejit
    import torch


def methods_and_operators(t, x, y):
    a = x.sum(dim=0) + y * 2
    b = 3 - a
    return -b, a > 0, (x @ y.view(3, 1)).relu(), (x * 1).T, y**2


def functions(t, x, y):
    z = t.sum(x, 0, keepdim=True)
    return t.mul(z, y), t.cat([x, z]), t.where(x > 0, x, z)


def changed_in_place(t, x, y):
    a = x + 1
    a += y
    a.mul_(2)
    a[0] = 1.0
    a[:, 1:] = y[1:]
    return a, a[0], a[..., None]


def several_results(t, x, y):
    first, second = x.split([1, 2], dim=1)
    values, indices = x.max(dim=1)
    return first * 2, second, values, indices


def stored_in_locals(t, x, y):
    result = x * y
    other = result
    result = other.sin()
    result, pair = result + 1, (result, other)
    return result, pair[0] * 3


def without_gradients(t, x, y):
    with t.no_grad():
        a = x + 1
    with t.no_grad():
        b = a * 2
    with t.enable_grad():
        c = b.cos()
    return a, b, c


class Holder:
    def __init__(self, library):
        self.own, self.listed, self.inner_ = library.ones(3), [library.ones(3)], None


def nested_arguments(t, x, y, d, *more, key):
    return x + d["a"][0] + more[1] * key


def attributes(t, x, y, holder):
    return x + holder.own * holder.listed[0] + holder.inner_.own


def functions_of_nn(t, x, y):
    F = t.nn.functional
    a = F.relu(x) + F.softmax(x, -1)
    b = F.layer_norm(t.cat([x[:, :1], a], 1), (4,))
    loss = F.mse_loss(b[:, 1:], x) + F.cross_entropy(x, y[:2].to(t.int64) - 1)
    return a, b, loss, F.interpolate(x[None, None], scale_factor=2.0), F.normalize(x, dim=0)


def types_and_factories(t, x, y):
    return x.to(t.float64), t.zeros_like(x), x.new_ones(3), (x > 0).to(t.int64), t.arange(3)


PROGRAMS = [
    methods_and_operators, functions, changed_in_place, several_results, stored_in_locals, without_gradients,
    functions_of_nn, types_and_factories,
]  # fmt: skip


def text_of(library, program, *more, **named):
    """The graph's text without what names the library."""
    texts = []

    def backend(gm, example_inputs):
        texts.append(gm.print_readable(print_output=False))
        return gm.forward

    x, y = library.ones(2, 3) * 0.5, library.ones(3) * 2
    found = library.compile(lambda x, y: program(library, x, y, *more, **named), backend=backend, fullgraph=True)(x, y)
    plain = program(library, x.clone(), y.clone(), *more, **named)
    for a, b in zip(found, plain) if isinstance(plain, tuple) else [(found, plain)]:
        assert a.tolist() == b.tolist(), (program, a, b)
    (text,) = texts
    text = re.sub(r"(?m)^ *#.*\n|[ \t]+$", "", text).replace(f"{library.__name__}.", "library.")
    text = re.sub(r"library\.(functional|_C\._nn|nn\.functional|_C)\.", "library.", text)
    return re.sub(r"\n\n+", "\n", text).strip()


@unittest.skipUnless(HAVE_PEER, "torch is not installed")
class GraphTextTest(unittest.TestCase):
    maxDiff = None

    def test_programs(self):
        for program in PROGRAMS:
            with self.subTest(program.__name__):
                torch._dynamo.reset()
                self.assertEqual(text_of(framejit, program), text_of(torch, program))

    def test_paths_to_inputs(self):
        def texts(library):
            ones = library.ones(3)
            given = ({"a": [ones * 2]}, ones * 3, ones * 4)
            holder = Holder(library)
            holder.inner_ = Holder(library)
            arguments = text_of(library, nested_arguments, *given, key=ones * 5)
            return arguments, text_of(library, attributes, holder)

        torch._dynamo.reset()
        self.assertEqual(texts(framejit), texts(torch))


if __name__ == "__main__":
    unittest.main()
