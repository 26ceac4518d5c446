"""Storages with a dtype: the memory of a tensor as a flat sequence of numbers. `UntypedStorage` is the memory itself."""

from framejit import _C

__all__ = ["TypedStorage", "UntypedStorage"]

UntypedStorage = _C.UntypedStorage


class TypedStorage:
    """The memory of a tensor as numbers of its dtype, shared with it.

    *args: a size (int) or numbers (sequence), dtype (framejit.dtype or None), device (framejit.device or None). Raises
    IndexError for a place outside, RuntimeError for other indices.

    >>> import framejit
    >>> x = framejit.zeros(2, 2)
    >>> x[1].storage()[0] = 5.0
    >>> x.tolist()
    [[5.0, 0.0], [0.0, 0.0]]
    """

    is_cuda = is_sparse = False

    def __init__(self, *args, dtype=None, device=None):
        dtype = _C.get_default_dtype() if dtype is None else dtype
        if not args:
            self._flat = _C.empty(0, dtype=dtype)
        elif isinstance(args[0], int):
            self._flat = _C.empty(args[0], dtype=dtype)
        else:
            self._flat = _C.tensor(list(args[0]), dtype=dtype)

    @classmethod
    def _of(cls, tensor):
        count = tensor.untyped_storage().nbytes() // tensor.dtype.itemsize
        storage = cls.__new__(cls)
        storage._flat = tensor.detach().as_strided((count,), (1,), 0)
        return storage

    @property
    def dtype(self):
        """The dtype of the numbers."""
        return self._flat.dtype

    @property
    def device(self):
        """The CPU."""
        return self._flat.device

    def untyped(self):
        """The memory without a dtype."""
        return self._flat.untyped_storage()

    def __len__(self):
        return self._flat.numel()

    size = __len__

    def element_size(self):
        """The bytes of a number."""
        return self._flat.element_size()

    def nbytes(self):
        """The bytes of all."""
        return len(self) * self.element_size()

    def data_ptr(self):
        """The address of the first number."""
        return self._flat.data_ptr()

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(index, int):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} out of range for storage of size {len(self)}")
        return self._flat[index].item()

    def __setitem__(self, index, value):
        if not isinstance(index, (int, slice)):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        self._flat[index] = value

    def __iter__(self):
        return iter(self.tolist())

    def tolist(self):
        """The numbers."""
        return self._flat.tolist()

    def fill_(self, value):
        """Sets all numbers."""
        self._flat.fill_(value)
        return self

    def copy_(self, source, non_blocking=None):
        """Copies the numbers of another storage."""
        self._flat.copy_(source._flat)
        return self

    def clone(self):
        """A copy."""
        return TypedStorage._of(self._flat.clone())

    def cpu(self):
        """The same: it is there."""
        return self

    def __repr__(self):
        rows = "\n".join(f" {value}" for value in self)
        return f"{rows}\n[framejit.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of size {len(self)}]"
