"""replace_pattern: other nodes in the place of those that match a pattern."""

import copy
from dataclasses import dataclass
from typing import NamedTuple

from framejit.nn import Module

from .graph import Graph
from .graph_module import GraphModule
from .node import Node
from .symbolic_trace import symbolic_trace


class Match(NamedTuple):
    """One place where a pattern was found: its last node, and the nodes that stood for the pattern's."""

    anchor: Node
    nodes_map: dict


@dataclass
class ReplacedPatterns:
    """One place where nodes were replaced. anchor (fx.Node), nodes_map (dict), replacements (list of fx.Node)."""

    anchor: Node
    nodes_map: dict
    replacements: list


def replace_pattern(gm, pattern, replacement):
    """Puts `replacement` into the graph of `gm` wherever `pattern` occurs; gives the places as a list of Match.

    gm (fx.GraphModule): changed. pattern, replacement (callable, fx.GraphModule or fx.Graph): with the same parameters;
    parameters of the pattern stand for any node. Matches do not overlap. Raises ValueError for an empty pattern,
    RuntimeError where the replacement calls a module that nobody has.

    >>> import framejit
    >>> gm = framejit.fx.symbolic_trace(lambda x, y: framejit.cat([x, y]).sum() + 1)
    >>> _ = framejit.fx.replace_pattern(
    ...     gm, lambda a, b: framejit.cat([a, b]).sum(), lambda a, b: a.sum() + b.sum()
    ... )
    >>> print(gm.code.strip())
    def forward(self, x, y):
        sum_2 = x.sum();  x = None
        sum_3 = y.sum();  y = None
        add_1 = sum_2 + sum_3;  sum_2 = sum_3 = None
        add = add_1 + 1;  add_1 = None
        return add
    """
    return [Match(done.anchor, done.nodes_map) for done in _replace(gm, pattern, replacement)]


def replace_pattern_with_filters(
    gm,
    pattern,
    replacement=None,
    match_filters=None,
    ignore_literals=False,
    replacement_callback=None,
    node_name_match="",
):
    """`replace_pattern` for the places that all filters accept; gives a list of ReplacedPatterns.

    gm (fx.GraphModule), pattern, replacement (callable, fx.GraphModule or fx.Graph). match_filters (list of callable): take
    the InternalMatch, the graph and the pattern's graph, say bool. ignore_literals (bool): values in the pattern stand for
    any value. replacement_callback (callable): gives the replacement's graph for each place, in the place of `replacement`.
    node_name_match (str): only anchors whose names hold this. Raises what `replace_pattern` raises.
    """
    return _replace(gm, pattern, replacement, match_filters, ignore_literals, replacement_callback, node_name_match)


def _graph_of(program):
    if isinstance(program, GraphModule):
        return program.graph
    return program if isinstance(program, Graph) else symbolic_trace(program).graph


def _replace(
    gm, pattern, replacement, match_filters=None, ignore_literals=False, replacement_callback=None, node_name_match=""
):
    from .passes.utils.matcher_utils import SubgraphMatcher

    graph, pattern_graph = gm.graph, _graph_of(pattern)
    matcher = SubgraphMatcher(pattern_graph, ignore_literals=ignore_literals)
    matches = [
        match
        for match in matcher.match(graph, node_name_match)
        if all(accepts(match, graph, pattern_graph) for accepts in match_filters or ())
    ]
    common = None
    if replacement_callback is None:
        if replacement is None:
            raise AssertionError("Must provide either replacement GraphModule or replacement callback")
        common = _graph_of(replacement)
    changed, done = {}, []
    for match in matches:
        new = common if replacement_callback is None else replacement_callback(match, graph, pattern_graph)
        done.append(_replace_one(gm, match, new, pattern_graph, changed))
    gm.recompile()
    if isinstance(replacement, Module):
        _take_attributes(gm, replacement)
    return done


def _replace_one(gm, match, replacement, pattern_graph, changed):
    graph = gm.graph
    parameters = [n for n in replacement.nodes if n.op == "placeholder"]
    if len(match.placeholder_nodes) != len(parameters):
        raise AssertionError("the pattern and its replacement must have as many parameters")
    values = {}
    for i, (parameter, found) in enumerate(zip(parameters, match.placeholder_nodes)):
        while isinstance(found, Node) and found in changed:  # it was replaced itself
            found = changed[found]
        match.placeholder_nodes[i] = values[parameter] = found
    for pn, gn in match.nodes_map.items():
        if pn.op == "placeholder" and isinstance(gn, Node) and gn in changed:
            match.nodes_map[pn] = changed[gn]
    with graph.inserting_before(_place(graph, match)):
        copied = graph.graph_copy(replacement, values)
    copied = (copied,) if isinstance(copied, Node) else tuple(copied)
    made = [v for v in values.values() if isinstance(v, Node) and not any(v is p for p in match.placeholder_nodes)]
    if len(match.returning_nodes) != len(copied):
        raise AssertionError("the pattern and its replacement must return as many values")
    for old, new in zip(match.returning_nodes, copied):
        old.replace_all_uses_with(new)
        changed[old] = new
    for pn in reversed(pattern_graph.nodes):
        if pn.op not in ("placeholder", "output"):
            graph.erase_node(match.nodes_map[pn])
    return ReplacedPatterns(match.anchors[0], match.nodes_map, made)


def _place(graph, match):
    """The first node that uses what the match returns, behind everything that its placeholders stand for."""
    users = {user for node in match.returning_nodes for user in node.users}
    if not users:
        raise AssertionError("The returning_nodes should have at least one user node")
    return next(node for node in graph.nodes if node in users)


def _take_attributes(gm, replacement):
    """What the replaced nodes refer to and gm lacks comes from the replacement."""
    gm.delete_all_unused_submodules()
    for node in gm.graph.nodes:
        if node.op not in ("call_module", "get_attr") or _get(gm, node.target) is not None:
            continue
        found = _get(replacement, node.target)
        if found is None:
            raise RuntimeError(
                f'Attempted to create a "{node.op}" node during subgraph rewriting with target {node.target}, but the '
                "referenced attribute does not exist in the replacement GraphModule"
            )
        found = copy.deepcopy(found)
        if isinstance(found, Module):
            gm.add_submodule(node.target, found)
        else:
            setattr(gm, node.target, found)
    gm.graph.lint()


def _get(module, target):
    for part in target.split("."):
        module = getattr(module, part, None)
        if module is None:
            return None
    return module


__all__ = ["Match", "ReplacedPatterns", "replace_pattern", "replace_pattern_with_filters"]
