"""A captured graph as a graph of operators, `framejit.ops.aten.<name>.<overload>`, and of arithmetic on sizes.

Capture gives calls of functions, methods and Python's operators. Here numbers that do not depend on open sizes become
constants, `x.size()` becomes `aten.sym_size.int` for each dimension that is needed, subscripts become `select`, `slice`,
`unsqueeze` and `index`, and what the program took for granted about sizes becomes `aten._assert_scalar`.
"""

import math
import operator

from framejit import _C, ops
from framejit.fx.experimental._overloads import overload_of
from framejit.fx.graph_module import GraphModule
from framejit.fx.node import Node, map_aggregate
from framejit.jit import schema as schemas

from ._fixed_sizes import FixedSizes

# methods that take sizes or dimensions one by one or as a list
_LISTS = frozenset(
    "view reshape expand permute repeat tile flip new_zeros new_ones new_empty movedim sum_to_size unflatten roll rot90".split()
)
_DTYPES = {
    "float": _C.float32, "double": _C.float64, "half": _C.float16, "bfloat16": _C.bfloat16, "int": _C.int32,
    "long": _C.int64, "short": _C.int16, "char": _C.int8, "byte": _C.uint8, "bool": _C.bool,
}  # fmt: skip
_OPERATORS = {
    "truediv": "div", "floordiv": "floor_divide", "mod": "remainder", "and_": "bitwise_and", "or_": "bitwise_or",
    "xor": "bitwise_xor", "invert": "bitwise_not", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
    "iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "ipow": "pow_", "iand": "bitwise_and_",
    "ior": "bitwise_or_", "ixor": "bitwise_xor_", "ifloordiv": "floor_divide_", "imod": "remainder_", "pos": "positive",
}  # fmt: skip
# what does not depend on the sizes of a tensor
_FIXED = frozenset(
    "dim ndimension element_size is_floating_point is_complex is_signed get_device is_pinned type".split()
)
# questions about types and modes, whose answers were guarded or hold for any traced call
_PLAIN = frozenset(("_profiling", "_is_tracing"))
_ATTRIBUTES = {"T": "t", "mT": "", "H": "t", "mH": "", "data": "detach", "real": "real", "imag": "imag"}
_COMMUTES = frozenset(("add", "mul", "bitwise_and", "bitwise_or", "bitwise_xor", "eq", "ne"))
_MIRRORED = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}


# the overload for tensors takes numbers, too
_TAKE_NUMBERS = frozenset(("add", "sub", "mul", "div", "true_divide"))


def overload(name, args, kwargs, is_tensor):
    """The operator that a call means in PyTorch's names, and its arguments in its order without trailing defaults."""
    for schema in schemas.overloads(f"aten::{name}"):
        bound = _bind(schema, args, kwargs, is_tensor, name.rstrip("_") in _TAKE_NUMBERS)
        if bound is not None:
            return (getattr(getattr(ops.aten, name), schema.overload or "default"), *bound)
    return overload_of(name, [a for a in args], kwargs), tuple(args), dict(kwargs)


def _bind(schema, args, kwargs, is_tensor, numbers):
    positional = [a for a in schema.arguments if not a.keyword_only]
    if len(args) > len(positional) or schema.variadic:
        return None
    given = {argument.name: value for argument, value in zip(positional, args)}
    known = {argument.name: argument for argument in schema.arguments}
    for name, value in kwargs.items():
        name = {"input": "self"}.get(name, name)
        if name in given or name not in known:
            return None
        given[name] = value
    for argument in schema.arguments:
        if argument.name not in given:
            if argument.default is schemas.REQUIRED:
                return None
        elif numbers and argument.name == "other" and not isinstance(given["other"], (list, tuple, str)):
            continue
        elif not _fits(given[argument.name], str(argument.type), argument.size, is_tensor):
            return None
    out, rest = [], {name: list(value) if type(value) is tuple else value for name, value in given.items()}
    for argument in positional:
        if argument.name not in rest:
            break
        out.append(rest.pop(argument.name))
    while out and not isinstance(out[-1], Node) and _is_default(out[-1], positional[len(out) - 1]):
        out.pop()
    return tuple(out), {("input" if name == "self" else name): value for name, value in rest.items()}


