"""The graph that is being recorded."""

from framejit import _C


def dump_ir(tensors, ir_format="text"):
    """The recorded graph as text.

    Args:
        tensors (list of Tensor): unused, lazy tensors are recorded in one graph.
        ir_format (str): "text".

    Raises RuntimeError for another format.

    >>> import framejit
    >>> from framejit._lazy import debug
    >>> x = framejit.ones(2, device="lazy") + 1
    >>> "add(" in debug.dump_ir([x], "text")
    True
    """
    if ir_format != "text":
        raise RuntimeError(f"Unrecognized IR dump format: {ir_format}")
    return _C._lazy_graph()


def render_ir_graph(tensors):
    """The recorded graph as text.

    Args:
        tensors (list of Tensor): unused.

    Raises nothing.

    >>> import framejit
    >>> from framejit._lazy import debug
    >>> type(debug.render_ir_graph([]))
    <class 'str'>
    """
    return _C._lazy_graph()
