"""Examples to batches."""

from collections import abc

from framejit import _ops as _t


def default_convert(data):
    """Arrays to tensors, inside containers too; everything else stays as it is.

    data (object). Raises nothing of its own.

    >>> import framejit
    >>> framejit.utils.data.default_convert([3, "word"])
    [3, 'word']
    """
    if isinstance(data, _t.Tensor):
        return data
    if type(data).__module__ == "numpy":
        return _t.as_tensor(data) if getattr(getattr(data, "dtype", None), "kind", "O") not in "SUO" else data
    if isinstance(data, abc.Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, abc.Sequence) and not isinstance(data, (str, bytes)):
        return [default_convert(value) for value in data]
    return data


def default_collate(batch):
    """A list of examples as one example of tensors with a new first dimension.

    batch (list). Raises TypeError (batch must contain tensors, numpy arrays, numbers, dicts or lists; found …),
    RuntimeError (each element in list of batch should be of equal size).

    >>> import framejit
    >>> framejit.utils.data.default_collate([{"x": 1}, {"x": 2}])
    {'x': tensor([1, 2])}
    """
    first = batch[0]
    if isinstance(first, _t.Tensor):
        return _t.stack(batch, 0)
    if type(first).__module__ == "numpy":
        if getattr(first, "shape", ()) == ():
            return _t.as_tensor(batch)
        if first.dtype.kind in "SUO":
            raise TypeError(
                f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found "
                f"{first.dtype}"
            )
        return _t.stack([_t.as_tensor(array) for array in batch], 0)
    if isinstance(first, float):
        return _t.tensor(batch, dtype=_t.float64)
    if isinstance(first, int):
        return _t.tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, abc.Mapping):
        return {key: default_collate([example[key] for example in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(column) for column in zip(*batch)))
    if isinstance(first, abc.Sequence):
        if any(len(example) != len(first) for example in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return [default_collate(column) for column in zip(*batch)]
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first)}"
    )
