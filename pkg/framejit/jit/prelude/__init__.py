"""What framejit's own Python functions and classes are in scripted code: texts in TorchScript beside this file.

A file `__torch__.torch.nn.functional.txt` defines what `torch.nn.functional` has that is no operator. They are saved with the
archives that use them, as PyTorch's are.
"""

import functools
import itertools
from pathlib import Path

from framejit.jit.unit import Unit
from framejit.jit.values import Chosen, FunctionValue, Overloads

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


# Functions whose result's type depends on flags: (name, position) of the flags, and the text's function for each value, in the
# order False False, False True, True False, True True.
_CHOSEN = {
    "unique": ((("return_inverse", 2), ("return_counts", 3)), ("_return_output", "_return_counts", "_return_inverse", "_unique_impl")),
    "unique_consecutive": (
        (("return_inverse", 1), ("return_counts", 2)),
        ("_consecutive_return_output", "_consecutive_return_counts", "_consecutive_return_inverse", "_unique_consecutive_impl"),
    ),
    **{
        f"{kind}{n}d": ((("return_indices", position),), (f"_{kind}{n}d", f"{kind}{n}d_with_indices"))
        for kind, dims, position in (("max_pool", (1, 2, 3), 6), ("adaptive_max_pool", (1, 2, 3), 2), ("fractional_max_pool", (2, 3), 4))
        for n in dims
    },
}  # fmt: skip


@functools.cache
def _table():
    """id of a function or class of framejit's -> (it, full names of its definitions, its name in _CHOSEN or "")

    `f__0`, `f__1` and so on are overloads of f."""
    table = {}

    def add(namespace, name, paths, chosen=""):
        value = getattr(namespace, name, None)
        if value is not None:
            table[id(value)] = (value, paths, chosen)

    for path, namespace in _homes():
        parsed = unit().module(path)
        names = parsed[0] if parsed is not None else ()
        for name in names:
            base, overload, number = name.rpartition("__")
            if overload and number.isdigit():
                add(namespace, base, [f"{path}.{n}" for n in names if n.rpartition("__")[0] == base])
            else:
                add(namespace, name, [f"{path}.{name}"])
        for name, (_, functions) in _CHOSEN.items():
            if functions[0] in names:
                add(namespace, name, [f"{path}.{f}" for f in functions], name)
    return table


def _named(value):
    return _table().get(id(value), (None, (), ""))[1:]


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
    """What stands for a function of framejit's: a FunctionValue, Overloads or Chosen; or None."""
    paths, chosen = _named(value)
    functions = [unit().find(path) for path in paths]
    if chosen:
        flags = _CHOSEN[chosen][0]
        return Chosen(flags, dict(zip(itertools.product((False, True), repeat=len(flags)), functions)))
    if len(functions) > 1:
        return Overloads(functions)
    return FunctionValue(functions[0]) if functions else None


def class_named(value):
    """The type that stands for a class of framejit's, or None."""
    paths, _ = _named(value)
    return unit().find(paths[0]) if paths else None
