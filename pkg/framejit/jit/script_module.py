"""Scripted modules: what `script(module)` gives, what archives hold, and how a module's attributes become typed ones."""

import inspect
import pickle
import typing

from framejit import _ops as _t
from framejit.nn import Module

from . import annotations, ir
from . import types as T
from .attribute import is_exported, is_ignored
from .boundary import entry
from .errors import ScriptError
from .functions import Function, Parameter
from .infer import infer_type
from .module_type import ModuleType, qualified_name
from .values import PythonFunction, Sugar


class ScriptModule(Module):
    """A module whose methods are scripted; `script` and `load` give a `RecursiveScriptModule`, `trace` a `TopLevelTracedModule`.

    >>> import framejit
    >>> layer = framejit.jit.script(framejit.nn.ReLU())
    >>> isinstance(layer, framejit.jit.ScriptModule), isinstance(layer, framejit.nn.Module)
    (True, True)
    """

    _script_type = None

    @property
    def original_name(self):
        """The name of the class that was scripted."""
        return type(self)._script_type.qualname.rpartition(".")[2]

    @property
    def code(self):
        """`forward` as TorchScript."""
        return self._printed()[0]

    @property
    def code_with_constants(self):
        """`forward` as TorchScript, and the tensors that it names as CONSTANTS."""
        return self._printed()

    def _printed(self):
        from .printer import code_of

        return code_of(_forward(self))

    @property
    def graph(self):
        """`forward` as a graph."""
        from .graph import graph_of

        return graph_of(_forward(self))

    inlined_graph = graph

    def graph_for(self, *args, **kwargs):
        """The graph; it does not depend on the arguments."""
        return self.graph

    def save(self, f, _extra_files=None):
        """Write an archive that `load` and PyTorch read. f (str, path or binary file object), _extra_files (dict or None)."""
        from .archive_writer import save_module

        save_module(self, f, _extra_files)

    def save_to_buffer(self):
        """The archive as bytes."""
        import io

        buffer = io.BytesIO()
        self.save(buffer)
        return buffer.getvalue()

    _save_for_lite_interpreter = save

    def _method_names(self):
        return [n for n, f in type(self)._script_type.methods.items() if isinstance(f, Function)]

    def _script_call(self, name, *args):
        return type(self)._script_type.find_method(name).python()(self, *args)

    def extra_repr(self):
        return f"original_name={self.original_name}" if type(self)._script_type is not None else ""

    def _get_name(self):
        return "RecursiveScriptModule" if type(self)._script_type is not None else type(self).__name__

    def __deepcopy__(self, memo):
        import copy

        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        return made

    def __copy__(self):
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        for name in ("_parameters", "_buffers", "_modules"):
            made.__dict__[name] = dict(self.__dict__[name])
        return made

    def __reduce_ex__(self, protocol):
        raise pickle.PickleError(
            "ScriptModules cannot be deepcopied using copy.deepcopy or saved using torch.save. Mixed serialization of script and "
            "non-script modules is not supported. For purely script modules use my_script_module.save(<filename>) instead."
        )


ScriptModule.__module__ = "framejit.jit"


class RecursiveScriptModule(ScriptModule):
    """What `script(module)` and `load` give.

    >>> import framejit
    >>> type(framejit.jit.script(framejit.nn.ReLU())).__name__
    'RecursiveScriptModule'
    """

    def __iter__(self):
        return iter(self._modules.values())

    def __len__(self):
        return len(self._modules)

    def __bool__(self):
        return True

    def __getitem__(self, index):
        if isinstance(index, str):
            return self._modules[index]
        return list(self._modules.values())[index]

    def __contains__(self, key):
        return key in self._modules


RecursiveScriptModule.__module__ = "framejit.jit"


def _forward(module):
    function = type(module)._script_type.find_method("forward")
    if function is None:
        raise AttributeError(f"'{module.original_name}' has no forward")
    return function


def make_class(t):
    """The class of the modules of a type: its methods are the scripted ones."""
    from .classes import _Late

    base = getattr(t, "base", None) or RecursiveScriptModule
    members = {"_script_type": t, "__module__": "framejit.jit", "__qualname__": base.__name__}
    made = type(base.__name__, (base,), members)
    for name, function in list(t.methods.items()):
        if isinstance(function, Function):
            setattr(made, name, _Late(function, False, entry))
        elif isinstance(function, PythonFunction) and not function.unused:
            setattr(made, name, function.function)
    if "forward" not in t.methods and "forward__0" in t.methods:
        made.forward = _overloaded_forward
    return made


