"""Recorded graphs as things of their own: their hash, their inputs, running them again."""

from framejit import _C


def get_tensors_ts_device_data_node(tensors):
    """The inputs of the graph that computes these tensors.

    Args:
        tensors (list of Tensor): lazy tensors.

    Returns a list of ids (as `get_tensor_id` gives them) and the list of the inputs, tensors that have data.
    Raises RuntimeError for tensors that are not lazy.

    >>> import framejit
    >>> from framejit._lazy import computation
    >>> x = framejit.ones(2).to("lazy")
    >>> ids, inputs = computation.get_tensors_ts_device_data_node([x + 1])
    >>> inputs[0] is x
    True
    """
    _, inputs = _C._lazy_extract(tensors)
    return [id(t) for t in inputs], inputs


def get_graph_hash(tensors):
    """What names the graph that computes these tensors; the graph has been compiled then.

    Args:
        tensors (list of Tensor): lazy tensors.

    Raises RuntimeError for tensors that are not lazy.

    >>> import framejit
    >>> from framejit._lazy import computation
    >>> x = framejit.ones(2).to("lazy")
    >>> computation.get_graph_hash([x + 1]) == computation.get_graph_hash([x + 1])
    False
    """
    return _C._lazy_extract(tensors)[0]


def run_cached_graph(hash_str, graph_inputs):
    """Runs a compiled graph on other inputs.

    Args:
        hash_str (str): what `get_graph_hash` gave.
        graph_inputs (list of Tensor): in place of the graph's inputs, of the same shapes and dtypes.

    Returns the list of results. Raises RuntimeError for an unknown hash.

    >>> import framejit
    >>> from framejit._lazy import computation
    >>> x = framejit.ones(2).to("lazy")
    >>> name = computation.get_graph_hash([x * 3])
    >>> computation.run_cached_graph(name, [framejit.tensor([1.0, 2.0])])
    [tensor([3., 6.])]
    """
    return _C._lazy_run_cached(hash_str, graph_inputs)
