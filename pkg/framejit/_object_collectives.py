"""The collectives of framejit.distributed whose values are Python objects, among one process."""

from framejit.distributed import _group, _root


def all_gather_object(object_list, obj, group=None):
    """Fills a list with the objects of all processes.

    object_list (list), obj (object), group (ProcessGroup or None). Raises ValueError before `init_process_group`.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> out = [None]
    >>> dist.all_gather_object(out, "word")
    >>> out
    ['word']
    >>> dist.destroy_process_group()
    """
    _group(group)
    object_list[0] = obj


def gather_object(obj, object_gather_list=None, dst=None, group=None, group_dst=None):
    """Fills a list of one process with the objects of all.

    obj (object), object_gather_list (list or None), dst (int or None), group (ProcessGroup or None), group_dst (int or
    None). Raises ValueError before `init_process_group`.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> out = [None]
    >>> dist.gather_object("word", out, 0)
    >>> out
    ['word']
    >>> dist.destroy_process_group()
    """
    _root(dst if group_dst is None else group_dst)
    all_gather_object(object_gather_list, obj, group)


def broadcast_object_list(object_list, src=None, group=None, device=None, group_src=None):
    """Copies the objects of one process to all.

    object_list (list), src (int or None), group (ProcessGroup or None), device (framejit.device or None), group_src
    (int or None). Raises ValueError before `init_process_group`.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> words = ["word"]
    >>> dist.broadcast_object_list(words, 0)
    >>> words
    ['word']
    >>> dist.destroy_process_group()
    """
    _group(group)
    _root(src if group_src is None else group_src)


def scatter_object_list(
    scatter_object_output_list, scatter_object_input_list=None, src=None, group=None, group_src=None
):
    """Hands out the objects of one process.

    scatter_object_output_list (list), scatter_object_input_list (list or None), src (int or None), group (ProcessGroup
    or None), group_src (int or None). Raises ValueError before `init_process_group`.

    >>> from framejit import distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> out = [None]
    >>> dist.scatter_object_list(out, ["word"], 0)
    >>> out
    ['word']
    >>> dist.destroy_process_group()
    """
    _group(group)
    _root(src if group_src is None else group_src)
    scatter_object_output_list[0] = scatter_object_input_list[0]
