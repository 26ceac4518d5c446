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
    yes, shape, batched = _traced(true_fn, operands)
    no, other, others = _traced(false_fn, operands)
    if shape != other:
        _C._refuse(f"torch.cond: expected branches to return the same pytree structure, but got {shape} and {other}")
    for a, b in zip(yes, no):
        _check_alike(a, b)
    if batched != others:
        batched = [a or b for a, b in zip(batched, others)]
        for function in (true_fn, false_fn):
            _traced(function, operands, batched=batched)
    results = iter(_C._cond(pred))
    leaves = [
        _closed(next(results), apart) if isinstance(leaf, _C.Tensor) else leaf for leaf, apart in zip(yes, batched)
    ]
    return tree_unflatten(leaves, shape)


def each(pred, true_fn, false_fn, operands):
    """cond() inside vmap of a condition that differs by entry: both functions run, and each entry takes its own."""
    yes, shape = tree_flatten(true_fn(*operands))
    no, other = tree_flatten(false_fn(*operands))
    if shape != other:
        raise RuntimeError(
            f"torch.cond: expected branches to return the same pytree structure, but got {shape} and {other}"
        )
    pred = pred.reshape(()).bool()
    return tree_unflatten([_chosen(pred, a, b) for a, b in zip(yes, no)], shape)


def _chosen(pred, a, b):
    """One result of both functions."""
    if not isinstance(a, _C.Tensor) or not isinstance(b, _C.Tensor):
        if type(a) is not type(b) or a != b:
            raise RuntimeError(f"torch.cond: expected branches to return tensors, but got {a!r} and {b!r}")
        return a
    if a.shape != b.shape:
        raise RuntimeError(
            "torch.cond: expected each tensor of the branches to have the same sizes, but got "
            f"{list(a.shape)} and {list(b.shape)}"
        )
    return _C.where(pred, a, b)


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


def rounds(cond_fn, body_fn, carried):
    """while_loop() as Python does it. Inside vmap it goes on while any entry does; the others keep what they have."""
    while True:
        go_on = cond_fn(*carried)
        apart = isinstance(go_on, _C.Tensor) and _C._vmap_batched(go_on)
        if not (_C._vmap_open(go_on).any() if apart else go_on):
            return tuple(carried) if len(carried) != 1 else carried[0]
        out = body_fn(*carried)
        out = out if isinstance(out, (tuple, list)) else (out,)
        if len(out) != len(carried):
            raise RuntimeError(f"body_fn must give as many values as it takes: {len(carried)}, but gave {len(out)}")
        carried = _where_going(go_on, out, carried) if apart else out


def _where_going(go_on, out, carried):
    """The next values of the entries for which the loop goes on."""
    for a, b in zip(out, carried):
        if isinstance(a, _C.Tensor) and isinstance(b, _C.Tensor) and a.shape != b.shape:
            raise RuntimeError(
                "torch.while_loop: expected what body_fn gives to have the sizes of carried_inputs, but got "
                f"{list(a.shape)} and {list(b.shape)}"
            )
    go_on = go_on.reshape(()).bool()
    return [_C.where(go_on, a, b) for a, b in zip(out, carried)]


def loop(cond_fn, body_fn, carried):
    """while_loop() of tensors."""
    if not _C._is_tracing():
        return rounds(cond_fn, body_fn, carried)
    batched = [_C._vmap_batched(leaf) for leaf in carried]
    while True:  # until what goes in is batched where what comes out is
        starts = [_opened(leaf, apart) for leaf, apart in zip(carried, batched)]
        answer, _, apart = _traced(cond_fn, (), starts, takes=batched, any_entry=True)
        if len(answer) != 1 or not isinstance(answer[0], _C.Tensor) or answer[0].numel() != 1:
            _C._refuse("torch.while_loop: cond_fn must give a boolean tensor of one element")

        def step(*values, apart=apart[0]):
            out = body_fn(*values)
            out = out if isinstance(out, (tuple, list)) else (out,)
            if len(out) != len(values):
                _C._refuse(
                    f"torch.while_loop: body_fn must give as many values as it takes: {len(values)}, but gave {len(out)}"
                )
            for a, b in zip(out, values):
                if not isinstance(a, _C.Tensor) or a.dtype != b.dtype or a.shape != b.shape:
                    _C._refuse(
                        "torch.while_loop: expected carried_inputs and what body_fn gives to have the same metadata"
                    )
            return _where_going(cond_fn(*values), out, values) if apart else out

        _, _, after = _traced(step, (), starts, takes=batched, batched=batched)
        if after == batched:
            break
        batched = after
    out = [_closed(value, apart) for value, apart in zip(_C._while_loop(starts), batched)]
    return tuple(out) if len(out) != 1 else out[0]


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

    of_slices = [_C._vmap_batched(x) for x in xs]
    slices = [_slices_first(_opened(x, apart), apart) for x, apart in zip(xs, of_slices)]
    batched = [_C._vmap_batched(leaf) for leaf in carried]
    while True:
        starts = [_opened(leaf, apart) for leaf, apart in zip(carried, batched)]
        leaves, both_shapes, after = _traced(body, (), starts, slices, batched + of_slices, batched)
        kept = leaves[: len(carried)]
        if not all(isinstance(leaf, _C.Tensor) for leaf in leaves):
            _C._refuse("torch.scan: combine_fn must give tensors")
        for a, b in zip(kept, carried):
            if a.dtype != b.dtype or a.shape != b.shape:
                _C._refuse("torch.scan: expected init and carry to have the same metadata")
        if after[: len(carried)] == batched:
            break
        batched = after[: len(carried)]
    results = list(_C._scan(starts, slices))
    for i, apart in enumerate(after):
        if apart and i >= len(carried):
            results[i] = results[i].movedim(0, _C._vmap_depth())
        results[i] = _closed(results[i], apart)
    return tree_unflatten(results, both_shapes)


# What is batched by layers of vmap is a plain tensor with their dimensions first in bodies and for the ops that have them.
def _opened(tensor, apart):
    return _C._vmap_open(tensor) if apart else tensor


def _closed(plain, apart):
    return _C._vmap_close(plain) if apart else plain


def _slices_first(x, apart):
    return x.movedim(_C._vmap_depth(), 0) if apart else x


def _traced(function, args, like=(), sliced=(), takes=(), batched=(), any_entry=False):
    """What a function gives, captured as a body of its own: leaves, structure, and which leaves are batched.

    like, sliced: tensors whose places, or whose slices' places, are taken by stand-ins; those are batched that `takes`
    says. batched: leaves that are made so in any case. any_entry: of batched leaves, whether they are true for any entry.
    """
    stand_ins = _C._begin_body(like, sliced) if like or sliced else _C._begin_body(())
    try:
        if stand_ins:
            args = [_closed(value, apart) for value, apart in zip(stand_ins, takes)]
        leaves, shape = tree_flatten(function(*args))
    except Exception:
        _C._drop_body()
        raise
    apart = [isinstance(leaf, _C.Tensor) and _C._vmap_batched(leaf) for leaf in leaves]
    apart = [own or (i < len(batched) and batched[i]) for i, own in enumerate(apart)]
    given = [_opened(leaf, own) for leaf, own in zip(leaves, apart) if isinstance(leaf, _C.Tensor)]
    _C._end_body([leaf.any() for leaf in given] if any_entry and any(apart) else given)
    return leaves, shape, apart


_C._func_transforms(globals())
