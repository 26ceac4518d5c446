"""Nested tuples, lists and dicts as flat lists of leaves. A structure is a plain value that compares and rebuilds."""

from collections import OrderedDict

LEAF = ("leaf",)


def flatten(tree, is_leaf=None):
    """-> (leaves, structure)"""
    leaves = []
    return leaves, _walk(tree, leaves, is_leaf)


def _walk(tree, leaves, is_leaf):
    if is_leaf is not None and is_leaf(tree):
        leaves.append(tree)
        return LEAF
    kind = type(tree)
    if kind in (tuple, list) or (isinstance(tree, tuple) and hasattr(tree, "_fields")):
        return ("sequence", kind, tuple(_walk(v, leaves, is_leaf) for v in tree))
    if kind in (dict, OrderedDict):
        return ("mapping", kind, tuple(tree), tuple(_walk(v, leaves, is_leaf) for v in tree.values()))
    leaves.append(tree)
    return LEAF


def unflatten(leaves, structure):
    return _build(iter(leaves), structure)


def _build(leaves, structure):
    if structure is LEAF or structure == LEAF:
        return next(leaves)
    if structure[0] == "sequence":
        values = [_build(leaves, s) for s in structure[2]]
        return structure[1](*values) if hasattr(structure[1], "_fields") else structure[1](values)
    return structure[1](zip(structure[2], [_build(leaves, s) for s in structure[3]]))


def tree_map(function, tree):
    leaves, structure = flatten(tree)
    return unflatten([function(v) for v in leaves], structure)


def broadcast_prefix(prefix, structure, is_leaf=lambda v: v is None or isinstance(v, int)):
    """One value of `prefix` for every leaf of `structure`; None where the two do not fit."""
    if is_leaf(prefix):
        return [prefix] * count(structure)
    if structure == LEAF:
        return None
    if structure[0] == "sequence":
        if type(prefix) is not structure[1] or len(prefix) != len(structure[2]):
            return None
        parts = [broadcast_prefix(p, s, is_leaf) for p, s in zip(prefix, structure[2])]
    else:
        if type(prefix) is not structure[1] or set(prefix) != set(structure[2]):
            return None
        parts = [broadcast_prefix(prefix[k], s, is_leaf) for k, s in zip(structure[2], structure[3])]
    return None if any(p is None for p in parts) else [v for p in parts for v in p]


def count(structure):
    if structure == LEAF:
        return 1
    return sum(count(s) for s in structure[-1])
