"""The tape, one behaviour a test."""

import gc
import threading
import unittest
import weakref

import framejit as fj
from framejit import autograd


def leaf(*values):
    return fj.tensor(list(values), requires_grad=True)


class Recording(unittest.TestCase):
    def test_grad_fn_names_and_edges(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        z = (y + 1).sum()
        self.assertIsNone(x.grad_fn)
        self.assertTrue(x.is_leaf)
        self.assertFalse(y.is_leaf)
        self.assertEqual(y.grad_fn.name(), "MulBackward0")
        self.assertEqual(type(z.grad_fn).__name__, "SumBackward0")
        self.assertTrue(repr(z.grad_fn).startswith("<SumBackward0 object at 0x"))
        ((add, nr),) = [z.grad_fn.next_functions[0]]
        self.assertEqual((add.name(), nr), ("AddBackward0", 0))
        self.assertEqual(y.grad_fn.next_functions[0][0].name(), "AccumulateGrad")
        self.assertIs(y.grad_fn.next_functions[0][0].variable, x)
        self.assertIsNone(y.grad_fn.next_functions[1][0] if len(y.grad_fn.next_functions) > 1 else None)

    def test_integers_and_constants_are_not_recorded(self):
        x = leaf(1.0, 2.0)
        self.assertFalse((x > 1).requires_grad)
        self.assertFalse(x.detach().requires_grad)
        self.assertFalse(fj.ones(2).add(1).requires_grad)
        self.assertFalse(x.argmax().requires_grad)

    def test_modes(self):
        x = leaf(1.0)
        with fj.no_grad():
            self.assertFalse((x * 2).requires_grad)
            with fj.enable_grad():
                self.assertTrue((x * 2).requires_grad)
        with fj.set_grad_enabled(False):
            self.assertFalse((x * 2).requires_grad)
        self.assertTrue((x * 2).requires_grad)

        @fj.no_grad()
        def f():
            return x * 2

        self.assertFalse(f().requires_grad)

    def test_inference_mode(self):
        with fj.inference_mode():
            t = fj.ones(3) * 2
            self.assertTrue(t.is_inference())
        with self.assertRaisesRegex(RuntimeError, "Inplace update to inference tensor outside InferenceMode"):
            t.add_(1)
        with self.assertRaisesRegex(RuntimeError, "Inference tensors cannot be saved for backward"):
            t * leaf(1.0, 1.0, 1.0)
        with self.assertRaisesRegex(RuntimeError, "Setting requires_grad=True on inference tensor"):
            t.requires_grad_()
        with fj.inference_mode():
            t.add_(1)

    def test_requires_grad_flag(self):
        x = fj.ones(2)
        self.assertIs(x.requires_grad_(), x)
        self.assertTrue(x.requires_grad)
        x.requires_grad = False
        self.assertFalse(x.requires_grad)
        with self.assertRaisesRegex(RuntimeError, "only Tensors of floating point dtype can require gradients"):
            fj.ones(2, dtype=fj.int64).requires_grad_()
        y = leaf(1.0) * 2
        with self.assertRaisesRegex(RuntimeError, "you can only change requires_grad flags of leaf variables"):
            y.requires_grad_(False)


class Backward(unittest.TestCase):
    def test_accumulates(self):
        x = leaf(1.0, 2.0)
        (x * x).sum().backward()
        self.assertEqual(x.grad.tolist(), [2.0, 4.0])
        (x * 3).sum().backward()
        self.assertEqual(x.grad.tolist(), [5.0, 7.0])
        x.grad = None
        self.assertIsNone(x.grad)

    def test_grad_given(self):
        x = leaf(1.0, 2.0)
        (x * x).backward(fj.tensor([1.0, 10.0]))
        self.assertEqual(x.grad.tolist(), [2.0, 40.0])

    def test_shared_inputs_and_diamonds(self):
        x = leaf(3.0)
        y = x * x
        z = y * y + y
        z.sum().backward()
        self.assertAlmostEqual(x.grad.item(), 4 * 27 + 6, places=3)

    def test_gradients_of_leaves_do_not_share_memory(self):
        x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
        (x + y).sum().backward()
        x.grad.add_(1)
        self.assertEqual(y.grad.tolist(), [1.0, 1.0])

    def test_errors(self):
        x = leaf(1.0, 2.0)
        with self.assertRaisesRegex(RuntimeError, "grad can be implicitly created only for scalar outputs"):
            (x * 2).backward()
        with self.assertRaisesRegex(
            RuntimeError, "element 0 of tensors does not require grad and does not have a grad_fn"
        ):
            fj.ones(2).sum().backward()
        with self.assertRaisesRegex(RuntimeError, r"Mismatch in shape: grad_output\[0\]"):
            (x * 2).backward(fj.ones(3))
        with self.assertRaisesRegex(RuntimeError, "One of the differentiated Tensors does not require grad"):
            autograd.grad((x * 2).sum(), fj.ones(2))
        with self.assertRaisesRegex(RuntimeError, "appears to not have been used in the graph"):
            autograd.grad((x * 2).sum(), leaf(1.0))
        self.assertEqual(autograd.grad((x * 2).sum(), [x, leaf(1.0)], allow_unused=True)[1], None)

    def test_freed_graph(self):
        x = leaf(1.0, 2.0)
        y = (x * x).sum()
        y.backward(retain_graph=True)
        y.backward()
        with self.assertRaisesRegex(RuntimeError, "Trying to backward through the graph a second time"):
            y.backward()

    def test_modified_saved_tensor(self):
        x = leaf(1.0, 2.0)
        y = x.exp()
        y.add_(1)
        with self.assertRaisesRegex(
            RuntimeError,
            r"modified by an inplace operation: \[torch.FloatTensor \[2\]\], which is output 0 of "
            r"ExpBackward0|which is output 0 of Exp, is at version 1; expected version 0",
        ):
            y.sum().backward()

    def test_data_writes_are_not_seen(self):
        x = leaf(1.0, 2.0)
        y = (x * x).sum()
        x.data.add_(1)
        y.backward()
        self.assertEqual(x.grad.tolist(), [4.0, 6.0])

    def test_inputs_argument(self):
        x, y = leaf(1.0), leaf(2.0)
        (x * y).sum().backward(inputs=[x])
        self.assertEqual(x.grad.tolist(), [2.0])
        self.assertIsNone(y.grad)
        h = x * 3
        (h * h).sum().backward(inputs=[h])
        self.assertEqual(h.grad.tolist(), [6.0])

    def test_grad_of_non_leaf(self):
        x = leaf(2.0)
        h = x * 3
        (g,) = autograd.grad((h * h).sum(), h)
        self.assertEqual(g.tolist(), [12.0])
        self.assertIsNone(x.grad)

    def test_double_backward(self):
        x = leaf(0.5, -1.0)
        (g,) = autograd.grad((x**3).sum(), x, create_graph=True)
        self.assertTrue(g.requires_grad)
        (h,) = autograd.grad(g.sum(), x)
        for got, v in zip(h.tolist(), x.tolist()):
            self.assertAlmostEqual(got, 6 * v, places=4)
        y = (x.exp() * x.sin()).sum()
        y.backward(create_graph=True)
        self.assertIsNotNone(x.grad.grad_fn)
        x.grad = None

    def test_saved_output_in_double_backward(self):
        x = leaf(0.3)
        y = x.tanh()
        (g,) = autograd.grad(y.sum(), x, create_graph=True)
        (h,) = autograd.grad(g.sum(), x)
        t = y.item()
        self.assertAlmostEqual(h.item(), -2 * t * (1 - t * t), places=5)

    def test_long_chain(self):
        x = leaf(1.0)
        y = x
        for _ in range(100_000):
            y = y + 1
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [1.0])
        y = x
        for _ in range(100_000):
            y = y * 1
        del y  # freed without recursion

    def test_missing_derivative_raises(self):
        x = leaf(1.5, 2.0)
        (g,) = autograd.grad(x.digamma().sum(), x, create_graph=True)
        with self.assertRaisesRegex(RuntimeError, "derivative for .*trigamma.* is not implemented"):
            g.sum().backward()

    def test_reentrant(self):
        x = leaf(2.0)

        def hook(g):
            with fj.enable_grad():
                z = leaf(3.0)
                (z * z).sum().backward()
            return g * z.grad

        y = x * 2
        y.register_hook(hook)
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [12.0])

    def test_threads(self):
        x = leaf(*[1.0] * 8)
        errors = []

        def work():
            try:
                for _ in range(50):
                    y = leaf(*[2.0] * 8)
                    (x.detach() * y * y).sum().backward()
                    assert y.grad.tolist() == [4.0] * 8
            except Exception as e:  # noqa: BLE001
                errors.append(e)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])


