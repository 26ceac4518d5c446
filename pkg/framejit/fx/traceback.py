"""What nodes remember of where they come from: stack traces and the metadata of the nodes that they were made for."""

import copy
import traceback
from contextlib import contextmanager

_current = {}  # metadata that new nodes get
_preserving = False
_KEPT = (
    "nn_module_stack",
    "source_fn_stack",
    "original_aten",
    "recompute",
    "ac_graph_id",
    "seq_nr",
    "stack_trace",
    "custom",
)


@contextmanager
def preserve_node_meta(enable=True):
    """While this is open, new nodes get the metadata of the node that is being run.

    enable (bool): False leaves things as they are. Raises nothing of its own.

    >>> import framejit
    >>> from framejit.fx import traceback
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin())
    >>> with traceback.preserve_node_meta():
    ...     print(traceback.has_preserved_node_meta())
    True
    """
    global _preserving, _current
    before = _preserving, _current
    _preserving, _current = enable or _preserving, dict(_current)
    try:
        yield
    finally:
        _preserving, _current = before


def has_preserved_node_meta():
    """Whether `preserve_node_meta` is open.

    >>> from framejit.fx import traceback
    >>> traceback.has_preserved_node_meta()
    False
    """
    return _preserving


def set_stack_trace(stack):
    """The stack trace of the nodes to come. stack (list of str): its parts. Raises nothing of its own."""
    if _preserving and stack:
        _current["stack_trace"] = "".join(stack)


def format_stack():
    """The stack trace that new nodes get, as a list of texts: that of the node being run, or of the program itself."""
    if _preserving:
        return [_current.get("stack_trace", "")]
    return traceback.format_list(traceback.extract_stack()[:-1])


def set_grad_fn_seq_nr(number):
    """The nodes to come belong to the derivative of the operator with this number. number (int). Raises nothing of its own."""
    if _preserving:
        _current["grad_fn_seq_nr"] = [*_current.get("grad_fn_seq_nr", ()), number]
        _current["in_grad_fn"] = _current.get("in_grad_fn", 0) + 1


def reset_grad_fn_seq_nr():
    """Takes back the last `set_grad_fn_seq_nr`.

    >>> from framejit.fx import traceback
    >>> with traceback.preserve_node_meta():
    ...     traceback.set_grad_fn_seq_nr(7); print(traceback.get_current_meta())
    ...     traceback.reset_grad_fn_seq_nr(); print(traceback.get_current_meta())
    {'grad_fn_seq_nr': [7], 'in_grad_fn': 1}
    {}
    """
    if not _preserving or not _current.get("in_grad_fn"):
        return
    if _current["in_grad_fn"] == 1:
        del _current["in_grad_fn"], _current["grad_fn_seq_nr"]
        return
    _current["in_grad_fn"] -= 1
    _current["grad_fn_seq_nr"] = _current["grad_fn_seq_nr"][:-1]


def __getattr__(name):
    if name == "current_meta":
        return _current
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_current_meta():
    """The metadata that new nodes get: a dict."""
    return _current


@contextmanager
def set_current_meta(node, pass_name=""):
    """While this is open under `preserve_node_meta`, new nodes get the metadata of this one.

    node (fx.Node), pass_name (str): noted with it. Raises nothing of its own.
    """
    global _current
    if not (_preserving and node.meta):
        yield
        return
    before = _current
    _current = dict(node.meta)
    if pass_name:
        _current["from_node"] = [*_current.get("from_node", ()), (node.name, pass_name)]
    try:
        yield
    finally:
        _current = before


@contextmanager
def annotate(annotation_dict):
    """While this is open, new nodes have this in `meta["custom"]`. annotation_dict (dict). Raises nothing of its own.

    >>> import framejit
    >>> from framejit.fx import traceback
    >>> with traceback.preserve_node_meta(), traceback.annotate({"stage": 1}):
    ...     graph = framejit.fx.Tracer().trace(lambda x: x.sin())
    >>> list(graph.nodes)[1].meta["custom"]
    {'stage': 1}
    """
    global _current
    before = _current
    _current = {**_current, "custom": {**_current.get("custom", {}), **annotation_dict}}
    try:
        yield
    finally:
        _current = before


def copy_to(node):
    """Gives a new node the metadata that is being preserved."""
    for name in _KEPT:
        if name in _current:
            node.meta[name] = copy.copy(_current[name])
    if "from_node" in _current:
        node.meta["from_node"] = list(_current["from_node"])
