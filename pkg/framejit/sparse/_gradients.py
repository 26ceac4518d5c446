"""Gradients with respect to sparse tensors, and of them: those of their values."""

from framejit.sparse._tensor import as_layout, is_sparse, like


def _values(x, beside=None):
    if not is_sparse(x):
        return x
    return (x if beside is None else as_layout(x, beside._layout))._v


def grad_of_values(grad, outputs, inputs, grad_outputs, *options):
    """`autograd.grad` of tensors of which some are sparse; their gradients are sparse, with their indices."""
    if grad_outputs is not None:
        seeds = grad_outputs if isinstance(grad_outputs, (list, tuple)) else (grad_outputs,)
        grad_outputs = tuple(_values(g, x) for g, x in zip(seeds, outputs))
    found = grad(tuple(map(_values, outputs)), tuple(map(_values, inputs)), grad_outputs, *options)
    return tuple(like(x, g) if is_sparse(x) and g is not None else g for x, g in zip(inputs, found))
