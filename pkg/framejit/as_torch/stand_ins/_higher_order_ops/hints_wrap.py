"""torch._higher_order_ops.hints_wrap"""

from framejit._C import Tensor
from framejit._regions import Region


class _HintsWrapper(Region):
    """`hints_wrapper(body, args, kwargs, hints=...)`: a region with hints for a back end."""

    def __call__(self, body_fn, *values, **named):
        if "hints" not in named and "args" not in named and not (values and isinstance(values[0], (tuple, list))):
            return super().__call__(body_fn, *values, **named)  # a graph's call of the region that was kept
        return self._call(body_fn, *values, **named)

    def _call(self, body_fn, args, kwargs, hints=None):
        if hints is None:
            raise RuntimeError("hints_wrapper - key hints not provided")
        if not all(isinstance(arg, (Tensor, int, float, bool)) for arg in args):
            raise RuntimeError(f"args must be a tuple of tensors, ints, floats, or bools, got {args}")
        if not isinstance(kwargs, dict) or not all(isinstance(key, str) for key in kwargs):
            raise RuntimeError(f"kwargs must be a dict with string keys, got {type(kwargs)}")
        if not isinstance(hints, dict) or not all(
            isinstance(value, (int, float, bool, str)) for value in hints.values()
        ):
            raise RuntimeError(f"hints must be a dict containing int, float, bool or str value, got {hints}")
        return super().__call__(body_fn, *args, **kwargs)


hints_wrapper = _HintsWrapper("hints_wrapper", pure=True)
