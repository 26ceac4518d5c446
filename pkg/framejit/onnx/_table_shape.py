"""Translations: shapes, indices, parts of tensors, new tensors, conversions."""

from framejit import _C

from ._builder import DTYPES, Size, Value, to_numpy
from ._table import op
from ._table_math import result_dtype

_END = 2**63 - 1


@op("view", "reshape", "_unsafe_view", "view_copy")
def reshape(b, node, x, shape):
    if isinstance(shape, _C.dtype):
        b.unsupported("of another dtype has no translation")
    return b.op("Reshape", x, b.ints(shape), allowzero=1 if 0 in list(shape) else None)


@op("reshape_as", "view_as")
def reshape_as(b, node, x, other):
    return b.op("Reshape", x, b.shape_of(other))


@op("flatten")
def flatten(b, node, x, start_dim=0, end_dim=-1):
    if not x.rank:
        return b.op("Reshape", x, b.ints([1]))
    start, end = start_dim % x.rank, end_dim % x.rank
    if end == x.rank - 1:
        return b.op("Reshape", x, b.ints([0] * start + [-1]))
    rest = b.op("Slice", b.shape_of(x), b.ints([end + 1]), b.ints([_END]))
    return b.op("Reshape", x, b.op("Concat", b.ints([0] * start + [-1]), rest, axis=0))


@op("unflatten")
def unflatten(b, node, x, dim, sizes):
    dim %= x.rank
    rest = b.op("Slice", b.shape_of(x), b.ints([dim + 1]), b.ints([_END]))
    return b.op("Reshape", x, b.op("Concat", b.ints([0] * dim + list(sizes)), rest, axis=0))


@op("unsqueeze")
def unsqueeze(b, node, x, dim):
    return b.op("Unsqueeze", x, b.ints([dim]))


@op("squeeze")
def squeeze(b, node, x, dim=None):
    dims = range(x.rank) if dim is None else dim if isinstance(dim, (list, tuple)) else [dim]
    ones = [d for d in dims if x.rank and x.shape[d] == 1]
    return b.op("Squeeze", x, b.ints(ones)) if ones else b.op("Identity", x)


@op("transpose", "swapaxes", "swapdims")
def transpose(b, node, x, first, second):
    order = list(range(x.rank))
    order[first], order[second] = order[second], order[first]
    return b.op("Transpose", x, perm=order)


@op("t", "numpy_T", "mT", "adjoint")
def matrix_transpose(b, node, x):
    if x.rank < 2:
        return b.op("Identity", x)
    return transpose(b, node, x, -2, -1)


@op("permute")
def permute(b, node, x, dims):
    return b.op("Transpose", x, perm=[d % x.rank for d in dims])


@op("movedim")
def movedim(b, node, x, source, destination):
    source, destination = ([v] if isinstance(v, int) else list(v) for v in (source, destination))
    order = [d for d in range(x.rank) if d not in [s % x.rank for s in source]]
    for to, at in sorted((d % x.rank, s % x.rank) for s, d in zip(source, destination)):
        order.insert(to, at)
    return b.op("Transpose", x, perm=order)


@op("expand", "broadcast_to")
def expand(b, node, x, shape, *, implicit=False):
    return b.op("Expand", x, b.ints([1 if isinstance(s, int) and s == -1 else s for s in shape]))


@op("expand_as")
def expand_as(b, node, x, other):
    return b.op("Expand", x, b.shape_of(other))


@op("repeat", "tile")
def repeat(b, node, x, repeats):
    repeats = list(repeats)
    if len(repeats) < x.rank:
        repeats = [1] * (x.rank - len(repeats)) + repeats
    if len(repeats) > x.rank:
        x = b.op("Unsqueeze", x, b.ints(range(len(repeats) - x.rank)))
    return b.op("Tile", x, b.ints(repeats))


@op("cat", "concat", "concatenate")
def cat(b, node, tensors, dim=0):
    dtype = result_dtype(node)
    return b.op("Concat", *(b.cast(t, dtype) for t in tensors if t.shape != (0,)), axis=dim)


@op("stack")
def stack(b, node, tensors, dim=0):
    dtype = result_dtype(node)
    return b.op("Concat", *(b.op("Unsqueeze", b.cast(t, dtype), b.ints([dim])) for t in tensors), axis=dim)


@op("split", "split_with_sizes", "chunk", "tensor_split")
def split(b, node, x, size, dim=0):
    parts = node.meta["val"]
    if isinstance(size, (list, tuple)) and node.target.overloadpacket.__name__ != "tensor_split":
        return _pieces(b.op("Split", x, b.ints(size), outputs=len(parts), axis=dim))
    lengths = [part.shape[dim] for part in parts]
    return _pieces(b.op("Split", x, b.ints(lengths), outputs=len(parts), axis=dim))


def _pieces(made):
    return [made] if isinstance(made, str) else made


