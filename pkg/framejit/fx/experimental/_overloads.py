"""Which overload of an ATen operator a call means: PyTorch's names for framejit's operators, which need none."""

from framejit import _C, ops

_ARITHMETIC = frozenset(
    "add sub mul div eq ne lt gt le ge remainder fmod floor_divide bitwise_and bitwise_or bitwise_xor rsub true_divide".split()
)
_BY_DIM = {"sum": "dim_IntList", "mean": "dim", "any": "dim", "all": "dim", "argmax": "default", "prod": "dim_int", "var": "dim",
           "std": "dim", "max": "dim", "min": "dim", "median": "dim", "logsumexp": "default"}  # fmt: skip
_ALWAYS = {"select": "int", "slice": "Tensor", "transpose": "int", "split": "Tensor", "index": "Tensor", "unbind": "int",
           "size": "int", "softmax": "int", "log_softmax": "int", "squeeze": "dim", "where": "self", "flatten": "using_ints",
           "movedim": "int", "randint": "low", "tensor_split": "sections", "gather": "default"}  # fmt: skip


def _is_tensor(value):
    return isinstance(value, _C.Tensor)


def overload_of(name, args, kwargs):
    """The operator `ops.aten.<name>.<overload>` of a call with these arguments."""
    packet = getattr(ops.aten, name)
    return getattr(packet, _overload(name, args, kwargs))


def _overload(name, args, kwargs):
    base = name[:-1] if name.endswith("_") and not name.endswith("__") else name
    second = args[1] if len(args) > 1 else kwargs.get("other")
    if base in _ARITHMETIC:
        return "Tensor" if _is_tensor(second) else "Scalar"
    if base == "pow":
        return "Scalar" if not _is_tensor(args[0]) else "Tensor_Tensor" if _is_tensor(second) else "Tensor_Scalar"
    if base in ("max", "min") and _is_tensor(second):
        return "other"
    if base in _BY_DIM:
        return _BY_DIM[base] if len(args) > 1 or "dim" in kwargs else "default"
    if base == "squeeze" and len(args) == 1 or base == "where" and len(args) == 1:
        return "default"
    if base == "arange":
        return {1: "default", 2: "start", 3: "start_step"}.get(len(args), "default")
    return _ALWAYS.get(base, "default")
