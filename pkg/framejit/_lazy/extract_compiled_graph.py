"""An fx graph recorded on the lazy device once, as a function that runs the compiled graph."""

import copy

import framejit
from framejit import _C

from . import computation, metrics

__all__ = ["extract_compiled_graph"]


def extract_compiled_graph(model, example_inputs):
    """Records what an fx module does with lazy copies of the inputs and gives the compiled graph as a function.

    Args:
        model (GraphModule): what to record. Its parameters and buffers are held as they are now.
        example_inputs (list of Tensor): arguments, which are left alone.

    Returns a function of tensors like the examples: it gives what the module gives, a tuple if that gave several tensors, and
    updates in place the arguments that the module updates.
    Raises RuntimeError when an op fell back to eager execution, naming each with its count.

    >>> import framejit
    >>> from framejit._lazy.extract_compiled_graph import extract_compiled_graph
    >>> class Sub(framejit.nn.Module):
    ...     def forward(self, a, b):
    ...         return a - b
    >>> run = extract_compiled_graph(framejit.fx.symbolic_trace(Sub()), [framejit.ones(2), framejit.ones(2)])
    >>> run(framejit.tensor([3.0, 4.0]), framejit.ones(2))
    (tensor([2., 3.]),)
    """
    arguments = [t.to("lazy") for t in example_inputs]
    recorded = _on_lazy(copy.deepcopy(model))
    metrics.reset()
    with framejit.no_grad():
        results = recorded(*arguments)
    fell_back = [
        f"{name}={metrics.counter_value(name)}" for name in metrics.counter_names() if name.startswith("aten::")
    ]
    metrics.reset()
    if fell_back:
        raise RuntimeError(f"Fail to extract the compiled graph because of fallback: {','.join(fell_back)}")
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    return _runner(arguments, results)


def _on_lazy(model):
    """The module with its tensors on the lazy device, and the device in calls that name one."""
    model.to(device="lazy")
    for node in model.graph.nodes:
        if node.op == "call_function" and node.kwargs.get("device") is not None:
            node.kwargs = {**node.kwargs, "device": framejit.device("lazy")}
    model.recompile()
    return model


def _runner(arguments, results):
    distinct = []
    for t in results:
        if isinstance(t, _C.Tensor) and not any(t is known for known in distinct):
            distinct.append(t)
    # The arguments are outputs too, so that what was written to them is computed.
    name, inputs = _C._lazy_extract([*arguments, *distinct])
    places = [_position(t, arguments) for t in inputs]
    held = [t.cpu() if place is None else None for t, place in zip(inputs, places)]
    order = [_position(t, distinct) if isinstance(t, _C.Tensor) else t for t in results]
    _C._lazy_sync()

    def optimized(*args):
        given = [args[place] if place is not None else constant for place, constant in zip(places, held)]
        with framejit.no_grad():
            made = computation.run_cached_graph(name, given)[len(arguments) :]
        return tuple(made[k] for k in order)

    return optimized


def _position(tensor, tensors):
    for i, t in enumerate(tensors):
        if t is tensor:
            return i
    return None
