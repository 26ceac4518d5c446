"""Gradients: backward passes, custom functions, modes, and checks against finite differences."""

from framejit import _C
from framejit.autograd.function import Function, FunctionCtx, once_differentiable
from framejit.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = [
    "Function",
    "FunctionCtx",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
]

Node = _C._Node


def __getattr__(name):
    if name in ("gradcheck", "gradgradcheck", "GradcheckError"):
        import importlib

        # The submodule has the function's name; asking for it must give the function.
        module = importlib.import_module("framejit.autograd._gradcheck")
        globals().update(
            gradcheck=module.gradcheck, gradgradcheck=module.gradgradcheck, GradcheckError=module.GradcheckError
        )
        return globals()[name]
    if name in ("functional", "graph", "anomaly_mode", "forward_ad", "function", "profiler", "variable"):
        import importlib

        return importlib.import_module("framejit.autograd." + name)
    if name == "Variable":
        from framejit.autograd.variable import Variable

        return Variable
    if name in ("detect_anomaly", "set_detect_anomaly"):
        from framejit.autograd import anomaly_mode

        return getattr(anomaly_mode, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _profiler_enabled():
    """Whether a profile is going on."""
    from framejit.profiler import _switch

    return _switch.enabled


def _as_tuple(value):
    return (value,) if isinstance(value, _C.Tensor) else tuple(value)


def _gradients_for(tensors, given):
    if given is None:
        return (None,) * len(tensors)
    return (given,) if isinstance(given, _C.Tensor) else tuple(given)


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None):
    """Adds the gradients of `tensors` to the `.grad` of the leaves that they were computed from.

    tensors (Tensor, or sequence of Tensor): what is differentiated. grad_tensors (Tensor or sequence of them, or
    None): their gradients, which may be left out for single elements. retain_graph (bool or None): keep what was
    saved; by default create_graph. create_graph (bool): the gradients can be differentiated. inputs (sequence of
    Tensor, or None): these leaves alone. grad_variables (sequence of Tensor, or None): the old name of grad_tensors.
    Raises RuntimeError for tensors that require no gradient, for several elements without a gradient, and for a second
    pass over what is gone.

    >>> import framejit
    >>> x = framejit.tensor([3.0], requires_grad=True)
    >>> framejit.autograd.backward(x * x)
    >>> x.grad
    tensor([6.])
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    if inputs is not None:
        inputs = _as_tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    tensors = _as_tuple(tensors)
    keep = create_graph if retain_graph is None else retain_graph
    _C._run_backward(tensors, _gradients_for(tensors, grad_tensors), keep, create_graph, inputs, True, True)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """The gradients of the sum of `outputs` (weighted by `grad_outputs`) with respect to `inputs`.

    inputs (sequence of Tensor), grad_outputs (sequence of Tensor or None), retain_graph (bool or None), create_graph,
    only_inputs (bool), allow_unused (bool or None), is_grads_batched, materialize_grads (bool). Raises ValueError
    (Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False).

    >>> import framejit
    >>> x = framejit.tensor([3.0], requires_grad=True)
    >>> framejit.autograd.grad(x * x, x)
    (tensor([6.]),)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if any(getattr(x, "layout", _C.strided) is not _C.strided for x in (*outputs, *inputs)):
        from framejit.sparse._gradients import grad_of_values

        return grad_of_values(
            grad, outputs, inputs, grad_outputs, retain_graph, create_graph, only_inputs, allow_unused, is_grads_batched,
            materialize_grads,
        )  # fmt: skip
    keep = create_graph if retain_graph is None else retain_graph
    unused = bool(allow_unused) or materialize_grads
    seeds = _gradients_for(outputs, grad_outputs)
    if is_grads_batched:
        found = _grad_of_batch(outputs, inputs, seeds, keep, create_graph, unused)
    else:
        found = _C._run_backward(outputs, seeds, keep, create_graph, inputs, unused, False)
    if materialize_grads:
        found = tuple(_C.zeros_like(x) if g is None else g for g, x in zip(found, inputs))
    return found


def _grad_of_batch(outputs, inputs, seeds, keep, create_graph, unused):
    """Gradients for every entry of the seeds' first dimension."""
    from framejit.func import vmap

    present = []

    def one(*seeds):
        found = _C._run_backward(outputs, seeds, keep, create_graph, inputs, unused, False)
        present[:] = [g is not None for g in found]
        return tuple(g for g in found if g is not None)

    found = iter(vmap(one)(*seeds))
    return tuple(next(found) if there else None for there in present)


def _tensor_backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the gradients of this tensor to the `.grad` of the leaves that it was computed from.

    gradient (Tensor or None): its own gradient, which may be left out for a single element. retain_graph (bool or
    None),
    create_graph (bool), inputs (sequence of Tensor, or None): as for `autograd.backward`, whose errors it raises.

    >>> import framejit
    >>> x = framejit.tensor([3.0], requires_grad=True)
    >>> (x * x).backward()
    >>> x.grad
    tensor([6.])
    """
    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


_tensor_backward.__name__ = _tensor_backward.__qualname__ = "backward"
_C.Tensor.backward = _tensor_backward
