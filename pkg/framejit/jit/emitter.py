"""From checked `ir` to a Python function.

The text has one statement a line; the code made of it says, line by line, the place in the program's source, so that
tracebacks show the program. What the text needs is in the function's globals under names with a double underscore in front,
which no variable has.
"""

import ast
import builtins
import cmath
import math
import re

import framejit

from . import errors, implementations, ir, operators
from . import types as T
from .known_functions import DTYPES, LAYOUTS, MEMORY_FORMATS

_CODES = {T.DTYPE: DTYPES, T.LAYOUT: LAYOUTS, T.MEMORY_FORMAT: MEMORY_FORMATS}
_TESTS = {
    T.TENSOR: "isinstance({}, __torch.Tensor)", T.INT: "type({}) is int", T.FLOAT: "type({}) is float", T.BOOL: "type({}) is bool",
    T.STR: "type({}) is str", T.COMPLEX: "type({}) is complex", T.NONE: "{} is None", T.ANY_LIST: "isinstance({}, list)",
    T.ANY_TUPLE: "isinstance({}, tuple)",
}  # fmt: skip
_PLACE = re.compile(r"\{(\d+|)(\*k?)?(=[^}]*)?\}")


def generate(function):
    """Makes the Python function of a checked function."""
    emitter = Emitter(function)
    body, where = emitter.run()
    names = [emitter.name(p.name) for p in function.params]
    lines = [f"def {emitter.name(function.name)}({', '.join(names)}):", *body]
    tree = ast.parse("\n".join(lines))
    filename = relocate(tree, [None, *where])
    namespace = emitter.globals
    exec(compile(tree, filename, "exec"), namespace)
    made = namespace[emitter.name(function.name)]
    made.__qualname__, made.__module__ = function.name, "framejit.jit"
    made.__framejit_text__ = "\n".join(lines)
    emitter.fill(made)


def relocate(tree, where):
    """Puts the source's places into a tree whose line n is where[n - 1]; gives the file's name."""
    filename = next((w.source.filename for w in where if w is not None), "<framejit.jit>")
    for node in ast.walk(tree):
        if not hasattr(node, "lineno"):
            continue
        place = where[node.lineno - 1] if node.lineno <= len(where) else None
        if place is None:
            place = next((w for w in where if w is not None), None)
        if place is None:
            continue
        first = place.source.first_line - 1
        node.lineno, node.end_lineno = first + place.line, first + place.end_line
        node.col_offset, node.end_col_offset = (
            place.source.indent + place.column,
            place.source.indent + place.end_column,
        )
    return filename


