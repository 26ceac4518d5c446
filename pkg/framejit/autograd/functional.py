"""Jacobians, Hessians and products with them, of functions of tensors."""

import framejit
from framejit import _C
from framejit.autograd import grad
from framejit.autograd.grad_mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _as_tuple(value, what, function):
    is_tuple = isinstance(value, tuple)
    values = value if is_tuple else (value,)
    for i, v in enumerate(values):
        if not isinstance(v, _C.Tensor):
            where = f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the"
            if is_tuple:
                raise TypeError(f"{where} value at index {i} has type {type(v)}.")
            raise TypeError(f"{where} given {what} has type {type(v)}.")
    return is_tuple, values


def _inputs(inputs, create_graph):
    """Inputs that gradients can be asked for: connected to the given ones if the result is to be differentiated."""
    made = []
    for x in inputs:
        if create_graph:
            made.append(x.view_as(x) if x.requires_grad else x.clone().requires_grad_())
        else:
            made.append(x.detach().requires_grad_())
    return tuple(made)


def _check_grads(v, like, is_tuple, what):
    if len(v) != len(like):
        if is_tuple:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(v, like)):
        if a.size() != b.size():
            at = f"Entry {i} in " if is_tuple else ""
            raise RuntimeError(f"{at}v has invalid size: should be {b.size()} but got {a.size()}.")


def _grad(outputs, inputs, grad_outputs=None, create_graph=False, retain_graph=None):
    """autograd.grad over the outputs that have a gradient; None for inputs that none reaches."""
    pairs = [
        (o, None if grad_outputs is None else g)
        for o, g in zip(outputs, grad_outputs or (None,) * len(outputs))
        if o is not None and o.requires_grad
    ]
    if not pairs:
        return (None,) * len(inputs)
    return grad(
        [o for o, _ in pairs],
        inputs,
        None if grad_outputs is None else [g for _, g in pairs],
        allow_unused=True,
        create_graph=create_graph,
        retain_graph=retain_graph,
    )


def _filled(grads, like, strict, create_graph, stage):
    out = []
    for i, (g, x) in enumerate(zip(grads, like)):
        if g is None:
            if strict:
                raise RuntimeError(
                    f"The output of the user-provided function is independent of input {i}. This is not allowed in "
                    "strict mode."
                    if stage == "input"
                    else f"The jacobian of the user-provided function with respect to input {i} is independent of the "
                    "inputs. This is not allowed in strict mode."
                )
            g = _C.zeros_like(x)
        elif strict and create_graph and not g.requires_grad:
            raise RuntimeError(
                f"The jacobian of the user-provided function with respect to input {i} is independent of the inputs. "
                "This is not allowed in strict mode when create_graph=True."
            )
        out.append(g)
    return tuple(out)


def _check_outputs(outputs, strict, function):
    for i, o in enumerate(outputs):
        if strict and not o.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The outputs must be computed in "
                "a differentiable manner from the input when running in strict mode."
            )


def _result(values, is_tuple, create_graph):
    values = tuple(v if create_graph else v.detach() for v in values)
    return values if is_tuple else values[0]


