"""Control flow as functions: `framejit.cond`, `framejit.while_loop`, scans. They run as the Python that they stand for."""

from framejit import _C, ops
from framejit._control_flow_nodes import both, each, loop, rounds, scanned
from framejit.ops import HigherOrderOperator
from framejit.utils._pytree import tree_flatten, tree_map, tree_unflatten


def _wrong_arguments(message):
    """A TypeError, which PyTorch raises as another exception where it captures."""
    from framejit.dynamo.exc import UncapturedHigherOrderOpError

    return type("WrongArguments", (UncapturedHigherOrderOpError, TypeError), {})(message)


class _Cond(HigherOrderOperator):
    """The operator of `cond`: in captured graphs its functions are modules."""

    _qualified_op_name = "framejit.ops.higher_order.cond"

    def __call__(self, *args, **kwargs):
        names = ("pred", "true_fn", "false_fn", "operands")
        for i, name in enumerate(names):
            if name in kwargs:
                if i != len(args):
                    raise AssertionError("did not provide the right number of non-keyword args")
                args += (kwargs.pop(name),)
        if len(args) != len(names) or kwargs:
            raise _wrong_arguments(f"cond() takes {', '.join(names)}, but got {len(args)} of them and {sorted(kwargs)}")
        rule = None if _C._is_tracing() else self._rule(tree_flatten(args[3])[0])
        return cond(*args) if rule is None else rule(*args)

    @staticmethod
    def arguments(node, bodies, operands):
        """Those of the operator in a graph, for a call with marks."""
        return (node.args[0], *bodies, operands)


cond_op = ops.higher_order.cond = _Cond("cond")


def cond(pred, true_fn, false_fn, operands=()):
    """true_fn(*operands) if pred else false_fn(*operands).

    pred (bool or int or float or Tensor of one element), true_fn, false_fn (callable), operands (tuple or list). Raises
    RuntimeError for another condition, for functions that cannot be called, and what the functions raise. In a function
    that is compiled as a whole (`fullgraph=True`) the condition may be a tensor: then both functions are captured and must
    give tensors of the same sizes and dtypes in the same structure. Inside `vmap`, with a condition that differs by entry,
    both functions run and each entry takes its own result.

    >>> import framejit
    >>> framejit.cond(framejit.tensor(False), lambda x: x + 1, lambda x: x - 1, (framejit.ones(1),))
    tensor([0.])
    """
    if isinstance(pred, _C.Tensor):
        if pred.numel() != 1:
            raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
        if not callable(true_fn) or not callable(false_fn):
            raise RuntimeError("Expect both branches to be callable.")
    elif not isinstance(pred, (bool, int, float)):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if isinstance(pred, _C.Tensor) and _C._vmap_batched(pred):
        return each(pred, true_fn, false_fn, operands)
    if _C._takes_branches(pred):
        return both(pred, true_fn, false_fn, operands)
    return true_fn(*operands) if pred else false_fn(*operands)


