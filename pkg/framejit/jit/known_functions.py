"""What framejit's own functions, dtypes and classes are in scripted code."""

import functools
import math

from framejit import _ops as _t

from . import schema

# PyTorch's numbers of dtypes, as archives have them
DTYPE_CODES = {
    "uint8": 0, "int8": 1, "int16": 2, "int32": 3, "int64": 4, "float16": 5, "float32": 6, "float64": 7, "complex32": 8,
    "complex64": 9, "complex128": 10, "bool": 11, "bfloat16": 15, "float8_e5m2": 23, "float8_e4m3fn": 24, "uint16": 27, "uint32": 28,
    "uint64": 29,
}  # fmt: skip
_MEMORY_FORMATS = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")
_LAYOUTS = ("strided", "sparse_coo", "sparse_csr")
DTYPES = {code: getattr(_t, name) for name, code in DTYPE_CODES.items() if hasattr(_t, name)}
MEMORY_FORMATS = {i: getattr(_t, name) for i, name in enumerate(_MEMORY_FORMATS) if hasattr(_t, name)}
LAYOUTS = {i: getattr(_t, name) for i, name in enumerate(_LAYOUTS) if hasattr(_t, name)}
CODES = {dtype: code for code, dtype in DTYPES.items()}

# functions of Python whose operator has another name
_OTHER = {math.pow: "aten::pow", math.remainder: "aten::mathremainder"}


def code_of(value):
    """The number of a dtype, layout or memory format; None for anything else."""
    if isinstance(value, _t.dtype):
        return CODES.get(value)
    for table in (MEMORY_FORMATS, LAYOUTS):
        for code, known in table.items():
            if value is known:
                return code
    return None


@functools.cache
def _specials():
    from framejit import compiler, jit

    table = {
        jit.annotate: "annotate", jit.is_scripting: "is_scripting", jit.is_tracing: "is_tracing", jit.fork: "fork", jit.wait: "wait",
        jit.isinstance: "isinstance", jit._unwrap_optional: "unwrap_optional",
    }  # fmt: skip
    for name in ("is_compiling", "is_dynamo_compiling"):
        if hasattr(compiler, name):
            table[getattr(compiler, name)] = "is_compiling"
    return {id(fn): (fn, name) for fn, name in table.items()}


def special(value):
    """The name of the checker's rule for a function."""
    found = _specials().get(id(value))
    return found[1] if found is not None else None


def _namespaces():
    import framejit
    from framejit.nn import functional

    yield framejit, ""
    yield framejit._C, ""
    yield functional, ""
    for name, prefix in (("linalg", "linalg_"), ("special", "special_"), ("fft", "fft_")):
        if hasattr(framejit, name):
            yield getattr(framejit, name), prefix


@functools.cache
def _operators():
    """id of a function -> (function, operator); what is found first under the name of an operator."""
    import cmath

    table = {id(fn): (fn, name) for fn, name in _OTHER.items()}
    for module in (math, cmath):
        for name in dir(module):
            if schema.exists(f"aten::{name}") and id(getattr(module, name)) not in table:
                table[id(getattr(module, name))] = (getattr(module, name), f"aten::{name}")
    from framejit import autograd

    for fn, name in ((cmath.phase, "angle"), (autograd.grad, "grad"), (autograd.backward, "backward")):
        table[id(fn)] = (fn, f"aten::{name}")
    for namespace, prefix in _namespaces():
        for name in dir(namespace):
            operator = f"aten::{prefix}{name}"
            if not schema.exists(operator):
                continue
            value = getattr(namespace, name)
            if callable(value) and not isinstance(value, type):
                table.setdefault(id(value), (value, operator))
    return table


def operator(value):
    """The operator that a function is; None if it is none."""
    found = _operators().get(id(value))
    if found is not None:
        return found[1]
    import warnings

    return "aten::warn" if value is warnings.warn else None


def operator_named(namespace, name):
    """The operator for a name that a namespace of framejit does not have."""
    import framejit

    if getattr(namespace, "__name__", "") not in ("framejit", "torch", framejit.__name__):
        return None
    return f"aten::{name}" if schema.exists(f"aten::{name}") else None


def prelude(value):
    """What stands for a function of framejit's which is written in Python, of nn.functional and others: compiled functions."""
    from .prelude import function_named

    module = getattr(value, "__module__", None) or ""
    if not module.startswith("framejit"):
        return None
    return function_named(value)


def context(value):
    """The type of a context manager of framejit's, `no_grad` for one."""
    from .prelude import class_named

    module = getattr(value, "__module__", None) or ""
    return class_named(value) if module.startswith("framejit") else None
