"""Checkpointing: parts of a model are computed again in the backward pass instead of kept."""

import contextlib
import warnings
import weakref

import framejit
from framejit import _C
from framejit.autograd import Function, backward
from framejit.autograd.grad_mode import enable_grad, no_grad
from framejit.autograd.graph import saved_tensors_hooks

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "checkpoint",
    "checkpoint_sequential",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_early_stop",
]


class CheckpointError(RuntimeError):
    """The part computed again did not do what it did at first.

    >>> import framejit
    >>> issubclass(framejit.utils.checkpoint.CheckpointError, RuntimeError)
    True
    """


class _StopRecomputation(Exception):
    pass


_early_stop = True


@contextlib.contextmanager
def set_checkpoint_early_stop(enable):
    """Whether a part is computed again only as far as its last saved tensor.

    enable (bool). Raises nothing of its own.

    >>> import framejit
    >>> with framejit.utils.checkpoint.set_checkpoint_early_stop(False):
    ...     pass
    """
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


def noop_context_fn():
    """Two context managers that do nothing: for the forward pass and for computing again.

    >>> import framejit
    >>> forward, recompute = framejit.utils.checkpoint.noop_context_fn()
    >>> type(forward).__name__
    'nullcontext'
    """
    return contextlib.nullcontext(), contextlib.nullcontext()


def get_device_states(*args):
    """The generators of other devices than the CPU: there are none.

    >>> import framejit
    >>> framejit.utils.checkpoint.get_device_states(framejit.ones(1))
    ([], [])
    """
    return [], []


def detach_variable(inputs):
    """Tensors of a tuple as leaves of their own; what is no tensor as it is.

    inputs (Tensor, or sequence of Tensor). Raises RuntimeError (Only tuple of tensors is supported. Got Unsupported
    input type: …).

    >>> import framejit
    >>> (y,) = framejit.utils.checkpoint.detach_variable((framejit.ones(1, requires_grad=True) * 2,))
    >>> y.is_leaf, y.requires_grad
    (True, True)
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, _C.Tensor) else x for x in inputs)


@contextlib.contextmanager
def _rng_state(state):
    """The CPU's generator as it was, for a while; None: as it is."""
    if state is None:
        yield
        return
    before = framejit.get_rng_state()
    framejit.set_rng_state(state)
    try:
        yield
    finally:
        framejit.set_rng_state(before)


def _autocast_state():
    return {
        "device_type": "cpu",
        "enabled": _C.is_autocast_enabled("cpu"),
        "dtype": _C.get_autocast_dtype("cpu"),
        "cache_enabled": _C.is_autocast_cache_enabled(),
    }


class CheckpointFunction(Function):
    """The reentrant form: forward without a tape, then forward and backward once more inside the backward pass.

    >>> import framejit
    >>> issubclass(framejit.utils.checkpoint.CheckpointFunction, framejit.autograd.Function)
    True
    """

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        ctx.run_function = run_function
        ctx.autocast = _autocast_state()
        ctx.rng_state = framejit.get_rng_state() if preserve_rng_state else None
        ctx.inputs = [None if isinstance(a, _C.Tensor) else a for a in args]
        ctx.tensor_indices = [i for i, a in enumerate(args) if isinstance(a, _C.Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.tensor_indices))
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx, *args):
        inputs = list(ctx.inputs)
        for i, tensor in zip(ctx.tensor_indices, ctx.saved_tensors):
            inputs[i] = tensor
        detached = detach_variable(tuple(inputs))
        with _rng_state(ctx.rng_state), enable_grad(), framejit.autocast(**ctx.autocast):
            outputs = ctx.run_function(*detached)
        if isinstance(outputs, _C.Tensor):
            outputs = (outputs,)
        wanted = [(o, g) for o, g in zip(outputs, args) if isinstance(o, _C.Tensor) and o.requires_grad]
        if not wanted:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([o for o, _ in wanted], [g for _, g in wanted])
        return (None, None, *(x.grad if isinstance(x, _C.Tensor) else None for x in detached))


class _Holder:
    """Stands for one saved tensor of a checkpointed part."""

    __slots__ = ("__weakref__", "index")

    def __init__(self, index):
        self.index = index


