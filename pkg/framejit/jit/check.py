"""The checker: from a function's syntax to typed `ir`. One of these checks one function.

What names mean is not its matter but that of `names`, which is either a Python function's surroundings (resolve.py) or an
archive's (archive_names.py): `names.lookup(name, where)` gives an `ir` expression or a Sugar or None, `names.annotation(node,
checker)` a type. The rules are in four parts: statements, expressions, calls, indexing.
"""

import ast

from . import ir, matching
from . import types as T
from .check_call import CallRules
from .check_expr import ExpressionRules
from .check_index import IndexRules
from .check_stmt import StatementRules
from .errors import NotSupportedError, UnsupportedNodeError, fail
from .functions import Parameter
from .schema import REQUIRED
from .scope import Scope

_UNSUPPORTED = {
    ast.ClassDef: "class definitions",
    ast.FunctionDef: "function definitions",
    ast.AsyncFunctionDef: "async function definitions",
    ast.AsyncFor: "async for loops",
    ast.AsyncWith: "async with statements",
    ast.Try: "try blocks",
    ast.Import: "import statements",
    ast.ImportFrom: "import statements",
    ast.Global: "global variables",
    ast.Nonlocal: "nonlocal variables",
    ast.Lambda: "lambda expressions",
    ast.Yield: "Yield",
    ast.YieldFrom: "YieldFrom",
    ast.Await: "Await",
    ast.Set: "set literals",
    ast.SetComp: "SetComp",
    ast.GeneratorExp: "GeneratorExp",
    ast.NamedExpr: "NamedExpr",
    ast.Match: "match statements",
}


class Checker(StatementRules, ExpressionRules, CallRules, IndexRules):
    """Checks one function."""

    def __init__(self, function, node, source, names, self_value=None):
        self.function, self.node, self.source, self.names = function, node, source, names
        self.self_value = self_value
        self.scope = Scope()
        self.returned, self.loops, self.temporaries = [], 0, 0
        self.pending = []  # statements that an expression needs in front of its own

    def where(self, node):
        return self.source.range_of(node)

    def unsupported(self, node):
        """Raises: TorchScript has no such construct."""
        kind = next((text for cls, text in _UNSUPPORTED.items() if isinstance(node, cls)), type(node).__name__)
        where = self.where(node)
        where.end_line, where.end_column = where.line, where.column + _keyword_length(node, where)
        raise UnsupportedNodeError(where, f"{kind} aren't supported")

    def not_supported(self, node, message):
        raise NotSupportedError(self.where(node), message)

    def declare(self, signature):
        """Reads the parameters; `signature` has annotations found elsewhere: name -> type, "return" -> type."""
        arguments = self.node.args
        for stray in (arguments.vararg, arguments.kwarg):
            if stray is not None:
                self.not_supported(
                    stray,
                    "Compiled functions can't take variable number of arguments or use keyword-only arguments with defaults",
                )
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
        pairs = [(a, d, False) for a, d in zip(positional, defaults)]
        pairs += [(a, d, True) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults)]
        params = []
        for at, (argument, default, keyword_only) in enumerate(pairs):
            params.append(self._parameter(argument, default, keyword_only, signature, at))
        self.function.params = params
        if "return" in signature:
            self.function.returns = signature["return"]
        elif self.node.returns is not None:
            self.function.returns = self.names.annotation(self.node.returns, self)
        elif self.node.name in ("__init__", "__exit__") and self.function.owner is not None:
            self.function.returns = T.NONE if self.node.name == "__init__" else None

    def _parameter(self, argument, default, keyword_only, signature, at):
        inferred = False
        if at == 0 and self.self_value is not None:
            return Parameter(argument.arg, self.self_value)
        if argument.arg in signature:
            found = signature[argument.arg]
        elif argument.annotation is not None:
            found = self.names.annotation(argument.annotation, self)
        else:
            found, inferred = T.TENSOR, True
        value = REQUIRED if default is None else self.names.default(argument.arg, default, found, self)
        return Parameter(argument.arg, found, value, keyword_only, inferred, broadcast_size(argument.annotation))

    def run(self):
        """Checks the body."""
        for p in self.function.params:
            self.scope.set(p.name, p.type)
        body = self.node.body
        if (
            body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and type(body[0].value.value) is str
        ):
            body = body[1:]
        self.function.body = self.statements(body)
        if self.function.returns is None:
            self.function.returns = self._joined_returns()
        else:
            self._check_missing_return()

    def _joined_returns(self):
        from .scope import ends

        if not self.returned:
            return T.NONE
        found = self.returned[0][0]
        for each, where in self.returned[1:]:
            joined = T.unify(found, each)
            if joined is None:
                fail(
                    where,
                    f"Previous return statement returned a value of type {found} but this return statement returns a value of type {each}\n",
                )
            found = joined
        if found != T.NONE and not ends(self.function.body) and not T.is_optional(found):
            fail(
                self.where(self.node),
                "Function does not return a value on every path; its return type is " + str(found),
            )
        return found

    def _check_missing_return(self):
        from .scope import ends

        if not T.is_optional(self.function.returns) and not ends(self.function.body) and self.node.name != "__init__":
            if self.function.returns is not T.ANY and not self._loops_for_ever():
                fail(
                    self.where(self.node),
                    f"Function was not annotated as having type None, but does not return along all paths ({self.function.returns})",
                )

    def _loops_for_ever(self):
        last = self.function.body[-1] if self.function.body else None
        return isinstance(last, ir.While) and isinstance(last.test, ir.Const) and last.test.value is True

    def temporary(self):
        """A name that no program uses."""
        self.temporaries += 1
        return f"_t{self.temporaries}_"

    def op(self, name, args, where, kwargs=None):
        """A call of an operator."""
        return matching.call(name, args, where, kwargs)

    def convert_to(self, value, to, where, message):
        """`value` as a type, or an error."""
        found = matching.convert(value, to)
        if found is None:
            fail(where, message)
        return found


def _keyword_length(node, where):
    """How much of a statement to underline: its keyword."""
    text = where.source.lines[where.line - 1][where.column :] if where.line <= len(where.source.lines) else ""
    word = 0
    while word < len(text) and (text[word].isalnum() or text[word] == "_"):
        word += 1
    return max(
        1,
        word
        if isinstance(node, ast.stmt)
        else min(where.end_column - where.column, len(text))
        if where.end_line == where.line
        else word,
    )


def broadcast_size(annotation):
    """The 2 of `BroadcastingList2[int]`, which may be in an Optional; None for other annotations."""
    for node in ast.walk(annotation) if annotation is not None else ():
        name = getattr(node, "id", getattr(node, "attr", ""))
        if name.startswith("BroadcastingList") and name[len("BroadcastingList") :].isdigit():
            return int(name[len("BroadcastingList") :])
    return None
