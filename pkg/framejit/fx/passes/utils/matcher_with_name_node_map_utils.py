"""SubgraphMatcherWithNameNodeMap: matches that know the graph's nodes by names that the pattern gives."""

from framejit.fx._codegen import PyTreeCodeGen
from framejit.fx.graph_module import GraphModule
from framejit.utils import _pytree as pytree

from .matcher_utils import SubgraphMatcher


def _split_to_graph_and_name_node_map(gm):
    """The module without the dict of names that is last among its results, and the dict."""
    output = gm.graph.output_node()
    spec = getattr(gm, "_out_spec", None)
    results = output.args[0] if spec is None else pytree.tree_unflatten(list(output.args[0]), spec)
    *results, names = results
    if not isinstance(names, dict):
        raise AssertionError("Expecting the pattern graph to return a dict of names as its last result")
    if spec is None:
        output.args = (results,)
    else:
        leaves, spec = pytree.tree_flatten(tuple(results))
        output.args = (leaves,)
        codegen = gm.graph._codegen
        if isinstance(codegen, PyTreeCodeGen):
            codegen.pytree_info = codegen.pytree_info._replace(out_spec=spec)
        gm._out_spec = spec
    gm.recompile()
    return gm, dict(names)


class SubgraphMatcherWithNameNodeMap(SubgraphMatcher):
    """A SubgraphMatcher for patterns whose last result is a dict of nodes by name; `match.name_node_map` has the graph's
    nodes under these names.

    pattern_gm (fx.GraphModule). match_output, match_placeholder, remove_overlapping_matches, ignore_literals (bool): of
    SubgraphMatcher. Raises AssertionError for a pattern without such a dict.
    """

    def __init__(
        self,
        pattern_gm,
        match_output=False,
        match_placeholder=False,
        remove_overlapping_matches=True,
        ignore_literals=False,
    ):
        pattern_gm, self.name_node_map = _split_to_graph_and_name_node_map(pattern_gm)
        self.pattern_gm = pattern_gm
        super().__init__(pattern_gm.graph, match_output, match_placeholder, remove_overlapping_matches, ignore_literals)

    def match(self, graph, node_name_match=""):
        """The places, as a list of InternalMatch. graph (fx.Graph), node_name_match (str)."""
        found = super().match(graph, node_name_match)
        for match in found:
            for name, node in self.name_node_map.items():
                match.name_node_map[name] = match.nodes_map[node]
        return found


__all__ = ["GraphModule", "SubgraphMatcherWithNameNodeMap"]
