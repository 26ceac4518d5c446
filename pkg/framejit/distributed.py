"""distributed: process groups of one process, for training programs that are written for several.

`is_available` says False, since several processes cannot talk; after `init_process_group` with a world of one every collective
does what it does among one. Programs that ask first take their path for a single process.
"""

import enum
import os

from framejit import _C
from framejit.autograd.grad_mode import no_grad

__all__ = [
    "Backend", "GroupMember", "ProcessGroup", "ReduceOp", "Work", "all_gather", "all_gather_into_tensor", "all_gather_object",
    "all_reduce", "all_to_all", "barrier", "broadcast", "broadcast_object_list", "destroy_process_group", "gather", "gather_object",
    "get_backend", "get_global_rank", "get_group_rank", "get_process_group_ranks", "get_rank", "get_world_size", "group",
    "init_process_group", "is_available", "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
    "is_torchelastic_launched", "is_ucc_available", "monitored_barrier", "new_group", "reduce", "reduce_scatter",
    "reduce_scatter_tensor", "scatter", "scatter_object_list",
]  # fmt: skip


class ReduceOp(enum.IntEnum):
    """How tensors are combined; among one they stay as they are.

    >>> from framejit import distributed as dist
    >>> dist.ReduceOp.SUM.name
    'SUM'
    """

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = range(9)


class Backend:
    """The names of the back ends.

    >>> from framejit import distributed as dist
    >>> dist.Backend.GLOO
    'gloo'
    """

    GLOO, NCCL, MPI, UCC, UNDEFINED = "gloo", "nccl", "mpi", "ucc", "undefined"


class ProcessGroup:
    """A group of this process alone.

    backend (str or None). Raises nothing of its own.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.group.WORLD.rank(), dist.group.WORLD.size()
    (0, 1)
    >>> dist.destroy_process_group()
    """

    def __init__(self, backend):
        self._backend = backend

    def rank(self):
        """0"""
        return 0

    def size(self):
        """1"""
        return 1


class Work:
    """A collective that was asked for with `async_op=True`: it is done.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> work = dist.all_reduce(framejit.ones(1), async_op=True)
    >>> work.wait()
    True
    >>> dist.destroy_process_group()
    """

    def wait(self, timeout=None):
        """True"""
        return True

    def is_completed(self):
        """True"""
        return True


class GroupMember:
    """WORLD is the default group, None before there is one.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.GroupMember.WORLD is dist.group.WORLD
    True
    >>> dist.destroy_process_group()
    """

    WORLD = None
    NON_GROUP_MEMBER = -100


class group:
    """WORLD is the default group, None before there is one.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.group.WORLD.size()
    1
    >>> dist.destroy_process_group()
    """

    WORLD = None


# --- groups ---


def is_available():
    """False: several processes cannot talk.

    >>> from framejit import distributed as dist
    >>> dist.is_available()
    False
    """
    return False


is_mpi_available = is_nccl_available = is_gloo_available = is_ucc_available = is_torchelastic_launched = is_available


def is_initialized():
    """Whether there is a group.

    >>> from framejit import distributed
    >>> distributed.is_initialized()
    False
    """
    return GroupMember.WORLD is not None


def _group(given=None):
    if GroupMember.WORLD is None:
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    return GroupMember.WORLD if given is None else given


def _setting(name, given):
    if given != -1:
        return given
    if name not in os.environ:
        raise ValueError(
            f"Error initializing torch.distributed using env:// rendezvous: environment variable {name} expected, but not set"
        )
    return int(os.environ[name])


def init_process_group(
    backend=None, init_method=None, timeout=None, world_size=-1, rank=-1, store=None, group_name="", pg_options=None, device_id=None,
):  # fmt: skip
    """Makes the default group, of one process: RANK and WORLD_SIZE of the environment unless they are given.

    backend, init_method (str or None), timeout (timedelta or None), world_size, rank (int), store, pg_options, device_id
    (object), group_name (str). Raises ValueError without rank and size, or a second time, RuntimeError for more processes.

    >>> from framejit import distributed
    >>> distributed.init_process_group("gloo", rank=0, world_size=1)
    >>> distributed.get_world_size()
    1
    >>> distributed.destroy_process_group()
    """
    if GroupMember.WORLD is not None:
        raise ValueError("trying to initialize the default process group twice!")
    rank, world_size = _setting("RANK", rank), _setting("WORLD_SIZE", world_size)
    if world_size != 1 or rank != 0:
        raise RuntimeError(f"framejit has process groups of one process only, not rank {rank} of {world_size}")
    GroupMember.WORLD = group.WORLD = ProcessGroup(
        "gloo" if backend is None else str(backend).partition(":")[2] or backend
    )