class Hooks(unittest.TestCase):
    def test_tensor_hooks(self):
        x = leaf(1.0, 2.0)
        seen = []
        h = x.register_hook(lambda g: seen.append(g.tolist()))
        y = x * 2
        y.register_hook(lambda g: g * 10)
        y.sum().backward()
        self.assertEqual(seen, [[20.0, 20.0]])
        self.assertEqual(x.grad.tolist(), [20.0, 20.0])
        h.remove()
        (x * 1).sum().backward()
        self.assertEqual(len(seen), 1)

    def test_hook_errors(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        y.register_hook(lambda g: fj.ones(7))
        with self.assertRaisesRegex(RuntimeError, "has changed the size of value"):
            y.sum().backward()
        y = x * 2
        y.register_hook(lambda g: 3)
        with self.assertRaisesRegex(TypeError, "expected Variable, but hook returned 'int'"):
            y.sum().backward()
        with self.assertRaisesRegex(RuntimeError, "cannot register a hook on a tensor that doesn't require gradient"):
            fj.ones(2).register_hook(lambda g: g)

    def test_exception_in_hook_leaves_the_tape_usable(self):
        x = leaf(1.0)
        y = x * 2

        def bad(g):
            raise ValueError("no")

        handle = y.register_hook(bad)
        with self.assertRaisesRegex(ValueError, "no"):
            y.sum().backward(retain_graph=True)
        self.assertIsNone(x.grad)
        self.assertTrue(fj.is_grad_enabled())
        handle.remove()
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [2.0])

    def test_retain_grad(self):
        x = leaf(1.0)
        y = x * 2
        y.retain_grad()
        self.assertTrue(y.retains_grad)
        (y * y).sum().backward()
        self.assertEqual(y.grad.tolist(), [4.0])
        with self.assertRaisesRegex(RuntimeError, "can't retain_grad on Tensor that has requires_grad=False"):
            fj.ones(1).retain_grad()

    def test_post_accumulate(self):
        x = leaf(1.0)
        seen = []
        x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
        (x * 2).sum().backward()
        (x * 2).sum().backward()
        self.assertEqual(seen, [[2.0], [4.0]])

    def test_node_hooks(self):
        x = leaf(1.0)
        y = x * 2
        order = []
        y.grad_fn.register_prehook(lambda gs: order.append("pre"))
        y.grad_fn.register_hook(lambda gi, go: order.append(("post", gi[0].tolist(), go[0].tolist())))
        y.sum().backward()
        self.assertEqual(order, ["pre", ("post", [2.0], [1.0])])
        self.assertEqual(y.grad_fn.metadata, {})


