"""save and load: PyTorch's zip checkpoints, written and read without running anything found in the file.

`save` writes the layout that `torch.load` reads; `load` reads what `torch.save` wrote. Unless the caller says
`weights_only=False`, `load` is an interpreter of a small part of pickle (see `_unpickler`): tensors, numbers,
strings and plain containers come out, everything else raises UnpicklingError.
"""

import os

from ._reader import read_archive
from ._safe import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from ._writer import write_archive

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]


def save(
    obj, f, pickle_module=None, pickle_protocol=2, _use_new_zipfile_serialization=True, _disable_byteorder_record=False
):
    """Write `obj` to a path or a binary file object.

    obj (object), f (str, path or file object), pickle_module (object or None), pickle_protocol (int). Raises
    RuntimeError (only the zip format can be written), AttributeError (expected 'f' to be string, path, or a file-like
    object with a 'write' attribute).

    >>> import framejit
    >>> import io
    >>> file = io.BytesIO()
    >>> framejit.save({"x": framejit.ones(2)}, file)
    >>> _ = file.seek(0)
    >>> framejit.load(file)
    {'x': tensor([1., 1.])}
    """
    if not _use_new_zipfile_serialization:
        raise RuntimeError("only the zip format can be written")
    if isinstance(f, (str, os.PathLike)):
        with open(f, "wb") as file:
            write_archive(obj, file, pickle_protocol)
    elif hasattr(f, "write"):
        write_archive(obj, f, pickle_protocol)
    else:
        raise AttributeError(
            f"expected 'f' to be string, path, or a file-like object with a 'write' attribute, but got "
            f"{type(f).__name__}"
        )


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """Read what `save` or `torch.save` wrote from a path or a binary file object.

    `weights_only=False` allows any pickle, which can run any code: only for files that you trust.

    f (str, path or file object), map_location (str, framejit.device, dict or callable, or None), pickle_module (object
    or None), weights_only, mmap (bool or None). Raises AttributeError (expected 'f' to be string, path, or a file-like
    object with a 'read' attribute).

    >>> import framejit
    >>> import io
    >>> file = io.BytesIO()
    >>> framejit.save([1, framejit.ones(2)], file)
    >>> _ = file.seek(0)
    >>> framejit.load(file)
    [1, tensor([1., 1.])]
    """
    if weights_only is None:
        weights_only = pickle_module is None
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return read_archive(file, map_location, weights_only)
    if not hasattr(f, "read"):
        raise AttributeError(
            f"expected 'f' to be string, path, or a file-like object with a 'read' attribute, but got "
            f"{type(f).__name__}"
        )
    return read_archive(f, map_location, weights_only)
