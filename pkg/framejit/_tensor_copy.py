"""Copying and pickling of tensors: storages shared by several tensors stay shared."""
import copy
import weakref

from framejit import _C


def _same_storage(storage, memo):
    """The copy of `storage` that this deepcopy has made, as a flat uint8 tensor."""
    key = ("framejit storage", hash(storage))
    if key not in memo:
        nbytes = storage.nbytes()
        memo[key] = _C.frombuffer(storage, dtype=_C.uint8).clone() if nbytes else _C.empty(0, dtype=_C.uint8)
        memo[("framejit storage kept", hash(storage))] = storage
    return memo[key]


def _view_bytes(data, dtype, size, stride, offset):
    typed = _C._nn.view_dtype(data, dtype) if data.numel() else _C.empty(0, dtype=dtype)
    return typed.as_strided(size, stride, offset)


def _rebuild(cls, data, dtype, size, stride, offset, requires_grad, state):
    plain = _view_bytes(data, dtype, size, stride, offset).detach()
    if cls is _C.Tensor:
        out = plain
        if requires_grad:
            out.requires_grad_()
    else:
        out = _C.Tensor._make_subclass(cls, plain, requires_grad)
    if state:
        out.__dict__.update(state)
    return out


def _padded(storage, dtype):
    """Bytes that a whole number of elements covers."""
    return storage.nbytes() - storage.nbytes() % dtype.itemsize


def deepcopy_tensor(tensor, memo):
    """copy.deepcopy of a leaf; what was computed by autograd cannot be copied."""
    if id(tensor) in memo:
        return memo[id(tensor)]
    if not tensor.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
            "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
            "see https://github.com/pytorch/pytorch/pull/103001"
        )
    plain = tensor.detach()
    data = _same_storage(plain.untyped_storage(), memo)
    data = data[: _padded(plain.untyped_storage(), plain.dtype)]
    state = copy.deepcopy(tensor.__dict__, memo) if tensor.__dict__ else None
    out = _rebuild(type(tensor), data, plain.dtype, tuple(plain.shape), plain.stride(), plain.storage_offset(),
                   tensor.requires_grad, state)
    if tensor.grad is not None:
        out.grad = copy.deepcopy(tensor.grad, memo)
    memo[id(tensor)] = out
    return out


class _Bytes:
    """A storage on its way through pickle: one object for all tensors that share it."""

    live = weakref.WeakValueDictionary()  # a pickler keeps what it has written

    def __init__(self, storage):
        self.storage = storage

    def __reduce__(self):
        return _load_bytes, (bytes(self.storage),)


def _load_bytes(data):
    if not data:
        return _C.empty(0, dtype=_C.uint8)
    return _C.frombuffer(bytearray(data), dtype=_C.uint8)


def reduce_tensor(tensor, protocol):
    """What pickle writes for a tensor."""
    if not tensor.is_leaf:
        raise RuntimeError("only leaf tensors (those that no recorded operation made) can be pickled; use detach()")
    plain = tensor.detach()
    storage = plain.untyped_storage()
    data = _Bytes.live.get(hash(storage))
    if data is None or data.storage != storage:
        data = _Bytes.live[hash(storage)] = _Bytes(storage)
    state = tensor.__dict__ or None
    args = (type(tensor), data, plain.dtype, tuple(plain.shape), plain.stride(), plain.storage_offset(), tensor.requires_grad, state)
    return _rebuild, args
