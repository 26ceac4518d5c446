"""Process groups of one process against torch's: values in place, results, types of errors."""

import os
import unittest
import warnings

import framejit
import framejit.distributed

try:
    import torch
    import torch.distributed
except ImportError:
    torch = None


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    return value if isinstance(value, (int, str, type(None), dict)) else type(value).__name__


def outcome(call, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(call(*args))
        except Exception as error:
            return type(error).__name__


WITHOUT = (
    lambda t, d: d.get_rank(),
    lambda t, d: d.get_world_size(),
    lambda t, d: d.barrier(),
    lambda t, d: d.all_reduce(t.ones(1)),
    lambda t, d: d.is_initialized(),
    lambda t, d: d.init_process_group("gloo"),
    lambda t, d: d.destroy_process_group(),
    lambda t, d: t.nn.parallel.DistributedDataParallel(t.nn.Linear(1, 1)),
)
WITHIN = (
    lambda t, d, x, y: (d.get_rank(), d.get_world_size(), d.is_initialized(), d.get_backend()),
    lambda t, d, x, y: d.init_process_group("gloo"),
    lambda t, d, x, y: [d.all_reduce(x, op=getattr(d.ReduceOp, op)) for op in ("SUM", "AVG", "MAX", "PRODUCT")],
    lambda t, d, x, y: d.all_reduce(x, async_op=True).wait() is not None,
    lambda t, d, x, y: d.all_reduce(3),
    lambda t, d, x, y: d.all_gather([y], x),
    lambda t, d, x, y: d.all_gather([], x),
    lambda t, d, x, y: d.all_gather_into_tensor(y, x),
    lambda t, d, x, y: d.broadcast(x, 0),
    lambda t, d, x, y: d.broadcast(x, 1),
    lambda t, d, x, y: d.reduce(x, 0),
    lambda t, d, x, y: d.gather(x, [y], 0),
    lambda t, d, x, y: d.scatter(y, [x], 0),
    lambda t, d, x, y: d.reduce_scatter(y, [x]),
    lambda t, d, x, y: d.reduce_scatter_tensor(y, x),
    lambda t, d, x, y: d.all_to_all([y], [x]),
    lambda t, d, x, y: (lambda o: (d.all_gather_object(o, {"a": 1}), o))([None]),
    lambda t, d, x, y: d.broadcast_object_list([1], 0),
    lambda t, d, x, y: (d.barrier(), d.monitored_barrier()),
    lambda t, d, x, y: d.get_rank(d.new_group([0])),
    lambda t, d, x, y: d.new_group([1]),
    lambda t, d, x, y: d.get_process_group_ranks(d.group.WORLD),
    lambda t, d, x, y: (d.get_global_rank(d.group.WORLD, 0), d.get_group_rank(d.group.WORLD, 0)),
    lambda t, d, x, y: t.nn.parallel.DistributedDataParallel(t.nn.ReLU()),
)


@unittest.skipIf(torch is None, "torch is not installed")
class GroupOfOneTest(unittest.TestCase):
    def inside(self, t):
        d, log = t.distributed, []
        d.init_process_group("gloo")
        for call in WITHIN:
            x, y = t.arange(3.0), t.zeros(3)
            log.append((outcome(call, t, d, x, y), x.tolist(), y.tolist()))
        model = t.nn.parallel.DistributedDataParallel(t.nn.Linear(2, 1))
        with model.no_sync():
            model(t.ones(3, 2)).sum().backward()
        grad = model.module.weight.grad.tolist()
        log.append((repr(model), list(model.state_dict()), grad, model.device_ids, model.dim))
        d.destroy_process_group()
        return [*log, d.is_initialized()]

    def test_without_a_group(self):
        self.assertEqual(*([outcome(call, t, t.distributed) for call in WITHOUT] for t in (framejit, torch)))

    def test_group_of_one(self):
        names = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29541", "RANK": "0", "WORLD_SIZE": "1"}
        os.environ.update(names)
        try:
            ours, theirs = self.inside(framejit), self.inside(torch)
        finally:
            for name in names:
                del os.environ[name]
        for i, (mine, its) in enumerate(zip(ours, theirs, strict=True)):
            with self.subTest(i):
                self.assertEqual(mine, its)

    def test_more_processes(self):
        with self.assertRaises(RuntimeError):
            framejit.distributed.init_process_group("gloo", rank=0, world_size=2)
        self.assertFalse(framejit.distributed.is_initialized())


if __name__ == "__main__":
    unittest.main()
