"""split_module: a graph cut into submodules."""

import operator

from framejit.fx.graph import Graph
from framejit.fx.graph_module import GraphModule


class Partition:
    """The nodes of one submodule, what it takes and gives, and which submodules it needs. name (str): its number as text."""

    def __init__(self, name):
        self.name, self.submod_name = name, f"submod_{name}"
        self.node_names = []
        self.inputs, self.outputs, self.dependencies = {}, {}, {}
        self.graph, self.environment, self.targets = Graph(), {}, {}

    def __repr__(self):
        return (
            f"name: {self.name},\n nodes: {self.node_names},\n inputs: {list(self.inputs)},\n "
            f"outputs: {list(self.outputs)},\n partitions depended on: {list(self.dependencies)}"
        )


def split_module(
    m,
    root_m,
    split_callback,
    qualname_map=None,
    keep_original_order=False,
    keep_original_node_name=False,
    keep_original_input_name=True,
    *,
    partition_affix=None,
    tuple_return=False,
):
    """A module that calls submodules `submod_0`, `submod_1`, … made of the nodes of `m`.

    m (fx.GraphModule): stays as it is. root_m (nn.Module): accepted. split_callback (callable): the number of a node's part.
    qualname_map (dict): filled with new names of submodules -> their old ones. keep_original_order (bool): parts are called in
    the order of their first nodes. keep_original_node_name, keep_original_input_name (bool): nodes keep their names.
    partition_affix (str): between `submod_` and the number. tuple_return (bool): parts give tuples even of one value. Raises
    RuntimeError where parts need each other.

    >>> import framejit
    >>> from framejit.fx.passes.split_module import split_module
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin().cos())
    >>> split = split_module(gm, None, lambda node: int(node.name == "cos"))
    >>> print(split.code.strip())
    def forward(self, x):
        submod_0 = self.submod_0(x);  x = None
        submod_1 = self.submod_1(submod_0);  submod_0 = None
        return submod_1
    """
    return _Splitter(m, split_callback, qualname_map, keep_original_order, keep_original_node_name, partition_affix,
                     tuple_return).split()  # fmt: skip


_OUTSIDE = ("placeholder", "get_attr", "output")


class _Splitter:
    def __init__(self, m, callback, qualname_map, keep_order, keep_names, affix, tuple_return):
        self.module, self.qualname_map, self.tuple_return = m, qualname_map, tuple_return
        self.keep_order, self.keep_names, self.affix = keep_order, keep_names, affix
        self.partitions, self.part_of = {}, {}
        for node in m.graph.nodes:
            if node.op in _OUTSIDE:
                continue
            name = str(callback(node))
            part = self.partitions.setdefault(name, Partition(name))
            if affix:
                part.submod_name = f"submod_{affix}_{name}"
            part.node_names.append(node.name)
            self.part_of[node] = part

    def split(self):
        self._note_uses()
        order = self._order()
        for part in order:
            for node in part.inputs:
                made = part.graph.placeholder(node.name, type_expr=node.type)
                made.meta = dict(node.meta)
                part.environment[node] = made
        for node in self.module.graph.nodes:
            if node in self.part_of:
                self._copy(node, self.part_of[node])
        return self._base(order)

    def _note_uses(self):
        for node in self.module.graph.nodes:
            user = self.part_of.get(node)
            for used in node.all_input_nodes:
                maker = self.part_of.get(used)
                if maker is user:
                    continue
                if maker is not None:
                    maker.outputs.setdefault(used)
                if user is not None:
                    user.inputs.setdefault(used)
                    if maker is not None:
                        user.dependencies.setdefault(maker.name)

    def _order(self):
        """The parts so that each comes behind those that it needs."""
        if self.keep_order:
            seen = {}
            for node in self.module.graph.nodes:
                if node in self.part_of:
                    seen.setdefault(self.part_of[node].name, self.part_of[node])
            return list(seen.values())
        waiting, ordered, done = dict(self.partitions), [], set()
        while waiting:
            ready = [part for part in waiting.values() if done.issuperset(part.dependencies)]
            if not ready:
                raise RuntimeError("cycle exists between partitions!")
            ordered.append(ready[0])
            done.add(ready[0].name)
            del waiting[ready[0].name]
        return ordered

    def _copy(self, node, part):
        copied = part.graph.node_copy(node, part.environment.__getitem__)
        if node.op == "call_module":
            module = self.module.get_submodule(node.target)
            copied.target = node.target.replace(".", "_")
            part.targets[copied.target] = module
            if self.qualname_map is not None:
                self.qualname_map[f"{part.submod_name}.{copied.target}"] = node.target
        part.environment[node] = copied

    def _base(self, order):
        base, values, attributes = Graph(), {}, {}
        for node in self.module.graph.nodes:
            if node.op in ("placeholder", "get_attr"):
                values[node] = base.node_copy(node)
                if node.op == "get_attr":
                    attributes[node.target] = _attribute(self.module, node.target)
        for part in order:
            outputs = tuple(part.environment[node] for node in part.outputs)
            single = len(outputs) == 1 and not self.tuple_return
            part.graph.output(outputs[0] if single else outputs)
            attributes[part.submod_name] = GraphModule(part.targets, part.graph)
            if not part.outputs and not part.inputs and not part.node_names:
                continue
            call = base.call_module(part.submod_name, tuple(values[node] for node in part.inputs))
            for i, node in enumerate(part.outputs):
                if single:
                    values[node] = call
                    call.meta = {**node.meta}
                else:
                    name = node.name if self.keep_names else None
                    values[node] = base.call_function(operator.getitem, (call, i), name=name)
                    values[node].meta = {**node.meta}
        output = self.module.graph.output_node()
        base.node_copy(output, values.__getitem__)
        made = GraphModule(attributes, base)
        made.meta.update(getattr(self.module, "meta", {}))
        return made


def _attribute(module, target):
    for part in target.split("."):
        module = getattr(module, part)
    return module
