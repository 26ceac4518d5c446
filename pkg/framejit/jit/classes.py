"""Compiled classes: `@script class Foo`, classes that archives define, interfaces."""

import ast
import inspect
import textwrap
import types as python_types

from . import annotations, ir
from . import types as T
from .attribute import is_ignored, is_unused
from .errors import NotSupportedError, Source, fail
from .functions import Function
from .values import MethodValue, PythonFunction, Special


class ScriptObject:
    """Base of the classes whose objects scripted code makes.

    >>> from framejit import jit
    >>> jit.ScriptObject.__name__
    'ScriptObject'
    """

    def _script_call(self, name, *args):
        return type(self)._script_type.find_method(name).python()(self, *args)

    def __repr__(self):
        return f"<object of the scripted class {type(self)._script_type}>"


ScriptObject.__module__ = "framejit.jit"


class ClassType(T.Type):
    """The type of a compiled class's objects."""

    is_module = False
    is_interface = False

    def __init__(self, qualname, source_class=None):
        super().__init__(qualname)
        self.qualname, self.source_class = qualname, source_class
        self.attributes, self.constants, self.methods = {}, {}, {}
        self.static, self.properties = {}, {}
        self._python, self._defining = None, None

    def key(self):
        return ("ClassType", id(self))

    def short(self):
        return self.qualname

    def _is_part_of(self, other):
        if isinstance(other, ClassType) and other.is_interface:
            return all(self.find_method(name) is not None for name in other.methods)
        return other is T.ANY_CLASS

    def find_method(self, name):
        """The method's Function; None if there is none."""
        return self.methods.get(name)

    def attribute_type(self, name):
        """The type of an attribute; None if there is none."""
        return self.attributes.get(name)

    def prepare(self):
        """Attributes are known after this: they are what `__init__` assigns."""
        init = self.methods.get("__init__")
        if init is not None and init._state in ("new", "declared"):
            init.ensure()

    def value_attribute(self, obj, name, where, checker):
        """An attribute or method of an object, for the checker."""
        if checker.function is not self.methods.get("__init__"):
            self.prepare()
        if name in self.constants:
            return self.constants[name]
        if name in self.attributes:
            return ir.GetAttr(obj, name, where=where, type=self.attributes[name])
        if name in self.properties:
            return checker.call_method(obj, self.properties[name], [], {}, where)
        if self.find_method(name) is not None:
            return MethodValue(obj, name)
        return self.static_attribute(name, where)

    def static_attribute(self, name, where):
        """What the class itself has: static methods, `__new__`."""
        if name == "__new__":
            return NewObject(self)
        return self.static.get(name)

    def attribute_to_set(self, name, value, where, declared, checker):
        """The type that an attribute takes; `__init__` defines those that it assigns first."""
        if name in self.attributes:
            return self.attributes[name]
        if checker.function is self.methods.get("__init__"):
            t = declared or value.type
            self.attributes[name] = t
            return t
        fail(where, f"Tried to set nonexistent attribute: {name}. Did you forget to initialize it in __init__()?\n")

    def python_class(self):
        """The Python class of the objects."""
        if self._python is None:
            from .boundary import entry

            name = self.qualname.rpartition(".")[2]
            made = self._python = type(name, (ScriptObject,), {"_script_type": self, "__module__": "framejit.jit"})
            for method in list(self.methods):
                function = self.methods[method]
                if isinstance(function, Function):
                    setattr(made, method, _Late(function, method == "__init__" or method.startswith("__"), entry))
        return self._python

    def holds(self, value):
        """Whether a Python value is such an object."""
        if self.is_interface:
            return hasattr(value, "_script_call")
        return isinstance(value, self.python_class())

    def adopt(self, value):
        """A Python value as such an object: one of the original class is copied."""
        from .boundary import Misfit, convert

        if self.holds(value):
            return value
        if self.source_class is not None and isinstance(value, self.source_class):
            self.prepare()
            made = self.python_class().__new__(self.python_class())
            for name, t in self.attributes.items():
                setattr(made, name, convert(getattr(value, name), t))
            return made
        raise Misfit


