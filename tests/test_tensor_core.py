"""The Tensor object: attributes, views and storages, in-place writes and out=, conversions, subclasses, argument errors."""

import copy
import gc
import pickle
import unittest
import warnings
import weakref

import framejit as fj
import numpy as np


class Attributes(unittest.TestCase):
    def test_geometry(self):
        t = fj.zeros(2, 3, dtype=fj.float64)
        self.assertEqual(
            (t.shape, t.size(), t.size(-1), t.stride(), t.stride(0)), (fj.Size([2, 3]), (2, 3), 3, (3, 1), 3)
        )
        self.assertEqual((t.ndim, t.dim(), t.numel(), t.nbytes, t.itemsize, t.element_size()), (2, 2, 6, 48, 8, 8))
        self.assertTrue(t.is_contiguous() and not t.t().is_contiguous())
        self.assertEqual((t.T.shape, t.mT.stride()), ((3, 2), (1, 3)))
        self.assertEqual(fj.zeros(2, 3, 4, 5).contiguous(memory_format=fj.channels_last).stride(), (60, 1, 15, 3))
        volume = fj.arange(120.0).reshape(1, 2, 3, 4, 5)
        turn = lambda t: t.to(memory_format=fj.channels_last_3d) * 2  # noqa: E731
        for turned in (turn(volume), fj.compile(turn, fullgraph=True)(volume)):
            self.assertEqual(turned.stride(), (120, 1, 40, 10, 2))
            self.assertEqual(turned.tolist(), (volume * 2).tolist())
            self.assertTrue(turned.is_contiguous(memory_format=fj.channels_last_3d))
            self.assertFalse(turned.is_contiguous() or turned.is_contiguous(memory_format=fj.channels_last))
        self.assertIs(turned.contiguous(memory_format=fj.channels_last_3d), turned)
        self.assertEqual(fj.zeros_like(volume, memory_format=fj.channels_last_3d).stride(), (120, 1, 40, 10, 2))
        self.assertRaisesRegex(RuntimeError, "rank 5", fj.zeros(2, 3, 4, 5).to, memory_format=fj.channels_last_3d)
        self.assertRaisesRegex(RuntimeError, "rank 4", volume.to, memory_format=fj.channels_last)
        self.assertEqual((t.device, t.layout, t.dtype), (fj.device("cpu"), fj.strided, fj.double))
        for wrong in (lambda: t.size(2), lambda: fj.tensor(1).size(0)):
            self.assertRaises(IndexError, wrong)

    def test_device_index(self):
        for index in (128, 300, 2**40):
            for make in (fj.device, lambda i: fj.device("cuda", i)):
                with self.assertRaisesRegex(RuntimeError, "between 0 and 127"):
                    make(index)
        with self.assertRaisesRegex(RuntimeError, "must not be negative"):
            fj.device(-1)

    def test_objects_have_dicts_and_weak_references(self):
        t = fj.zeros(2)
        t.note = [t]
        alive = weakref.ref(t)
        self.assertEqual(t.__dict__, {"note": [t]})
        del t
        gc.collect()
        self.assertIsNone(alive())

    def test_subclass(self):
        class Sub(fj.Tensor):
            pass

        data = fj.ones(2)
        s = fj.Tensor._make_subclass(Sub, data, True)
        self.assertIs(type(s), Sub)
        self.assertTrue(s.requires_grad)
        self.assertEqual(s.data_ptr(), data.data_ptr())
        self.assertIs(type(s + 1), Sub)
        self.assertIs(type(fj.zeros(1).as_subclass(Sub)), Sub)

    def test_reversed(self):
        x = fj.arange(6).reshape(3, 2)
        self.assertEqual(reversed(x).tolist(), x.tolist()[::-1])
        self.assertEqual(fj.compile(lambda t: reversed(t) + 1)(x).tolist(), (x.flip(0) + 1).tolist())
        self.assertIs(reversed(x[0, 0]).item(), 0)

    def test_numbers(self):
        self.assertEqual(
            (int(fj.tensor(3.7)), float(fj.tensor([2])), bool(fj.tensor(0)), [5, 6][fj.tensor(1)]), (3, 2.0, False, 6)
        )
        self.assertEqual((fj.tensor(True).item(), fj.tensor([[1, 2]]).tolist()), (True, [[1, 2]]))
        for kind in (int, float, complex):
            with self.assertRaisesRegex(ValueError, "only one element tensors can be converted to Python scalars"):
                kind(fj.ones(2))
        for wrong in (lambda: bool(fj.ones(2)), lambda: fj.ones(2).item(), lambda: bool(fj.zeros(0))):
            self.assertRaises(RuntimeError, wrong)
        self.assertRaises(TypeError, lambda: [1][fj.tensor(0.0)])

    def test_size(self):
        s = fj.Size([2, 3])
        self.assertEqual(
            (s.numel(), type(s + (4,)), type(s[:1]), s == (2, 3), hash(s)), (6, fj.Size, fj.Size, True, hash((2, 3)))
        )
        self.assertEqual(pickle.loads(pickle.dumps(s)), s)
        self.assertRaises(TypeError, lambda: fj.Size([1.5]))

    def test_dtypes(self):
        self.assertIs(fj.float, fj.float32)
        self.assertIs(pickle.loads(pickle.dumps(fj.int8)), fj.int8)
        self.assertIs(copy.deepcopy(fj.bool), fj.bool)
        self.assertEqual((fj.finfo(fj.float32).eps, fj.iinfo(fj.int16).max), (np.finfo(np.float32).eps, 32767))
        self.assertEqual(fj.promote_types(fj.uint8, fj.int8), fj.int16)
        self.assertEqual(fj.result_type(fj.tensor([1]), 1.0), fj.float32)
        fj.set_default_dtype(fj.float64)
        try:
            self.assertEqual(fj.tensor([1.0]).dtype, fj.float64)
        finally:
            fj.set_default_dtype(fj.float32)


