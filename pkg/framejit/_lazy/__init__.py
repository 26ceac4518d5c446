"""Lazy tensors: ops on tensors of device `lazy` are recorded and computed at a sync, as one compiled graph.

A sync happens at `mark_step()`, and where elements are wanted: printing, `.cpu()`, `.item()`, `tolist()`. Graphs are compiled
once, by their text. The names are those of torch._lazy.

>>> import framejit
>>> from framejit import _lazy
>>> x = framejit.ones(3, device="lazy")
>>> y = (x + 1) * 2  # recorded
>>> _lazy.mark_step()
>>> y.cpu()
tensor([4., 4., 4.])
"""

from framejit import _C

from . import closure, computation, config, debug, metrics, ts_backend

__all__ = [
    "add_step_closure", "closure", "computation", "config", "debug", "get_tensor_id", "mark_step", "metrics",
    "run_step_closures", "save", "sync_multi", "to_cpu", "ts_backend", "wait_device_ops",
]  # fmt: skip

add_step_closure = closure.add_step_closure
run_step_closures = closure.run_step_closures
_ids = {}


def mark_step(device="", wait=False):
    """Computes everything that lazy tensors wait for, and runs the closures of the step.

    Args:
        device (str): unused, there is one lazy device.
        wait (bool): unused, the computation is over when the call returns.

    Raises RuntimeError where an op fails.

    >>> import framejit
    >>> y = framejit.ones(2, device="lazy") + 1
    >>> framejit._lazy.mark_step()
    """
    _C._lazy_sync()
    run_step_closures()


def wait_device_ops(devices=None):
    """Waits until everything has been computed, which a sync has done already.

    Args:
        devices (list): unused.

    Raises RuntimeError where an op fails.

    >>> import framejit
    >>> framejit._lazy.wait_device_ops()
    """
    _C._lazy_sync()


def sync_multi(tensors, devices):
    """Computes lazy tensors, and with them all others that wait.

    Args:
        tensors (list of Tensor): the tensors.
        devices (list): unused.

    Raises RuntimeError where an op fails.

    >>> import framejit
    >>> x = framejit.ones(2, device="lazy") * 3
    >>> framejit._lazy.sync_multi([x], [])
    """
    _C._lazy_sync()


def get_tensor_id(tensor):
    """A number that is this tensor's as long as it lives.

    Args:
        tensor (Tensor): a lazy tensor.

    Raises RuntimeError for other tensors.

    >>> import framejit
    >>> x = framejit.ones(2, device="lazy")
    >>> framejit._lazy.get_tensor_id(x) == framejit._lazy.get_tensor_id(x)
    True
    """
    if tensor.device.type != "lazy":
        raise RuntimeError(f"get_tensor_id() expects a lazy tensor, not one on {tensor.device}")
    return id(tensor)


def to_cpu(tensors, devices=None):
    """The tensors of a list, dict or tuple, computed and copied to the CPU.

    Args:
        tensors (object): a tree of tensors and other objects.
        devices (list): unused.

    Raises RuntimeError where an op fails.

    >>> import framejit
    >>> framejit._lazy.to_cpu([framejit.ones(2, device="lazy")])
    [tensor([1., 1.])]
    """
    from framejit.utils._pytree import tree_map

    return tree_map(lambda t: t.cpu() if isinstance(t, _C.Tensor) and t.device.type == "lazy" else t, tensors)


def save(tensors, *args, **kwargs):
    """`framejit.save` of the tensors' copies on the CPU.

    Args:
        tensors (object): what to save.
        args, kwargs: those of `framejit.save`.

    Raises what `framejit.save` raises.

    >>> import framejit, io
    >>> framejit._lazy.save([framejit.ones(2, device="lazy")], io.BytesIO())
    """
    import framejit

    framejit.save(to_cpu(tensors), *args, **kwargs)