def ready(module):
    """module, the Python functions of its methods made: a compiled frame finds them so."""
    for each in module.modules():
        t = type(each).__dict__.get("_script_type")
        for name in t.methods if t is not None else ():
            getattr(type(each), name, None)
    return module


def _overloaded_forward(self, *args, **kwargs):
    """`forward` of a module that has several: the first whose parameters take the arguments."""
    from .boundary import takes

    t = type(self)._script_type
    at = 0
    while f"forward__{at + 1}" in t.methods and not takes(t.methods[f"forward__{at}"], (self, *args), kwargs):
        at += 1
    return getattr(self, f"forward__{at}")(*args, **kwargs)


_INTERNAL = frozenset(Module().__dict__) - {"training"}


class _Scripting:
    """One call of `script`: modules that are alike share a type, a module that appears twice is scripted once."""

    def __init__(self):
        self.made, self.types = {}, {}

    def module(self, source):
        """The scripted module of an nn.Module."""
        if isinstance(source, ScriptModule) and type(source)._script_type is not None:
            return source
        if id(source) not in self.made:
            self.made[id(source)] = (self._make(source), source)
        return self.made[id(source)][0]

    def _make(self, source):
        children = {n: self.module(m) if m is not None else None for n, m in source._modules.items()}
        plan = _Plan(source, children)
        key = plan.key()
        t = self.types.get(key)
        if t is None:
            t = self.types[key] = plan.type()
        return plan.build(t)


class _Plan:
    """What a module consists of, as scripted code sees it."""

    def __init__(self, source, children):
        self.source, self.children = source, children
        self.attributes, self.values, self.constants = {}, {}, {}
        self.functions, self.missing = {}, {}
        self.hints = _class_hints(type(source))
        ignored = set(getattr(source, "__jit_unused_properties__", ())) | set(
            getattr(source, "__jit_ignored_attributes__", ())
        )
        for name, p in source._parameters.items():
            self._tensor(name, p)
        for name, b in source._buffers.items():
            self._tensor(name, b)
        self._constants(ignored)
        for name, child in children.items():
            self.attributes[name] = T.NONE if child is None else self._module_type(name, child)
        for name, value in source.__dict__.items():
            if name not in _INTERNAL and name not in self.constants and name not in ignored:
                self._plain(name, value)

    def _module_type(self, name, child):
        hint = self.hints.get(name)
        found = annotations.find_type(hint) if hint is not None else None
        return found if getattr(found, "is_interface", False) else type(child)._script_type

    def _tensor(self, name, value):
        hint = annotations.find_type(self.hints[name]) if name in self.hints else None
        if value is None:
            self.attributes[name] = hint if hint is not None and T.is_optional(hint) else T.NONE
        else:
            self.attributes[name] = (
                hint if hint is not None and hint != T.TENSOR and T.TENSOR.is_part_of(hint) else T.TENSOR
            )

    def _constants(self, ignored):
        names = list(getattr(self.source, "__constants__", ()))
        names += [n for n, h in self.hints.items() if typing.get_origin(h) is typing.Final or h is typing.Final]
        for name in names:
            if (
                name in ignored
                or name in self.attributes
                or name in self.source._modules
                or not hasattr(self.source, name)
            ):
                continue
            value = getattr(self.source, name)
            if isinstance(value, (Module, _t.Tensor)):
                continue
            try:
                made = _frozen(value)
            except ScriptError:
                continue
            if made is not None and not isinstance(made, Sugar):
                self.constants[name] = made

    def _plain(self, name, value):
        from .attribute import Attribute

        hint = annotations.find_type(self.hints[name]) if name in self.hints else None
        if isinstance(value, Attribute):
            hint, value = annotations.type_from_python(value.type), value.value
        t = hint if hint is not None and hint is not T.ANY_LIST else infer_type(value)
        if t is None:
            self._other(name, value)
            return
        self.attributes[name], self.values[name] = t, value

    def _other(self, name, value):
        """An attribute that is no typed value: a function can be called, the rest is only missing when it is used."""
        from .resolve import value_of

        if callable(value) and not isinstance(value, (type, Module)):
            try:
                self.functions[name] = value_of(value, None, name)
                return
            except (ScriptError, OSError):
                pass
        self.missing[name] = (
            f"('{name}' exists on the Python module, but its Python type '{type(value).__name__}' could not be converted to a TorchScript "
            "type; empty lists and dicts need an annotation)"
        )

    def key(self):
        """Modules with the same key have the same type."""
        constants = tuple((n, repr(_constant_key(c))) for n, c in sorted(self.constants.items()))
        functions = tuple(
            (n, id(getattr(f, "function", f)), getattr(f, "name", None)) for n, f in self.functions.items()
        )
        return (type(self.source), id(self.source.__dict__.get("forward")), tuple(self.attributes.items()), constants, functions,
                tuple(self.source._buffers), tuple(self.source._modules))  # fmt: skip

    def type(self):
        """A new ModuleType."""
        made = ModuleType(qualified_name(self.source), self.source)
        made.attributes, made.constants = dict(self.attributes), dict(self.constants)
        made.parameters, made.buffers = list(self.source._parameters), list(self.source._buffers)
        made.functions, made.missing = self.functions, self.missing
        for name in _methods_to_compile(self.source):
            made.find_method(name)
        for function in list(made.methods.values()):
            if isinstance(function, Function):
                function.ensure()
        return made

    def build(self, t):
        """The scripted module."""
        from .boundary import Misfit, convert

        made = _new(t)
        for name, value in self.source.__dict__.items():
            if name not in _INTERNAL and name not in self.values:
                made.__dict__[name] = value
        made.__dict__["_parameters"].update(self.source._parameters)
        made.__dict__["_buffers"].update(self.source._buffers)
        made.__dict__["_non_persistent_buffers_set"] = set(self.source._non_persistent_buffers_set)
        made.__dict__["_modules"].update(self.children)
        for name, value in self.values.items():
            try:
                made.__dict__[name] = convert(value, self.attributes[name])
            except Misfit:
                raise ScriptError(
                    f"the attribute '{name}' of {type(self.source).__name__} is annotated as {self.attributes[name]} but is {value!r:.80}"
                ) from None
        made.__dict__.pop("forward", None)
        return made


