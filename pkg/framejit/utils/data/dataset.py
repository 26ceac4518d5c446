"""Datasets: maps from an index to an example, or iterables of examples."""

import bisect
import itertools
import math
import warnings
from typing import Generic, TypeVar

from framejit import _ops as _t

_Item = TypeVar("_Item", covariant=True)


class Dataset(Generic[_Item]):
    """A map from indices to examples: subclasses define `__getitem__` and usually `__len__`.

    >>> import framejit
    >>> class Squares(framejit.utils.data.Dataset):
    ...     def __getitem__(self, i):
    ...         return i * i
    ...     def __len__(self):
    ...         return 4
    >>> list(framejit.utils.data.DataLoader(Squares(), batch_size=2))
    [tensor([0, 1]), tensor([4, 9])]
    """

    def __getitem__(self, index):
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other):
        return ConcatDataset([self, other])


class IterableDataset(Dataset[_Item]):
    """A stream of examples: subclasses define `__iter__`.

    >>> import framejit
    >>> class Count(framejit.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(3))
    >>> list(framejit.utils.data.DataLoader(Count(), batch_size=2))
    [tensor([0, 1]), tensor([2])]
    """

    def __add__(self, other):
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Example i is the tuple of row i of every tensor.

    >>> import framejit
    >>> framejit.utils.data.TensorDataset(framejit.arange(3), framejit.arange(3) * 10)[1]
    (tensor(1), tensor(10))
    """

    def __init__(self, *tensors):
        if any(tensors[0].size(0) != tensor.size(0) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index):
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self):
        return self.tensors[0].size(0)


class StackDataset(Dataset):
    """Example i is the tuple, or dict, of example i of every dataset.

    >>> import framejit
    >>> framejit.utils.data.StackDataset([1, 2], [3, 4])[1]
    (2, 4)
    """

    def __init__(self, *args, **kwargs):
        if bool(args) == bool(kwargs):
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or ``dict``- (via ``kwargs``) like input/output"
                if args
                else "At least one dataset should be passed"
            )
        self.datasets = args or kwargs
        members = args or list(kwargs.values())
        self._length = len(members[0])
        if any(len(member) != self._length for member in members):
            raise ValueError("Size mismatch between datasets")

    def __getitem__(self, index):
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self):
        return self._length


class ConcatDataset(Dataset):
    """Several datasets, one after the other.

    datasets (iterable of Dataset). Raises AssertionError (datasets should not be an empty iterable; ConcatDataset does
    not support IterableDataset).

    >>> import framejit
    >>> len(framejit.utils.data.ConcatDataset([range(3), range(4)]))
    7
    """

    def __init__(self, datasets):
        super().__init__()
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = list(itertools.accumulate(map(len, self.datasets)))

    def __len__(self):
        return self.cumulative_sizes[-1]

    def __getitem__(self, index):
        if index < 0:
            if -index > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            index += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset):
    """Several streams, one after the other.

    datasets (iterable of Dataset). Raises nothing of its own.

    >>> import framejit
    >>> class Count(framejit.utils.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(framejit.utils.data.ChainDataset([Count(), Count()]))
    [0, 1, 0, 1]
    """

    def __init__(self, datasets):
        super().__init__()
        self.datasets = datasets

    def __iter__(self):
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset")
            yield from dataset

    def __len__(self):
        return sum(map(len, self.datasets))


class Subset(Dataset):
    """The examples of a dataset at some indices.

    dataset (Dataset), indices (sequence of int). Raises nothing of its own.

    >>> import framejit
    >>> framejit.utils.data.Subset([10, 20, 30], [2, 0])[0]
    30
    """

    def __init__(self, dataset, indices):
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index):
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices):
        chosen = [self.indices[i] for i in indices]
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.dataset.__getitems__(chosen)
        return [self.dataset[i] for i in chosen]

    def __len__(self):
        return len(self.indices)


def random_split(dataset, lengths, generator=None):
    """Split a dataset at random into parts of the given lengths, or fractions that sum to one.

    dataset (Dataset), lengths (sequence of int or float), generator (framejit.Generator or None). Raises ValueError
    (Sum of input lengths does not equal the length of the input dataset!).

    >>> import framejit
    >>> [len(part) for part in framejit.utils.data.random_split(range(5), [3, 2])]
    [3, 2]
    """
    lengths = list(lengths)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _lengths_of_fractions(len(dataset), lengths)
    if sum(lengths) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    options = {} if generator is None else {"generator": generator}
    order = _t.randperm(sum(lengths), **options).tolist()
    return [Subset(dataset, order[end - length : end]) for end, length in zip(itertools.accumulate(lengths), lengths)]


def _lengths_of_fractions(total, fractions):
    lengths = []
    for i, fraction in enumerate(fractions):
        if fraction < 0 or fraction > 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1")
        lengths.append(math.floor(total * fraction))
    for i in range(total - sum(lengths)):  # what rounding down left goes to the parts in turn
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if length == 0:
            warnings.warn(f"Length of split at index {i} is 0. This might result in an empty dataset.")
    return lengths
