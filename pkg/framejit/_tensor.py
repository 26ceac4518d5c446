"""Small public functions about tensors that need no native code."""
from framejit import _C


def typename(obj):
    """The type of `obj` with its module, as it appears in messages."""
    if isinstance(obj, _C.Tensor):
        return obj.type() if hasattr(obj, "type") else f"framejit.{type(obj).__name__}"
    kind = obj if isinstance(obj, type) else type(obj)
    if kind.__module__ in (None, "builtins", "__builtin__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def is_storage(obj):
    """Whether `obj` is a storage object."""
    return type(obj).__name__ in ("UntypedStorage", "TypedStorage")
