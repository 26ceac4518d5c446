"""Captured graphs as `fx.GraphModule`s.

The extension describes a graph as plain data. A call of an op becomes a `call_function` node of the op's public function, or
of the Tensor method where the op is one; the nodes of a region (`_regions.py`) become a module of their own.
"""

import importlib
import operator
import re
import sys

from framejit import _C, _ops
from framejit._bodies import take_bodies
from framejit._regions import operator_of


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
        node = values[name] = graph.placeholder(input_target(name))
        if i < len(examples):
            note_example(node, examples[i])
    paths = {}
    nodes = [(*node[:4], node[4] or {}) for node in nodes]
    for i, (op, results, args, kwargs, meta) in enumerate(nodes):
        kind, target = _target(op)
        alone = results[0] if len(results) == 1 else None
        node = graph.create_node(kind, target, map_aggregate(args, resolve), map_aggregate(kwargs, resolve))
        node.meta.update({key: value for key, value in meta.items() if key != "regions"})
        paths[node] = path = _path(nodes, i)
        node.meta["source_fn_stack"] = [(name, operator_of(name)) for _, name in path] + [(node.name, target)]
        if alone is not None and not _gives_sequence(op):
            values[alone] = node
        else:
            for i, name in enumerate(results):
                values[name] = graph.call_function(operator.getitem, (node, i))
                paths[values[name]] = path
    graph.output(tuple(values[name] for name in outputs))
    bodies = take_bodies(graph, keep_regions(graph, paths))
    graph.lint()
    return GraphModule(bodies, graph)


def note_example(node, value):
    """The value that an input had while its graph was captured, and what the program has put on that tensor.

    Weights say that they stay where they are, as `dynamo.mark_static_address` does for others.
    """
    node.meta["example_value"] = value
    known = node.meta["tensor_dict"] = dict(getattr(value, "__dict__", ()))
    parameters = sys.modules.get("framejit.nn.parameter")
    if parameters is not None and isinstance(value, (parameters.Parameter, parameters.Buffer)):
        known.setdefault("_dynamo_static_input_type", "unguarded")


def _path(nodes, i):
    """The regions that a node is in, outermost first. A switch of modes is in those that its neighbours share."""
    own = nodes[i][4].get("regions", ())
    if own or nodes[i][0] not in _SWITCHES:
        return own
    before = next((n[4].get("regions", ()) for n in reversed(nodes[:i]) if n[0] not in _SWITCHES), ())
    after = next((n[4].get("regions", ()) for n in nodes[i + 1 :] if n[0] not in _SWITCHES), ())
    shared = 0
    while shared < min(len(before), len(after)) and before[shared] == after[shared]:
        shared += 1
    return before[:shared]


# ---- regions ----------------------------------------------------------------------------------------------


def keep_regions(graph, paths):
    """Makes a body of the nodes of each region and a call in their place; gives the bodies by name.

    paths: node -> the regions that it is in, as (number, name) pairs, outermost first.
    """
    bodies, names = {}, {}
    for depth in range(max(map(len, paths.values()), default=0), 0, -1):
        runs = []
        for node in graph.nodes:
            path = paths.get(node, ())[:depth]
            if len(path) < depth:
                continue
            if runs and runs[-1][0] == path and node.prev is runs[-1][1][-1]:
                runs[-1][1].append(node)
            else:
                runs.append((path, [node]))
        for path, run in runs:
            for node in _outline(graph, run, operator_of(path[-1][1]), bodies, names):
                paths[node] = path[:-1]
    return bodies