@op("unbind")
def unbind(b, node, x, dim=0):
    return [b.op("Gather", x, b.const(i, _C.int64), axis=dim) for i in range(x.shape[dim])]


def _slice(b, x, dim, start, end, step=1):
    return b.op("Slice", x, b.ints([start]), b.ints([end]), b.ints([dim]), b.ints([step]))


@op("slice")
def slice_(b, node, x, dim=0, start=None, end=None, step=1):
    start, end = 0 if start is None else start, _END if end is None else end
    return _slice(b, x, dim, start, end, step)


@op("narrow")
def narrow(b, node, x, dim, start, length):
    if isinstance(start, int) and isinstance(length, int):
        return _slice(b, x, dim, start, _END if start < 0 and start + length == 0 else start + length)
    end = b.op("Add", b.ints([start]), b.ints([length]))
    return b.op("Slice", x, b.ints([start]), end, b.ints([dim]))


@op("select")
def select(b, node, x, dim, index):
    return b.op("Gather", x, index if isinstance(index, Size) else b.const(index, _C.int64), axis=dim)


@op("gather", "take_along_dim")
def gather(b, node, x, *args, **ignored):
    dim, index = args if isinstance(args[0], int) else args[::-1]
    return b.op("GatherElements", x, index, axis=dim)


@op("index_select")
def index_select(b, node, x, dim, index):
    return b.op("Gather", x, index, axis=dim)


@op("scatter", "scatter_add")
def scatter(b, node, x, dim, index, source, *, reduce=None):
    if not isinstance(source, Value):
        source = b.op("Expand", b.const(source, x.dtype), b.shape_of(index))
    kind = "add" if node.target.overloadpacket.__name__ == "scatter_add" or reduce == "add" else None
    return b.op("ScatterElements", x, index, source, axis=dim, reduction=kind)


@op("index_add")
def index_add(b, node, x, dim, index, source, *, alpha=1):
    places = b.op("Reshape", index, b.ints([-1] + [1] * (x.rank - 1 - dim % x.rank)))
    if alpha != 1:
        source = b.op("Mul", source, b.const(alpha, x.dtype))
    return b.op("ScatterElements", x, b.op("Expand", places, b.shape_of(source)), source, axis=dim, reduction="add")


@op("index")
def index(b, node, x, indices):
    given = [(i, t) for i, t in enumerate(indices) if t is not None]
    if any(t.dtype in (_C.bool, _C.uint8) for _, t in given):
        b.unsupported("by a mask has no translation")
    if len(given) == 1:
        return b.op("Gather", x, given[0][1], axis=given[0][0])
    if [i for i, _ in given] != list(range(len(given))):
        b.unsupported("by several tensors that do not begin at the first dimension has no translation")
    rank = max(t.rank for _, t in given)
    total = given[0][1].name
    for _, t in given[1:]:
        total = b.op("Add", total, t)
    shape = b.shape_of(total)
    parts = [b.op("Unsqueeze", b.op("Expand", t, shape), b.ints([rank])) for _, t in given]
    return b.op("GatherND", x, b.op("Concat", *parts, axis=rank))


@op("slice_scatter")
def slice_scatter(b, node, x, source, dim=0, start=None, end=None, step=1):
    if step != 1:
        b.unsupported("with a step has no translation")
    start = 0 if start is None else start
    before = _slice(b, x, dim, 0, start)
    length = b.op("Gather", b.shape_of(source), b.ints([dim % x.rank]))
    if isinstance(start, int) and start < 0:
        start = b.op("Add", b.op("Gather", b.shape_of(x), b.ints([dim % x.rank])), b.ints([start]))
    begin = start if isinstance(start, str) else b.ints([start])
    after = b.op("Slice", x, b.op("Add", begin, length), b.ints([_END]), b.ints([dim]))
    return b.op("Concat", before, b.cast(source, x.dtype), after, axis=dim)


@op("select_scatter")
def select_scatter(b, node, x, source, dim, index):
    length = b.op("Gather", b.shape_of(x), b.const(dim % x.rank, _C.int64))
    at = index.name if isinstance(index, Size) else b.const(index, _C.int64)
    places = b.op("Range", b.const(0, _C.int64), length, b.const(1, _C.int64))
    here = b.op("Equal", places, at if isinstance(index, Size) or index >= 0 else b.op("Add", length, at))
    here = b.op("Reshape", here, b.ints([-1] + [1] * (x.rank - 1 - dim % x.rank)))
    return b.op("Where", here, b.op("Unsqueeze", b.cast(source, x.dtype), b.ints([dim])), x)