def _ones_like_scalar(outputs, function):
    if len(outputs) != 1 or outputs[0].nelement() != 1:
        raise RuntimeError(
            "The vector v can only be None if the user-provided function returns a single Tensor with a single element."
        )
    return (_C.ones_like(outputs[0]),)


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(inputs), v times the Jacobian).

    func (callable), inputs (Tensor, or tuple of Tensor), v (Tensor, or tuple of Tensor, or None), create_graph, strict
    (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.autograd.functional.vjp(lambda x: x**2, framejit.tensor([1.0, 2.0]), framejit.tensor([1.0, 1.0]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "vjp")
        inputs = _inputs(inputs, create_graph)
        many_out, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", "vjp")
        _check_outputs(outputs, strict, "vjp")
        if v is None:
            v = _ones_like_scalar(outputs, "vjp")
        else:
            many_v, v = _as_tuple(v, "v", "vjp")
            v = tuple(x if create_graph else x.detach() for x in v)
            _check_grads(v, outputs, many_v, "vjp")
    with framejit.set_grad_enabled(create_graph or framejit.is_grad_enabled()):
        grads = _filled(_grad(outputs, inputs, v, create_graph), inputs, strict, create_graph, "input")
    return _result(outputs, many_out, create_graph), _result(grads, many_in, create_graph)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(inputs), the Jacobian times v).

    func (callable), inputs (Tensor, or tuple of Tensor), v (Tensor, or tuple of Tensor, or None), create_graph, strict
    (bool). Raises RuntimeError (The vector v can only be None if the input to the user-provided function is a single
    Tensor with a single element).

    >>> import framejit
    >>> framejit.autograd.functional.jvp(lambda x: x**2, framejit.tensor([1.0, 2.0]), framejit.tensor([1.0, 1.0]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "jvp")
        inputs = _inputs(inputs, create_graph)
        if v is None:
            if len(inputs) != 1 or inputs[0].nelement() != 1:
                raise RuntimeError(
                    "The vector v can only be None if the input to the user-provided function is a single Tensor with "
                    "a single element."
                )
            v = (_C.ones_like(inputs[0]),)
        else:
            many_v, v = _as_tuple(v, "v", "jvp")
            v = tuple(x if create_graph else x.detach() for x in v)
            _check_grads(v, inputs, many_v, "jvp")
        many_out, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", "jvp")
        _check_outputs(outputs, strict, "jvp")
        # The derivative of v -> v J is linear in v: its own gradient is J times whatever comes in.
        weights = tuple(_C.zeros_like(o).requires_grad_() for o in outputs)
        grads = _filled(_grad(outputs, inputs, weights, True), inputs, strict, False, "input")
        found = _grad(grads, weights, v, create_graph)
        result = _filled(found, outputs, strict, create_graph, "jacobian")
    return _result(outputs, many_out, create_graph), _result(result, many_out, create_graph)


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """The Jacobian: a tensor of output sizes by input sizes, nested in tuples as outputs and inputs are.

    func (callable), inputs (Tensor, or tuple of Tensor), create_graph, strict, vectorize (bool), strategy (str).
    Raises AssertionError (Expected strategy to be either "forward-mode" or "reverse-mode"), NotImplementedError
    (`create_graph=True` and `strategy='forward-mode'` are not supported together (yet); Computing Jacobian using
    forward-AD or `strategy="forward-mode"` is currently only supported for `vectorize=True`).

    >>> import framejit
    >>> framejit.autograd.functional.jacobian(lambda x: x**2, framejit.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode"')
    if strategy == "forward-mode" and create_graph:
        raise NotImplementedError(
            "torch.autograd.functional.jacobian: `create_graph=True` and `strategy='forward-mode'` are not supported "
            "together (yet)."
        )
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError(
            'torch.autograd.functional.jacobian: Computing Jacobian using forward-AD or `strategy="forward-mode"` is '
            "currently only supported for `vectorize=True`"
        )
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "jacobian")
        inputs = _inputs(inputs, create_graph)
        many_out, outputs = _as_tuple(func(*inputs), "outputs of the user-provided function", "jacobian")
        _check_outputs(outputs, strict, "jacobian")
        rows = tuple(_jacobian_of(o, inputs, create_graph, strict) for o in outputs)
    rows = tuple(tuple(j if create_graph else j.detach() for j in row) for row in rows)
    rows = rows if many_in else tuple(row[0] for row in rows)
    return rows if many_out else rows[0]


def _jacobian_of(output, inputs, create_graph, strict):
    columns = [[] for _ in inputs]
    flat = output.reshape(-1)
    for i in range(output.nelement()):
        grads = _grad((flat[i],), inputs, None, create_graph, retain_graph=True)
        for column, g in zip(columns, _filled(grads, inputs, strict, create_graph, "input")):
            column.append(g)
    return tuple(
        (_C.stack(column) if column else _C.zeros(0)).reshape(tuple(output.shape) + tuple(x.shape))
        for column, x in zip(columns, inputs)
    )


def _scalar(func, function):
    def wrapped(*inputs):
        out = func(*inputs)
        many, outputs = _as_tuple(out, "outputs of the user-provided function", function)
        if many:
            raise RuntimeError(f"The function given to {function} should return a single Tensor")
        if outputs[0].nelement() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {function} should contain a single element"
            )
        return outputs[0].squeeze()

    return wrapped


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """The Hessian of a function with one value.

    func (callable), inputs (Tensor, or tuple of Tensor), create_graph, strict, vectorize (bool),
    outer_jacobian_strategy (str). Raises AssertionError (Expected strategy to be either "forward-mode" or
    "reverse-mode").

    >>> import framejit
    >>> framejit.autograd.functional.hessian(lambda x: (x**3).sum(), framejit.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    many_in, inputs = _as_tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode"')
    value = _scalar(func, "hessian")

    def gradients(*xs):
        found = jacobian(value, xs, create_graph=True, strict=strict)
        return found

    result = jacobian(gradients, inputs, create_graph=create_graph, strict=strict)
    return result if many_in else result[0][0]


def _first_gradient(func, inputs, create_graph, strict, function):
    inputs = _inputs(inputs, create_graph)
    output = _scalar(func, function)(*inputs)
    _check_outputs((output,), strict, function)
    grads = _grad((output,), inputs, None, create_graph=True)
    return inputs, output, _filled(grads, inputs, strict, False, "input")


def _vector(v, inputs, create_graph, function):
    if v is None:
        if len(inputs) != 1 or inputs[0].nelement() != 1:
            raise RuntimeError(
                "The vector v can only be None if the input to the user-provided function is a single Tensor with a "
                "single element."
            )
        return (_C.ones_like(inputs[0]),)
    many_v, v = _as_tuple(v, "v", function)
    _check_grads(v, inputs, many_v, function)
    return tuple(x if create_graph else x.detach() for x in v)


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(inputs), v times the Hessian).

    func (callable), inputs (Tensor, or tuple of Tensor), v (Tensor, or tuple of Tensor, or None), create_graph, strict
    (bool). Raises TypeError for other types.

    >>> import framejit
    >>> x, v = framejit.tensor([1.0, 2.0]), framejit.tensor([1.0, 0.0])
    >>> value, product = framejit.autograd.functional.vhp(lambda x: (x**3).sum(), x, v)
    >>> value, product
    (tensor(9.), tensor([6., 0.]))
    """
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "vhp")
        v = _vector(v, inputs, create_graph, "vhp")
        inputs, output, grads = _first_gradient(func, inputs, create_graph, strict, "vhp")
        found = _filled(_grad(grads, inputs, v, create_graph), inputs, strict, create_graph, "jacobian")
    return _result((output,), False, create_graph), _result(found, many_in, create_graph)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(inputs), the Hessian times v).

    func (callable), inputs (Tensor, or tuple of Tensor), v (Tensor, or tuple of Tensor, or None), create_graph, strict
    (bool). Raises TypeError for other types.

    >>> import framejit
    >>> x, v = framejit.tensor([1.0, 2.0]), framejit.tensor([1.0, 0.0])
    >>> value, product = framejit.autograd.functional.hvp(lambda x: (x**3).sum(), x, v)
    >>> value, product
    (tensor(9.), tensor([6., 0.]))
    """
    with enable_grad():
        many_in, inputs = _as_tuple(inputs, "inputs", "hvp")
        v = _vector(v, inputs, create_graph, "hvp")
        inputs, output, grads = _first_gradient(func, inputs, create_graph, strict, "hvp")
        weights = tuple(_C.zeros_like(x).requires_grad_() for x in inputs)
        rows = _filled(_grad(grads, inputs, weights, True), inputs, strict, False, "jacobian")
        found = _filled(_grad(rows, weights, v, create_graph), inputs, strict, create_graph, "jacobian")
    return _result((output,), False, create_graph), _result(found, many_in, create_graph)
