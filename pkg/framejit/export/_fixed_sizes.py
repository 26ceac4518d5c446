"""Which sizes of a result are the same whatever the open sizes are, by rules for the operators that most graphs are made of.

A size that no rule knows counts as open: the graph then asks for it when it runs, which is always right. A rule says the
dimensions of the result that are fixed if certain dimensions of the arguments are.
"""

from framejit.fx.node import Node, map_aggregate

_SAME = frozenset(
    """relu gelu silu sigmoid tanh softmax log_softmax layer_norm batch_norm group_norm instance_norm rms_norm clone contiguous detach to
    alias neg exp log sqrt rsqrt abs sin cos erf floor ceil round leaky_relu elu selu softplus hardswish hardsigmoid relu6 hardtanh
    mish dropout cumsum reciprocal square sign tril triu flip roll zeros_like ones_like full_like empty_like fill copy
    logical_not bitwise_not log1p expm1""".split()
)
_BROADCAST = frozenset(
    """add sub mul div clamp rsub pow maximum minimum where eq ne lt le gt ge logical_and logical_or bitwise_and bitwise_or masked_fill
    remainder fmod floor_divide""".split()
)
_REDUCTIONS = frozenset("sum mean amax amin prod logsumexp any all var std argmax argmin".split())
_RULES = {}


def _rule(*names):
    def note(function):
        _RULES.update((name, function) for name in names)
        return function

    return note


class FixedSizes:
    """Tensor -> the set of its fixed dimensions; for an operator with several results one set for each."""

    def __init__(self):
        self.dims, self.shapes = {}, {}

    def note(self, node, shape, dims):
        """What is known of a tensor."""
        self.shapes[node], self.dims[node] = tuple(shape), frozenset(dims)

    def has(self, node, dim):
        """Whether that size is fixed."""
        return dim in self.dims.get(node, ())

    def rank(self, node):
        """The number of dimensions."""
        return len(self.shapes[node])

    def is_tensor(self, value):
        """Whether it is a tensor that was noted."""
        return isinstance(value, Node) and value in self.shapes

    def of_call(self, name, args, kwargs, rank):
        """The fixed dimensions of the result of a call, which has that rank."""
        tensors, sizes = [], []
        map_aggregate(
            (args, kwargs),
            lambda leaf: (tensors if self.is_tensor(leaf) else sizes).append(leaf) if isinstance(leaf, Node) else None,
        )
        if not sizes and all(len(self.dims[t]) == self.rank(t) for t in tensors):
            return set(range(rank))
        first = args[0] if args and self.is_tensor(args[0]) else None
        if name in _SAME or name.endswith("_") and not name.endswith("__"):
            return set(self.dims[first]) if first is not None and self.rank(first) == rank else set()
        if name in _BROADCAST:
            return self.broadcast(tensors, rank)
        rule = _RULES.get(name) or (_reduction if name in _REDUCTIONS else None)
        if rule is None or first is None and name not in ("cat", "stack") or sizes and rule is not _given:
            return set()
        return {dim for dim in rule(self, rank, *args, **kwargs) if 0 <= dim < rank}

    def broadcast(self, tensors, rank):
        """Dimensions of what tensors broadcast to: fixed where one that is not 1 is, or where all are."""
        out = set()
        for back in range(1, rank + 1):
            there = [t for t in tensors if self.rank(t) >= back]
            fixed = [t for t in there if self.has(t, self.rank(t) - back)]
            if len(fixed) == len(there) or any(self.shapes[t][-back] != 1 for t in fixed):
                out.add(rank - back)
        return out


@_rule("linear")
def _linear(known, rank, x, weight, *rest, **more):
    return {d for d in known.dims[x] if d < rank - 1} | ({rank - 1} if known.has(weight, 0) else set())


@_rule("matmul", "bmm", "mm")
def _matmul(known, rank, a, b):
    if known.rank(a) < 2 or known.rank(b) < 2:
        return set()
    out = {rank - 2} if known.has(a, known.rank(a) - 2) else set()
    out |= {rank - 1} if known.has(b, known.rank(b) - 1) else set()
    both = known.rank(a) == known.rank(b)
    return out | {d for d in range(rank - 2) if both and known.has(a, d) and known.has(b, d)}


@_rule("conv1d", "conv2d", "conv3d")
def _conv(known, rank, x, weight, *rest, **more):
    if known.rank(x) != rank or len(known.dims[weight]) != rank:
        return set()
    out = {d for d in known.dims[x] if d != 1}
    return out | ({1} if known.has(weight, 0) else set())


@_rule("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d")
def _pool(known, rank, x, *rest, **more):
    return known.dims[x]


@_rule("embedding")
def _embedding(known, rank, a, b, *rest, **more):
    if known.rank(a) + known.rank(b) != rank + 1:
        return set()
    weight, indices = (a, b) if known.rank(a) == 2 and known.rank(b) == rank - 1 else (b, a)
    if known.rank(a) == known.rank(b) == 2:
        return set()
    return set(known.dims[indices]) | ({rank - 1} if known.has(weight, 1) else set())


@_rule("view", "reshape", "expand")
def _given(known, rank, x, sizes, **more):
    if not isinstance(sizes, (list, tuple)):
        return set()
    return {d for d, size in enumerate(sizes) if isinstance(size, int) and size >= 0}


@_rule("transpose")
def _transpose(known, rank, x, a, b):
    a, b = a % rank, b % rank
    swap = {a: b, b: a}
    return {swap.get(d, d) for d in known.dims[x]}


@_rule("t")
def _t(known, rank, x):
    return {rank - 1 - d for d in known.dims[x]}


@_rule("permute")
def _permute(known, rank, x, dims):
    return {to for to, d in enumerate(dims) if known.has(x, d % rank)}


@_rule("unsqueeze")
def _unsqueeze(known, rank, x, dim):
    dim %= rank
    return {dim} | {d + (d >= dim) for d in known.dims[x]}


@_rule("select")
def _select(known, rank, x, dim, index):
    dim %= rank + 1
    return {d - (d > dim) for d in known.dims[x] if d != dim}


@_rule("unbind")
def _unbind(known, rank, x, dim=0):
    return _select(known, rank, x, dim, 0)


@_rule("slice", "narrow")
def _slice(known, rank, x, dim=0, *rest, **more):
    return known.dims[x]


@_rule("split", "chunk")
def _split(known, rank, x, size, dim=0):
    return known.dims[x]


@_rule("cat", "stack")
def _cat(known, rank, tensors, dim=0, **more):
    if not all(known.is_tensor(t) for t in tensors) or any(known.rank(t) != known.rank(tensors[0]) for t in tensors):
        return set()
    stacked = known.rank(tensors[0]) != rank
    dim = more.get("dim", dim) % rank
    any_ = set().union(*(known.dims[t] for t in tensors))
    if stacked:
        return {dim} | {d + (d >= dim) for d in any_}
    along = {dim} if all(known.has(t, dim) for t in tensors) else set()
    return (any_ - {dim}) | along


def _reduction(known, rank, x, *rest, **more):
    if known.rank(x) == rank:  # kept
        return known.dims[x]
    dims = more.get(
        "dim", next((v for v in rest if isinstance(v, (int, list, tuple)) and not isinstance(v, bool)), None)
    )
    if dims is None:
        return set()
    gone = {d % known.rank(x) for d in ([dims] if isinstance(dims, int) else dims)}
    left = [d for d in range(known.rank(x)) if d not in gone]
    return {to for to, d in enumerate(left) if known.has(x, d)} if len(left) == rank else set()