def destroy_process_group(group=None):
    """Ends the default group.

    group (ProcessGroup or None). Raises AssertionError (Process group cannot be None).

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.is_initialized()
    True
    >>> dist.destroy_process_group()
    """
    if GroupMember.WORLD is None:
        raise AssertionError("Process group cannot be None")
    if group is None or group is GroupMember.WORLD:
        GroupMember.WORLD = globals()["group"].WORLD = None


def new_group(
    ranks=None, timeout=None, backend=None, pg_options=None, use_local_synchronization=False, group_desc=None
):
    """A group of some of the processes, which is this one.

    ranks (list of int or None), timeout (datetime.timedelta or None), backend (str or None), pg_options (object or
    None), use_local_synchronization (object), group_desc (object or None). Raises ValueError (Rank … is out of range.
    Valid ranks are 0 to 0 (world_size=1)).

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> type(dist.new_group()).__name__
    'ProcessGroup'
    >>> dist.destroy_process_group()
    """
    world = _group()
    for rank in ranks or ():
        if rank != 0:
            raise ValueError(f"Rank {rank} is out of range. Valid ranks are 0 to 0 (world_size=1)")
    return ProcessGroup(world._backend if backend is None else backend)


def get_rank(group=None):
    """0

    group (ProcessGroup or None). Raises ValueError before `init_process_group`.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.get_rank()
    0
    >>> dist.destroy_process_group()
    """
    return _group(group).rank()


def get_world_size(group=None):
    """1

    group (ProcessGroup or None). Raises ValueError before `init_process_group`.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.get_world_size()
    1
    >>> dist.destroy_process_group()
    """
    return _group(group).size()


def get_backend(group=None):
    """The name that the group was made with.

    group (ProcessGroup or None). Raises ValueError before `init_process_group`.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.get_backend()
    'gloo'
    >>> dist.destroy_process_group()
    """
    return _group(group)._backend


def get_process_group_ranks(group):
    """[0]

    group (ProcessGroup or None). Raises nothing of its own.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.get_process_group_ranks(dist.group.WORLD)
    [0]
    >>> dist.destroy_process_group()
    """
    return [0]


def get_group_rank(group, global_rank):
    """0

    group (ProcessGroup or None), global_rank (int). Raises RuntimeError for other types.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.get_group_rank(dist.group.WORLD, 0)
    0
    >>> dist.destroy_process_group()
    """
    return _root(global_rank)


def get_global_rank(group, group_rank):
    """0

    group (ProcessGroup or None), group_rank (int). Raises RuntimeError for other types.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.get_global_rank(dist.group.WORLD, 0)
    0
    >>> dist.destroy_process_group()
    """
    return _root(group_rank)


# --- collectives among one ---


def _root(rank):
    if rank not in (0, None):
        raise RuntimeError(f"invalid root rank: {rank}")
    return 0


def _tensor(value, name="tensor"):
    if not isinstance(value, _C.Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor\n             but got "
            f"{type(value)} instead."
        )
    return value


def _one(values):
    if len(values) != 1:
        raise RuntimeError(f"invalid tensor list (expected length 1, got {len(values)})")
    return values[0]


def _copied(source, target):
    with no_grad():
        target.copy_(source)


def _done(async_op):
    return Work() if async_op else None


def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op=False):
    """Combines the tensors of all processes, in place: it stays as it is.

    tensor (Tensor), op (ReduceOp), group (ProcessGroup or None), async_op (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> x = framejit.ones(2)
    >>> dist.all_reduce(x)
    >>> x
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    _tensor(tensor)
    _group(group)
    return _done(async_op)


def reduce(tensor, dst=None, op=ReduceOp.SUM, group=None, async_op=False, group_dst=None):
    """Combines the tensors of all processes in one of them.

    tensor (Tensor), dst (int or None), op (ReduceOp), group (ProcessGroup or None), async_op (bool), group_dst (int or
    None). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> x = framejit.ones(2)
    >>> dist.reduce(x, 0)
    >>> x
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    _tensor(tensor)
    _group(group)
    _root(dst if group_dst is None else group_dst)
    return _done(async_op)


