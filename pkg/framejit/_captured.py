"""Captured graphs as `fx.GraphModule`s.

The extension describes a graph as plain data. A call of an op becomes a `call_function` node of the op's public function, or
of the Tensor method where the op is one; the nodes of a region (`_regions.py`) become a module of their own.
"""

import importlib
import operator
import re

from framejit import _ops
from framejit._regions import operator_of


class Ref(str):
    """In the arguments of a described node: the value of that name."""


def graph_module(inputs, nodes, outputs, examples=()):
    """An fx.GraphModule of a graph given as data.

    inputs, outputs: names of values. nodes: (op name, result names, args, kwargs, meta), where args and kwargs
    hold `Ref`s.
    """
    from framejit.fx import GraphModule

    builder = _Builder({})
    for i, name in enumerate(inputs):
        node = builder.placeholder(name)
        if i < len(examples):
            node.meta["example_value"] = examples[i]
    nodes = [(*node[:4], node[4] or {}) for node in nodes]
    paths = [_path(nodes, i) for i in range(len(nodes))]
    builder.add(list(zip(nodes, paths)), 0, outputs)
    return GraphModule(builder.bodies, builder.finish(outputs))


class _Builder:
    """One fx graph in the making: the whole one, or the body of a region."""

    def __init__(self, bodies):
        from framejit.fx import Graph

        self.graph, self.values = Graph(), {}
        self.bodies = bodies  # name -> module, of the regions below
        self.count = [0]  # shared by all bodies, so that their names differ

    def placeholder(self, name):
        node = self.values[name] = self.graph.create_node("placeholder", "input", name=readable(name))
        node.target = node.name
        return node

    def finish(self, outputs):
        """outputs: a name, or several."""
        one = isinstance(outputs, str)
        self.graph.output(self.values[outputs] if one else tuple(self.values[name] for name in outputs))
        self.graph.lint()
        return self.graph

    def add(self, rows, depth, outputs):
        """The nodes, as pairs with the regions they are in; those deeper than `depth` become bodies."""
        i = 0
        while i < len(rows):
            (op, results, args, kwargs, meta), path = rows[i]
            if len(path) <= depth:
                self.add_node(op, results, args, kwargs, meta)
                i += 1
                continue
            end = i
            while end < len(rows) and rows[end][1][depth : depth + 1] == path[depth : depth + 1]:
                end += 1
            later = {*outputs, *(name for row, _ in rows[end:] for name in _refs((row[2], row[3])))}
            self.add_region(path[depth][1], rows[i:end], depth + 1, later)
            i = end

    def add_node(self, op, results, args, kwargs, meta):
        from framejit.fx.node import map_aggregate

        def resolve(leaf):
            return self.values[leaf] if isinstance(leaf, Ref) else leaf

        kind, target = _target(op)
        alone = results[0] if len(results) == 1 else None
        args, kwargs = map_aggregate(args, resolve), map_aggregate(kwargs, resolve)
        node = self.graph.create_node(kind, target, args, kwargs, alone)
        node.meta.update({key: value for key, value in (meta or {}).items() if key != "regions"})
        if alone is not None and not _gives_sequence(op):
            self.values[alone] = node
        else:
            for i, name in enumerate(results):
                self.values[name] = self.graph.call_function(operator.getitem, (node, i), name=name)

    def add_region(self, name, rows, depth, later):
        """A call of the region's operator with the body and what it takes; what is used later becomes a result of it."""
        from framejit.fx import GraphModule

        made = [result for row, _ in rows for result in row[1]]
        taken = dict.fromkeys(ref for row, _ in rows for ref in _refs((row[2], row[3])) if ref not in made)
        given = [result for result in made if result in later]
        body = _Builder({})
        body.count = self.count
        for ref in taken:
            body.placeholder(ref)
        body.add(rows, depth, given)
        region = operator_of(name)
        plain = name.rpartition(".")[2] if region.as_module else f"{name}_body"
        target = f"{plain}_{self.count[0]}"
        self.count[0] += 1
        operands = tuple(self.values[ref] for ref in taken)
        if region.as_module and len(given) == 1:
            self.bodies[target] = GraphModule(body.bodies, body.finish(given[0]), target)
            self.values[given[0]] = self.graph.create_node("call_module", target, operands, {}, given[0])
            return
        self.bodies[target] = GraphModule(body.bodies, body.finish(given), target)
        if region.as_module:
            call = self.graph.create_node("call_module", target, operands, {}, plain)
        else:
            attribute = self.graph.get_attr(target)
            call = self.graph.create_node("call_function", region, (attribute, *operands), {}, name)
        for i, result in enumerate(given):
            self.values[result] = self.graph.call_function(operator.getitem, (call, i), name=result)


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


def _refs(value):
    """The names of values in arguments."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _refs(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _refs(part)


_UNINTERESTING = frozenset(("__dict__", "_modules", "_parameters", "_buffers"))


def readable(name):
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
