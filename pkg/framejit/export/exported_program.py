"""ExportedProgram: a graph of operators, what its inputs and outputs are, and the tensors that it holds."""

import copy
import typing

from framejit import _C
from framejit.dynamo._export import SignatureCodeGen
from framejit.fx import Graph, GraphModule
from framejit.fx.node import Node
from framejit.nn import Module, Parameter
from framejit.utils import _pytree as pytree

from .graph_signature import ConstantArgument, InputKind, OutputKind

__all__ = ["CallSpec", "ExportedProgram", "ValueRange"]


class CallSpec(typing.NamedTuple):
    """The structure of arguments and results. in_spec, out_spec (TreeSpec). Raises nothing of its own.

    >>> import framejit
    >>> framejit.export.export(framejit.nn.ReLU(), (framejit.ones(2),)).call_spec.out_spec
    *
    """

    in_spec: object
    out_spec: object


class ValueRange(typing.NamedTuple):
    """The values that a size may have, ends included. lower (int), upper (int or None). Raises nothing of its own.

    >>> from framejit.export.exported_program import ValueRange
    >>> ValueRange(2, None)
    VR[2, inf]
    """

    lower: int
    upper: int | None

    def __repr__(self):
        return f"VR[{self.lower}, {'inf' if self.upper is None else self.upper}]"


class ExportedProgram:
    """A program without Python: what `export` makes and `load` reads.

    root (dict): submodules of the graph. graph (Graph). graph_signature (ExportGraphSignature). state_dict, constants
    (dict of str to tensors). range_constraints (dict of str to ValueRange): for each open size. call_spec (CallSpec).
    sizes (dict): input -> {dimension: name of the open size}. Raises nothing of its own; calling it raises RuntimeError.

    >>> import framejit
    >>> ep = framejit.export.export(framejit.nn.Linear(2, 1), (framejit.ones(3, 2),))
    >>> print(ep.graph_module.code.strip())
    def forward(self, p_weight, p_bias, input):
        linear = framejit.ops.aten.linear.default(input, p_weight, p_bias);  input = p_weight = p_bias = None
        return (linear,)
    >>> ep.module()(framejit.ones(3, 2)).shape
    framejit.Size([3, 1])
    """

    def __init__(self, root, graph, graph_signature, state_dict, constants, range_constraints, call_spec, sizes):
        self.graph_module = GraphModule(_holder(root), graph)
        self.graph_signature, self.state_dict, self.constants = graph_signature, state_dict, constants
        self.range_constraints, self.call_spec, self.sizes = range_constraints, call_spec, sizes
        self.example_inputs = None

    @property
    def graph(self):
        """The graph."""
        return self.graph_module.graph

    @property
    def tensor_constants(self):
        """The tensors that the program holds beside parameters and buffers: dict of str to Tensor."""
        return self.constants

    @property
    def dialect(self):
        """ "ATEN" for graphs without mutation, "TRAINING" for others."""
        from ._capture import is_pure

        calls = (n for n in self.graph.nodes if n.op == "call_function" and "_assert" not in n.name)
        return "ATEN" if all(map(is_pure, calls)) else "TRAINING"

    def parameters(self):
        """The parameters, one after the other."""
        for _, value in self.named_parameters():
            yield value

    def named_parameters(self):
        """(name, Parameter) pairs."""
        for name in self.graph_signature.parameters:
            yield name, self.state_dict[name]

    def buffers(self):
        """The buffers, one after the other."""
        for _, value in self.named_buffers():
            yield value

    def named_buffers(self):
        """(name, Tensor) pairs."""
        for name in self.graph_signature.buffers:
            yield name, self._tensor(name)

    def _tensor(self, target):
        return self.state_dict[target] if target in self.state_dict else self.constants[target]

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Unable to call ExportedProgram directly. You should use `exported_program.module()` instead."
        )

    def __str__(self):
        code = self.graph_module._readable(self.graph_module._get_name(), None)
        return f"ExportedProgram:\n{code}\nGraph signature:\n{self.graph_signature}\nRange constraints: {self.range_constraints}"

    __repr__ = __str__

    def module(self, check_guards=True):
        """A module that takes the arguments of the exported one and gives its results; it holds the same tensors.

        check_guards (bool): arguments that the program was not exported for raise an error. Raises nothing of its own;
        the module raises ValueError for arguments of another structure, AssertionError for tensors of another dtype,
        rank or size and for other values of what is constant.
        """
        return _unlifted(self, check_guards)

    def run_decompositions(self, decomp_table=None):
        """A program without mutation: buffers that change are results of the graph, and the signature says which.

        decomp_table (dict or None): operator -> a function that does it by others; None takes `default_decompositions()`.
        Raises NotImplementedError for a mutation that cannot be expressed, naming the operator.
        """
        from ._functional import decomposed

        return decomposed(self, decomp_table)

    def validate(self):
        """Checks that the graph is well formed. Raises RuntimeError where it is not."""
        self.graph.lint()
        names = [node.name for node in self.graph.nodes if node.op == "placeholder"]
        if names != [spec.arg.name for spec in self.graph_signature.input_specs]:
            raise RuntimeError("the signature's inputs are not those of the graph")

    def __deepcopy__(self, memo):
        made = ExportedProgram(
            dict(self.graph_module.named_children()), copy.deepcopy(self.graph, memo), copy.deepcopy(self.graph_signature, memo),
            copy.deepcopy(self.state_dict, memo), copy.deepcopy(self.constants, memo), dict(self.range_constraints),
            self.call_spec, copy.deepcopy(self.sizes),
        )  # fmt: skip
        made.example_inputs = self.example_inputs
        return made


