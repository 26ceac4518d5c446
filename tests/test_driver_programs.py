"""Compiled graphs as capture gets them: aliases, write-backs, gradients, back ends, threads."""

import threading
import unittest

import framejit

BACKENDS = (None, "aot_eager", "eager")


def run(text, *tensors, backend=None):
    return framejit._C._debug.run_program(text, tensors, backend)


class Aliases(unittest.TestCase):
    def test_input_and_its_views_come_back_as_such(self):
        text = """graph(%x: float32[2, 3]) {
  %t: float32[3, 2; 1, 3] = transpose(%x, 0, 1)
  %w: float32[3, 2; 1, 3] = mul_(%t, 2)
  return %x, %t, %x
}"""
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                x = framejit.arange(6, dtype=framejit.float32).view(2, 3)
                a, t, again = run(text, x, backend=backend)
                self.assertIs(a, x)
                self.assertIs(again, x)
                self.assertEqual(t.data_ptr(), x.data_ptr())
                self.assertEqual(x.tolist(), [[0, 2, 4], [6, 8, 10]])
                self.assertEqual(x._version, 1)

    def test_views_of_one_result_share_its_memory(self):
        text = """graph(%x: float32[4]) {
  %a: float32[4] = neg(%x)
  %b: float32[2, 2] = view(%a, [2, 2])
  %c: float32[2] @2 = slice(%a, 0, 2, 4)
  return %b, %c, %b
}"""
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                b, c, again = run(text, framejit.arange(4, dtype=framejit.float32), backend=backend)
                self.assertIs(again, b)
                c.fill_(9)
                self.assertEqual(b.tolist(), [[0, -1], [9, 9]])

    def test_swapped_inputs(self):
        text = """graph(%x: float32[2], %y: float32[2]) {
  %t: float32[2] = clone(%x)
  %a: float32[2] = copy_(%x, %y)
  %b: float32[2] = copy_(%y, %t)
  return
}"""
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                x, y = framejit.tensor([1.0, 2.0]), framejit.tensor([3.0, 4.0])
                run(text, x, y, backend=backend)
                self.assertEqual((x.tolist(), y.tolist()), ([3, 4], [1, 2]))

    def test_inputs_over_one_storage(self):
        text = """graph(%x: float32[3], %y: float32[3]) {
  %a: float32[3] = add_(%x, 1)
  %b: float32[3] = mul(%y, 10)
  return %b
}"""
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                base = framejit.arange(4, dtype=framejit.float32)
                (b,) = run(text, base[:3], base[1:], backend=backend)
                self.assertEqual(b.tolist(), [20, 30, 30])

    def test_write_to_a_column(self):
        text = """graph(%x: float32[2, 3]) {
  %s: float32[2; 3] @1 = select(%x, 1, 1)
  %w: float32[2; 3] @1 = fill_(%s, 7)
  %r: float32[2] = sum(%x, [1])
  return %r
}"""
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                x = framejit.zeros(2, 3)
                (r,) = run(text, x, backend=backend)
                self.assertEqual(r.tolist(), [7, 7])
                self.assertEqual(x.tolist(), [[0, 7, 0], [0, 7, 0]])