class _Part:
    """One call of a checkpointed function: what its backward pass will ask for, and how to get it."""

    def __init__(self, recompute, preserve, early_stop, check):
        self.recompute = recompute
        self.rng_state = framejit.get_rng_state() if preserve else None
        self.autocast = _autocast_state()
        self.early_stop = early_stop
        self.check = check
        self.holders = []  # weak: a tensor that nobody will ask for is not kept
        self.metas = []
        self.values = {}  # pass -> index -> tensor

    def hooks(self):
        def pack(tensor):
            holder = _Holder(len(self.holders))
            self.holders.append(weakref.ref(holder))
            self.metas.append((tensor.shape, tensor.dtype))
            return holder

        def unpack(holder):
            this = _C._current_backward_pass()
            if this not in self.values:
                self.values[this] = self.run_again()
            found = self.values[this]
            if holder.index not in found:
                raise CheckpointError(
                    "framejit.utils.checkpoint: A different number of tensors was saved during the original forward "
                    f"and recomputation.\nNumber of tensors saved during forward: {len(self.holders)}"
                    f"\nNumber of tensors saved during recomputation: {len(found)}"
                )
            value = found.pop(holder.index)
            if not found:
                del self.values[this]
            self.check_meta(holder.index, value)
            return value

        return saved_tensors_hooks(pack, unpack)

    def check_meta(self, index, value):
        if self.check and self.metas[index] != (value.shape, value.dtype):
            raise CheckpointError(
                "framejit.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                f"during the forward pass.\ntensor at position {index}:\nsaved metadata: {self.metas[index]}\n"
                f"recomputed metadata: {(value.shape, value.dtype)}"
            )

    def run_again(self):
        found, count = {}, 0

        def pack(tensor):
            nonlocal count
            index, count = count, count + 1
            if index < len(self.holders) and self.holders[index]() is not None:
                found[index] = tensor.detach()
            if self.early_stop and count == len(self.holders):
                raise _StopRecomputation
            return tensor.detach()

        with (
            _rng_state(self.rng_state),
            framejit.autocast(**self.autocast),
            saved_tensors_hooks(pack, lambda tensor: tensor),
            enable_grad(),
        ):
            try:
                self.recompute()
            except _StopRecomputation:
                pass
        return found


def checkpoint(
    function,
    *args,
    use_reentrant=None,
    context_fn=noop_context_fn,
    determinism_check="default",
    debug=False,
    early_stop=True,
    **kwargs,
):
    """`function(*args, **kwargs)`, whose intermediate tensors are computed again in the backward pass.

    use_reentrant=False is the form to use: it keeps hooks, nested structures and autograd.grad. Inside a compiled
    function the call is traced like any other: what is kept is the compiler's choice.

    function (callable), use_reentrant (bool or None), context_fn (callable), determinism_check (str), debug,
    early_stop (bool). Raises ValueError (determinism_check must be one of ['default', 'none']).

    >>> import framejit
    >>> x = framejit.tensor([3.0], requires_grad=True)
    >>> framejit.utils.checkpoint.checkpoint(lambda x: x * x, x, use_reentrant=False).backward()
    >>> x.grad
    tensor([6.])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if framejit.compiler.is_compiling():
        return function(*args, **kwargs)
    if use_reentrant is None:
        warnings.warn(
            "framejit.utils.checkpoint: the use_reentrant parameter should be passed explicitly. use_reentrant=False "
            "is recommended.",
            stacklevel=2,
        )
        use_reentrant = True
    if use_reentrant:
        return _reentrant(function, args, kwargs, preserve, context_fn, debug)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check must be one of ['default', 'none'], but got {determinism_check}")
    forward_context, recompute_context = context_fn()

    def recompute():
        with recompute_context:
            function(*args, **kwargs)

    if not _C.is_grad_enabled():
        with forward_context:
            return function(*args, **kwargs)
    part = _Part(recompute, preserve, early_stop and _early_stop, determinism_check == "default")
    with part.hooks(), forward_context:
        return function(*args, **kwargs)


def _reentrant(function, args, kwargs, preserve, context_fn, debug):
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug:
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    if not any(isinstance(a, _C.Tensor) and a.requires_grad for a in args) and _C.is_grad_enabled():
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=3)
    return CheckpointFunction.apply(function, preserve, *args)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """A chain of modules or functions in checkpointed segments; the last segment is computed as usual.

    functions (sequence of nn.Module), segments (int), input (Tensor), use_reentrant (bool or None). Raises ValueError.

    >>> import framejit
    >>> from framejit import nn
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> framejit.utils.checkpoint.checkpoint_sequential(model, 2, framejit.ones(3, 2), use_reentrant=False).shape
    framejit.Size([3, 1])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if use_reentrant is None:
        warnings.warn(
            "framejit.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed explicitly.",
            stacklevel=2,
        )
        use_reentrant = True
    functions = list(functions.children()) if isinstance(functions, framejit.nn.Sequential) else list(functions)

    def run(start, end):
        def forward(value):
            for function in functions[start : end + 1]:
                value = function(value)
            return value

        return forward

    size = len(functions) // segments
    end = -1
    for start in range(0, size * (segments - 1), size):
        end = start + size - 1
        input = checkpoint(run(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return run(end + 1, len(functions) - 1)(input)
