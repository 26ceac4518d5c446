"""What translations of operators write to: nodes of an ONNX graph, constants, casts."""

import math

from framejit import _C

from . import UnsupportedOperatorError

# onnx.TensorProto's numbers
DTYPES = {
    _C.float32: 1, _C.uint8: 2, _C.int8: 3, _C.int16: 5, _C.int32: 6, _C.int64: 7, _C.bool: 9, _C.float16: 10, _C.float64: 11,
    _C.bfloat16: 16,
}  # fmt: skip
INT64 = 7
_FLOATS = (_C.float16, _C.bfloat16, _C.float32, _C.float64)


class Value:
    """A tensor of the model: its name, and the shape and dtype that it had at the export."""

    def __init__(self, name, info):
        self.name, self.shape, self.dtype = name, info.shape, info.dtype

    @property
    def rank(self):
        """The number of dimensions."""
        return len(self.shape)

    is_float = property(lambda self: self.dtype in _FLOATS)


class Size:
    """A number that follows from sizes: a tensor int64[] of the model, or float where sizes were divided."""

    def __init__(self, name, is_float=False):
        self.name, self.is_float = name, is_float


class Builder:
    """Collects the nodes and constants of a model."""

    def __init__(self, opset):
        import onnx
        from onnx import helper

        self.onnx, self.helper, self.opset = onnx, helper, opset
        self.nodes, self.initializers, self.names, self.constants = [], [], set(), {}
        self.operator = ""

    def unsupported(self, why="has no translation"):
        """Raises for the operator at hand."""
        raise UnsupportedOperatorError(f"onnx.export: {self.operator} {why}")

    def name(self, stem):
        """A name that nothing has yet."""
        name, i = stem, 0
        while name in self.names:
            i += 1
            name = f"{stem}_{i}"
        self.names.add(name)
        return name

    def op(self, kind, *inputs, outputs=1, **attributes):
        """Adds a node; gives the name of its output, or a list of names. Inputs are names, Values, Sizes or None."""
        given = ["" if i is None else i if isinstance(i, str) else i.name for i in inputs]
        while given and not given[-1]:
            given.pop()
        made = [self.name(f"{kind.lower()}") for _ in range(outputs)]
        attributes = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(self.helper.make_node(kind, given, made, name=self.name(f"node_{kind}"), **attributes))
        return made[0] if outputs == 1 else made

    def tensor(self, name, array):
        """A constant of the model from a NumPy array."""
        self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def const(self, value, dtype):
        """A number as a constant of that dtype; gives its name."""
        key = (repr(value), dtype)
        if key not in self.constants:
            filled = _C.full((), value, dtype=dtype)
            self.constants[key] = self.tensor(self.name("const"), to_numpy(filled, self))
        return self.constants[key]

    def ints(self, values):
        """A list of ints and Sizes as a tensor int64[n]; gives its name."""
        import numpy

        values = list(values)
        if not any(isinstance(v, Size) for v in values):
            key = ("ints", tuple(values))
            if key not in self.constants:
                self.constants[key] = self.tensor(self.name("sizes"), numpy.array(values, dtype=numpy.int64))
            return self.constants[key]
        parts = [self.op("Unsqueeze", v, self.ints([0])) if isinstance(v, Size) else self.ints([v]) for v in values]
        return parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=0)

    def cast(self, x, dtype):
        """x as that dtype."""
        if isinstance(x, Value) and x.dtype == dtype:
            return x.name
        if dtype not in DTYPES:
            self.unsupported(f"works with {dtype}, which models do not have")
        return self.op("Cast", x, to=DTYPES[dtype])

    def operand(self, x, dtype):
        """A Value, Size or number as an operand of that dtype; gives its name."""
        if isinstance(x, (Value, Size)):
            return self.cast(x, dtype)
        return self.const(x, dtype)

    def common(self, *operands):
        """The dtype in which operands of several dtypes are computed with."""
        dtype = None
        for x in operands:
            if isinstance(x, Value) and x.rank:
                dtype = x.dtype if dtype is None else _C.promote_types(dtype, x.dtype)
        for x in operands:
            if isinstance(x, Value) and not x.rank:
                dtype = x.dtype if dtype is None or x.is_float and dtype not in _FLOATS else dtype
        for x in operands:
            number = float if isinstance(x, Size) and x.is_float else type(x)
            if number is float and (dtype is None or dtype not in _FLOATS):
                dtype = _C.float32
            elif number is int and dtype in (None, _C.bool):
                dtype = _C.int64
        return dtype or _C.bool

    def shape_of(self, x):
        """The shape as a tensor int64[n]."""
        return self.op("Shape", x)


def to_numpy(tensor, builder):
    """A tensor's elements as an array that ONNX takes."""
    tensor = tensor.detach()
    if tensor.dtype == _C.bfloat16:
        import numpy

        bits = tensor.contiguous().view(_C.int16).numpy()
        return bits.view(builder.onnx.helper.tensor_dtype_to_np_dtype(16)) if bits.dtype != numpy.dtype("V2") else bits
    if tensor.dtype not in DTYPES:
        builder.unsupported(f"works with {tensor.dtype}, which models do not have")
    return tensor.contiguous().numpy()


def is_number(value):
    """Whether an argument is a number, known or open."""
    return isinstance(value, (bool, int, float, Size))


def product(values):
    """The product of known sizes."""
    return math.prod(values)
