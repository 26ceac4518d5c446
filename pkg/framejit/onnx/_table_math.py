"""Translations: arithmetic, comparisons, functions of elements, reductions."""

import math

from framejit import _C

from ._builder import DTYPES, Value
from ._table import op

_UNARY = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "abs": "Abs", "neg": "Neg",
    "floor": "Floor", "ceil": "Ceil", "round": "Round", "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos",
    "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "erf": "Erf",
    "reciprocal": "Reciprocal", "sign": "Sign", "isnan": "IsNaN", "isinf": "IsInf",
}  # fmt: skip
_KEEP_INTS = ("abs", "neg", "sign", "relu")


def _unary(name, kind):
    def write(b, node, x):
        if name in ("floor", "ceil", "round") and not x.is_float:
            return b.op("Identity", x)
        dtype = x.dtype if name in _KEEP_INTS or x.is_float else _C.float32
        return b.op(kind, b.cast(x, dtype))

    op(name)(write)


for _name, _kind in _UNARY.items():
    _unary(_name, _kind)


def result_dtype(node):
    """The dtype that the node had at the export."""
    return node.meta["val"].dtype


def binary(b, kind, x, y, dtype):
    """Two operands in one dtype; gives the name."""
    return b.op(kind, b.operand(x, dtype), b.operand(y, dtype))


def as_dtype(b, name, have, want):
    """A name cast where the dtypes differ."""
    return name if have == want else b.op("Cast", name, to=DTYPES[want])


@op("rsqrt")
def rsqrt(b, node, x):
    return b.op("Reciprocal", b.op("Sqrt", b.cast(x, result_dtype(node))))


@op("square")
def square(b, node, x):
    return b.op("Mul", x, x)


@op("log2", "log10", "log1p")
def logarithm(b, node, x):
    name, dtype = node.target.overloadpacket.__name__, result_dtype(node)
    x = b.cast(x, dtype)
    if name == "log1p":
        return b.op("Log", b.op("Add", x, b.const(1, dtype)))
    return b.op("Div", b.op("Log", x), b.const(math.log(2 if name == "log2" else 10), dtype))


@op("exp2", "expm1")
def exponential(b, node, x):
    dtype = result_dtype(node)
    if node.target.overloadpacket.__name__ == "exp2":
        return b.op("Pow", b.const(2, dtype), b.cast(x, dtype))
    return b.op("Sub", b.op("Exp", b.cast(x, dtype)), b.const(1, dtype))


@op("add", "sub", "rsub")
def add(b, node, x, y, *, alpha=1):
    name, dtype = node.target.overloadpacket.__name__, result_dtype(node)
    y = b.operand(y, dtype)
    if alpha != 1:
        if name == "rsub":
            b.unsupported("with alpha has no translation")
        y = b.op("Mul", y, b.const(alpha, dtype))
    x = b.operand(x, dtype)
    if dtype == _C.bool and name == "add":
        return b.op("Or", x, y)
    return b.op("Add", x, y) if name == "add" else b.op("Sub", *((x, y) if name == "sub" else (y, x)))


@op("mul")
def mul(b, node, x, y):
    dtype = result_dtype(node)
    return binary(b, "And" if dtype == _C.bool else "Mul", x, y, dtype)


@op("div", "true_divide", "divide")
def div(b, node, x, y, *, rounding_mode=None):
    dtype = result_dtype(node)
    if rounding_mode is None:
        return binary(b, "Div", x, y, dtype)
    if rounding_mode == "floor":
        return floor_divide(b, node, x, y)
    quotient = binary(b, "Div", x, y, dtype)
    if dtype in (_C.float32, _C.float64, _C.float16):
        sign = b.op("Sign", quotient)
        return b.op("Mul", sign, b.op("Floor", b.op("Abs", quotient)))
    return quotient


@op("floor_divide")
def floor_divide(b, node, x, y):
    dtype = result_dtype(node)
    if dtype in (_C.float32, _C.float64, _C.float16):
        return b.op("Floor", binary(b, "Div", x, y, dtype))
    x, y = b.operand(x, dtype), b.operand(y, dtype)  # Div of integers cuts off
    rest = b.op("Mod", x, y)
    return b.op("Div", b.op("Sub", x, rest), y)


