"""What names mean in the code of an archive: nothing but operators, what the archive itself defines, and its constants."""

import ast

from . import annotations, ir, schema
from . import types as T
from .errors import fail
from .resolve import fold
from .values import Builtin, FunctionValue, Namespace, Special, TypeValue, Upgraded

_SPECIALS = frozenset(
    "print len range enumerate zip isinstance hasattr getattr int float bool complex str list tuple dict sorted reversed min max sum abs all any "
    "round divmod ord chr hex oct bin hash id pow annotate unchecked_cast uninitialized fork wait".split()
)
_NUMBERS = {
    "inf": float("inf"),
    "nan": float("nan"),
    "infj": complex(0, float("inf")),
    "nanj": complex(0, float("nan")),
}
_TORCH_SPECIALS = {"device": "device", "__is__": "__is__", "__isnot__": "__isnot__"}
_OPS_SPECIALS = {"prim.RaiseException": "raise_exception", "prim.unchecked_unwrap_optional": "unwrap_optional"}


# operators that archives below a version mean otherwise, and the functions of the prelude that say how
_UPGRADED = {
    "div": (4, ("div_Tensor_0_3", "div_Scalar_0_3")),
    "div_": (4, ("div__Tensor_0_3", "div__Scalar_0_3")),
    "full": (5, ("full_0_4",)),
}


class ArchiveNames:
    """The names of an archive. `unit.find(path)` gives the ClassType, NamedTupleType, EnumType or Function of a full name."""

    def __init__(self, unit):
        self.unit = unit

    def lookup(self, name, where, checker):
        if name in _SPECIALS:
            return Special(name)
        if name in _NUMBERS:
            return ir.const(_NUMBERS[name], where)
        if name in ("torch", "ops", "CONSTANTS"):
            return Namespace(name)
        if name == "__torch__":
            return Namespace("archive", "__torch__")
        return self._beside(name, checker)

    def _beside(self, name, checker):
        """A function of the same text by its last name, which only the prelude uses."""
        if not self.unit.is_prelude:
            return None
        module = checker.function.attributes.get("module") or checker.function.qualname.rpartition(".")[0]
        found = self.unit.find(f"{module}.{name}")
        return FunctionValue(found) if found is not None else None

    def attribute_of(self, obj, name, where, checker):
        if isinstance(obj, Namespace):
            return getattr(self, "_in_" + obj.kind.lower())(obj, name, where)
        if isinstance(obj, TypeValue):
            if isinstance(obj.type, T.EnumType):
                member = obj.type.python.__members__.get(name)
                return None if member is None else ir.Const(member, where=where, type=obj.type)
            if hasattr(obj.type, "static_attribute"):
                return obj.type.static_attribute(name, where)
        return None

    def _in_torch(self, obj, name, where):
        if name in _TORCH_SPECIALS:
            return Special(_TORCH_SPECIALS[name])
        before, functions = _UPGRADED.get(name, (0, ()))
        if self.unit.version < before:
            from .prelude import unit

            return Upgraded([unit().find(f"__torch__.torch.upgraders.{f}") for f in functions], f"aten::{name}")
        if schema.exists(f"aten::{name}"):
            return Builtin(f"aten::{name}")
        if schema.exists(f"prim::{name}"):
            return Builtin(f"prim::{name}")
        fail(where, f"Unknown builtin op: aten::{name}.\nframejit has no operator of that name")

    def _in_ops(self, obj, name, where):
        path = f"{obj.path}.{name}" if obj.path else name
        if "." not in path:
            return Namespace("ops", path)
        if path in _OPS_SPECIALS:
            return Special(_OPS_SPECIALS[path])
        operator = path.replace(".", "::")
        if schema.exists(operator):
            return Builtin(operator)
        fail(where, f"Unknown builtin op: {operator}.\nframejit has no operator of that name")

    def _in_constants(self, obj, name, where):
        value = self.unit.constant(name, where)
        from .infer import infer_type

        t = infer_type(value)
        if t is None:
            fail(where, f"the constant {name} is no value that scripted code can have")
        return ir.Const(value, where=where, type=t)

    def _in_archive(self, obj, name, where):
        path = f"{obj.path}.{name}"
        found = self.unit.find(path)
        if found is None:
            if self.unit.has_prefix(path + "."):
                return Namespace("archive", path)
            fail(where, f"the archive does not define {path}")
        return TypeValue(found) if isinstance(found, T.Type) else FunctionValue(found)

    def annotation(self, node, checker):
        where = checker.where(node) if checker is not None else None

        def resolve(node):
            path = dotted(node)
            if path is None or not path.startswith("__torch__."):
                return None
            found = self.unit.find(path)
            if found is None or not isinstance(found, T.Type):
                fail(where, f"the archive does not define the type {path}")
            return found

        return annotations.type_from_syntax(node, resolve, where)

    def default(self, name, node, t, checker):
        from . import matching
        from .functions import plain_constant

        value = checker.expression(node, t)
        value = matching.convert(value, t)
        if value is None:
            fail(checker.where(node), f'Expected a default value of type {t} on parameter "{name}"')
        return plain_constant(fold(value), t, checker.where(node))

    def constant(self, value, where):
        from .resolve import value_of

        return value_of(value, where, "value")

    def exception_name(self, node, checker):
        return None

    def subscript(self, obj, node, checker):
        return None

    def types_of(self, node, checker):
        if isinstance(node, (ast.Tuple, ast.List)):
            return [t for e in node.elts for t in self.types_of(e, checker)]
        return [self.annotation(node, checker)]


def dotted(node):
    """`a.b.c` of a name or attribute; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None
