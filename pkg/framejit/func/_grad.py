"""Gradients as transformations of functions.

Each transformation gives the function inputs that are tracked (connected to the caller's, where those are tracked
already, so that transformations nest), and asks the tape. Under vmap the tape is below the batching layers: gradients
are taken of the values, whose batch entries do not mix.
"""

import functools

import framejit
from framejit import _C
from framejit.func._recorded import tracer_of
from framejit.utils import _pytree as pytree

_C._func_transforms(globals())


def _is_tensor(v):
    return isinstance(v, _C.Tensor)


def _tracked(tree, outside=True):
    """-> (the same with differentiable tensors, its leaves, structure, was any tracked before)

    outside: whether what the tensors come from is to be differentiated, too.
    """
    leaves, structure = pytree.tree_flatten(tree)
    made, before = [], False
    for leaf in leaves:
        if not _is_tensor(leaf):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(leaf)}")
        if not (leaf.is_floating_point() or leaf.is_complex()):
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        x, tracked = _C._func_input(leaf if outside else leaf.detach())
        made.append(x)
        before = before or tracked
    return pytree.tree_unflatten(made, structure), made, structure, before


def _inside(func, args, kwargs, hooks=False):
    """What the function gives while it is known that a transformation calls it. Are hooks of saved tensors allowed?"""
    _C._func_enter(hooks)
    try:
        return func(*args, **kwargs)
    finally:
        _C._func_leave(hooks)


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


def _check_scalar(out):
    if not _is_tensor(out):
        raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(out)}")
    if out.dim() != 0:
        raise RuntimeError(
            "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
            f"{out.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )
    if not out.is_floating_point():
        raise RuntimeError("Expected f(*args) to return a floating point tensor")


def _pick(args, argnums):
    return _slice_argnums(args, argnums, as_tuple=False)


def _with_aux(result, has_aux, name):
    """What a function gave, and what it gave beside."""
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True")
    for leaf in pytree.tree_flatten(result[1])[0]:
        if not _is_tensor(leaf):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(leaf)}")
    return result


def _only_tensors(outs, result, name):
    if not outs or len(outs) == 1 and outs[0] is None:
        raise RuntimeError(f"{name}: Expected f to be a function that has non-empty output (got output = {result})")
    for out in outs:
        if not _is_tensor(out):
            raise RuntimeError(f"{name}: expected f(*primals) to return only tensors, got unsupported type {type(out)}")


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
        tracer = tracer_of(args, kwargs)
        if tracer is not None:
            return tracer.transform(wrapped, args, kwargs)
        outside = framejit.is_grad_enabled()
        with framejit.enable_grad():
            inputs, leaves, structure, before = _tracked(_pick(args, argnums), outside)
            result = _inside(func, _replace(args, argnums, inputs), kwargs)
            value, aux = _with_aux(result, has_aux, "grad_and_value(f)(*args)")
            _check_scalar(value)
            plain, plain_in = _C._func_plain(value), [_C._func_plain(x) for x in leaves]
            keep = outside and (before or (plain.requires_grad and _C._leaves_beyond((plain,), tuple(plain_in))))
            found = _gradients([value], [_ones(value)], leaves, keep, keep)
        if not keep:
            value = value.detach()
            aux = _detached(aux)
        gradient = pytree.tree_unflatten(found, structure)
        return (gradient, (value, aux)) if has_aux else (gradient, value)

    return wrapped


def _ones(value):
    return _C.ones_like(value).detach()


def _detached(tree):
    return pytree.tree_map(lambda v: v.detach() if _is_tensor(v) else v, tree)


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
    tracer = tracer_of(primals)
    if tracer is not None:
        return tracer.transform(vjp, (func, *primals), {"has_aux": has_aux})
    result, aux, pull, _, keep = _vjp(func, primals, has_aux, "vjp(f, *primals)")
    value = result if keep else _detached(result)
    return (value, pull, aux if keep else _detached(aux)) if has_aux else (value, pull)


