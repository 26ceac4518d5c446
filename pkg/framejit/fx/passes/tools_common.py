"""What passes that split graphs share."""

import heapq

from framejit import _C

CALLABLE_NODE_OPS = {"call_module", "call_function", "call_method"}


def get_node_target(submodules, node):
    """What a node calls, as text: the type of the module, the dotted name of the function, or the method's name.

    submodules (dict): name -> module. node (fx.Node): a call. Raises AssertionError for another kind of node.
    """
    if node.op not in CALLABLE_NODE_OPS:
        raise AssertionError("Expect op types of " + ", ".join(CALLABLE_NODE_OPS) + f", but found {node.op}")
    if node.op == "call_module":
        module = submodules[node.target]
        base = (
            type(getattr(module, "_base_class_origin", module))
            if not hasattr(module, "_base_class_origin")
            else (module._base_class_origin)
        )
        return node._pretty_print_target(base)
    if node.op == "call_function":
        function = node.target
        return (
            f"acc_ops.{function.__name__}"
            if getattr(function, "__module__", None) and "acc_ops" in function.__module__
            else node._pretty_print_target(function)
        )
    return node.target


def is_node_output_tensor(node):
    """Whether a node's value is a tensor, as `meta["type"]` says. node (fx.Node). Raises nothing of its own."""
    kind = node.meta.get("type")
    return kind is not None and issubclass(kind, _C.Tensor)


def legalize_graph(gm):
    """Puts the nodes of a module (fx.GraphModule) into an order in which each comes behind its inputs; gives the module.

    Nodes that need no others move stay in their order. Raises RuntimeError where there is a cycle.
    """
    graph = gm.graph
    order = {node: i for i, node in enumerate(graph.nodes)}
    waiting = {node: len(node.all_input_nodes) for node in order}
    rank = {"placeholder": 0, "get_attr": 1}
    ready = [(rank.get(node.op, 2), i, node) for node, i in order.items() if not waiting[node]]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, _, node = heapq.heappop(ready)
        ordered.append(node)
        for user in node.users:
            waiting[user] -= 1
            if not waiting[user]:
                heapq.heappush(ready, (rank.get(user.op, 2), order[user], user))
    if len(ordered) < len(order):
        raise RuntimeError(f"Input graph has cycles, unable to add {sorted(set(order) - set(ordered), key=order.get)}")
    for node in ordered:
        graph._root.prepend(node)
    gm.recompile()
    return gm
