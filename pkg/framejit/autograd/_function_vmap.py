"""autograd.Function under vmap: by the function's own `vmap` rule, or one made of mapped forward and backward."""

from typing import NamedTuple

from framejit import _C
from framejit.utils import _pytree as pytree


class VmapInfo(NamedTuple):
    """What a `vmap` rule is told of the mapping around it."""

    batch_size: int
    randomness: str


def apply_batched(cls, function, args):
    """`cls.apply(*args)` below the innermost batching layer, results wrapped in it again; None if no argument is."""
    layer, size, randomness = _C._vmap_top()
    leaves, structure = pytree.tree_flatten(args)
    plain = [_C._vmap_unwrap(layer, a) if isinstance(a, _C.Tensor) else (a, -1) for a in leaves]
    values = pytree.tree_unflatten([v for v, _ in plain], structure)
    dims = pytree.tree_unflatten([None if d < 0 else d for _, d in plain], structure)
    _C._vmap_leave(layer)
    try:
        if all(d < 0 for _, d in plain):
            outs, out_dims = cls.apply(*values), None
        elif cls.generate_vmap_rule:
            if cls.vmap is not function.vmap:
                raise RuntimeError(
                    f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an overriden "
                    "vmap staticmethod. Please set generate_vmap_rule=False or delete the overriden vmap staticmethod "
                    "to avoid ambiguity."
                )
            outs, out_dims = _Mapped(cls, function, dims, randomness).apply(*values), 0
        elif cls.vmap is function.vmap:
            raise RuntimeError(
                f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and "
                "implement the vmap staticmethod or set generate_vmap_rule=True."
            )
        else:
            outs, out_dims = _two_returns(cls.vmap(VmapInfo(size, randomness), dims, *values))
    finally:
        _C._vmap_enter_again(layer)
    return _wrapped(layer, outs, out_dims)


def _two_returns(result):
    if isinstance(result, tuple) and len(result) == 2:
        return result
    got = f"{len(result)} returns" if isinstance(result, tuple) else f"a {type(result)}"
    raise RuntimeError(
        "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible with "
        f"the output. Got {got} instead"
    )


def _wrapped(layer, outs, out_dims):
    leaves, structure = pytree.tree_flatten(outs)
    dims = pytree._broadcast_to_and_flatten(out_dims, structure)
    if dims is None:
        raise RuntimeError(
            "The autograd.Function's vmap staticmethod returned an incompatible (output, out_dims) tuple. Expected "
            f"out_dims={out_dims} to be compatible with the structure of `output`, which is {structure}"
        )
    wrapped = [
        _C._vmap_wrap(layer, o, d) if d is not None and isinstance(o, _C.Tensor) else o for o, d in zip(leaves, dims)
    ]
    return pytree.tree_unflatten(wrapped, structure)


class _Ctx:
    """The context that the mapped `backward` sees: everything of the forward's, saved tensors as batched ones."""

    def __init__(self, ctx, saved):
        self.__dict__.update(ctx.__dict__)
        self.saved_tensors = saved


class _Mapped:
    """One Function mapped over one batching layer, in the place of a Function; results have the batch first."""

    generate_vmap_rule = True
    _has_setup_context = False

    def __init__(self, cls, function, dims, randomness):
        self.__name__ = cls.__name__
        self.cls, self.function, self.dims, self.randomness = cls, function, dims, randomness
        self.vmap = function.vmap

    def apply(self, *args):
        if _C._vmap_depth():
            return apply_batched(self, self.function, args)
        return _C._function_apply(self, self.function._context_type(), args)

    def forward(self, ctx, *values):
        from framejit.func import vmap

        cls = self.cls
        inner = ctx.inner = self.function._context_type()
        inner.needs_input_grad = ctx.needs_input_grad

        def one(*args):
            out = cls.forward(*args) if cls._has_setup_context else cls.forward(inner, *args)
            if cls._has_setup_context:
                cls.setup_context(inner, args, out)
            ctx.single = not isinstance(out, tuple)
            return (out,) if ctx.single else out, tuple(inner.to_save or ())

        outs, saved = vmap(one, in_dims=self.dims, randomness=self.randomness)(*values)
        ctx.save_for_backward(*saved)
        if inner.non_differentiable is not None:
            ctx.mark_non_differentiable(*(o for o in outs if not o.is_floating_point()))
        return outs[0] if ctx.single else outs

    def backward(self, ctx, *grads):
        from framejit.func import vmap

        cls, count = self.cls, []

        def one(grads, saved):
            found = cls.backward(_Ctx(ctx.inner, saved), *grads)
            found = found if isinstance(found, tuple) else (found,)
            count.append([g is not None for g in found])
            return tuple(g for g in found if g is not None)

        found = iter(vmap(one, randomness=self.randomness)(grads, ctx.saved_tensors))
        out = []
        for present, dim in zip(count[0], self.dims):
            g = next(found) if present else None
            out.append(g if g is None else g.sum(0) if dim is None else g.movedim(0, dim))
        return tuple(out)