def _vjp(func, primals, has_aux, name, forward=False):
    """-> (what func gave, aux, the pullback, outputs as leaves, are both to stay connected with what was tracked before)"""
    outside = framejit.is_grad_enabled()
    with framejit.enable_grad():
        inputs, leaves, structure, before = _tracked(primals, outside)
        given = pytree.tree_map(_C._func_writable, inputs) if forward else inputs
        result, aux = _with_aux(_inside(func, given, {}, hooks=forward), has_aux, name)
        outs, out_structure = pytree.tree_flatten(result)
        _only_tensors(outs, result, name)
        plain_in = tuple(_C._func_plain(x) for x in leaves)
        plains = tuple(p for p in map(_C._func_plain, outs) if p.requires_grad)
        keep = outside and (before or (bool(plains) and _C._leaves_beyond(plains, plain_in)))

    def pull(cotangents, retain_graph=True, create_graph=None):
        tracer = tracer_of(cotangents)
        if tracer is not None:
            return tracer.transform(pull, (cotangents, retain_graph, create_graph), {})
        seeds, seed_structure = pytree.tree_flatten(cotangents)
        if seed_structure != out_structure and not (len(outs) == len(seeds) == 1):
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
        found = pytree.tree_unflatten(found, structure)
        return found if len(primals) != 1 else (found[0],)

    def of_output(i, seed):
        """The same for one output alone."""
        create = framejit.is_grad_enabled() and (keep or seed.requires_grad)
        found = pytree.tree_unflatten(_gradients([outs[i]], [seed], leaves, create, True), structure)
        return found if len(primals) != 1 else (found[0],)

    pull.of_output = of_output
    return result, aux, pull, outs, keep


def _check_directions(primals, tangents, name):
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{name}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    flat, structure = pytree.tree_flatten(primals)
    directions, other = pytree.tree_flatten(tangents)
    if structure != other:
        raise RuntimeError(
            f"{name}: Expected primals and tangents to have the same python structure. For example, if primals is a tuple "
            f"of 3 tensors, tangents also must be. Got primals with structure {structure} and tangents with structure {other}"
        )
    for what, leaves in (("primals", flat), ("tangents", directions)):
        if not leaves:
            raise RuntimeError(f"{name}: Expected {what} to contain at least one Tensor")
        for leaf in leaves:
            if not _is_tensor(leaf):
                raise RuntimeError(f"{name}: Expected {what} to be a tuple that only contain Tensors, got {type(leaf)}")


def _check_dependence(outs, name):
    if not all(_C._func_plain(out).requires_grad for out in outs):
        raise RuntimeError(
            f"{name}: The output of f is independent of the inputs. This is not allowed with strict=True."
        )