def while_loop(cond_fn, body_fn, carried_inputs):
    """Replaces the inputs by what body_fn(*inputs) gives as long as cond_fn(*inputs) is true; a tuple as long as the inputs.

    cond_fn, body_fn (callable), carried_inputs (tuple or list). Raises RuntimeError for other types. Inside `vmap`, with a
    condition that differs by entry, it goes on while any entry does; entries that have ended keep their values.

    >>> import framejit
    >>> framejit.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, 2 * x), (0, framejit.ones(1)))
    (3, tensor([8.]))
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, (tuple, list)):
        raise RuntimeError(f"Expect carried_inputs to be a tuple or a list, but got {type(carried_inputs)}.")
    if all(isinstance(leaf, _C.Tensor) for leaf in carried_inputs) and _C._takes_branches(*carried_inputs):
        return loop(cond_fn, body_fn, carried_inputs)
    return rounds(cond_fn, body_fn, carried_inputs)


class _WhileLoop(HigherOrderOperator):
    """The operator of `while_loop`: in captured graphs its functions are modules."""

    _qualified_op_name = "framejit.ops.higher_order.while_loop"

    def __call__(self, cond_fn, body_fn, carried_inputs, additional_inputs=()):
        def goes_on(*carried):
            answer = cond_fn(*carried, *additional_inputs)
            return answer[0] if isinstance(answer, (tuple, list)) else answer  # a module of a graph gives a tuple

        out = while_loop(
            goes_on,
            lambda *carried: body_fn(*carried, *additional_inputs),
            carried_inputs,
        )
        return out if isinstance(out, tuple) else (out,)

    @staticmethod
    def arguments(node, bodies, operands):
        """Those of the operator in a graph, for a call with marks."""
        return (*bodies, tuple(node.args[0]), operands)


while_loop_op = ops.higher_order.while_loop = _WhileLoop("while_loop")


class _WhileLoopBack(HigherOrderOperator):
    """The derivative of `while_loop` in captured graphs: the loop again, and then back from its last round."""

    _qualified_op_name = "framejit.ops.higher_order.while_loop_back"

    def __call__(self, cond_fn, body_fn, back_fn, starts, carried, additional_inputs=()):
        rounds = [tuple(carried)]
        while cond_fn(*rounds[-1], *additional_inputs)[0]:
            rounds.append(tuple(body_fn(*rounds[-1], *additional_inputs)))
        for values in reversed(rounds[:-1]):
            starts = back_fn(*starts, *values, *additional_inputs)
        return tuple(starts)

    @staticmethod
    def arguments(node, bodies, operands):
        """Those of the operator in a graph, for a call with marks."""
        return (*bodies, tuple(node.args[0]), tuple(node.args[1]), operands)


while_loop_back_op = ops.higher_order.while_loop_back = _WhileLoopBack("while_loop_back")


def scan(combine_fn, init, xs, *, dim=0, reverse=False):
    """(the last carry, all outputs stacked along `dim`) of (carry, output) = combine_fn(carry, slice).

    combine_fn (callable), init, xs (nests of Tensor), dim (int), reverse (bool): from the last slice to the first. Raises
    RuntimeError for what cannot be called and for tensors without slices.

    >>> import framejit
    >>> from framejit._control_flow import scan
    >>> scan(lambda carry, x: (carry + x, carry * x), framejit.zeros(()), framejit.arange(3.0))
    (tensor(3.), tensor([0., 0., 2.]))
    """
    if not callable(combine_fn):
        raise RuntimeError(f"Combine_fn must be a callable, but got {combine_fn}")
    leaves, shape = tree_flatten(xs)
    if not leaves:
        return init, []
    count = _slices(leaves, dim, RuntimeError)
    everything = [*leaves, *tree_flatten(init)[0]]
    if all(isinstance(leaf, _C.Tensor) for leaf in everything) and _C._takes_branches(*everything):
        first = [leaf.movedim(dim, 0) for leaf in leaves]
        first = [leaf.flip(0) for leaf in first] if reverse else first
        carry, rows = scanned(lambda carry, x: combine_fn(carry, tree_unflatten(x, shape)), init, first)
        rows = tree_map(lambda row: row.flip(0), rows) if reverse else rows
        return carry, tree_map(lambda row: row.movedim(0, _within(dim, row.dim())), rows)
    order = range(count - 1, -1, -1) if reverse else range(count)
    carry, outputs = init, [None] * count
    for i in order:
        carry, outputs[i] = combine_fn(carry, tree_unflatten([leaf.select(dim, i) for leaf in leaves], shape))
    rows = [tree_flatten(output)[0] for output in outputs]
    stacked = [_C.stack(parts, _within(dim, parts[0].dim() + 1)) for parts in zip(*rows)]
    return carry, tree_unflatten(stacked, tree_flatten(outputs[0])[1])


class _Scan(HigherOrderOperator):
    """The operator of `scan`, along the first dimension: in captured graphs its function is a module."""

    _qualified_op_name = "framejit.ops.higher_order.scan"

    def __call__(self, combine_fn, init, xs, additional_inputs=(), reverse=False):
        def combine(carry, x):
            out = combine_fn(*carry, *x, *additional_inputs)
            return tuple(out[: len(carry)]), tuple(out[len(carry) :])

        carry, rows = scan(combine, tuple(init), tuple(xs), reverse=reverse)
        return (*carry, *rows)

    @staticmethod
    def arguments(node, bodies, operands):
        """Those of the operator in a graph, for a call with marks."""
        carried, xs, *rest = node.args  # a derivative's goes from the last slice to the first
        return (*bodies, tuple(carried), tuple(xs), operands, *rest[1:])


scan_op = ops.higher_order.scan = _Scan("scan")


def map_each(f, xs, *args):
    """f(slice, *args) for each slice along the first dimension of xs, tensors or a structure of them; the results stacked.

    f (callable), xs (nest of Tensor). Raises RuntimeError for tensors without slices, or with different numbers of them.

    >>> import framejit
    >>> from framejit._control_flow import map_each
    >>> map_each(lambda x, y: x.sum() * y, framejit.ones(2, 3), 2)
    tensor([6., 6.])
    """
    leaves, shape = tree_flatten(xs)
    lengths = {leaf.shape[0] for leaf in leaves}
    if len(lengths) != 1 or 0 in lengths:
        raise RuntimeError(f"map: the first dimensions of xs must have one length, which is not 0, but are {lengths}")
    return scan(lambda carry, x: (carry, f(x, *args)), [], xs)[1]


class _Map(HigherOrderOperator):
    """The operator of `map_each`: in captured graphs its function is a module."""

    _qualified_op_name = "framejit.ops.higher_order.map_impl"

    def __call__(self, f, xs, pos_args=()):
        return map_each(lambda x: tuple(f(*x, *pos_args)), tuple(xs))

    @staticmethod
    def arguments(node, bodies, operands):
        """Those of the operator in a graph, for a call with marks."""
        return (*bodies, tuple(node.args[1]), operands)


map_op = ops.higher_order.map_impl = _Map("map_impl")


def associative_scan(combine_fn, xs, dim, reverse=False, combine_mode="pointwise"):
    """All partial results of an associative function along `dim`, by halving.

    combine_fn (callable of two slices), xs (nest of Tensor), dim (int), reverse (bool), combine_mode (str): "pointwise" or
    "generic", which are the same here. Raises ValueError for another mode, for what cannot be called and for tensors
    without slices, IndexError for a dimension that is not there.

    >>> import framejit
    >>> from framejit._control_flow import associative_scan
    >>> associative_scan(lambda a, b: a * b, framejit.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    from framejit.func import vmap

    if not callable(combine_fn):
        raise ValueError(f"Combine_fn must be a callable, but got {combine_fn}")
    if combine_mode not in ("pointwise", "generic"):
        raise ValueError(f"Combine_mode must either 'pointwise' or 'generic', but got {combine_mode}")
    leaves, shape = tree_flatten(xs)
    _slices(leaves, dim, ValueError)
    leaves = [leaf.movedim(dim, 0) for leaf in leaves]
    if reverse:
        leaves = [leaf.flip(0) for leaf in leaves]

    def combine(a, b):
        result = vmap(combine_fn)(tree_unflatten(a, shape), tree_unflatten(b, shape))
        return tree_flatten(result)[0]

    result = _partial_results(combine, leaves)
    if reverse:
        result = [leaf.flip(0) for leaf in result]
    return tree_map(lambda leaf: leaf.movedim(0, dim), tree_unflatten(result, shape))


def _partial_results(combine, leaves):
    """Pairs are combined, scanned, and the elements between them made from their left neighbours."""
    count = leaves[0].shape[0]
    if count < 2:
        return leaves
    pairs = combine([leaf[:-1:2] for leaf in leaves], [leaf[1::2] for leaf in leaves])
    odd = _partial_results(combine, pairs)
    even = leaves
    if count > 2:
        left = [leaf[:-1] for leaf in odd] if count % 2 == 0 else odd
        between = combine(left, [leaf[2::2] for leaf in leaves])
        even = [_C.cat([leaf[:1], part]) for leaf, part in zip(leaves, between)]
    else:
        even = [leaf[:1] for leaf in leaves]
    return [_interleaved(a, b) for a, b in zip(even, odd)]


def _interleaved(even, odd):
    """a[0], b[0], a[1], b[1], … where a may be one longer."""
    count = odd.shape[0]
    both = _C.stack([even[:count], odd], 1).reshape(2 * count, *even.shape[1:])
    return both if even.shape[0] == count else _C.cat([both, even[count:]])


def _within(dim, dims):
    return dim % dims if -dims <= dim < dims else dim


def _slices(leaves, dim, error):
    for leaf in leaves:
        if not -leaf.dim() <= dim < leaf.dim():
            raise IndexError(f"Dimension out of range (expected to be in range of [{-leaf.dim()}, {leaf.dim() - 1}], but got {dim})")  # fmt: skip
        if leaf.shape[dim] == 0:
            raise error("All xs leaves must at least have 'dim' number of dimensions and scan dimension > 0")
    sizes = {leaf.shape[dim] for leaf in leaves}
    if len(sizes) != 1:
        raise error(f"All xs leaves must have the same size along the scan dimension, but got {sorted(sizes)}")
    return sizes.pop()
