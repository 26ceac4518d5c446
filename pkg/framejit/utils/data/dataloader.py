"""DataLoader: batches of a dataset, made in the calling process.

With workers the batches are those that worker processes would make, in the same order (see _workers.py). `prefetch_factor`,
`pin_memory` and their like are accepted so that programs run unchanged.
"""

from framejit import _ops as _t

from ._workers import Worker, dealt, get_worker_info, in_turns  # noqa: F401
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler


class _Endless:
    """The sampler of a stream, whose examples have no indices."""

    def __iter__(self):
        while True:
            yield None


class DataLoader:
    """Iterates over a dataset in batches.

    dataset (Dataset), batch_size (int), shuffle (bool or None), sampler, batch_sampler (Sampler or None), num_workers
    (int), collate_fn (callable or None), pin_memory, drop_last (bool), timeout (float), worker_init_fn (callable or
    None), multiprocessing_context (str or object or None), generator (framejit.Generator or None), prefetch_factor
    (int or None), persistent_workers (bool), pin_memory_device (str), in_order (bool). Raises ValueError (num_workers
    option should be non-negative; use num_workers=0 to disable multiprocessing; timeout option should be non-negative;
    prefetch_factor option should be non-negative).

    >>> import framejit
    >>> data = framejit.utils.data.TensorDataset(framejit.arange(5))
    >>> [batch for (batch,) in framejit.utils.data.DataLoader(data, batch_size=2)]
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

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
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError(
                "prefetch_factor option could only be specified in multiprocessing.let num_workers > 0 to enable "
                "multiprocessing, otherwise set prefetch_factor to None."
            )
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.persistent_workers = persistent_workers
        self._workers = None
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
        workers = self._workers
        if workers is None:  # persistent ones keep their seeds
            base_seed = self._draw_seed()
            if self.num_workers == 0:
                return self._stream(self.dataset) if self.streams else map(self._fetch, self._indices())
            workers = [Worker(self, i, base_seed) for i in range(self.num_workers)]
        if self.persistent_workers:
            self._workers = workers
        return in_turns(workers, self._stream) if self.streams else dealt(workers, self._indices(), self._fetch)

    def _draw_seed(self):
        """The base of the workers' seeds, one number of the global stream, drawn without workers, too."""
        options = {} if self.generator is None else {"generator": self.generator}
        return int(_t.empty((), dtype=_t.int64).random_(**options).item())

    def _indices(self):
        """What the examples of each batch are asked for by."""
        return iter(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def _fetch(self, indices):
        """The batch of some indices, or the example of one."""
        if self.batch_sampler is None:
            return self.collate_fn(self.dataset[indices])
        fetch = getattr(self.dataset, "__getitems__", None)
        return self.collate_fn(fetch(indices) if callable(fetch) else [self.dataset[i] for i in indices])

    def _stream(self, dataset):
        """The batches of a stream."""
        examples = iter(dataset)
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