def _transposed(outs, structure, pull):
    """The pullback as a function of cotangents that are tracked: -> (these, what it gives for them)"""
    dummies = [_C._func_input(_C.zeros_like(o).detach())[0] for o in outs]
    return dummies, pytree.tree_flatten(pull(pytree.tree_unflatten(dummies, structure), create_graph=True))[0]


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """-> (func(*primals), its derivative in the direction of `tangents`): two reverse passes, the second over the first.

    func (callable), primals, tangents (tuple of Tensor), strict, has_aux (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.func.jvp(lambda x: x**2, (framejit.tensor([3.0]),), (framejit.ones(1),))
    (tensor([9.]), tensor([6.]))
    """
    tracer = tracer_of(primals, tangents)
    if tracer is not None:
        return tracer.transform(jvp, (func, primals, tangents), {"strict": strict, "has_aux": has_aux})
    name = "jvp(f, primals, tangents)"
    _check_directions(primals, tangents, name)
    outside = framejit.is_grad_enabled()
    if not outside:
        primals = _detached(tuple(primals))
    with framejit.enable_grad():
        result, aux, pull, outs, keep = _vjp(func, primals, has_aux, name, forward=True)
        if strict:
            _check_dependence(outs, name)
        structure = pytree.tree_flatten(result)[1]
        dummies, gradients = _transposed(outs, structure, pull)
        directions, _ = pytree.tree_flatten(tuple(tangents))
        keep = outside and keep
        follow = keep or outside and any(_C._func_plain(t).requires_grad for t in directions)
        found = _gradients(gradients, directions, dummies, follow, True)
    tangent = pytree.tree_unflatten(found if follow else [f.detach() for f in found], structure)
    value = result if keep else _detached(result)
    return (value, tangent, aux if keep else _detached(aux)) if has_aux else (value, tangent)


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None, _preallocate_and_copy=False):
    """A function that returns the Jacobian of `func`: sizes of the output, then of the input.

    func (callable), argnums (int, or tuple of int), has_aux (bool), chunk_size (int or None): how many rows are computed at
    once; 1 means one after the other, without vmap. Raises ValueError for a chunk_size below one. What it makes raises
    RuntimeError unless func takes and gives real tensors, and what func raises.

    >>> import framejit
    >>> framejit.func.jacrev(lambda x: x**2)(framejit.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")
    return _jacobian(func, argnums, has_aux, chunk_size, "jacrev")


def _all_real(leaves, name, what):
    for leaf in leaves:
        if _is_tensor(leaf) and leaf.is_complex():
            raise RuntimeError(
                f"{name}: Expected all {what} to be real but received complex tensor at flattened input idx: 0"
            )


def _jacobian(func, argnums, has_aux, chunk_size, name):
    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        tracer = tracer_of(args, kwargs)
        if tracer is not None:
            return tracer.transform(wrapped, args, kwargs)
        picked = _pick(args, argnums)
        single = isinstance(argnums, int)
        _all_real(pytree.tree_flatten(picked)[0], name, "inputs")
        call = lambda *xs: func(*_replace(args, argnums, xs[0] if single else xs), **kwargs)  # noqa: E731
        packed = vjp(call, *((picked,) if single else picked), has_aux=has_aux)
        value, pull = packed[:2]
        outs, structure = pytree.tree_flatten(value)
        _all_real(outs, name, "outputs")
        rows = [_rows(pull, outs, i, chunk_size, single) for i in range(len(outs))]
        result = pytree.tree_unflatten(rows, structure)
        return (result, packed[2]) if has_aux else result

    return wrapped


def _rows(pull, outs, i, chunk_size, single):
    """The Jacobian of one output."""
    from framejit.func._vmap import vmap

    def one(seed):
        found = pull.of_output(i, seed)
        return found[0] if single else found

    out, n = outs[i], outs[i].numel()
    basis = _C.eye(n, dtype=out.dtype).reshape((n, *out.shape))
    if chunk_size == 1:
        parts = [pytree.tree_flatten(one(seed)) for seed in basis]
        jacobian = pytree.tree_unflatten([_C.stack(list(row)) for row in zip(*(p[0] for p in parts))], parts[0][1])
    else:
        jacobian = vmap(one, chunk_size=chunk_size)(basis)
    return pytree.tree_map(lambda j: j.reshape((*out.shape, *j.shape[1:])), jacobian)


def jacfwd(func, argnums=0, has_aux=False, *, chunk_size=None, randomness="error"):
    """The same Jacobian as jacrev's; it is computed by reverse passes here.

    func (callable), argnums (int, or tuple of int), has_aux (bool), chunk_size (int or None), randomness (str). What it
    makes raises RuntimeError unless func takes and gives real tensors, and what func raises.

    >>> import framejit
    >>> framejit.func.jacfwd(lambda x: x**2)(framejit.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    return _jacobian(func, argnums, has_aux, chunk_size, "jacfwd")


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


def linearize(func, *primals):
    """-> (func(*primals), a function from tangents to derivatives of func in their direction, at the primals)

    func (callable), primals (Tensor, or nest of them): the function runs once, for all directions. Raises RuntimeError for
    values that are no tensors; what it makes raises RuntimeError for tangents of another structure, shape or dtype.

    >>> import framejit
    >>> value, push = framejit.func.linearize(lambda x: x**2, framejit.tensor([3.0]))
    >>> value, push(framejit.ones(1)), push(framejit.full((1,), 2.0))
    (tensor([9.]), tensor([6.]), tensor([12.]))
    """
    tracer = tracer_of(primals)
    if tracer is not None:
        return tracer.transform(linearize, (func, *primals), {})
    flat, structure = pytree.tree_flatten(primals)
    with framejit.enable_grad():
        result, _, pull, outs, _ = _vjp(func, primals, False, "linearize(f, *primals)")
        out_structure = pytree.tree_flatten(result)[1]
        dummies, gradients = _transposed(outs, out_structure, pull)

    def push(*tangents):
        tracer = tracer_of(tangents)
        if tracer is not None:
            return tracer.transform(push, tangents, {})
        given, given_structure = pytree.tree_flatten(tangents)
        if given_structure != structure:
            raise RuntimeError(
                "Expected the tangents passed to jvp_fn to have the same structure as the primals passed to linearize"
            )
        for i, (tangent, primal) in enumerate(zip(given, flat)):
            if tangent.shape != primal.shape:
                raise RuntimeError(
                    f"Expected tangent {i} in flattened pytree to have the same shape as its primal, got {tangent.shape} and "
                    f"{primal.shape}"
                )
            if tangent.dtype != primal.dtype:
                raise RuntimeError(
                    f"Expected tangent {i} in flattened pytree to have the same dtype as its primal, got {tangent.dtype} and "
                    f"{primal.dtype}"
                )
        with framejit.enable_grad():
            found = _gradients(gradients, given, dummies, False, True)
        return pytree.tree_unflatten([part.detach() for part in found], out_structure)

    return _detached(result), push


def _slice_argnums(args, argnums, as_tuple=True):
    """The arguments that argnums names: a tuple, or the value itself of one number."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    if not all(isinstance(i, int) for i in numbers):
        raise RuntimeError(f"argnums elements must be int, got: {argnums}")
    for i in numbers:
        if not -len(args) <= i < len(args):
            raise RuntimeError(f"Got argnum={i}, but only {len(args)} positional inputs")
    real = [i % len(args) for i in numbers]
    if len(set(real)) != len(real):
        raise RuntimeError(f"argnums elements must be unique, got: {argnums}")
    picked = tuple(args[i] for i in real)
    return picked[0] if isinstance(argnums, int) and not as_tuple else picked
