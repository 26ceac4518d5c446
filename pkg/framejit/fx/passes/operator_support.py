"""Which nodes a back end can run: what the partitioner asks."""

import abc

from .tools_common import get_node_target


class OperatorSupportBase(abc.ABC):
    """Derive from it and define `is_node_supported(submodules, node)`. Raises TypeError if that is not defined.

    >>> import framejit
    >>> from framejit.fx.passes.operator_support import OperatorSupportBase
    >>> class Sines(OperatorSupportBase):
    ...     def is_node_supported(self, submodules, node):
    ...         return node.target == "sin"
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin().cos())
    >>> [Sines().is_node_supported({}, node) for node in gm.graph.nodes]
    [False, True, False, False]
    """

    @abc.abstractmethod
    def is_node_supported(self, submodules, node):
        """Whether the back end can run a node. submodules (dict): name -> module. node (fx.Node)."""


class OperatorSupport(OperatorSupportBase):
    """By a table: the name of a target -> None, or the dtypes of its tensors.

    support_dict (dict): name -> None, or a pair of a sequence of dtypes of the positional arguments and a dict of those of the
    named ones; an entry None allows any. Raises nothing of its own.
    """

    def __init__(self, support_dict=None):
        self._support_dict = support_dict or {}

    def is_node_supported(self, submodules, node):
        """Whether the table has the node's target, for the dtypes of its arguments. submodules (dict), node (fx.Node)."""
        if node.op not in ("call_module", "call_function", "call_method"):
            return True
        target = get_node_target(submodules, node)
        if target not in self._support_dict:
            return False
        wanted = self._support_dict[target]
        if wanted is None:
            return True
        positional, named = wanted
        for i, dtypes in enumerate(positional):
            if dtypes and i < len(node.args) and _dtype(node.args[i]) not in dtypes:
                return False
        return all(_dtype(node.kwargs.get(key)) in dtypes for key, dtypes in named.items() if key in node.kwargs)


def _dtype(arg):
    meta = getattr(arg, "meta", {}).get("tensor_meta")
    return getattr(meta, "dtype", None)


class _Chain(OperatorSupportBase):
    def __init__(self, join, supports):
        self._join, self._supports = join, supports

    def is_node_supported(self, submodules, node):
        return self._join(support.is_node_supported(submodules, node) for support in self._supports)


def chain(*op_support):
    """What all of these support. op_support: of OperatorSupportBase. Raises nothing of its own."""
    return _Chain(all, op_support)


def any_chain(*op_support):
    """What one of these supports. op_support: of OperatorSupportBase. Raises nothing of its own."""
    return _Chain(any, op_support)


def create_op_support(is_node_supported):
    """The support that a function of submodules and a node decides. is_node_supported (callable)."""
    made = type("FunctionalOperatorSupport", (OperatorSupportBase,), {
        "is_node_supported": lambda self, submodules, node: is_node_supported(submodules, node)
    })  # fmt: skip
    return made()


class OpSupports:
    """Ready-made supports. Raises nothing of its own."""

    @classmethod
    def decline_if_input_dtype(cls, dtype):
        """Everything but nodes with a tensor of this dtype among their arguments. dtype (framejit.dtype)."""
        return create_op_support(lambda submodules, node: all(_dtype(arg) is not dtype for arg in node.all_input_nodes))

    @classmethod
    def decline_if_node_in_names(cls, disallow_set):
        """Everything but the nodes of these names. disallow_set (set of str)."""
        return create_op_support(lambda submodules, node: node.name not in disallow_set)


__all__ = ["OpSupports", "OperatorSupport", "OperatorSupportBase", "any_chain", "chain", "create_op_support"]
