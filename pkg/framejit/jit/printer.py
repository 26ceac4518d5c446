"""Checked code as TorchScript text: what `.code` shows and archives hold. PyTorch reads it, and so does archive_names.py."""

import cmath

from . import ir
from . import types as T
from .schema import REQUIRED


def number(value):
    """A number as archives have it."""
    if type(value) is float:
        if value != value:
            return "nan"
        if cmath.isinf(value):
            return "inf" if value > 0 else "-inf"
        text = f"{value:.17g}"
        return text if any(c in text for c in ".en") else text + "."
    if type(value) is complex:
        real = f"{number(value.real)}+" if value.real else ""
        return f"{real}{number(value.imag)}j"
    return str(value)


def quoted(text):
    """A string literal."""
    out = ['"']
    for c in text:
        plain = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"'}.get(c)
        if plain is None:
            plain = c if 32 <= ord(c) < 127 else "".join(f"\\{byte:03o}" for byte in c.encode())
        out.append(plain)
    return "".join(out) + '"'


class Constants:
    """The tensors that code names as CONSTANTS.c0, c1 …"""

    def __init__(self):
        self.values = []

    def name(self, value):
        for at, each in enumerate(self.values):
            if each is value:
                return f"CONSTANTS.c{at}"
        self.values.append(value)
        return f"CONSTANTS.c{len(self.values) - 1}"


