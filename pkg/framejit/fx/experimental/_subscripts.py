"""A subscript of a tensor as the operators that it means: select, slice, unsqueeze, alias and index."""

from framejit import _C, ops

_END = 2**63 - 1


def parts_of(x, index):
    """What to call after each other, as pairs of an overload and the arguments after the tensor.

    x (Tensor). None where the index holds something else than numbers, slices of numbers, None, ... and
    tensors of numbers.
    """
    index = index if isinstance(index, tuple) else (index,)
    taken = [_consumed(part) for part in index]
    if None in taken:
        return None
    dots = [i for i, part in enumerate(index) if part is Ellipsis]
    if len(dots) > 1 or sum(taken) > x.dim():
        return None
    if dots:
        fill = (slice(None),) * (x.dim() - sum(taken))
        index = index[: dots[0]] + fill + index[dots[0] + 1 :]
    calls, tensors, dim = [], [], 0
    for part in index:
        if part is None:
            calls.append((ops.aten.unsqueeze.default, (dim,)))
        elif isinstance(part, slice):
            if part != slice(None):
                stop = _END if part.stop is None else part.stop
                step = () if part.step in (None, 1) else (part.step,)
                calls.append((ops.aten.slice.Tensor, (dim, part.start or 0, stop, *step)))
        elif isinstance(part, int):
            calls.append((ops.aten.select.int, (dim, part)))
            continue
        else:
            tensors += [None] * (dim - len(tensors)) + [part]
        dim += 1
    if tensors:
        calls.append((ops.aten.index.Tensor, (tensors,)))
    return calls or [(ops.aten.alias.default, ())]


def _is_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _consumed(part):
    """How many dimensions a part of a subscript stands for; None for what is no such part."""
    if part is None or part is Ellipsis:
        return 0
    if _is_number(part):
        return 1
    if isinstance(part, slice):
        return 1 if all(p is None or _is_number(p) for p in (part.start, part.stop, part.step)) else None
    if isinstance(part, _C.Tensor):  # a ProxyTensor says that it is one
        return None if part.dtype in (_C.bool, _C.uint8) else 1  # the operator takes no masks
    return None
