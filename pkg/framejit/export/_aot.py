"""Programs compiled ahead of time: one file that a process loads and runs without tracing, from Python or from C.

A file holds a compiled program for each combination of sizes, the module's tensors, and the exported program itself, which runs for
sizes that nothing was compiled for. What is native is in csrc/aot/.
"""

import itertools
import json
import os

from framejit import _C, _control_flow, no_grad
from framejit.fx.interpreter import Interpreter
from framejit.nn import Parameter
from framejit.utils import _pytree as pytree

from . import _archive, _encode
from .exported_program import InputCheck, _fail
from .graph_signature import ConstantArgument, InputKind, OutputKind, SymIntArgument


def compile_file(program, path, sizes):
    """export.aot_compile."""
    pure = program.run_decompositions({})
    changed = pure.graph_signature.user_inputs_to_mutate
    if changed or pure.graph_signature.parameters_to_mutate:
        raise NotImplementedError(f"aot_compile: the program changes its arguments ({', '.join(changed.values())})")
    _check_bodies(pure.graph_module)
    held = _held(pure)
    variants = [(chosen, _Variant(pure, held, chosen)) for chosen in _combinations(pure, sizes)]
    data = _archive.program_data(pure, _archive._Tensors())
    for part in ("tensors", "state_dict", "constants"):
        data.pop(part)  # they are in the file once, as the program's own

    def about():
        rows = [{"sizes": chosen, "outputs": variant.constants} for chosen, variant in variants]
        return json.dumps({"variants": rows, "program": data}, separators=(",", ":")).encode()

    names = tuple((name, tensor.detach().contiguous()) for name, tensor in held.items())
    content = _C._aot_write(about, names, tuple(variant.described() for _, variant in variants))
    with open(path, "wb") as file:
        file.write(content)


def _check_bodies(module):
    """Loops whose length is known become what they stand for; what data decides would need bodies in the file."""
    for part in module.modules():
        for node in getattr(getattr(part, "graph", None), "nodes", ()):
            if node.target in (_control_flow.cond_op, _control_flow.while_loop_op):
                raise NotImplementedError(f"aot_compile: {node.target.__name__}() of tensors")


def _held(program):
    """Parameters, buffers and constants in the order of the graph's inputs."""
    kept = [s for s in program.graph_signature.input_specs if s.kind is not InputKind.USER_INPUT]
    return {spec.target: program._tensor(spec.target) for spec in kept}


def _combinations(program, sizes):
    """For each variant: {name of the open size: its value}."""
    names = list(program.range_constraints)
    example = _example_sizes(program)
    if sizes is None:
        return [example]
    rows = sizes if isinstance(sizes, (list, tuple)) else [sizes]
    out = []
    for row in rows:
        if not isinstance(row, dict) or not set(row) <= set(names):
            raise ValueError(f"aot_compile: sizes must be dicts with keys among {names}, got {row!r}")
        values = [row.get(name, example[name]) for name in names]
        values = [list(v) if isinstance(v, (list, tuple, range)) else [v] for v in values]
        for chosen in itertools.product(*values):
            for name, value in zip(names, chosen):
                low, high = program.range_constraints[name]
                if type(value) is not int or value < low or high is not None and value > high:
                    raise ValueError(f"aot_compile: {name} = {value!r} is outside its range")
            out.append(dict(zip(names, chosen)))
    return out


def _example_sizes(program):
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    return {
        symbol: nodes[name].meta["val"].shape[dim]
        for name, dims in program.sizes.items()
        for dim, symbol in dims.items()
    }


class _Variant:
    """The program for certain sizes, as the extension wants it."""

    def __init__(self, program, held, sizes):
        self.program, self.held = program, held
        self.users, self.constants = [], []
        nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
        for spec in program.graph_signature.input_specs:
            if spec.kind is InputKind.USER_INPUT and not isinstance(spec.arg, ConstantArgument):
                info = nodes[spec.arg.name].meta["val"]
                open_dims = program.sizes.get(spec.arg.name, {})
                shape = [sizes[open_dims[d]] if d in open_dims else n for d, n in enumerate(info.shape)]
                self.users.append((spec.arg.name, _C.zeros(shape, dtype=info.dtype)))

    def described(self):
        """(function, inputs, names of inputs, names of outputs, held tensors that outputs become)"""
        targets, names = [], []
        order = list(self.held)
        for spec in self.program.graph_signature.output_specs:
            if isinstance(spec.arg, ConstantArgument) or isinstance(spec.arg, SymIntArgument):
                continue
            targets.append(-1 if spec.kind is OutputKind.USER_OUTPUT else order.index(spec.target))
            names.append(spec.arg.name)
        held = [tensor.detach().contiguous() for tensor in self.held.values()]
        inputs = tuple(held + [tensor for _, tensor in self.users])
        return self.call, inputs, tuple(name for name, _ in self.users), tuple(names), tuple(targets)

    def call(self, *inputs):
        """The graph on traced tensors; every output is a new contiguous tensor."""
        tensors = iter(inputs)
        given = []
        for spec in self.program.graph_signature.input_specs:
            constant = isinstance(spec.arg, ConstantArgument)
            given.append(spec.arg.value if constant else next(tensors))
        results = Interpreter(self.program.graph_module).run(*given)
        out, self.constants = [], []
        for spec, value in zip(self.program.graph_signature.output_specs, results):
            if isinstance(value, _C.Tensor):
                out.append(value.detach().clone(memory_format=_C.contiguous_format))
            elif spec.kind is OutputKind.USER_OUTPUT:
                self.constants.append(_encode.encode(value))
        return out


