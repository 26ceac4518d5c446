"""Lists and dicts that cannot change: a node's arguments, whose changes the graph must see."""


def _refuse(self, *args, **kwargs):
    raise NotImplementedError(
        f"'{type(self).__name__}' object does not support mutation. If you are attempting to "
        "modify the kwargs or args of a framejit.fx.Node object, instead create a new copy of it "
        "and assign the copy to the node:\n    new_args = ...  # copy and mutate args\n    node.args = new_args"
    )


class immutable_list(list):
    """A list without its changing methods."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = append = clear = extend = insert = pop = remove = _refuse
    reverse = sort = _refuse

    def __hash__(self):
        return hash(tuple(self))

    def __reduce__(self):
        return immutable_list, (tuple(self),)


class immutable_dict(dict):
    """A dict without its changing methods."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self):
        return hash(frozenset(self.items()))

    def __reduce__(self):
        return immutable_dict, (tuple(self.items()),)


def _register():
    from framejit.utils import _pytree as pytree

    pytree.register_pytree_node(immutable_list, lambda x: (list(x), None), lambda leaves, _: immutable_list(leaves))
    pytree.register_pytree_node(
        immutable_dict, lambda x: (list(x.values()), list(x)), lambda leaves, keys: immutable_dict(zip(keys, leaves))
    )


_register()