class Emitter:
    """Writes the body of one function."""

    def __init__(self, function):
        self.function = function
        self.globals = {
            "__builtins__": builtins,
            "__torch": framejit,
            "__impl": implementations,
            "__math": math,
            "__cmath": cmath,
        }
        self.refs, self.lines, self.where, self.depth = {}, [], [], 1
        self.pending = []

    def name(self, name):
        """A variable's name; what Python would take for something else gets an underscore."""
        return f"v{name}_" if name.startswith("__") else name + "__" if name in _RESERVED else name

    def ref(self, value, hint):
        """The name of a global that holds a value."""
        found = self.refs.get(id(value))
        if found is None:
            hint = "".join(c if c.isalnum() else "_" for c in hint)
            name = f"__{hint}"
            count = 0
            while name in self.globals:
                count += 1
                name = f"__{hint}_{count}"
            self.globals[name] = value
            found = self.refs[id(value)] = (name, value)
        return found[0]

    def callee(self, function):
        """The name of a global for a compiled function, filled in when this one is made."""
        key = ("function", id(function))
        if key not in self.refs:
            name = f"__fn_{function.name}"
            while name in self.globals:
                name += "_"
            self.globals[name] = None
            self.refs[key] = (name, function)
            self.pending.append((name, function))
        return self.refs[key][0]

    def fill(self, made):
        """The functions that are called, which may call this one."""
        self.function.set_python(made)
        for name, function in self.pending:
            self.globals[name] = function.python()

    def run(self):
        self.block(self.function.body)
        if not self.lines:
            self.line("pass", None)
        return self.lines, self.where

    def line(self, text, where):
        self.lines.append("    " * self.depth + text)
        self.where.append(where)

    def block(self, body):
        if not body:
            self.line("pass", None)
        for statement in body:
            getattr(self, "do_" + type(statement).__name__)(statement)

    def nested(self, body):
        self.depth += 1
        self.block(body)
        self.depth -= 1

    # statements

    def target(self, target):
        if isinstance(target, str):
            return self.name(target)
        return f"({', '.join(self.target(t) for t in target)}{',' if len(target) == 1 else ''})"

    def do_Assign(self, s):
        if isinstance(s.value, ir.OpCall) and not isinstance(s.target, str):
            self.line(f"{self.target(s.target)} = {self.operator(s.value)}", s.where)
            return
        self.line(f"{self.target(s.target)} = {self.of(s.value)}", s.where)

    def do_SetAttr(self, s):
        if s.name.isidentifier():
            self.line(f"{self.of(s.obj)}.{s.name} = {self.of(s.value)}", s.where)
        else:
            self.line(f"setattr({self.of(s.obj)}, {s.name!r}, {self.of(s.value)})", s.where)

    def do_Do(self, s):
        self.line(self.of(s.value), s.where)

    def do_If(self, s):
        self.line(f"if {self.of(s.test)}:", s.where)
        self.nested(s.yes)
        if s.no:
            self.line("else:", None)
            self.nested(s.no)

    def do_While(self, s):
        self.line(f"while {self.of(s.test)}:", s.where)
        self.nested(s.body)

    def do_For(self, s):
        self.line(f"for {self.target(s.loop.target)} in {self.of(s.loop.over)}:", s.where)
        self.nested(s.body)

    def do_Return(self, s):
        self.line(f"return {self.of(s.value)}", s.where)

    def do_Break(self, s):
        self.line("break", s.where)

    def do_Continue(self, s):
        self.line("continue", s.where)

    def do_Raise(self, s):
        error = self.ref(errors.Error, "Error")
        if s.cls:
            self.line(f"raise {error}({s.cls + ': '!r} + {self.of(s.message)})", s.where)
        else:
            self.line(f"raise {error}({self.of(s.message)})", s.where)

    def do_Assert(self, s):
        self.line(f"if not {self.of(s.test)}:", s.where)
        self.depth += 1
        text = "''" if s.message is None else self.of(s.message)
        self.line(f"raise {self.ref(errors.Error, 'Error')}('AssertionError: ' + {text})", s.where)
        self.depth -= 1

    def do_Print(self, s):
        self.line(f"__impl.print({', '.join(self.of(a) for a in s.args)})", s.where)

    def do_With(self, s):
        as_ = f" as {self.name(s.target)}" if s.target else ""
        self.line(f"with {self.of(s.context)}{as_}:", s.where)
        self.nested(s.body)

    # expressions

    def of(self, e):
        return getattr(self, "of_" + type(e).__name__)(e)

    def inner(self, e):
        """An expression as a part of one."""
        text = self.of(e)
        if isinstance(
            e, (ir.Var, ir.GetAttr, ir.Call, ir.CallMethod, ir.MakeTuple, ir.MakeList, ir.MakeDict, ir.TupleItem)
        ):
            return text
        if isinstance(e, ir.Const):
            return f"({text})" if text[0] == "-" or (type(e.value) is int) else text
        return f"({text})"

    def of_Const(self, e):
        return self.constant(e.value, e.type)

    def constant(self, value, t=None):
        if value is None or type(value) in (bool, int, str):
            return repr(value)
        if type(value) in (float, complex):
            return repr(value) if cmath.isfinite(value) else self.ref(value, "number")
        if type(value) is list:
            return f"[{', '.join(self.constant(v) for v in value)}]"
        if type(value) is tuple:
            return f"({', '.join(self.constant(v) for v in value)}{',' if len(value) == 1 else ''})"
        if type(value) is dict:
            return f"{{{', '.join(f'{self.constant(k)}: {self.constant(v)}' for k, v in value.items())}}}"
        return self.ref(value, type(value).__name__)

    def of_Var(self, e):
        return self.name(e.name)

    def of_GetAttr(self, e):
        if not e.name.isidentifier():
            return f"getattr({self.of(e.obj)}, {e.name!r})"
        return f"{self.inner(e.obj)}.{e.name}"

    def of_Call(self, e):
        return f"{self.callee(e.function)}({', '.join(self.of(a) for a in e.args)})"

    def of_CallMethod(self, e):
        args = ", ".join([self.of(e.obj), *(self.of(a) for a in e.args)])
        return f"{self.callee(e.function)}({args})"

    def of_CallInterface(self, e):
        return f"__impl.call_interface({', '.join([self.of(e.obj), repr(e.name), *(self.of(a) for a in e.args)])})"

    def of_CallPython(self, e):
        return f"{self.ref(e.function, e.name)}({', '.join(self.of(a) for a in e.args)})"

    def of_New(self, e):
        cls = self.ref(e.cls.python_class(), e.cls.name.rpartition(".")[2])
        if e.args is None:
            return f"{cls}.__new__({cls})"
        return f"{cls}({', '.join(self.of(a) for a in e.args)})"

    def of_MakeTuple(self, e):
        items = ", ".join(self.of(i) for i in e.items)
        if isinstance(e.type, T.NamedTupleType):
            return f"{self.ref(e.type.python, e.type.qualname.rpartition('.')[2])}({items})"
        return f"({items}{',' if len(e.items) == 1 else ''})"

    def of_MakeList(self, e):
        return f"[{', '.join(self.of(i) for i in e.items)}]"

    def of_MakeDict(self, e):
        return f"{{{', '.join(f'{self.of(k)}: {self.of(v)}' for k, v in zip(e.keys, e.values))}}}"

    def of_TupleItem(self, e):
        return f"{self.inner(e.obj)}[{e.index}]"

    def of_TupleSlice(self, e):
        return f"{self.inner(e.obj)}[{e.start}:{e.stop}]"

    def of_Choose(self, e):
        return f"{self.inner(e.yes)} if {self.inner(e.test)} else {self.inner(e.no)}"

    def of_Logic(self, e):
        return f"{self.inner(e.left)} {e.op} {self.inner(e.right)}"

    def of_IsNone(self, e):
        return f"{self.inner(e.obj)} is {'not ' if e.negated else ''}None"

    def of_IsInstance(self, e):
        obj = self.of(e.obj)
        if ir.is_pure(e.obj) and all(t in _TESTS for t in e.types):
            return " or ".join(_TESTS[t].format(obj) for t in e.types)
        return f"__impl.is_of({obj}, {self.ref(tuple(e.types), 'types')})"

    def of_Cast(self, e):
        return self.of(e.value)

    def of_Uninitialized(self, e):
        return "None"

    def of_ListComp(self, e):
        return f"[{self.of(e.item)} for {self.target(e.loop.target)} in {self.of(e.loop.over)}]"

    def of_DictComp(self, e):
        return f"{{{self.of(e.key)}: {self.of(e.value)} for {self.target(e.loop.target)} in {self.of(e.loop.over)}}}"

    def of_ToList(self, e):
        return f"{self.inner(e.obj)}.tolist()"

    def of_Fork(self, e):
        return f"__impl.Done({self.of(e.call)})"

    def of_Range(self, e):
        return f"range({', '.join(self.of(a) for a in e.args)})"

    def of_Each(self, e):
        return self.of(e.value)

    def of_Enumerate(self, e):
        return f"enumerate({self.of(e.inner)}, {self.of(e.start)})"

    def of_Zip(self, e):
        return f"zip({', '.join(self.of(i) for i in e.inners)})"

    # operators

    def of_OpCall(self, e):
        text = self.operator(e)
        if len(e.schema.returns) > 1 and operators.text_of(e.schema) is None:
            return f"tuple({text})"  # framejit's functions give named ones
        return text

    def operator(self, e):
        """A call of an operator."""
        name = e.schema.name
        short = self._shortcut(e)
        if short is not None:
            return short
        text = operators.text_of(e.schema)
        if text is not None:
            return self._fill(text, e)
        if name in operators.INFIX and len([a for a in e.args if a is not None]) == 2:
            return f"{self.inner(e.args[0])} {operators.INFIX[name]} {self.inner(e.args[1])}"
        found = operators.home(name)
        if found is None:
            return f"__impl.missing({name!r})"
        namespace, attribute = found
        args = self._arguments(e)
        call = f"{self.ref(getattr(namespace, attribute), attribute)}({', '.join(args)})"
        returns = e.schema.returns
        if len(returns) == 1 and isinstance(returns[0], T.ListType):
            return f"list({call})"
        return call

    def _shortcut(self, e):
        """`x.shape[i]` and `len(x.shape)` without a list; `y.dtype` where a dtype is asked for."""
        inner = e.args[0] if e.args else None
        if not (isinstance(inner, ir.OpCall) and inner.schema.full_name == "aten::size"):
            return None
        if e.schema.name == "aten::len":
            return f"{self.inner(inner.args[0])}.dim()"
        if e.schema.full_name == "aten::__getitem__.t":
            return f"{self.inner(inner.args[0])}.shape[{self.of(e.args[1])}]"
        return None

    def argument(self, e, formal):
        """An argument as framejit's functions take it: dtypes are dtypes there."""
        kind = next(
            (
                k
                for k in _CODES
                if k == formal.type or (isinstance(formal.type, T.UnionType) and k in formal.type.parts)
            ),
            None,
        )
        if kind is None and formal.name == "dtype" and formal.type in (T.INT, T.optional(T.INT)):
            kind = T.DTYPE
        if kind is None:
            return self.of(e)
        if isinstance(e, ir.Const):
            if e.value is None:
                return "None"
            found = _CODES[kind].get(e.value)
            if found is None:
                errors.fail(e.where, f"framejit has no {kind.name} of the number {e.value}")
            return self.ref(found, str(found).rpartition(".")[2])
        if isinstance(e, ir.OpCall) and e.schema.name == "prim::dtype":
            return f"{self.inner(e.args[0])}.dtype"
        return f"__impl.{'as_' + kind.name.lower()}({self.of(e)})"

    def _arguments(self, e, keywords=False, start=0):
        """The arguments' texts; those after the last one that is given are left out, keyword-only ones are named."""
        formals = e.schema.arguments
        given = [i for i, a in enumerate(e.args) if a is not None and not formals[i].keyword_only]
        last = given[-1] if given else -1
        out = []
        for i, (a, formal) in enumerate(zip(e.args, formals)):
            if i < start:
                continue
            if formal.keyword_only or formal.name == "alpha" or (keywords and i > 0):
                if a is not None and not (isinstance(a, ir.Const) and a.value is None):
                    out.append(f"{formal.name}={self.argument(a, formal)}")
            elif i <= last:
                out.append(self.argument(a, formal) if a is not None else self._default(formal))
        return out + [self.of(a) for a in e.extra]

    def _default(self, formal):
        return self.argument(
            ir.const(formal.default) if not isinstance(formal.default, list) else _listed(formal.default), formal
        )

    def _fill(self, text, e):
        """An operator's text with the arguments in their places.

        `{1}` the argument, `{1=x}` x if it is not given, `{*}` all that are given, `{1*}` those from there on, `{*k}` all but the
        first by name.
        """

        def put(match):
            number, star, default = match.groups()
            if star:
                return ", ".join(self._arguments(e, star == "*k", int(number or 0)))
            at = int(number)
            arg = e.args[at] if at < len(e.args) else None
            if arg is None or (default is not None and isinstance(arg, ir.Const) and arg.value is None):
                if default is not None:
                    return default[1:]
                formal = e.schema.arguments[at]
                return self._default(formal)
            formal = e.schema.arguments[at]
            if formal.type in _CODES or default is not None:
                return self.argument(arg, formal)
            return self.inner(arg) if _is_operand(text, match) else self.argument(arg, formal)

        return _PLACE.sub(put, _GLOBALS.sub(r"__\1.", text))


def _listed(values):
    return ir.MakeList([ir.const(v) for v in values], type=T.ListType(T.INT))


def _is_operand(text, match):
    """Whether a place is next to an operator or a dot, so that what is put there may need parentheses."""
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    return not ((before == "" or before[-1] in "(,[:") and (after == "" or after[0] in "),]:"))


_GLOBALS = re.compile(r"(?<![\w.])(impl|torch|math|cmath)\.")
_RESERVED = frozenset(
    "and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass "
    "raise return try while with yield None True False setattr getattr float int bool complex len list dict sorted sum all any abs min max id "
    "range enumerate zip print str hash divmod ord chr hex oct bin".split()
)
