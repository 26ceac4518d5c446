"""export: the whole of a function or module as one graph."""

import typing

from framejit import _C
from framejit._compile import compile
from framejit.fx import Graph, GraphModule
from framejit.fx._codegen import CodeGen
from framejit.nn import Module
from framejit.utils import _pytree as pytree


class ExportResult(typing.NamedTuple):
    """The exported module, and in words what it takes for granted."""

    graph_module: GraphModule
    guards: list


class SignatureCodeGen(CodeGen):
    """`forward` takes arguments as the exported function does and gives what it gives."""

    def gen_fn_def(self, free_vars, maybe_return_annotation=""):
        names = "".join(f"{name}, " for name in free_vars if name != "self")
        line = f"{names.rstrip(', ')}, = " if names else ""
        return f"def forward(self, *args, **kwargs):\n    {line}self._take(args, kwargs)"

    def generate_output(self, output_args):
        return f"return self._give({output_args})"


class ExportedModule(GraphModule):
    """What `export` makes. Raises ValueError for arguments whose structure differs from that at the export."""

    def _take(self, args, kwargs):
        leaves, spec = pytree.tree_flatten((args, kwargs))
        if spec != self._in_spec:
            raise ValueError(f"an exported module takes arguments of the structure {self._in_spec}, but got {spec}")
        return leaves

    def _give(self, leaves):
        return pytree.tree_unflatten(list(leaves), self._out_spec)


def export(
    f,
    *extra_args,
    aten_graph=False,
    pre_dispatch=False,
    decomposition_table=None,
    tracing_mode="symbolic",
    dynamic_shapes=None,
    assume_static_by_default=False,
    same_signature=True,
    **extra_kwargs,
):
    """`export(f)(*args)` captures f whole, for arguments like these, and gives (graph_module, guards).

    f (callable): a function or module, called with extra_args and extra_kwargs at once if any are given. The module
    that is made takes the same arguments and gives the same result; it holds the parameters that f used. It is right
    for arguments for which the guards (list of str) hold. aten_graph (bool): the graph is of operators, as that of
    framejit.export; the module checks its arguments itself. pre_dispatch (bool), decomposition_table (dict),
    dynamic_shapes (object): not supported. tracing_mode (str), assume_static_by_default, same_signature (bool):
    accepted; sizes are those of the arguments.

    Raises exc.Unsupported if f cannot be captured whole, AssertionError if a module changes its own attributes,
    NotImplementedError for options that are not supported.

    >>> import framejit
    >>> gm, guards = export(lambda x, scale: {"out": x.sin() * scale})(framejit.zeros(2), 3)
    >>> gm(framejit.zeros(2), 3)
    {'out': tensor([0., 0.])}
    """
    given = {"pre_dispatch": pre_dispatch, "decomposition_table": decomposition_table}
    for name, value in {**given, "dynamic_shapes": dynamic_shapes}.items():
        if value:
            raise NotImplementedError(f"export: {name} is not supported")

    def inner(*args, **kwargs):
        return (_export_operators if aten_graph else _export)(f, args, kwargs)

    return inner(*extra_args, **extra_kwargs) if extra_args or extra_kwargs else inner


class _Calling(Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args, **kwargs):
        return self.function(*args, **kwargs)


def _export_operators(f, args, kwargs):
    from framejit.export import export as export_program

    f = getattr(f, "_orig_mod", f)
    program = export_program(f if isinstance(f, Module) else _Calling(f), args, kwargs)
    return ExportResult(program.module(), [])


def _export(f, args, kwargs):
    graphs, runs = [], []

    def record(gm, examples):
        graphs.append(gm)

        def run(*inputs):
            outputs = gm(*inputs)
            runs.append((inputs, outputs))
            return outputs

        return run

    from .explain import _entries

    f = getattr(f, "_orig_mod", f)
    before = _attributes(f)
    record._framejit_exports = True
    compiled = compile(f, backend=record, fullgraph=True, dynamic=False)
    result = compiled(*args, **kwargs)
    _check_unchanged(f, before)
    guards = [guard for row in _entries(compiled) for guard in row["guards"]]
    return ExportResult(_Exporter(f, args, kwargs, graphs, runs).module(result), guards)


def _attributes(f):
    """What the modules below f hold, apart from parameters and buffers in their own places."""
    return [(m, dict(vars(m))) for m in f.modules()] if isinstance(f, Module) else []


def _check_unchanged(f, before):
    for module, held in before:
        now = dict(vars(module))
        for name in {*held, *now}:
            if held.get(name) is not now.get(name) and not name.startswith("_"):
                vars(module).clear()
                vars(module).update(held)
                raise AssertionError(f"Mutating module attribute {name} during export.")


class _Exporter:
    def __init__(self, f, args, kwargs, graphs, runs):
        self.leaves, self.in_spec = pytree.tree_flatten((args, kwargs))
        self.captured = graphs[0] if graphs else None
        self.inputs, self.outputs = runs[0] if runs else ((), ())
        self.attributes = {}
        self.paths = {}
        if isinstance(f, Module):
            named = [*f.named_parameters(remove_duplicate=False), *f.named_buffers(remove_duplicate=False)]
            self.paths = {id(tensor): name for name, tensor in named}
        self.graph = Graph()
        self.graph.set_codegen(SignatureCodeGen())

    def module(self, result):
        out_leaves, out_spec = pytree.tree_flatten(result)
        arguments = [self.graph.placeholder(f"arg{i}") for i in range(len(self.leaves))]
        by_leaf = {id(leaf): node for leaf, node in zip(self.leaves, arguments) if isinstance(leaf, _C.Tensor)}
        values = []
        if self.captured is not None:
            sources = [by_leaf.get(id(tensor)) or self._held(tensor) for tensor in self.inputs]
            values = self._copy(sources)
        made = {id(tensor): node for tensor, node in zip(self.outputs, values)}
        outputs = []
        for leaf in out_leaves:
            if isinstance(leaf, _C.Tensor):
                outputs.append(made.get(id(leaf)) or by_leaf.get(id(leaf)) or self._held(leaf))
            else:
                outputs.append(leaf)
        self.graph.output(tuple(outputs))
        module = ExportedModule(self.attributes, self.graph, "GraphModule")
        module._in_spec, module._out_spec = self.in_spec, out_spec
        return module

    def _held(self, tensor):
        """The node of a tensor that the module holds: a parameter under its name, anything else as a constant."""
        name = self.paths.get(id(tensor)) or f"_tensor_constant{len(self.attributes)}"
        self.attributes[name] = tensor
        return self.graph.get_attr(name)

    def _copy(self, sources):
        """The captured nodes with these for their inputs; gives the nodes of the outputs."""
        nodes, sources = {}, iter(sources)
        for node in self.captured.graph.nodes:
            if node.op == "placeholder":
                nodes[node] = next(sources)
            elif node.op == "output":
                return [nodes[arg] for arg in node.args[0]]
            else:
                nodes[node] = self.graph.node_copy(node, nodes.__getitem__)
            if node.op == "get_attr":
                self.attributes[node.target] = getattr(self.captured, node.target)
        return []
