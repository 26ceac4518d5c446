"""Functions over lists of tensors: `framejit._foreach_add` and its kin, one op a tensor.

In PyTorch they save launches of kernels; here they are loops that a compiled function unrolls. A new one gives a tuple,
one whose name ends in `_` changes its first list and gives it back.
"""

from framejit import _C

_UNARY = (
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac", "lgamma", "log", "log10",
    "log1p", "log2", "neg", "reciprocal", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
_TAKES_TENSOR = ("_foreach_add", "_foreach_mul", "_foreach_div")


def _checked(name, tensors):
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"{name}(): argument 'self' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    if not tensors:
        raise RuntimeError("Tensor list must have at least one tensor.")
    for i, t in enumerate(tensors):
        if not isinstance(t, _C.Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}")
    return tensors


def _spread(name, tensors, operand):
    """One operand for each tensor: from a list, from a number, or from a tensor of no dimension."""
    if isinstance(operand, _C.Tensor):
        if operand.dim() and name.removesuffix("_") not in _TAKES_TENSOR:
            raise TypeError(f"{name}() received an invalid combination of arguments - got Tensor")
        if operand.dim():
            raise RuntimeError(
                f"scalar tensor expected to be 0 dim but it has {operand.dim()} dimensions and {operand.numel()} elements."
            )
        return [operand] * len(tensors)
    if not isinstance(operand, (list, tuple)):
        if not isinstance(operand, (int, float)):
            raise TypeError(f"{name}() received an invalid combination of arguments - got {type(operand).__name__}")
        return [operand] * len(tensors)
    if len(operand) != len(tensors):
        if operand and isinstance(operand[0], _C.Tensor):
            raise RuntimeError(
                f"Tensor lists must have the same number of tensors, got {len(tensors)} and {len(operand)}"
            )
        raise RuntimeError("Tensor list must have same number of elements as scalar list.")
    return operand


def _named(function, name, doc):
    function.__name__ = function.__qualname__ = "_foreach_" + name
    function.__module__ = "framejit"
    function.__doc__ = doc
    return function


def _done(end, tensors, results):
    """What a foreach function gives: its own list where it works in place."""
    results = tuple(results)
    return tensors if end else results


def _unary(name, end):
    method = name + end

    def foreach(self):
        return _done(end, self, [getattr(t, method)() for t in _checked(foreach.__name__, self)])

    return _named(foreach, method, f"`{method}` of each tensor.")


def _binary(name, end):
    method = name + end

    def foreach(self, other):
        pairs = zip(_checked(foreach.__name__, self), _spread(foreach.__name__, self, other))
        return _done(end, self, [getattr(t, method)(o) for t, o in pairs])

    return _named(
        foreach, method, f"`{method}` of each tensor with a number, a tensor of no dimension or its own operand."
    )


def _scaled(name, end):
    method = name + end

    def foreach(self, other, *, alpha=1):
        pairs = zip(_checked(foreach.__name__, self), _spread(foreach.__name__, self, other))
        return _done(end, self, [getattr(t, method)(o, alpha=alpha) for t, o in pairs])

    return _named(
        foreach, method, f"`{method}` of each tensor with a number, a tensor of no dimension or its own operand."
    )


def _bound(name, end):
    """maximum, clamp_min and the like: an operand of tensors broadcasts, numbers clamp."""
    pick, clamp = ("maximum", "clamp_min") if name in ("maximum", "clamp_min") else ("minimum", "clamp_max")

    def one(t, o):
        if isinstance(o, _C.Tensor):
            return t.copy_(getattr(_C, pick)(t, o)) if end else getattr(_C, pick)(t, o)
        return getattr(t, clamp + end)(o)

    def foreach(self, other):
        pairs = zip(_checked(foreach.__name__, self), _spread(foreach.__name__, self, other))
        return _done(end, self, [one(t, o) for t, o in pairs])

    return _named(foreach, name + end, f"Each tensor bounded by a number or by its own operand ({name}).")


def _ternary(name, end):
    method = name + end

    def foreach(self, tensor1, tensor2, value=1, *, scalars=None):
        this = foreach.__name__
        _checked(this, self)
        values = value if scalars is None else scalars
        if isinstance(values, _C.Tensor):
            values = values.tolist()
            if len(values) != len(self):
                raise RuntimeError(
                    f"Expected length of scalars to match input of length {len(self)} but got {len(values)} instead."
                )
        rows = zip(self, _spread(this, self, tensor1), _spread(this, self, tensor2), _spread(this, self, values))
        return _done(end, self, [getattr(t, method)(a, b, value=v) for t, a, b, v in rows])

    return _named(foreach, method, f"`{method}` of each tensor with its own two operands.")


def _lerp(name, end):
    method = name + end

    def foreach(self, tensors1, weight):
        this = foreach.__name__
        _checked(this, self)
        rows = zip(self, _spread(this, self, tensors1), _spread(this, self, weight))
        return _done(end, self, [getattr(t, method)(a, w) for t, a, w in rows])

    return _named(foreach, method, "Each tensor moved towards its own end by a weight.")


def _foreach_pow(self, exponent):
    """Each tensor to a power, or a number to the power of each tensor."""
    if isinstance(self, (int, float)) or isinstance(self, _C.Tensor) and self.dim() == 0:
        return tuple(_C.pow(self, e) for e in _checked("_foreach_pow", exponent))
    return tuple(t.pow(e) for t, e in zip(_checked("_foreach_pow", self), _spread("_foreach_pow", self, exponent)))


def _foreach_copy_(self, src, non_blocking=False):
    """Copies each tensor of `src` into its own of `self`."""
    for t, s in zip(_checked("_foreach_copy_", self), _spread("_foreach_copy_", self, src)):
        t.copy_(s)
    return self


def _foreach_clone(self, *, memory_format=None):
    """A copy of each tensor."""
    keep = {} if memory_format is None else {"memory_format": memory_format}
    return tuple(t.clone(**keep) for t in _checked("_foreach_clone", self))


def _foreach_zero_(self):
    """Fills each tensor with zeros."""
    return _done("_", self, [t.zero_() for t in _checked("_foreach_zero_", self)])


def _foreach_norm(self, ord=2, dtype=None):
    """The vector norm of each tensor."""
    from framejit.linalg import vector_norm

    return tuple(vector_norm(t, ord, dtype=dtype) for t in _checked("_foreach_norm", self))


def _foreach_powsum(self, ord=2, dtype=None):
    """The sum of |x|**ord of each tensor."""
    return tuple(t.abs().pow(ord).sum(dtype=dtype) for t in _checked("_foreach_powsum", self))


def _foreach_max(self):
    """The largest element of each tensor."""
    if any(t.numel() == 0 for t in _checked("_foreach_max", self)):
        raise RuntimeError(
            "_foreach_max cannot compute the maximum of an empty tensor; max over zero elements is undefined."
        )
    return tuple(t.max() for t in self)


def _foreach_mm(self, mat2):
    """The matrix product of each tensor with its own operand."""
    return tuple(t.mm(m) for t, m in zip(_checked("_foreach_mm", self), _spread("_foreach_mm", self, mat2)))


_KINDS = (
    (_unary, _UNARY),
    (_binary, ("mul", "div")),
    (_scaled, ("add", "sub")),
    (_bound, ("maximum", "minimum", "clamp_min", "clamp_max")),
    (_ternary, ("addcmul", "addcdiv")),
    (_lerp, ("lerp",)),
)

FOREACH = {f"_foreach_{name}{end}": make(name, end) for make, names in _KINDS for name in names for end in ("", "_")}
FOREACH["_foreach_pow_"] = _named(_binary("pow", "_"), "pow_", "Raises each tensor to a power.")
for _function in (
    _foreach_pow, _foreach_copy_, _foreach_clone, _foreach_zero_, _foreach_norm, _foreach_powsum, _foreach_max, _foreach_mm,
):  # fmt: skip
    FOREACH[_function.__name__] = _function