def _holder(root):
    holder = Module()
    for name, child in root.items():
        holder.add_module(name, child)
    return holder


class _ExportedModule(GraphModule):
    """What `ExportedProgram.module` makes."""

    def _take(self, args, kwargs):
        leaves, spec = pytree.tree_flatten((args, self._in_order(kwargs)))
        if spec != self._in_spec:
            raise ValueError(
                f"Trying to flatten user inputs with exported input tree spec:\n{self._in_spec}\n"
                f"but actually got inputs with tree spec of:\n{spec}.\nPlease check that the inputs have the same number and type "
                "of args and kwargs as the ones you used when tracing."
            )
        if self._check is not None:
            self._check(leaves)
        return leaves

    def _in_order(self, kwargs):
        """Named arguments in the order of the export."""
        order = self._in_spec.children_specs[1].context if self._in_spec.children_specs else None
        if not isinstance(order, (list, tuple)) or set(order) != set(kwargs):
            return kwargs
        return {name: kwargs[name] for name in order}

    def _give(self, leaves):
        return pytree.tree_unflatten(list(leaves), self._out_spec)


class InputCheck:
    """Raises AssertionError for arguments that a program was not exported for."""

    def __init__(self, input_specs, infos, ranges, sizes):
        self.inputs, self.ranges = [], ranges
        for spec in input_specs:
            if spec.kind is InputKind.USER_INPUT:
                name = spec.arg.name
                self.inputs.append((name, spec.arg, infos.get(name), sizes.get(name, {})))

    @classmethod
    def of(cls, program):
        """The check of an ExportedProgram's arguments."""
        infos = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
        return cls(program.graph_signature.input_specs, infos, program.range_constraints, program.sizes)

    def __call__(self, leaves):
        found = {}
        for (name, arg, info, symbols), leaf in zip(self.inputs, leaves):
            if isinstance(arg, ConstantArgument):
                if not (type(leaf) is type(arg.value) and (leaf is arg.value or leaf == arg.value)):
                    _fail(f"{name} == {arg.value!r}", repr(leaf))
                continue
            if not isinstance(leaf, _C.Tensor):
                _fail(f"{name} is a tensor", type(leaf).__name__)
            if leaf.dtype != info.dtype:
                _fail(f"{name}.dtype == {info.dtype}", leaf.dtype)
            if leaf.dim() != len(info.shape):
                _fail(f"{name}.dim() == {len(info.shape)}", leaf.dim())
            self._sizes(name, leaf.shape, info.shape, symbols, found)

    def _sizes(self, name, shape, expected, symbols, found):
        for dim, size in enumerate(shape):
            where = f"{name}.size()[{dim}]"
            symbol = symbols.get(dim)
            if symbol is None:
                if size != expected[dim]:
                    _fail(f"{where} == {expected[dim]}", size)
                continue
            low, high = self.ranges[symbol]
            if size < low:
                _fail(f"{where} >= {low}", size)
            if high is not None and size > high:
                _fail(f"{where} <= {high}", size)
            first = found.setdefault(symbol, (size, where))
            if first[0] != size:
                _fail(f"{where} == {first[1]}", f"{size} and {first[0]}")


def _fail(condition, value):
    raise AssertionError(f"Guard failed: {condition}, but got {value}")


def _unlifted(program, check_guards):
    """The graph with parameters, buffers and constants as attributes, and with mutations as copies at the end."""
    graph, values, tensors = Graph(), {}, {}
    signature = program.graph_signature
    specs = {spec.arg.name: spec for spec in signature.input_specs}
    homes = {}
    for node in program.graph.nodes:  # inputs come before everything else
        if node.op == "placeholder" and specs[node.name].kind is InputKind.USER_INPUT:
            homes[node.name] = values[node] = graph.node_copy(node)
    for node in program.graph.nodes:
        if node.op == "placeholder":
            spec = specs[node.name]
            if spec.kind is not InputKind.USER_INPUT:
                tensors[spec.target] = program._tensor(spec.target)
                homes[spec.target] = values[node] = graph.get_attr(spec.target)
        elif node.op == "output":
            _finish(graph, node, values, signature, homes)
        else:
            values[node] = graph.node_copy(node, values.__getitem__)
    graph.set_codegen(SignatureCodeGen())
    made = _ExportedModule({**dict(program.graph_module.named_children()), **tensors}, graph, "ExportedModule")
    made._in_spec, made._out_spec = program.call_spec
    made._check = InputCheck.of(program) if check_guards else None
    buffers = set(signature.buffers) | set(signature.lifted_tensor_constants)
    for name in buffers & set(tensors):
        _as_buffer(made, name, tensors[name], name not in signature.non_persistent_buffers)
    return made


def _as_buffer(module, path, tensor, persistent):
    *parents, name = path.split(".")
    for parent in parents:
        module = getattr(module, parent)
    if isinstance(tensor, Parameter):
        return
    vars(module).pop(name, None)
    module._buffers.pop(name, None)
    module.register_buffer(name, tensor, persistent)


def _finish(graph, output, values, signature, homes):
    from framejit import ops

    given = []
    results = [values[value] if isinstance(value, Node) else value for value in output.args[0]]
    for spec, value in zip(signature.output_specs, results):
        if spec.kind is OutputKind.USER_OUTPUT:
            given.append(value)
    for spec, value in zip(signature.output_specs, results):
        if spec.kind is not OutputKind.USER_OUTPUT:
            graph.call_function(ops.aten.copy_.default, (homes[spec.target], value))
    graph.output(tuple(given))
