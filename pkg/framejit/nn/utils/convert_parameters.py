"""Parameters as one vector, and back."""

from framejit import _ops as _t


def parameters_to_vector(parameters):
    """All parameters flattened into one vector."""
    return _t.cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec, parameters):
    """Write slices of the vector over the parameters."""
    if not isinstance(vec, _t.Tensor):
        raise TypeError(f"expected Tensor, but got: {type(vec).__name__}")
    start = 0
    for parameter in parameters:
        count = parameter.numel()
        parameter.data = vec[start : start + count].view_as(parameter).data
        start += count
