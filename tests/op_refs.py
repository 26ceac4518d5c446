"""NumPy references that are too long for a row's `ref` column: convolution, pooling, normalisation.

They compute in float64, by loops over kernel positions or output elements, and round to the input's type at the end.
`namespace(row)` is what a `ref` expression sees of them; pooling takes the number of spatial dimensions from the row.
"""

from __future__ import annotations

import functools
import itertools
import re

import numpy as np


def _spread(value, n):
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return values * n if len(values) == 1 else values


def _batched(x, spatial):
    """(x with a batch dimension, whether it was added)"""
    return (x[None], True) if x.ndim == spatial + 1 else (x, False)


def _padding(padding, kernel, dilation):
    """Cells added (before, after) each spatial dimension; by name as well."""
    if isinstance(padding, str):
        total = [0 if padding == "valid" else d * (k - 1) for k, d in zip(kernel, dilation)]
        return [(t // 2, t - t // 2) for t in total]
    return [(p, p) for p in _spread(padding, len(kernel))]


def _tap(position, dilation, stride, out):
    """Which cells of the padded input one kernel position meets, for all outputs."""
    return tuple(slice(k * d, k * d + (o - 1) * s + 1, s) for k, d, s, o in zip(position, dilation, stride, out))


def conv_ref(x, weight, bias, stride, padding, dilation, groups):
    n, kernel = weight.ndim - 2, weight.shape[2:]
    stride, dilation, dtype = _spread(stride, n), _spread(dilation, n), x.dtype
    x, unbatched = _batched(x.astype(np.float64), n)
    pads = _padding(padding, kernel, dilation)
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    out = [(size - d * (k - 1) - 1) // s + 1 for size, d, k, s in zip(x.shape[2:], dilation, kernel, stride)]
    w = weight.astype(np.float64).reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    result = np.zeros((x.shape[0], groups, w.shape[1], *out))
    for position in itertools.product(*map(range, kernel)):
        part = x[(slice(None), slice(None), *_tap(position, dilation, stride, out))]
        part = part.reshape(x.shape[0], groups, -1, *out)
        result += np.einsum("bgi...,goi->bgo...", part, w[(..., *position)])
    result = result.reshape(x.shape[0], weight.shape[0], *out)
    if bias is not None:
        result += bias.astype(np.float64).reshape(-1, *[1] * n)
    return (result[0] if unbatched else result).astype(dtype)


def conv_input_grad_ref(grad, weight, input_size, stride, padding, dilation, groups):
    n, kernel, out = weight.ndim - 2, weight.shape[2:], grad.shape[2:]
    stride, dilation, padding = _spread(stride, n), _spread(dilation, n), _spread(padding, n)
    w = weight.astype(np.float64).reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    g = grad.astype(np.float64).reshape(grad.shape[0], groups, -1, *out)
    reach = [max(size + 2 * p, (o - 1) * s + d * (k - 1) + 1)
             for size, p, o, s, d, k in zip(input_size[2:], padding, out, stride, dilation, kernel)]  # fmt: skip
    padded = np.zeros((grad.shape[0], groups, weight.shape[1], *reach))
    for position in itertools.product(*map(range, kernel)):
        where = (slice(None), slice(None), slice(None), *_tap(position, dilation, stride, out))
        padded[where] += np.einsum("bgo...,goi->bgi...", g, w[(..., *position)])
    inner = tuple(slice(p, p + size) for p, size in zip(padding, input_size[2:]))
    return padded[(..., *inner)].reshape(input_size).astype(grad.dtype)


def conv_weight_grad_ref(grad, x, weight_size, stride, padding, dilation, groups):
    n, kernel, out = len(weight_size) - 2, weight_size[2:], grad.shape[2:]
    stride, dilation = _spread(stride, n), _spread(dilation, n)
    padded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *_padding(padding, kernel, dilation)])
    g = grad.astype(np.float64).reshape(grad.shape[0], groups, -1, *out)
    result = np.zeros((groups, weight_size[0] // groups, *weight_size[1:]))
    for position in itertools.product(*map(range, kernel)):
        part = padded[(slice(None), slice(None), *_tap(position, dilation, stride, out))]
        part = part.reshape(x.shape[0], groups, -1, *out)
        flat = (x.shape[0], groups, -1, int(np.prod(out)))
        result[(..., *position)] = np.einsum("bgos,bgis->goi", g.reshape(flat), part.reshape(flat))
    return result.reshape(weight_size).astype(grad.dtype)


def conv_transpose_ref(x, weight, bias, stride, padding, output_padding, groups, dilation):
    n, kernel, dtype = weight.ndim - 2, weight.shape[2:], x.dtype
    x, unbatched = _batched(x, n)
    settings = [_spread(v, n) for v in (stride, padding, output_padding, dilation)]
    sizes = [(i - 1) * s - 2 * p + d * (k - 1) + o + 1 for i, k, s, p, o, d in zip(x.shape[2:], kernel, *settings)]
    size = [x.shape[0], weight.shape[1] * groups, *sizes]
    result = conv_input_grad_ref(x.astype(np.float64), weight, size, stride, padding, dilation, groups)
    if bias is not None:
        result = result + bias.astype(np.float64).reshape(-1, *[1] * n)
    return (result[0] if unbatched else result).astype(dtype)


def _pool_windows(size, kernel, stride, padding, dilation, ceil_mode):
    """For each output: (cells that exist, how many cells the window has with padding)."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    count = -(-span // stride) + 1 if ceil_mode else span // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    for o in range(count):
        start = o * stride - padding
        cells = [start + k * dilation for k in range(kernel)]
        yield [c for c in cells if 0 <= c < size], min(start + kernel, size + padding) - start


def pool_ref(spatial, x, how, kernel, stride, padding, dilation, ceil_mode, count_include_pad=True, divisor=None):
    kernel, padding, dilation = (_spread(v, spatial) for v in (kernel, padding, dilation))
    stride = _spread(stride, spatial) if stride not in ([], (), None) else kernel
    lead, sizes = x.shape[:-spatial], x.shape[-spatial:]
    windows = [list(_pool_windows(*facts, ceil_mode)) for facts in zip(sizes, kernel, stride, padding, dilation)]
    result = np.zeros((*lead, *map(len, windows)))
    for where in itertools.product(*(range(len(w)) for w in windows)):
        chosen = [w[i] for w, i in zip(windows, where)]
        part = x[(..., *np.ix_(*(cells for cells, _ in chosen)))].astype(np.float64)
        axes = tuple(range(-spatial, 0))
        if how is np.max:
            result[(..., *where)] = part.max(axes)
            continue
        cells = np.prod([n for _, n in chosen]) if count_include_pad else np.prod([len(c) for c, _ in chosen])
        result[(..., *where)] = part.sum(axes) / (divisor or cells)
    return result.astype(x.dtype)


def adaptive_pool_ref(spatial, x, how, output_size):
    output = _spread(output_size, spatial)
    sizes = x.shape[-spatial:]
    result = np.zeros((*x.shape[:-spatial], *output))
    for where in itertools.product(*map(range, output)):
        part = tuple(slice(i * n // o, -(-(i + 1) * n // o)) for i, n, o in zip(where, sizes, output))
        result[(..., *where)] = how(x[(..., *part)].astype(np.float64), axis=tuple(range(-spatial, 0)))
    return result.astype(x.dtype)


def _affine(x, weight, bias, shape, dtype):
    if weight is not None:
        x = x * weight.astype(np.float64).reshape(shape)
    if bias is not None:
        x = x + bias.astype(np.float64).reshape(shape)
    return x.astype(dtype)


def batch_norm_ref(x, weight, bias, running_mean, running_var, training, eps):
    dtype, x = x.dtype, x.astype(np.float64)
    axes, shape = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    mean, var = (x.mean(axes), x.var(axes)) if training else (running_mean, running_var)
    x = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return _affine(x, weight, bias, shape, dtype)


def layer_norm_ref(x, normalized_shape, weight, bias, eps):
    dtype, x = x.dtype, x.astype(np.float64)
    axes = tuple(range(-len(normalized_shape), 0))
    x = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    return _affine(x, weight, bias, normalized_shape, dtype)


def group_norm_ref(x, num_groups, weight, bias, eps):
    dtype, sizes = x.dtype, x.shape
    x = x.astype(np.float64).reshape(sizes[0], num_groups, -1)
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps)
    return _affine(x.reshape(sizes), weight, bias, (1, -1, *[1] * (len(sizes) - 2)), dtype)


def rms_norm_ref(x, normalized_shape, weight, eps):
    dtype, axes = x.dtype, tuple(range(-len(normalized_shape), 0))
    eps = np.finfo(dtype).eps if eps is None else eps
    x = x.astype(np.float64)
    x = x / np.sqrt((x * x).mean(axes, keepdims=True) + eps)
    return _affine(x, weight, None, normalized_shape, dtype)


def tri_solve_ref(a, b, upper, left, unitriangular):
    a = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        a = a - a * np.eye(a.shape[-1], dtype=a.dtype) + np.eye(a.shape[-1], dtype=a.dtype)
    inverse = np.linalg.inv(a)
    return inverse @ b if left else b @ inverse


def namespace(row):
    names = {name: value for name, value in globals().items() if name.endswith("_ref")}
    digit = re.search(r"(\d)d", row.schema.name)
    for name in ("pool_ref", "adaptive_pool_ref"):
        names[name] = functools.partial(names[name], int(digit.group(1)) if digit else 2)
    return names
