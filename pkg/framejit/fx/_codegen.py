"""Graph to Python source.

The source is meant to be read: calls look as a person would write them, operators as operators, values are deleted
after their last use. Globals that the source needs travel beside it under their dotted names' first part or, where a
name would clash, under one of their own.
"""

import builtins
import math
import operator
import types
from contextlib import contextmanager

from .node import Node, map_arg, qualified_name

_INFIX = {
    operator.add: "+",
    operator.sub: "-",
    operator.mul: "*",
    operator.truediv: "/",
    operator.floordiv: "//",
    operator.mod: "%",
    operator.pow: "**",
    operator.matmul: "@",
    operator.and_: "&",
    operator.or_: "|",
    operator.xor: "^",
    operator.lshift: "<<",
    operator.rshift: ">>",
    operator.eq: "==",
    operator.ne: "!=",
    operator.lt: "<",
    operator.gt: ">",
    operator.le: "<=",
    operator.ge: ">=",
}
_INPLACE = {
    operator.iadd: "+=",
    operator.isub: "-=",
    operator.imul: "*=",
    operator.itruediv: "/=",
    operator.ifloordiv: "//=",
    operator.imod: "%=",
    operator.ipow: "**=",
    operator.imatmul: "@=",
    operator.iand: "&=",
    operator.ior: "|=",
    operator.ixor: "^=",
    operator.ilshift: "<<=",
    operator.irshift: ">>=",
}
_PREFIX = {operator.neg: "-", operator.invert: "~", operator.pos: "+"}


class PythonCode:
    """Source and the globals that it needs."""

    def __init__(self, src, globals, lineno_map=None):
        self.src, self.globals, self._lineno_map = src, globals, lineno_map or {}


class CodeGen:
    """Writes `forward`; subclasses may change the signature, the inputs and the outputs."""

    def __init__(self):
        self._body_transformer = None

    def gen_fn_def(self, free_vars, maybe_return_annotation=""):
        """The `def` line."""
        parameters = free_vars if free_vars and free_vars[0] == "self" else ["self", *free_vars]
        return f"def forward({', '.join(parameters)}){maybe_return_annotation}:"

    def generate_output(self, output_args):
        """The `return` line."""
        return f"return {output_args}"

    def process_inputs(self, *args):
        """Arguments of the program to values of the placeholders."""
        return args

    def process_outputs(self, outputs):
        """The output node's value to the result of the program."""
        return outputs

    @contextmanager
    def transforming(self, make_transformer):
        before = self._body_transformer
        self._body_transformer = make_transformer(before)
        try:
            yield
        finally:
            self._body_transformer = before

    def generate(self, graph, root_module, verbose):
        return _Writer(self, graph, root_module, verbose).write()


