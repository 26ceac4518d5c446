"""Graphs whose sizes vary, for back ends written in Python.

Capture hands over the calls that it made, those on sizes among them, so that the one `fx.GraphModule` made of them is
right for every size that the segment's guards let through.
"""

import operator

from framejit import _C
from framejit.fx import Graph, GraphModule
from framejit.fx.node import map_aggregate

from ._backends import call_backend
from ._captured import keep_regions, marked_regions, readable


class Slot(int):
    """In a description: the value that an earlier step has given."""


class Known:
    """In a description: a result that the guards let come out only as it did in the trace."""

    def __init__(self, value):
        self.value = value


_COPIES = (_C.Tensor.clone, _C.Tensor.detach)
_BUILTINS = {"getattr": getattr, "len": len}


_WITHOUT_ASSIGNMENT = {
    f"i{name.rstrip('_')}": name for name in "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift".split()
}


class _Builder:
    """Makes the graph. `note_known` is told of the nodes whose results the guards hold fixed; without it, they are left out."""

    def __init__(self, examples, note_known=None):
        self.graph, self.values, self.examples = Graph(), {}, iter(examples)
        self.note_known = note_known
        self.optional = []  # nodes that only compute sizes

    def resolve(self, args):
        if isinstance(args, dict):
            return {key: self.resolve(value) for key, value in args.items()}
        return map_aggregate(args, lambda leaf: self.values[leaf] if isinstance(leaf, Slot) else leaf)

    def step(self, function, args, result, acts):
        if function == "input":
            node = self.graph.create_node("placeholder", "input", name=readable(args[0]))
            node.target = node.name
            node.meta["example_value"] = next(self.examples)
        elif function == "check":
            return self.note_known(self.resolve(args)[0], result.value)
        else:
            if not acts:  # on numbers, which never change
                function = _WITHOUT_ASSIGNMENT.get(function, function)
            node = self.call(function, args)
            if isinstance(result, Known) and self.note_known:
                self.note_known(node, result.value)
            elif not acts:
                self.optional.append(node)
        self.bind(node, result)

    def call(self, function, args):
        if function == "call":
            callee, positional, named = args
            return self.graph.call_function(callee, self.resolve(positional), self.resolve(named or {}))
        if function == "method":
            method, owner, positional, named = args
            args = (self.resolve(owner), *self.resolve(positional))
            return self.graph.call_method(method.__name__, args, self.resolve(named or {}))
        if function == "getattr" and args[1] == "shape":
            return self.graph.call_method("size", (self.resolve(args[0]),))
        return self.graph.call_function(_BUILTINS.get(function) or getattr(operator, function), self.resolve(args))

    def bind(self, node, result):
        """Give the parts of a result their slots; what a slot holds already is the same object again."""
        if isinstance(result, Slot):
            self.values.setdefault(result, node)
        elif isinstance(result, tuple):
            for i, part in enumerate(result):
                if isinstance(part, Slot | tuple):
                    item = self.graph.call_function(operator.getitem, (node, i))
                    self.optional.append(item)
                    self.bind(item, part)

    def finish(self, outputs):
        self.graph.output(tuple(self.values[slot] for slot in outputs))
        for node in reversed(self.optional):
            if not node.users:
                self.graph.erase_node(node)
        for node in reversed(self.graph.nodes):  # copies that capture makes of what is read, in case
            if not node.users and node.target in _COPIES:
                self.graph.erase_node(node)
        bodies = keep_regions(self.graph, marked_regions(self.graph))
        self.graph.lint()
        return GraphModule(bodies, self.graph)


def lower(backend, steps, outputs, examples):
    """Give a tape to a Python back end; the result is the callable that runs it for any sizes.

    A back end that has a method `note_known` hears of the facts on sizes, too, as nodes and the values that they must have.
    """
    note_known = getattr(backend, "note_known", None)
    builder = _Builder(examples, note_known)
    for step in steps:
        if not note_known and not step[3] and not isinstance(step[2], Slot | tuple):
            continue  # a fact that the guards hold
        if step[2] is None and not step[3]:
            continue
        builder.step(*step)
    return call_backend(backend, builder.finish(outputs), list(examples))