def _is_default(value, argument):
    default = argument.default
    return default is not schemas.REQUIRED and type(value) is type(default) and value == default


def _fits(value, kind, size, is_tensor):
    if kind.startswith("Optional["):
        return value is None or _fits(value, kind[9:-1], size, is_tensor)
    if kind.startswith("List["):
        if isinstance(value, (list, tuple)):
            return all(_fits(part, kind[5:-1], None, is_tensor) for part in value)
        return size is not None and _fits(value, kind[5:-1], None, is_tensor)
    if isinstance(value, Node):
        return (kind == "Tensor") == is_tensor(value) and kind in ("Tensor", "int", "float", "number", "Scalar")
    accepted = _KINDS.get(kind)
    if accepted is None:
        return not isinstance(value, (list, tuple))
    return isinstance(value, accepted) and not (kind == "int" and isinstance(value, bool))


_KINDS = {
    "Tensor": (), "int": int, "float": (float, int), "bool": bool, "str": str, "number": (int, float, complex),
    "Scalar": (int, float, complex), "complex": complex, "Generator": _C.Generator,
}  # fmt: skip


class Normaliser:
    """Copies captured nodes into `graph`. `values`: captured node -> what stands for it in the new graph (a Node, a constant,
    or a tuple of both). `examples`: captured node -> what it was at the export. `has_open`: whether any size is open."""

    def __init__(self, graph, examples, has_open):
        self.graph, self.examples, self.has_open = graph, examples, has_open
        self.values, self.shapes, self.sizes, self.known, self.parts = {}, {}, {}, {}, {}
        self.fixed = FixedSizes()
        # what is noted of the nodes that a call becomes; how many calls of each function there were
        self.origin, self.calls = {}, {}

    # ---- facts

    def is_tensor(self, node):
        """Whether a node of the new graph is a tensor."""
        return node in self.shapes

    def note_tensor(self, node, example, fixed=None):
        """Says what a node of the new graph was, and which of its sizes are fixed (all, unless given)."""
        self.shapes[node] = example
        self.fixed.note(node, example.shape, range(example.dim()) if fixed is None else fixed)
        node.meta["fixed"] = self.fixed.dims[node]

    def resolve(self, value):
        return map_aggregate(value, lambda leaf: self.values[leaf] if isinstance(leaf, Node) else leaf)

    def size(self, node, dim):
        """The size of a tensor's dimension: a number where it is not open, else a node."""
        shape = self.shapes[node].shape
        dim %= len(shape)
        if not self.has_open or self.fixed.has(node, dim):
            return shape[dim]
        if (node, dim) not in self.sizes:
            found = self.graph.call_function(ops.aten.sym_size.int, (node, dim), name="sym_size_int")
            found.meta["val"] = shape[dim]
            self.sizes[node, dim] = found
        return self.sizes[node, dim]

    # ---- nodes

    def run(self, node):
        """Takes over one captured node."""
        args, kwargs = self.resolve(node.args), self.resolve(node.kwargs)
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
        example = self.examples.get(node)
        self.origin = self._origin_of(node, name)
        if node.op == "get_attr" and isinstance(example, GraphModule):
            value = self.graph.create_node("get_attr", node.target, (), {}, node.name)  # a body
        elif name == "size" and self._first_is_tensor(args):
            rank = self.shapes[args[0]].dim()
            value = self.size(*args) if len(args) > 1 else tuple(self.size(args[0], i) for i in range(rank))
        elif name in _FIXED and self._first_is_tensor(args) or name in _PLAIN:
            value = example
        elif name == "is_contiguous" and self._first_is_tensor(args) and not self.has_open:
            value = example
        elif name in ("numel", "nelement") and self._first_is_tensor(args):
            value = self._product(tuple(self.size(args[0], i) for i in range(self.shapes[args[0]].dim())))
        elif node.target is operator.getitem and isinstance(args[0], tuple):
            value = self._item(args)
        elif not self._any_tensor((args, kwargs)) and not _has_tensor(example) and not _acts(node):
            value = self._number(node, name, args, kwargs, example)
        else:
            value = self._call(node, name, args, kwargs, example)
        self.values[node] = value
        for expected in self.known.get(node, ()):
            self._assert(node, value, expected)

    def _origin_of(self, node, name):
        """What is noted of the nodes that a call becomes: its name, and the function, which passes look for."""
        if node.op not in ("call_function", "call_method") or not name:
            return {}
        self.calls[name] = self.calls.get(name, 0) + 1
        own = f"{name}_{self.calls[name]}"
        if node.op == "call_method":
            return {"torch_fn": (own, f"method_descriptor.{name}")}
        kind = type(node.target).__name__
        return {"torch_fn": (own, f"{kind}.{name}"), "source_fn_stack": [(own, node.target)]}

    def _first_is_tensor(self, args):
        return bool(args) and isinstance(args[0], Node) and self.is_tensor(args[0])

    def _any_tensor(self, args):
        found = []
        map_aggregate(
            args, lambda leaf: found.append(leaf) if isinstance(leaf, Node) and self.is_tensor(leaf) else None
        )
        return bool(found)

    def _item(self, args):
        return (
            operator.getitem(*args)
            if not isinstance(args[1], Node)
            else self.graph.call_function(operator.getitem, args)
        )

    def _number(self, node, name, args, kwargs, example):
        if not _nodes((args, kwargs)):
            return example
        if name == "len" and isinstance(args[0], (tuple, list)):
            return len(args[0])
        if name == "numel" and isinstance(args[0], tuple):
            return self._product(args[0])
        if node.target is operator.add and all(isinstance(a, (tuple, list)) for a in args):
            return tuple(args[0]) + tuple(args[1])
        target = getattr(operator, name, None) if node.op == "call_method" else node.target
        if target in (operator.contains, operator.is_, operator.is_not):
            return example
        made = self.graph.call_function(target, args, kwargs)
        made.meta["val"] = example
        return made

    def _product(self, sizes):
        total = math.prod(size for size in sizes if not isinstance(size, Node))
        for size in sizes:
            if isinstance(size, Node):
                value = (total.meta["val"] if isinstance(total, Node) else total) * size.meta["val"]
                total = self.graph.call_function(operator.mul, (size, total))
                total.meta["val"] = value
        return total

    def _assert(self, node, value, expected):
        """What the program took for granted must hold when the graph runs."""
        if not isinstance(value, Node) or self.is_tensor(value):
            return
        if expected is False:
            holds = self.graph.call_function(operator.not_, (value,))
        else:
            holds = value if expected is True else self.graph.call_function(operator.eq, (value, expected))
        holds.meta.setdefault("val", True)
        text = f"the exported program holds only for sizes for which {told(holds)} holds"
        check = self.graph.call_function(ops.aten._assert_scalar.default, (holds, text), name="_assert_scalar")
        check.meta["val"] = None

    # ---- operators

    def _call(self, node, name, args, kwargs, example):
        target = node.target
        if node.op == "call_module" or node.op == "get_attr" or _is_region(target):
            return self._note(self.graph.create_node(node.op, target, args, kwargs, node.name), example)
        if target is getattr and args[1] in _ATTRIBUTES:
            return self._attribute(args[0], args[1], example)
        if target is getattr:
            return example
        if target is operator.getitem:
            if not self._first_is_tensor(args):
                made = self._note(self.graph.call_function(target, args), example)
                if isinstance(example, _C.Tensor):
                    self.note_tensor(made, example, self.parts.get(args[0], ()))
                return made
            return self._subscript(args[0], args[1], example)
        if target is operator.setitem:
            return self._assign(*args)
        if getattr(target, "__module__", "") in ("_operator", "operator"):
            return self._operator(name, args, example)
        if node.op == "call_method":
            args = _packed(name, args, self.is_tensor)
        if name in _DTYPES and node.op == "call_method":
            return self.emit("to", (args[0], _DTYPES[name]), kwargs, example)
        if name.startswith("_") or not _is_operator(name, target, node.op):
            if not _has_tensor(example) and example is not None:
                raise NotImplementedError(f"export: what {name} of a tensor gives cannot depend on sizes that are open")
            return self._note(self.graph.create_node(node.op, target, args, kwargs), example)
        return self.emit(name, args, kwargs, example)

    def _attribute(self, x, name, example):
        rank = self.shapes[x].dim()
        if name in ("T", "H") and rank > 2:
            return self.emit("permute", (x, list(range(rank))[::-1]), {}, example)
        if name in ("mT", "mH") or name == "H" and rank == 2:
            if name != "mT" and self.shapes[x].is_complex():
                raise NotImplementedError(f"export: .{name} of a complex tensor")
            return self.emit("transpose", (x, -2, -1), {}, example)
        return self.emit(_ATTRIBUTES[name], (x,), {}, example)

    def emit(self, name, args, kwargs, example):
        """A call of the operator of that name; gives the node, or the tuple of its results."""
        target, args, kwargs = overload(name, args, kwargs, self.is_tensor)
        return self._note(self.graph.call_function(target, args, kwargs, name=name), example, name)

    def _note(self, made, example, name=""):
        made.meta["val"] = described(example)
        made.meta.update(self.origin)
        if isinstance(example, _C.Tensor):
            self.note_tensor(made, example, self.fixed.of_call(name, made.args, made.kwargs, example.dim()))
        elif isinstance(example, (tuple, list)) and all(isinstance(part, _C.Tensor) for part in example):
            ranks = {part.dim() for part in example}
            if len(ranks) == 1:
                self.parts[made] = self.fixed.of_call(name, made.args, made.kwargs, *ranks)
        return made

    def _operator(self, name, args, example):
        name = _OPERATORS.get(name, name)
        if not self._first_is_tensor(args):
            if name in _COMMUTES:
                args = args[::-1]
            elif name in _MIRRORED:
                name, args = _MIRRORED[name], args[::-1]
            elif name == "sub":
                name, args = "rsub", args[::-1]
            elif name == "div":
                inverse = self.emit("reciprocal", (args[1],), {}, example)
                name, args = "mul", (inverse, args[0])
        return self.emit(name, args, {}, example)

    def _subscript(self, x, index, example):
        view, rest = self._basic(x, index)
        if rest is None:
            return view if view is not x else self.emit("alias", (x,), {}, self.shapes[x])
        return self.emit("index", (view, rest), {}, example)

    def _assign(self, x, index, value):
        view, rest = self._basic(x, index)
        if rest is not None:
            if not (isinstance(value, Node) and self.is_tensor(value)):
                value = self.emit(
                    "scalar_tensor", (value,), {"dtype": self.shapes[x].dtype}, _C.zeros((), dtype=self.shapes[x].dtype)
                )
            return self.emit("index_put_", (view, rest, value), {}, self.shapes[view])
        tensor = isinstance(value, Node) and self.is_tensor(value)
        return self.emit("copy_" if tensor else "fill_", (view, value), {}, self.shapes[view])

    def _basic(self, x, index):
        """The view that the ints, slices, None and ... of a subscript make, and the list of index tensors (or None)."""
        index = tuple(index) if isinstance(index, (tuple, list)) and not _is_index_list(index) else (index,)
        taken = sum(self._consumes(part) for part in index)
        if any(part is Ellipsis for part in index):
            at = next(i for i, part in enumerate(index) if part is Ellipsis)
            fill = (slice(None),) * (self.shapes[x].dim() - taken)
            index = index[:at] + fill + tuple(part for part in index[at + 1 :] if part is not Ellipsis)
        view, dim, tensors = x, 0, []
        for part in index:
            example = self.shapes[view]
            if part is None:
                view, dim = self.emit("unsqueeze", (view, dim), {}, example.unsqueeze(dim)), dim + 1
                tensors.append(None)
            elif isinstance(part, slice):
                if part != slice(None):
                    ends = (part.start, part.stop, part.step)
                    real = slice(*(p.meta["val"] if isinstance(p, Node) else p for p in ends))
                    step = () if part.step in (None, 1) else (part.step,)
                    stop = part.stop if part.stop is not None else 2**63 - 1
                    example = example[(slice(None),) * dim + (real,)]
                    view = self.emit("slice", (view, dim, part.start or 0, stop, *step), {}, example)
                tensors.append(None)
                dim += 1
            elif isinstance(part, Node) and self.is_tensor(part):
                tensors.append(part)
                dim += self._consumes(part)
            elif isinstance(part, (list, tuple)):
                constant = self.emit("tensor", (list(part),), {}, _C.tensor(part))
                tensors.append(constant)
                dim += 1
            elif isinstance(part, bool):
                raise NotImplementedError("export: a subscript that is a bool")
            else:
                number = part.meta["val"] if isinstance(part, Node) else part
                view = self.emit("select", (view, dim, part), {}, example.select(dim, number))
        return view, tensors if any(t is not None for t in tensors) else None

    def _consumes(self, part):
        """How many dimensions a part of a subscript takes."""
        if part is None or part is Ellipsis:
            return 0
        if isinstance(part, Node) and self.is_tensor(part) and self.shapes[part].dtype in (_C.bool, _C.uint8):
            return self.shapes[part].dim()
        return 1


