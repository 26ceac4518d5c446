"""The functions and classes that texts in TorchScript's serialised form define: of an archive, or of the prelude.

Nothing in a text runs. It is parsed as syntax, the definitions are checked when they are first asked for, and code is generated
from what was checked.
"""

import ast
import collections
import enum
import warnings

from . import types as T
from .archive_names import ArchiveNames
from .check import Checker
from .classes import ClassType
from .errors import ScriptError, Source, fail
from .functions import Function

MAX_TEXT = 64 << 20


# methods that Python knows and archives may define
_METHODS = frozenset(
    """__init__ __enter__ __exit__ __len__ __getitem__ __setitem__ __delitem__ __contains__ __call__ __getstate__ __setstate__ __str__ __bool__
    __int__ __float__ __add__ __sub__ __mul__ __truediv__ __floordiv__ __mod__ __pow__ __and__ __or__ __xor__ __lshift__ __rshift__ __matmul__
    __neg__ __invert__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __repr__""".split()
)


class Unit:
    """Definitions by full name. `read(module)` gives the text of `__torch__.a.b`, or None; `version` is the archive's."""

    is_prelude = False
    version = 10

    def __init__(self, read, constants=(), origin="archive"):
        self._read, self.constants, self.origin = read, constants, origin
        self._modules, self._found, self._open = {}, {}, set()
        self.names = ArchiveNames(self)

    def constant(self, name, where):
        """CONSTANTS.c3"""
        if not (name.startswith("c") and name[1:].isdigit()) or int(name[1:]) >= len(self.constants):
            fail(where, f"the archive has no constant {name}")
        return self.constants[int(name[1:])]

    def module(self, path):
        """name -> definition of a text, and its Source; None if there is no such text."""
        if path not in self._modules:
            text = self._read(path)
            self._modules[path] = None if text is None else self._parse(path, text)
        return self._modules[path]

    def _parse(self, path, text):
        source = Source(f"{self.origin}/{path.replace('.', '/')}.py", text)
        if len(text) > MAX_TEXT:
            raise ScriptError(f"the code of {path} is too long")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ScriptError(f"the code of {path} cannot be read: {error}") from None
        found = {}
        for node in tree.body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                if isinstance(node, ast.Assign) or isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    continue  # op_version_set = 1
                fail(source.range_of(node), f"{type(node).__name__} is no definition of a class or function")
            if node.decorator_list:
                fail(source.range_of(node), "a decorator cannot be in an archive")
            found[node.name] = node
        return found, source

    def has_prefix(self, prefix):
        """Whether names that begin so may be defined."""
        return True if prefix.startswith("__torch__.") else False

    def find(self, path):
        """What a full name is, or None."""
        if path in self._found:
            return self._found[path]
        module, _, name = path.rpartition(".")
        parsed = self.module(module) if module else None
        if parsed is None or name not in parsed[0]:
            return None
        node, source = parsed[0][name], parsed[1]
        if path in self._open:
            fail(source.range_of(node), f"{path} is defined by itself")
        self._open.add(path)
        try:
            if isinstance(node, ast.FunctionDef):
                self._found[path] = Function(path, self._checker(node, source))
            else:
                self._define_class(path, node, source)
        finally:
            self._open.discard(path)
        return self._found[path]

    def _checker(self, node, source, self_value=None):
        def check(function):
            checker = Checker(function, node, source, self.names, self_value)
            checker.declare({})
            return checker.run

        return check

    def method_checker(self, node, source, owner, module):
        """The `checker` of a method whose text is in the module `module` here, for a module type that is not."""
        check = self._checker(node, source, owner)

        def declare(function):
            function.attributes["module"] = module
            return check(function)

        return declare

    def _define_class(self, path, node, source):
        base = node.bases[0].id if node.bases and isinstance(node.bases[0], ast.Name) else None
        define = {
            None: self._define_object, "Module": self._define_module, "NamedTuple": self._define_tuple, "Enum": self._define_enum,
            "Interface": self._define_interface, "ModuleInterface": self._define_interface,
        }.get(base)  # fmt: skip
        if define is None or len(node.bases) > 1 or node.keywords:
            fail(source.range_of(node), f"class {node.name} has a base that an archive cannot name")
        define(path, node, source)

    def _annotation(self, node, source):
        probe = _Probe(source)
        return self.names.annotation(node, probe)

    def _define_tuple(self, path, node, source):
        fields, parts, defaults = [], [], []
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                fields.append(each.target.id)
                parts.append(self._annotation(each.annotation, source))
                if each.value is not None:
                    defaults.append(self._literal(each.value, parts[-1], source))
        made = collections.namedtuple(node.name, fields, rename=False, module="framejit.jit")
        self._found[path] = T.NamedTupleType(path, fields, parts, made, defaults)

    def _literal(self, node, t, source):
        holder = Function("default", None)
        checker = Checker(holder, node, source, self.names)
        return self.names.default("field", node, t, checker).value

    def _define_enum(self, path, node, source):
        members = {}
        for each in node.body:
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
                members[each.targets[0].id] = ast.literal_eval(each.value)
        made = enum.Enum(node.name, members, module="framejit.jit")
        kinds = {type(m.value) for m in made}
        plain = {int: T.INT, float: T.FLOAT, str: T.STR}
        self._found[path] = T.EnumType(path, made, plain.get(kinds.pop(), T.ANY) if len(kinds) == 1 else T.ANY)

    def _define_object(self, path, node, source):
        made = self._found[path] = ClassType(path)
        self._members(made, node, source)

    def _define_interface(self, path, node, source):
        made = self._found[path] = ClassType(path)
        made.is_interface = True
        made.is_module = node.bases[0].id == "ModuleInterface"
        for each in node.body:
            if isinstance(each, ast.FunctionDef):
                made.methods[each.name] = Function(
                    f"{path}.{each.name}", self._signature_only(each, source, made), made
                )

    def _signature_only(self, node, source, owner):
        check = self._checker(node, source, owner)

        def declare(function):
            check(function)
            function.returns = function.returns or T.NONE
            function.body = []
            return lambda: None

        return declare

    def _define_module(self, path, node, source):
        from .module_type import ModuleType

        made = self._found[path] = ModuleType(path)
        self._members(made, node, source)

    def _members(self, made, node, source):
        for each in node.body:
            if isinstance(each, ast.FunctionDef):
                name = each.name
                if name.startswith("__") and name not in _METHODS and not name.startswith("__torch_mangle"):
                    fail(source.range_of(each), f"a class of an archive cannot have a method {name}")
                if each.decorator_list:
                    fail(source.range_of(each), "a decorator cannot be in an archive")
                made.methods[name] = Function(f"{made.qualname}.{name}", self._checker(each, source, made), made)
            elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                self._member(made, each.target.id, each.annotation, each.value, source)
            elif isinstance(each, ast.Assign):
                self._special(made, each, source)
            elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Subscript):
                self._member(made, ast.literal_eval(each.target.slice), each.annotation, each.value, source)
            elif not isinstance(each, ast.Pass):
                fail(source.range_of(each), f"{type(each).__name__} in a class of an archive")

    def _member(self, made, name, annotation, value, source):
        if not isinstance(name, str) or name.startswith("__") or "." in name:
            fail(source.range_of(annotation), f"a class of an archive cannot have an attribute {name!r}")
        t = self._annotation(annotation, source)
        if value is not None:  # a Final with its value
            from .functions import plain_constant

            made.constants[name] = plain_constant(self._literal(value, t, source), t, source.range_of(value))
        else:
            made.attributes[name] = t

    def _special(self, made, node, source):
        target = node.targets[0]
        if isinstance(target, ast.Subscript):  # __annotations__["0"] = type
            self._member(made, ast.literal_eval(target.slice), node.value, None, source)
        elif isinstance(target, ast.Name) and target.id in ("__parameters__", "__buffers__"):
            setattr(made, target.id.strip("_"), list(ast.literal_eval(node.value)))
        elif isinstance(target, ast.Name) and target.id in ("__forward_pre_hooks__", "__forward_hooks__"):
            pass
        else:
            fail(source.range_of(node), "an assignment that a class of an archive cannot have")


class _Probe:
    """Says where an annotation is."""

    def __init__(self, source):
        self.source = source

    def where(self, node):
        return self.source.range_of(node)
