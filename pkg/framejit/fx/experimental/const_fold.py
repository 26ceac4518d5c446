"""split_const_subgraphs: what of a graph depends on no input is computed once."""

import operator

from framejit.fx.graph import Graph
from framejit.fx.graph_module import GraphModule
from framejit.fx.symbolic_trace import symbolic_trace
from framejit.nn import Module, Parameter, ParameterList

_NAME = "_FX_CONST_FOLDED_ATTRS"


class FoldedGraphModule(GraphModule):
    """A graph module whose constant part is computed at its first call, or by `run_folding`.

    root (nn.Module), graph (fx.Graph), const_subgraph (fx.Graph or None), fx_const_folded_attrs_name (str),
    device_for_folded_attrs (str): accepted. Raises nothing of its own.
    """

    def __init__(
        self, root, graph, const_subgraph=None, fx_const_folded_attrs_name=None, device_for_folded_attrs="cpu"
    ):
        super().__init__(root, graph)
        self.const_subgraph_module = None if const_subgraph is None else GraphModule(root, const_subgraph)
        self.has_folding_been_run = False
        self.fx_const_folded_attrs_name = fx_const_folded_attrs_name
        self.device_for_folded_attrs = device_for_folded_attrs

    def __call__(self, *args, **kwargs):
        if not self.has_folding_been_run:
            self.run_folding()
        return self.forward(*args, **kwargs)

    def run_folding(self):
        """Compute the constant part now. Raises AssertionError if that has been done."""
        if self.const_subgraph_module is None or self.fx_const_folded_attrs_name is None:
            return
        if self.has_folding_been_run:
            raise AssertionError("folding has been run already")
        self.has_folding_been_run = True
        folded = self.const_subgraph_module()

        def parameter(value):
            return Parameter(value.detach().clone() if not isinstance(value, int) else value, value.requires_grad)

        values = ParameterList(map(parameter, folded)) if isinstance(folded, tuple) else parameter(folded)
        setattr(self, self.fx_const_folded_attrs_name, values)


def get_unique_attr_name_in_module(mod_traced, name):
    """This name, or one like it that the module has no attribute of. mod_traced (fx.GraphModule), name (str)."""
    base, number = name, 0
    while hasattr(mod_traced, name):
        number += 1
        name = f"{base}_{number}"
    return name


def split_const_subgraphs(module, skip_folding_node_fn=None, device_for_folded_attrs="cpu"):
    """A FoldedGraphModule of a module.

    module (nn.Module): traced if it is no fx.GraphModule. skip_folding_node_fn (callable): says of an fx.Node whether it is
    left alone. device_for_folded_attrs (str): accepted. Raises what tracing raises.

    >>> import framejit
    >>> from framejit.fx.experimental.const_fold import split_const_subgraphs
    >>> class Scale(framejit.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.w = framejit.nn.Parameter(framejit.ones(2))
    ...     def forward(self, x):
    ...         return x * (self.w + 1)
    >>> split_const_subgraphs(Scale())(framejit.ones(2)).tolist()
    [2.0, 2.0]
    """
    traced = module if isinstance(module, GraphModule) else symbolic_trace(module)
    constant, folds = set(), False
    for node in traced.graph.nodes:
        if node.op in ("placeholder", "output"):
            continue
        if node.op != "get_attr" and not set(node.all_input_nodes).issubset(constant):
            continue
        if skip_folding_node_fn is not None and skip_folding_node_fn(node) or node.is_impure():
            continue
        if node.op == "call_module" and any(isinstance(arg, Module) for arg in node.args):
            continue
        constant.add(node)
        folds = folds or node.op != "get_attr"
    if not folds:
        return FoldedGraphModule(traced, traced.graph)
    return _split(traced, constant, device_for_folded_attrs)


def _split(traced, constant, device):
    const_graph, copies = Graph(), {}
    wanted = []
    for node in traced.graph.nodes:
        if node not in constant:
            continue
        copies[node] = const_graph.node_copy(node, copies.__getitem__)
        if node.op != "get_attr" and any(user not in constant for user in node.users):
            wanted.append(node)
    values = tuple(copies[node] for node in wanted)
    const_graph.output(values[0] if len(values) == 1 else values)
    const_graph.eliminate_dead_code()
    name = get_unique_attr_name_in_module(traced, _NAME)
    graph, copies = Graph(), {}
    folded = None
    for node in traced.graph.nodes:
        if node in constant:
            if node in wanted:
                if folded is None:
                    folded = graph.get_attr(name)
                number = wanted.index(node)
                made = folded if len(wanted) == 1 else graph.call_function(operator.getitem, (folded, number))
                made.meta = {**node.meta, **made.meta}
                copies[node] = made
            elif node.op == "get_attr" and any(user not in constant for user in node.users):
                copies[node] = graph.node_copy(node)
            continue
        copies[node] = graph.node_copy(node, copies.__getitem__)
    placed = Parameter(_empty())
    setattr(traced, name, placed)
    made = FoldedGraphModule(traced, graph, const_graph, name, device)
    delattr(traced, name)
    return made


def _empty():
    import framejit

    return framejit.zeros(1)
