"""Flatten and Unflatten."""

from .module import Module


class Flatten(Module):
    """Folds a range of dimensions into one.

    start_dim, end_dim (int). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Flatten()(framejit.rand(2, 3, 4)).shape
    framejit.Size([2, 12])
    """

    __constants__ = ["start_dim", "end_dim"]

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input):
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self):
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits one dimension into several.

    dim (int), unflattened_size (int, or tuple of int). Raises TypeError (unflattened_size must be tuple of ints, but
    found type …; unflattened_size must be tuple of ints, but found element of type … at pos …).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Unflatten(1, (2, 2))(framejit.rand(3, 4)).shape
    framejit.Size([3, 2, 2])
    """

    __constants__ = ["dim", "unflattened_size"]

    def __init__(self, dim, unflattened_size):
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(
                "unflattened_size must be a tuple of ints when dim is an int, and named dimensions are "
                f"not supported, but found dim of type {type(dim).__name__}"
            )
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(f"unflattened_size must be tuple of ints, but found type {type(unflattened_size).__name__}")
        for index, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(size).__name__} at pos {index}"
                )
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input):
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self):
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
