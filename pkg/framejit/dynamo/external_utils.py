"""Functions that captured graphs call: the graphs that hold a whole backward pass (`compiled_autograd`) are made of them.

They are plain Python over tensors, so that a graph with them in it can be captured again.
"""

from framejit import _C
from framejit.fx.node import has_side_effect

_MANY = ("pre_hook", "post_hook")  # hooks of nodes take and give tuples of gradients


def call_hook(hook, *args, hook_type):
    """What a hook makes of its first argument: a gradient, a tuple of them, or None for a leaf that has its gradient.

    hook (callable). hook_type (str): "tensor_pre_hook", "pre_hook", "post_hook" or "post_acc_grad_hook". Raises
    RuntimeError where the engine would: for another dtype, size or number of gradients.

    >>> import framejit
    >>> from framejit.dynamo.external_utils import call_hook
    >>> call_hook(lambda grad: 2 * grad, framejit.ones(2), hook_type="tensor_pre_hook")
    tensor([2., 2.])
    """
    result = hook(*args)
    if result is None:
        return args[0]
    if hook_type == "post_acc_grad_hook":
        raise RuntimeError("Tensor post accumulate grad hooks should return None.")
    if hook_type not in _MANY:
        _check(hook, args[0], result)
        return result
    if not isinstance(result, tuple):
        result = (result,)
    if len(result) != len(args[0]):
        raise RuntimeError(
            f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(result)}, but expected {len(args[0])})"
        )
    for before, after in zip(args[0], result):
        if after is not None and before is not None:
            _check(hook, before, after)
    return result


def _check(hook, before, after):
    if after.dtype != before.dtype:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the type of value (was {before.type()} got {after.type()})"
        )
    if after.shape != before.shape:
        raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")


def _name(hook):
    return getattr(hook, "__name__", "<unknown>")


def call_accumulate_grad(variable, grad):
    """Adds a gradient to a leaf's `.grad`.

    variable, grad (Tensor).

    >>> import framejit
    >>> from framejit.dynamo.external_utils import call_accumulate_grad
    >>> x = framejit.zeros(2, requires_grad=True)
    >>> call_accumulate_grad(x, framejit.ones(2))
    >>> x.grad
    tensor([1., 1.])
    """
    grad = grad.to(variable.dtype)
    if variable.grad is None:
        variable.grad = grad.clone()
    else:
        variable.grad += grad


class _Context:
    """What `backward` of an autograd.Function is given: the context, whose saved tensors are arguments of the graph."""

    def __init__(self, real, saved_tensors):
        self.real, self.saved_tensors = real, saved_tensors

    def __getattr__(self, name):
        return getattr(self.real, name)


def call_backward(function, context, saved_tensors, expected, *grads):
    """`backward` of an autograd.Function, with zeros for gradients that it does not give.

    function (type), context (its ctx), saved_tensors (tuple of Tensor or None). expected (tuple): for each argument of
    the forward call None, or the sizes and dtype of the gradient that it must have. Raises RuntimeError for another
    number of gradients.
    """
    found = function.backward(_Context(context, saved_tensors), *grads)
    if not isinstance(found, tuple):
        found = (found,)
    while len(found) > len(expected) and found[-1] is None:
        found = found[:-1]
    if len(found) != len(expected):
        raise RuntimeError(
            f"function {function.__name__}Backward returned an incorrect number of gradients (expected {len(expected)}, "
            f"got {len(found)})"
        )
    return tuple([_fitted(grad, like) for grad, like in zip(found, expected)])


def _fitted(grad, like):
    if like is None:
        return None
    sizes, dtype = like
    if grad is None:
        return _C.zeros(sizes, dtype=dtype)
    if tuple(grad.shape) != sizes:
        grad = grad.sum_to_size(sizes)
    return grad.to(dtype)


for _function in (call_hook, call_accumulate_grad, call_backward):
    has_side_effect(_function)
