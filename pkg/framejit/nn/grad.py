"""Gradients of convolutions as functions: of the input by its size, of the weight by its."""

from framejit import _ops as _t
from framejit import autograd


def _gradient(n, of, input, weight, grad_output, stride, padding, dilation, groups):
    convolve = getattr(_t, f"conv{n}d")
    with autograd.enable_grad():
        result = convolve(input, weight, None, stride, padding, dilation, groups)
    return autograd.grad(result, of, grad_output)[0]


def _make(n):
    def of_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
        input = grad_output.new_zeros(input_size).requires_grad_()
        return _gradient(n, input, input, weight.detach(), grad_output, stride, padding, dilation, groups)

    def of_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
        weight = grad_output.new_zeros(weight_size).requires_grad_()
        return _gradient(n, weight, input.detach(), weight, grad_output, stride, padding, dilation, groups)

    sizes = "[N, C, *]"
    more = (
        "stride, padding, dilation (int or tuple of int), groups (int). Raises RuntimeError for sizes that do not fit."
    )
    of_input.__doc__ = f"""The gradient of conv{n}d's input.

    input_size (sequence of int), weight (Tensor), grad_output (Tensor {sizes}),
    {more}

    >>> import framejit
    >>> from framejit.nn import grad
    >>> size, weight = (1, 1, {", ".join(["3"] * n)}), framejit.ones(1, 1, {", ".join(["1"] * n)})
    >>> grad.conv{n}d_input(size, weight, framejit.ones(*size)).shape == framejit.Size(size)
    True
    """
    of_weight.__doc__ = f"""The gradient of conv{n}d's weight.

    input (Tensor {sizes}), weight_size (sequence of int), grad_output (Tensor {sizes}),
    {more}

    >>> import framejit
    >>> from framejit.nn import grad
    >>> x = framejit.ones(1, 1, {", ".join(["3"] * n)})
    >>> grad.conv{n}d_weight(x, (1, 1, {", ".join(["1"] * n)}), x).item()
    {3.0**n}
    """
    for function, name in ((of_input, "input"), (of_weight, "weight")):
        function.__name__ = function.__qualname__ = f"conv{n}d_{name}"
    return of_input, of_weight


conv1d_input, conv1d_weight = _make(1)
conv2d_input, conv2d_weight = _make(2)
conv3d_input, conv3d_weight = _make(3)
