"""What generated code calls where framejit has no function with the operator's own arguments."""

import builtins
import sys
import warnings

import framejit as _f
from framejit import _ops as _t

from . import operators
from .known_functions import CODES, DTYPES, LAYOUTS, MEMORY_FORMATS
from .nn_implementations import *  # noqa: F403
from .recurrent_implementations import *  # noqa: F403


def is_of(value, kinds):
    """Whether a value is of one of the types, as `isinstance` in scripted code means it."""
    from .boundary import fits

    return any(fits(value, kind) for kind in kinds)


def call_interface(obj, name, *args):
    """A method of an object of which only the interface is known."""
    return obj._script_call(name, *args)


def missing(name):
    """An operator that archives name but that framejit does not run."""
    raise NotImplementedError(f"framejit has no operator {name}")


class Done:
    """The future of a call that has been made already."""

    def __init__(self, result):
        self.result = result

    def wait(self):
        """The result."""
        return self.result

    value = wait


def wait(future):
    return future.wait()


def dtype_code(x):
    return CODES[x.dtype]


def layout_code(x):
    return 0


def as_scalartype(code):
    return DTYPES[code] if type(code) is int else code


def as_layout(code):
    return LAYOUTS.get(code) if type(code) is int else code


def as_memoryformat(code):
    return MEMORY_FORMATS[code] if type(code) is int else code


def unwrap(value):
    if value is None:
        raise RuntimeError("Unwrapping null optional")
    return value


def print(*values):
    sys.stdout.write(" ".join(text(v) for v in values) + "\n")


def text(value):
    """str() as TorchScript has it: strings inside containers have no quotes of Python's choice."""
    return str(value)


def format(template, *values):
    return _braces(template, values)


def _braces(template, values):
    out, at = [], 0
    pieces = template.split("{}")
    for piece in pieces[:-1]:
        out.append(piece)
        if at < len(values):
            out.append(text(values[at]))
            at += 1
        else:
            out.append("{}")
    out.append(pieces[-1])
    return "".join(out)


def percent(template, *values):
    return template % values


def count_str(value, part, start=0, end=-1):
    return value[start : len(value) + 1 + end if end < 0 else end].count(part)


def _window(value, end):
    return len(value) + 1 + end if end < 0 else end


def find(value, part, start=0, end=-1):
    return value.find(part, start, _window(value, end))


def rfind(value, part, start=0, end=-1):
    return value.rfind(part, start, _window(value, end))


def startswith(value, part, start=0, end=-1):
    return value.startswith(part, start, _window(value, end))


def endswith(value, part, start=0, end=-1):
    return value.endswith(part, start, _window(value, end))


def replace(value, old, new, max=-1):
    return value.replace(old, new, max)


def remove(values, value):
    if isinstance(value, _t.Tensor):
        del values[index_of(values, value)]
    else:
        values.remove(value)


def index_of(values, value):
    for i, each in enumerate(values):
        if bool((each == value).all()):
            return i
    raise ValueError("value is not in the list")


def extended(values, more):
    values.extend(more)
    return values


def repeated(values, count):
    values *= count
    return values


def list_with_default(given, default):
    return list(given) if given else list(default)


def infer_size(a, b):
    return list(_f.broadcast_shapes(a, b))


def slice(x, dim=0, start=None, end=None, step=1):
    return x[(builtins.slice(None),) * (dim if dim >= 0 else dim + x.dim()) + (builtins.slice(start, end, step),)]


def index(x, indices):
    return x[tuple(builtins.slice(None) if i is None else i for i in indices)]


def index_put(x, indices, values, accumulate=False):
    where = tuple(builtins.slice(None) if i is None else i for i in indices)
    if accumulate:
        return x.index_put_(_positions(x, indices), values, accumulate=True)
    x[where] = values
    return x


def _positions(x, indices):
    out = []
    for dim, each in enumerate(indices):
        if each is None:
            shape = [1] * max(x.dim(), 1)
            shape[dim] = x.shape[dim]
            each = _f.arange(x.shape[dim]).view(shape)
        out.append(each)
    return tuple(out)


def index_put_new(x, indices, values, accumulate=False):
    return index_put(x.clone(), indices, values, accumulate)


def number_tensor(value):
    return _f.tensor(value)


def tensor(data, dtype=None, device=None, requires_grad=False):
    if isinstance(data, _t.Tensor):
        data = data.to(dtype) if dtype is not None else data
        return data.to(device) if device is not None else data
    if isinstance(data, list) and _holds_tensor(data):
        data = _plain(data)
    return _f.tensor(data, dtype=dtype, device=device, requires_grad=requires_grad)


def _holds_tensor(data):
    return any(_holds_tensor(d) if isinstance(d, list) else isinstance(d, _t.Tensor) for d in data)


def _plain(data):
    return [_plain(d) if isinstance(d, list) else d.item() if isinstance(d, _t.Tensor) else d for d in data]


def real(x):
    return x.real if x.is_complex() else x


def set_grad_enabled(on):
    _f._C._set_grad_enabled(on)


def manual_seed(seed):
    _f.manual_seed(seed)


def warn(message, stacklevel=2):
    warnings.warn(message, stacklevel=3)


def backward(x, gradient=None, retain_graph=None, create_graph=False):
    _f.autograd.backward(x, gradient, retain_graph=retain_graph, create_graph=create_graph)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=False):
    kinds = dict(retain_graph=retain_graph, create_graph=create_graph, allow_unused=allow_unused)
    return list(_f.autograd.grad(outputs, inputs, grad_outputs, **kinds))


def stft(x, n_fft, hop_length=None, win_length=None, window=None, *rest):
    return _f.stft(x, n_fft, hop_length, win_length, window, False, "reflect", *rest)


def stft_center(x, *rest):
    return _f.stft(x, *rest)


def embedding_renorm_(weight, indices, max_norm, norm_type):
    with _f.no_grad():
        _f.nn.functional.embedding(indices, weight, max_norm=max_norm, norm_type=norm_type)
    return weight


def with_out(name, *args, out, **kwargs):
    """An operator whose result is written into `out`, which takes its sizes."""
    where, short = operators.home(name)
    value = getattr(where, short)(*args, **kwargs)
    if value is out:
        return out
    if out.shape != value.shape:
        out.resize_(value.shape)
    return out.copy_(value)
