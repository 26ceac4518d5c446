"""Graph to Python source.

The source is meant to be read: calls look as a person would write them, operators as operators, values are deleted
after their last use. Globals that the source needs travel beside it under their dotted names' first part or, where a
name would clash, under one of their own.
"""

import builtins
import enum
import importlib
import math
import operator
import types
import typing

from framejit.utils import _pytree as pytree

from ._notes import Notes
from .node import Node, map_arg, package_name, qualified_name, type_repr

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
    """Source and the globals that it needs; `_lineno_map`: line of the source -> index of the node."""

    def __init__(self, src, globals, lineno_map=None):
        self.src, self.globals, self._lineno_map = src, globals, lineno_map or {}


class _Text(str):
    """What generated code says; code generators may print it or ask for its repr."""

    def __repr__(self):
        return str(self)


class CodeGen:
    """Writes `forward`; subclasses may change the signature, the inputs and the outputs.

    Raises nothing of its own.

    >>> import framejit
    >>> class Shouting(framejit.fx.CodeGen):
    ...     def generate_output(self, output_args):
    ...         return f"return print({output_args!r})"
    >>> gm = framejit.fx.symbolic_trace(lambda x: x + 1)
    >>> gm.graph.set_codegen(Shouting())
    >>> _ = gm.recompile()
    >>> gm(1)
    2
    """

    def __init__(self):
        self._body_transformer = None
        self._func_name = "forward"

    def gen_fn_def(self, free_vars, maybe_return_annotation=""):
        """The `def` line. free_vars (list of str): the parameters with annotations and defaults."""
        parameters = free_vars if free_vars and free_vars[0] == "self" else ["self", *free_vars]
        return f"def {self._func_name}({', '.join(parameters)}){maybe_return_annotation}:"

    def generate_output(self, output_args):
        """The `return` line. output_args: what prints as the value."""
        return f"return {output_args!r}"

    def additional_globals(self):
        """Pairs of names and values that the generated code needs beside its own."""
        return []

    def process_inputs(self, *args):
        """Arguments of the program to values of the placeholders."""
        return args

    def process_outputs(self, outputs):
        """The output node's value to the result of the program."""
        return outputs

    def transforming(self, make_transformer):
        """Change the transformer of the generated lines, for good or while the result is entered with `with`."""
        return _Transforming(self, make_transformer)

    def generate(self, graph, root_module, verbose, **options):
        """The PythonCode of a graph. verbose (bool): with types and places of the program; options: what `Notes` takes."""
        return _Writer(self, graph, root_module, Notes(**options) if verbose else None).write()


class _Transforming:
    def __init__(self, codegen, make_transformer):
        self._codegen, self._before = codegen, codegen._body_transformer
        codegen._body_transformer = make_transformer(self._before)

    def __enter__(self):
        return None

    def __exit__(self, *error):
        self._codegen._body_transformer = self._before


class PyTreeInfo(typing.NamedTuple):
    """How the program's arguments and result are nested around the placeholders and the output."""

    orig_args: list
    in_spec: pytree.TreeSpec
    out_spec: typing.Optional[pytree.TreeSpec]


class PyTreeCodeGen(CodeGen):
    """`forward` takes nested arguments, which it flattens, and nests what it gives. pytree_info (PyTreeInfo): how."""

    def __init__(self, pytree_info):
        super().__init__()
        self.pytree_info = pytree_info

    def process_inputs(self, *inputs):
        """The leaves."""
        return pytree.tree_leaves(inputs)

    def process_outputs(self, out):
        """The value, nested."""
        if self.pytree_info is None or self.pytree_info.out_spec is None:
            return out
        return pytree.tree_unflatten(list(out) if isinstance(out, (list, tuple)) else [out], self.pytree_info.out_spec)

    def gen_fn_def(self, free_vars, maybe_return_annotation=""):
        """The `def` line and one that flattens."""
        if self.pytree_info is None:
            return super().gen_fn_def(free_vars, maybe_return_annotation)
        arguments = list(self.pytree_info.orig_args)
        if arguments and arguments[0] == "self":
            free_vars = ["self", *free_vars]
        definition = super().gen_fn_def(list(arguments), maybe_return_annotation)
        if free_vars:
            names = [name.split(":")[0].split("=")[0].strip().lstrip("*") for name in free_vars]
            definition += (
                f"\n    {', '.join(names)}, = fx_pytree.tree_flatten_spec([{', '.join(arguments)}], self._in_spec)"
            )
        return definition

    def generate_output(self, output_args):
        """The `return` line."""
        if self.pytree_info and self.pytree_info.out_spec:
            return f"return pytree.tree_unflatten({output_args!r}, self._out_spec)"
        return super().generate_output(output_args)

    def additional_globals(self):
        """The two modules."""
        from . import _pytree

        return [("fx_pytree", _pytree), ("pytree", pytree)]