class _Late:
    """A method that is generated when it is first asked for, which a class's methods may need of each other."""

    def __init__(self, function, raw, entry):
        self.function, self.raw, self.entry, self.made = function, raw, entry, None

    def __set_name__(self, owner, name):
        self.owner, self.name = owner, name

    def __get__(self, obj, owner=None):
        if self.made is None:
            self.function.ensure()
            self.made = self.function.python() if self.raw else self.entry(self.function, bound=True)
            for cls in owner.__mro__:
                for name, value in list(vars(cls).items()):
                    if value is self:
                        setattr(cls, name, self.made)
        return self.made if obj is None else python_types.MethodType(self.made, obj)


class NewObject(Special):
    """`Class.__new__`: a call gives an object without running `__init__`."""

    def __init__(self, t):
        super().__init__("new_object")
        self.type = t


_types = {}  # Python class -> ClassType


def class_type(cls):
    """The ClassType of a class that was scripted, or None."""
    return _types.get(cls)


def compile_class(cls, where=None):
    """The ClassType of a Python class."""
    found = _types.get(cls)
    if found is not None:
        return found
    if issubclass(cls, BaseException):
        fail(where, f"Python class '{cls.__name__}' is an exception and can only be raised")
    if cls.__module__ == "builtins" or cls.__module__.startswith("framejit"):
        fail(where, f"Python class '{cls.__name__}' cannot be used in scripted code")
    if len(cls.__mro__) > 2:
        raise RuntimeError(
            f"TorchScript classes does not support inheritance yet. Please directly inherit from 'object'. ({cls.__name__})"
        )
    return define_class(cls)


def define_class(cls):
    """Makes the ClassType from the class's source."""
    try:
        lines, first = inspect.getsourcelines(cls)
    except (OSError, TypeError) as error:
        raise OSError(
            f"Can't get source for {cls}. TorchScript requires source access in order to carry out compilation"
        ) from error
    text = "".join(lines)
    body = textwrap.dedent(text)
    source = Source(inspect.getsourcefile(cls) or "<unknown>", body, first, len(text) - len(text.lstrip()))
    node = ast.parse(body).body[0]
    made = _types[cls] = ClassType(annotations.qualified_name(cls), cls)
    try:
        _define_members(made, cls, node, source)
        made.prepare()
        for function in made.methods.values():
            if isinstance(function, Function):
                function.ensure()
    except BaseException:
        del _types[cls]
        raise
    return made


def _define_members(made, cls, node, source):
    from . import api, dataclass_methods

    written = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    for name, value in (cls.__dict__.get("__annotations__") or {}).items():
        found = annotations.find_type(value)
        if found is not None and not isinstance(value, str):
            made.attributes[name] = found
    for name, value in vars(cls).items():
        if isinstance(value, staticmethod):
            from .values import FunctionValue

            made.static[name] = FunctionValue(api.compiled_function(value.__func__))
        elif isinstance(value, property):
            made.properties[name] = f"_get_{name}"
            made.methods[f"_get_{name}"] = Function(
                f"{made.qualname}._get_{name}", api.function_checker(value.fget, made, cls=cls), made
            )
        elif isinstance(value, python_types.FunctionType):
            if dataclass_methods.is_left_out(cls, name, written):
                continue
            value = dataclass_methods.with_source(cls, name, value, written)
            if is_ignored(value) or is_unused(value):
                made.methods[name] = PythonFunction(value, name, is_unused(value))
            else:
                made.methods[name] = Function(
                    f"{made.qualname}.{name}", api.function_checker(value, made, cls=cls), made
                )
    for each in node.body:
        if not isinstance(each, (ast.FunctionDef, ast.AnnAssign, ast.Expr, ast.Pass, ast.Assign)):
            raise NotSupportedError(source.range_of(each), f"{type(each).__name__} in the body of a class")


def compile_interface(cls):
    """The ClassType of an interface: signatures without bodies."""
    from . import api

    made = _types[cls] = ClassType(annotations.qualified_name(cls), cls)
    made.is_interface = True
    from framejit.nn import Module

    made.is_module = issubclass(cls, Module)
    for name, value in vars(cls).items():
        if isinstance(value, python_types.FunctionType):
            made.methods[name] = Function(
                f"{made.qualname}.{name}", _declared_only(api.function_checker(value, made, cls=cls)), made
            )
    return made


def _declared_only(check):
    def declare(function):
        check(function)
        if function.returns is None:
            function.returns = T.NONE
        function.body = []
        return lambda: None

    return declare
