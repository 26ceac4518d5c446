"""CapabilityBasedPartitioner: the largest parts of a graph that a back end can run."""

from collections import deque

from framejit.fx.passes.utils.fuser_utils import fuse_by_partitions


class Partition:
    """Nodes that become one submodule. id (int), nodes (iterable of fx.Node). Raises nothing of its own."""

    def __init__(self, id=None, nodes=None):
        self.id = id
        self.nodes = dict.fromkeys(nodes or ())

    def __repr__(self):
        return str(self.nodes)

    def add_node(self, node):
        """One more node."""
        self.nodes[node] = None

    def remove_node(self, node):
        """One node less."""
        del self.nodes[node]

    def size(self):
        """How many nodes."""
        return len(self.nodes)


class CapabilityBasedPartitioner:
    """Finds the parts and makes submodules of them.

    graph_module (fx.GraphModule), operator_support (OperatorSupportBase): says which nodes may be inside.
    allows_single_node_partition (bool): a part may be one node. non_compute_ops (sequence of str): names of functions that do
    not count as work. allowed_single_node_partition_ops (sequence of str): names of functions that may be alone. Raises
    nothing of its own.

    >>> import framejit
    >>> from framejit.fx.passes.infra.partitioner import CapabilityBasedPartitioner
    >>> from framejit.fx.passes.operator_support import create_op_support
    >>> gm = framejit.fx.symbolic_trace(lambda x: (x.sin() + 1).cos())
    >>> able = create_op_support(lambda submodules, node: node.op in ("call_method", "call_function") and node.name != "cos")
    >>> print(CapabilityBasedPartitioner(gm, able).partition_and_fuse().code.strip())
    def forward(self, x):
        fused_0 = self.fused_0(x);  x = None
        cos = fused_0.cos();  fused_0 = None
        return cos
    """

    def __init__(
        self,
        graph_module,
        operator_support,
        allows_single_node_partition=False,
        non_compute_ops=None,
        allowed_single_node_partition_ops=None,
    ):
        self.graph_module, self.operator_support = graph_module, operator_support
        self.allows_single_node_partition = allows_single_node_partition
        self.non_compute_ops = tuple(non_compute_ops or ())
        self.allowed_single_node_partition_ops = tuple(allowed_single_node_partition_ops or ())

    def propose_partitions(self):
        """The parts, as a list of Partition."""
        submodules = dict(self.graph_module.named_modules())
        number, members = {}, {}
        nodes = list(self.graph_module.graph.nodes)
        order = {node: i for i, node in enumerate(nodes)}
        for node in reversed(nodes):
            if node.op in ("placeholder", "output") or not self.operator_support.is_node_supported(submodules, node):
                continue
            number[node] = order[node]
            members[order[node]] = {node}
            near = {number[user] for user in node.users if user in number}
            for other in sorted(near, reverse=True):
                mine = number[node]
                if other != mine and not _makes_cycle(members[mine] | members[other]):
                    members[mine] |= members.pop(other)
                    for member in members[mine]:
                        number[member] = mine
        parts = [sorted(found, key=order.get) for found in members.values()]
        parts = [part for part in parts if self._worth_it(part)]
        parts.sort(key=lambda part: order[part[0]])
        return [Partition(i, part) for i, part in enumerate(parts)]

    def _worth_it(self, nodes):
        if self.allows_single_node_partition:
            return True
        work = [n for n in nodes if n.op != "get_attr" and n._pretty_print_target(n.target) not in self.non_compute_ops]
        alone = {n._pretty_print_target(n.target) for n in nodes} & set(self.allowed_single_node_partition_ops)
        return len(work) > 1 or bool(alone)

    def fuse_partitions(self, partitions, prefix="fused_"):
        """Submodules in the place of the parts (list of Partition); gives the module. prefix (str): of their names."""
        return fuse_by_partitions(self.graph_module, [list(p.nodes) for p in partitions], prefix)

    def remove_bookend_non_compute_ops(self, partitions):
        """Takes what is no work from the beginning and end of parts (list of Partition)."""
        for partition in partitions:
            changed = True
            while changed:
                changed = False
                for node in list(partition.nodes):
                    free = node._pretty_print_target(node.target) in self.non_compute_ops
                    outside = all(n not in partition.nodes for n in node.all_input_nodes) or all(
                        n not in partition.nodes for n in node.users
                    )
                    if free and outside:
                        partition.remove_node(node)
                        changed = True

    def partition_and_fuse(self, prefix="fused_"):
        """Finds the parts and makes submodules of them; gives the module. prefix (str): of their names."""
        return self.fuse_partitions(self.propose_partitions(), prefix)


def _makes_cycle(inside):
    """Whether something outside lies between two of these nodes."""
    queue = deque(user for node in inside for user in node.users if user not in inside)
    seen = set(queue)
    while queue:
        for user in queue.popleft().users:
            if user in inside:
                return True
            if user not in seen:
                seen.add(user)
                queue.append(user)
    return False
