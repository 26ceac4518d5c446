"""Classes of tensors made of other tensors, by `_make_wrapper_subclass`, as tests of capture use them."""

import framejit as fj
from framejit.ops import aten
from framejit.utils import _pytree as pytree
from framejit.utils._python_dispatch import return_and_correct_aliasing


def parts_of(value):
    """What can be compared of a result: its class, facts and, of a wrapper, what it is made of."""
    if isinstance(value, fj.Tensor):
        facts = (type(value).__name__, tuple(value.shape), value.stride(), str(value.dtype), value.requires_grad)
        if not hasattr(value, "__tensor_flatten__"):
            return facts, value.detach().tolist()
        names, context = value.__tensor_flatten__()
        return facts, parts_of(context), [parts_of(getattr(value, name)) for name in names]
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [parts_of(v) for v in value]
    if isinstance(value, dict):
        return {k: parts_of(v) for k, v in value.items()}
    return value


class Two(fj.Tensor):
    """Two tensors of which all is computed twice."""

    @staticmethod
    def __new__(cls, a, b, outer_size=None, outer_stride=None):
        return fj.Tensor._make_wrapper_subclass(
            cls,
            a.size() if outer_size is None else outer_size,
            strides=a.stride() if outer_stride is None else outer_stride,
            storage_offset=a.storage_offset(),
            dtype=a.dtype,
            layout=a.layout,
            device=a.device,
            requires_grad=a.requires_grad,
        )

    def __init__(self, a, b, outer_size=None, outer_stride=None):
        self.a, self.b = a, b

    def __tensor_flatten__(self):
        return ["a", "b"], None

    @staticmethod
    def __tensor_unflatten__(parts, context, outer_size, outer_stride):
        return Two(parts["a"], parts["b"], outer_size, outer_stride)

    def __repr__(self):
        return f"Two({self.a!r}, {self.b!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}

        def part(name):
            return lambda leaf: getattr(leaf, name) if isinstance(leaf, Two) else leaf

        first = func(*pytree.tree_map(part("a"), args), **pytree.tree_map(part("a"), kwargs))
        second = func(*pytree.tree_map(part("b"), args), **pytree.tree_map(part("b"), kwargs))
        leaves, spec = pytree.tree_flatten(first)
        made = [
            cls(a, b) if isinstance(a, fj.Tensor) else a
            for a, b in zip(leaves, pytree.tree_leaves(second), strict=True)
        ]
        return return_and_correct_aliasing(func, args, kwargs, pytree.tree_unflatten(made, spec))

    def total(self):
        return self.a.sum() + self.b.sum()

    @property
    def first(self):
        return self.a


class Quiet(Two):
    """One that is asked below the tape alone."""

    __torch_function__ = fj._C._disabled_torch_function_impl


class Scaled(fj.Tensor):
    """A tensor with a scale, which may be missing, and a number."""

    def __new__(cls, data, scale=None, *, constant=0):
        return fj.Tensor._make_wrapper_subclass(
            cls, data.size(), strides=data.stride(), dtype=data.dtype, device=data.device
        )

    def __init__(self, data, scale=None, constant=0):
        self._data, self._scale, self._constant = data, scale, constant

    def __tensor_flatten__(self):
        return ["_data"] + (["_scale"] if self._scale is not None else []), {"_constant": self._constant}

    @staticmethod
    def __tensor_unflatten__(parts, context, outer_size, outer_stride):
        return Scaled(parts["_data"], parts.get("_scale"), constant=context["_constant"])

    @classmethod
    def __torch_dispatch__(cls, func, types, args, kwargs=None):
        x = args[0]
        out = func(x._data, *(a._data if isinstance(a, Scaled) else a for a in args[1:]), **kwargs)
        if x._scale is not None:
            out = out * x._scale
        return Scaled(out, x._scale, constant=x._constant + 1)


class Int8(fj.Tensor):
    """A tensor kept as eight-bit numbers and a scale; what has no rule of its own is computed with the wide numbers."""

    @staticmethod
    def __new__(cls, numbers, scale, dtype):
        return fj.Tensor._make_wrapper_subclass(cls, numbers.shape, strides=numbers.stride(), dtype=dtype)

    __torch_function__ = fj._C._disabled_torch_function_impl

    def __init__(self, numbers, scale, dtype):
        self.numbers, self.scale = numbers, scale

    @classmethod
    def of(cls, x):
        scale = x.abs().amax(-1, keepdim=True) / 127
        return cls((x / scale).round().to(fj.int8), scale, x.dtype)

    def wide(self):
        return self.numbers.to(self.dtype) * self.scale

    def __tensor_flatten__(self):
        return ["numbers", "scale"], (self.dtype,)

    @staticmethod
    def __tensor_unflatten__(parts, context, outer_size, outer_stride):
        return Int8(parts["numbers"], parts["scale"], *context)

    @classmethod
    def __torch_dispatch__(cls, func, types, args, kwargs=None):
        if func in (aten.detach.default, aten.clone.default, aten.alias.default):
            x = args[0]
            return cls(func(x.numbers), func(x.scale), x.dtype)
        if func is aten.t.default:
            return cls(args[0].numbers.t(), args[0].scale.t(), args[0].dtype)
        wide = lambda v: v.wide() if isinstance(v, Int8) else v
        return func(*pytree.tree_map(wide, args), **pytree.tree_map(wide, kwargs or {}))
