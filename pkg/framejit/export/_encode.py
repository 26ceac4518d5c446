"""Graphs, signatures and structures as plain data for JSON, and back.

Reading trusts nothing: an operator is looked up in fixed tables, a value is of one of the kinds below, a node may use only those
before it, and names are plain identifiers. Whatever else stands there raises Refused.
"""

import builtins
import keyword
import math
import operator
import re
from collections import OrderedDict, deque

import framejit
from framejit import _C, _control_flow, broadcast_shapes, ops
from framejit.fx import Graph, GraphModule
from framejit.fx.node import Node
from framejit.jit import schema as schemas
from framejit.utils import _pytree as pytree

from ._aten import TensorInfo
from ._capture import placeholder
from ._extra_ops import OPERATORS
from .graph_signature import (
    ConstantArgument,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    SymIntArgument,
    TensorArgument,
)


class Refused(Exception):
    """The data says what no program may."""


# what acts on more than its arguments' elements
_DENIED = frozenset(
    "save warn backward manual_seed set_ resize_ resize_as_ requires_grad_ set_grad_enabled format wait from_file set_data "
    "record_stream open print".split()
)
_NUMBERS = {
    "operator": (operator, "add sub mul truediv floordiv mod pow neg pos abs lt le gt ge eq ne not_ and_ or_ xor lshift "
                           "rshift index truth getitem setitem invert matmul contains iadd isub imul itruediv ifloordiv imod "
                           "ipow iand ior ixor ilshift irshift".split()),
    "math": (math, "sqrt floor ceil trunc exp log log2 log10 pow gcd lcm isqrt prod fabs".split()),
    "builtins": (builtins, "min max abs int float bool round len sum".split()),
}  # fmt: skip
_FUNCTIONS = {getattr(home, name): f"{word}.{name}" for word, (home, names) in _NUMBERS.items() for name in names}
_FUNCTIONS[broadcast_shapes] = "framejit.broadcast_shapes"
_BY_NAME = {name: function for function, name in _FUNCTIONS.items()}
# operators that take functions, which are bodies: graphs of the file
_HIGHER = {
    f"higher_order.{op.__name__}": op
    for op in (_control_flow.cond_op, _control_flow.while_loop_op, _control_flow.scan_op, _control_flow.map_op)
}
_BODY = re.compile(r"[a-z][a-z_]*_[0-9]+")  # its name
# attributes of tensors that make others
_ATTRIBUTES = frozenset(("T", "mT", "H", "mH", "real", "imag"))
_SWITCHES = {"framejit._set_grad_enabled": _C._set_grad_enabled}
DTYPES = {str(v).rpartition(".")[2]: v for v in vars(_C).values() if isinstance(v, _C.dtype)}
_FORMATS = {str(v).rpartition(".")[2]: v for v in vars(_C).values() if isinstance(v, _C.memory_format)}
_LAYOUTS = {str(v).rpartition(".")[2]: v for v in vars(_C).values() if isinstance(v, _C.layout)}


# ---- operators --------------------------------------------------------------------------------------------


def _target_name(target):
    if isinstance(target, ops.OpOverload) and _is_operator(target.overloadpacket.__name__):
        return f"aten.{target.__name__}"
    if target in _FUNCTIONS:
        return _FUNCTIONS[target]
    name = getattr(target, "__name__", "")
    for known, function in (*_SWITCHES.items(), *_HIGHER.items()):
        if function is target:
            return known
    if target is getattr:
        return "attribute"
    for space, home in _homes():
        if _is_operator(name) and getattr(home, name, None) is target:
            return f"{space}.{name}"
    if _raw(name) is target:
        return f"framejit.{name}"
    raise NotImplementedError(f"export.save: a call of {name or target!r} cannot be written to a file")


def _homes():
    """Where functions of an operator's name are looked up, for bodies: these call what the program called."""
    return ("function", framejit), ("nn", framejit.nn.functional)


def _is_operator(name):
    if name in OPERATORS:
        return True
    if name in _DENIED:
        return False
    return any("Tensor" in schema.text for schema in schemas.overloads(f"aten::{name}")) or _row(name) is not None


