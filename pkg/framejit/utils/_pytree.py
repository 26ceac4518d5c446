"""Nested containers as flat lists of leaves: `tree_flatten`, `tree_map` and their kin, extensible by node types.

>>> leaves, spec = tree_flatten({"a": [1, 2], "b": (3,)})
>>> leaves, tree_unflatten([10, 20, 30], spec)
([1, 2, 3], {'a': [10, 20], 'b': (30,)})
"""

import dataclasses
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any, Callable, NamedTuple


class NodeDef(NamedTuple):
    """How one container type is taken apart and put together."""

    type: type
    flatten_fn: Callable
    unflatten_fn: Callable
    flatten_with_keys_fn: Callable | None = None


@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """A place in a sequence."""

    idx: int

    def __str__(self):
        return f"[{self.idx!r}]"

    def get(self, sequence):
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """A key of a mapping."""

    key: Any

    def __str__(self):
        return f"[{self.key!r}]"

    def get(self, mapping):
        return mapping[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """An attribute."""

    name: str

    def __str__(self):
        return f".{self.name}"

    def get(self, obj):
        return getattr(obj, self.name)


@dataclasses.dataclass(frozen=True)
class TreeSpec:
    """The structure of a tree: the type of a node, what its type needs to rebuild it, and its children."""

    type: Any
    context: Any
    children_specs: tuple

    @property
    def num_leaves(self):
        return sum(child.num_leaves for child in self.children_specs)

    @property
    def num_children(self):
        return len(self.children_specs)

    @property
    def num_nodes(self):
        return 1 + sum(child.num_nodes for child in self.children_specs)

    def is_leaf(self):
        return False

    def child(self, index):
        return self.children_specs[index]

    def children(self):
        return list(self.children_specs)

    def unflatten(self, leaves):
        return tree_unflatten(leaves, self)

    def flatten_up_to(self, tree):
        """The subtrees of `tree` that stand where this structure has its leaves."""
        found = []
        _up_to(self, tree, found)
        return found

    def __repr__(self):
        return self._text(2)

    def _text(self, indent):
        """All but the first child on lines of their own, as PyTorch prints them."""
        children = f",\n{' ' * indent}".join(child._text(indent + 2) for child in self.children_specs)
        return f"TreeSpec({getattr(self.type, '__name__', self.type)}, {self.context}, [{children}])"


class LeafSpec(TreeSpec):
    """The structure of a tree that is one leaf."""

    def __init__(self):
        super().__init__(None, None, ())

    num_leaves = property(lambda self: 1)
    num_nodes = property(lambda self: 1)

    def is_leaf(self):
        return True

    def _text(self, indent):
        return "*"


_LEAF = LeafSpec()
PyTree = Any
SUPPORTED_NODES = {}


def register_pytree_node(
    cls,
    flatten_fn,
    unflatten_fn,
    *,
    serialized_type_name=None,
    to_dumpable_context=None,
    from_dumpable_context=None,
    flatten_with_keys_fn=None,
):
    """Make a type a container: flatten_fn(obj) -> (children, context), unflatten_fn(children, context) -> obj.

    Raises ValueError if it is one already.
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)


_register_pytree_node = register_pytree_node


def register_dataclass(cls, *, field_names=None, drop_field_names=None, serialized_type_name=None):
    """Make a dataclass a container of its fields.

    cls (type): the dataclass. field_names, drop_field_names (sequence of str or None): which fields hold the parts, by
    default all that the constructor takes. serialized_type_name (str or None): accepted, without effect. Raises ValueError
    if it is a container already.

    >>> import dataclasses
    >>> from framejit.utils import _pytree
    >>> Pair = dataclasses.make_dataclass("Pair", ["a", "b"])
    >>> _pytree.register_dataclass(Pair)
    >>> _pytree.tree_leaves(Pair(1, [2, 3]))
    [1, 2, 3]
    """
    names = field_names or [
        f.name for f in dataclasses.fields(cls) if f.init and f.name not in (drop_field_names or ())
    ]

    def flatten(obj):
        return [getattr(obj, name) for name in names], None

    register_pytree_node(cls, flatten, lambda children, _: cls(**dict(zip(names, children))))


def _mapping(kind):
    return (lambda d: (list(d.values()), list(d))), (lambda children, keys: kind(zip(keys, children)))


register_pytree_node(tuple, lambda t: (list(t), None), lambda children, _: tuple(children))
register_pytree_node(list, lambda t: (t, None), lambda children, _: list(children))
register_pytree_node(dict, *_mapping(dict))
register_pytree_node(OrderedDict, *_mapping(OrderedDict))
register_pytree_node(
    defaultdict,
    lambda d: (list(d.values()), [d.default_factory, list(d)]),
    lambda children, context: defaultdict(context[0], zip(context[1], children)),
)
register_pytree_node(deque, lambda d: (list(d), d.maxlen), lambda children, maxlen: deque(children, maxlen=maxlen))
register_pytree_node(namedtuple, lambda t: (list(t), type(t)), lambda children, kind: kind(*children))
_NAMEDTUPLE = SUPPORTED_NODES[namedtuple]
# PyTorch's names of what the registry holds, which packages use for kinds of their own
_tuple_flatten, _tuple_unflatten = SUPPORTED_NODES[tuple].flatten_fn, SUPPORTED_NODES[tuple].unflatten_fn
_list_flatten, _list_unflatten = SUPPORTED_NODES[list].flatten_fn, SUPPORTED_NODES[list].unflatten_fn
_dict_flatten, _dict_unflatten = SUPPORTED_NODES[dict].flatten_fn, SUPPORTED_NODES[dict].unflatten_fn
_ordereddict_flatten = SUPPORTED_NODES[OrderedDict].flatten_fn
_ordereddict_unflatten = SUPPORTED_NODES[OrderedDict].unflatten_fn
_namedtuple_flatten, _namedtuple_unflatten = _NAMEDTUPLE.flatten_fn, _NAMEDTUPLE.unflatten_fn
_RETURN_TYPE = NodeDef(tuple, lambda t: (list(t), type(t)), lambda children, kind: kind(children))


def _is_namedtuple(cls):
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields") and cls not in SUPPORTED_NODES


def _node_type(tree):
    return namedtuple if _is_namedtuple(type(tree)) else type(tree)


def _is_return_type(cls):
    """Whether it is the type of an operator's named results, such as those of max()."""
    return isinstance(cls, type) and issubclass(cls, tuple) and cls.__module__ == "framejit.return_types"


def _definition(kind):
    """How containers of a type are taken apart. Captured code looks up classes only, and `namedtuple` is none."""
    if kind is namedtuple:
        return _NAMEDTUPLE
    return SUPPORTED_NODES[kind] if kind in SUPPORTED_NODES else _RETURN_TYPE


def tree_is_leaf(tree, is_leaf=None):
    """Whether the tree is one leaf."""
    if is_leaf is not None and is_leaf(tree):
        return True
    kind = type(tree)
    return kind not in SUPPORTED_NODES and not _is_namedtuple(kind) and not _is_return_type(kind)


def _walk(tree, leaves, is_leaf):
    if tree_is_leaf(tree, is_leaf):
        leaves.append(tree)
        return _LEAF
    kind = _node_type(tree)
    children, context = _definition(kind).flatten_fn(tree)
    return TreeSpec(kind, context, tuple([_walk(child, leaves, is_leaf) for child in children]))


def tree_flatten(tree, is_leaf=None):
    """-> (leaves, structure)"""
    leaves = []
    spec = _walk(tree, leaves, is_leaf)
    return leaves, spec


def tree_leaves(tree, is_leaf=None):
    """The leaves."""
    return tree_flatten(tree, is_leaf)[0]


def tree_iter(tree, is_leaf=None):
    """The leaves, one after the other."""
    yield from tree_leaves(tree, is_leaf)


def tree_structure(tree, is_leaf=None):
    """The structure."""
    return tree_flatten(tree, is_leaf)[1]


def tree_unflatten(leaves, treespec):
    """The tree of that structure with those leaves. Raises TypeError for no structure, ValueError for a wrong number."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"tree_unflatten(leaves, treespec): Expected `treespec` to be instance of TreeSpec but got item of type {type(treespec)}."
        )
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec refers to a pytree that holds "
            f"{treespec.num_leaves} items ({treespec})."
        )
    return _build(iter(leaves), treespec)


def _build(leaves, spec):
    if spec.is_leaf():
        return next(leaves)
    children = [_build(leaves, child) for child in spec.children_specs]
    return _definition(spec.type).unflatten_fn(children, spec.context)


def _up_to(spec, tree, found):
    if spec.is_leaf():
        found.append(tree)
        return
    kind = _node_type(tree)
    if kind != spec.type:
        raise ValueError(f"Type mismatch; expected {spec.type!r}, but got {type(tree)!r}.")
    children, context = _definition(kind).flatten_fn(tree)
    if kind in (dict, OrderedDict):
        if set(context) != set(spec.context):
            raise ValueError(f"Node keys mismatch; expected {spec.context!r}, but got {context!r}.")
        children = [tree[key] for key in spec.context]
    elif len(children) != spec.num_children:
        raise ValueError(f"Node arity mismatch; expected {spec.num_children}, but got {len(children)}.")
    for child_spec, child in zip(spec.children_specs, children):
        _up_to(child_spec, child, found)


def tree_map(func, tree, *rests, is_leaf=None):
    """The tree with func(leaf, *the leaves of rests) in the place of each leaf."""
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves, *(spec.flatten_up_to(rest) for rest in rests)]
    return tree_unflatten([func(*row) for row in zip(*columns)], spec)


def tree_map_(func, tree, *rests, is_leaf=None):
    """Calls func on each leaf and gives the tree back as it is."""
    leaves, spec = tree_flatten(tree, is_leaf)
    for row in zip(leaves, *(spec.flatten_up_to(rest) for rest in rests)):
        func(*row)
    return tree


def _predicate(type_or_predicate):
    if isinstance(type_or_predicate, (type, tuple)):
        return lambda value: isinstance(value, type_or_predicate)
    return type_or_predicate


def map_only(type_or_predicate, /):
    """A decorator: the function is applied to what fits, other values are left."""
    fits = _predicate(type_or_predicate)
    return lambda func: lambda value: func(value) if fits(value) else value


def tree_map_only(type_or_predicate, func, tree, is_leaf=None):
    """tree_map for the leaves of a type, of one of several types, or that a predicate takes."""
    return tree_map(map_only(type_or_predicate)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_predicate, func, tree, is_leaf=None):
    """tree_map_ for the leaves of a type."""
    return tree_map_(map_only(type_or_predicate)(func), tree, is_leaf=is_leaf)


def tree_all(pred, tree, is_leaf=None):
    """Whether the predicate holds for all leaves."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred, tree, is_leaf=None):
    """Whether the predicate holds for a leaf."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_predicate, pred, tree, is_leaf=None):
    """Whether the predicate holds for all leaves of a type."""
    return all(pred(leaf) for leaf in tree_iter(tree, is_leaf) if _predicate(type_or_predicate)(leaf))


def tree_any_only(type_or_predicate, pred, tree, is_leaf=None):
    """Whether the predicate holds for a leaf of a type."""
    return any(pred(leaf) for leaf in tree_iter(tree, is_leaf) if _predicate(type_or_predicate)(leaf))


def _keys(spec, tree):
    if spec.type in (dict, OrderedDict):
        return [MappingKey(key) for key in spec.context]
    if spec.type is defaultdict:
        return [MappingKey(key) for key in spec.context[1]]
    if spec.type is namedtuple:
        return [GetAttrKey(name) for name in spec.context._fields]
    return [SequenceKey(i) for i in range(spec.num_children)]


def tree_flatten_with_path(tree, is_leaf=None):
    """-> ([(path, leaf)], structure), where a path is a tuple of keys."""
    found = []

    def walk(node, path):
        if tree_is_leaf(node, is_leaf):
            found.append((path, node))
            return
        definition = SUPPORTED_NODES[_node_type(node)]
        if definition.flatten_with_keys_fn is not None:
            for key, child in definition.flatten_with_keys_fn(node)[0]:
                walk(child, (*path, key))
            return
        children, context = definition.flatten_fn(node)
        spec = TreeSpec(_node_type(node), context, tuple([_LEAF] * len(list(children))))
        for key, child in zip(_keys(spec, node), children):
            walk(child, (*path, key))

    walk(tree, ())
    return found, tree_structure(tree, is_leaf)


def tree_leaves_with_path(tree, is_leaf=None):
    """[(path, leaf)]"""
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_map_with_path(func, tree, *rests, is_leaf=None):
    """tree_map with the leaf's path as the first argument."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    columns = [[path for path, _ in found], [leaf for _, leaf in found], *(spec.flatten_up_to(rest) for rest in rests)]
    return tree_unflatten([func(*row) for row in zip(*columns)], spec)


def keystr(path):
    """A path as text."""
    return "".join(map(str, path))


def key_get(obj, path):
    """What stands at the path."""
    for key in path:
        obj = key.get(obj)
    return obj


def _broadcast_to_and_flatten(tree, treespec, is_leaf=None):
    """One leaf of `tree`, a prefix of the structure, for each leaf of the structure; None if it is no prefix."""
    if tree_is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    if treespec.is_leaf() or _node_type(tree) != treespec.type:
        return None
    children, context = _definition(treespec.type).flatten_fn(tree)
    if len(children) != treespec.num_children or context != treespec.context:
        return None
    parts = [_broadcast_to_and_flatten(c, s, is_leaf) for c, s in zip(children, treespec.children_specs)]
    return None if any(part is None for part in parts) else [leaf for part in parts for leaf in part]


def _flatten_with_keys(kind):
    """PyTorch's function of that kind: children with their keys, and the context."""

    def flatten(node):
        children, context = SUPPORTED_NODES[kind].flatten_fn(node)
        spec = TreeSpec(kind, context, tuple([_LEAF] * len(children)))
        return list(zip(_keys(spec, node), children)), context

    return flatten


_tuple_flatten_with_keys = _flatten_with_keys(tuple)
_list_flatten_with_keys = _flatten_with_keys(list)
_dict_flatten_with_keys = _flatten_with_keys(dict)
_ordereddict_flatten_with_keys = _flatten_with_keys(OrderedDict)
_namedtuple_flatten_with_keys = _flatten_with_keys(namedtuple)
