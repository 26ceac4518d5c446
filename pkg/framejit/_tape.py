"""Graphs of the calls that a program makes, for back ends written in Python.

Capture hands over the calls that it made, in the form in which the program has them (a method, an operator, a function) and
with those on sizes among them, so that the one `fx.GraphModule` made of them is right for every size that the segment's
guards let through. What cannot be told as calls comes as ops (`_captured.py`).
"""

import linecache
import operator
import os

from framejit import _C
from framejit.fx import Graph, GraphModule
from framejit.fx.node import map_aggregate

from ._backends import call_backend
from ._bodies import take_bodies
from ._captured import input_target, keep_regions, marked_regions, note_example, operator_of
from ._common import without_memory


class Slot(int):
    """In a description: the value that an earlier step has given."""


class Known:
    """In a description: a result that the guards let come out only as it did in the trace."""

    def __init__(self, value):
        self.value = value


def _told():
    """Stands for what classes with `__torch_dispatch__` are told; no graph computes it."""


_OF_A_TRACE = (_told, _C._make_wrapper_subclass)
_COPIES = (_C.Tensor.clone, _C.Tensor.detach)
_BUILTINS = {"getattr": getattr, "len": len}


_WITHOUT_ASSIGNMENT = {
    f"i{name.rstrip('_')}": name for name in "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift".split()
}


# calls that say little outside the extension: derivatives and batches inside the trace, autocast's single switches
_INNER = ("_func_", "_vmap_", "_leaves_beyond", "_call_op", "_autocast_args", "set_autocast", "clear_autocast")
_REGIONS = (_C._enter_region, _C._exit_region)
_HERE = os.path.dirname(__file__) + os.sep


class _Builder:
    """Makes the graph. `note_known` is told of the nodes whose results the guards hold fixed; without it, they are left out.

    slots: for each slot what it holds at every call, or None, and the local variable that it was stored to, or None.
    """

    def __init__(self, examples, slots, note_known=None):
        self.graph, self.values, self.examples = Graph(), {}, iter(examples)
        self.slots, self.note_known = slots, note_known
        self.optional = []  # nodes that only compute sizes
        self.managed = set()  # switches of grad mode that `no_grad` and its like make, not the program itself
        self.constants = {}
        self.last_input = self.graph._root

    def resolve(self, args):
        if isinstance(args, dict):
            return {key: self.resolve(value) for key, value in args.items()}
        return map_aggregate(args, self.leaf)

    def leaf(self, leaf):
        if isinstance(leaf, Slot):
            return self.values[leaf]
        return self.constant(leaf) if isinstance(leaf, _C.Tensor) else leaf

    def constant(self, tensor):
        """A tensor of the framework's own, which no path from the program leads to."""
        name = next((name for name, known in self.constants.items() if known is tensor), None)
        if name is None:
            name = f"_tensor_constant{len(self.constants)}"
            self.constants[name] = tensor
        return self.graph.get_attr(name)

    def step(self, function, args, result, acts, place):
        if function == "input":
            return self.input(args[0], result)
        if function == "check":
            return self.note_known(self.resolve(args)[0], result.value)
        if not acts:  # on numbers, which never change
            function = _WITHOUT_ASSIGNMENT.get(function, function)
        node = self.call(function, args)
        if place:
            node.stack_trace = _stack_trace(*place)
            if node.target is _C._set_grad_enabled and place[0].startswith(_HERE):
                self.managed.add(node)
        if isinstance(result, Known) and self.note_known:
            self.note_known(node, result.value)
        elif not acts:
            self.optional.append(node)
        self.bind(node, result, rebinds=function in _WITHOUT_ASSIGNMENT)

    def input(self, path, result):
        with self.graph.inserting_after(self.last_input):
            self.last_input = node = self.graph.placeholder(input_target(path))
        note_example(node, next(self.examples))
        self.values[result] = node

    def whole_call(self, function, args, named, result, place):
        from ._whole_calls import functions

        target, args, named = functions[function], self.resolve(args), self.resolve(named or {})
        if target is None:
            node = self.graph.call_function(function, args, named)
        else:
            node = self.graph.call_method(target, args, named)
        node.stack_trace = _stack_trace(*place)
        self.bind(node, result)

    def call(self, function, args):
        if function == "told":
            return self.graph.call_function(_told)
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

    def bind(self, node, result, rebinds=False):
        """Give the parts of a result their slots; what a slot holds already is the same object again.

        rebinds: the program's variable has this result from now on, as in `x += 1`."""
        if isinstance(result, Slot):
            value, name = self.slots[result]
            if isinstance(value, _C.Tensor):
                example = without_memory(value)
                node.meta.setdefault("example_value", example.requires_grad_() if value.requires_grad else example)
            if rebinds or result not in self.values:
                if name:
                    node._rename(name)
                self.values[result] = node
        elif isinstance(result, tuple):
            for i, part in enumerate(result):
                if isinstance(part, Slot | tuple):
                    item = self.graph.call_function(operator.getitem, (node, i))
                    item.stack_trace = node.stack_trace
                    self.optional.append(item)
                    self.bind(item, part)

    def finish(self, outputs):
        self.graph.output(tuple(self.values[slot] for slot in outputs))
        for node in reversed(self.optional):
            if not node.users and node.target is not _C._begin_body:
                self.graph.erase_node(node)
        for node in reversed(self.graph.nodes):  # copies that capture makes of what is read, in case
            if not node.users and node.target in _COPIES:
                self.graph.erase_node(node)
        self.join_grad_modes()
        paths = marked_regions(self.graph)
        for node in self.graph.nodes:
            if node.op.startswith("call_"):
                path = [(name, operator_of(name)) for _, name in paths.get(node, ())]
                node.meta["source_fn_stack"] = [*path, (node.name, node.target)]
        bodies = take_bodies(self.graph, keep_regions(self.graph, paths))
        self.graph.lint()
        return GraphModule({**bodies, **self.constants}, self.graph)

    def join_grad_modes(self):
        """Take out switches of grad mode that change nothing, and end in the mode that the graph was entered in."""
        on = at_entry = _C.is_grad_enabled()
        last = None  # a switch that no node has followed yet
        for node in self.graph.nodes:
            if node.op == "output":
                if on != at_entry:
                    with self.graph.inserting_before(node):
                        self.graph.call_function(_C._set_grad_enabled, (at_entry,))
            elif node.target is not _C._set_grad_enabled:
                last = None
            elif node.args[0] == on:
                if node in self.managed:
                    self.graph.erase_node(node)
                last = None
            else:
                on = node.args[0]
                if last is None:
                    last = node
                else:
                    self.graph.erase_node(last)
                    self.graph.erase_node(node)
                    last = None


