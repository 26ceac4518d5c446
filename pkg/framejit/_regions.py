"""Regions: parts of captured code that a graph for a back end written in Python keeps together.

The body of a higher-order operator is captured like any other code; its nodes carry the region that they belong to. In an
`fx.GraphModule` the region becomes a module of its own, which the operator calls (`_captured.py`). Native code does not care.
"""

from framejit import _C

_operators = {}  # name -> Region


class Region:
    """A higher-order operator: `op(fn, *args, **kwargs)` calls fn and keeps together what it does.

    In a captured graph it is a node whose target is the operator and whose arguments are the body, a GraphModule, and the
    values that the body takes. The body of a pure one may only write to what it has made itself: at another write, as at
    any break in it, the graph ends and Python calls the body.
    """

    def __init__(self, name, as_module=False, pure=False):
        self.__name__ = self.__qualname__ = name
        self._qualified_op_name = f"framejit.ops.higher_order.{name}"
        self.as_module = as_module  # the node is a call of the body by itself
        self.pure = pure
        _operators[name] = self

    def __call__(self, fn, *args, **kwargs):
        _C._enter_region(self.__name__, self.pure)
        out = fn(*args, **kwargs)
        _C._exit_region(self.__name__, self.pure)
        return out

    def __repr__(self):
        return self.__name__

    def __reduce__(self):
        return operator_of, (self.__name__,)


def operator_of(name):
    """The operator of that name; made if there is none."""
    return _operators.get(name) or Region(name)


invoke_subgraph = Region("invoke_subgraph")
