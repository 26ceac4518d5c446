"""Window functions: `framejit.hann_window` and its kin, and `signal.windows`."""

import math

from framejit import _C


def _window(make, length, periodic, dtype, requires_grad):
    """make(0, 1, …, span) in double precision, where the span is a whole period or ends on the last sample."""
    if length <= 1:
        return _C.ones(length, dtype=dtype).requires_grad_(requires_grad)
    values = make(_C.arange(length, dtype=_C.float64), length if periodic else length - 1)
    return values.to(dtype).requires_grad_(requires_grad)


# --- the shapes ---


def _cosines(weights):
    """The sum of (-1)^k a_k cos(2 pi k n / span)."""
    return lambda n, span: sum((-1) ** k * a * (n * (2 * math.pi * k / span)).cos() for k, a in enumerate(weights))


def _triangle(n, span):
    return 1 - (n * (2.0 / span) - 1).abs()


def _kaiser(beta):
    """I0(beta sqrt(1 - (2 n / span - 1)²)) / I0(beta)."""

    def make(n, span):
        x = n * (2.0 / span) - 1
        return _C.i0(beta * (1 - x * x).clamp(min=0).sqrt()) / _C.i0(_C.tensor(float(beta), dtype=_C.float64))

    return make


# --- framejit.*_window: periodic by default ---


def _periodic(name, make, length, periodic, dtype, requires_grad):
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    dtype = _C.get_default_dtype() if dtype is None else dtype
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    return _window(make, length, periodic, dtype, requires_grad)


def hann_window(
    window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
):
    """0.5 - 0.5 cos(2 pi n / N).

    window_length (int), periodic (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device
    (framejit.device or str or None), pin_memory, requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.hann_window(2)
    tensor([0., 1.])
    """
    return _periodic("hann_window", _cosines((0.5, 0.5)), window_length, periodic, dtype, requires_grad)


def hamming_window(
    window_length,
    periodic=True,
    alpha=0.54,
    beta=0.46,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """alpha - beta cos(2 pi n / N).

    window_length (int), periodic (bool), alpha, beta (float), dtype (framejit.dtype or None), layout (framejit.layout
    or None), device (framejit.device or str or None), pin_memory, requires_grad (bool). Raises TypeError for other
    types.

    >>> import framejit
    >>> framejit.hamming_window(2)
    tensor([0.0800, 1.0000])
    """
    return _periodic("hamming_window", _cosines((alpha, beta)), window_length, periodic, dtype, requires_grad)


def blackman_window(
    window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
):
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N).

    window_length (int), periodic (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device
    (framejit.device or str or None), pin_memory, requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.blackman_window(4).shape
    framejit.Size([4])
    """
    return _periodic("blackman_window", _cosines((0.42, 0.5, 0.08)), window_length, periodic, dtype, requires_grad)


def bartlett_window(
    window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
):
    """A triangle: 1 - |2 n / N - 1|.

    window_length (int), periodic (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device
    (framejit.device or str or None), pin_memory, requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _periodic("bartlett_window", _triangle, window_length, periodic, dtype, requires_grad)


def kaiser_window(
    window_length,
    periodic=True,
    beta=12.0,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
):
    """The Kaiser window, by the Bessel function I0.

    window_length (int), periodic (bool), beta (float), dtype (framejit.dtype or None), layout (framejit.layout or
    None), device (framejit.device or str or None), pin_memory, requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.kaiser_window(4).shape
    framejit.Size([4])
    """
    return _periodic("kaiser_window", _kaiser(beta), window_length, periodic, dtype, requires_grad)


# --- signal.windows: symmetric by default ---


def _signal(name, make, M, sym, dtype, layout, requires_grad, **values):
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    for key, value in values.items():
        if value is not None and value <= 0:
            raise ValueError(f"{key.capitalize()} must be positive, got: {value} instead.")
    dtype = _C.get_default_dtype() if dtype is None else dtype
    if dtype not in (_C.float32, _C.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    if layout not in (None, _C.strided):
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    return _window(make, M, not sym, dtype, requires_grad)


def general_cosine(M, *, a, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """A sum of cosines with the weights `a`.

    M (int), a (list of float), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device
    (framejit.device or str or None), requires_grad (bool). Raises TypeError (Coefficients must be a list/tuple),
    ValueError (Coefficients cannot be empty).

    >>> import framejit
    >>> framejit.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    if not isinstance(a, (list, tuple)):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    return _signal("general_cosine", _cosines(a), M, sym, dtype, layout, requires_grad)


def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """alpha - (1 - alpha) cos.

    M (int), alpha (float), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device
    (framejit.device or str or None), requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.signal.windows.general_hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, requires_grad=requires_grad)


def hamming(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The Hamming window.

    M (int), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device (framejit.device or
    str or None), requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, requires_grad=requires_grad)


def hann(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The Hann window.

    M (int), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device (framejit.device or
    str or None), requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.signal.windows.hann(3)
    tensor([0., 1., 0.])
    """
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, requires_grad=requires_grad)


def blackman(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The Blackman window.

    M (int), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device (framejit.device or
    str or None), requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.signal.windows.blackman(5).shape
    framejit.Size([5])
    """
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, requires_grad=requires_grad)


def nuttall(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """Nuttall's minimum four-term Blackman-Harris window.

    M (int), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device (framejit.device or
    str or None), requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.signal.windows.nuttall(3).shape
    framejit.Size([3])
    """
    return general_cosine(
        M,
        a=[0.3635819, 0.4891775, 0.1365995, 0.0106411],
        sym=sym,
        dtype=dtype,
        layout=layout,
        requires_grad=requires_grad,
    )


def bartlett(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The triangle.

    M (int), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device (framejit.device or
    str or None), requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.signal.windows.bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _signal("bartlett", _triangle, M, sym, dtype, layout, requires_grad)


def cosine(M, *, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """sin(pi (n + 0.5) / M).

    M (int), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device (framejit.device or
    str or None), requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.signal.windows.cosine(3)
    tensor([0.5000, 1.0000, 0.5000])
    """
    make = lambda n, span: ((n + 0.5) * (math.pi / (span + 1))).sin()
    return _signal("cosine", make, M, sym, dtype, layout, requires_grad)


def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """exp(-|n - center| / tau).

    M (int), center (bool or None), tau (float), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or
    None), device (framejit.device or str or None), requires_grad (bool). Raises ValueError (Center must be None for
    symmetric windows).

    >>> import framejit
    >>> framejit.signal.windows.exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    make = lambda n, span: (-(n - (span / 2 if center is None else center)).abs() / tau).exp()
    return _signal("exponential", make, M, sym, dtype, layout, requires_grad, tau=tau)


def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """exp(-(n - centre)² / (2 std²)).

    M (int), std (float), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device
    (framejit.device or str or None), requires_grad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.signal.windows.gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    make = lambda n, span: (-0.5 * ((n - span / 2) / std).square()).exp()
    return _signal("gaussian", make, M, sym, dtype, layout, requires_grad, std=std)


def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=None, device=None, requires_grad=False):
    """The Kaiser window.

    M (int), beta (float), sym (bool), dtype (framejit.dtype or None), layout (framejit.layout or None), device
    (framejit.device or str or None), requires_grad (bool). Raises ValueError (beta must be non-negative, got: …
    instead).

    >>> import framejit
    >>> framejit.signal.windows.kaiser(3)
    tensor([5.2773e-05, 1.0000e+00, 5.2773e-05])
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _signal("kaiser", _kaiser(beta), M, sym, dtype, layout, requires_grad)
