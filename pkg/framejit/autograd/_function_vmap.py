"""autograd.Function under vmap: by the function's own `vmap` rule, or one made of mapped forward and backward."""

from typing import NamedTuple

from framejit import _C
from framejit._vmap_layers import layers


class VmapInfo(NamedTuple):
    """What a `vmap` rule is told of the mapping around it."""

    batch_size: int
    randomness: str


def apply_batched(cls, function, args):
    """`cls.apply(*args)` below the innermost batching layer, results wrapped in it again; None if no argument is."""
    layer, size, randomness = layers[-1]
    plain = [_C._vmap_unwrap(layer, a) if isinstance(a, _C.Tensor) else (a, -1) for a in args]
    values, dims = [v for v, _ in plain], tuple(None if d < 0 else d for _, d in plain)
    _C._vmap_leave(layer)
    entry = layers.pop()
    try:
        if all(d is None for d in dims):
            outs, out_dims = cls.apply(*values), None
        elif cls.generate_vmap_rule:
            if cls.vmap is not function.vmap:
                raise RuntimeError(
                    f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an overriden "
                    "vmap staticmethod. Please set generate_vmap_rule=False or delete the overriden vmap staticmethod "
                    "to avoid ambiguity."
                )
            outs, out_dims = _mapped(cls, function, dims, size, randomness).apply(*values), 0
        elif cls.vmap is function.vmap:
            raise RuntimeError(
                f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and "
                "implement the vmap staticmethod or set generate_vmap_rule=True."
            )
        else:
            outs, out_dims = cls.vmap(VmapInfo(size, randomness), dims, *values)
    finally:
        layers.append(entry)
        _C._vmap_enter_again(layer)
    return _wrapped(layer, outs, out_dims)


def _wrapped(layer, outs, dims):
    if not isinstance(outs, tuple):
        return outs if dims is None else _C._vmap_wrap(layer, outs, dims)
    dims = dims if isinstance(dims, tuple) else (dims,) * len(outs)
    return tuple(
        _C._vmap_wrap(layer, o, d) if d is not None and isinstance(o, _C.Tensor) else o for o, d in zip(outs, dims)
    )


class _Ctx:
    """The context that the mapped `backward` sees: everything of the forward's, saved tensors as batched ones."""

    def __init__(self, ctx, saved):
        self.__dict__.update(ctx.__dict__)
        self.saved_tensors = saved


def _mapped(cls, function, dims, size, randomness):
    """A Function whose forward and backward are those of `cls`, mapped; results have the batch first."""
    from framejit.autograd.function import FunctionCtx
    from framejit.func import vmap

    class Mapped(function):
        @staticmethod
        def forward(ctx, *values):
            inner = ctx.inner = FunctionCtx()
            inner.needs_input_grad = ctx.needs_input_grad

            def one(*args):
                out = cls.forward(*args)
                cls.setup_context(inner, args, out)
                ctx.single = not isinstance(out, tuple)
                return (out,) if ctx.single else out, tuple(inner.to_save or ())

            outs, saved = vmap(one, in_dims=dims, randomness=randomness)(*values)
            ctx.save_for_backward(*saved)
            fixed = inner.non_differentiable
            if fixed is not None:
                ctx.mark_non_differentiable(*(o for o in outs if not o.is_floating_point()))
            return outs[0] if ctx.single else outs

        @staticmethod
        def backward(ctx, *grads):
            count = []

            def one(grads, saved):
                found = cls.backward(_Ctx(ctx.inner, saved), *grads)
                found = found if isinstance(found, tuple) else (found,)
                count.append([g is not None for g in found])
                return tuple(g for g in found if g is not None)

            found = iter(vmap(one, randomness=randomness)(grads, ctx.saved_tensors))
            out = []
            for present, dim in zip(count[0], dims):
                g = next(found) if present else None
                out.append(g if g is None else g.sum(0) if dim is None else g.movedim(0, dim))
            return tuple(out)

    Mapped.__name__ = cls.__name__
    return Mapped
