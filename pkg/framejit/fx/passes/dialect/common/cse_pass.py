"""CSEPass: what is computed twice is computed once."""

from framejit.fx.graph import Graph
from framejit.fx.graph_module import GraphModule
from framejit.fx.node import Node
from framejit.fx.passes.infra.pass_base import PassBase, PassResult
from framejit.utils import _pytree as pytree

_RANDOM = (
    "dropout native_dropout rand rand_like randn randn_like randint randint_like randperm bernoulli multinomial normal empty "
    "empty_like empty_strided new_empty rrelu uniform exponential"
).split()
_INPLACE = "add sub mul div pow lerp relu sigmoid tanh copy fill zero resize".split()


def get_CSE_banned_ops():
    """The names of operators whose calls differ although their arguments do not: a set of str.

    >>> from framejit.fx.passes.dialect.common.cse_pass import get_CSE_banned_ops
    >>> "rand" in get_CSE_banned_ops()
    True
    """
    return {*_RANDOM, *(f"{name}_" for name in _INPLACE)}


class CSEPass(PassBase):
    """Called with a module, gives a PassResult of one without equal calls.

    banned_ops (set): operators, or their names, whose calls are never equal; by default what `get_CSE_banned_ops` gives.
    Raises nothing of its own.

    >>> import framejit
    >>> from framejit.fx.passes.dialect.common.cse_pass import CSEPass
    >>> gm = framejit.fx.symbolic_trace(lambda x: framejit.sin(x) + framejit.sin(x))
    >>> print(CSEPass()(gm).graph_module.code.strip())
    def forward(self, x):
        sin = framejit.sin(x);  x = None
        add = sin + sin;  sin = None
        return add
    """

    def __init__(self, banned_ops=None):
        self.banned_ops = set() if banned_ops is None else set(banned_ops)
        super().__init__()

    def _is_banned(self, target):
        name = getattr(target, "__name__", "").partition(".")[0]
        return (
            target in self.banned_ops
            or getattr(target, "overloadpacket", None) in self.banned_ops
            or name in self.banned_ops
            or name in _RANDOM
            or name.endswith("_")
            and not name.endswith("__")
        )

    def call(self, graph_module):
        """The pass itself."""
        graph, copies, seen, modified = Graph(), {}, {}, False
        for node in graph_module.graph.nodes:
            if node.op in ("placeholder", "output", "get_attr", "call_module", "call_method") or self._is_banned(
                node.target
            ):
                copies[node] = graph.node_copy(node, copies.__getitem__)
                continue
            key = self._key(node, copies)
            if key is not None and key in seen:
                modified = True
                copies[node] = seen[key]
                continue
            copies[node] = graph.node_copy(node, copies.__getitem__)
            if key is not None:
                seen[key] = copies[node]
        made = GraphModule(graph_module, graph)
        return PassResult(made, modified)

    def _key(self, node, copies):
        """Equal for calls that give the same; None for what cannot be compared."""
        leaves, spec = pytree.tree_flatten((node.args, node.kwargs))
        key = [node.target, repr(spec)]
        for leaf in leaves:
            key.append((Node, copies[leaf]) if isinstance(leaf, Node) else (type(leaf), leaf))
        try:
            hash(key := tuple(key))
        except TypeError:
            return None
        return key
