"""The tape as an object: edges, hooks on saved tensors, hooks over several gradients, version counters."""

import contextlib
import threading
from collections.abc import Sequence
from typing import NamedTuple

from framejit import _C
from framejit.utils.hooks import RemovableHandle

Node = _C._Node

__all__ = [
    "GradientEdge",
    "Node",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class GradientEdge(NamedTuple):
    """A gradient's place: the node, and which of its results.

    Raises nothing of its own.

    >>> import framejit
    >>> edge = framejit.autograd.graph.get_gradient_edge(framejit.ones(1, requires_grad=True) * 2)
    >>> type(edge).__name__, edge.output_nr
    ('GradientEdge', 0)
    """

    node: Node
    output_nr: int


def get_gradient_edge(tensor):
    """Where the gradient of a tensor is computed; for a leaf, where it is accumulated.

    tensor (Tensor). Raises TypeError for other types.

    >>> import framejit
    >>> x = framejit.ones(1, requires_grad=True)
    >>> framejit.autograd.graph.get_gradient_edge(x * 2).node.name()
    'MulBackward0'
    """
    return GradientEdge(*_C._gradient_edge(tensor))


def increment_version(tensor):
    """Counts a write to a tensor, or to each of several, that happened where framejit could not see it.

    tensor (Tensor). Raises TypeError for other types.

    >>> import framejit
    >>> x = framejit.ones(1)
    >>> framejit.autograd.graph.increment_version(x)
    >>> x._version
    1
    """
    _C._bump_version(tensor)


_disabled = threading.local()
_disabled.messages = []


def _messages():
    """What disable_saved_tensors_hooks says in this thread, in a list: captured code cannot write to a thread's state itself."""
    messages = getattr(_disabled, "messages", None)
    if messages is None:
        messages = _disabled.messages = []
    return messages


class saved_tensors_hooks:
    """Inside, tensors saved for the backward pass are handed to `pack_hook`, and `unpack_hook` gives them back.

    pack_hook, unpack_hook (callable). Raises nothing of its own.

    >>> import framejit
    >>> x = framejit.tensor([3.0], requires_grad=True)
    >>> with framejit.autograd.graph.saved_tensors_hooks(lambda x: x.tolist(), framejit.tensor):
    ...     y = x.exp()
    >>> y.backward()
    >>> x.grad
    tensor([20.0855])
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self):
        messages = _messages()
        if messages and messages[-1] is not None:
            raise RuntimeError(messages[-1])
        _C._push_saved_tensors_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args):
        _C._pop_saved_tensors_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Keeps saved tensors in the CPU's memory: copies of them, made when they are saved.

    pin_memory (bool), device_type (str). Raises nothing of its own.

    >>> import framejit
    >>> x = framejit.tensor([3.0], requires_grad=True)
    >>> with framejit.autograd.graph.save_on_cpu():
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor([6.])
    """

    def __init__(self, pin_memory=False, device_type="cuda"):
        def pack_to_cpu(tensor):
            return tensor.device, tensor.detach().clone()

        def unpack_from_cpu(packed):
            device, tensor = packed
            return tensor.to(device)

        super().__init__(pack_to_cpu, unpack_from_cpu)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message):
    """Inside, `saved_tensors_hooks` raises the message.

    error_message (str or None).

    >>> import framejit
    >>> with framejit.autograd.graph.disable_saved_tensors_hooks("not here"):
    ...     print((framejit.ones(1, requires_grad=True) * 2).requires_grad)
    True
    """
    messages = _messages()
    messages.append(error_message)
    try:
        yield
    finally:
        messages.pop()


class _MultiHandle(RemovableHandle):
    """The handles of all tensors of a hook as one."""

    def __init__(self, handles):
        self.handles = handles

    def remove(self):
        for handle in self.handles:
            handle.remove()

    def __getstate__(self):
        return self.handles

    def __setstate__(self, state):
        self.handles = state


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """Calls `fn` in a backward pass: with all gradients once the last is computed, or ("any") with the first.

    tensors (sequence of Tensor), fn (callable), mode (str). Raises ValueError (Expects mode to be one of ('all',
    'any')), TypeError (register_multi_grad_hook expects a sequence of tensors).

    >>> import framejit
    >>> a, b = framejit.ones(1, requires_grad=True), framejit.ones(1, requires_grad=True)
    >>> handle = framejit.autograd.graph.register_multi_grad_hook([a, b], lambda grads: print(len(grads)))
    >>> (a * b).backward()
    2
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if not isinstance(tensors, Sequence):
        raise TypeError("register_multi_grad_hook expects a sequence of tensors")
    lock = threading.Lock()
    if mode == "any":
        return _MultiHandle(_any_hooks(tensors, fn, lock))
    return _MultiHandle(_all_hooks(tensors, fn, lock))


def _any_hooks(tensors, fn, lock):
    passes = set()

    def hook(grad):
        this = _C._current_backward_pass()
        with lock:
            if this in passes:
                return
            passes.add(this)
        fn(grad)

    return [t.register_hook(hook) for t in tensors if t.requires_grad]


def _all_hooks(tensors, fn, lock):
    counts, buffers, expected = {}, {}, {}
    edges = [get_gradient_edge(t).node if t.requires_grad else None for t in tensors]

    def make(index):
        def hook(grad):
            this = _C._current_backward_pass()
            with lock:
                if this not in expected:
                    expected[this] = sum(node is not None and _C._will_run(node) for node in edges)
                counts[this] = counts.get(this, 0) + 1
                grads = buffers.setdefault(this, [None] * len(tensors))
                grads[index] = grad if grads[index] is None else grads[index] + grad
                complete = counts[this] == expected[this]
                if complete:
                    del counts[this], buffers[this], expected[this]
            if complete:
                fn(grads)

        return hook

    return [t.register_hook(make(i)) for i, t in enumerate(tensors) if t.requires_grad]