class InPlace(unittest.TestCase):
    def test_set_of_a_leaf(self):
        x, other = fj.ones(2, requires_grad=True), fj.zeros(3)
        for f in (lambda: x.set_(other), lambda: fj.compile(lambda x: x.set_(other))(x)):
            with self.assertRaisesRegex(
                RuntimeError, "a leaf Variable that requires grad is being used in an in-place"
            ):
                f()
        with fj.no_grad():
            self.assertEqual(x.set_(other).shape, (3,))

    def test_leaf(self):
        x = leaf(1.0, 2.0)
        with self.assertRaisesRegex(
            RuntimeError, "a leaf Variable that requires grad is being used in an in-place operation"
        ):
            x.add_(1)
        with self.assertRaisesRegex(
            RuntimeError, "a view of a leaf Variable that requires grad is being used in an in-place operation"
        ):
            x[0].add_(1)
        with fj.no_grad():
            x.add_(1)
        self.assertEqual(x.tolist(), [2.0, 3.0])

    def test_non_leaf(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        y.mul_(3)
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [6.0, 6.0])

    def test_rule_reads_the_old_value(self):
        x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
        y = x * 1
        y.mul_(w)
        y.sum().backward()
        self.assertEqual(w.grad.tolist(), [1.0, 2.0])
        self.assertEqual(x.grad.tolist(), [3.0, 4.0])

    def test_saved_result(self):
        x = leaf(0.5)
        y = x * 1
        y.exp_()
        y.sum().backward()
        self.assertAlmostEqual(x.grad.item(), 1.6487213, places=5)

    def test_becomes_differentiable(self):
        z, w = fj.zeros(2), leaf(3.0, 4.0)
        z.add_(w)
        self.assertTrue(z.requires_grad)
        (z * z).sum().backward()
        self.assertEqual(w.grad.tolist(), [6.0, 8.0])

    def test_write_through_view(self):
        x, w = leaf(1.0, 2.0, 3.0), leaf(10.0)
        y = x * 1
        v = y[1:2]
        v.mul_(w)
        self.assertEqual(y.grad_fn.name(), "CopySlices")
        (y * y).sum().backward()
        self.assertEqual(x.grad.tolist(), [2.0, 2 * 20 * 10, 6.0])
        self.assertEqual(w.grad.tolist(), [2 * 20 * 2.0])

    def test_view_follows_base(self):
        x = leaf(1.0, 2.0)
        y = x * 1
        v = y[0:1]
        y.mul_(5)
        (v * v).sum().backward()
        self.assertEqual(x.grad.tolist(), [2 * 5 * 5, 0.0])

    def test_view_of_constant_becomes_differentiable(self):
        z, w = fj.zeros(4), leaf(3.0, 4.0)
        v = z[1:3]
        self.assertFalse(v.requires_grad)
        v.copy_(w)
        self.assertTrue(z.requires_grad)
        (z * fj.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
        self.assertEqual(w.grad.tolist(), [2.0, 3.0])

    def test_assignment(self):
        x, w = leaf(1.0, 2.0, 3.0), leaf(7.0)
        y = x * 1
        y[1] = w[0]
        y[2] = 0.0
        (y * 2).sum().backward()
        self.assertEqual(x.grad.tolist(), [2.0, 0.0, 0.0])
        self.assertEqual(w.grad.tolist(), [2.0])

    def test_transposed_view(self):
        x = fj.arange(6.0).reshape(2, 3).requires_grad_()
        y = x * 1
        y.t()[2].mul_(fj.tensor([10.0, 20.0]))
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [[1.0, 1.0, 10.0], [1.0, 1.0, 20.0]])

    def test_no_grad_view(self):
        y = leaf(1.0, 2.0) * 1
        with fj.no_grad():
            v = y[0:1]
        with self.assertRaisesRegex(RuntimeError, "A view was created in no_grad mode"):
            v.mul_(2)

    def test_detach_in_place(self):
        x = leaf(1.0)
        y = x * 2
        self.assertIs(y.detach_(), y)
        self.assertFalse(y.requires_grad)
        self.assertIsNone(y.grad_fn)
        d = (x * 2).detach()
        self.assertIsNone(d._base)