def _new(t):
    made = t.python_class().__new__(t.python_class())
    Module.__init__(made)
    return made


def _constant_key(c):
    return c.value if isinstance(c, ir.Const) else [_constant_key(i) for i in getattr(c, "items", ())]


def _frozen(value):
    from .resolve import constant_of

    if isinstance(value, list):
        value = tuple(value)
    return constant_of(value, None)


def _class_hints(cls):
    """name -> annotation of the classes below Module; text that cannot be evaluated is left out."""
    out = {}
    for each in reversed(cls.__mro__):
        if each in Module.__mro__:
            continue
        for name, value in (each.__dict__.get("__annotations__") or {}).items():
            if isinstance(value, str):
                value = _evaluated(value, each)
            if value is not None:
                out[name] = value
    return out


def _evaluated(text, cls):
    """The type that an annotation's text says."""
    import ast
    import sys

    from .resolve import PythonNames

    names = PythonNames(vars(sys.modules.get(cls.__module__, typing)))
    try:
        return names.annotation(ast.parse(text, mode="eval").body, None)
    except (ScriptError, SyntaxError):
        return None


def _methods_to_compile(source):
    """forward, and what is marked with `export`."""
    out = []
    forward = getattr(type(source), "forward", None)
    if "forward" in source.__dict__ or (forward is not None and forward is not getattr(Module, "forward", None)):
        out.append("forward")
    for name in dir(type(source)):
        value = inspect.getattr_static(type(source), name, None)
        if name not in out and callable(value) and (is_exported(value) or is_ignored(value)):
            out.append(name)
    return out


def script_module(source):
    """The scripted module of an nn.Module."""
    original = getattr(source, "_orig_mod", None)
    if isinstance(original, Module) and type(source).__name__ == "OptimizedModule":
        source = original
    return ready(_Scripting().module(source))


def scripted_value(value):
    """A scripted object that is a global of the program: none can be used."""
    return None


def with_examples(module, examples):
    """A module whose unannotated parameters get types from examples: noted on the module's forward."""
    return module


def module_of_function(function):
    """A module whose forward is a function: the form in which archives hold functions."""
    function.ensure()
    t = ModuleType("__torch__.PlaceholderModule")
    t.attributes["training"] = T.BOOL
    forward = Function("__torch__.PlaceholderModule.forward", None, t)
    forward.params = [Parameter("self", t), *function.params]
    forward.returns, forward.body, forward._state = function.returns, function.body, "done"
    t.methods["forward"] = forward
    return _new(t)
