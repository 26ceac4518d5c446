"""The typed tree that scripted code is checked into, printed from and run from.

Expressions have `.type` and `.where` (a SourceRange or None); statements have `.where`. There is no phi: a variable has a
name and may be assigned again, as in Python. `OpCall.args` has an entry for each argument of the schema, None where the
default stands.
"""

from . import types as T


def _node(name, fields, doc):
    """A node class with these fields."""
    fields = fields.split()

    def __init__(self, *values, where=None, type=None):
        if len(values) != len(fields):
            raise TypeError(f"{name} takes {fields}")
        for field, value in zip(fields, values):
            setattr(self, field, value)
        self.where = where
        if type is not None:
            self.type = type

    def __repr__(self):
        return f"{name}({', '.join(repr(getattr(self, f)) for f in fields)})"

    slots = [f for f in (*fields, "where", "type")]
    return type(
        name, (), {"__slots__": slots, "__init__": __init__, "__repr__": __repr__, "__doc__": doc, "fields": fields}
    )


# expressions
Const = _node(
    "Const", "value", "A value that is known: a number, str, None, device, enum member, tensor, or a list of such."
)
Var = _node("Var", "name", "A local variable.")
GetAttr = _node("GetAttr", "obj name", "An attribute of an object or module, or a field of a named tuple.")
OpCall = _node("OpCall", "schema args extra", "A call of an operator; `extra` are what `...` of its schema takes.")
Call = _node("Call", "function args", "A call of a compiled function.")
CallMethod = _node("CallMethod", "obj name function args", "A call of a compiled method.")
CallInterface = _node("CallInterface", "obj name args", "A call of a method that only an interface declares.")
CallPython = _node("CallPython", "function args name", "A call back into Python, of an ignored function.")
New = _node("New", "cls args", "A new object of a compiled class.")
MakeTuple = _node("MakeTuple", "items", "A tuple; of a named one if its type is.")
MakeList = _node("MakeList", "items", "A list.")
MakeDict = _node("MakeDict", "keys values", "A dict.")
TupleItem = _node("TupleItem", "obj index", "An item of a tuple, by a known number.")
TupleSlice = _node("TupleSlice", "obj start stop", "Some items of a tuple, by known numbers.")
Choose = _node("Choose", "test yes no", "yes if test else no")
Logic = _node("Logic", "op left right", "`and` or `or` of two bools.")
IsNone = _node("IsNone", "obj negated", "obj is None, or is not.")
IsInstance = _node("IsInstance", "obj types", "Whether a value of a union is of one of the types.")
Cast = _node("Cast", "how value", "unchecked_cast(T, x), or annotate(T, x).")
Uninitialized = _node("Uninitialized", "", "A value that nobody reads.")
ListComp = _node("ListComp", "item loop", "A list from a loop.")
DictComp = _node("DictComp", "key value loop", "A dict from a loop.")
ToList = _node("ToList", "obj", "x.tolist(), whose type the program says.")
Fork = _node("Fork", "call", "A call whose result is asked for later.")

# what a loop goes over
Range = _node("Range", "args", "range(...)")
Each = _node("Each", "value", "The items of a list, the keys of a dict, the characters of a str, the rows of a tensor.")
Enumerate = _node("Enumerate", "inner start", "enumerate(...)")
Zip = _node("Zip", "inners", "zip(...)")
Loop = _node("Loop", "target over", "for target in over")

# statements
Assign = _node("Assign", "target value annotation", "target: a name, or a list of targets.")
SetAttr = _node("SetAttr", "obj name value", "obj.name = value")
Do = _node("Do", "value", "An expression for its effect.")
If = _node("If", "test yes no", "if")
While = _node("While", "test body", "while")
For = _node("For", "loop body", "for")
Return = _node("Return", "value", "return")
Break = _node("Break", "", "break")
Continue = _node("Continue", "", "continue")
Raise = _node("Raise", "message cls", "raise; `cls` is a Python class's name or None.")
Assert = _node("Assert", "test message", "assert")
Print = _node("Print", "args", "print")
With = _node("With", "context target body", "with")


def none(where=None):
    """The constant None."""
    return Const(None, where=where, type=T.NONE)


def const(value, where=None):
    """The constant of a Python number, str or None."""
    return Const(value, where=where, type=_PLAIN[type(value)])


_PLAIN = {type(None): T.NONE, bool: T.BOOL, int: T.INT, float: T.FLOAT, complex: T.COMPLEX, str: T.STR}


def is_pure(e):
    """Whether an expression may be repeated: it is a name, a constant, or an attribute of one."""
    return isinstance(e, (Var, Const)) or (isinstance(e, (GetAttr, TupleItem)) and is_pure(e.obj))


def children(node):
    """The nodes directly below."""
    for field in node.fields:
        yield from _nodes(getattr(node, field))


def _nodes(value):
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _nodes(one)
    elif hasattr(value, "fields") and hasattr(value, "where"):
        yield value


def walk(nodes):
    """Every node of a tree, outermost first."""
    stack = [nodes] if hasattr(nodes, "fields") else list(reversed(nodes))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(list(children(node))))
