"""Runs loop-kernel text on NumPy arrays; shared by the tests of the loop and codegen rooms."""

import numpy as np
from framejit import _C

ISAS = _C._debug.isas()
TEXT = {
    "bool": np.bool_,
    "u8": np.uint8,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "f16": np.float16,
    "bf16": np.uint16,
    "f32": np.float32,
    "f64": np.float64,
}


def operand(array, axes):
    """(buffer, offset, strides) of an array whose dimension d lies along kernel axis axes[d]; other axes have stride 0."""
    axes, rank = axes
    strides = [0] * rank
    for dim, axis in enumerate(axes):
        strides[axis] = array.strides[dim]
    base = array
    while isinstance(base.base, np.ndarray):
        base = base.base
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return base, offset, tuple(strides)


def run(text, isa, arrays, sizes, params=(), maps=None, **kw):
    """arrays[i] covers all kernel axes in order unless maps[i] lists the axes of its dimensions. Returns the status."""
    rank = len(sizes)
    maps = maps or [tuple(range(rank))] * len(arrays)
    operands = [operand(a, (m, rank)) for a, m in zip(arrays, maps)]
    status, ns = _C._debug.run_kernel(text, isa, operands, tuple(sizes), tuple(params), **kw)
    return ns if kw.get("repeat") else status


def pointwise(op, dtype, arity, out=None, classes=("contig",) * 4):
    """Text of out[i] = op(in0[i], ...)."""
    out = out or dtype
    lines = ["kernel axes=p"]
    lines += [f"operand {i} {dtype} in {classes[i]}" for i in range(arity)]
    lines.append(f"operand {arity} {out} out {classes[arity]}")
    lines.append("sweep")
    lines += [f"%{i} = load.{dtype} {i}" for i in range(arity)]
    lines.append(f"%{arity} = {op}.{out} " + " ".join(f"%{i}" for i in range(arity)))
    lines += [f"store {arity} %{arity}", "end"]
    return "\n".join(lines)