def _raw(name):
    """A private operator of the extension."""
    return _row(name) if name.startswith("_") else None


def _row(name):
    """An operator of the extension: a function whose docstring begins with its schema."""
    function = vars(_C).get(name) or vars(_C._nn).get(name)
    text = getattr(function, "__doc__", None) or ""
    is_row = type(function) is type(_C.add) and text.startswith(f"{name}(") and "Tensor" in text.partition("\n")[0]
    return function if is_row and name not in _DENIED else None


def _target(text):
    _need(isinstance(text, str), "an operator that is no text")
    if text in _BY_NAME:
        return _BY_NAME[text]
    if text in _SWITCHES or text in _HIGHER:
        return _SWITCHES.get(text) or _HIGHER[text]
    if text == "attribute":
        return getattr
    space, _, rest = text.partition(".")
    if space == "aten":
        name, _, overload = rest.partition(".")
        if _is_identifier(name) and _is_identifier(overload) and not overload.startswith("_") and _is_operator(name):
            packet = getattr(ops.aten, name, None)
            if packet is not None:
                return getattr(packet, overload)
    elif space == "framejit" and _is_identifier(rest) and _raw(rest) is not None:
        return _raw(rest)
    elif space in dict(_homes()) and _is_identifier(rest) and not rest.startswith("_") and _is_operator(rest):
        function = getattr(dict(_homes())[space], rest, None)
        if callable(function) and not isinstance(function, type):
            return function
    raise Refused(f"{text!r} is no operator")


def _is_identifier(text):
    return isinstance(text, str) and text.isascii() and text.isidentifier() and not keyword.iskeyword(text)


def _need(condition, text):
    if not condition:
        raise Refused(text)


# ---- values -----------------------------------------------------------------------------------------------


