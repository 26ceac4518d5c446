"""Back ends by name, and the bridge between captured graphs and back ends written in Python.

A Python back end gets an `fx.GraphModule` and a list of example inputs and gives back a callable. Capture hands a
graph over as plain data, `graph_module` turns it into fx: a call of an op becomes a `call_function` node of the op's
public function, or of the Tensor method where the op is one.
"""

import functools
import importlib
import operator
import re

from framejit import _C, _ops
from framejit._compile import NATIVE

_registry = {}  # name -> (function, tags)

# what the extension runs op by op: the graph as it was captured, or after differentiation and functionalisation
_REPLAYED = ("eager", "aot_eager")


def register_backend(compiler_fn=None, name=None, tags=()):
    """Make a back end known by name; usable as a decorator."""
    if compiler_fn is None:
        return functools.partial(register_backend, name=name, tags=tags)
    name = name or compiler_fn.__name__
    if name in _registry:
        raise AssertionError(f"duplicate name: {name}")
    _registry[name] = (compiler_fn, frozenset(tags))
    return compiler_fn


def list_backends(exclude_tags=("debug", "experimental")):
    """The names that `compile(backend=...)` accepts."""
    excluded = frozenset(exclude_tags or ())
    return sorted(["inductor", *(name for name, (_, tags) in _registry.items() if not tags & excluded)])


def lookup_backend(name):
    """The back end of that name, as a callable."""
    if callable(name):
        return name
    if name in NATIVE:
        return _run_native
    if name not in _registry:
        raise InvalidBackend(name)
    return _registry[name][0]


class InvalidBackend(RuntimeError):
    """`compile` was asked for a back end that nobody registered."""

    def __init__(self, name):
        super().__init__(f"Invalid backend: {name!r}, see `framejit.compiler.list_backends()` for available backends.")


def other_backend(backend, mode=None):
    """What the extension is told of a back end that is not its own: a name that it replays under, or a callable."""
    if isinstance(backend, str) and backend in _REPLAYED:
        return backend
    if not callable(backend) and not isinstance(backend, str):
        raise TypeError(f"compile: backend must be a string or a callable, not {type(backend).__name__}")
    function = lookup_backend(backend)
    if mode not in (None, "default") and not isinstance(backend, str):
        function = functools.partial(function, mode=mode)
    return function


def _run_native(gm, example_inputs):
    """The native compiler as a back end: it compiles the graph's own code."""
    return _C.CompiledFunction(gm.forward.__func__).__get__(gm)


@register_backend(name="eager")
def _eager(gm, example_inputs):
    """Runs the captured graph op by op."""
    return gm.forward


@register_backend(name="aot_eager")
def _aot_eager(gm, example_inputs):
    """The extension's own replay, for back ends that hand a graph on to it."""
    return _C.CompiledFunction(gm.forward.__func__, backend="aot_eager").__get__(gm)


@register_backend(name="pre_dispatch_eager", tags=("debug",))
def _pre_dispatch_eager(gm, example_inputs):
    """Runs the captured graph op by op, its switches of grad mode and autocast included."""
    return gm.forward


@register_backend(name="eager_noexcept", tags=("debug",))
def _eager_noexcept(gm, example_inputs):
    """`eager`, with failures named as failures of a captured graph."""

    def run(*args):
        try:
            return gm(*args)
        except Exception as error:
            raise RuntimeError("Unexpected exception when running generated GraphModule") from error

    return run


@register_backend(name="eager_debug", tags=("debug",))
def _eager_debug(gm, example_inputs):
    """`eager`, with the graph checked first."""
    gm.graph.lint()
    return gm.forward


# ---- graphs from capture ----------------------------------------------------------------------------------


class Ref(str):
    """In the arguments of a described node: the value of that name."""


def graph_module(inputs, nodes, outputs, examples=()):
    """An fx.GraphModule of a graph given as data.

    inputs, outputs: names of values. nodes: (op name, result names, args, kwargs, meta), where args and kwargs
    hold `Ref`s.
    """
    from framejit.fx import Graph, GraphModule
    from framejit.fx.node import map_aggregate

    graph, values = Graph(), {}

    def resolve(leaf):
        return values[leaf] if isinstance(leaf, Ref) else leaf

    for i, name in enumerate(inputs):
        node = values[name] = graph.create_node("placeholder", "input", name=_readable(name))
        node.target = node.name
        if i < len(examples):
            values[name].meta["example_value"] = examples[i]
    for op, results, args, kwargs, meta in nodes:
        kind, target = _target(op)
        node = graph.create_node(
            kind,
            target,
            map_aggregate(args, resolve),
            map_aggregate(kwargs, resolve),
            results[0] if len(results) == 1 else None,
        )
        node.meta.update(meta or {})
        if len(results) == 1 and not _gives_sequence(op):
            values[results[0]] = node
        else:
            for i, name in enumerate(results):
                values[name] = graph.call_function(operator.getitem, (node, i), name=name)
    graph.output(tuple(values[name] for name in outputs))
    graph.lint()
    return GraphModule({}, graph)


_UNINTERESTING = frozenset(("__dict__", "_modules", "_parameters", "_buffers"))


def _readable(name):
    """An input's name; one that is the path to a value, such as a module's weight, becomes a plain word."""
    parts = [part for part in re.findall(r"\w+", name) if part not in _UNINTERESTING]
    return "_".join(parts) or "input"


_SEQUENCE_OPS = frozenset(
    (
        "split",
        "split_with_sizes",
        "chunk",
        "unbind",
        "tensor_split",
        "meshgrid",
        "hsplit",
        "vsplit",
        "broadcast_tensors",
    )
)


def _gives_sequence(op):
    """Ops that give a tuple even of one tensor."""
    return op.partition(".")[0] in _SEQUENCE_OPS


# what stands in a graph beside ops: changes of the modes in which the following ops run
_SWITCHES = {
    "_set_grad_enabled": "framejit._C._set_grad_enabled",
    "_enter_autocast": "framejit.amp.autocast_mode._enter_autocast",
    "_exit_autocast": "framejit.amp.autocast_mode._exit_autocast",
}


def _target(op):
    """Kind and target of the node that calls an op: its function, or the method where there is none."""
    name = op.partition(".")[0]  # overloads share a name
    if name in _SWITCHES:
        module, _, attribute = _SWITCHES[name].rpartition(".")
        return "call_function", getattr(importlib.import_module(module), attribute)
    function = getattr(_ops, name, None)
    if function is not None:
        return "call_function", function
    if hasattr(_ops.Tensor, name):
        return "call_method", name
    raise RuntimeError(f"the op {op} has no function that a graph for Python could call")


def lower(backend, inputs, nodes, outputs, examples):
    """Give a described graph to a Python back end; the result is the callable that runs it."""
    return call_backend(backend, graph_module(inputs, nodes, outputs, examples), list(examples))


def call_backend(backend, module, examples):
    """What a back end makes of a graph: a callable, or it is a TypeError."""
    compiled = backend(module, examples)
    if not callable(compiled):
        raise TypeError(
            f"the back end {getattr(backend, '__name__', backend)} returned {type(compiled).__name__}, "
            "which is not callable"
        )
    return compiled
