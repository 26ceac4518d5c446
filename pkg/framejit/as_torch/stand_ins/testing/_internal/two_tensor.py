"""torch.testing._internal.two_tensor: a tensor made of two, on both of which every op runs."""

from framejit import _C
from framejit.utils import _pytree as pytree
from framejit.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing


class TwoTensor(_C.Tensor):
    """a, b (Tensor): of one shape, dtype and requires_grad. Raises AssertionError where they are not."""

    @staticmethod
    def __new__(cls, a, b, outer_size=None, outer_stride=None, *, requires_grad=None):
        for name in ("shape", "dtype", "device", "layout", "requires_grad"):
            if getattr(a, name) != getattr(b, name):
                raise AssertionError(f"Expected a and b to have the same {name}")
        if a.stride() != b.stride() or a.storage_offset() != b.storage_offset():
            raise AssertionError("Expected a and b to have the same strides and offsets")
        return _C.Tensor._make_wrapper_subclass(
            cls,
            a.size() if outer_size is None else outer_size,
            strides=a.stride() if outer_stride is None else outer_stride,
            storage_offset=a.storage_offset(),
            device=a.device,
            layout=a.layout,
            requires_grad=bool(requires_grad) or a.requires_grad,
            dtype=a.dtype,
        )

    def __init__(self, a, b, outer_size=None, outer_stride=None, *, requires_grad=None):
        self.a, self.b = a, b

    def __repr__(self):
        return f"TwoTensor({self.a!r}, {self.b!r})"

    def __tensor_flatten__(self):
        return ["a", "b"], None

    @staticmethod
    def __tensor_unflatten__(inner_tensors, meta, outer_size, outer_stride):
        return TwoTensor(inner_tensors["a"], inner_tensors["b"], outer_size, outer_stride)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}

        def part(name):
            return lambda leaf: getattr(leaf, name) if isinstance(leaf, TwoTensor) else leaf

        first = func(*pytree.tree_map(part("a"), args), **pytree.tree_map(part("a"), kwargs))
        second = func(*pytree.tree_map(part("b"), args), **pytree.tree_map(part("b"), kwargs))
        leaves, spec = pytree.tree_flatten(first)
        made = [
            cls(a, b) if isinstance(a, _C.Tensor) else a
            for a, b in zip(leaves, pytree.tree_leaves(second), strict=True)
        ]
        return return_and_correct_aliasing(func, args, kwargs, pytree.tree_unflatten(made, spec))

    def get_elem_a(self):
        """The first part."""
        return self.a


class TwoTensorMode(TorchDispatchMode):
    """What factories make is a TwoTensor."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        makes = not any(isinstance(leaf, _C.Tensor) for leaf in pytree.tree_leaves((args, kwargs)))
        return TwoTensor(out, out.clone()) if makes and isinstance(out, _C.Tensor) else out