class _Writer:
    def __init__(self, codegen, graph, root_module, verbose):
        self.codegen, self.graph, self.root, self.verbose = codegen, graph, root_module, verbose
        self.globals = {}
        self.parameters = []
        self.body = []
        self.last_use = self._last_uses()

    def write(self):
        for node in self.graph.nodes:
            line = self._statement(node) + self._deletions(node)
            if line:
                self.body.append(line + "\n")
        if not self.body:
            self.body.append("pass\n")
        if self.codegen._body_transformer is not None:
            self.body = self.codegen._body_transformer(self.body)
        lines = "".join(self.body).rstrip("\n").split("\n")
        head = self.codegen.gen_fn_def(self.parameters)
        source = "\n" + head + "\n" + "\n".join("    " + line for line in lines) + "\n    "
        return PythonCode(source, self.globals)

    # ---- liveness -------------------------------------------------------------------------------------------

    def _last_uses(self):
        """node -> the nodes whose values are not needed after it."""
        dying, seen = {}, set()

        def visit(value, user):
            if value not in seen:
                seen.add(value)
                dying.setdefault(user, []).append(value)
            return value

        for user in reversed(self.graph.nodes):
            map_arg(user.args, lambda n: visit(n, user))
            map_arg(user.kwargs, lambda n: visit(n, user))
        return dying

    def _deletions(self, node):
        if node.op in ("output", "placeholder"):
            return ""
        names = [n.name for n in self.last_use.get(node, ())]
        if not node.users:
            names.append(node.name)
        return ";  " + " = ".join([*names, "None"]) if names else ""

    # ---- statements -----------------------------------------------------------------------------------------

    def _statement(self, node):
        return getattr(self, "_write_" + node.op)(node)

    def _write_placeholder(self, node):
        default = f" = {self._value(node.args[0])}" if node.args else ""
        self.parameters.append(f"{node.target}{default}")
        name = node.target.replace("*", "")
        return "" if name == node.name else f"{node.name} = {name}"

    def _write_get_attr(self, node):
        return f"{node.name} = {_attribute_path(self.root, node.target)}"

    def _write_call_module(self, node):
        return f"{node.name} = {_attribute_path(self.root, node.target)}({self._arguments(node.args, node.kwargs)})"

    def _write_call_method(self, node):
        receiver = self._value(node.args[0])
        return f"{node.name} = {receiver}.{node.target}({self._arguments(node.args[1:], node.kwargs)})"

    def _write_output(self, node):
        return self.codegen.generate_output(self._value(node.args[0]))

    def _write_call_function(self, node):
        target, args = node.target, node.args
        if not node.kwargs:
            special = self._special_form(node, target, args)
            if special is not None:
                return special
        return f"{node.name} = {self._function(target)}({self._arguments(args, node.kwargs)})"

    def _special_form(self, node, target, args):
        """Operators and attribute access, written as such."""
        try:
            hash(target)
        except TypeError:
            return None
        if target in _INFIX and len(args) == 2:
            return f"{node.name} = {self._value(args[0])} {_INFIX[target]} {self._value(args[1])}"
        if target in _PREFIX and len(args) == 1:
            return f"{node.name} = {_PREFIX[target]}{self._value(args[0])}"
        if target in _INPLACE and len(args) == 2:
            left = self._value(args[0])
            return f"{left} {_INPLACE[target]} {self._value(args[1])};  {node.name} = {left}"
        if target is operator.getitem and len(args) == 2:
            return f"{node.name} = {self._value(args[0])}[{self._index(args[1])}]"
        if target is operator.setitem and len(args) == 3:
            return f"{self._value(args[0])}[{self._index(args[1])}] = {self._value(args[2])};  {node.name} = None"
        if target is builtins.getattr and len(args) == 2 and isinstance(args[1], str) and args[1].isidentifier():
            return f"{node.name} = {self._value(args[0])}.{args[1]}"
        return None

    # ---- expressions ----------------------------------------------------------------------------------------

    def _arguments(self, args, kwargs):
        parts = [self._value(arg) for arg in args]
        parts += [f"{key} = {self._value(value)}" for key, value in kwargs.items()]
        return ", ".join(parts)

    def _index(self, index):
        if isinstance(index, tuple) and index and any(isinstance(part, slice) for part in index):
            return ", ".join(self._slice(part) for part in index)
        return self._slice(index)

    def _slice(self, part):
        if not isinstance(part, slice):
            return self._value(part)
        texts = ["" if v is None else self._value(v) for v in (part.start, part.stop)]
        return ":".join(texts) + ("" if part.step is None else ":" + self._value(part.step))

    def _value(self, value):
        if isinstance(value, Node):
            return value.name
        if isinstance(value, tuple):
            return self._tuple(value)
        if isinstance(value, list):
            return "[" + ", ".join(map(self._value, value)) + "]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key!r}: {self._value(item)}" for key, item in value.items()) + "}"
        if isinstance(value, slice):
            return f"slice({self._value(value.start)}, {self._value(value.stop)}, {self._value(value.step)})"
        if isinstance(value, float) and not math.isfinite(value):
            return (
                self._add_global("nan" if math.isnan(value) else "inf", abs(value))
                if value != -math.inf
                else ("-" + self._add_global("inf", math.inf))
            )
        if value is None or value is Ellipsis or isinstance(value, (bool, int, float, complex, str, bytes)):
            return "..." if value is Ellipsis else repr(value)
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
            return self._function(value)
        return self._object(value)

    def _tuple(self, value):
        items = ", ".join(map(self._value, value))
        if hasattr(value, "_fields"):
            return f"{self._function(type(value))}({items})"
        if type(value).__name__ == "Size":
            return f"{self._function(type(value))}([{items}])"
        return f"({items},)" if len(value) == 1 else f"({items})"

    def _object(self, value):
        """dtypes and devices print as code; anything else is handed over as a global."""
        text = repr(value)
        if type(value).__name__ in ("dtype", "layout", "memory_format") and text.startswith("framejit."):
            self._add_package()
            return text
        if type(value).__name__ == "device":
            return self._add_global("device", type(value)) + text[len("device") :]
        return self._add_global(f"_constant_{type(value).__name__}", value)

    def _add_package(self):
        import framejit

        self.globals["framejit"] = framejit

    def _function(self, function):
        name = qualified_name(function)
        if "." not in name:
            if getattr(builtins, name, None) is function:
                return name
            return self._add_global(name, function)
        first = name.split(".")[0]
        if first in ("framejit", "operator", "math", "torch"):
            root = __import__(first)
            if _resolves_to(root, name, function):
                self.globals[first] = root
                return name
        return self._add_global(name.replace(".", "_"), function)

    def _add_global(self, name, value):
        name = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
        candidate, number = name, 0
        while candidate in self.globals and self.globals[candidate] is not value:
            if isinstance(value, float) and self.globals[candidate] == value:
                break
            number += 1
            candidate = f"{name}_{number}"
        self.globals[candidate] = value
        return candidate


def _resolves_to(root, dotted, value):
    """Whether the dotted path reaches `value` itself."""
    found = root
    for part in dotted.split(".")[1:]:
        try:
            found = getattr(found, part)
        except AttributeError:
            return False
    return found is value


def _attribute_path(root, target):
    text = root
    for part in target.split(".") if target else ():
        text = f"{text}.{part}" if part.isidentifier() else f'getattr({text}, "{part}")'
    return text