def _is_index_list(index):
    return isinstance(index, list) and bool(index) and all(isinstance(i, int) for i in index)


def _packed(name, args, is_tensor):
    if name not in _LISTS or len(args) < 2 or isinstance(args[1], (list, tuple, str)) or isinstance(args[1], _C.dtype):
        return args
    if isinstance(args[1], Node) and is_tensor(args[1]) or name in ("movedim", "unflatten", "roll", "rot90"):
        return args
    return (args[0], list(args[1:]))


def _is_operator(name, target, kind):
    function = getattr(getattr(ops.aten, name, None), "_function", None)
    if function is None:
        return False
    if kind == "call_method":
        return True
    own = getattr(target, "_function", target)
    return function is own or schemas.exists(f"aten::{name}")


def _is_region(target):
    return isinstance(target, ops.HigherOrderOperator) or hasattr(target, "as_module")


def _acts(node):
    return getattr(node.target, "__name__", "").startswith("_") and not isinstance(node.target, str)


def _nodes(args):
    found = []
    map_aggregate(args, lambda leaf: found.append(leaf) if isinstance(leaf, Node) else None)
    return found


def _has_tensor(value):
    if isinstance(value, (tuple, list)):
        return any(_has_tensor(part) for part in value)
    return isinstance(value, _C.Tensor)