def _stack_trace(file, line, function):
    name = function.rpartition(".")[2]
    return f'  File "{file}", line {line}, in {name}\n    {linecache.getline(file, line).strip()}\n'


def _is_told_as_ops(step):
    function, args = step[:2]
    return function == "call" and getattr(args[0], "__name__", "").startswith(_INNER)


def _whole_calls(steps, outputs, calls):
    """first step -> (last step + 1, call), of those calls of which later steps use nothing but the result."""
    used, wanted = set(), {}
    _add_slots(outputs, used)
    last = len(steps)
    for begin, end, call in reversed(calls):
        for step in steps[end:last]:
            _add_slots(step[1], used)
        last = end
        own = steps[begin:end]
        made, given = set(), set()
        for step in own:
            if step[0] != "input":
                _add_slots(step[2], made)
        _add_slots(call[3], given)
        about_regions = any(step[0] == "call" and step[1][0] in _REGIONS for step in own)
        if not made & used - given and any(step[3] and step[0] != "input" for step in own) and not about_regions:
            wanted[begin] = end, call
            _add_slots(call[1:3], used)
        else:
            for step in own:
                _add_slots(step[1], used)
        last = begin
    return wanted


def _add_slots(value, found):
    map_aggregate(value, lambda leaf: found.add(leaf) if isinstance(leaf, Slot) else None)


def lower(backend, steps, outputs, examples, slots, calls, varies):
    """Give a tape to a Python back end; the result is the callable that runs it for any sizes. None: it is better told as ops.

    varies (bool): sizes may.

    A back end that has a method `note_known` hears of the facts on sizes, too, as nodes and the values that they must have.
    """
    note_known = getattr(backend, "note_known", None)
    if not varies and any(map(_is_told_as_ops, steps)):
        return None
    builder = _Builder(examples, slots, note_known)
    whole = {} if note_known else _whole_calls(steps, outputs, calls)
    i = 0
    while i < len(steps):
        if i in whole:
            end, call = whole[i]
            for step in steps[i:end]:
                if step[0] == "input":
                    builder.step(*step)
            builder.whole_call(*call)
            i = end
        else:
            result, acts = steps[i][2:4]
            known = isinstance(result, Known) and note_known  # else a fact that the guards hold says nothing
            if acts or known or isinstance(result, Slot | tuple):
                builder.step(*steps[i])
            i += 1
    module = builder.finish(outputs)
    if any(node.target in _OF_A_TRACE for node in module.graph.nodes):
        return None
    return call_backend(backend, module, list(examples))
