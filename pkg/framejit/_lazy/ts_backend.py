"""The back end of the lazy device: framejit's compiler, which is always there."""


def init():
    """Accepted for PyTorch's programs: there is nothing to switch on.

    Raises nothing.

    >>> from framejit._lazy import ts_backend
    >>> ts_backend.init()
    """
