"""Parameters as one vector, and back."""

from framejit import _ops as _t


def parameters_to_vector(parameters):
    """All parameters flattened into one vector.

    parameters (iterable of Tensor). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.utils.parameters_to_vector([framejit.ones(2), framejit.zeros(1, 2)])
    tensor([1., 1., 0., 0.])
    """
    return _t.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec, parameters):
    """Write slices of the vector over the parameters.

    vec (Tensor), parameters (iterable of Tensor). Raises TypeError (expected Tensor, but got: …).

    >>> import framejit
    >>> from framejit import nn
    >>> w = nn.Parameter(framejit.ones(1, 2))
    >>> nn.utils.vector_to_parameters(framejit.tensor([5.0, 7.0]), [w])
    >>> w.tolist()
    [[5.0, 7.0]]
    """
    if not isinstance(vec, _t.Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    start = 0
    for parameter in parameters:
        count = parameter.numel()
        parameter.data = vec[start : start + count].view_as(parameter).data
        start += count