class Attributes(unittest.TestCase):
    def test_assigning_grad(self):
        x = leaf(1.0, 2.0)
        x.grad = fj.ones(2)
        self.assertEqual(x.grad.tolist(), [1.0, 1.0])
        with self.assertRaisesRegex(RuntimeError, "attempting to assign a gradient of size"):
            x.grad = fj.ones(3)
        with self.assertRaisesRegex(
            TypeError, "assigned grad expected to be a Tensor or None but got grad of type int"
        ):
            x.grad = 3
        with self.assertRaisesRegex(RuntimeError, "attempting to assign a gradient with dtype"):
            x.grad = fj.ones(2, dtype=fj.float64)

    def test_non_leaf_grad_warns(self):
        y = leaf(1.0) * 2
        with self.assertWarns(UserWarning):
            self.assertIsNone(y.grad)

    def test_views_know_their_base(self):
        x = fj.ones(4)
        v = x[1:]
        self.assertIs(v._base, x)
        self.assertTrue(v._is_view())
        self.assertFalse(x._is_view())


class Memory(unittest.TestCase):
    def test_graph_is_freed_without_the_collector(self):
        gc.collect()
        gc.disable()
        try:
            x = leaf(1.0)
            y = x.exp().tanh()
            ref = weakref.ref(y)
            fn = weakref.ref(y.grad_fn)
            del y
            self.assertIsNone(ref())
            self.assertIsNone(fn())
        finally:
            gc.enable()

    def test_cycles_through_hooks_are_collected(self):
        x = leaf(1.0)
        y = x * 2
        y.register_hook(lambda g, y=y: g)
        ref = weakref.ref(y)
        del y
        gc.collect()
        self.assertIsNone(ref())
        x.register_hook(lambda g, x=x: g)
        ref = weakref.ref(x)
        del x
        gc.collect()
        self.assertIsNone(ref())

    def test_grad_cycle_is_collected(self):
        x = leaf(2.0)
        (x * x).sum().backward(create_graph=True)
        ref = weakref.ref(x)
        del x
        gc.collect()
        self.assertIsNone(ref())

    def test_many_backwards_stay_flat(self):
        import resource

        x = leaf(*[1.0] * 16)

        def run(n):
            for _ in range(n):
                x.grad = None
                (x * x).sum().backward()

        run(2000)
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run(20000)
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 2048)


if __name__ == "__main__":
    unittest.main()
