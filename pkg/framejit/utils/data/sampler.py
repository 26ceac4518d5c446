"""Samplers: in which order a loader takes the examples."""

import itertools
from typing import Generic, TypeVar

from framejit import _ops as _t

_Item = TypeVar("_Item", covariant=True)


class Sampler(Generic[_Item]):
    """An iterable of indices, or of lists of them.

    data_source (Dataset or None). Raises nothing of its own.

    >>> import framejit
    >>> isinstance(framejit.utils.data.SequentialSampler(range(3)), framejit.utils.data.Sampler)
    True
    """

    def __init__(self, data_source=None):
        pass

    def __iter__(self):
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ...

    data_source (Dataset). Raises nothing of its own.

    >>> import framejit
    >>> list(framejit.utils.data.SequentialSampler(range(3)))
    [0, 1, 2]
    """

    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source)))

    def __len__(self):
        return len(self.data_source)


def _check_count(num_samples):
    if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
        raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")


def _fresh_generator():
    """A generator seeded from the global one, so that an epoch's order costs the global stream one draw."""
    generator = _t.Generator()
    generator.manual_seed(int(_t.empty((), dtype=_t.int64).random_().item()))
    return generator


class RandomSampler(Sampler[int]):
    """The indices shuffled, or drawn with replacement.

    data_source (Dataset), replacement (bool), num_samples (int or None), generator (framejit.Generator or None).
    Raises TypeError (replacement should be a boolean value), ValueError (num_samples should be a positive integer
    value).

    >>> import framejit
    >>> sorted(framejit.utils.data.RandomSampler(range(3)))
    [0, 1, 2]
    """

    def __init__(self, data_source, replacement=False, num_samples=None, generator=None):
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        if num_samples is not None:
            _check_count(num_samples)
        elif len(data_source) == 0:
            raise ValueError("num_samples should be a positive integer value, but got num_samples=0")

    @property
    def num_samples(self):
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self):
        count = len(self.data_source)
        generator = self.generator if self.generator is not None else _fresh_generator()
        if self.replacement:
            yield from _t.randint(count, (self.num_samples,), dtype=_t.int64, generator=generator).tolist()
            return
        for _ in range(self.num_samples // count):
            yield from _t.randperm(count, generator=generator).tolist()
        yield from _t.randperm(count, generator=generator).tolist()[: self.num_samples % count]

    def __len__(self):
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices, shuffled.

    indices (sequence of int), generator (framejit.Generator or None). Raises nothing of its own.

    >>> import framejit
    >>> sorted(framejit.utils.data.SubsetRandomSampler([4, 7]))
    [4, 7]
    """

    def __init__(self, indices, generator=None):
        self.indices = indices
        self.generator = generator

    def __iter__(self):
        options = {} if self.generator is None else {"generator": self.generator}
        for i in _t.randperm(len(self.indices), **options).tolist():
            yield self.indices[i]

    def __len__(self):
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with the given weights.

    weights (sequence of float), num_samples (int or None), replacement (bool), generator (framejit.Generator or None).
    Raises ValueError (replacement should be a boolean value; weights should be a 1d sequence but given weights have
    shape …).

    >>> import framejit
    >>> list(framejit.utils.data.WeightedRandomSampler([0.0, 1.0], 3))
    [1, 1, 1]
    """

    def __init__(self, weights, num_samples, replacement=True, generator=None):
        _check_count(num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = _t.as_tensor(weights, dtype=_t.float64)
        if self.weights.dim() != 1:
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self):
        options = {} if self.generator is None else {"generator": self.generator}
        yield from _t.multinomial(self.weights, self.num_samples, self.replacement, **options).tolist()

    def __len__(self):
        return self.num_samples


class BatchSampler(Sampler[list]):
    """Lists of `batch_size` indices of another sampler.

    sampler (Sampler), batch_size (int), drop_last (bool). Raises ValueError (batch_size should be a positive integer
    value; drop_last should be a boolean value).

    >>> import framejit
    >>> sampler = framejit.utils.data.SequentialSampler(range(5))
    >>> list(framejit.utils.data.BatchSampler(sampler, 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler, batch_size, drop_last):
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self):
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self):
        count = len(self.sampler)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
