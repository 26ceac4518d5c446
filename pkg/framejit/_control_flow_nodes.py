"""Control flow that depends on tensors as nodes of a graph: what `_control_flow` calls where a whole graph is wanted.

Each function becomes a body of the node (csrc/ops/bodies.h). A graph that ends inside one ends before the call of it, and
CPython calls these functions: then they do what Python does.
"""

from framejit import _C
from framejit.utils._pytree import tree_flatten, tree_map, tree_unflatten


def both(pred, true_fn, false_fn, operands):
    """cond() of a tensor: a node that chooses when the graph runs."""
    if not _C._is_tracing():
        return true_fn(*operands) if pred else false_fn(*operands)
    yes, shape = _traced(true_fn, operands)
    no, other = _traced(false_fn, operands)
    if shape != other:
        _C._refuse(f"torch.cond: expected branches to return the same pytree structure, but got {shape} and {other}")
    for a, b in zip(yes, no):
        _check_alike(a, b)
    results = iter(_C._cond(pred))
    return tree_unflatten([next(results) if isinstance(leaf, _C.Tensor) else leaf for leaf in yes], shape)


def _check_alike(a, b):
    """Both branches give this at one place."""
    if not isinstance(a, _C.Tensor) and not isinstance(b, _C.Tensor):
        if type(a) is not type(b) or a != b:
            _C._refuse(f"torch.cond: expected branches to return tensors, but got {a!r} and {b!r}")
    elif not isinstance(a, _C.Tensor) or not isinstance(b, _C.Tensor):
        _C._refuse(f"torch.cond: expected both branches to return a tensor, but got {type(a)} and {type(b)}")
    elif a.dtype != b.dtype or a.shape != b.shape:
        _C._refuse(
            "torch.cond: expected each tensor of the branches to have the same metadata, but got "
            f"{a.dtype}{list(a.shape)} and {b.dtype}{list(b.shape)}"
        )


def loop(cond_fn, body_fn, carried):
    """while_loop() of tensors."""
    if not _C._is_tracing():
        while cond_fn(*carried):
            out = body_fn(*carried)
            carried = out if isinstance(out, (tuple, list)) else (out,)
        return tuple(carried) if len(carried) != 1 else carried[0]
    answer, _ = _traced(cond_fn, (), carried)
    if len(answer) != 1 or not isinstance(answer[0], _C.Tensor) or answer[0].numel() != 1:
        _C._refuse("torch.while_loop: cond_fn must give a boolean tensor of one element")
    leaves, _ = _traced(body_fn, (), carried)
    if len(leaves) != len(carried):
        _C._refuse(
            f"torch.while_loop: body_fn must give as many values as it takes: {len(carried)}, but gave {len(leaves)}"
        )
    for a, b in zip(leaves, carried):
        if not isinstance(a, _C.Tensor) or a.dtype != b.dtype or a.shape != b.shape:
            _C._refuse("torch.while_loop: expected carried_inputs and what body_fn gives to have the same metadata")
    out = _C._while_loop(carried)
    return tuple(out) if len(carried) != 1 else out[0]


def scanned(combine, init, xs):
    """scan() of tensors along their first dimension; `combine` takes what is carried and a list of slices."""
    if not _C._is_tracing():
        carry, rows = init, []
        for i in range(xs[0].shape[0]):
            carry, row = combine(carry, [x[i] for x in xs])
            rows.append(row)
        return carry, tree_map(lambda *parts: _C.stack(parts), *rows)
    carried, shape = tree_flatten(init)

    def body(*values):
        return combine(tree_unflatten(list(values[: len(carried)]), shape), list(values[len(carried) :]))

    leaves, both_shapes = _traced(body, (), carried, xs)
    kept = leaves[: len(carried)]
    if not all(isinstance(leaf, _C.Tensor) for leaf in leaves):
        _C._refuse("torch.scan: combine_fn must give tensors")
    for a, b in zip(kept, carried):
        if a.dtype != b.dtype or a.shape != b.shape:
            _C._refuse("torch.scan: expected init and carry to have the same metadata")
    return tree_unflatten(list(_C._scan(carried, xs)), both_shapes)


def _traced(function, args, like=(), sliced=()):
    """What a function gives, captured as a body of its own: leaves and structure.

    like, sliced: tensors whose places, or whose slices' places, are taken by stand-ins.
    """
    stand_ins = _C._begin_body(like, sliced) if like or sliced else _C._begin_body(())
    try:
        leaves, shape = tree_flatten(function(*(stand_ins or args)))
    except Exception:
        _C._drop_body()
        raise
    _C._end_body([leaf for leaf in leaves if isinstance(leaf, _C.Tensor)])
    return leaves, shape


_C._func_transforms(globals())