class CompiledProgram:
    """What `aot_load` gives: callable as the exported module was; nothing of it is traced or compiled again.

    path (str): the file. fallback (bool): whether sizes that nothing was compiled for run the stored graph op by op;
    otherwise they raise. Raises RuntimeError for a file that is damaged or for another machine.

    >>> import framejit, os, tempfile
    >>> ep = framejit.export.export(framejit.nn.ReLU(), (framejit.zeros(3),))
    >>> path = os.path.join(tempfile.mkdtemp(), "relu.fj")
    >>> framejit.export.aot_compile(ep, path)
    >>> framejit.export.aot_load(path)(framejit.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """

    def __init__(self, path, fallback=False):
        with open(path, "rb") as file:
            data = file.read()
        try:
            self._native = _C._aot_read(data)
            about, self.isa, self.compiled_at_load, self._variants = _C._aot_info(self._native)
            self._about = json.loads(about)
            rows = self._about["variants"]
            self._facts = facts = _archive.Facts(self._about["program"])
            self._outputs = [[_encode.decode(v) for v in row["outputs"]] for row in rows]
            self._sizes = [dict(row["sizes"]) for row in rows]
            infos = {
                row["name"]: _encode._meta(row).get("val")
                for row in self._about["program"]["nodes"]
                if row["op"] == "placeholder"
            }
            if len(rows) != len(self._variants):
                raise ValueError("variants that do not fit")
        except (*_archive.DAMAGE, RuntimeError) as error:
            raise RuntimeError(f"aot_load: {os.fspath(path)}: {error}") from None
        self._by_facts = {
            tuple((shape, _encode.DTYPES[dtype]) for _, dtype, shape in inputs): i
            for i, (inputs, _) in enumerate(self._variants)
        }
        self._check, self.fallback = InputCheck(facts.inputs, infos, facts.ranges, facts.sizes), fallback
        spec = facts.call_spec
        users = [s for s in facts.inputs if s.kind is InputKind.USER_INPUT]
        self._plain = len(spec.in_spec.children_specs) == 2 and all(
            c.is_leaf() for c in spec.in_spec.child(0).children()
        )
        self._plain = self._plain and not any(isinstance(s.arg, ConstantArgument) for s in users)
        self._plain = self._plain and not spec.in_spec.child(1).num_leaves
        constant = (ConstantArgument, SymIntArgument)
        given = [s for s in facts.outputs if s.kind is OutputKind.USER_OUTPUT]
        self._given = [not isinstance(s.arg, constant) for s in given]
        self._one_result = spec.out_spec.is_leaf() and self._given == [True]
        self._module = None

    @property
    def sizes(self):
        """The combinations of sizes that it was compiled for: a list of dict."""
        return [dict(row) for row in self._sizes]

    def __call__(self, *args, **kwargs):
        if self._plain and not kwargs:
            # tensors alone, of sizes and types that a variant has: nothing else is left to check
            variant = self._by_facts.get(tuple([(t.shape, t.dtype) for t in args if isinstance(t, _C.Tensor)]))
            if variant is not None and len(args) == len(self._variants[variant][0]):
                return self._results(variant, args)
        in_spec = self._facts.call_spec.in_spec
        leaves, spec = pytree.tree_flatten((args, kwargs))
        if spec != in_spec:
            raise ValueError(f"the program takes arguments of the structure {in_spec}, but got {spec}")
        self._check(leaves)
        tensors = tuple(leaf for leaf in leaves if isinstance(leaf, _C.Tensor))
        variant = self._by_facts.get(tuple((t.shape, t.dtype) for t in tensors))
        return self._other_sizes(args, kwargs) if variant is None else self._results(variant, tensors)

    def _results(self, variant, tensors):
        if not all([t.is_contiguous() for t in tensors]):
            tensors = tuple(t.detach().contiguous() for t in tensors)
        made = _C._aot_run(self._native, variant, tensors)
        if self._one_result:
            return made[0]
        made, constants = iter(made), iter(self._outputs[variant])
        given = [next(made) if is_tensor else next(constants) for is_tensor in self._given]
        return pytree.tree_unflatten(given, self._facts.call_spec.out_spec)

    def _other_sizes(self, args, kwargs):
        if not self.fallback:
            _fail(f"sizes among {self.sizes}", "others: compile for them too, or load with fallback=True")
        if any(spec.kind is not OutputKind.USER_OUTPUT for spec in self._facts.outputs):
            raise RuntimeError("aot_load: a program that changes its buffers cannot fall back on its graph")
        if self._module is None:
            self._module = self._graph().module(check_guards=False)
        with no_grad():
            return self._module(*args, **kwargs)

    def _graph(self):
        """The exported program, of the data in the file and copies of the tensors that it holds."""
        held = _C._aot_held(self._native)
        kinds = {spec.target: spec.kind for spec in self._facts.inputs}
        state, constants = {}, {}
        for name, tensor in held.items():
            kind = kinds.get(name)
            if kind is InputKind.PARAMETER:
                tensor = Parameter(tensor, requires_grad=False)
            (constants if kind is InputKind.CONSTANT_TENSOR else state)[name] = tensor
        try:
            return _archive.program_of(self._about["program"], state, constants)
        except _archive.DAMAGE as error:
            raise RuntimeError(f"aot_load: the stored graph is damaged: {error}") from None