def mutates(node):
    """Whether a node changes a tensor in place."""
    return isinstance(node.target, ops.OpOverload) and node.target.overloadpacket.__name__.endswith("_")


class TensorInfo:
    """The shape and dtype that a tensor had at the export."""

    def __init__(self, shape, dtype, alias=None):
        self.shape, self.dtype, self.device, self.alias = tuple(shape), dtype, _C.device("cpu"), alias

    def dim(self):
        """The number of dimensions."""
        return len(self.shape)

    ndim = property(dim)

    def size(self, dim=None):
        """The shape, or one size."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self):
        """The number of elements."""
        return math.prod(self.shape)

    def __repr__(self):
        return f"TensorInfo({list(self.shape)}, {self.dtype})"


def described(example):
    """What a node's meta says of its value."""
    if isinstance(example, _C.Tensor):
        return TensorInfo(example.shape, example.dtype, id_of_memory(example))
    if isinstance(example, (tuple, list)):
        return tuple(described(part) for part in example)
    return example


def id_of_memory(tensor):
    """The same number for tensors that share memory."""
    try:
        return tensor.untyped_storage().data_ptr() or None
    except (RuntimeError, NotImplementedError):
        return None


def told(value):
    """A computation on sizes in words."""
    if not isinstance(value, Node):
        return repr(value)
    if value.target is ops.aten.sym_size.int:
        return f"{value.args[0].name}.size({value.args[1]})"
    if value.op == "placeholder":
        return value.name
    name = getattr(value.target, "__name__", str(value.target))
    sign = _SIGNS.get(name)
    parts = [told(arg) for arg in value.args]
    return f"({parts[0]} {sign} {parts[1]})" if sign and len(parts) == 2 else f"{name}({', '.join(parts)})"


_SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "eq": "==", "ne": "!=", "lt": "<", "le": "<=",
    "gt": ">", "ge": ">=", "pow": "**",
}  # fmt: skip
