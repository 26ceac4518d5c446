"""SubgraphMatcherWithNameNodeMap: matches that know the graph's nodes by names that the pattern gives."""

from framejit.fx.graph_module import GraphModule

from .matcher_utils import SubgraphMatcher


def _split_names(gm):
    """The module without the dict of names that is last among its results, and the dict."""
    output = gm.graph.output_node()
    *results, names = output.args[0]
    if not isinstance(names, dict):
        raise AssertionError("Expecting the pattern graph to return a dict of names as its last result")
    output.args = (results,)
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
        pattern_gm, self.name_node_map = _split_names(pattern_gm)
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
