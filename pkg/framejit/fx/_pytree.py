"""Flattening by a structure that is known: generated code uses it, and proxies can be flattened so."""

from collections import OrderedDict, namedtuple

_flatten = {}  # type -> function(tree, spec) -> the children that a tree of this structure has


def register_pytree_flatten_spec(cls, flatten_fn_spec, flatten_fn_exact_match_spec=None):
    """How a type of one's own is taken apart by a known structure. cls (type), flatten_fn_spec (callable): takes the tree
    and the TreeSpec, gives the children as a list. flatten_fn_exact_match_spec (callable): accepted. Raises nothing of its
    own."""
    _flatten[cls] = flatten_fn_spec


def tree_flatten_spec(tree, spec):
    """The leaves of a tree that has this structure. Raises RuntimeError for a type that nobody registered."""
    if spec.is_leaf():
        return [tree]
    if spec.type not in _flatten:
        raise RuntimeError(
            f"{spec.type} does not have a flatten_fn_spec associated with it. Please register one with "
            "fx._pytree.register_pytree_flatten_spec."
        )
    leaves = []
    for child, child_spec in zip(_flatten[spec.type](tree, spec), spec.children_specs):
        leaves.extend(tree_flatten_spec(child, child_spec))
    return leaves


def _by_keys(tree, spec):
    return [tree[key] for key in spec.context]


def _by_number(tree, spec):
    return [tree[i] for i in range(len(spec.children_specs))]


_flatten.update({dict: _by_keys, OrderedDict: _by_keys, list: _by_number, tuple: _by_number, namedtuple: _by_number})
