"""DataLoader: batches of a dataset, made in the calling process.

`num_workers`, `prefetch_factor`, `pin_memory` and their like are accepted so that programs run unchanged; batches
are made by the iterating thread in any case.
"""

from framejit import _ops as _t

from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler


def get_worker_info():
    """None: there are no worker processes."""
    return None


class _Endless:
    """The sampler of a stream, whose examples have no indices."""

    def __iter__(self):
        while True:
            yield None


class DataLoader:
    """Iterates over a dataset in batches."""

    def __init__(
        self,
        dataset,
        batch_size=1,
        shuffle=None,
        sampler=None,
        batch_sampler=None,
        num_workers=0,
        collate_fn=None,
        pin_memory=False,
        drop_last=False,
        timeout=0,
        worker_init_fn=None,
        multiprocessing_context=None,
        generator=None,
        *,
        prefetch_factor=None,
        persistent_workers=False,
        pin_memory_device="",
        in_order=True,
    ):
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.persistent_workers = persistent_workers
        self.generator = generator
        self.streams = isinstance(dataset, IterableDataset)
        self._check(shuffle, sampler, batch_sampler, batch_size, drop_last)
        if batch_sampler is not None:
            batch_size, drop_last = None, False
        if sampler is None:
            sampler = self._default_sampler(shuffle)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.collate_fn = collate_fn

    def _check(self, shuffle, sampler, batch_sampler, batch_size, drop_last):
        if self.streams:
            for name, value in (
                ("shuffle option", shuffle),
                ("sampler option", sampler),
                ("batch_sampler option", batch_sampler),
            ):
                if value not in (None, False):
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name}, but got "
                        f"{name.split()[0]}={value}"
                    )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
        if batch_sampler is None and batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")

    def _default_sampler(self, shuffle):
        if self.streams:
            return _Endless()
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    def __len__(self):
        if self.streams:
            length = len(self.dataset)
            if self.batch_size is not None:
                length = length // self.batch_size if self.drop_last else -(-length // self.batch_size)
            return length
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def __iter__(self):
        # every iteration draws one number, as the peer's loaders do for their workers' base seed
        options = {} if self.generator is None else {"generator": self.generator}
        _t.empty((), dtype=_t.int64).random_(**options)
        return self._stream() if self.streams else self._indexed()

    def _indexed(self):
        if self.batch_sampler is None:
            for index in self.sampler:
                yield self.collate_fn(self.dataset[index])
            return
        for indices in self.batch_sampler:
            fetch = getattr(self.dataset, "__getitems__", None)
            examples = fetch(indices) if callable(fetch) else [self.dataset[i] for i in indices]
            yield self.collate_fn(examples)

    def _stream(self):
        examples = iter(self.dataset)
        if self.batch_sampler is None:
            for example in examples:
                yield self.collate_fn(example)
            return
        for indices in self.batch_sampler:
            batch = [example for _, example in zip(indices, examples)]
            if len(batch) < len(indices) and (self.drop_last or not batch):
                return
            yield self.collate_fn(batch)
            if len(batch) < len(indices):
                return
