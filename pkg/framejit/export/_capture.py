"""From a module and example arguments to a graph of operators with everything that the module holds as inputs.

The module is captured by `framejit.compile` as one graph for all open sizes; it never runs outside that graph, and what it
holds is left as it was.
"""

import builtins
import re
import typing

from framejit import _C, no_grad
from framejit._compile import compile
from framejit.dynamo import config, exc, mark_dynamic, mark_static
from framejit.fx import Graph
from framejit.fx.interpreter import Interpreter
from framejit.fx.node import Node, map_aggregate
from framejit.nn import Module
from framejit.utils import _pytree as pytree

from ._aten import Normaliser, TensorInfo, id_of_memory, mutates
from .dynamic_shapes import Dim
from .graph_signature import (
    ConstantArgument,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    SymIntArgument,
    TensorArgument,
)

_UNROLLED = 1 << 20  # loops become part of the graph, however long
_CONSTANTS = (bool, int, float, complex, str, type(None), _C.dtype, _C.device)


class Captured:
    """What export makes an ExportedProgram of."""

    def __init__(self, graph, modules, inputs, outputs, out_spec, constants, ranges, sizes):
        self.graph, self.modules, self.inputs, self.outputs = graph, modules, inputs, outputs
        self.out_spec, self.constants, self.ranges, self.sizes = out_spec, constants, ranges, sizes


class _Recorder:
    """The back end: keeps each graph that is run, and what each node of it was."""

    _framejit_exports = True

    def __init__(self):
        self.told, self.runs = [], []

    def note_known(self, node, value):
        self.told.append((node, value))

    def __call__(self, module, examples):
        known, self.told = self.told, []
        return lambda *inputs: self.run(module, known, inputs)

    def run(self, module, known, inputs):
        own = [x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, _C.Tensor) else x for x in inputs]
        examples = {}

        class Noting(Interpreter):
            def run_node(self, n):
                value = super().run_node(n)
                if n.op != "output":
                    examples[n] = value
                return value

        with no_grad():
            made = Noting(module, garbage_collect_values=False).run(*own)
        back = {id(o): x for o, x in zip(own, inputs)}
        outputs = tuple(back.get(id(value), value) for value in made)
        self.runs.append(_Run(module, known, examples, inputs, outputs))
        return outputs


class _Run(typing.NamedTuple):
    """A graph that was run: with what, and what came out."""

    module: object
    known: list
    examples: dict
    inputs: tuple
    outputs: tuple


def capture(module, args, kwargs, dynamic, names):
    """`dynamic`: for each leaf of the arguments the open dimensions; `names`: what its placeholder is called."""
    leaves, spec = pytree.tree_flatten((args, kwargs))
    dynamic = [dict(d) for d in dynamic]
    while True:
        try:
            strangers = []
            for _ in range(4):
                trial = _Capture(module, leaves, spec, dynamic, names, strangers)
                found = trial.captured()
                if found is not None:
                    return found
                strangers = trial.strangers
            raise exc.UserError(exc.UserErrorType.INVALID_INPUT, "the graph of the module is never run as one")
        except exc.ConstraintViolationError as error:
            if not _close_auto(str(error), dynamic, names):
                raise exc.UserError(exc.UserErrorType.CONSTRAINT_VIOLATION, str(error)) from None


def _close_auto(text, dynamic, names):
    """Makes the sizes that an error names, or all AUTO sizes, static; False if none of them is AUTO."""
    closed = False
    for name, dim in re.findall(r"(\w+)\.size\(\)\[(\d+)\]", text):
        if name in names and dynamic[names.index(name)].get(int(dim)) is Dim.AUTO:
            del dynamic[names.index(name)][int(dim)]
            closed = True
    if closed:
        return True
    for dims in dynamic:
        for dim in [d for d, entry in dims.items() if entry is Dim.AUTO]:
            del dims[dim]
            closed = True
    return closed


