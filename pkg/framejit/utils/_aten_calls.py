"""A call of an op row as PyTorch's dispatcher names it: an overload of `framejit.ops.aten`, positional and named arguments.

Overloads and their arguments are those of PyTorch's schemas (jit/operators.txt), found by the arguments' names and types and
kept for each row and combination of types. A row that PyTorch does not have keeps its name and its own arguments.
"""

import functools
import re

from framejit import _C, ops
from framejit.fx.experimental._overloads import overload_of
from framejit.jit import schema as schemas


def _said_softmax(name):
    # a dtype means a cast first, which the private operator does not do
    return lambda x, dim, dtype: None if dtype is not None else (f"_{name}.default", (x, dim, False), {})


# rows that PyTorch says in another way: row -> what becomes of its arguments (None: nothing special)
_SAID = {
    "_to_dtype": lambda x, dtype: ("_to_copy.default", (x,), {"dtype": dtype}),
    "view_dtype": lambda x, dtype: ("view.dtype", (x, dtype), {}),
    "narrow": lambda x, dim, start, length: ("slice.Tensor", (x, dim, start, start + length), {}),
    "softmax": _said_softmax("softmax"),
    "log_softmax": _said_softmax("log_softmax"),
    "sub": lambda x, y, alpha: (
        None if isinstance(x, _C.Tensor) else ("rsub.Scalar", (y, x) if alpha == 1 else (y, x, alpha), {})
    ),
}
# what PyTorch's operator wants beside the row's arguments
_COMPLETED = {"convolution": lambda given: {"transposed": False, "output_padding": [0] * len(given["stride"])}}
# their `other` may be a number, too
_TAKE_NUMBERS = frozenset("add sub mul div true_divide add_ sub_ mul_ div_".split())
_KINDS = {
    "int": int, "float": (float, int), "bool": bool, "str": str, "number": (int, float, complex), "Device": _C.device,
    "Scalar": (int, float, complex), "complex": (int, float, complex), "Generator": _C.Generator,
}  # fmt: skip


@functools.cache
def _row(name):
    """The names of a row's arguments and their defaults (as text)."""
    text = _C._row_schema(name)
    inside = text[text.index("(") + 1 : text.rindex("->")].rstrip()[:-1]
    parts = re.split(r",\s*(?![^()\[\]]*[)\]])", inside) if inside else []
    found = [re.match(r"\S+ (\w+)(?:=(.*))?$", part) for part in parts if part != "*"]
    return [(m.group(1), m.group(2)) for m in found]


def _is_default(value, text):
    if text is None:
        return False
    if value is None or text == "None":
        return value is None and text == "None"
    return (str(value) == text.strip("'\"") or str(value).lower() == text) or (
        type(value) is list and text.strip("[]") == ",".join(map(str, value))
    )


def _kind(value):
    """What decides between overloads."""
    return tuple(map(_kind, value)) if isinstance(value, (list, tuple)) and len(value) < 3 else type(value)


_known = {}


def call_of(row, values):
    """The operator, its positional arguments and the named ones."""
    given = {
        n: v
        for (n, default), v in zip(_row(row), values)
        if default is None or (v is not None and not _is_default(v, default))
    }
    if row in _SAID:
        said = _SAID[row](*values)
        if said is not None:
            name, _, overload = said[0].partition(".")
            return getattr(getattr(ops.aten, name), overload), *said[1:]
    if row in _COMPLETED:
        given |= _COMPLETED[row](given)
    key = (row, tuple((n, _kind(v)) for n, v in given.items()))
    if key not in _known:
        _known[key] = _find(row, given, values)
    func, positional, named = _known[key]
    if positional is None:
        return func, tuple(values), {}
    args = [given[n] if n in given else default for n, default in positional]
    return func, tuple(args), {theirs: given[n] for n, theirs in named if n in given}


def _find(row, given, values):
    name = row.partition(".")[0]
    if not hasattr(ops.aten, name):
        return _own(row), None, None
    for schema in schemas.overloads(f"aten::{name}"):
        bound = _bind(schema, given, name in _TAKE_NUMBERS)
        if bound is not None:
            return (getattr(getattr(ops.aten, name), schema.overload or "default"), *bound)
    if name.startswith("_"):
        return _own(row), None, None
    positional = [(n, None) for n, _ in _row(row) if n in given]
    return overload_of(name, list(values), {}), positional, ()


def _bind(schema, given, numbers):
    """([(our name, default) of positional ones], [(our name, theirs) of named ones]), or None where they do not fit."""
    known = {argument.name: argument for argument in schema.arguments}
    ours = {}
    for name in given:
        theirs = name if name in known else {"input": "self", "self": "input"}.get(name, name)
        if theirs not in known:
            return None
        ours[theirs] = name
    for argument in schema.arguments:
        if argument.name not in ours:
            if argument.default is schemas.REQUIRED:
                return None
            continue
        value = given[ours[argument.name]]
        if numbers and argument.name == "other" and not isinstance(value, (list, tuple, str)):
            continue
        if not _fits(value, str(argument.type), argument.size):
            return None
    positional = [a for a in schema.arguments if not a.keyword_only]
    while positional and positional[-1].name not in ours:
        positional.pop()
    named = [(ours[a.name], a.name) for a in schema.arguments if a.keyword_only and a.name in ours]
    return [(ours.get(a.name), a.default) for a in positional], named


def _fits(value, kind, size):
    if kind.startswith("Optional["):
        return value is None or _fits(value, kind[9:-1], size)
    if kind.startswith("List["):
        if isinstance(value, (list, tuple)):
            return all(_fits(part, kind[5:-1], None) for part in value)
        return size is not None and _fits(value, kind[5:-1], None)
    if isinstance(value, _C.Tensor) or kind == "Tensor":
        return isinstance(value, _C.Tensor) and kind == "Tensor"
    accepted = _KINDS.get(kind)
    if accepted is None:
        return not isinstance(value, (list, tuple))
    return isinstance(value, accepted) and not (kind == "int" and isinstance(value, bool))


_rows = {}


def _own(row):
    """The operator of a row that PyTorch does not have."""
    if row not in _rows:
        packet = ops.OpOverloadPacket(row.partition(".")[0], functools.partial(_C._call_row, row))
        _rows[row] = getattr(packet, row.partition(".")[2] or "default")
    return _rows[row]


def written_by(func, args, kwargs):
    """The arguments that an operator writes to."""
    packet, name = func.overloadpacket.__name__, func._overloadname
    for schema in schemas.overloads(f"aten::{packet}"):
        if (schema.overload or "default") != name:
            continue
        positional = [a for a in schema.arguments if not a.keyword_only]
        found = [v for a, v in zip(positional, args) if a.writes]
        return found + [kwargs[a.name] for a in schema.arguments if a.keyword_only and a.writes and a.name in kwargs]
    return [args[0]] if packet.endswith("_") and not packet.endswith("__") and args else []