@op("remainder")
def remainder(b, node, x, y):
    dtype = result_dtype(node)
    if dtype in (_C.float32, _C.float64, _C.float16):
        x, y = b.operand(x, dtype), b.operand(y, dtype)
        return b.op("Sub", x, b.op("Mul", b.op("Floor", b.op("Div", x, y)), y))
    return binary(b, "Mod", x, y, dtype)


@op("fmod")
def fmod(b, node, x, y):
    dtype = result_dtype(node)
    return b.op("Mod", b.operand(x, dtype), b.operand(y, dtype), fmod=1)


@op("pow")
def power(b, node, x, y):
    dtype = result_dtype(node)
    return binary(b, "Pow", x, y, dtype)


@op("maximum", "minimum", "fmax", "fmin")
def extreme_of_two(b, node, x, y):
    return binary(b, "Max" if "max" in node.target.overloadpacket.__name__ else "Min", x, y, result_dtype(node))


_COMPARE = {"eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual", "ne": None}


@op(*_COMPARE)
def compare(b, node, x, y):
    kind, dtype = _COMPARE[node.target.overloadpacket.__name__], b.common(x, y)
    if dtype == _C.bool and kind not in ("Equal", None):
        dtype = _C.int32
    made = binary(b, kind or "Equal", x, y, dtype)
    return made if kind else b.op("Not", made)


_LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
_BITS = {
    "bitwise_and": "And",
    "bitwise_or": "Or",
    "bitwise_xor": "Xor",
    "__and__": "And",
    "__or__": "Or",
    "__xor__": "Xor",
}


@op(*_LOGIC)
def logic(b, node, x, y):
    return binary(b, _LOGIC[node.target.overloadpacket.__name__], x, y, _C.bool)


@op(*_BITS)
def bits(b, node, x, y):
    dtype, kind = result_dtype(node), _BITS[node.target.overloadpacket.__name__]
    return binary(b, kind if dtype == _C.bool else f"Bitwise{kind}", x, y, dtype)


@op("logical_not", "bitwise_not")
def negation(b, node, x):
    if result_dtype(node) != _C.bool:
        return b.op("BitwiseNot", x)
    return b.op("Not", b.cast(x, _C.bool))


@op("where")
def where(b, node, condition, x, y):
    dtype = result_dtype(node)
    return b.op("Where", b.cast(condition, _C.bool), b.operand(x, dtype), b.operand(y, dtype))


@op("masked_fill")
def masked_fill(b, node, x, mask, value):
    return b.op("Where", b.cast(mask, _C.bool), b.operand(value, x.dtype), x)


@op("clamp", "clip", "hardtanh")
def clamp(b, node, x, low=None, high=None, *, min=None, max=None, min_val=-1.0, max_val=1.0):
    low, high = low if min is None else min, high if max is None else max
    if node.target.overloadpacket.__name__ == "hardtanh":
        low, high = (min_val if low is None else low), (max_val if high is None else high)
    dtype = result_dtype(node)
    made = b.cast(x, dtype)
    if low is not None:
        made = b.op("Max", made, b.operand(low, dtype))
    return made if high is None else b.op("Min", made, b.operand(high, dtype))


@op("clamp_min", "clamp_max")
def clamp_one(b, node, x, limit):
    kind = "Max" if node.target.overloadpacket.__name__ == "clamp_min" else "Min"
    return binary(b, kind, x, limit, result_dtype(node))


# ---- reductions -------------------------------------------------------------------------------------------


def dims_of(dim, rank):
    """Dimensions as a list of numbers that are not negative; all where none are given."""
    if dim is None or isinstance(dim, (list, tuple)) and not dim:
        return list(range(rank))
    return [d % max(rank, 1) for d in (dim if isinstance(dim, (list, tuple)) else [dim])]


def reduce(b, kind, x, dim, keepdim, rank):
    """A reduction over dimensions; from opset 18 on they are an input for all kinds."""
    dims = dims_of(dim, rank)
    if not rank:
        return b.op("Identity", x)
    if kind == "ReduceSum" or b.opset >= 18:
        return b.op(kind, x, b.ints(dims), keepdims=int(keepdim))
    return b.op(kind, x, axes=dims, keepdims=int(keepdim))


_REDUCE = {"sum": "ReduceSum", "mean": "ReduceMean", "amax": "ReduceMax", "amin": "ReduceMin", "prod": "ReduceProd"}