class Views(unittest.TestCase):
    def test_views_share_storage_and_version(self):
        t = fj.zeros(2, 3)
        v = t.view(6)[1:3]
        v.add_(1)
        self.assertEqual(t.tolist(), [[0, 1, 1], [0, 0, 0]])
        self.assertEqual((t._version, v._version), (1, 1))
        self.assertEqual(t.untyped_storage(), v.untyped_storage())
        d = t.data
        d.add_(1)
        self.assertEqual((t._version, t[0, 0].item()), (1, 1))
        self.assertEqual(t.detach()._version, 1)

    def test_storage_bounds(self):
        t = fj.zeros(4)
        self.assertEqual(t.as_strided((2, 2), (1, 2)).shape, (2, 2))
        for wrong in (
            lambda: t.as_strided((2, 9), (2, 1)),
            lambda: t.as_strided((2,), (-1,)),
            lambda: t.as_strided((2,), (1,), -1),
            lambda: t.as_strided((1 << 40,), (1 << 40,)),
        ):
            self.assertRaises(RuntimeError, wrong)

    def test_view_dtype(self):
        self.assertEqual(fj.tensor([1.0]).view(fj.int32).tolist(), [0x3F800000])

    def test_resize(self):
        t = fj.arange(4)
        self.assertEqual(t.resize_(2, 3)[0].tolist(), [0, 1, 2])
        self.assertRaises(RuntimeError, lambda: fj.from_numpy(np.zeros(2)).resize_(100))

    def test_many_views_leave_nothing(self):
        t = fj.zeros(8)
        for _ in range(1000):
            t = t.view(2, 4).view(8)
        gc.collect()
        self.assertEqual(t.sum().item(), 0)


