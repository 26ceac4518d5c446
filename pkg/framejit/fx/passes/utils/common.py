"""Parts of graphs as modules, and whether two graphs are the same."""

from framejit.fx.graph_module import GraphModule
from framejit.fx.passes.utils.matcher_utils import SubgraphMatcher
from framejit.nn import Module


class HolderModule(Module):
    """A module of other modules. d (dict): them by name. Raises nothing of its own."""

    def __init__(self, d):
        super().__init__()
        for name, value in d.items():
            self.add_module(name, value)


def lift_subgraph_as_module(gm, subgraph, comp_name="", class_name="GraphModule"):
    """A module of a graph made of parts of `gm`, which holds what the graph refers to, and the new names of it by the old.

    gm (fx.GraphModule), subgraph (fx.Graph), comp_name (str): what the names of its submodules begin with, class_name
    (str). Raises AttributeError for a target that gm does not have.
    """
    submodules, names = HolderModule({}), {}
    for node in subgraph.nodes:
        if node.op not in ("call_module", "get_attr"):
            continue
        *path, last = node.target.split(".")
        owner = submodules
        source = gm
        for part in path:
            source = getattr(source, part)
            if not hasattr(owner, part):
                owner.add_module(part, HolderModule({}))
            owner = getattr(owner, part)
        setattr(owner, last, getattr(source, last))
        names[node.target] = node.target
        if comp_name:
            names[f"{comp_name}.{node.target}"] = names.pop(node.target)
    return GraphModule(submodules, subgraph, class_name), names


def compare_graphs(left, right):
    """Whether two graphs (fx.Graph) are equal but for names. Raises nothing of its own."""
    return len(SubgraphMatcher(left, match_output=True, match_placeholder=True).match(right)) > 0
