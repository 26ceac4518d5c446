"""CompilationUnit: functions defined by TorchScript source that is given as text."""

import ast
import sys
import textwrap

from .api import ScriptFunction, type_comment
from .check import Checker
from .errors import ScriptError, Source, fail
from .functions import Function
from .resolve import PythonNames
from .values import FunctionValue


class CompilationUnit:
    """Functions of a text. They are attributes, and may call each other; other names mean what they mean where the text is given.

    lang (str or None): definitions of functions. Raises RuntimeError with the place in the text for what is no TorchScript,
    and for a name that is defined already.

    >>> import framejit
    >>> unit = framejit.jit.CompilationUnit('''
    ... def plus(x, n: int):
    ...     return x + n
    ... def twice(x):
    ...     return plus(plus(x, 1), 1)
    ... ''')
    >>> unit.twice(framejit.ones(2))
    tensor([3., 3.])
    """

    def __init__(self, lang=None, _frames_up=0):
        self._functions = {}
        if lang is not None:
            self.define(lang, _frames_up=_frames_up + 1)

    def define(self, lang, rcb=None, _frames_up=0):
        """Add the functions of a text: all of them or, where one has an error, none.

        lang (str); rcb (callable or None): gives the value of a name, or None; instead of the names at the call.
        """
        frame = sys._getframe(_frames_up + 1)
        known = {name: function._function for name, function in self._functions.items()}
        names = _Names(dict(frame.f_globals), dict(frame.f_locals), rcb, known)
        text = textwrap.dedent(lang)
        source = Source("<string>", text)
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ScriptError(f"the text cannot be read: {error}") from None
        made = []
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef):
                fail(source.range_of(node), f"{type(node).__name__} is no definition of a function")
            if node.name in known:
                fail(source.range_of(node), f"method '{node.name}' already defined.")
            known[node.name] = Function(f"__torch__.{node.name}", _checker(node, source, names))
            made.append(node.name)
        for name in made:
            known[name].ensure()
        self._functions.update((name, ScriptFunction(known[name])) for name in made)

    def find_function(self, name):
        """The function of that name, or None."""
        return self._functions.get(name)

    def get_functions(self):
        """All functions, as a list."""
        return list(self._functions.values())

    def __getattr__(self, name):
        found = self.__dict__.get("_functions", {}).get(name)
        if found is None:
            raise AttributeError(f"'CompilationUnit' has no attribute '{name}'")
        return found


CompilationUnit.__module__ = "framejit.jit"


class _Names(PythonNames):
    """Functions of the unit come first, then what surrounds the text."""

    def __init__(self, globals, locals, rcb, functions):
        super().__init__(globals, locals)
        self.rcb, self.functions = rcb, functions

    def lookup(self, name, where, checker):
        if name in self.functions:
            return FunctionValue(self.functions[name])
        return super().lookup(name, where, checker)

    def find(self, name):
        if self.rcb is not None:
            value = self.rcb(name)
            return value is not None, value
        return super().find(name)

    def default(self, name, node, t, checker):
        try:
            ast.literal_eval(node)
        except (ValueError, TypeError, RecursionError):
            fail(checker.where(node), f"the default of '{name}' must be a constant")
        return super().default(name, node, t, checker)


def _checker(node, source, names):
    def check(function):
        checker = Checker(function, node, source, names)
        checker.declare(type_comment(node, source, names, checker, False))
        return checker.run

    return check