class Printer:
    """Prints functions. `types` collects the named types that the text needs, `functions` the functions that it calls."""

    def __init__(self, constants=None, rename=None):
        self.constants = constants or Constants()
        self.rename = rename or (lambda thing: thing.qualname)
        self.types, self.functions, self.lines = [], [], []
        self.function = None

    def type(self, t):
        """A type, the named ones by the name that they have in this text."""
        if hasattr(t, "qualname"):
            if t not in self.types:
                self.types.append(t)
            return self.rename(t)
        if isinstance(t, T.ListType):
            return f"List[{self.type(t.elem)}]"
        if isinstance(t, T.DictType):
            return f"Dict[{self.type(t.keys)}, {self.type(t.values)}]"
        if isinstance(t, T.FutureType):
            return f"Future[{self.type(t.parts[0])}]"
        if isinstance(t, T.TupleType):
            return f"Tuple[{', '.join(map(self.type, t.parts)) or '()'}]"
        if isinstance(t, T.UnionType):
            if t.is_optional and len(t.parts) == 2:
                return f"Optional[{self.type(t.elem)}]"
            return f"Union[{', '.join(map(self.type, t.parts))}]"
        return str(t)

    def define(self, function, indent=""):
        """The text of a def, as lines."""
        function.ensure()
        self.function, self.lines, self.depth = function, [], len(indent) // 2 + 1
        params = [self._param(p, at) for at, p in enumerate(function.params)]
        name = function.name if function.owner is not None else self.rename(function).rpartition(".")[2]
        head = f"{indent}def {name}({(',' + chr(10) + indent + '    ').join(params)}) -> {self.type(function.returns)}:"
        self.block(function.body)
        return [*head.split("\n"), *self.lines]

    def _param(self, p, at):
        if at == 0 and self.function.owner is not None:
            return f"{self.var(p.name)}: {self.type(p.type)}"
        text = f"{self.var(p.name)}: {self.type(p.type)}"
        return text if p.default is REQUIRED else f"{text}={self.of(p.default)}"

    def line(self, text):
        self.lines.append("  " * self.depth + text)

    def block(self, body):
        if not body:
            self.line("pass")
        for s in body:
            getattr(self, "do_" + type(s).__name__)(s)

    def nested(self, body):
        self.depth += 1
        self.block(body)
        self.depth -= 1

    def var(self, name):
        """A variable; names that mean something else in archives get an underscore."""
        return name + "_" if name in _MEANT else name

    # statements

    def target(self, target, top=True):
        if isinstance(target, str):
            return self.var(target)
        text = ", ".join(self.target(t, False) for t in target)
        return text + ("," if len(target) == 1 or top else "") if top else f"({text}{',' if len(target) == 1 else ''})"

    def do_Assign(self, s):
        declared = f" : {self.type(s.annotation)}" if s.annotation is not None and s.annotation != s.value.type else ""
        self.line(f"{self.target(s.target)}{declared} = {self.of(s.value)}")

    def do_SetAttr(self, s):
        if s.name.isidentifier():
            self.line(f"{self.operand(s.obj)}.{s.name} = {self.of(s.value)}")

    def do_Do(self, s):
        self.line(f"_ = {self.of(s.value)}" if s.value.type != T.NONE else self.of(s.value))

    def do_If(self, s):
        self.line(f"if {self.of(s.test)}:")
        self.nested(s.yes)
        self.line("else:")
        self.nested(s.no)

    def do_While(self, s):
        self.line(f"while {self.of(s.test)}:")
        self.nested(s.body)

    def do_For(self, s):
        self.line(f"for {self.target(s.loop.target, False)} in {self.of(s.loop.over)}:")
        self.nested(s.body)

    def do_Return(self, s):
        self.line(
            "return None" if isinstance(s.value, ir.Const) and s.value.value is None else f"return {self.of(s.value)}"
        )

    def do_Break(self, s):
        self.line("break")

    def do_Continue(self, s):
        self.line("continue")

    def do_Raise(self, s):
        cls = f", {quoted(s.cls)}" if s.cls else ""
        self.line(f"ops.prim.RaiseException({self.of(s.message)}{cls})")
        if self.function.returns is not None:  # readers of archives take what follows for reachable
            self.line(
                "return None"
                if self.function.returns == T.NONE
                else f"return uninitialized({self.type(self.function.returns)})"
            )

    def do_Assert(self, s):
        text = (
            quoted("AssertionError: ")
            if s.message is None
            else f"torch.add({quoted('AssertionError: ')}, {self.of(s.message)})"
        )
        self.line(f"if {self.of(s.test)}:")
        self.line("  pass")
        self.line("else:")
        self.depth += 1
        self.do_Raise(ir.Raise(_Text(text), None))
        self.depth -= 1

    def do_Print(self, s):
        self.line(f"print({', '.join(self.of(a) for a in s.args)})")

    def do_With(self, s):
        as_ = f" as {self.var(s.target)}" if s.target else ""
        self.line(f"with {self.of(s.context)}{as_}:")
        self.nested(s.body)

    # expressions

    def of(self, e):
        if isinstance(e, _Text):
            return e.text
        return getattr(self, "of_" + type(e).__name__)(e)

    def operand(self, e):
        """An expression in front of a dot or bracket."""
        text = self.of(e)
        return text if isinstance(e, (ir.Var, ir.GetAttr)) and "(" not in text else f"({text})"

    def of_Const(self, e):
        return self.constant(e.value, e.type)

    def constant(self, value, t=None):
        if value is None or type(value) is bool:
            return repr(value)
        if type(value) in (int, float, complex):
            return number(value)
        if type(value) is str:
            return quoted(value)
        if type(value) is list:
            text = f"[{', '.join(self.constant(v) for v in value)}]"
            return text if value else f"annotate({self.type(t)}, [])"
        if type(value) is dict:
            return f"{{{', '.join(f'{self.constant(k)}: {self.constant(v)}' for k, v in value.items())}}}"
        if isinstance(t, T.NamedTupleType):
            return f"{self.type(t)}({', '.join(self.constant(v) for v in value)})"
        if type(value) is tuple:
            return f"({', '.join(self.constant(v) for v in value)}{',' if len(value) == 1 else ''})"
        if isinstance(t, T.EnumType):
            return f"{self.type(t)}.{value.name}"
        if t == T.DEVICE:
            return f'torch.device("{value}")'
        return self.constants.name(value)

    def of_Var(self, e):
        return self.var(e.name)

    def of_GetAttr(self, e):
        if not e.name.isidentifier():
            return f"getattr({self.of(e.obj)}, {quoted(e.name)})"
        return f"{self.operand(e.obj)}.{e.name}"

    def _called(self, args):
        return f"({', '.join(self.of(a) for a in args)}{', ' if args else ''})"

    def of_Call(self, e):
        if e.function not in self.functions:
            self.functions.append(e.function)
        return f"{self.rename(e.function)}{self._called(e.args)}"

    def of_CallMethod(self, e):
        if e.function not in self.functions:
            self.functions.append(e.function)
        return f"({self.of(e.obj)}).{e.function.name}{self._called(e.args)}"

    def of_CallInterface(self, e):
        return f"({self.of(e.obj)}).{e.name}{self._called(e.args)}"

    def of_CallPython(self, e):
        return f"^{e.name}()({', '.join(self.of(a) for a in e.args)})"

    def of_New(self, e):
        cls = self.type(e.cls)
        if e.args is None:
            return f"{cls}.__new__({cls})"
        return f"{cls}{self._called(e.args)}"

    def of_MakeTuple(self, e):
        items = ", ".join(self.of(i) for i in e.items)
        if isinstance(e.type, T.NamedTupleType):
            return f"{self.type(e.type)}({items})"
        return f"({items}{',' if len(e.items) == 1 else ''})" if e.items else "()"

    def of_MakeList(self, e):
        text = f"[{', '.join(self.of(i) for i in e.items)}]"
        plain = e.items and all(i.type == e.type.elem for i in e.items)
        return text if plain else f"annotate({self.type(e.type)}, {text})"

    def of_MakeDict(self, e):
        text = f"{{{', '.join(f'{self.of(k)}: {self.of(v)}' for k, v in zip(e.keys, e.values))}}}"
        plain = e.keys and all(v.type == e.type.values for v in e.values)
        return text if plain else f"annotate({self.type(e.type)}, {text})"

    def of_TupleItem(self, e):
        return f"({self.of(e.obj)})[{e.index}]"

    def of_Choose(self, e):
        return f"({self.of(e.yes)} if {self.of(e.test)} else {self.of(e.no)})"

    def of_Logic(self, e):
        return f"({self.of(e.left)} {e.op} {self.of(e.right)})"

    def of_IsNone(self, e):
        return f"({self.of(e.obj)} {'is not' if e.negated else 'is'} None)"

    def of_IsInstance(self, e):
        return f"isinstance({self.of(e.obj)}, ({', '.join(self.type(t) for t in e.types)},))"

    def of_Cast(self, e):
        return f"{e.how}({self.type(e.type)}, {self.of(e.value)})"

    def of_Uninitialized(self, e):
        return f"uninitialized({self.type(e.type)})"

    def of_ListComp(self, e):
        return f"[{self.of(e.item)} for {self.target(e.loop.target, False)} in {self.of(e.loop.over)}]"

    def of_DictComp(self, e):
        return f"{{{self.of(e.key)}: {self.of(e.value)} for {self.target(e.loop.target, False)} in {self.of(e.loop.over)}}}"

    def of_ToList(self, e):
        return f"annotate({self.type(e.type)}, {self.operand(e.obj)}.tolist())"

    def of_Fork(self, e):
        if isinstance(e.call, ir.CallMethod):
            callee, args = f"({self.of(e.call.obj)}).{e.call.function.name}", e.call.args
        else:
            callee, args = self.rename(e.call.function), e.call.args
        if e.call.function not in self.functions:
            self.functions.append(e.call.function)
        return f"fork({', '.join([callee, *(self.of(a) for a in args)])})"

    def of_Range(self, e):
        return f"range({', '.join(self.of(a) for a in e.args)})"

    def of_Each(self, e):
        return self.of(e.value)

    def of_Enumerate(self, e):
        start = "" if isinstance(e.start, ir.Const) and e.start.value == 0 else f", {self.of(e.start)}"
        return f"enumerate({self.of(e.inner)}{start})"

    def of_Zip(self, e):
        return f"zip({', '.join(self.of(i) for i in e.inners)})"

    def of_OpCall(self, e):
        space, name = e.schema.name.split("::")
        if e.schema.full_name in ("aten::__getitem__.t", "aten::__getitem__.str") or name == "__getitem__":
            return f"{self.operand(e.args[0])}[{self.of(e.args[1])}]"
        if name in _CASTS and len(e.args) == 1:
            return f"{_CASTS[name]}({self.of(e.args[0])})"
        args = self._op_arguments(e)
        prefix = "torch" if space == "aten" else f"ops.{space}"
        return f"{prefix}.{name}({', '.join(args)})"

    def _op_arguments(self, e):
        out, named = [], False
        formals = e.schema.arguments
        last = max((i for i, a in enumerate(e.args) if a is not None and not formals[i].keyword_only), default=-1)
        for i, (a, formal) in enumerate(zip(e.args, formals)):
            if formal.keyword_only:
                named = True
            if a is None:
                if i < last and not formal.keyword_only:
                    out.append(self._formal_default(formal))
                continue
            text = self.of(a)
            if (
                type(formal.default) in (int, float, bool)
                and isinstance(a, ir.Const)
                and a.value == formal.default
                and formal.keyword_only
            ):
                continue
            out.append(f"{formal.name}={text}" if named else text)
        return out + [self.of(a) for a in e.extra]

    def _formal_default(self, formal):
        value = formal.default
        if isinstance(value, list) and not value:
            return f"annotate({formal.type}, [])"
        if isinstance(value, int) and formal.type == T.FLOAT:
            value = float(value)
        return self.constant(value)


class _Text:
    """A piece of text in the place of an expression."""

    def __init__(self, text):
        self.text = text


_CASTS = {
    "Bool": "bool",
    "Int": "int",
    "Float": "float",
    "FloatImplicit": "float",
    "IntImplicit": "int",
    "Complex": "complex",
}
_MEANT = frozenset(
    "torch ops CONSTANTS __torch__ fork wait annotate uninitialized unchecked_cast getattr hasattr isinstance int float bool complex str len range "
    "print list dict tuple enumerate zip inf nan infj nanj abs min max sum all any round sorted ord chr hash divmod and or not if else for in is None "
    "True False".split()
)


def code_of(function):
    """(the text of a function, its constants)"""
    printer = Printer()
    lines = printer.define(function)
    return "\n".join(lines) + "\n", _Named(printer.constants.values)


class _Named:
    """The constants of a text: `.c0`, and `const_mapping`."""

    def __init__(self, values):
        self.const_mapping = {f"c{i}": v for i, v in enumerate(values)}
        self.__dict__.update(self.const_mapping)

    def __getitem__(self, name):
        return self.const_mapping[name]
