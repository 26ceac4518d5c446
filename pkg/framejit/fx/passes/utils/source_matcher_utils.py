"""Parts of a graph by what they came from: a function that was called, or a module."""

import dataclasses

from framejit.fx.node import Node

__all__ = ["SourcePartition", "check_subgraphs_connected", "get_source_partitions"]


@dataclasses.dataclass
class SourcePartition:
    """The nodes that one call of a function or module became. nodes, input_nodes, output_nodes, params (list of Node),
    source (object): the function, its name, or the class of modules. Raises nothing of its own.
    """

    nodes: list
    source: object
    input_nodes: list = dataclasses.field(default_factory=list)
    output_nodes: list = dataclasses.field(default_factory=list)
    params: list = dataclasses.field(default_factory=list)


def _sources(node):
    """What a node may be asked for by, as pairs of the call's name and the source."""
    stack = node.meta.get("source_fn_stack")
    if stack:
        yield tuple(stack[-1])
    if node.meta.get("torch_fn"):
        name, function = node.meta["torch_fn"]
        yield name, function.rpartition(".")[2]
    if node.op == "call_function" and node.meta.get("nn_module_stack"):
        yield list(node.meta["nn_module_stack"].values())[-1]


def _wanted(source, wanted):
    """The wanted source that this one is, or None."""
    for each in wanted:
        if each is source or isinstance(source, type) and isinstance(each, type) and issubclass(source, each):
            return each
        if isinstance(source, str) and source in (
            each,
            f"{each.__module__}.{each.__qualname__}" if isinstance(each, type) else each,
        ):
            return each
    return None


def get_source_partitions(graph, wanted_sources, filter_fn=None):
    """A dict from sources to the parts of the graph that calls of them became.

    graph (Graph), wanted_sources (list): functions, names of functions, or classes of modules. filter_fn (callable): of a
    node; parts with a node for which it says False are left out. Raises nothing of its own.

    >>> import framejit
    >>> from framejit.fx.passes.utils.source_matcher_utils import get_source_partitions
    >>> exported = framejit.export.export(framejit.nn.Sequential(framejit.nn.ReLU(), framejit.nn.ReLU()), (framejit.ones(2),))
    >>> [[n.name for n in part.nodes] for part in get_source_partitions(exported.graph, ["relu"])["relu"]]
    [['relu'], ['relu_1']]
    """
    found = {}  # source -> name of the call -> nodes
    for node in graph.nodes:
        for name, source in _sources(node):
            wanted = _wanted(source, wanted_sources)
            if wanted is not None:
                found.setdefault(wanted, {}).setdefault(name, []).append(node)
                break
    return {
        source: [
            _partition(nodes, source) for nodes in calls.values() if filter_fn is None or all(map(filter_fn, nodes))
        ]
        for source, calls in found.items()
    }


def _partition(nodes, source):
    inside = set(nodes)
    inputs, outputs, params = {}, [], []
    for node in nodes:
        inputs.update(
            (arg, None) for arg in node.args if isinstance(arg, Node) and arg not in inside and arg.op != "get_attr"
        )
        if node.op == "get_attr":
            params.append(node)
        elif any(user not in inside for user in node.users):
            outputs.append(node)
    return SourcePartition(nodes, source, list(inputs), outputs, params)


def check_subgraphs_connected(subgraph1, subgraph2):
    """Whether a node of the second part uses one of the first. subgraph1, subgraph2 (SourcePartition)."""
    second = set(subgraph2.nodes)
    return any(user in second for node in subgraph1.nodes for user in node.users)
