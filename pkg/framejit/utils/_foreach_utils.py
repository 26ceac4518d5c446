"""Lists of tensors, by device and dtype."""

from framejit import _C


def _get_fused_kernels_supported_devices():
    return ["cpu"]


def _get_foreach_kernels_supported_devices():
    return ["cpu"]


def _device_has_foreach_support(device):
    return _C.device(device).type in _get_foreach_kernels_supported_devices()


def _has_foreach_support(tensors, device):
    return _device_has_foreach_support(device) and all(t is None or type(t) is _C.Tensor for t in tensors)


def _group_tensors_by_device_and_dtype(tensorlistlist, with_indices=False):
    """{(device, dtype): ([lists], places)}: the lists' entries by device and dtype of the first list's tensors.

    tensorlistlist (list of lists of Tensor or None, all of one length), with_indices (bool): the places that the entries
    had. Raises RuntimeError for lists of different lengths.
    """
    first = tensorlistlist[0]
    if any(tensors and len(tensors) != len(first) for tensors in tensorlistlist):
        raise RuntimeError("the lists must have one length")
    groups = {}
    for i, tensor in enumerate(first):
        lists, places = groups.setdefault((tensor.device, tensor.dtype), ([[] for _ in tensorlistlist], []))
        for target, source in zip(lists, tensorlistlist):
            if source:
                target.append(source[i])
        places.append(i)
    return {key: (lists, places if with_indices else []) for key, (lists, places) in groups.items()}
