"""An exported program as an ONNX model."""

import operator

from framejit import _C, broadcast_shapes, ops
from framejit._version import __version__
from framejit.export._aten import TensorInfo
from framejit.export.graph_signature import ConstantArgument, InputKind, OutputKind, SymIntArgument
from framejit.fx.node import Node, map_aggregate
from framejit.utils import _pytree as pytree

from . import _table_math, _table_nn, _table_shape  # noqa: F401 (they fill the table)
from ._builder import DTYPES, Builder, Size, Value, to_numpy
from ._table import TABLE

_NUMBERS = {
    operator.add: "Add", operator.sub: "Sub", operator.mul: "Mul", operator.eq: "Equal", operator.gt: "Greater", operator.lt: "Less",
    operator.ge: "GreaterOrEqual", operator.le: "LessOrEqual", max: "Max", min: "Min",
    operator.truediv: "Div", operator.pow: "Pow",
}  # fmt: skip
_OF_INTS = {operator.floordiv: "Div", operator.mod: "Mod"}  # of numbers that are not negative


class _Model:
    def __init__(self, program, opset, input_names, output_names):
        self.program, self.pure = program, program.run_decompositions({})
        self.b, self.values = Builder(opset), {}
        self.input_names, self.output_names = input_names, output_names

    def build(self):
        nodes = {node.name: node for node in self.pure.graph.nodes if node.op == "placeholder"}
        inputs = self._inputs(nodes)
        for node in self.pure.graph.nodes:
            if node.op == "call_function":
                self.b.operator = str(node.target)
                self.values[node] = self._call(node)
            elif node.op not in ("placeholder", "output"):
                self.b.operator = f"a node of kind {node.op}"
                self.b.unsupported("cannot be written")
        outputs = self._outputs(self.pure.graph.output_node())
        h = self.b.helper
        graph = h.make_graph(self.b.nodes, "framejit", inputs, outputs, self.b.initializers)
        made = h.make_model(
            graph,
            opset_imports=[h.make_opsetid("", self.b.opset)],
            producer_name="framejit",
            producer_version=__version__,
        )
        made.ir_version = min(made.ir_version, 10)
        self.b.onnx.checker.check_model(made)
        return made

    # ---- the model's ends

    def _inputs(self, nodes):
        users = [s for s in self.pure.graph_signature.input_specs if s.kind is InputKind.USER_INPUT]
        tensors = [s.arg.name for s in users if not isinstance(s.arg, ConstantArgument)]
        names = self._given(self.input_names, tensors, "input_names")
        self.b.names.update(names.values())
        inputs = []
        for spec in self.pure.graph_signature.input_specs:
            node = nodes[spec.arg.name]
            info = node.meta.get("val")
            if isinstance(spec.arg, ConstantArgument):
                self.values[node] = spec.arg.value
            elif spec.kind is InputKind.USER_INPUT:
                name = names[spec.arg.name]
                symbols = self.pure.sizes.get(spec.arg.name, {})
                shape = [symbols.get(d, n) for d, n in enumerate(info.shape)]
                inputs.append(self.b.helper.make_tensor_value_info(name, DTYPES[info.dtype], shape))
                self.values[node] = Value(name, info)
            elif node.users:
                tensor = self.pure._tensor(spec.target)
                name = self.b.name(spec.target)
                self.b.tensor(name, to_numpy(tensor, self.b))
                self.values[node] = Value(name, TensorInfo(tensor.shape, tensor.dtype))
        return inputs

    def _given(self, given, names, what):
        given = names if given is None else list(given)
        if len(given) > len(names) or len(set(given)) != len(given):
            raise ValueError(f"{what} must be {len(names)} different names at most, got {given}")
        return dict(zip(names, [*given, *names[len(given) :]]))

    def _outputs(self, output):
        made = []
        for spec, value in zip(self.pure.graph_signature.output_specs, output.args[0]):
            if spec.kind is not OutputKind.USER_OUTPUT or isinstance(spec.arg, ConstantArgument):
                continue  # a buffer that changes has no place in a model; values that are no tensors neither
            made.append((spec, self.values[value]))
        given = list(self.output_names or [])
        if len(given) > len(made):
            raise ValueError(f"output_names must be {len(made)} names at most, got {given}")
        outputs = []
        for i, (spec, value) in enumerate(made):
            name = given[i] if i < len(given) else self.b.name(f"output_{i}")
            if name in self.b.names and i < len(given):
                raise ValueError(f"output_names: {name!r} names something else already")
            self.b.names.add(name)
            self.b.nodes.append(
                self.b.helper.make_node("Identity", [value.name], [name], name=self.b.name("node_output"))
            )
            number = isinstance(spec.arg, SymIntArgument)
            shape = [] if number else self._output_shape(value)
            kind = (1 if value.is_float else 7) if number else DTYPES[value.dtype]
            outputs.append(self.b.helper.make_tensor_value_info(name, kind, shape))
        return outputs

    def _output_shape(self, value):
        """Known sizes where nothing is open; else the rank alone."""
        return list(value.shape) if not self.pure.range_constraints else [None] * value.rank

    # ---- nodes

    def _call(self, node):
        args = map_aggregate(node.args, self._value)
        kwargs = map_aggregate(node.kwargs, self._value)
        target = node.target
        if target is operator.getitem and isinstance(args[0], (tuple, list)):
            if args[1] >= len(args[0]):
                self.b.operator = str(node.args[0].target)
                self.b.unsupported("has no translation with all its results")
            return args[0][args[1]]
        name = getattr(getattr(target, "overloadpacket", target), "__name__", "")
        private = name.startswith("_") and name in TABLE
        if not isinstance(target, ops.OpOverload) and not private:
            return self._number(target, node, args)
        if name == "_assert_scalar":
            return None
        if name not in TABLE:
            self.b.unsupported()
        made = TABLE[name](self.b, node, *args, **kwargs)
        return self._wrapped(node, made)

    def _value(self, leaf):
        return self.values[leaf] if isinstance(leaf, Node) else leaf

    def _wrapped(self, node, made):
        info = node.meta.get("val")
        if isinstance(made, (Size, Value)) or made is None:
            return made
        if isinstance(made, str):  # of several results the first may be all that there is
            return Value(made, info) if isinstance(info, TensorInfo) else [Value(made, info[0])]
        return [Value(name, part) for name, part in zip(made, info)]

    def _number(self, target, node, args):
        """Arithmetic on sizes."""
        if target is broadcast_shapes:
            return self._broadcast(args)
        if not any(isinstance(a, Size) for a in pytree.tree_leaves(args)):
            return target(*args)
        is_float = (
            any(isinstance(a, float) or isinstance(a, Size) and a.is_float for a in args) or target is operator.truediv
        )
        kind = _NUMBERS.get(target) or (None if is_float else _OF_INTS.get(target))
        dtype = _C.float32 if is_float else _C.int64

        def operand(a):
            if isinstance(a, Size) and a.is_float == is_float:
                return a.name
            return self.b.op("Cast", a, to=DTYPES[dtype]) if isinstance(a, Size) else self.b.const(a, dtype)

        if kind is not None:
            return Size(self.b.op(kind, *map(operand, args)), is_float)
        if target is operator.neg:
            return Size(self.b.op("Neg", args[0]), is_float)
        if getattr(target, "__name__", "") == "sqrt":
            return Size(self.b.op("Sqrt", self.b.op("Cast", args[0], to=1)), True)
        if target is int:
            return Size(self.b.op("Cast", args[0], to=7))
        if target in (operator.not_, operator.ne):
            return None  # of an assertion
        self.b.operator = f"{getattr(target, '__name__', target)} of sizes"
        self.b.unsupported()

    def _broadcast(self, shapes):
        """The shape that several shapes broadcast to, as a tuple of ints and Sizes."""
        rank = max(map(len, shapes))
        out = []
        for sizes in zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in shapes)):
            known = [s for s in sizes if isinstance(s, int) and s != 1]
            open_ = {s.name: s for s in sizes if isinstance(s, Size)}
            if known or not open_:
                out.append(known[0] if known else 1)
            else:
                out.append(Size(self.b.op("Max", *open_.values())) if len(open_) > 1 else next(iter(open_.values())))
        return tuple(out)


def build(program, opset, input_names, output_names):
    """The model as an onnx.ModelProto."""
    return _Model(program, opset, input_names, output_names).build()
