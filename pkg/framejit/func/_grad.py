"""Gradients as transformations of functions.

Each transformation gives the function inputs that are tracked (connected to the caller's, where those are tracked
already, so that transformations nest), and asks the tape. Under vmap the tape is below the batching layers: gradients
are taken of the values, whose batch entries do not mix.
"""

import functools

import framejit
from framejit import _C
from framejit.func import _tree


def _is_tensor(v):
    return isinstance(v, _C.Tensor)


def _tracked(tree):
    """-> (the same with differentiable tensors, its leaves, structure, was any tracked before)"""
    leaves, structure = _tree.flatten(tree)
    made, before = [], False
    for leaf in leaves:
        if not _is_tensor(leaf):
            raise RuntimeError(f"Expected tensors to differentiate with respect to, got element of type {type(leaf)}")
        x, tracked = _C._func_input(leaf)
        made.append(x)
        before = before or tracked
    return _tree.unflatten(made, structure), made, structure, before


def _gradients(outputs, cotangents, inputs, create_graph, retain_graph):
    """Gradients of (batched) outputs with respect to (batched) inputs; zeros where there is no dependence."""
    # Gradients are of the values below the batching layers, so they are computed with those layers out of the way.
    plain_in = [_C._func_plain(x) for x in inputs]
    roots, seeds = [], []
    for out, seed in zip(outputs, cotangents):
        plain = _C._func_plain(out)
        if plain.requires_grad and any(_C._func_depends(out, x) for x in inputs):
            roots.append(plain)
            seeds.append(seed if seed is None else _aligned(seed, out))
    found = [None] * len(inputs)
    if roots:
        found = _C._run_backward(tuple(roots), tuple(seeds), retain_graph, create_graph, tuple(plain_in), True, False)
    return [_C.zeros_like(x).detach() if g is None else _rewrap(g, x) for g, x in zip(found, inputs)]


def _rewrap(gradient, like):
    return _C._func_rewrap(gradient, like)


def _aligned(seed, out):
    """A cotangent as one for the value below `out`'s batching layers."""
    return _C._func_seed(seed, out)