@op("constant_pad_nd", "pad")
def pad(b, node, x, pads, mode="constant", value=None):
    if isinstance(mode, (int, float)):  # constant_pad_nd has no mode
        mode, value = "constant", mode
    n = len(pads) // 2
    begins, ends = [0] * x.rank, [0] * x.rank
    for i in range(n):
        begins[x.rank - 1 - i], ends[x.rank - 1 - i] = pads[2 * i], pads[2 * i + 1]
    kind = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    if kind == "wrap" and b.opset < 19:
        b.unsupported("with circular padding needs opset 19")
    filled = b.const(value or 0, x.dtype) if kind == "constant" else None
    return b.op("Pad", x, b.ints([*begins, *ends]), filled, mode=kind)


@op(
    "reflection_pad",
    "reflection_pad1d",
    "reflection_pad2d",
    "replication_pad",
    "replication_pad1d",
    "replication_pad2d",
)
def pad_by_itself(b, node, x, pads):
    return pad(b, node, x, pads, "reflect" if "reflection" in node.target.overloadpacket.__name__ else "replicate")


@op("flip")
def flip(b, node, x, dims):
    n = len(dims)
    return b.op("Slice", x, b.ints([-1] * n), b.ints([-_END] * n), b.ints(list(dims)), b.ints([-1] * n))


@op("roll")
def roll(b, node, x, shifts, dims):
    shifts, dims = ([v] if isinstance(v, int) else list(v) for v in (shifts, dims))
    for shift, dim in zip(shifts, dims):
        x = b.op("Concat", _slice(b, x, dim, -shift, _END), _slice(b, x, dim, 0, -shift), axis=dim) if shift else x
    return b.op("Identity", x)


@op("tril", "triu")
def triangle(b, node, x, diagonal=0):
    upper = int(node.target.overloadpacket.__name__ == "triu")
    if x.dtype == _C.bool:
        made = b.op("Trilu", b.op("Cast", x, to=DTYPES[_C.int64]), b.const(diagonal, _C.int64), upper=upper)
        return b.op("Cast", made, to=DTYPES[_C.bool])
    return b.op("Trilu", x, b.const(diagonal, _C.int64), upper=upper)


# ---- conversions, copies ----------------------------------------------------------------------------------


@op("clone", "contiguous", "detach", "alias", "lift_fresh_copy", "positive")
def same(b, node, x, *args, **ignored):
    return b.op("Identity", x)


@op("to", "_to_copy", "type_as", "type")
def convert(b, node, x, *args, **ignored):
    return b.cast(x, result_dtype(node)) if x.dtype != result_dtype(node) else b.op("Identity", x)


@op("copy")
def copy(b, node, x, source):
    return b.op("Expand", b.cast(source, x.dtype), b.shape_of(x))


# ---- new tensors ------------------------------------------------------------------------------------------


def _full(b, shape, value, dtype):
    return b.op("Expand", b.operand(value, dtype), b.ints(shape))


@op("zeros", "ones", "empty", "new_zeros", "new_ones", "new_empty", "full", "new_full")
def filled(b, node, *args, **ignored):
    name, args = node.target.overloadpacket.__name__, list(args)
    if name.startswith("new_"):
        args = args[1:]
    shape = args[0] if isinstance(args[0], (list, tuple)) else [a for a in args if not isinstance(a, float)]
    value = args[1] if "full" in name else int("ones" in name)
    return _full(b, shape, value, result_dtype(node))


@op("zeros_like", "ones_like", "full_like", "empty_like", "fill")
def filled_like(b, node, x, value=None, **ignored):
    name = node.target.overloadpacket.__name__
    value = value if name in ("full_like", "fill") else int(name == "ones_like")
    return b.op("Expand", b.operand(value, result_dtype(node)), b.shape_of(x))


@op("scalar_tensor", "tensor", "lift_fresh")
def constant(b, node, value, **ignored):
    if isinstance(value, Size):
        return b.cast(value, result_dtype(node))
    if isinstance(value, (list, tuple)) and any(isinstance(v, Size) for v in value):
        one = b.ints([0])
        parts = [b.op("Unsqueeze", b.operand(v, result_dtype(node)), one) for v in value]
        return b.op("Concat", *parts, axis=0)
    return b.tensor(b.name("constant"), to_numpy(_C.tensor(value, dtype=result_dtype(node)), b))


@op("arange")
def arange(b, node, *args, **ignored):
    start, end, step = (0, args[0], 1) if len(args) == 1 else (*args, 1) if len(args) == 2 else args
    dtype = result_dtype(node)
    return b.op("Range", *(b.operand(v, dtype) for v in (start, end, step)))


@op("eye")
def eye(b, node, n, m=None, **ignored):
    dtype = result_dtype(node)
    square = b.op("Expand", b.const(0, dtype), b.ints([n, n if m is None else m]))
    return b.op("EyeLike", square, dtype=DTYPES[dtype])


@op("is_contiguous")
def is_contiguous(b, node, x, **ignored):
    return None  # a question of assertions, which models do not have


@op("sym_size")
def sym_size(b, node, x, dim):
    return Size(b.op("Gather", b.shape_of(x), b.const(dim, _C.int64)))