class _Capture:
    """One try. `before`: results of an earlier one that nothing was known of; a result that is the very same tensor again is
    a constant of the program."""

    def __init__(self, module, leaves, spec, dynamic, names, before):
        self.module, self.spec, self.dynamic, self.names = module, spec, dynamic, names
        self.leaves = [_copy(leaf) if isinstance(leaf, _C.Tensor) else leaf for leaf in leaves]
        self.marker = _C.zeros(
            2
        )  # has an open size, so that all graphs are made of calls (_tape.py), open sizes or not
        self.tensors = [i for i, leaf in enumerate(leaves) if isinstance(leaf, _C.Tensor)]
        self.before, self.strangers = before, []
        self.constants = {}
        self.inputs = []
        self.sizes = {}

    def captured(self):
        for i in self.tensors:
            self._mark(i)
        mark_dynamic(self.marker, 0)
        recorder = _Recorder()
        before = _held(self.module)
        try:
            compiled = compile(self._function(), backend=recorder, fullgraph=True, dynamic=True)
            given = (*(self.leaves[i] for i in self.tensors), self.marker)
            contents = [(t, t.detach().clone()) for t in _state(self.module)]
            with config.patch(unroll_limit=_UNROLLED):
                result, numbers, _ = compiled(*given)
            if len(recorder.runs) > 1:
                text = f"the module becomes {len(recorder.runs)} graphs and not one: a long loop is a graph of its own"
                raise exc.UserError(exc.UserErrorType.INVALID_INPUT, text)
            if not recorder.runs:
                # what is imported while it is captured may make CPython carry the first call out itself
                with no_grad():
                    for tensor, content in contents:
                        tensor.copy_(content)
                return None
            changed = _changed(self.module, before)
        finally:
            _restore(before)
        return self._build(recorder.runs[0], result, numbers, changed)

    def _mark(self, i):
        leaf, ranges = self.leaves[i], self.dynamic[i]
        for dim in range(leaf.dim()):
            if dim not in ranges:
                mark_static(leaf, dim)
                continue
            entry = ranges[dim]
            low, high = (entry.min, entry.max) if isinstance(entry, Dim) else (None, None)
            mark_dynamic(leaf, dim, min=low or None, max=high)

    def _function(self):
        """A function of the tensors alone, with parameters named as the user's, that gives numbers as tensors, too."""
        module, leaves, spec, tensors = self.module, self.leaves, self.spec, self.tensors

        def run(given, marker):
            inside = list(leaves)
            for i, tensor in zip(tensors, given):
                inside[i] = tensor
            args, kwargs = pytree.tree_unflatten(inside, spec)
            result = module(*args, **kwargs)
            numbers = [
                _C.full((), leaf, dtype=_C.int64 if type(leaf) is int else _C.float64)
                for leaf in pytree.tree_leaves(result)
                if type(leaf) is int or type(leaf) is float
            ]
            return result, numbers, _C.full((), marker.shape[0])

        names = "".join(f"{self.names[i]}, " for i in tensors)
        space = {"_run": run}
        exec(f"def exported({names}_marker):\n    return _run(({names}), _marker)\n", space)
        return space["exported"]

    # ---- the graph

    def _build(self, recorded, result, numbers, changed):
        self.graph = Graph()
        self.normaliser = Normaliser(
            self.graph,
            recorded.examples,
            any(self.dynamic[i] for i in self.tensors),
        )
        for node, value in recorded.known:
            self.normaliser.known.setdefault(node, []).append(value)
        self.by_id = {}
        self._add_inputs()
        captured_inputs = iter(recorded.inputs)
        outputs = ()
        for node in recorded.module.graph.nodes:
            if node.op == "placeholder":
                value = next(captured_inputs)
                if value is self.marker:
                    value = None
                elif isinstance(value, _C.Tensor):
                    value = self._node_of(value)
                    self._bind_example(value, recorded.examples[node])
                self.normaliser.values[node] = value
            elif node.op == "output":
                outputs = self.normaliser.resolve(node.args[0])
            else:
                self.normaliser.run(node)
        for value, node in zip(recorded.outputs, outputs):
            if isinstance(value, _C.Tensor):
                self.by_id[id(value)] = node
        self._merge_constants()
        outputs, out_spec = self._outputs(result, numbers, changed)
        if self.strangers:
            return None  # made outside the graph: CPython carried the call out
        _drop_dead(self.graph)
        modules = {name: child for name, child in recorded.module.named_children()}
        return Captured(self.graph, modules, self.inputs, outputs, out_spec, self.constants, self._ranges(), self.sizes)

    def _add_inputs(self):
        """Placeholders for all parameters and buffers; those of user inputs come last, constants between them."""
        self.attributes = {}
        if isinstance(self.module, Module):
            for name, p in self.module.named_parameters():
                self._add(InputKind.PARAMETER, "p", name, p)
            buffers = dict(self.module.named_buffers())
            persistent = set(self.module.state_dict(keep_vars=True))
            for name, b in buffers.items():
                self._add(InputKind.BUFFER, "b", name, b, name in persistent)
            self.attributes = {id(v): k for k, v in _attributes(self.module)}
        self.first_user = None
        for i, leaf in enumerate(self.leaves):
            node = placeholder(self.graph, self.names[i])
            self.first_user = self.first_user or node
            arg = ConstantArgument(node.name, leaf)
            if isinstance(leaf, _C.Tensor):
                arg = TensorArgument(node.name)
                self._bind(node, leaf, [d for d in range(leaf.dim()) if d not in self.dynamic[i]])
            else:
                node.meta["val"] = leaf
            self.inputs.append(InputSpec(InputKind.USER_INPUT, arg))

    def _add(self, kind, prefix, target, tensor, persistent=None):
        node = self.graph.placeholder(f"{prefix}_{re.sub(r'[^0-9a-zA-Z_]', '_', target)}")
        self._bind(node, tensor)
        self.inputs.append(InputSpec(kind, TensorArgument(node.name), target, persistent))
        return node

    def _bind(self, node, tensor, fixed=None):
        node.meta["val"] = TensorInfo(tensor.shape, tensor.dtype, id_of_memory(tensor))
        self.by_id[id(tensor)] = node
        self.normaliser.note_tensor(node, tensor, fixed)

    def _bind_example(self, node, tensor):
        """The graph ran on a copy of the tensor: what shares memory with it is a view of the input."""
        node.meta["val"] = TensorInfo(tensor.shape, tensor.dtype, id_of_memory(tensor))
        self.normaliser.shapes[node] = tensor

    def _node_of(self, tensor):
        """The node of a tensor from outside: an argument, something that the module holds, or else a constant."""
        if id(tensor) in self.by_id:
            return self.by_id[id(tensor)]
        target = self.attributes.get(id(tensor), f"lifted_tensor_{len(self.constants)}")
        self.constants[target] = tensor
        inputs, self.inputs = self.inputs, []
        with self.graph.inserting_before(self.first_user or _first_call(self.graph)):
            self._add(InputKind.CONSTANT_TENSOR, "c", target, tensor)
        at = sum(spec.kind is not InputKind.USER_INPUT for spec in inputs)
        self.inputs = inputs[:at] + self.inputs + inputs[at:]
        return self.by_id[id(tensor)]

    def _result(self, tensor):
        """The node of a tensor that the program gave."""
        known = id(tensor) in self.by_id or id(tensor) in self.attributes
        if not known and not any(other is tensor for other in self.before):
            self.strangers.append(tensor)
        return self._node_of(tensor)

    def _merge_constants(self):
        """Tensors that stand in the graph as values become constants, too."""

        def lifted(value):
            return self._node_of(value) if isinstance(value, _C.Tensor) else value

        for node in list(self.graph.nodes):
            if node.op not in ("placeholder", "output"):
                node.args, node.kwargs = map_aggregate(node.args, lifted), map_aggregate(node.kwargs, lifted)

    def _outputs(self, result, numbers, changed):
        leaves, out_spec = pytree.tree_flatten(result)
        numbers = iter(numbers)
        specs, values = [], []
        for target, tensor in changed:
            values.append(self._result(tensor))
            specs.append(OutputSpec(OutputKind.BUFFER_MUTATION, TensorArgument(values[-1].name), target))
        for leaf in leaves:
            if isinstance(leaf, _C.Tensor):
                value = self._result(leaf)
            elif type(leaf) in (int, float):
                value = self._number(next(numbers), leaf)
            else:
                value = leaf
            values.append(value)
            specs.append(OutputSpec(OutputKind.USER_OUTPUT, self._argument(value)))
        self.graph.output(tuple(values))
        return specs, out_spec

    def _number(self, tensor, leaf):
        """What the number that went into a `full` was: a node if sizes decide it."""
        node = self.by_id.get(id(tensor))
        return node.args[1] if isinstance(node, Node) and isinstance(node.args[1], Node) else leaf

    def _argument(self, value):
        if not isinstance(value, Node):
            if not isinstance(value, _CONSTANTS):
                text = f"a result of type {type(value).__name__}: results are tensors, numbers, strings and containers of them"
                raise exc.UserError(exc.UserErrorType.INVALID_INPUT, text)
            return ConstantArgument("", value)
        return (TensorArgument if self.normaliser.is_tensor(value) else SymIntArgument)(value.name)

    def _ranges(self):
        """Symbol -> (least, most or None); fills `sizes`: placeholder -> {dim: symbol}."""
        ranges, count = {}, 0
        for i in self.tensors:
            symbols = {}
            for dim, entry in sorted(self.dynamic[i].items()):
                if isinstance(entry, Dim):
                    name, limits = entry.__name__, (entry.min, entry.max)
                else:
                    name, limits, count = f"s{count}", (0, None), count + 1
                if ranges.setdefault(name, limits) != limits:
                    text = f"two Dims are called {name} and have different ranges"
                    raise exc.UserError(exc.UserErrorType.INVALID_INPUT, text)
                symbols[dim] = name
            if symbols:
                self.sizes[self.names[i]] = symbols
        return ranges


