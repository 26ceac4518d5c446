"""`out=`: which memory may be written to. The rules are PyTorch's."""

import unittest
import warnings

import framejit as fj


class Out(unittest.TestCase):
    def setUp(self):
        self.x = fj.arange(9.0).reshape(3, 3)
        self.places = fj.zeros(3, 3, dtype=fj.int64)

    def test_an_argument_itself(self):
        x = self.x
        for f in (fj.exp, lambda t, out: fj.add(t, 1, out=out), lambda t, out: fj.cumsum(t, 0, out=out), fj.tril):
            t = x.clone()
            self.assertIs(f(t, out=t), t)
            self.assertEqual(t.tolist(), f(x, out=fj.empty(3, 3)).tolist())

    def test_an_argument_that_is_read_later(self):
        rows = fj.tensor([2, 1, 0])
        calls = {
            "gather": lambda t: fj.gather(t, 0, self.places, out=t),
            "take": lambda t: fj.take(t, self.places, out=t),
            "index_select": lambda t: fj.index_select(t, 0, rows, out=t),
            "cat": lambda t: fj.cat([t[:1], t[1:]], out=t),
            "stack": lambda t: fj.stack([t[0], t[1]], out=t[:2]),
            "kthvalue": lambda t: fj.kthvalue(t, 1, 0, out=(t[0], self.places[0])),
            "max": lambda t: fj.max(t, 0, out=(t[0], self.places[0])),
            "masked_select": lambda t: fj.masked_select(t, t >= 0, out=t.view(-1)),
            "scatter": lambda t: fj.scatter(t, 0, self.places, t, out=t),
        }
        for name, call in calls.items():
            with self.subTest(name):
                t = self.x.clone()
                self.assertRaisesRegex(RuntimeError, "some elements of the input tensor and the written-to", call, t)
                self.assertEqual(t.tolist(), self.x.tolist())

    def test_a_shifted_view(self):
        for f in (fj.sin, lambda t, out: fj.add(t, 1, out=out)):
            t = self.x.clone()
            self.assertRaisesRegex(RuntimeError, "some elements of the input", lambda: f(t[:-1], out=t[1:]))
            f(t[:1], out=t[1:2])

    def test_an_output_that_overlaps_itself(self):
        spread = fj.zeros(1).expand(9)
        for f in (
            lambda: fj.masked_select(self.x, self.x >= 0, out=spread),
            lambda: fj.sin(fj.ones(9), out=spread),
            lambda: fj.bernoulli(fj.ones(9), out=spread),
            lambda: fj.sin(fj.ones(9, dtype=fj.complex64), out=fj.zeros(1, dtype=fj.complex64).expand(9)),
        ):
            self.assertRaisesRegex(RuntimeError, "more than one element of the written-to tensor", f)

    def test_copies_of_more_dimensions(self):
        for shape, source in (((2,), (1, 1, 2)), ((), (1, 1, 1, 1)), ((3, 2), (1, 1, 1, 1, 1, 2)), ((3, 2), (1, 3, 1))):
            values = fj.arange(float(fj.ones(source).numel())).reshape(source)
            expected = values.reshape(source[-len(shape) :] if shape else ()).expand(shape).tolist()
            for copy in (lambda a, b: a.copy_(b), fj.compile(lambda a, b: a.copy_(b), fullgraph=True)):
                for dtype in (fj.float32, fj.int64, fj.complex64, fj.uint16):
                    self.assertEqual(copy(fj.ones(shape, dtype=dtype), values).tolist(), expected)
        self.assertRaises(RuntimeError, fj.ones(2).copy_, fj.ones(2, 1, 2))

    def test_an_output_of_other_sizes_in_compiled_functions(self):
        x = fj.tensor([1.0, 2.0, 3.0])
        for f in (lambda o: fj.add(x, x, out=o), lambda o: fj.sum(x, 0, out=o), lambda o: fj.exp(x[:1], out=o)):
            for sizes in ((3, 3), (0,), (5,), ()):
                want, got = fj.zeros(sizes), fj.zeros(sizes)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of resized outputs
                    f(want)
                    fj.compile(f)(got)
                self.assertEqual((got.shape, got.tolist()), (want.shape, want.tolist()))

    def test_an_output_that_is_an_argument_of_a_compiled_function(self):
        f = fj.compile(lambda t: fj.kthvalue(t, 5, out=(t, fj.zeros((), dtype=fj.int64))))
        self.assertRaisesRegex(RuntimeError, "some elements of the input tensor", f, fj.ones(10))

    def test_new_forms(self):
        out = fj.empty(0)
        self.assertIs(fj.masked_select(self.x, self.x > 6, out=out), out)
        self.assertEqual(out.tolist(), [7, 8])
        out = fj.empty(3)
        fj.bernoulli(fj.tensor([1.0, 0.0, 1.0]), out=out)
        self.assertEqual(out.tolist(), [1, 0, 1])
        self.assertRaises(RuntimeError, fj.complex, fj.ones(2), fj.ones(2), out=fj.empty(2, dtype=fj.complex128))
        self.assertRaises(RuntimeError, fj.nn.functional.adaptive_avg_pool1d, fj.ones(1, 1, 1), (-1,))
        self.assertRaises(RuntimeError, fj.adaptive_avg_pool1d, fj.ones(1, 1, 1), (-1,))
        self.assertRaises(TypeError, fj.ldexp, 2, fj.ones(2))
        wrong = fj.empty(2, dtype=fj.float64)
        self.assertRaises(RuntimeError, fj.gather, fj.ones(2), 0, fj.tensor([0, 1]), out=wrong)
        self.assertIs(fj.sin(fj.ones(2), out=wrong), wrong)

    def test_factories_make_what_the_output_holds(self):
        calls = {
            (0, 0): lambda out: fj.zeros(2, out=out),
            (1, 1): lambda out: fj.full((2,), 1.5, out=out),
            (1, 0): lambda out: fj.eye(1, 2, out=out)[0],
            (0, 1): lambda out: fj.arange(2.0, out=out),
        }
        for expected, call in calls.items():
            for f in (call, fj.compile(call)):
                out = f(fj.empty(0, dtype=fj.int64))
                self.assertEqual((out.dtype, tuple(out.tolist())), (fj.int64, expected))

    def test_an_output_that_grows_into_an_argument(self):
        places = fj.tensor([2, 1, 0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the resized output
            call = lambda: fj.gather(fj.arange(3), 0, places[1:], out=places[:1])  # noqa: E731
            self.assertRaisesRegex(RuntimeError, "some elements of the input tensor", call)

    def test_other_refusals(self):
        many = fj.ones([1] * 65)
        self.assertRaises(RuntimeError, fj.amax, many, 0)
        self.assertEqual(fj.amax(many).item(), 1)
        self.assertRaises(ValueError, fj.signal.windows.hann, 3, layout=fj.sparse_coo)
        self.assertRaises(ValueError, fj.cat, [])
        for stack in (fj.stack, fj.hstack, fj.vstack, fj.dstack, fj.column_stack):
            self.assertRaisesRegex(RuntimeError, "expects a non-empty TensorList", stack, [])
        self.assertRaises(RuntimeError, fj.nn.functional.max_pool1d, fj.ones(0, 10), 2)
        self.assertEqual(fj.nn.functional.max_pool1d(fj.ones(0, 1, 10), 2).shape, (0, 1, 5))
        spacing = [fj.ones(3), fj.ones(3, device="meta")]
        self.assertRaises(RuntimeError, fj.gradient, fj.ones(3, 3), spacing=spacing)
        self.assertRaises(RuntimeError, fj.gradient, fj.ones(3, 3), dim=(1, 1))
        self.assertRaises(RuntimeError, fj.cov, fj.ones(2, 3), fweights=fj.ones(3))
        x, w = fj.ones(1, 1, 4), fj.ones(1, 1, 2)
        self.assertRaises(RuntimeError, fj.nn.functional.conv1d, x, w, fj.ones(1, dtype=fj.complex64))


if __name__ == "__main__":
    unittest.main()
