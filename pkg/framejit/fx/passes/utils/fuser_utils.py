"""Making one submodule of some nodes of a graph."""

import copy

from framejit.fx.graph import Graph
from framejit.fx.passes.tools_common import legalize_graph

from .common import HolderModule, lift_subgraph_as_module


def topo_sort(nodes):
    """These nodes (list of fx.Node) so that each comes behind its inputs. Raises AssertionError where there is a cycle."""
    waiting = {node: sum(used in nodes for used in node.all_input_nodes) for node in nodes}
    ready = [node for node in nodes if not waiting[node]]
    ordered = []
    while ready:
        node = ready.pop(0)
        ordered.append(node)
        for user in node.users:
            if user in waiting:
                waiting[user] -= 1
                if not waiting[user]:
                    ready.append(user)
    if len(ordered) != len(nodes):
        raise AssertionError("topological sorted nodes doesn't have same length as input nodes")
    return ordered


def validate_partition(partition):
    """Whether these nodes (list of fx.Node) may become one: nothing outside of them lies between two of them."""
    inside = set(partition)
    queue = [user for node in partition for user in node.users if user not in inside]
    visited = set()
    while queue:
        node = queue.pop()
        if node in visited:
            continue
        visited.add(node)
        if node in inside:
            return False
        queue.extend(node.users)
    return True


def fuse_as_graphmodule(gm, nodes, module_name, partition_lookup_table=None, *, always_return_tuple=False):
    """A module of some nodes of a graph, the nodes whose values it takes, and those whose values it gives.

    gm (fx.GraphModule), nodes (list of fx.Node): in order. module_name (str). always_return_tuple (bool): even of one
    value. Raises AssertionError for nodes of another graph, or that cannot be one.
    """
    for node in nodes:
        if node.graph.owning_module is not gm:
            raise AssertionError(f"{node} doesn't belong to passed in graph module {gm._get_name()}")
        if node._erased:
            raise AssertionError(f"{node} has been removed from owning graph")
    if not validate_partition(nodes):
        raise AssertionError("Invalid partition, found dependency cycles")
    subgraph, inputs, copies = Graph(), {}, {}
    inside = set(nodes)

    def translate(node):
        if node in copies:
            return copies[node]
        if node.op == "get_attr":
            copies[node] = subgraph.node_copy(node)
        else:
            copies[node] = inputs[node] = subgraph.placeholder(node.name, type_expr=node.type)
            copies[node].meta = copy.copy(node.meta)
        return copies[node]

    for node in nodes:
        copies[node] = subgraph.node_copy(node, translate)
    outputs = {node: copies[node] for node in nodes if any(user not in inside for user in node.users)}
    values = tuple(outputs.values())
    subgraph.output(values[0] if len(values) == 1 and not always_return_tuple else values)
    subgraph.lint()
    fused, _ = lift_subgraph_as_module(gm, subgraph, comp_name="", class_name=module_name)
    return fused, tuple(inputs), tuple(outputs)


def insert_subgm(gm, sub_gm, orig_inputs, orig_outputs):
    """Calls the module `sub_gm` in the place of the nodes that it was made of. Gives gm."""
    name = type(sub_gm).__name__
    gm.add_submodule(name, sub_gm)
    after = max(orig_outputs, key={n: i for i, n in enumerate(gm.graph.nodes)}.__getitem__) if orig_outputs else None
    with gm.graph.inserting_before(after.next if after is not None else gm.graph.output_node()):
        call = gm.graph.call_module(name, args=orig_inputs, kwargs=None)
        returned = sub_gm.graph.output_node().args[0]
        if isinstance(returned, tuple):
            import operator

            for i, old in enumerate(orig_outputs):
                item = gm.graph.call_function(operator.getitem, (call, i))
                old.replace_all_uses_with(item, propagate_meta=True)
        elif orig_outputs:
            orig_outputs[0].replace_all_uses_with(call, propagate_meta=True)
    return gm


def erase_nodes(gm, nodes):
    """Takes nodes, in order, out of the graph of a module."""
    for node in reversed(nodes):
        gm.graph.erase_node(node)


def fuse_by_partitions(gm, partitions, prefix="fused_", always_return_tuple=False):
    """Makes a submodule of each partition (a dict or list of nodes). Gives gm. prefix (str): of the submodules' names."""
    for i, nodes in enumerate(partitions):
        nodes = topo_sort(list(nodes))
        fused, inputs, outputs = fuse_as_graphmodule(gm, nodes, f"{prefix}{i}", always_return_tuple=always_return_tuple)
        insert_subgm(gm, fused, inputs, outputs)
        erase_nodes(gm, nodes)
    legalize_graph(gm)
    return gm


__all__ = [
    "HolderModule",
    "erase_nodes",
    "fuse_as_graphmodule",
    "fuse_by_partitions",
    "insert_subgm",
    "topo_sort",
    "validate_partition",
]
