"""utils.data: datasets, samplers, splits, collation, the loader."""

import unittest
from collections import namedtuple

import framejit
import numpy as np
from framejit.utils import data


class Stream(data.IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


class DatasetTest(unittest.TestCase):
    def test_tensors(self):
        dataset = data.TensorDataset(framejit.arange(6).reshape(3, 2), framejit.tensor([5, 6, 7]))
        self.assertEqual(len(dataset), 3)
        self.assertEqual([t.tolist() for t in dataset[1]], [[2, 3], 6])
        with self.assertRaises(AssertionError):
            data.TensorDataset(framejit.zeros(2), framejit.zeros(3))

    def test_combinations(self):
        joined = data.ConcatDataset([range(3), range(10, 12)])
        self.assertEqual([joined[i] for i in range(5)] + [joined[-1]], [0, 1, 2, 10, 11, 11])
        with self.assertRaises(ValueError):
            joined[-6]
        self.assertEqual(list(data.ChainDataset([Stream(2), Stream(1)])), [0, 1, 0])
        self.assertEqual(data.StackDataset(a=[1, 2], b=[3, 4])[1], {"a": 2, "b": 4})
        self.assertEqual(data.Subset(range(10), [3, 5])[1], 5)

    def test_random_split(self):
        first, second = data.random_split(range(10), [7, 3])
        self.assertEqual(sorted([*first, *second]), list(range(10)))
        self.assertEqual([len(p) for p in data.random_split(range(10), [0.5, 0.25, 0.25])], [6, 2, 2])
        generator = framejit.Generator().manual_seed(3)
        again = framejit.Generator().manual_seed(3)
        self.assertEqual(
            data.random_split(range(10), [5, 5], generator)[0].indices,
            data.random_split(range(10), [5, 5], again)[0].indices,
        )
        with self.assertRaises(ValueError):
            data.random_split(range(10), [5, 6])


class SamplerTest(unittest.TestCase):
    def test_orders(self):
        self.assertEqual(list(data.SequentialSampler(range(4))), [0, 1, 2, 3])
        order = list(data.RandomSampler(range(50)))
        self.assertEqual(sorted(order), list(range(50)))
        self.assertNotEqual(order, list(range(50)))
        self.assertEqual(len(list(data.RandomSampler(range(5), num_samples=12))), 12)
        self.assertEqual(len(list(data.RandomSampler(range(5), replacement=True, num_samples=7))), 7)
        self.assertEqual(sorted(data.SubsetRandomSampler([3, 9])), [3, 9])
        self.assertEqual(set(data.WeightedRandomSampler([0.0, 1.0, 0.0], 20)), {1})
        batches = data.BatchSampler(range(7), 3, False)
        self.assertEqual((list(batches), len(batches)), ([[0, 1, 2], [3, 4, 5], [6]], 3))
        self.assertEqual(len(data.BatchSampler(range(7), 3, True)), 2)
        with self.assertRaises(ValueError):
            data.BatchSampler(range(3), 0, False)


class LoaderTest(unittest.TestCase):
    def test_batches(self):
        dataset = data.TensorDataset(framejit.arange(10.0), framejit.arange(10))
        loader = data.DataLoader(dataset, batch_size=4)
        batches = [(x.tolist(), y.tolist()) for x, y in loader]
        self.assertEqual([len(x) for x, _ in batches], [4, 4, 2])
        self.assertEqual(len(loader), 3)
        self.assertEqual(len(list(data.DataLoader(dataset, batch_size=4, drop_last=True))), 2)

    def test_shuffle_depends_on_the_seed(self):
        loader = data.DataLoader(range(100), batch_size=10, shuffle=True)

        def epoch(seed):
            framejit.manual_seed(seed)
            return [b.tolist() for b in loader]

        self.assertEqual(epoch(1), epoch(1))
        self.assertNotEqual(epoch(1), epoch(2))
        self.assertEqual(sorted(sum(epoch(3), [])), list(range(100)))

    def test_streams(self):
        self.assertEqual([b.tolist() for b in data.DataLoader(Stream(5), batch_size=2)], [[0, 1], [2, 3], [4]])
        self.assertEqual(
            [b.tolist() for b in data.DataLoader(Stream(5), batch_size=2, drop_last=True)], [[0, 1], [2, 3]]
        )
        self.assertEqual([b.tolist() for b in data.DataLoader(Stream(4), batch_size=2)], [[0, 1], [2, 3]])
        self.assertEqual(list(data.DataLoader(Stream(3), batch_size=None)), [0, 1, 2])
        with self.assertRaises(ValueError):
            data.DataLoader(Stream(3), shuffle=True)

    def test_exclusive_options(self):
        for options in (
            dict(shuffle=True, sampler=range(3)),
            dict(batch_sampler=[[0]], batch_size=2),
            dict(batch_size=None, drop_last=True),
            dict(num_workers=-1),
        ):
            with self.assertRaises(ValueError):
                data.DataLoader(range(3), **options)

    def test_collate(self):
        Point = namedtuple("Point", "x y")
        batch = [{"t": framejit.ones(2), "f": 1.5, "i": 3, "s": "a", "p": Point(1, 2.0), "n": np.ones(2)}] * 2
        got = data.default_collate(batch)
        self.assertEqual(tuple(got["t"].shape), (2, 2))
        self.assertEqual((got["f"].dtype, got["i"].dtype), (framejit.float64, framejit.int64))
        self.assertEqual((got["s"], got["p"].x.tolist()), (["a", "a"], [1, 1]))
        self.assertEqual(tuple(got["n"].shape), (2, 2))
        with self.assertRaises(TypeError):
            data.default_collate([object()])
        with self.assertRaises(RuntimeError):
            data.default_collate([[1], [1, 2]])


if __name__ == "__main__":
    unittest.main()