class _Writer:
    def __init__(self, codegen, graph, root_module, notes):
        self.codegen, self.graph, self.root, self.notes = codegen, graph, root_module, notes
        self.globals = {}
        self.wrapped = {}
        self.parameters = []
        self.returned = ""
        self.body = []
        self.last_use = self._last_uses()

    def write(self):
        self._add_package()
        for name, value in self.codegen.additional_globals():
            self.globals[name] = value
        for index, node in enumerate(self.graph.nodes):
            line = self._statement(node) + self._deletions(node)
            if self.notes:
                line = self.notes.place(node) + line
                if not any(written.count("\n") > 1 for written in self.body):
                    line = line.lstrip("\n")
            # the comment is for the line table only, and taken out before anyone sees the code
            self.body.append(f"# COUNTER: {index}\n{line}\n" if line else f"# COUNTER: {index}\n")
        if not any(not line.startswith("# COUNTER") or line.count("\n") > 1 for line in self.body):
            self.body.append("pass\n")
        if self.codegen._body_transformer is not None:
            self.body = self.codegen._body_transformer(self.body)
        head = self.codegen.gen_fn_def(self.parameters, self.returned)
        lines, line_map = [], {}
        first, index = head.strip("\n").count("\n") + 1, None
        for line in "".join(self.body).rstrip("\n").split("\n"):
            if line.startswith("# COUNTER: "):
                index = int(line.partition(": ")[2])
                continue
            lines.append(line)
            if index is not None:
                line_map[first + len(lines) - 1] = index
        source = (
            "\n"
            + self._wraps()
            + "\n\n"
            + head.lstrip("\n")
            + "\n"
            + "\n".join("    " + line for line in lines)
            + "\n    "
        )
        return PythonCode(source, self.globals, line_map)

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

    def _annotation(self, kind):
        """A type as generated code says it, its parts in the globals."""
        if kind is None:
            return None
        if isinstance(kind, str):
            return repr(kind)
        origin = getattr(kind, "__origin__", None)
        if origin is None or kind.__module__ == "typing" and not typing.get_args(kind) and not _is_empty_tuple(kind):
            return self._type(kind)
        parts = typing.get_args(kind)
        if origin is typing.Union:
            return f"{self._add_global('typing_Union', typing.Union)}[{', '.join(map(self._part, parts))}]"
        if kind.__module__ == "typing":
            name = getattr(kind, "_name", None) or origin.__name__
            root = self._add_global(f"typing_{name}", getattr(typing, name))
        else:
            root = self._type(origin)
        return f"{root}[{', '.join(map(self._part, parts)) or '()'}]"

    def _part(self, kind):
        if kind is ...:
            return "..."
        if isinstance(kind, list):
            return "[" + ", ".join(map(self._part, kind)) + "]"
        if kind is type(None):
            return self._add_global("NoneType", type(None))
        if isinstance(kind, typing.ForwardRef):
            return repr(kind.__forward_arg__)
        return self._annotation(kind)

    def _type(self, kind):
        if isinstance(kind, type):
            return self._function(kind)
        return self._add_global(type_repr(kind).replace(".", "_"), kind)

    def _typed(self, node, name=None):
        name = name or node.name
        noted = self.notes and self.notes.type(node)
        if noted:
            return f'{name}: "{noted}"'
        kind = self._annotation(node.type)
        return name if kind is None else f"{name} : {kind}"

    def _write_placeholder(self, node):
        default = f" = {self._value(node.args[0])}" if node.args else ""
        self.parameters.append(self._typed(node, node.target) + default)
        name = node.target.replace("*", "")
        return "" if name == node.name else f"{node.name} = {name}"

    def _write_get_attr(self, node):
        return f"{self._typed(node)} = {_attribute_path(self.root, node.target)}"

    def _write_call_module(self, node):
        call = f"{_attribute_path(self.root, node.target)}({self._arguments(node.args, node.kwargs)})"
        return f"{self._typed(node)} = {call}"

    def _write_call_method(self, node):
        receiver = self._value(node.args[0])
        return f"{self._typed(node)} = {receiver}.{node.target}({self._arguments(node.args[1:], node.kwargs)})"

    def _write_output(self, node):
        if node.type is not None:
            self.returned = f" -> {self._annotation(node.type)}"
        return self.codegen.generate_output(_Text(self._value(node.args[0])))

    def _write_call_function(self, node):
        target, args = node.target, node.args
        if not node.kwargs:
            special = self._special_form(node, target, args)
            if special is not None:
                return special
        name = self._function(target)
        if node.meta.get("is_wrapped") and "." not in name:
            self.wrapped.setdefault(name)  # one that the tracer finds in a module needs no asking
        return f"{self._typed(node)} = {name}({self._arguments(args, node.kwargs)})"

    def _wraps(self):
        """The calls of `wrap` that keep whole what was kept whole: tracing this code gives the same graph again."""
        if not self.wrapped:
            return ""
        home = "torch.fx._symbolic_trace" if package_name() == "torch" else "framejit.fx"
        wrap = importlib.import_module(home).wrap
        called = f"{home}.wrap"
        if not _resolves_to(__import__(package_name()), called, wrap):
            called = self._add_global("wrap", wrap)
        return "\n".join(f'{called}("{name}")' for name in self.wrapped)

    def _special_form(self, node, target, args):
        """Operators and attribute access, written as such."""
        try:
            hash(target)
        except TypeError:
            return None
        if target in _INFIX and len(args) == 2:
            return f"{self._typed(node)} = {self._value(args[0])} {_INFIX[target]} {self._value(args[1])}"
        if target in _PREFIX and len(args) == 1:
            return f"{self._typed(node)} = {_PREFIX[target]}{self._value(args[0])}"
        if target in _INPLACE and len(args) == 2:
            left = self._value(args[0])
            return f"{left} {_INPLACE[target]} {self._value(args[1])};  {self._typed(node)} = {left}"
        if target is operator.getitem and len(args) == 2:
            return f"{self._typed(node)} = {self._value(args[0])}[{self._value(args[1])}]"
        if target is operator.setitem and len(args) == 3:
            return f"{self._value(args[0])}[{self._value(args[1])}] = {self._value(args[2])};  {node.name} = {self._value(args[0])}"
        if target is builtins.getattr and len(args) == 2 and isinstance(args[1], str) and args[1].isidentifier():
            return f"{self._typed(node)} = {self._value(args[0])}.{args[1]}"
        return None

    # ---- expressions ----------------------------------------------------------------------------------------

    def _arguments(self, args, kwargs):
        parts = [self._value(arg) for arg in args]
        parts += [f"{key} = {self._value(value)}" for key, value in kwargs.items()]
        return ", ".join(parts)

    def _value(self, value):
        if isinstance(value, Node):
            return value.name
        if hasattr(value, "_custom_fx_repr_fn") and not isinstance(value, type):
            return self._custom(value)
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
        if isinstance(value, enum.Enum):
            return f"{self._function(type(value))}.{value.name}"
        if value is None or value is Ellipsis or isinstance(value, (bool, int, float, complex, str, bytes)):
            return repr(value)
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) or hasattr(
            value, "_qualified_op_name"
        ):
            return self._function(value)
        return self._object(value)

    def _custom(self, value):
        """A value that prints itself; named tuples of nodes print as calls."""
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._tuple(value)
        self._add_global(type(value).__name__, type(value))
        return value._custom_fx_repr_fn()

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
            return package_name() + text[len("framejit") :]
        if type(value).__name__ == "device":
            return self._add_global("device", type(value)) + text[len("device") :]
        return self._add_global(f"_constant_{type(value).__name__}", value)

    def _add_package(self):
        name = package_name()
        self.globals[name] = __import__(name)

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


def _is_empty_tuple(kind):
    return getattr(kind, "__origin__", None) is tuple and kind is not typing.Tuple


def _attribute_path(root, target):
    text = root
    for part in target.split(".") if target else ():
        text = f"{text}.{part}" if part.isidentifier() else f'getattr({text}, "{part}")'
    return text
