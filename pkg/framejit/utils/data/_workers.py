"""The workers of a DataLoader, which are no processes: batches are made one after the other, in turns, each with what its
worker would have: its own random numbers, its own copy of a stream, its `get_worker_info()`.

So a program with workers sees the same batches in the same order as with processes, from the same seeds.
"""

import copy
import random
import sys

from framejit.random import get_rng_state, manual_seed, set_rng_state


class WorkerInfo:
    """What `get_worker_info()` gives inside a worker: id, num_workers (int), seed (int), dataset (Dataset)."""

    def __init__(self, id, num_workers, seed, dataset):
        self.id = id
        self.num_workers = num_workers
        self.seed = seed
        self.dataset = dataset

    def __repr__(self):
        return f"WorkerInfo(id={self.id}, num_workers={self.num_workers}, seed={self.seed}, dataset={self.dataset!r})"


_now = {"worker": None}


def get_worker_info():
    """What is known of the worker that a dataset is read by; None outside of one.

    >>> import framejit
    >>> framejit.utils.data.get_worker_info() is None
    True
    """
    return _now["worker"]


def _states():
    numpy = sys.modules.get("numpy")
    return get_rng_state(), random.getstate(), None if numpy is None else numpy.random.get_state()


def _set_states(states):
    set_rng_state(states[0])
    random.setstate(states[1])
    if states[2] is not None:
        sys.modules["numpy"].random.set_state(states[2])


class Worker:
    """One worker: a context in which its random numbers and its info hold."""

    def __init__(self, loader, id, base_seed):
        dataset = copy.copy(loader.dataset) if loader.streams else loader.dataset
        self.info = WorkerInfo(id, loader.num_workers, base_seed + id, dataset)
        self._own = None
        self._outer = None
        with self:
            if loader.worker_init_fn is not None:
                loader.worker_init_fn(id)

    def __enter__(self):
        self._outer = _states(), _now["worker"]
        _now["worker"] = self.info
        if self._own is None:
            self._seed()
        else:
            _set_states(self._own)
        return self

    def __exit__(self, *error):
        self._own = _states()
        _set_states(self._outer[0])
        _now["worker"] = self._outer[1]

    def _seed(self):
        seed, id = self.info.seed, self.info.id
        random.seed(seed)
        manual_seed(seed)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            base = seed - id
            sequence = numpy.random.SeedSequence([id, base & 0xFFFFFFFF, base >> 32])
            numpy.random.seed(sequence.generate_state(4))

    def steps(self, make):
        """The values of the iterator that make(dataset) gives, each made inside the worker."""
        with self:
            values = make(self.info.dataset)
        while True:
            with self:
                try:
                    value = next(values)
                except StopIteration:
                    return
            yield value


def in_turns(workers, make):
    """The values of all workers' iterators, one of each in turn, as long as there are any."""
    running = [worker.steps(make) for worker in workers]
    while running:
        still = []
        for steps in running:
            for value in steps:
                yield value
                still.append(steps)
                break
        running = still


def dealt(workers, items, make):
    """make(item) of each item, dealt out to the workers in turn."""
    for i, item in enumerate(items):
        with workers[i % len(workers)]:
            value = make(item)
        yield value