def _outline(graph, run, region, bodies, names):
    """A call of the region's operator in the place of nodes that follow one another; gives the new nodes."""
    from framejit.fx import Graph, GraphModule

    inside = set(run)
    taken = dict.fromkeys(arg for node in run for arg in node.all_input_nodes if arg not in inside)
    given = [node for node in run if any(user not in inside for user in node.users)]
    body, copies = Graph(), {}
    for node in taken:
        if node.op == "get_attr":  # a body below
            copies[node] = body.get_attr(node.target)
        else:
            copies[node] = body.placeholder(node.name)
            copies[node].meta.update(node.meta)
    operands = tuple(node for node in taken if node.op != "get_attr")
    for node in run:
        copies[node] = body.node_copy(node, copies.__getitem__)
    one = region.as_module and len(given) == 1
    body.output(copies[given[0]] if one else tuple(copies[node] for node in given))
    name = region.__name__.rpartition(".")[2]
    target = f"{name}_{names.setdefault(name, 0)}" if region.as_module else f"{name}_body_{names.setdefault(name, 0)}"
    names[name] += 1
    below = {
        node.target: bodies.pop(node.target) for node in body.nodes if node.op == "get_attr" and node.target in bodies
    }
    for node in body.nodes:
        if node.op == "call_module":
            below[node.target] = bodies.pop(node.target)
    bodies[target] = GraphModule(below, body, target)
    made = []

    def add(*args):
        made.append(graph.create_node(*args))
        return made[-1]

    with graph.inserting_before(run[-1].next):
        if region.as_module:
            call = add("call_module", target, operands, {}, given[0].name if one else name)
        else:
            call = add("call_function", region, (add("get_attr", target, (), {}, target), *operands), {}, name)
        for i, node in enumerate(given):
            result = call if one else add("call_function", operator.getitem, (call, i))
            if "example_value" in node.meta:
                result.meta["example_value"] = node.meta["example_value"]
            node.replace_all_uses_with(result, lambda user: user not in inside)
    for node in reversed(run):
        graph.erase_node(node)
    return made


def marked_regions(graph):
    """The regions of a graph in which they are calls of the functions that open and close them, which are taken out."""
    from framejit import _C

    enter, leave = _C._enter_region, _C._exit_region
    marks = [node for node in graph.nodes if node.op == "call_function" and node.target in (enter, leave)]
    closed, stack = set(), []
    for node in marks:
        if node.target is enter:
            stack.append(node)
        elif node.args in [mark.args for mark in stack]:
            while stack[-1].args != node.args:
                stack.pop()
            closed.add(stack.pop())
    paths, path = {}, []
    for number, node in enumerate(graph.nodes):
        if node.target is enter and node in marks:
            path.append((number, node.args[0], node in closed))
        elif node.target is leave and node in marks:
            while path and path.pop()[1] != node.args[0]:
                pass
        elif node.op not in ("placeholder", "output"):
            paths[node] = tuple(region[:2] for region in path if region[2])
    for node in marks:
        graph.erase_node(node)
    return paths


# ---- names ------------------------------------------------------------------------------------------------


def input_target(path):
    """What PyTorch calls the input that this path leads to: `L_x_` for the local `x`, `G_x_` for a global.

    >>> input_target("self.__dict__['_modules']['fc'].__dict__['_parameters']['weight']")
    'L_self_modules_fc_parameters_weight_'
    >>> input_target("globals()['scale']")
    'G_scale_'
    >>> input_target("self.__dict__['scale']")
    'L_self_scale'
    """
    path = re.sub(r"\.__dict__\['(\w+)'\]", r".\1", path.removesuffix(" as a tensor"))
    if path.startswith("globals()["):
        path = f"G{path[len('globals()') :]}"
    else:
        path = re.sub(r"^\W*(\w+)", r"L['\1']", path)
    return re.sub(r"[^a-zA-Z0-9]+", "_", path)


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
        "_begin_body",
        "_cond",
        "_while_loop",
        "_scan",
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
    public = vars(_C).get(name)
    if public is not None:
        return "call_function", public
    if hasattr(_ops.Tensor, name):  # before functions of nn: their `view` is the one that takes a dtype
        return "call_method", name
    if hasattr(_ops, name):
        return "call_function", getattr(_ops, name)
    raise RuntimeError(f"the op {op} has no function that a graph for Python could call")
