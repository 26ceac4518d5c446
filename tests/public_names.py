"""The public names of the package and what the docstring of each lacks; tests/test_docstrings.py asks for both."""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import types

import framejit

# what people meet first: nothing here may lack anything
SURFACE = (
    "compiler dynamo dynamo.callback dynamo.comptime dynamo.decorators dynamo.exc dynamo.testing dynamo.test_case dynamo.utils "
    "testing as_torch"
).split()
SURFACE_NAMES = (
    "compile", "explain", "compiler.config", "dynamo.config", "dynamo.config.patch", "compiler.config.patch",
    "nn.Module.compile", "dynamo.OptimizedModule", "testing.pytest_plugin",
)  # fmt: skip
PACKAGE = (
    "nn nn.functional nn.init nn.utils nn.utils.rnn nn.utils.parametrize nn.utils.parametrizations nn.utils.prune optim "
    "optim.lr_scheduler optim.swa_utils autograd autograd.functional autograd.graph autograd.forward_ad distributions func fx jit "
    "linalg special amp library storage multiprocessing distributed futures nn.attention nn.parallel nn.quantized utils "
    "utils.data utils.checkpoint utils.hooks serialization random cuda cpu signal.windows export export.dynamic_shapes "
    "export.exported_program export.graph_signature onnx"
).split()
# classes whose methods are public names, too
CLASSES = ("Tensor", "nn.Module")


def find(name: str):
    """The object that `name` says, counted from the package; None where there is none."""
    value = framejit
    for part in name.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            try:
                value = importlib.import_module(f"{value.__name__}.{part}")
            except (ImportError, AttributeError):
                return None
    return value


def surface() -> dict[str, object]:
    out = {name: find(name) for name in SURFACE_NAMES}
    for module in SURFACE:
        out.update(members(module))
    return out


def package() -> dict[str, object]:
    out = members("")
    for name in PACKAGE:
        out.update(members(name))
    for name in CLASSES:
        holder = find(name)
        for key in dir(holder):
            if (
                not key.startswith("_")
                and callable(getattr(holder, key))
                and inspect.getdoc(getattr(object, key, None)) is None
            ):
                out[f"{name}.{key}"] = getattr(holder, key)
    return {name: value for name, value in out.items() if name not in surface()}


def members(name: str) -> dict[str, object]:
    """A module's functions and classes: those in its `__all__`, or else those that it defines or takes from the ops."""
    module = find(name) if name else framejit
    if module is None:
        return {}
    listed = getattr(module, "__all__", None)
    out = {}
    for key in listed or dir(module):
        value = getattr(module, key)
        if key.startswith("_") or isinstance(value, types.ModuleType) or not callable(value):
            continue
        home = getattr(value, "__module__", None) or "framejit"
        if home.startswith("framejit"):
            out[f"{name}.{key}".strip(".")] = value
    return out


def lacks(value) -> list[str]:
    """What the docstring of a name lacks, of: docstring, types, errors, example."""
    text = inspect.getdoc(value) if not isinstance(value, types.ModuleType) else value.__doc__
    if not text:
        return ["docstring"]
    if isinstance(value, type) and not vars(value).get("__doc__"):
        return ["docstring"]  # that of a base says what the base does
    out = []
    parameters = arguments(value)
    if any(not typed(p, text) for p in parameters):
        out.append("types")
    if parameters and not re.search(r"\b[Rr]aises?\b", text):
        out.append("errors")
    if ">>> " not in text:
        out.append("example")
    return out


def arguments(value) -> list[inspect.Parameter]:
    """The parameters that a caller names; none where the signature is not known."""
    if isinstance(value, types.ModuleType) or isinstance(value, type) and issubclass(value, (BaseException, enum.Enum)):
        return []
    if isinstance(value, type) and _maker(value) is not value and not _maker(value).__name__.startswith("_"):
        return []  # constructed as its base is, whose docstring says how
    if not isinstance(value, type) and not inspect.isroutine(value):
        return []  # an object that can be called: its class says how
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return []
    skipped = [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD]
    if isinstance(value, types.BuiltinFunctionType):
        skipped.append(inspect.Parameter.POSITIONAL_ONLY)  # 3.13 makes their names up
    return [p for p in signature.parameters.values() if p.kind not in skipped and p.name != "self" and p.name[0] != "_"]


def _maker(cls: type) -> type:
    """The class in whose words a class is constructed."""
    return next(base for base in cls.__mro__ if "__init__" in vars(base) or "__new__" in vars(base))


def typed(p: inspect.Parameter, text: str) -> bool:
    """Whether a parameter's type stands in the signature, in the schema that the text begins with, or as `name (type)`."""
    if p.annotation is not inspect.Parameter.empty:
        return True
    name = re.escape(p.name)
    in_schema = re.match(rf"\w+\(.*\w[\]?]? {name}\b", text)
    return bool(in_schema or re.search(rf"\b{name}`?(,\s\*{{0,2}}\w+)*\s\([^)\s]", text))