def broadcast(tensor, src=None, group=None, async_op=False, group_src=None):
    """Copies the tensor of one process to all.

    tensor (Tensor), src (int or None), group (ProcessGroup or None), async_op (bool), group_src (int or None). Raises
    TypeError for other types.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> x = framejit.ones(2)
    >>> dist.broadcast(x, 0)
    >>> x
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    return reduce(tensor, src, group=group, async_op=async_op, group_dst=group_src)


def all_gather(tensor_list, tensor, group=None, async_op=False):
    """Fills a list with the tensors of all processes.

    tensor_list (list of Tensor), tensor (Tensor), group (ProcessGroup or None), async_op (bool). Raises ValueError for
    other types.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> parts = [framejit.zeros(2)]
    >>> dist.all_gather(parts, framejit.ones(2))
    >>> parts
    [tensor([1., 1.])]
    >>> dist.destroy_process_group()
    """
    _group(group)
    _copied(_tensor(tensor), _one(tensor_list))
    return _done(async_op)


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op=False):
    """The tensors of all processes behind one another.

    output_tensor, input_tensor (Tensor), group (ProcessGroup or None), async_op (bool). Raises ValueError for other
    types.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> out = framejit.zeros(2)
    >>> dist.all_gather_into_tensor(out, framejit.ones(2))
    >>> out
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    _group(group)
    _copied(_tensor(input_tensor).reshape(output_tensor.shape), output_tensor)
    return _done(async_op)


def gather(tensor, gather_list=None, dst=None, group=None, async_op=False, group_dst=None):
    """Fills a list of one process with the tensors of all.

    tensor (Tensor), gather_list (list of Tensor or None), dst (int or None), group (ProcessGroup or None), async_op
    (bool), group_dst (int or None). Raises ValueError before `init_process_group`.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> parts = [framejit.zeros(2)]
    >>> dist.gather(framejit.ones(2), parts, 0)
    >>> parts
    [tensor([1., 1.])]
    >>> dist.destroy_process_group()
    """
    _root(dst if group_dst is None else group_dst)
    return all_gather(gather_list, tensor, group, async_op)


def scatter(tensor, scatter_list=None, src=None, group=None, async_op=False, group_src=None):
    """Hands out a list of one process.

    tensor (Tensor), scatter_list (list of Tensor or None), src (int or None), group (ProcessGroup or None), async_op
    (bool), group_src (int or None). Raises ValueError before `init_process_group`.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> out = framejit.zeros(2)
    >>> dist.scatter(out, [framejit.ones(2)], 0)
    >>> out
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    _group(group)
    _root(src if group_src is None else group_src)
    _copied(_one(scatter_list), _tensor(tensor))
    return _done(async_op)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None, async_op=False):
    """Combines lists and hands the results out.

    output (Tensor), input_list (list of Tensor), op (ReduceOp), group (ProcessGroup or None), async_op (bool). Raises
    ValueError for other types.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> out = framejit.zeros(2)
    >>> dist.reduce_scatter(out, [framejit.ones(2)])
    >>> out
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    return scatter(output, input_list, 0, group, async_op)


def reduce_scatter_tensor(output, input, op=ReduceOp.SUM, group=None, async_op=False):
    """Combines tensors and hands their parts out.

    output, input (Tensor), op (ReduceOp), group (ProcessGroup or None), async_op (bool). Raises ValueError for other
    types.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> out = framejit.zeros(2)
    >>> dist.reduce_scatter_tensor(out, framejit.ones(2))
    >>> out
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    return all_gather_into_tensor(output, input, group, async_op)


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op=False):
    """Hands a list of each process out to all.

    output_tensor_list, input_tensor_list (list of Tensor), group (ProcessGroup or None), async_op (bool). Raises
    TypeError for other types.

    >>> import framejit
    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> out = [framejit.zeros(2)]
    >>> dist.all_to_all(out, [framejit.ones(2)])
    >>> out
    [tensor([1., 1.])]
    >>> dist.destroy_process_group()
    """
    return scatter(_one(output_tensor_list), input_tensor_list, 0, group, async_op)


def barrier(group=None, async_op=False, device_ids=None):
    """Waits for all processes.

    group (ProcessGroup or None), async_op (bool), device_ids (list of int or None). Raises ValueError before `init_process_group`.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.barrier()
    >>> dist.destroy_process_group()
    """
    _group(group)
    return _done(async_op)


def monitored_barrier(group=None, timeout=None, wait_all_ranks=False):
    """Waits for all processes.

    group (ProcessGroup or None), timeout (datetime.timedelta or None), wait_all_ranks (bool). Raises ValueError for
    other types.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.monitored_barrier()
    >>> dist.destroy_process_group()
    """
    _group(group)


# The collectives of Python objects use what stands above.
from framejit._object_collectives import (  # noqa: E402
    all_gather_object,
    broadcast_object_list,
    gather_object,
    scatter_object_list,
)
