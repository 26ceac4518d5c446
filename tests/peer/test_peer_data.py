"""DataLoader with workers against torch's worker processes: the same batches in the same order from the same seeds."""

import random
import unittest
import warnings

import framejit
import numpy as np

try:
    import torch
except ImportError:
    torch = None


def datasets(lib):
    class Numbers(lib.utils.data.Dataset):
        def __len__(self):
            return 11

        def __getitem__(self, i):
            info = lib.utils.data.get_worker_info()
            who = (-1, 0) if info is None else (info.id, info.num_workers)
            return (i, *who, float(lib.rand(())), random.random(), float(np.random.rand()), getattr(self, "mark", -1))

    class Stream(lib.utils.data.IterableDataset):
        def __init__(self, counts):
            self.counts = counts

        def __iter__(self):
            info = lib.utils.data.get_worker_info()
            who, stride = (0, 1) if info is None else (info.id, info.num_workers)
            for i in range(who, self.counts[who % len(self.counts)], stride):
                yield (i, who, float(lib.rand(())), random.random())

    class Own(lib.utils.data.IterableDataset):
        """Its own iterator."""

        def __init__(self):
            self.at = 0

        def __iter__(self):
            return self

        def __next__(self):
            self.at += 1
            if self.at > 3:
                raise StopIteration
            return self.at

    class Broken(lib.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            if i == 2:
                raise KeyError("no such example")
            return i

    return Numbers, Stream, Own, Broken


OPTIONS = (
    {},
    {"num_workers": 1},
    {"num_workers": 2, "batch_size": 3},
    {"num_workers": 3, "batch_size": 2, "shuffle": True},
    {"num_workers": 2, "batch_size": None},
    {"num_workers": 2, "batch_size": 4, "drop_last": True},
)


def run(lib, make, epochs=1, **options):
    options = dict(options)
    if options.get("num_workers") and lib is torch:
        options["multiprocessing_context"] = "fork"
    lib.manual_seed(3), random.seed(3), np.random.seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            loader = lib.utils.data.DataLoader(make(lib), **options)
            rows = []
            for _ in range(epochs):
                for batch in loader:
                    parts = batch if isinstance(batch, (list, tuple)) else [batch]
                    rows.append(
                        [
                            np.round(np.asarray(p.tolist() if hasattr(p, "tolist") else p, float), 6).tolist()
                            for p in parts
                        ]
                    )
        except Exception as error:
            return type(error).__name__
    return rows, round(float(lib.rand(())), 6), random.random()


@unittest.skipIf(torch is None, "torch is not installed")
class WorkersTest(unittest.TestCase):
    def both(self, make, **options):
        ours, theirs = (run(lib, make, **options) for lib in (framejit, torch))
        self.assertEqual(ours, theirs)

    def test_indexed(self):
        for options in OPTIONS:
            with self.subTest(**options):
                self.both(lambda lib: datasets(lib)[0](), **options)

    def test_streams(self):
        for counts in ((9,), (3, 12), (0, 5, 30)):
            for options in OPTIONS:
                if "shuffle" not in options:
                    with self.subTest(counts=counts, **options):
                        self.both(lambda lib, counts=counts: datasets(lib)[1](counts), **options)
        self.both(lambda lib: datasets(lib)[2](), num_workers=2)

    def test_init_and_persistence(self):
        def make(lib):
            return datasets(lib)[0]()

        for lib in (framejit, torch):

            def init(i, lib=lib):
                lib.utils.data.get_worker_info().dataset.mark = 10
                lib.rand(i + 1)

            result = run(lib, make, epochs=2, num_workers=2, batch_size=4, worker_init_fn=init)
            again = run(lib, make, epochs=2, num_workers=2, batch_size=4, worker_init_fn=init, persistent_workers=True)
            if lib is framejit:
                ours = result, again
        self.assertEqual(ours, (result, again))

    def test_errors(self):
        self.both(lambda lib: datasets(lib)[3](), num_workers=2)
        self.both(lambda lib: datasets(lib)[0](), persistent_workers=True)
        self.both(lambda lib: datasets(lib)[0](), prefetch_factor=2)
        self.both(lambda lib: datasets(lib)[0](), num_workers=1, prefetch_factor=-1)
        self.both(lambda lib: datasets(lib)[0](), num_workers=-1)

    def test_outside(self):
        """A loop that is left early leaves no worker behind."""
        loader = framejit.utils.data.DataLoader(datasets(framejit)[0](), num_workers=2)
        state = framejit.get_rng_state()
        for _ in loader:
            break
        self.assertIsNone(framejit.utils.data.get_worker_info())
        framejit.set_rng_state(state)


if __name__ == "__main__":
    unittest.main()
