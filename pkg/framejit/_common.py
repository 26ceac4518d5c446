"""What Python functions around ops share: `out=` arguments, PyTorch's names of dtypes in messages, tensors without memory."""

import warnings

from framejit import _C

_SCALAR_NAMES = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
}


HALVES = (_C.bfloat16, _C.float16)  # what PyTorch computes in float32 and rounds once


def suggested_format(x):
    """The memory format that a result has as well as `x`: channels innermost where `x` has them so, else contiguous."""
    if x.is_contiguous() or x.dim() not in (4, 5) or 0 in x.shape:
        return _C.contiguous_format
    strides, least = x.stride(), 1
    for d in (1, *range(x.dim() - 1, 1, -1), 0):  # the strides of lone elements count, too
        if strides[d] < least or d == 0 and least == strides[1]:
            return _C.contiguous_format
        least = strides[d] * x.shape[d]
    return _C.channels_last if x.dim() == 4 else _C.channels_last_3d


def wrapped_dim(dim, ndim):
    """`dim` counted from the first of `ndim` dimensions; a 0-d tensor counts as one of one dimension."""
    n = max(ndim, 1)
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n


def into(out, result):
    """`result`, copied into `out` where one is given, which takes on its sizes."""
    if out is None:
        return result
    if not _C.can_cast(result.dtype, out.dtype):
        raise RuntimeError(
            f"result type {scalar_name(result.dtype)} can't be cast to the desired output type {scalar_name(out.dtype)}"
        )
    if out.shape != result.shape:
        if out.numel():
            warnings.warn(
                f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
                f"match the required output shape {list(result.shape)}. This behavior is deprecated, and in a future "
                "release outputs will not be resized unless they have zero elements.",
                stacklevel=3,
            )
        out.resize_(result.shape)
    return out.copy_(result)


def scalar_name(dtype):
    """The dtype as PyTorch's messages name it: "Long" for int64."""
    return _SCALAR_NAMES[str(dtype).rpartition(".")[2]]


def without_memory(tensor):
    """A tensor of the device meta with the same sizes, strides and dtype; of another layout the tensor itself."""
    if tensor.layout is not _C.strided:
        return tensor
    span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride())) if tensor.numel() else 0
    return _C.empty((span,), dtype=tensor.dtype, device="meta").as_strided(tensor.shape, tensor.stride())