def encode(value, index=None):
    """A node's argument, or a constant, as data."""
    kind = type(value)
    if value is None or kind in (bool, str, int):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    if isinstance(value, Node):
        return {"node": index[value]}
    if isinstance(value, list):
        return [encode(part, index) for part in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(part, index) for part in value]}
    if isinstance(value, slice):
        return {"slice": [encode(part, index) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, dict):
        return {"dict": [[encode(k, index), encode(v, index)] for k, v in value.items()]}
    if value is Ellipsis:
        return {"ellipsis": True}
    for word, type_ in (("dtype", _C.dtype), ("memory_format", _C.memory_format), ("layout", _C.layout)):
        if isinstance(value, type_):
            return {word: str(value).rpartition(".")[2]}
    if isinstance(value, _C.device):
        return {"device": str(value)}
    raise NotImplementedError(f"export.save: a value of type {kind.__name__} cannot be written to a file")


def decode(data, nodes=()):
    """What `encode` made data of."""
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    if isinstance(data, list):
        return [decode(part, nodes) for part in data]
    _need(isinstance(data, dict) and len(data) == 1, "a value of no known kind")
    (word, inner), *_ = data.items()
    reader = _READERS.get(word)
    _need(reader is not None, f"a value of the unknown kind {word!r}")
    return reader(inner, nodes)


def _node(inner, nodes):
    _need(type(inner) is int and 0 <= inner < len(nodes), "a node that uses one that does not come before it")
    return nodes[inner]


def _parts(inner, count=None):
    _need(isinstance(inner, list) and (count is None or len(inner) == count), "a value with the wrong number of parts")
    return inner


def _number(inner):
    try:
        return float(inner) if isinstance(inner, str) else _need(False, "a number that is none")
    except ValueError:
        raise Refused(f"{inner!r} is no number") from None


def _named(table):
    def read(inner, nodes):
        _need(isinstance(inner, str) and inner in table, f"{inner!r} is unknown")
        return table[inner]

    return read


def _device(inner, nodes):
    _need(inner in ("cpu", "meta"), f"the device {inner!r}")
    return _C.device(inner)


def _dict(inner, nodes):
    pairs = [_parts(pair, 2) for pair in _parts(inner)]
    _need(all(isinstance(key, (str, int, type(None))) for key, _ in pairs), "a dict with keys that are no names")
    return {key: decode(value, nodes) for key, value in pairs}


_READERS = {
    "node": _node,
    "tuple": lambda inner, nodes: tuple(decode(part, nodes) for part in _parts(inner)),
    "slice": lambda inner, nodes: slice(*(decode(part, nodes) for part in _parts(inner, 3))),
    "dict": _dict,
    "float": lambda inner, nodes: _number(inner),
    "complex": lambda inner, nodes: complex(*(_number(part) for part in _parts(inner, 2))),
    "ellipsis": lambda inner, nodes: Ellipsis,
    "dtype": _named(DTYPES),
    "memory_format": _named(_FORMATS),
    "layout": _named(_LAYOUTS),
    "device": _device,
}


# ---- graphs -----------------------------------------------------------------------------------------------


def bodies_data(module):
    """The bodies that a graph's operators take, by name, each with its own."""
    return {
        name: {"nodes": graph_data(child.graph, dict(child.named_children())), "bodies": bodies_data(child)}
        for name, child in module.named_children()
    }


def bodies_of(data):
    """The modules that the data says."""
    _need(isinstance(data, dict) and all(map(_BODY.fullmatch, data)), "bodies that are none")
    out = {}
    for name, row in data.items():
        _need(isinstance(row, dict), "a body that is none")
        inner = bodies_of(row["bodies"])
        out[name] = GraphModule(inner, graph_of(row["nodes"], inner))
    return out


def graph_data(graph, bodies):
    """The nodes of a graph, in order."""
    index, out, memories = {}, [], {}
    for node in graph.nodes:
        row = {"op": node.op, "name": node.name}
        if node.op in ("call_function", "call_method"):
            row["target"] = _target_name(node.target) if node.op == "call_function" else _method(node.target)
            if node.target is getattr and node.args[1] not in _ATTRIBUTES:
                raise NotImplementedError(f"export.save: the attribute {node.args[1]} cannot be written to a file")
            row["args"] = [encode(arg, index) for arg in node.args]
            row["kwargs"] = {key: encode(value, index) for key, value in node.kwargs.items()}
        elif node.op == "output":
            row["args"] = [encode(arg, index) for arg in node.args[0]]
        elif node.op == "get_attr" and node.target in bodies:
            row["target"] = node.target
        elif node.op != "placeholder":
            raise NotImplementedError(
                f"export.save: a node of kind {node.op} ({node.target}) cannot be written to a file"
            )
        info = node.meta.get("val")
        if isinstance(info, TensorInfo):
            row["val"] = [list(info.shape), str(info.dtype).rpartition(".")[2]]
            if info.alias is not None:
                row["val"].append(memories.setdefault(info.alias, len(memories) + 1))
        elif node.op != "output" and isinstance(info, (bool, int, float)):
            row["number"] = encode(info)
        index[node] = len(index)
        out.append(row)
    return out


def _method(name):
    if not _is_method(name):
        raise NotImplementedError(f"export.save: a call of the method {name} cannot be written to a file")
    return name


def _is_method(name):
    return not name.startswith("_") and hasattr(_C.Tensor, name) and _is_operator(name)


def graph_of(rows, bodies):
    """The graph that the data says, whose operators may take these bodies."""
    graph, nodes, names = Graph(), [], set()
    _need(isinstance(rows, list) and rows, "no nodes")
    for i, row in enumerate(rows):
        _need(isinstance(row, dict), "a node that is none")
        op, name = row.get("op"), row.get("name")
        _need(_is_identifier(name) and name not in names, f"a node of the name {name!r}")
        names.add(name)
        if op == "placeholder":
            node = placeholder(graph, name)
        elif op == "get_attr":
            _need(row.get("target") in bodies, f"the body {row.get('target')!r} is not there")
            node = graph.create_node("get_attr", row["target"], (), {}, name)
        elif op in ("call_function", "call_method"):
            kwargs = row.get("kwargs", {})
            _need(isinstance(kwargs, dict) and all(map(_is_identifier, kwargs)), "names of arguments that are none")
            args = tuple(decode(arg, nodes) for arg in _parts(row.get("args")))
            named = {key: decode(value, nodes) for key, value in kwargs.items()}
            target = row.get("target")
            if op == "call_method":
                _need(_is_identifier(target) and _is_method(target) and args, f"{target!r} is no method")
            else:
                target = _target(target)
                _need(target is not getattr or len(args) == 2 and args[1] in _ATTRIBUTES, "an attribute of no tensor")
            node = graph.create_node(op, target, args, named, name)
        else:
            _need(op == "output" and i == len(rows) - 1, f"a node of the kind {op!r}")
            node = graph.output(tuple(decode(arg, nodes) for arg in _parts(row.get("args"))))
        _need(op == "output" or node.name == name, f"a node of the name {name!r}")
        node.meta.update(_meta(row))
        nodes.append(node)
    _need(rows[-1].get("op") == "output", "no output")
    return graph


def _meta(row):
    if "number" in row:
        return {"val": decode(row["number"])}
    if "val" not in row:
        return {}
    shape, dtype, *memory = _parts(row["val"])
    _need(
        isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape) and dtype in DTYPES,
        "a shape that is none",
    )
    return {"val": TensorInfo(shape, DTYPES[dtype], memory[0] if memory else None)}


