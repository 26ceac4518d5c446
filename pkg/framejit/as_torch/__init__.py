"""as_torch: programs that say `import torch` run on framejit, unchanged.

    python -m framejit.as_torch script.py args...     also `-m module args...` and `-c "code" args...`

or, in a program of one's own, `framejit.as_torch.install()` before the first `import torch`. A finder on `sys.meta_path`
then answers for `torch` and `functorch`: each of their modules is a view of the framejit module of the same name, as
`_names.py` maps them; what PyTorch has and framejit does not is described there too. A name that framejit lacks raises
AttributeError where it is used; `from torch.x import name` at the top of a file is no use yet (see `_missing.py`).
"""

import sys

from ._finder import TorchFinder
from ._missing import MissingName

__all__ = ["MissingName", "install", "uninstall"]


def install():
    """Make `import torch` give framejit, for the rest of the process.

    Raises RuntimeError if another torch has been imported already. Calling it twice does nothing.

    >>> import framejit.as_torch
    >>> framejit.as_torch.install()
    >>> import torch
    >>> torch.ones(2).tolist()
    [1.0, 1.0]
    >>> framejit.as_torch.uninstall()
    """
    if any(isinstance(finder, TorchFinder) for finder in sys.meta_path):
        return
    if "torch" in sys.modules:
        raise RuntimeError("framejit.as_torch.install: another torch has been imported already")
    sys.meta_path.insert(0, TorchFinder())


def uninstall():
    """Undo `install`: the names are forgotten, and the next `import torch` looks for an installed one.

    Modules that have been imported already keep what they have.

    >>> import sys, framejit.as_torch
    >>> framejit.as_torch.install()
    >>> import torch
    >>> framejit.as_torch.uninstall()
    >>> "torch" in sys.modules
    False
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, TorchFinder)]
    for name in [name for name in sys.modules if name.partition(".")[0] in ("torch", "functorch")]:
        del sys.modules[name]
