"""repr of tensors, character for character as PyTorch prints them."""

import math

from framejit import _C


class _Options:
    precision = 4
    threshold = 1000
    edgeitems = 3
    linewidth = 80
    sci_mode = None


_DEFAULTS = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80}
_PROFILES = {
    "default": _DEFAULTS,
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
options = _Options()


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None):
    """Sets how tensors are printed; what is None stays as it is.

    precision, threshold, edgeitems, linewidth (int or None), profile (str or None), sci_mode (bool or None). Raises
    nothing of its own: a precision that is no number raises ValueError when a tensor is printed.

    >>> import framejit
    >>> framejit.set_printoptions(precision=2)
    >>> framejit.tensor([1.23456])
    tensor([1.23])
    >>> framejit.set_printoptions(profile="default")
    """
    if profile is not None:
        for name, value in _PROFILES[profile].items():
            setattr(options, name, value)
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, value in given.items():
        if value is not None:
            setattr(options, name, value)
    options.sci_mode = sci_mode


def get_printoptions():
    """The options that set_printoptions sets, as a dict.

    >>> import framejit
    >>> framejit.get_printoptions()["precision"]
    4
    """
    return {name: getattr(options, name) for name in (*_DEFAULTS, "sci_mode")}


class _Formatter:
    """One width and one notation for all elements."""

    def __init__(self, values, floating):
        self.floating = floating
        self.int_mode = True
        self.sci_mode = False
        self.width = 1
        if floating:
            self._fit_floats([v for v in values if v and math.isfinite(v)])
        else:
            self._fit(str(v) for v in values)
        if options.sci_mode is not None:
            self.sci_mode = options.sci_mode

    def _fit(self, texts, extra=0):
        for text in texts:
            self.width = max(self.width, len(text) + extra)

    def _fit_floats(self, values):
        if not values:
            return
        low = min(abs(v) for v in values)
        high = max(abs(v) for v in values)
        self.int_mode = all(v == math.ceil(v) for v in values)
        wide = high / low > 1000.0 or high > 1.0e8
        if wide or (not self.int_mode and low < 1.0e-4):
            self.sci_mode = True
            self._fit(f"{v:.{options.precision}e}" for v in values)
        elif self.int_mode:
            self._fit((f"{v:.0f}" for v in values), extra=1)
        else:
            self._fit(f"{v:.{options.precision}f}" for v in values)

    def format(self, value):
        if not self.floating:
            text = str(value)
        elif self.sci_mode:
            text = f"{value:{self.width}.{options.precision}e}"
        elif self.int_mode:
            text = f"{value:.0f}"
            if math.isfinite(value):
                text += "."
        else:
            text = f"{value:.{options.precision}f}"
        return text.rjust(self.width)


class _ComplexFormatter:
    """The two parts, each in a width and notation of its own."""

    def __init__(self, values):
        self.real = _Formatter([v.real for v in values], True)
        self.imag = _Formatter([v.imag for v in values], True)
        self.width = self.real.width + self.imag.width + 1

    def format(self, value):
        imag = self.imag.format(value.imag).lstrip() + "j"
        return self.real.format(value.real) + (imag if imag[0] in "+-" else "+" + imag)


def _edges(tensor):
    """The elements at the edges of every dimension, which are all that a summary shows."""
    n = options.edgeitems
    for dim in range(tensor.dim()):
        size = tensor.size(dim)
        if size <= 2 * n:
            continue
        first = tensor.narrow(dim, 0, n)
        tensor = _C.cat((first, tensor.narrow(dim, size - n, n)), dim) if n else first
    return tensor


def _flat(nested, out):
    if isinstance(nested, list):
        for item in nested:
            _flat(item, out)
    else:
        out.append(nested)
    return out


def _line(shown, indent, formatter, dots_at):
    texts = [formatter.format(v) for v in shown]
    if dots_at is not None:
        texts.insert(dots_at, " ..." if dots_at else "...")
    per_line = max(1, math.floor((options.linewidth - indent) / (formatter.width + 2)))
    lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(shown, sizes, indent, summarize, formatter):
    """`shown` holds the edges only where a dimension is summarised; `sizes` are the tensor's own."""
    if not sizes:
        return formatter.format(shown)
    n = options.edgeitems
    cut = summarize and sizes[0] > 2 * n
    if len(sizes) == 1:
        return _line(shown, indent, formatter, n if cut else None)
    parts = [_nested(item, sizes[1:], indent + 1, summarize, formatter) for item in shown]
    if cut:
        parts.insert(n, "...")
    return "[" + ("," + "\n" * (len(sizes) - 1) + " " * (indent + 1)).join(parts) + "]"


def _body(tensor, indent):
    summarize = tensor.numel() > options.threshold
    shown = (_edges(tensor) if summarize else tensor).tolist()
    values = _flat(shown, []) if isinstance(shown, list) else [shown]
    formatter = _ComplexFormatter(values) if tensor.is_complex() else _Formatter(values, tensor.dtype.is_floating_point)
    return _nested(shown, tuple(tensor.shape), indent, summarize, formatter)


def _with_suffixes(text, suffixes, indent):
    last = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if last + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * indent + suffix
            last = indent + len(suffix)
        else:
            text += ", " + suffix
            last += len(suffix) + 2
    return text + ")"


_SILENT = _C._disabled_torch_function_impl  # of Parameters, which say their name themselves


def tensor_repr(tensor):
    """repr(tensor)."""
    plain_type = type(tensor) is _C.Tensor or getattr(type(tensor), "__torch_function__", None) is _SILENT
    prefix = "tensor(" if plain_type else f"{type(tensor).__name__}("
    indent = len(prefix)
    suffixes = []
    plain = tensor.detach() if tensor.is_meta else tensor.detach().cpu()
    if tensor.device.type != "cpu":
        suffixes.append(f"device='{tensor.device}'")
    usual = (_C.get_default_dtype(), _C.int64, _C.bool, _C.get_default_dtype().to_complex())
    if tensor.is_meta:
        suffixes.append(f"size={tuple(plain.shape)}")
        if plain.dtype != usual[0]:
            suffixes.append(f"dtype={plain.dtype}")
        text = "..."
    elif plain.numel() == 0:
        if plain.dim() != 1:
            suffixes.append(f"size={tuple(plain.shape)}")
        if plain.dtype != usual[0]:
            suffixes.append(f"dtype={plain.dtype}")
        text = "[]"
    else:
        if plain.dtype not in usual:
            suffixes.append(f"dtype={plain.dtype}")
        text = _body(plain, indent)
    grad_fn = getattr(tensor, "grad_fn", None)
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{type(grad_fn).__name__ if not hasattr(grad_fn, 'name') else grad_fn.name()}>")
    elif getattr(tensor, "requires_grad", False):
        suffixes.append("requires_grad=True")
    return _with_suffixes(prefix + text, suffixes, indent)