# ---- structures and signatures ----------------------------------------------------------------------------


_TREES = {"tuple": tuple, "list": list, "dict": dict, "OrderedDict": OrderedDict, "deque": deque}


def tree_data(spec):
    """A structure of arguments or results."""
    if spec.is_leaf():
        return None
    for word, kind in _TREES.items():
        if spec.type is kind:
            return {word: [tree_data(child) for child in spec.children_specs], "context": encode(spec.context)}
    raise NotImplementedError(f"export.save: containers of type {spec.type.__name__} cannot be written to a file")


def tree_of(data, depth=0):
    """The structure that the data says."""
    _need(depth < 64, "a structure that is too deep")
    if data is None:
        return pytree.LeafSpec()
    _need(isinstance(data, dict) and len(data) == 2 and "context" in data, "a structure that is none")
    word = next(key for key in data if key != "context")
    _need(word in _TREES, f"a container of the unknown type {word!r}")
    children = tuple(tree_of(child, depth + 1) for child in _parts(data[word]))
    context = decode(data["context"])
    if word in ("dict", "OrderedDict"):
        _need(isinstance(context, list) and len(context) == len(children), "a dict whose keys do not fit")
        _need(
            all(isinstance(k, (str, int, float, bool, type(None))) for k in context),
            "a dict with keys that are no names",
        )
    else:
        _need(context is None or word == "deque" and type(context) is int and context >= 0, "a structure that is none")
    return pytree.TreeSpec(_TREES[word], context, children)


_ARGUMENTS = {"tensor": TensorArgument, "number": SymIntArgument}


def _argument_data(arg):
    if isinstance(arg, ConstantArgument):
        return {"constant": encode(arg.value), "name": arg.name}
    return {"tensor" if isinstance(arg, TensorArgument) else "number": arg.name}


def _argument(data):
    _need(isinstance(data, dict), "an argument that is none")
    if "constant" in data:
        return ConstantArgument(data.get("name", ""), decode(data["constant"]))
    (word, name), *_ = data.items()
    _need(word in _ARGUMENTS and isinstance(name, str), "an argument that is none")
    return _ARGUMENTS[word](name)


def spec_data(spec):
    """An InputSpec or OutputSpec."""
    row = {"kind": spec.kind.name, "arg": _argument_data(spec.arg), "target": spec.target}
    if isinstance(spec, InputSpec):
        row["persistent"] = spec.persistent
    return row


def spec_of(row, is_input):
    """What `spec_data` made data of."""
    _need(isinstance(row, dict), "a signature that is none")
    kinds = InputKind if is_input else OutputKind
    kind, target = row.get("kind"), row.get("target")
    _need(isinstance(kind, str) and kind in kinds.__members__, f"an input or output of the kind {kind!r}")
    _need(target is None or isinstance(target, str), "a target that is no name")
    arg = _argument(row.get("arg"))
    if not is_input:
        return OutputSpec(kinds[kind], arg, target)
    _need(row.get("persistent") in (None, True, False), "a signature that is none")
    return InputSpec(kinds[kind], arg, target, row.get("persistent"))
