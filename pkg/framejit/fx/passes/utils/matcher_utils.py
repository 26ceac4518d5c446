"""SubgraphMatcher: where in a graph another one, the pattern, occurs."""

import copy
from collections import defaultdict
from dataclasses import dataclass, field

from framejit import _C
from framejit.fx.node import Node


@dataclass
class InternalMatch:
    """One place: the pattern's anchors, the nodes or values that stand for the pattern's nodes, for its placeholders and for
    what it returns.

    anchors (list of fx.Node), nodes_map (dict), placeholder_nodes, returning_nodes (list), name_node_map (dict)."""

    anchors: list
    nodes_map: dict = field(default_factory=dict)
    placeholder_nodes: list = field(default_factory=list)
    returning_nodes: list = field(default_factory=list)
    name_node_map: dict = field(default_factory=dict)

    def __copy__(self):
        return InternalMatch(
            self.anchors, dict(self.nodes_map), list(self.placeholder_nodes), list(self.returning_nodes)
        )


def _attribute(module, target):
    for part in target.split("."):
        module = getattr(module, part)
    return module


class SubgraphMatcher:
    """Finds the pattern in graphs.

    pattern (fx.Graph). match_output (bool): the graph must end where the pattern ends. match_placeholder (bool):
    placeholders of the pattern stand for placeholders only. remove_overlapping_matches (bool): no node is in two matches.
    ignore_literals (bool): values that are no nodes may differ. Raises ValueError for an empty pattern or one with nodes
    that nobody uses.

    >>> import framejit
    >>> from framejit.fx.passes.utils.matcher_utils import SubgraphMatcher
    >>> trace = framejit.fx.symbolic_trace
    >>> matcher = SubgraphMatcher(trace(lambda x: x.sin() + 1).graph)
    >>> len(matcher.match(trace(lambda x: (x.sin() + 1) * (x.cos().sin() + 1)).graph))
    2
    """

    def __init__(
        self,
        pattern,
        match_output=False,
        match_placeholder=False,
        remove_overlapping_matches=True,
        ignore_literals=False,
    ):
        self.pattern = pattern
        self.match_output, self.match_placeholder = match_output, match_placeholder
        self.remove_overlapping_matches, self.ignore_literals = remove_overlapping_matches, ignore_literals
        if len(pattern.nodes) == 0:
            raise ValueError("SubgraphMatcher cannot be initialized with an empty pattern")
        for node in pattern.nodes:
            if node.op != "output" and not node.is_impure() and not node.users:
                raise ValueError("SubgraphMatcher cannot be initialized with an pattern with dead code")
        self.pattern_placeholder_nodes = [n for n in pattern.nodes if n.op == "placeholder"]
        output = next(iter(reversed(pattern.nodes)))
        self.pattern_returning_nodes = output.all_input_nodes
        self.pattern_anchors = [output] if match_output else [n for n in output.all_input_nodes if len(n.users) == 1]

    # ---- single nodes ---------------------------------------------------------------------------------------

    def _nodes_are_equal(self, pn, gn):
        if not self.match_placeholder and pn.op == "placeholder":
            return True
        if pn.op != gn.op:
            return False
        if pn.op in ("placeholder", "output"):
            return True
        if pn.op == "get_attr":
            return self._match_attributes(pn, gn)
        if pn.op == "call_module" and pn.target != gn.target:
            return False
        return pn.target == gn.target

    def _match_attributes(self, pn, gn):
        """Attributes are equal if they are of one type; tensors under different names stand for each other."""
        theirs = _attribute(pn.graph.owning_module, pn.target)
        found = _attribute(gn.graph.owning_module, gn.target)
        if type(theirs) is not type(found):
            return False
        if isinstance(theirs, _C.Tensor):
            return True
        return pn.target == gn.target or theirs is found

    def _match_literals(self, pn, gn, match):
        if isinstance(pn, Node):
            if pn.op != "placeholder" or isinstance(gn, Node):
                return False
            if pn in match.nodes_map:
                return match.nodes_map[pn] == gn
            match.nodes_map[pn] = gn
            return True
        return not isinstance(gn, Node) and type(gn) is type(pn) and gn == pn

    def _match_arguments(self, theirs, found, match):
        if len(theirs) != len(found):
            return False
        for pn, gn in zip(theirs, found):
            if isinstance(pn, Node) and isinstance(gn, Node):
                matched = self._match_nodes(pn, gn, match)
            elif isinstance(pn, (list, tuple)) and isinstance(gn, (list, tuple)):
                matched = self._match_arguments(pn, gn, match)
            else:
                matched = self._match_literals(pn, gn, match) or (
                    self.ignore_literals and not isinstance(pn, Node) and not isinstance(gn, Node)
                )
            if not matched:
                return False
        return True

    def _match_nodes(self, pn, gn, match):
        if pn in match.nodes_map:
            return match.nodes_map[pn] is gn
        if any(gn is value for value in match.nodes_map.values()):  # two nodes of the pattern are two of the graph
            return False
        if not self._nodes_are_equal(pn, gn):
            return False
        before = dict(match.nodes_map)
        match.nodes_map[pn] = gn
        if pn.op == "placeholder":
            return True
        theirs, found = self._flat_arguments(pn, gn)
        if theirs is not None and self._match_arguments(theirs, found, match):
            return True
        match.nodes_map = before
        return False

    def _flat_arguments(self, pn, gn):
        """The arguments of two nodes in one order; None where they cannot be the same."""
        if pn.kwargs.keys() != gn.kwargs.keys() or len(pn.args) != len(gn.args):
            from framejit.fx.operator_schemas import flat_arguments

            both = flat_arguments(pn), flat_arguments(gn)
            return both if None not in both else (None, None)
        keys = list(pn.kwargs)
        return [*pn.args, *(pn.kwargs[k] for k in keys)], [*gn.args, *(gn.kwargs[k] for k in keys)]

    # ---- whole matches --------------------------------------------------------------------------------------

    def _is_contained(self, match):
        """Nothing outside uses what the pattern does not return."""
        inside = {gn: pn for pn, gn in match.nodes_map.items() if pn.op != "placeholder"}
        return all(
            pn in self.pattern_returning_nodes or all(user in inside for user in gn.users) for gn, pn in inside.items()
        )

    def _disjoint(self, matches):
        taken, kept = set(), []
        for match in matches:
            own = {gn for pn, gn in match.nodes_map.items() if pn.op not in ("placeholder", "output")}
            if not own & taken:
                kept.append(match)
                taken |= own
        return kept

    def match(self, graph, node_name_match=""):
        """The places, as a list of InternalMatch, in the order of the graph.

        graph (fx.Graph), node_name_match (str): only anchors whose names hold this. Raises nothing of its own.
        """
        from .fuser_utils import validate_partition

        candidates = defaultdict(list)
        for anchor in self.pattern_anchors:
            for node in graph.nodes:
                if self._nodes_are_equal(anchor, node) and node_name_match in node.name:
                    candidates[anchor].append(node)
        matches = []
        if candidates:
            self._search(list(candidates.items()), 0, InternalMatch(anchors=self.pattern_anchors), matches)
        matches = [match for match in matches if self._is_contained(match)]
        matches = [
            match
            for match in matches
            if validate_partition([gn for pn, gn in match.nodes_map.items() if pn.op not in ("placeholder", "output")])
        ]
        return self._disjoint(matches) if self.remove_overlapping_matches else matches

    def _search(self, candidates, index, match, matches):
        """All ways to place the anchors from this one on."""
        if index == len(candidates):
            match.placeholder_nodes = [match.nodes_map[pn] for pn in self.pattern_placeholder_nodes]
            match.returning_nodes = [match.nodes_map[pn] for pn in self.pattern_returning_nodes]
            matches.append(match)
            return
        anchor, nodes = candidates[index]
        for node in nodes:
            attempt = copy.copy(match)
            if self._match_nodes(anchor, node, attempt):
                self._search(candidates, index + 1, attempt, matches)
