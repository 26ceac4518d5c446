"""The types of scripted modules."""

import inspect
import types as python_types

from framejit.nn import Module
from framejit.nn.modules.module import Module as _Module

from . import annotations, ir
from . import types as T
from .attribute import is_ignored, is_unused
from .classes import ClassType
from .errors import fail
from .functions import Function
from .values import Items, MethodValue, Overloads, PythonFunction


class ModuleType(ClassType):
    """The type of a scripted module. `python` is the module that it was made of, None for one from an archive."""

    is_module = True

    def __init__(self, qualname, python=None):
        super().__init__(qualname)
        self.python = python
        self.parameters, self.buffers, self.missing = [], [], {}
        self.functions = {}
        self.trained = True

    @property
    def modules(self):
        """name -> ModuleType of the submodules."""
        return {name: t for name, t in self.attributes.items() if getattr(t, "is_module", False)}

    def prepare(self):
        """Nothing: attributes are known from the start."""

    def find_method(self, name):
        """The method's Function, compiled from the module's class when it is first asked for."""
        found = self.methods.get(name)
        if found is None and self.python is not None:
            found = self._from_python(name)
            if found is not None:
                self.methods[name] = found
        return found

    def _from_python(self, name):
        from . import api

        value = getattr(self.python, name, None)
        if isinstance(value, python_types.MethodType) and isinstance(value.__self__, Module):
            fn = value.__func__
        elif isinstance(value, python_types.FunctionType) and name == "forward":
            return None
        else:
            return None
        if hasattr(_Module, name) and getattr(type(self.python), name, None) is getattr(_Module, name):
            return None
        written = self._from_prelude(name, fn)
        if written is not None:
            return written
        fn = inspect.unwrap(fn, stop=lambda f: hasattr(f, "_torchscript_modifier"))
        if is_ignored(fn) or is_unused(fn):
            return PythonFunction(fn, name, is_unused(fn))
        overloads = api.overloads_of(fn)
        if overloads:
            return Overloads([self._method(o, f"{name}__{i}", name) for i, o in enumerate(overloads)])
        return self._method(fn, name, name)

    def _from_prelude(self, name, fn):
        """The method that the prelude has in the place of one of framejit's layers."""
        from .prelude import method_texts, unit

        for cls in type(self.python).__mro__:
            found = method_texts(cls).get(name)
            if found is not None:
                node, source = found
                module = qualified_class_name(cls).rpartition(".")[0]
                check = unit().method_checker(node, source, self, module)
                return Function(f"{self.qualname}.{name}", check, self)
            if vars(cls).get(name) is fn:
                return None
        return None

    def _method(self, fn, name, defined_as):
        from . import api

        if not isinstance(fn, python_types.FunctionType):
            return None
        cls = next((c for c in type(self.python).__mro__ if vars(c).get(defined_as) is fn), type(self.python))
        return Function(f"{self.qualname}.{name}", api.function_checker(fn, self, cls=cls), self)

    def value_attribute(self, obj, name, where, checker):
        """An attribute of the module, for the checker."""
        if name in self.constants:
            return self.constants[name]
        if name in self.attributes:
            return ir.GetAttr(obj, name, where=where, type=self.attributes[name])
        if name in self.functions:
            return self.functions[name]
        items = self._dict_method(obj, name, where)
        if items is not None:
            return items
        if self.find_method(name) is not None:
            return MethodValue(obj, name)
        return self._other_attribute(obj, name, where, checker)

    def _other_attribute(self, obj, name, where, checker):
        if self.python is None:
            return None
        if name == "_flat_weights" and hasattr(self.python, "_flat_weights_names"):
            weights = [ir.GetAttr(obj, n, where=where, type=T.TENSOR) for n in self.python._flat_weights_names]
            return ir.MakeList(weights, where=where, type=T.ListType(T.TENSOR))
        held = inspect.getattr_static(type(self.python), name, None)
        if isinstance(held, property) and held.fget is not None:
            getter = f"_get_{name}"
            if getter not in self.methods:
                self.methods[getter] = self._method(held.fget, getter, name)
            return checker.call_method(obj, getter, [], {}, where)
        if isinstance(held, staticmethod):
            from .resolve import value_of

            return value_of(held.__func__, where, name)
        if type(self.python).__module__.startswith("framejit.nn.") and type(held) in (int, float, bool, str, tuple):
            from .resolve import constant_of

            return constant_of(held, where)
        if name in self.missing:
            fail(where, f"Module '{type(self.python).__name__}' has no attribute '{name}' {self.missing[name]}")
        return None

    def _dict_method(self, obj, name, where):
        from .resolve import _Bound

        if name not in ("items", "values", "keys") or not self._is("ModuleDict"):
            return None
        found = self.items_of(obj, None, where)
        keys = [ir.const(k, where) for k in found.keys]
        if name == "items":
            return _Bound([Items([k, v]) for k, v in zip(keys, found.items)])
        return _Bound(list(found.items) if name == "values" else keys)

    def _is(self, *names):
        """Whether the module is one of nn's containers."""
        from framejit import nn

        return isinstance(self.python, tuple(getattr(nn, n) for n in names))

    def items_of(self, obj, checker, where):
        """The submodules of a container as Items; None if it is none."""
        if self._is("ModuleList", "Sequential", "ModuleDict"):
            names = list(self.python._modules)
            items = [ir.GetAttr(obj, n, where=where, type=self.attributes[n]) for n in names]
            return Items(items, names if self._is("ModuleDict") else None, obj)
        if self._is("ParameterList"):
            return Items([ir.GetAttr(obj, n, where=where, type=T.TENSOR) for n in self.parameters], None, None)
        return None

    def iteration(self, obj, checker, node):
        """What a loop over the module goes over."""
        found = self.items_of(obj, checker, checker.where(node))
        if found is None:
            fail(
                checker.where(node),
                f"Only constant Sequential, ModuleList, ModuleDict, or ParameterList can be used as an iterable, not {self}",
            )
        if found.keys is not None:
            return Items([ir.const(k, checker.where(node)) for k in found.keys])
        return Items(found.items)

    def super_value(self, sugar, name, where, checker):
        """super().name"""
        mro = type(self.python).__mro__
        for cls in mro[mro.index(sugar.cls) + 1 :]:
            fn = vars(cls).get(name)
            if isinstance(fn, python_types.FunctionType):
                mangled = f"{name}__of_{cls.__name__}"
                if mangled not in self.methods:
                    self.methods[mangled] = self._method(fn, mangled, name)
                return MethodValue(sugar.obj, mangled)
        return None

    def attribute_to_set(self, name, value, where, declared, checker):
        if name in self.attributes:
            return self.attributes[name]
        if name in self.constants:
            fail(where, f"Cannot set the constant '{name}' of a module")
        fail(where, f"Tried to set nonexistent attribute: {name}. Did you forget to initialize it in __init__()?\n")

    def python_class(self):
        """The class of the scripted modules of this type."""
        if self._python is None:
            from .script_module import make_class

            self._python = make_class(self)
        return self._python

    def adopt(self, value):
        from .boundary import Misfit

        if self.holds(value):
            return value
        raise Misfit


def qualified_class_name(cls):
    """The full name of a class."""
    return annotations.qualified_name(cls)


def qualified_name(module):
    """The full name of a module's class."""
    return annotations.qualified_name(type(module))