class Gradients(unittest.TestCase):
    TEXT = """graph(%x: float32[5, 4] grad, %w: float32[3, 4] grad, %b: float32[3] grad, %m: float32[5, 3]) {
  %y: float32[5, 3] = linear(%x, %w, %b)
  %t: float32[5, 3] = tanh(%y)
  %s: float32[5, 3] = softmax(%t, 1)
  %p: float32[5, 3] = mul(%s, %m)
  %l: float32[] = sum(%p)
  return %l, %t, %m
}"""

    def tensors(self):
        framejit.manual_seed(3)
        return [
            framejit.rand(5, 4, requires_grad=True),
            framejit.rand(3, 4, requires_grad=True),
            framejit.rand(3, requires_grad=True),
            framejit.rand(5, 3),
        ]

    def gradients(self, backend, both=False):
        ts = self.tensors()
        loss, t, _ = run(self.TEXT, *ts, backend=backend)
        self.assertTrue(loss.requires_grad and t.requires_grad)
        (loss + t.square().sum() if both else loss).backward()
        return [x.grad for x in ts[:3]]

    def test_same_as_op_by_op(self):
        for both in (False, True):
            want = self.gradients("eager", both)
            for backend in (None, "aot_eager"):
                for w, g in zip(want, self.gradients(backend, both)):
                    self.assertTrue(framejit.allclose(w, g, atol=1e-6), (backend, both, w, g))

    def test_no_grad_leaves_no_node(self):
        text = "\n".join(line + " no_grad" if " = " in line else line for line in self.TEXT.splitlines())
        for backend in BACKENDS:
            loss, t, _ = run(text, *self.tensors(), backend=backend)
            self.assertFalse(loss.requires_grad)
            self.assertIsNone(t.grad_fn)

    def test_changed_saved_tensor_is_noticed(self):
        ts = self.tensors()
        loss, _, _ = run(self.TEXT, *ts)
        with framejit.no_grad():
            ts[1].add_(1)
        with self.assertRaisesRegex(RuntimeError, "modified by an inplace operation"):
            loss.backward()

    def test_second_backward_needs_the_graph(self):
        loss, _, _ = run(self.TEXT, *self.tensors())
        loss.backward()
        with self.assertRaises(RuntimeError):
            loss.backward()


class Calls(unittest.TestCase):
    def test_errors_are_the_ops_own(self):
        with self.assertRaisesRegex(RuntimeError, "must match the size"):
            run(
                "graph(%x: float32[2], %y: float32[3]) {\n  %a: float32[2] = add(%x, %y)\n  return %a\n}",
                framejit.zeros(2),
                framejit.zeros(3),
            )

    def test_integer_division_by_zero(self):
        text = """graph(%x: int64[2], %y: int64[2]) {
  %a: int64[2] = floor_divide(%x, %y)
  return %a
}"""
        for backend in BACKENDS:
            with self.assertRaisesRegex(RuntimeError, "ZeroDivisionError"):
                run(text, framejit.tensor([1, 2]), framejit.tensor([1, 0]), backend=backend)
        with self.assertRaisesRegex(RuntimeError, "ZeroDivisionError"):
            framejit.tensor([1, 2]) // 0
        with self.assertRaisesRegex(RuntimeError, "ZeroDivisionError"):
            framejit.compile(lambda x: x % 0)(framejit.tensor([1, 2]))

    def test_many_threads(self):
        x = framejit.rand(300, 1000)
        want = framejit.softmax(x, 1).sum(0)
        text = """graph(%x: float32[300, 1000]) {
  %s: float32[300, 1000] = softmax(%x, 1)
  %r: float32[1000] = sum(%s, [0])
  return %r
}"""
        wrong = []

        def work():
            for _ in range(5):
                (got,) = framejit._C._debug.run_program(text, (x,), None, 10)
                if not framejit.allclose(got, want, atol=1e-5):
                    wrong.append(got)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])

    def test_empty_sizes(self):
        text = """graph(%x: float32[0, 3]) {
  %a: float32[0, 3] = exp(%x)
  %s: float32[3] = sum(%a, [0])
  %p: float32[3] = prod(%a, 0)
  return %a, %s, %p
}"""
        a, s, p = run(text, framejit.zeros(0, 3))
        self.assertEqual((tuple(a.shape), s.tolist(), p.tolist()), ((0, 3), [0, 0, 0], [1, 1, 1]))

    def test_long_sums_do_not_depend_on_threads(self):
        x = framejit.rand(1_000_003)
        text = "graph(%x: float32[1000003]) {\n  %s: float32[] = sum(%x)\n  return %s\n}"
        first = run(text, x)[0].item()
        self.assertAlmostEqual(first, x.double().sum().item(), delta=0.5)
        self.assertEqual({run(text, x)[0].item() for _ in range(20)}, {first})


if __name__ == "__main__":
    unittest.main()
