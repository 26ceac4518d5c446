"""What the inputs and outputs of an exported graph are: parameters, buffers, constants, what the caller gives and gets."""

import dataclasses
import enum

__all__ = [
    "ConstantArgument", "ExportGraphSignature", "InputKind", "InputSpec", "OutputKind", "OutputSpec", "SymIntArgument",
    "TensorArgument",
]  # fmt: skip


class InputKind(enum.Enum):
    """What an input of the graph is; an enum.

    value (int): the number of the member. Raises ValueError for a number that is none.

    >>> from framejit.export.graph_signature import InputKind
    >>> InputKind.PARAMETER.name
    'PARAMETER'
    """

    USER_INPUT = enum.auto()
    PARAMETER = enum.auto()
    BUFFER = enum.auto()
    CONSTANT_TENSOR = enum.auto()


class OutputKind(enum.Enum):
    """What an output of the graph is; an enum.

    value (int): the number of the member. Raises ValueError for a number that is none.

    >>> from framejit.export.graph_signature import OutputKind
    >>> OutputKind.BUFFER_MUTATION.name
    'BUFFER_MUTATION'
    """

    USER_OUTPUT = enum.auto()
    BUFFER_MUTATION = enum.auto()
    PARAMETER_MUTATION = enum.auto()
    USER_INPUT_MUTATION = enum.auto()


@dataclasses.dataclass(frozen=True)
class TensorArgument:
    """A tensor of the graph. name (str): its node. Raises nothing of its own.

    >>> from framejit.export.graph_signature import TensorArgument
    >>> TensorArgument("x").name
    'x'
    """

    name: str


@dataclasses.dataclass(frozen=True)
class SymIntArgument:
    """A number that follows from sizes. name (str): its node. Raises nothing of its own.

    >>> from framejit.export.graph_signature import SymIntArgument
    >>> SymIntArgument("mul").name
    'mul'
    """

    name: str


@dataclasses.dataclass(frozen=True)
class ConstantArgument:
    """A value that is part of the program. name (str): empty for outputs. value (object). Raises nothing of its own.

    >>> from framejit.export.graph_signature import ConstantArgument
    >>> ConstantArgument("scale", 2.0).value
    2.0
    """

    name: str
    value: object


@dataclasses.dataclass
class InputSpec:
    """An input of the graph.

    kind (InputKind). arg (TensorArgument or ConstantArgument). target (str or None): the name in `state_dict` or
    `constants`. persistent (bool or None): of a buffer. Raises nothing of its own.

    >>> from framejit.export.graph_signature import InputKind, InputSpec, TensorArgument
    >>> InputSpec(InputKind.PARAMETER, TensorArgument("p_weight"), "weight")
    p_weight: PARAMETER target='weight'
    """

    kind: InputKind
    arg: object
    target: str | None = None
    persistent: bool | None = None

    def __repr__(self):
        more = "" if self.target is None else f" target={self.target!r}"
        more += "" if self.persistent is None else f" persistent={self.persistent}"
        return f"{self.arg.name}: {self.kind.name}{more}"


@dataclasses.dataclass
class OutputSpec:
    """An output of the graph.

    kind (OutputKind). arg (TensorArgument, SymIntArgument or ConstantArgument). target (str or None): what a mutation
    changes. Raises nothing of its own.

    >>> from framejit.export.graph_signature import OutputKind, OutputSpec, TensorArgument
    >>> OutputSpec(OutputKind.BUFFER_MUTATION, TensorArgument("add"), "calls")
    add: BUFFER_MUTATION target='calls'
    """

    kind: OutputKind
    arg: object
    target: str | None = None

    def __repr__(self):
        more = "" if self.target is None else f" target={self.target!r}"
        name = repr(self.arg.value) if isinstance(self.arg, ConstantArgument) else self.arg.name
        return f"{name}: {self.kind.name}{more}"


@dataclasses.dataclass
class ExportGraphSignature:
    """The inputs and outputs of an exported graph, in order.

    input_specs (list of InputSpec), output_specs (list of OutputSpec). Raises nothing of its own.

    >>> import framejit
    >>> ep = framejit.export.export(framejit.nn.Linear(2, 1), (framejit.ones(3, 2),))
    >>> ep.graph_signature.parameters, ep.graph_signature.user_inputs
    (('weight', 'bias'), ('input',))
    """

    input_specs: list
    output_specs: list

    def _inputs(self, kind):
        return [spec for spec in self.input_specs if spec.kind is kind]

    def _outputs(self, kind):
        return [spec for spec in self.output_specs if spec.kind is kind]

    @property
    def parameters(self):
        """Names of the parameters, as a tuple of str."""
        return tuple(spec.target for spec in self._inputs(InputKind.PARAMETER))

    @property
    def buffers(self):
        """Names of the buffers, as a tuple of str."""
        return tuple(spec.target for spec in self._inputs(InputKind.BUFFER))

    @property
    def non_persistent_buffers(self):
        """Names of the buffers that are in no state dict, as a tuple of str."""
        return tuple(spec.target for spec in self._inputs(InputKind.BUFFER) if spec.persistent is False)

    @property
    def lifted_tensor_constants(self):
        """Names of the tensors that the program holds beside parameters and buffers, as a tuple of str."""
        return tuple(spec.target for spec in self._inputs(InputKind.CONSTANT_TENSOR))

    @property
    def user_inputs(self):
        """What the caller gives: names of nodes, or values that are part of the program."""
        return tuple(_told(spec.arg) for spec in self._inputs(InputKind.USER_INPUT))

    @property
    def user_outputs(self):
        """What the caller gets: names of nodes, or values."""
        return tuple(_told(spec.arg) for spec in self._outputs(OutputKind.USER_OUTPUT))

    @property
    def inputs_to_parameters(self):
        """Name of the graph's input -> name of the parameter."""
        return {spec.arg.name: spec.target for spec in self._inputs(InputKind.PARAMETER)}

    @property
    def inputs_to_buffers(self):
        """Name of the graph's input -> name of the buffer."""
        return {spec.arg.name: spec.target for spec in self._inputs(InputKind.BUFFER)}

    @property
    def inputs_to_lifted_tensor_constants(self):
        """Name of the graph's input -> name of the constant."""
        return {spec.arg.name: spec.target for spec in self._inputs(InputKind.CONSTANT_TENSOR)}

    @property
    def buffers_to_mutate(self):
        """Name of the graph's output -> name of the buffer that becomes it."""
        return {spec.arg.name: spec.target for spec in self._outputs(OutputKind.BUFFER_MUTATION)}

    @property
    def parameters_to_mutate(self):
        """Name of the graph's output -> name of the parameter that becomes it."""
        return {spec.arg.name: spec.target for spec in self._outputs(OutputKind.PARAMETER_MUTATION)}

    @property
    def user_inputs_to_mutate(self):
        """Name of the graph's output -> name of the input that becomes it."""
        return {spec.arg.name: spec.target for spec in self._outputs(OutputKind.USER_INPUT_MUTATION)}

    def __str__(self):
        parts = ["# inputs", *map(repr, self.input_specs), "", "# outputs", *map(repr, self.output_specs)]
        return "\n".join(parts)


def _told(arg):
    return arg.value if isinstance(arg, ConstantArgument) else arg.name
