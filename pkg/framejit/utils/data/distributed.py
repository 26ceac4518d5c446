"""Samplers for programs that train in several processes."""

import math

from framejit import _ops as _t
from framejit import distributed

from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler):
    """The part of the indices that one of `num_replicas` processes takes; `set_epoch` changes the order.

    dataset (sized), num_replicas, rank (int), shuffle (bool), seed (int), drop_last (bool): drop the last indices instead of
    repeating the first. Raises ValueError where the number of processes or the rank is missing, or the rank is outside.

    >>> from framejit.utils.data.distributed import DistributedSampler
    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    def __init__(self, dataset, num_replicas=None, rank=None, shuffle=True, seed=0, drop_last=False):
        num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
        rank = distributed.get_rank() if rank is None else rank
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        whole = len(dataset)
        if drop_last and whole % num_replicas:
            whole -= num_replicas
        self.num_samples = math.ceil(whole / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self):
        indices = list(range(len(self.dataset)))
        if self.shuffle:
            generator = _t.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = _t.randperm(len(self.dataset), generator=generator).tolist()
        if not self.drop_last:
            missing = self.total_size - len(indices)
            indices += (indices * math.ceil(missing / max(len(indices), 1)))[:missing]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self):
        return self.num_samples

    def set_epoch(self, epoch):
        """Makes the next order that of an epoch: the same in all processes."""
        self.epoch = epoch
