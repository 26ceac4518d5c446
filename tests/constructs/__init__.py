"""Constructs of Python, one function each, with tensor work before, inside and after the construct.

Every module here is a group of `docs/constructs.md`, which `tools/make_constructs.py` writes. A case is a function of a tensor
(and, if it has a second parameter, of a list that serves as its log), marked by `case`; its name is the construct's name.
`call_out` marks what no graph can hold (printing, the clock, files): such a frame is several graphs. `breaks.txt` lists the other
cases that are not one graph, by version and with the reason; a case that is not in it must be one graph.
"""

import sys
from importlib import import_module
from pathlib import Path

BREAKS_FILE = Path(__file__).with_name("breaks.txt")
GROUPS = (
    "functions",
    "statements",
    "functools_",
    "generators",
    "iteration",
    "expressions",
    "text",
    "lists",
    "mappings",
    "classes",
    "class_statements",
    "class_tools",
    "exceptions",
    "groups",
    "contexts",
    "effects",
    "modules",
    "call_outs",
)
CASES = []


class Case:
    def __init__(self, function, call_out):
        self.function = function
        self.group = sys.modules[function.__module__].TITLE
        self.name = function.__name__.strip("_").replace("_", " ")
        self.id = function.__module__.rpartition(".")[2] + "." + function.__name__.strip("_")
        self.call_out = call_out


def case(function=None, *, call_out=False, since=(3, 11)):
    """Registers a case, from Python `since` on."""

    def register(f):
        if sys.version_info >= since:
            CASES.append(Case(f, call_out))
        return f

    return register(function) if function else register


def load():
    """All cases, in the order of the table."""
    if not CASES:
        for name in GROUPS:
            import_module(f"{__name__}.{name}")
    return CASES


def known_breaks():
    """(version, case) -> reason, of what is not one graph."""
    rows = (line.split() for line in BREAKS_FILE.read_text().splitlines())
    return {(version, name): reason for version, name, reason in rows}