def _check_scalar(out, name):
    if not _is_tensor(out):
        raise RuntimeError(
            f"Expected the output of f to be a Tensor, got type {type(out)}"
            if name is None
            else f"{name}: Expected f(*args) to return a single tensor, got type {type(out)}"
        )
    if out.dim() != 0:
        raise RuntimeError(
            "Expected f(*args) to return a scalar tensor, got tensor with "
            f"{out.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )
    if not out.is_floating_point():
        raise RuntimeError("Expected f(*args) to return a floating point tensor")


def _pick(args, argnums):
    if isinstance(argnums, int):
        return args[_index(argnums, len(args))]
    if not isinstance(argnums, tuple) or not argnums:
        raise RuntimeError(f"argnums must be int or non-empty tuple of ints, got: {argnums}")
    return tuple(args[_index(i, len(args))] for i in argnums)


def _index(i, n):
    if not -n <= i < n:
        raise RuntimeError(f"Got argnum={i}, but only {n} positional inputs")
    return i % n


def _replace(args, argnums, values):
    args = list(args)
    if isinstance(argnums, int):
        args[_index(argnums, len(args))] = values
    else:
        for i, v in zip(argnums, values):
            args[_index(i, len(args))] = v
    return args


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that returns (gradient of `func` for the arguments `argnums`, its value); with has_aux (gradient,
    (value, aux)).

    func (callable), argnums (int, or tuple of int). What it makes raises RuntimeError unless func gives a single
    element and takes tensors, and what func raises.

    >>> import framejit
    >>> framejit.func.grad_and_value(lambda x: (x**2).sum())(framejit.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))
    """

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        with framejit.enable_grad():
            inputs, leaves, structure, before = _tracked(_pick(args, argnums))
            result = func(*_replace(args, argnums, inputs), **kwargs)
            value, aux = result if has_aux else (result, None)
            _check_scalar(value, None)
            plain, plain_in = _C._func_plain(value), [_C._func_plain(x) for x in leaves]
            keep = before or (plain.requires_grad and _C._leaves_beyond((plain,), tuple(plain_in)))
            found = _gradients([value], [_ones(value)], leaves, keep, keep)
        if not keep:
            value = value.detach()
            aux = _detached(aux)
        gradient = _tree.unflatten(found, structure)
        return (gradient, (value, aux)) if has_aux else (gradient, value)

    return wrapped


def _ones(value):
    return _C.ones_like(value).detach()


def _detached(tree):
    return _tree.tree_map(lambda v: v.detach() if _is_tensor(v) else v, tree)


def grad(func, argnums=0, has_aux=False):
    """A function that returns the gradient of the scalar function `func` for the arguments `argnums`.

    func (callable), argnums (int, or tuple of int), has_aux (bool). What it makes raises RuntimeError unless func
    gives a single element and takes tensors, and what func raises.

    >>> import framejit
    >>> framejit.func.grad(lambda x: (x**2).sum())(framejit.tensor([1.0, 2.0]))
    tensor([2., 4.])
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def vjp(func, *primals, has_aux=False):
    """-> (func(*primals), a function from cotangents of the result to gradients of the primals[, aux])

    func (callable), has_aux (bool). Raises RuntimeError (vjp(f, *primals): Expected f to return tensors; the cotangent
    has size …, the output …).

    >>> import framejit
    >>> value, pull = framejit.func.vjp(lambda x: x**2, framejit.tensor([3.0]))
    >>> value, pull(framejit.ones(1))
    (tensor([9.]), (tensor([6.]),))
    """
    with framejit.enable_grad():
        inputs, leaves, structure, before = _tracked(primals)
        result = func(*inputs)
        result, aux = result if has_aux else (result, None)
        outs, out_structure = _tree.flatten(result)
        if not all(_is_tensor(o) for o in outs):
            raise RuntimeError("vjp(f, *primals): Expected f to return tensors")
        plain_in = tuple(_C._func_plain(x) for x in leaves)
        plains = tuple(p for p in map(_C._func_plain, outs) if p.requires_grad)
        keep = before or (bool(plains) and _C._leaves_beyond(plains, plain_in))

    def pull(*cotangents, retain_graph=True, create_graph=None):
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        seeds, seed_structure = _tree.flatten(given)
        if len(seeds) != len(outs):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {seed_structure}, primal output: {out_structure}"
            )
        for s, o in zip(seeds, outs):
            if s.shape != o.shape:
                raise RuntimeError(f"vjp: the cotangent has size {tuple(s.shape)}, the output {tuple(o.shape)}")
        create = (
            framejit.is_grad_enabled() and (keep or any(s.requires_grad for s in seeds))
            if create_graph is None
            else create_graph
        )
        found = _gradients(outs, seeds, leaves, create, retain_graph)
        found = _tree.unflatten(found, structure)
        return found if len(primals) != 1 else (found[0],)

    value = result if keep else _detached(result)
    return (value, pull, aux if keep else _detached(aux)) if has_aux else (value, pull)


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """-> (func(*primals), its derivative in the direction of `tangents`): two reverse passes, the second over the first.

    func (callable), primals, tangents (tuple of Tensor), strict, has_aux (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.func.jvp(lambda x: x**2, (framejit.tensor([3.0]),), (framejit.ones(1),))
    (tensor([9.]), tensor([6.]))
    """
    with framejit.enable_grad():
        packed = vjp(func, *primals, has_aux=has_aux)
        value, pull = packed[:2]
        outs, structure = _tree.flatten(value)
        dummies = [_C.zeros_like(o).detach().requires_grad_() for o in outs]
        gradients, _ = _tree.flatten(pull(_tree.unflatten(dummies, structure), create_graph=True))
        directions, _ = _tree.flatten(tuple(tangents))
        pairs = [(g, t) for g, t in zip(gradients, directions) if g.requires_grad]
        found = [None] * len(dummies)
        if pairs:
            found = _C._run_backward(
                tuple(g for g, _ in pairs), tuple(t for _, t in pairs), True, True, tuple(dummies), True, False
            )
    tangent = _tree.unflatten([_C.zeros_like(o) if f is None else f.detach() for f, o in zip(found, outs)], structure)
    return (value, tangent, packed[2]) if has_aux else (value, tangent)


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None):
    """A function that returns the Jacobian of `func`: sizes of the output, then of the input.

    func (callable), argnums (int, or tuple of int), has_aux (bool), chunk_size (int or None). What it makes raises
    RuntimeError unless func takes and gives tensors, and what func raises.

    >>> import framejit
    >>> framejit.func.jacrev(lambda x: x**2)(framejit.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    from framejit.func._vmap import vmap

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        picked = _pick(args, argnums)
        single = isinstance(argnums, int)
        call = lambda *xs: func(*_replace(args, argnums, xs[0] if single else xs), **kwargs)  # noqa: E731
        packed = vjp(call, *((picked,) if single else picked), has_aux=has_aux)
        value, pull = packed[:2]
        outs, structure = _tree.flatten(value)
        rows = []
        for i, out in enumerate(outs):

            def one(seed, i=i):
                seeds = [seed if k == i else _C.zeros_like(o) for k, o in enumerate(outs)]
                found = pull(_tree.unflatten(seeds, structure))
                return found[0] if single else found

            n = out.numel()
            basis = _C.eye(n, dtype=out.dtype).reshape(n, *out.shape)
            jacobian = vmap(one, chunk_size=chunk_size)(basis)
            rows.append(_tree.tree_map(lambda j: j.reshape(*out.shape, *j.shape[1:]), jacobian))  # noqa: B023
        result = _tree.unflatten(rows, structure)
        return (result, packed[2]) if has_aux else result

    return wrapped


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """The same Jacobian as jacrev's; it is computed by reverse passes here.

    func (callable), argnums (int, or tuple of int), has_aux (bool), randomness (str). What it makes raises
    RuntimeError unless func takes and gives tensors, and what func raises.

    >>> import framejit
    >>> framejit.func.jacfwd(lambda x: x**2)(framejit.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func, argnums=0):
    """A function that returns the matrix of second derivatives of `func`.

    func (callable), argnums (int, or tuple of int). What it makes raises RuntimeError unless func takes and gives
    tensors, and what func raises.

    >>> import framejit
    >>> framejit.func.hessian(lambda x: (x**3).sum())(framejit.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)
