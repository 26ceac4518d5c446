"""Bodies of operators that take functions, in graphs for Python.

A captured graph comes with the nodes of each body between two marks, before the operator. Here they become modules of
their own, which the operator takes as arguments, as in PyTorch.
"""

import operator

from framejit import _C, _control_flow

# what stands for the operator in a graph with marks -> the operator, names of its bodies
_OPERATORS = {
    _C._cond: (_control_flow.cond_op, ("cond_true", "cond_false")),
    _C._while_loop_back: (_control_flow.while_loop_back_op, ("loop_cond_fn", "loop_body_fn", "loop_back_fn")),
    _C._while_loop: (_control_flow.while_loop_op, ("cond_fn", "body_fn")),
    _C._scan: (_control_flow.scan_op, ("scan_combine_fn",)),
}
_MAP = (_control_flow.map_op, ("map_body",))  # a scan that carries nothing


def take_bodies(graph, modules):
    """Makes modules of what stands between marks, beside those that there are by name; gives all."""
    numbers, opened, closed = {}, [], []
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        if node.target is _C._begin_body:
            opened.append(node)
        elif node.target is _C._drop_body:
            graph.erase_node(node)
            graph.erase_node(opened.pop())
        elif node.target is _C._end_body:
            closed.append((opened.pop(), node))
        elif node.target in _OPERATORS:
            op, names = _MAP if node.target is _C._scan and not node.args[0] else _OPERATORS[node.target]
            bodies, closed = closed[-len(names) :], closed[: -len(names)]
            _replace(graph, node, bodies, op, names, modules, numbers)
    return modules


def _replace(graph, node, bodies, op, names, modules, numbers):
    """The operator, with modules, in the place of a marked call."""
    parts = [_Part(*marks, modules) for marks in bodies]
    shared = [arg for arg in parts[0].outside if all(arg in part.outside for part in parts)]
    operands = tuple(dict.fromkeys(shared + [arg for part in parts for arg in part.outside]))
    number = numbers.setdefault(op, 0)
    numbers[op] += 1
    made = {f"{name}_{number}": part.module(operands, op, modules) for name, part in zip(names, parts)}
    modules.update(made)
    with graph.inserting_before(node):
        attributes = [graph.create_node("get_attr", name, (), {}, name) for name in made]
        call = graph.create_node("call_function", op, op.arguments(node, attributes, operands), {}, op.__name__)
    call.meta.update(node.meta, source_fn_stack=[(call.name, op)])
    node.replace_all_uses_with(call)
    examples = {user.args[1]: user.meta.get("example_value") for user in call.users if user.target is operator.getitem}
    if len(examples) == len(parts[-1].results):
        call.meta["example_value"] = tuple(examples[i] for i in sorted(examples))
    graph.erase_node(node)
    for part in reversed(parts):
        part.erase(graph)


class _Part:
    """The nodes of one body."""

    def __init__(self, begin, end, modules):
        self.begin, self.end, self.nodes = begin, end, []
        self.parameters = {}  # what takes one out of the stand-ins -> which
        self.results = tuple(end.args[0])
        node = begin.next
        while node is not end:
            if node.target is operator.getitem and node.args[0] is begin:
                self.parameters[node] = node.args[1]
            elif node.op != "placeholder" and (
                node.op != "get_attr" or node.target in modules
            ):  # those are the graph's
                self.nodes.append(node)
            node = node.next
        inside = {*self.nodes, *self.parameters}
        read = [arg for node in self.nodes for arg in node.all_input_nodes] + list(self.results)
        self.outside = [arg for arg in dict.fromkeys(read) if arg not in inside]

    def module(self, operands, op, modules):
        from framejit.fx import Graph, GraphModule

        body = Graph()
        like = [node for nodes in self.begin.args for node in nodes]
        stand_ins = [_input(body, node) for node in like]
        copies = {node: stand_ins[i] for node, i in self.parameters.items()}
        copies |= {node: _input(body, node) for node in operands}
        for node, copy in copies.items():
            copy.meta.update(node.meta)
        for node in self.nodes:
            copy = copies[node] = body.node_copy(node, copies.__getitem__)
            if "source_fn_stack" in copy.meta:
                copy.meta["source_fn_stack"] = [(op.__name__, op), *copy.meta["source_fn_stack"]]
            self._prefix(node, modules, op)
        body.output(tuple(copies[node] for node in self.results))
        own = [node.target for node in self.nodes if node.op in ("get_attr", "call_module")]
        return GraphModule({name: modules.pop(name) for name in own if name in modules}, body)

    @staticmethod
    def _prefix(node, modules, op):
        """Nodes of bodies in this one are deeper by one operator."""
        module = modules.get(node.target) if node.op == "get_attr" else None
        for inner in module.graph.nodes if module else ():
            if "source_fn_stack" in inner.meta:
                inner.meta["source_fn_stack"] = [(op.__name__, op), *inner.meta["source_fn_stack"]]

    def erase(self, graph):
        graph.erase_node(self.end)
        for node in reversed(self.nodes):
            graph.erase_node(node)
        for node in self.parameters:
            graph.erase_node(node)
        graph.erase_node(self.begin)


def _input(body, outside):
    node = body.create_node("placeholder", outside.name, name=outside.name)
    node.target = node.name
    return node