@op(*_REDUCE)
def reduction(b, node, x, dim=None, keepdim=False, *, dtype=None):
    return reduce(b, _REDUCE[node.target.overloadpacket.__name__], b.cast(x, result_dtype(node)), dim, keepdim, x.rank)


@op("logsumexp")
def logsumexp(b, node, x, dim, keepdim=False):
    return reduce(b, "ReduceLogSumExp", b.cast(x, result_dtype(node)), dim, keepdim, x.rank)


@op("any", "all")
def truth(b, node, x, dim=None, keepdim=False):
    numbers = b.op("Cast", b.cast(x, _C.bool), to=DTYPES[_C.int32])
    kind = "ReduceMax" if node.target.overloadpacket.__name__ == "any" else "ReduceMin"
    return b.op("Cast", reduce(b, kind, numbers, dim, keepdim, x.rank), to=DTYPES[_C.bool])


@op("argmax", "argmin")
def arg_extreme(b, node, x, dim=None, keepdim=False):
    kind = "ArgMax" if node.target.overloadpacket.__name__ == "argmax" else "ArgMin"
    if dim is None:
        flat = b.op("Reshape", x, b.ints([-1]))
        return b.op(kind, flat, axis=0, keepdims=0)
    return b.op(kind, x, axis=dim, keepdims=int(keepdim))


@op("max", "min")
def extreme(b, node, x, dim=None, keepdim=False):
    name = node.target.overloadpacket.__name__
    kind = "Max" if name == "max" else "Min"
    if isinstance(dim, Value):
        return binary(b, kind, x, dim, result_dtype(node))
    if dim is None:
        return reduce(b, f"Reduce{kind}", x, None, False, x.rank)
    return [reduce(b, f"Reduce{kind}", x, dim, keepdim, x.rank), b.op(f"Arg{kind}", x, axis=dim, keepdims=int(keepdim))]


def count_of(b, x, dims, dtype):
    """How many elements are reduced."""
    shape = b.op("Gather", b.shape_of(x), b.ints(dims))
    return b.op("Cast", b.op("ReduceProd", shape, keepdims=0), to=DTYPES[dtype])


@op("var", "std")
def variance(b, node, x, dim=None, unbiased=True, keepdim=False, *, correction=None):
    name, dtype = node.target.overloadpacket.__name__, result_dtype(node)
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    correction = int(bool(unbiased)) if correction is None else correction
    dims = dims_of(dim, x.rank)
    centred = b.op("Sub", x, reduce(b, "ReduceMean", x.name, dims, True, x.rank))
    total = reduce(b, "ReduceSum", b.op("Mul", centred, centred), dims, keepdim, x.rank)
    made = b.op("Div", total, b.op("Sub", count_of(b, x, dims, dtype), b.const(correction, dtype)))
    return b.op("Sqrt", made) if name == "std" else made


@op("norm", "linalg_vector_norm")
def norm(b, node, x, p=2, dim=None, keepdim=False, *, dtype=None):
    p = 2 if p is None or p == "fro" else p
    x_name = b.cast(x, result_dtype(node))
    if p in (1, 2):
        return reduce(b, f"ReduceL{int(p)}", x_name, dim, keepdim, x.rank)
    if p == math.inf:
        return reduce(b, "ReduceMax", b.op("Abs", x_name), dim, keepdim, x.rank)
    powers = b.op("Pow", b.op("Abs", x_name), b.const(p, result_dtype(node)))
    return b.op("Pow", reduce(b, "ReduceSum", powers, dim, keepdim, x.rank), b.const(1 / p, result_dtype(node)))


@op("_p_norm")
def p_norm(b, node, x, dim=None, keepdim=False, p=2):
    return norm(b, node, x, p, dim, keepdim)


@op("cumsum")
def cumsum(b, node, x, dim, *, dtype=None):
    return b.op("CumSum", b.cast(x, result_dtype(node)), b.const(dim, _C.int64))


@op("topk")
def topk(b, node, x, k, dim=-1, largest=True, sorted=True):
    return b.op("TopK", x, b.ints([k]), outputs=2, axis=dim, largest=int(largest), sorted=int(sorted))


@op("sort", "argsort")
def sort(b, node, x, dim=-1, descending=False):
    length = b.op("Gather", b.shape_of(x), b.ints([dim % x.rank]))
    made = b.op("TopK", x, length, outputs=2, axis=dim, largest=int(descending), sorted=1)
    return made if node.target.overloadpacket.__name__ == "sort" else made[1]
