"""The device meta: sizes, dtypes and histories without memory."""

import copy
import pickle
import unittest

import framejit as f
from framejit import nn


def meta(*sizes, **options):
    return f.empty(*sizes, device="meta", **options)


class Tensors(unittest.TestCase):
    def test_results_have_the_sizes_that_they_would_have(self):
        calls = (
            lambda x, y: x + y,
            lambda x, y: x @ y.t(),
            lambda x, y: x.sum(0),
            lambda x, y: f.cat([x, y], 1),
            lambda x, y: x.unsqueeze(0).expand(4, 2, 3)[:, 1:],
            lambda x, y: x.max(1).values,
            lambda x, y: x.to(f.float64),
            lambda x, y: (x > y).any(1),
            lambda x, y: nn.functional.conv2d(x.reshape(1, 1, 2, 3), y.reshape(1, 1, 2, 3)),
            lambda x, y: x.t().contiguous().view(-1),
            lambda x, y: f.softmax(x, 1).add_(1),
            lambda x, y: x.new_zeros(5),
            lambda x, y: f.rand_like(x),
        )
        for call in calls:
            expected, found = call(f.rand(2, 3), f.rand(2, 3)), call(meta(2, 3), meta(2, 3))
            self.assertTrue(found.is_meta)
            self.assertEqual(found.device, f.device("meta"))
            self.assertEqual(
                (found.shape, found.dtype, found.stride()), (expected.shape, expected.dtype, expected.stride())
            )

    def test_nothing_can_be_read(self):
        x = meta(2, 3)
        for read in (
            lambda: x.tolist(), lambda: x.sum().item(), lambda: x.numpy(), lambda: bool(x.sum()), lambda: x.to("cpu"),
            lambda: float(x[0, 0]), lambda: f.zeros(2, 3).copy_(x), lambda: f.nonzero(x), lambda: x[x > 0],
            lambda: f.unique(x), lambda: x.cpu(),
        ):  # fmt: skip
            with self.assertRaises(NotImplementedError):
                read()
        with self.assertRaises(BufferError):
            memoryview(x.untyped_storage())
        with self.assertRaises(BufferError):
            x.untyped_storage()[0]
        with self.assertRaisesRegex(RuntimeError, "same device"):
            x + f.ones(2, 3)
        self.assertEqual((x.data_ptr(), x.untyped_storage().nbytes()), (0, 24))
        self.assertEqual(repr(x), "tensor(..., device='meta', size=(2, 3))")
        self.assertEqual(repr(meta(1, dtype=f.int64)), "tensor(..., device='meta', size=(1,), dtype=framejit.int64)")

    def test_between_devices(self):
        self.assertTrue(f.ones(3).to("meta").is_meta)
        self.assertTrue(f.tensor([1.0, 2.0], device="meta").is_meta)
        for made in (f.zeros_like(meta(2), device="cpu"), meta(2).new_zeros(2, device="cpu")):
            self.assertEqual(made.tolist(), [0.0, 0.0])
        self.assertTrue((meta(2, 3) * f.tensor(2.0)).is_meta)

    def test_views_and_versions(self):
        x = meta(2, 3)
        y = x[0]
        before = x._version
        y.mul_(2)
        self.assertEqual(x._version, before + 1)
        self.assertIs(y._base, x)
        with self.assertRaises(RuntimeError):
            x.view(7)

    def test_copies(self):
        x = meta(3, 2).t()
        for made in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.clone()):
            self.assertEqual((made.shape, made.stride(), made.device), (x.shape, x.stride(), x.device))

    def test_compiled(self):
        compiled = f.compile(lambda x: x * 2 + 1)
        self.assertTrue(compiled(meta(3)).is_meta)
        self.assertEqual(compiled(f.ones(3)).tolist(), [3.0, 3.0, 3.0])


class Modules(unittest.TestCase):
    def test_made_there(self):
        with f.device("meta"):
            model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Embedding(10, 3))
            self.assertEqual(f.get_default_device(), f.device("meta"))
        self.assertTrue(all(t.is_meta for t in (*model.parameters(), *model.buffers())))
        self.assertEqual(f.get_default_device(), f.device("cpu"))
        self.assertFalse(f.ones(2).is_meta)

    def test_filled(self):
        layer, real = nn.Linear(4, 2, device="meta"), nn.Linear(4, 2)
        layer.load_state_dict(real.state_dict(), assign=True)
        x = f.rand(3, 4)
        self.assertTrue(f.equal(layer(x), real(x)))
        self.assertEqual(nn.Linear(3, 3, device="meta").to_empty(device="cpu").weight.device, f.device("cpu"))
        parameter = nn.Parameter(meta(3))
        parameter.data = f.ones(3)
        self.assertEqual(parameter.tolist(), [1.0, 1.0, 1.0])
        parameter.data = meta(3)
        with self.assertRaises(NotImplementedError):
            parameter.tolist()

    def test_gradients(self):
        layer = nn.Linear(4, 2, device="meta")
        layer(meta(5, 4)).sum().backward()
        self.assertEqual((layer.weight.grad.shape, layer.weight.grad.device), (layer.weight.shape, f.device("meta")))
        block = nn.TransformerEncoderLayer(8, 2, device="meta", batch_first=True)
        self.assertEqual(block(meta(2, 5, 8)).shape, (2, 5, 8))

    def test_default_device(self):
        compiled = f.compile(lambda: f.ones(2))
        self.assertFalse(compiled().is_meta)
        f.set_default_device("meta")
        try:
            self.assertTrue(f.arange(3).is_meta)
            self.assertTrue(compiled().is_meta)
            with f.device("cpu"):
                self.assertFalse(f.rand(2).is_meta)
        finally:
            f.set_default_device(None)
        self.assertFalse(compiled().is_meta)
        with self.assertRaises(RuntimeError):
            f.set_default_device("cuda")

    def test_nested_and_left_by_errors(self):
        with self.assertRaises(ZeroDivisionError), f.device("meta"):
            with f.device("meta"), f.device("cpu"):
                self.assertFalse(f.ones(1).is_meta)
            self.assertTrue(f.ones(1).is_meta)
            raise ZeroDivisionError
        self.assertFalse(f.ones(1).is_meta)


class Where(unittest.TestCase):
    def test_places(self):
        x = f.tensor([[1.0, 0.0], [0.0, 2.0]])
        self.assertEqual([t.tolist() for t in f.where(x)], [[0, 1], [0, 1]])
        self.assertEqual([t.tolist() for t in f.where(x > 1)], [[1], [1]])
        self.assertEqual([t.tolist() for t in f.where(condition=x > 5)], [[], []])
        compiled = f.compile(lambda x: f.where(x)[0] + 1)
        self.assertEqual(compiled(x).tolist(), [1, 2])


if __name__ == "__main__":
    unittest.main()
