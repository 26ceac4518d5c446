"""annotate: types of values, for tools that read them from graphs."""

from .proxy import Proxy


def annotate(val, type):
    """Notes the type of a value, gives the value.

    val (object), type (object): the type; while a program is traced it becomes the type of the value's node. Raises
    RuntimeError for a node that has a type already.

    >>> import framejit
    >>> from framejit.fx.annotate import annotate
    >>> gm = framejit.fx.symbolic_trace(lambda x: annotate(x + 1, int) * 2)
    >>> gm(1), [node.type for node in gm.graph.nodes][1]
    (4, <class 'int'>)
    """
    if isinstance(val, Proxy):
        if val.node.type:
            raise RuntimeError(
                f"Tried to annotate a value that already had a type on it! Existing type is {val.node.type} and new type "
                f"is {type}. This could happen if you tried to annotate a function parameter value (in which case you "
                "should use the type slot on the function signature) or you called annotate on the same value twice"
            )
        val.node.type = type
    return val
