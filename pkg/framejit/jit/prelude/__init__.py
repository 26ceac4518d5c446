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


@functools.cache
def method_texts(cls):
    """name -> (syntax, source) of the methods that stand for those of one of framejit's layers; empty if the texts have none."""
    import ast

    from framejit.jit.annotations import qualified_name

    if not cls.__module__.startswith("framejit.nn."):
        return {}
    path, _, name = qualified_name(cls).rpartition(".")
    parsed = unit().module(path)
    node = parsed[0].get(name) if parsed is not None else None
    return (
        {n.name: (n, parsed[1]) for n in node.body if isinstance(n, ast.FunctionDef)}
        if isinstance(node, ast.ClassDef)
        else {}
    )


def function_named(value):
    """The compiled function that stands for one of framejit's, or None."""
    return _named(value)


def class_named(value):
    """The type that stands for a class of framejit's, or None."""
    return _named(value)