class Writes(unittest.TestCase):
    def test_in_place_checks(self):
        x = fj.ones(3, dtype=fj.int64)
        for wrong, words in [
            (lambda: x.add_(1.5), "result type Float can't be cast to the desired output type Long"),
            (
                lambda: x.add_(fj.ones(2, 3, dtype=fj.int64)),
                "output with shape [3] doesn't match the broadcast shape [2, 3]",
            ),
            (
                lambda: fj.ones(1).expand(3).add_(1),
                "more than one element of the written-to tensor refers to a single memory location",
            ),
        ]:
            with self.assertRaises(RuntimeError) as caught:
                wrong()
            self.assertIn(words, str(caught.exception))
        self.assertEqual((x.tolist(), x._version), ([1, 1, 1], 0))
        self.assertIs(x.add_(1), x)

    def test_overlap_reads_before_it_writes(self):
        t = fj.arange(6.0)
        t[1:].copy_(t[:-1])
        self.assertEqual(t.tolist(), [0, 0, 1, 2, 3, 4])
        a = fj.arange(9.0).reshape(3, 3)
        a.copy_(a.t())
        self.assertEqual(a.tolist(), np.arange(9.0).reshape(3, 3).T.tolist())
        n = np.arange(6.0)
        u, v = fj.from_numpy(n)[1:], fj.from_numpy(n)[:-1]
        u.add_(v)
        self.assertEqual(n.tolist(), [0, 1, 3, 5, 7, 9])

    def test_operators_in_place(self):
        x = fj.tensor([7, 8])
        same = x
        x += 1
        x -= 2
        x *= 3
        x //= 2
        x %= 7
        x <<= 1
        x |= 1
        x &= 13
        x ^= 2
        self.assertIs(x, same)
        n = np.array([7, 8])
        n = ((((n + 1 - 2) * 3 // 2) % 7 << 1 | 1) & 13) ^ 2
        self.assertEqual(x.tolist(), n.tolist())

    def test_out(self):
        out = fj.zeros(2, 2)
        self.assertIs(fj.add(fj.ones(2, 2), 1, out=out), out)
        self.assertEqual((out.tolist(), out._version), ([[2, 2], [2, 2]], 1))
        half = fj.zeros(4, dtype=fj.float64)[::2]
        fj.exp(fj.zeros(2), out=half)
        self.assertEqual(half.tolist(), [1, 1])
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            grown = fj.zeros(3)
            fj.add(fj.ones(5), 1, out=grown)
            self.assertEqual((len(seen), grown.shape), (1, (5,)))
            fj.add(fj.ones(5), 1, out=fj.zeros(0))
            self.assertEqual(len(seen), 1)
        values, indices = fj.zeros(0), fj.zeros(0, dtype=fj.int64)
        for wrong in (
            lambda: fj.add(fj.ones(2), 1, out=fj.zeros(2, dtype=fj.int32)),
            lambda: fj.add(fj.ones(2), fj.ones(2, requires_grad=True), out=fj.zeros(2)),
            lambda: fj.add(fj.ones(2), 1, out=fj.zeros(1).expand(2)),
        ):
            self.assertRaises(RuntimeError, wrong)
        self.assertRaises(TypeError, lambda: fj.add(fj.ones(2), 1, out=3))
        del values, indices


class Conversions(unittest.TestCase):
    def test_to(self):
        t = fj.zeros(2)
        self.assertIs(t.to("cpu"), t)
        self.assertIs(t.to(fj.float32), t)
        self.assertIs(t.float(), t)
        self.assertIsNot(t.to(fj.float32, copy=True), t)
        self.assertEqual(t.to(fj.zeros(1, dtype=fj.int8)).dtype, fj.int8)
        self.assertEqual(t.to("cpu", fj.float64).dtype, fj.float64)
        self.assertEqual(
            (t.type(), t.long().type(), t.type(fj.int32).dtype),
            ("framejit.FloatTensor", "framejit.LongTensor", fj.int32),
        )
        self.assertEqual(fj.tensor([0.5, 0.0]).bool().tolist(), [True, False])
        self.assertEqual(fj.tensor([1.9, -1.9]).int().tolist(), [1, -1])
        self.assertRaises(RuntimeError, lambda: t.to("cuda"))
        self.assertRaises(RuntimeError, lambda: t.to("nowhere"))

    def test_copies(self):
        t = fj.arange(6.0).reshape(2, 3).t()
        for c in (copy.deepcopy(t), pickle.loads(pickle.dumps(t)), t.clone()):
            self.assertEqual((c.tolist(), c.stride()), (t.tolist(), t.stride()))
            self.assertNotEqual(c.data_ptr(), t.data_ptr())

    def test_factories(self):
        np.testing.assert_array_equal(fj.arange(1, 2, 0.25).numpy(), np.arange(1, 2, 0.25, np.float32))
        np.testing.assert_allclose(fj.linspace(-1, 1, 7).numpy(), np.linspace(-1, 1, 7, dtype=np.float32), atol=1e-7)
        np.testing.assert_array_equal(fj.eye(2, 3).numpy(), np.eye(2, 3, dtype=np.float32))
        np.testing.assert_array_equal(fj.tril_indices(3, 4, 1).numpy(), np.stack(np.tril_indices(3, 1, 4)))
        self.assertEqual(
            (fj.full((2,), True).dtype, fj.full((2,), 1).dtype, fj.full((2,), 1.0).dtype),
            (fj.bool, fj.int64, fj.float32),
        )
        self.assertEqual(fj.ones(2).new_zeros(3, dtype=fj.int8).dtype, fj.int8)

    def test_absurd_sizes_raise(self):
        for wrong in (
            lambda: fj.empty(1 << 62),
            lambda: fj.zeros(1 << 31, 1 << 31, 1 << 31),
            lambda: fj.empty(1 << 44),
            lambda: fj.arange(1 << 60),
            lambda: fj.zeros(-1),
            lambda: fj.ones(3).expand(1 << 40, 3).contiguous(),
            lambda: fj.ones(2).repeat(1 << 60),
            lambda: fj.eye(1 << 40),
        ):
            with self.assertRaises((RuntimeError, MemoryError)):
                wrong()
        self.assertEqual(fj.zeros(0, 1 << 40).numel(), 0)


class Arguments(unittest.TestCase):
    def test_forms_of_a_call(self):
        x = fj.arange(6.0).reshape(2, 3)
        for got in (
            fj.sum(x, 1),
            fj.sum(input=x, dim=1),
            fj.sum(x, axis=1),
            fj.sum(x, (1,)),
            x.sum(1),
            x.sum(dim=[1]),
            x.sum(-1),
        ):
            self.assertEqual(got.tolist(), [3, 12])
        for got in (
            x.view(3, 2),
            x.view((3, 2)),
            x.view([3, -1]),
            x.view(size=(3, 2)),
            x.view(fj.Size([3, 2])),
            x.view(fj.tensor(3), 2),
        ):
            self.assertEqual(got.shape, (3, 2))
        self.assertEqual(fj.add(x, other=1, alpha=2)[0, 0].item(), 2)
        self.assertEqual((x + np.float64(1)).dtype, fj.float32)

    def test_mistakes_are_type_errors(self):
        x = fj.ones(2)
        for wrong, words in [
            (lambda: fj.exp(), "missing 1 required positional"),
            (lambda: fj.exp(x, 1), "takes 1 positional argument but 2 were given"),
            (lambda: fj.exp(x, foo=1), "unexpected keyword argument 'foo'"),
            (lambda: fj.exp("a"), "argument 'input' (position 1) must be Tensor, not str"),
            (lambda: fj.exp(x, input=x), "multiple values"),
            (lambda: x.sum(dim="a"), "sum()"),
            (lambda: fj.cat([x, 1]), "found element of type int at pos 1"),
            (lambda: x.permute(1.0), "permute()"),
            (lambda: x + "a", "unsupported operand"),
            (lambda: x < "a", "not supported between"),
            (lambda: fj.zeros(2, dtype="a"), "dtype"),
            (lambda: fj.Tensor.exp(3), "doesn't apply"),
        ]:
            with self.assertRaises(TypeError) as caught:
                wrong()
            self.assertIn(words, str(caught.exception))
        self.assertFalse(x == "a")
        self.assertTrue(x != None)  # noqa: E711 -- the operator is what is tested
        with self.assertRaises(OverflowError):
            x + 2**70
        for wrong in (lambda: x.sum(2**70), lambda: x[2**70], lambda: fj.tensor(2**63), lambda: x.roll(2**70)):
            self.assertRaisesRegex(ValueError, "Overflow when unpacking", wrong)
        with self.assertRaisesRegex(TypeError, "operator.invert"):
            ~x
        for nothing in (None, [1, None], {}, object()):
            self.assertRaisesRegex(RuntimeError, "Could not infer dtype", fj.tensor, nothing)

    def test_numbers_that_do_not_fit(self):
        for value, dtype in (
            (300, fj.uint8),
            (-257, fj.uint8),
            (255.5, fj.uint8),
            (128, fj.int8),
            (float("nan"), fj.int32),
            (1e30, fj.int64),
        ):
            made = fj.zeros(2, dtype=dtype)
            for wrong in (
                lambda: made.fill_(value),  # noqa: B023
                lambda: fj.full((2,), value, dtype=dtype),  # noqa: B023
                lambda: fj.full_like(made, value),  # noqa: B023
                lambda: made.new_full((2,), value),  # noqa: B023
                lambda: made.masked_fill(made == 0, value),  # noqa: B023
                lambda: fj.tensor([value], dtype=dtype),  # noqa: B023
            ):
                for call in (wrong, fj.compile(wrong)):
                    self.assertRaisesRegex(RuntimeError, "without overflow", call)
            self.assertEqual(made.tolist(), [0, 0])
        for value, dtype in ((-1, fj.uint8), (2**63 - 1, fj.int64), (-(2**63), fj.int64), (254.5, fj.uint8)):
            self.assertEqual(
                fj.zeros(1, dtype=dtype).fill_(value).item(), int(value) % 256 if dtype == fj.uint8 else value
            )
            self.assertEqual(
                fj.zeros(1, dtype=dtype).masked_fill(fj.tensor(True), value).item(),
                fj.full((1,), value, dtype=dtype).item(),
            )

    def test_callables_look_like_functions(self):
        self.assertEqual((fj.exp.__name__, fj.Tensor.exp.__qualname__), ("exp", "Tensor.exp"))
        self.assertIn("exp(Tensor self) -> Tensor", fj.exp.__doc__)
        self.assertIs(pickle.loads(pickle.dumps(fj.exp)), fj.exp)
        self.assertEqual(list(map(fj.Tensor.dim, [fj.zeros(2), fj.zeros(1, 1)])), [1, 2])
        self.assertEqual(fj.ones(2).add(1).tolist(), [2, 2])
        bound = fj.ones(2).add
        self.assertEqual(bound(1).tolist(), [2, 2])


if __name__ == "__main__":
    unittest.main()
