"""What framejit's own Python functions and classes are in scripted code: texts in TorchScript beside this file.

A file `__torch__.torch.nn.functional.txt` defines what `torch.nn.functional` has that is no operator. They are saved with the
archives that use them, as PyTorch's are.
"""

import functools
from pathlib import Path

from framejit.jit.unit import Unit

FOLDER = Path(__file__).parent


def _read(module):
    if not module.startswith("__torch__."):
        return None
    path = FOLDER / f"{module}.txt"
    return path.read_text() if path.is_file() else None


@functools.cache
def unit():
    """The prelude's definitions."""
    made = Unit(_read, origin="framejit/jit/prelude")
    made.is_prelude = True
    return made


def _homes():
    """(full name in the prelude, framejit's namespace with the same names)"""
    import framejit
    from framejit import nn
    from framejit.autograd import grad_mode

    yield "__torch__.torch.nn.functional", nn.functional
    yield "__torch__.torch.functional", framejit
    yield "__torch__.torch.autograd.grad_mode", grad_mode
    yield "__torch__.torch.nn.modules.utils", nn.modules.utils


@functools.cache
def _table():
    """id of a function or class of framejit's -> (it, full name)"""
    table = {}
    for path, namespace in _homes():
        parsed = unit().module(path)
        for name in parsed[0] if parsed is not None else ():
            value = getattr(namespace, name, None)
            if value is not None:
                table[id(value)] = (value, f"{path}.{name}")
    return table


def _named(value):
    found = _table().get(id(value))
    return None if found is None else unit().find(found[1])


def function_named(value):
    """The compiled function that stands for one of framejit's, or None."""
    return _named(value)


def class_named(value):
    """The type that stands for a class of framejit's, or None."""
    return _named(value)