def placeholder(graph, name):
    """An input of just this name, which may be that of one of Python's functions."""
    node = graph.placeholder(name)
    if node.name != name and hasattr(builtins, name) and all(other.name != name for other in graph.nodes):
        node.name = name
    return node


def _copy(tensor):
    return tensor.detach().clone().requires_grad_(tensor.requires_grad and tensor.is_floating_point())


def _first_call(graph):
    return next((node for node in graph.nodes if node.op != "placeholder"), None)


def _attributes(module):
    """(path, tensor) of tensors that modules have as plain attributes."""
    for prefix, owner in module.named_modules():
        for name, value in vars(owner).items():
            if isinstance(value, _C.Tensor):
                yield (f"{prefix}.{name}" if prefix else name), value


def _state(module):
    return [*module.parameters(), *module.buffers()] if isinstance(module, Module) else []


def _held(module):
    """What the modules hold: each with a copy of its attributes and of its buffers' table."""
    if not isinstance(module, Module):
        return []
    return [(name, m, dict(vars(m)), dict(m._buffers)) for name, m in module.named_modules()]


def _changed(module, before):
    """(path, new tensor) of buffers that were replaced. Raises for other attributes that were."""
    found = []
    for prefix, owner, attributes, buffers in before:
        for name, value in owner._buffers.items():
            if value is not buffers.get(name):
                found.append((f"{prefix}.{name}" if prefix else name, value))
        for name, value in vars(owner).items():
            if name != "_buffers" and not name.startswith("__") and attributes.get(name) is not value:
                where = f"{prefix}.{name}" if prefix else name
                raise exc.UserError(
                    exc.UserErrorType.ANTI_PATTERN,
                    f"the attribute {where} was assigned during export: make it a buffer, or return its value",
                )
    return found


def _restore(before):
    for _, owner, attributes, buffers in before:
        now = vars(owner)
        if now.keys() != attributes.keys() or any(now[name] is not value for name, value in attributes.items()):
            vars(owner).clear()
            vars(owner).update(attributes)
        owner._buffers.clear()
        owner._buffers.update(buffers)


def _drop_dead(graph):
    """Removes what nobody uses and what does nothing but compute."""
    for node in reversed(list(graph.nodes)):
        if not node.users and node.op == "call_function" and is_pure(node):
            graph.erase_node(node)


def is_pure(node):
    """Whether a node only computes its value."""
    name = getattr(getattr(node.target, "overloadpacket", node.target), "__name__", "")
    return not mutates(node) and not name.startswith(("_assert", "_set", "_enter", "_exit"))
