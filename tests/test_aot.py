"""Back ends of forward and backward compilers (aot_autograd): what the compilers see, and that results are eager's."""

import gc
import unittest
import weakref

import framejit
from framejit._aot import aot_autograd, aot_function, aot_module, aot_module_simplified, make_boxed_func, nop


class Seen:
    """Compilers that note the graphs they are given, with their example inputs."""

    def __init__(self):
        self.graphs = []

    def compiler(self, name, boxed=False):
        def compile(gm, example_inputs):
            self.graphs.append((name, gm, example_inputs))
            return make_boxed_func(gm.forward) if boxed else gm.forward

        return compile

    def backend(self, **more):
        return aot_autograd(fw_compiler=self.compiler("fw"), bw_compiler=self.compiler("bw", boxed=True), **more)

    @property
    def names(self):
        return [name for name, *_ in self.graphs]


def gradients(f, *inputs):
    outs = f(*inputs)
    outs = outs if isinstance(outs, tuple) else (outs,)
    sum(o.sum() for o in outs if o.requires_grad).backward()
    found = [x.grad for x in inputs]
    for x in inputs:
        x.grad = None
    return [o.detach() for o in outs], found


class Backends(unittest.TestCase):
    def check(self, f, *inputs, seen=None):
        seen = seen or Seen()
        compiled = framejit.compile(f, backend=seen.backend(), fullgraph=True)
        for _ in range(2):
            plain, found = gradients(f, *inputs), gradients(compiled, *inputs)
            for p, q in zip(plain[0] + plain[1], found[0] + found[1], strict=True):
                self.assertTrue(p is q or framejit.allclose(p, q), (p, q))
        return seen

    def test_forward_and_backward(self):
        seen = self.check(
            lambda x, y: (x.sin() * y, x @ y.t()),
            framejit.rand(3, 4, requires_grad=True),
            framejit.rand(3, 4, requires_grad=True),
        )
        self.assertEqual(seen.names, ["fw", "bw"])
        for _, gm, inputs in seen.graphs:
            self.assertIsInstance(gm, framejit.fx.GraphModule)
            self.assertEqual(len(gm.graph.find_nodes(op="placeholder")), len(inputs))
            self.assertFalse(any(x.requires_grad for x in inputs))

    def test_modules_and_losses(self):
        layer = framejit.nn.Sequential(framejit.nn.Linear(4, 8), framejit.nn.ReLU(), framejit.nn.Linear(8, 2))
        x = framejit.rand(5, 4)
        framejit.nn.functional.cross_entropy(layer(x), framejit.arange(5) % 2).backward()
        expected = [p.grad.clone() for p in layer.parameters()]
        layer.zero_grad()
        seen = Seen()
        compiled = framejit.compile(layer, backend=seen.backend())
        framejit.nn.functional.cross_entropy(compiled(x), framejit.arange(5) % 2).backward()
        for p, q in zip(expected, layer.parameters()):
            self.assertTrue(framejit.allclose(p, q.grad))
        self.assertEqual(seen.names, ["fw", "bw"])

    def test_inference(self):
        seen = Seen()
        backend = seen.backend(inference_compiler=seen.compiler("inference"))
        x = framejit.rand(3)
        self.assertTrue(framejit.equal(framejit.compile(lambda x: x.sin() + 1, backend=backend)(x), x.sin() + 1))
        self.assertEqual(seen.names, ["inference"])

    def test_writes(self):
        def f(x, buffer):
            buffer.add_(x.detach().sum())
            return x * buffer

        x = framejit.rand(3, requires_grad=True)
        one, two = framejit.zeros(3), framejit.zeros(3)
        seen = Seen()
        compiled = framejit.compile(f, backend=seen.backend(), fullgraph=True)
        for _ in range(2):
            self.assertTrue(framejit.allclose(f(x, one), compiled(x, two)))
            self.assertTrue(framejit.allclose(one, two))

    def test_views_and_inputs_come_back(self):
        x = framejit.rand(3, 4)
        compiled = framejit.compile(lambda x: (x, x.t(), x.sin(), x[0]), backend=Seen().backend())
        same, view, sine, row = compiled(x)
        self.assertIs(same, x)
        self.assertEqual(view.data_ptr(), x.data_ptr())
        self.assertTrue(framejit.equal(sine, x.sin()))
        self.assertEqual(row.data_ptr(), x.data_ptr())

    def test_inside_a_back_end(self):
        seen = Seen()

        def backend(gm, example_inputs):
            return aot_module_simplified(
                gm, example_inputs, fw_compiler=seen.compiler("fw"), bw_compiler=seen.compiler("bw")
            )

        x = framejit.rand(3, requires_grad=True)
        plain, found = gradients(framejit.sin, x), gradients(framejit.compile(lambda x: x.sin(), backend=backend), x)
        self.assertTrue(framejit.equal(plain[1][0], found[1][0]))
        self.assertEqual(seen.names, ["fw", "bw"])

    def test_functions_and_modules(self):
        x = framejit.rand(3, requires_grad=True)
        self.assertTrue(framejit.equal(aot_function(lambda x: x * 2, fw_compiler=nop)(x), x * 2))
        layer = framejit.nn.Linear(3, 2)
        made = aot_module(layer, fw_compiler=nop)
        self.assertTrue(framejit.equal(made(x), layer(x)))
        self.assertEqual({n for n, _ in made.named_parameters()}, {"orig_module.weight", "orig_module.bias"})

    def test_errors(self):
        with self.assertRaises(TypeError):
            aot_autograd(fw_compiler=3)

        def failing(gm, example_inputs):
            raise ZeroDivisionError("no")

        with self.assertRaisesRegex(Exception, "no"):
            framejit.compile(lambda x: x + 1, backend=aot_autograd(fw_compiler=failing))(framejit.ones(2))

        def wrong(gm, example_inputs):
            return lambda *args: ()

        with self.assertRaisesRegex(RuntimeError, "0 results instead of 1"):
            framejit.compile(lambda x: x + 1, backend=aot_autograd(fw_compiler=wrong))(framejit.ones(2))

    def test_nothing_is_kept(self):
        class Held:
            pass

        held = Held()
        alive = weakref.ref(held)
        compiled = framejit.compile(
            lambda x: x + 1, backend=aot_autograd(fw_compiler=lambda gm, inputs, held=held: gm.forward)
        )
        compiled(framejit.ones(2))
        del compiled, held
        gc.collect()
        self.assertIsNone(alive())


if __name__ == "__main__":
    unittest.main()
