"""Derivatives against finite differences, element by element. For tests: slow and in float64."""

import itertools

import framejit
from framejit import _C


class GradcheckError(RuntimeError):
    """The analytical and the numerical derivative differ."""


def _as_tuple(value):
    return value if isinstance(value, tuple) else tuple(value) if isinstance(value, list) else (value,)


def _float_outputs(fn, inputs):
    outputs = _as_tuple(fn(*inputs))
    return [o for o in outputs if isinstance(o, _C.Tensor) and (o.is_floating_point() or o.is_complex())]


def _as_real(x):
    """A complex tensor as one of its real and imaginary parts, in a last dimension of two; others as they are."""
    return _C.view_as_real(x.resolve_conj()) if x.is_complex() else x


def _numbers(x):
    return _as_real(x.detach()).reshape(-1).tolist()


def _numerical(fn, inputs, x, eps):
    """One row for every real number in `x`: how each of those in the outputs changes with it."""
    columns = []
    with framejit.no_grad():
        memory = _as_real(x.detach())
        for at in itertools.product(*map(range, memory.shape)):
            old = memory[at].item()
            found = []
            for value in (old + eps, old - eps):
                memory[at] = value
                found.append([_numbers(o) for o in _float_outputs(fn, inputs)])
            memory[at] = old
            columns.append([[(h - l) / (2 * eps) for h, l in zip(*pair)] for pair in zip(*found)])
    return columns


def _analytical(output, x):
    """One row for every real number in the output: its gradient with respect to those in `x`."""
    rows = []
    for j in range(output.numel()):
        for unit in (1, 1j) if output.is_complex() else (1,):
            seed = _C.zeros(output.numel(), dtype=output.dtype)
            seed[j] = unit
            (g,) = framejit.autograd.grad(output, x, seed.reshape(output.shape), retain_graph=True, allow_unused=True)
            rows.append(_numbers(_C.zeros_like(x) if g is None else g))
    return rows


def _close(a, b, atol, rtol):
    return a == b or abs(a - b) <= atol + rtol * abs(b)


def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, **_):
    """True if the gradients of `func` at `inputs` agree with finite differences; those of complex numbers by their parts.

    func (callable), inputs (sequence of Tensor), eps (float), atol, rtol (float, or Tensor), raise_exception (bool).
    Raises ValueError (gradcheck expects at least one input tensor to require gradient, but none of the them have
    requires_grad=True), GradcheckError (Jacobian mismatch for output … with respect to input …: d out[…] / d in[…] is
    … numerically, … analytically).

    >>> import framejit
    >>> x = framejit.ones(2, dtype=framejit.float64, requires_grad=True)
    >>> framejit.autograd.gradcheck(lambda x: x.sin(), (x,))
    True
    """
    inputs = _as_tuple(inputs)
    wanted = [(i, x) for i, x in enumerate(inputs) if isinstance(x, _C.Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them have "
            "requires_grad=True."
        )
    outputs = [o for o in _float_outputs(func, inputs) if o.requires_grad]
    for i, x in wanted:
        numerical = _numerical(func, inputs, x, eps)
        for o, output in enumerate(_float_outputs(func, inputs)):
            analytical = (
                _analytical(output, x) if output.requires_grad else [[0.0] * len(numerical)] * len(_numbers(output))
            )
            for j, row in enumerate(analytical):
                for k, value in enumerate(row):
                    if _close(value, numerical[k][o][j], atol, rtol):
                        continue
                    if not raise_exception:
                        return False
                    raise GradcheckError(
                        f"Jacobian mismatch for output {o} with respect to input {i}: d out[{j}] / d in[{k}] is "
                        f"{numerical[k][o][j]!r} numerically, {value!r} analytically"
                    )
    return bool(outputs) or True


def gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, **_):
    """The same for second derivatives: checks the gradient of `func` as a function of inputs and output gradients.

    func (callable), inputs (sequence of Tensor), grad_outputs (sequence of Tensor or None), eps (float), atol, rtol
    (float, or Tensor), raise_exception (bool). Raises TypeError for other types.

    >>> import framejit
    >>> x = framejit.ones(2, dtype=framejit.float64, requires_grad=True)
    >>> framejit.autograd.gradgradcheck(lambda x: x.sin(), (x,))
    True
    """
    inputs = _as_tuple(inputs)
    outputs = [o for o in _float_outputs(func, inputs) if o.requires_grad]
    if grad_outputs is None:
        grad_outputs = [framejit.randn_like(o).detach().contiguous().requires_grad_() for o in outputs]
    count = len(inputs)
    wanted = [i for i, x in enumerate(inputs) if isinstance(x, _C.Tensor) and x.requires_grad]

    def first(*args):
        with framejit.enable_grad():
            xs = list(args[:count])
            # Finite differences run under no_grad: the inner derivative needs leaves of its own there.
            for i in wanted:
                if not xs[i].requires_grad:
                    xs[i] = xs[i].detach().requires_grad_()
            outs = [o for o in _float_outputs(func, xs) if o.requires_grad]
            grads = framejit.autograd.grad(
                outs, [xs[i] for i in wanted], list(args[count:]), create_graph=True, allow_unused=True
            )
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        first,
        tuple(inputs) + tuple(_as_tuple(grad_outputs)),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
    )
