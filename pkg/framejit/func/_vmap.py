"""vmap: a function of one example becomes a function of a batch of them."""

import functools

from framejit import _C
from framejit.func._recorded import tracer_of
from framejit.utils import _pytree as pytree

_C._func_transforms(globals())


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """Maps `func` over dimension `in_dims` of its arguments; results get the batch at `out_dims`.

    Arguments and results may be nested tuples, lists and dicts; `in_dims` and `out_dims` are numbers, or as nested as
    far as needed, None in `in_dims` for what is the same for all. `randomness` says what a random draw inside means:
    an error, a different draw for every entry, or the same for all. `chunk_size` bounds how many entries run at once.

    func (callable), in_dims, out_dims (int, or nest of int and None), randomness (str), chunk_size (int or None).
    Raises RuntimeError (Only allowed values for randomness are 'error', 'different', or 'same'. Got …), ValueError
    (chunk_size should be None or greater than 0. (got …)).

    >>> import framejit
    >>> framejit.func.vmap(lambda a, b: a @ b)(framejit.ones(4, 3), framejit.ones(4, 3))
    tensor([3., 3., 3., 3.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        tracer = tracer_of(args, kwargs)
        if tracer is not None:
            return tracer.transform(wrapped, args, kwargs)
        leaves, structure = pytree.tree_flatten(args)
        dims = _checked_in_dims(in_dims, structure, leaves, func)
        kw_leaves, kw_structure = pytree.tree_flatten(kwargs)
        kw_dims = [0 if isinstance(v, _C.Tensor) else None for v in kw_leaves]
        size = _batch_size(leaves + kw_leaves, dims + kw_dims, func)
        batch = _Batch(func, leaves, structure, dims, kw_leaves, kw_structure, kw_dims, out_dims, randomness)
        if chunk_size is None or size <= chunk_size:
            return batch.run(size)
        return batch.run_chunks(size, chunk_size)

    return wrapped


def _name(func):
    return getattr(func, "__name__", repr(func))


def _checked_in_dims(in_dims, structure, leaves, func):
    if not leaves:
        raise ValueError(
            f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): got no inputs. Maybe you forgot to add inputs, "
            "or you are trying to vmap over a function with no inputs. The latter is unsupported."
        )
    if not isinstance(in_dims, (int, tuple, list)):
        raise ValueError(
            f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a (potentially "
            f"nested) tuple matching the structure of inputs, got: {type(in_dims)}."
        )
    dims = pytree._broadcast_to_and_flatten(in_dims, structure)
    if dims is None:
        raise ValueError(
            f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): in_dims is not compatible with the structure of "
            f"`inputs`. in_dims has structure {pytree.tree_structure(in_dims)} but inputs has structure "
            f"{structure}."
        )
    out = []
    for dim, leaf in zip(dims, leaves):
        if dim is None:
            out.append(None)
            continue
        if not isinstance(leaf, _C.Tensor):
            if isinstance(in_dims, int):
                raise ValueError(
                    f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for an input but the input "
                    f"is of type {type(leaf)}. We cannot vmap over non-Tensor arguments, please use None as the "
                    "respective in_dim"
                )
            raise ValueError(
                f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for an input but the input is "
                f"of type {type(leaf)}. We cannot vmap over non-Tensor arguments, please use None as the respective "
                "in_dim"
            )
        if not -leaf.dim() <= dim < leaf.dim():
            raise ValueError(
                f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for some input, but that input "
                f"is a Tensor of dimensionality {leaf.dim()} so expected in_dim to satisfy -{leaf.dim()} <= in_dim < "
                f"{leaf.dim()}."
            )
        out.append(dim % leaf.dim())
    return out


def _batch_size(leaves, dims, func):
    sizes = [leaf.shape[dim] for leaf, dim in zip(leaves, dims) if dim is not None]
    if not sizes:
        raise ValueError("vmap: at least one input must be batched: all in_dims are None")
    if any(s != sizes[0] for s in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]


class _Batch:
    """One call of a mapped function."""

    def __init__(self, func, leaves, structure, dims, kw_leaves, kw_structure, kw_dims, out_dims, randomness):
        self.func, self.randomness, self.out_dims = func, randomness, out_dims
        self.leaves, self.structure, self.dims = leaves, structure, dims
        self.kw_leaves, self.kw_structure, self.kw_dims = kw_leaves, kw_structure, kw_dims

    def run(self, size, leaves=None, kw_leaves=None):
        leaves = self.leaves if leaves is None else leaves
        kw_leaves = self.kw_leaves if kw_leaves is None else kw_leaves
        layer = _C._vmap_enter(size, self.randomness)
        try:
            wrap = lambda v, d: v if d is None else _C._vmap_wrap(layer, v, d)  # noqa: E731
            args = pytree.tree_unflatten([wrap(v, d) for v, d in zip(leaves, self.dims)], self.structure)
            kwargs = pytree.tree_unflatten([wrap(v, d) for v, d in zip(kw_leaves, self.kw_dims)], self.kw_structure)
            result = self.func(*args, **kwargs)
        finally:
            _C._vmap_leave(layer)
        return self._unwrap(layer, result, size)

    def _unwrap(self, layer, result, size):
        outs, structure = pytree.tree_flatten(result)
        dims = pytree._broadcast_to_and_flatten(self.out_dims, structure)
        if dims is None and structure.is_leaf() and isinstance(self.out_dims, tuple) and len(self.out_dims) == 1:
            dims = list(self.out_dims)
        if dims is None:
            raise ValueError(
                f"vmap({_name(self.func)}, ..., out_dims={self.out_dims})(<inputs>): out_dims is not compatible with the "
                "structure of outputs."
            )
        return pytree.tree_unflatten([self._unwrap_one(layer, v, d, size) for v, d in zip(outs, dims)], structure)

    def _unwrap_one(self, layer, value, out_dim, size):
        if not isinstance(value, _C.Tensor):
            if out_dim is None:
                return value
            raise ValueError(
                f"vmap({_name(self.func)}, ...): `{_name(self.func)}` must only return Tensors, got type {type(value)}. "
                "Did you mean to set out_dims= to None for output?"
            )
        plain, dim = _C._vmap_unwrap(layer, value)
        if out_dim is None:
            if dim >= 0:
                raise ValueError(
                    f"vmap({_name(self.func)}, ...): `{_name(self.func)}` can not return a BatchedTensor when out_dim is None"
                )
            return plain
        if dim < 0:
            plain, dim = plain.unsqueeze(0).expand(size, *plain.shape), 0
        if not -plain.dim() <= out_dim < plain.dim():
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-plain.dim()}, {plain.dim() - 1}], but got {out_dim})"
            )
        return plain if dim == out_dim % plain.dim() else plain.movedim(dim, out_dim)

    def run_chunks(self, size, chunk_size):
        parts = []
        for begin in range(0, size, chunk_size):
            n = min(chunk_size, size - begin)
            cut = lambda v, d: v if d is None else v.narrow(d, begin, n)  # noqa: B023,E731
            parts.append(
                self.run(
                    n,
                    [cut(v, d) for v, d in zip(self.leaves, self.dims)],
                    [cut(v, d) for v, d in zip(self.kw_leaves, self.kw_dims)],
                )
            )
        flat = [pytree.tree_flatten(p)[0] for p in parts]
        structure = pytree.tree_flatten(parts[0])[1]
        dims = pytree._broadcast_to_and_flatten(self.out_dims, structure) or list(self.out_dims)
        joined = [values[0] if d is None else _C.cat(list(values), d) for values, d in zip(zip(*flat), dims)]
        return pytree.tree_unflatten(joined, structure)
