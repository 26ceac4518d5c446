"""A program without mutation: every in-place operator becomes the operator that gives a new tensor.

A tensor that shares memory with another one is its view, by the operator that made it. When either changes, the change is carried to
the base (`select_scatter`, `slice_scatter`, ... ) and views are made anew where they are used next. What parameters, buffers and
arguments are at the end is an output of the graph.
"""

from framejit import ops
from framejit.fx import Graph
from framejit.fx.node import Node, map_aggregate
from framejit.fx.proxy import GraphAppendingTracer, Proxy

from ._aten import mutates, overload
from ._capture import _drop_dead, placeholder
from .exported_program import ExportedProgram
from .graph_signature import ExportGraphSignature, InputKind, OutputKind, OutputSpec, TensorArgument

aten = ops.aten

_MUTATIONS = {
    InputKind.BUFFER: OutputKind.BUFFER_MUTATION,
    InputKind.PARAMETER: OutputKind.PARAMETER_MUTATION,
    InputKind.USER_INPUT: OutputKind.USER_INPUT_MUTATION,
}
# what gives the base of a view back from the view's new elements
_SAME_ORDER = frozenset(
    "view reshape flatten unsqueeze squeeze unflatten contiguous view_as reshape_as ravel _unsafe_view".split()
)
_SAME = frozenset("detach alias to expand_as positive".split())
_SWAPS = frozenset("transpose swapaxes swapdims".split())


def _linear(x, weight, bias=None):
    product = ops.aten.matmul.default(x, ops.aten.t.default(weight))
    return product if bias is None else ops.aten.add.Tensor(product, bias)


def _addmm(x, a, b, *, beta=1, alpha=1):
    product = ops.aten.mm.default(a, b)
    product = product if alpha == 1 else ops.aten.mul.Tensor(product, alpha)
    return ops.aten.add.Tensor(x if beta == 1 else ops.aten.mul.Tensor(x, beta), product)


def _silu(x):
    return ops.aten.mul.Tensor(x, ops.aten.sigmoid.default(x))


DEFAULT = {aten.linear.default: _linear, aten.addmm.default: _addmm, aten.silu.default: _silu}


class _View:
    def __init__(self, base, name, args, kwargs):
        self.base, self.name, self.args, self.kwargs = base, name, args, kwargs


class _Functional:
    def __init__(self, program, table):
        self.program, self.table = program, table
        self.graph, self.now, self.made, self.views, self.of_memory = Graph(), {}, {}, {}, {}
        self.version = {}

    def run(self):
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                self.now[node] = placeholder(self.graph, node.name)
                self.now[node].meta = dict(node.meta)
                self.version[node] = 0
            elif node.op == "output":
                return self._finish(node)
            elif node.op == "call_function":
                self._call(node)
            else:
                self.now[node] = self.graph.node_copy(node, self.value)

    # ---- values

    def value(self, node):
        """What stands for an old node now; a view whose base has changed is made again."""
        view = self.views.get(node)
        if view is not None:
            base = self.value(view.base)
            if self.made[node] is not base:
                self.now[node] = self._emit(
                    view.name,
                    (base, *map_aggregate(view.args, self._leaf)),
                    map_aggregate(view.kwargs, self._leaf),
                    node,
                )
                self.made[node] = base
        return self.now[node]

    def _leaf(self, leaf):
        return self.value(leaf) if isinstance(leaf, Node) else leaf

    def _emit(self, name, args, kwargs, like):
        target, args, kwargs = overload(name, args, kwargs, lambda n: hasattr(n.meta.get("val"), "dtype"))
        node = self.graph.call_function(target, args, kwargs, name=name)
        node.meta = dict(like.meta)
        return node

    def _call(self, node):
        name = getattr(getattr(node.target, "overloadpacket", node.target), "__name__", "")
        if name == "batch_norm" and self._trains(node):
            self._batch_norm(node)
        elif mutates(node):
            self._in_place(node, name)
        else:
            args, kwargs = map_aggregate(node.args, self._leaf), map_aggregate(node.kwargs, self._leaf)
            self.now[node] = self._decomposed(node, args, kwargs)
            self._note_view(node, name)

    def _decomposed(self, node, args, kwargs):
        function = self.table.get(node.target) or self.table.get(getattr(node.target, "overloadpacket", None))
        if function is None:
            made = self.graph.call_function(node.target, args, kwargs, name=node.name)
            made.meta = dict(node.meta)
            return made
        tracer = GraphAppendingTracer(self.graph)

        def proxy(leaf):
            return Proxy(leaf, tracer) if isinstance(leaf, Node) else leaf

        result = function(*map_aggregate(args, proxy), **map_aggregate(kwargs, proxy))
        if not isinstance(result, Proxy):
            raise NotImplementedError(
                f"the decomposition of {node.target} gave {type(result).__name__}: one tensor is supported"
            )
        result.node.meta = dict(node.meta)
        return result.node

    def _note_view(self, node, name):
        """Remembers which older tensor a result shares memory with."""
        memory = getattr(node.meta.get("val"), "alias", None)
        sources = [a for a in node.args if isinstance(a, Node) and getattr(a.meta.get("val"), "alias", None)]
        if memory and sources and sources[0].meta["val"].alias == memory:
            self.views[node] = _View(sources[0], name, node.args[1:], node.kwargs)
            self.made[node] = self.now[sources[0]]

    # ---- mutations

    def _in_place(self, node, name):
        target = node.args[0]
        args, kwargs = map_aggregate(node.args, self._leaf), map_aggregate(node.kwargs, self._leaf)
        plain = {"copy_": "copy", "fill_": "fill", "zero_": "zeros_like"}.get(name, name[:-1])
        if not hasattr(aten, plain):
            raise NotImplementedError(f"run_decompositions: the operator {name} has no form without mutation")
        self._set(target, self._emit(plain, args, kwargs, target))
        self.now[node] = self.now[target]
        self.views[node], self.made[node] = _View(target, "alias", (), {}), self.now[target]

    def _set(self, node, value):
        """From now on the old node's tensor has these elements; its base changes with it."""
        view = self.views.get(node)
        if view is not None:
            self._set(view.base, self._into_base(node, view, value))
            self.made[node] = self.now[view.base]
        self.now[node] = value

    def _into_base(self, node, view, value):
        name, base = view.name, view.base
        old = self.value(base)
        args = map_aggregate(view.args, self._leaf)
        kwargs = dict(map_aggregate(view.kwargs, self._leaf))
        if name in _SAME:
            return value
        if name in _SAME_ORDER:
            return self._emit("reshape_as", (value, old), {}, base)
        if name in _SWAPS:
            return self._emit("transpose", (value, *args), kwargs, base)
        if name in ("t", "mT", "numpy_T"):
            return self._emit(name, (value,), {}, base)
        if name == "permute":
            inverse = sorted(range(len(args[0])), key=lambda i: args[0][i] % len(args[0]))
            return self._emit("permute", (value, inverse), {}, base)
        if name in ("select", "slice", "diagonal"):
            return self._emit(f"{name}_scatter", (old, value, *args), kwargs, base)
        if name == "narrow" and all(isinstance(a, int) for a in args):
            return self._emit("slice_scatter", (old, value, args[0], args[1], args[1] + args[2]), {}, base)
        raise NotImplementedError(
            f"run_decompositions: a change through the view that {name} gives cannot be expressed"
        )

    def _trains(self, node):
        return len(node.args) > 5 and node.args[5] is True and node.args[3] is not None

    def _batch_norm(self, node):
        x, weight, bias, _, _, _, momentum, eps, *_ = (*map_aggregate(node.args, self._leaf), 0.1, 1e-5)
        shape = node.args[0].meta["val"].shape
        dims = [i for i in range(len(shape)) if i != 1]
        made = self.graph.call_function(
            aten.batch_norm.default, (x, weight, bias, None, None, True, momentum, eps), name="batch_norm"
        )
        made.meta = dict(node.meta)
        for old, name, more in ((node.args[3], "mean", {}), (node.args[4], "var", {"unbiased": True})):
            batch = self._emit(name, (x, dims, *more.values()), {}, old)
            kept = self._emit("mul", (self.value(old), 1 - momentum), {}, old)
            part = self._emit("mul", (batch, momentum), {}, old)
            self._set(old, self._emit("add", (kept, part), {}, old))
        self.now[node] = made

    # ---- the end

    def _finish(self, output):
        signature = self.program.graph_signature
        specs, values = [], []
        for spec, node in zip(signature.input_specs, [n for n in self.program.graph.nodes if n.op == "placeholder"]):
            value = self.now[node]
            if value.op == "placeholder" or spec.kind not in _MUTATIONS:
                continue
            target = spec.target if spec.kind is not InputKind.USER_INPUT else spec.arg.name
            values.append(value)
            specs.append(OutputSpec(_MUTATIONS[spec.kind], TensorArgument(value.name), target))
        for spec, leaf in zip(signature.output_specs, output.args[0]):
            value = self._leaf(leaf)
            arg = type(spec.arg)(value.name) if isinstance(value, Node) else spec.arg
            if spec.kind is not OutputKind.USER_OUTPUT:
                specs = [s for s, v in zip(specs, list(values)) if s.target != spec.target]
                kept = {s.arg.name for s in specs}
                values = [v for v in values if v.name in kept]
                specs.append(OutputSpec(spec.kind, arg, spec.target))
            else:
                specs.append(OutputSpec(spec.kind, arg))
            values.append(value)
        self.graph.output(tuple(values))
        return specs


def decomposed(program, table):
    """The program without mutation and without the operators of the table."""
    run = _Functional(program, DEFAULT if table is None else table)
    outputs = run.run()
    _drop_dead(run.graph)
    made = ExportedProgram(
        dict(program.graph_module.named_children()),
        run.graph,
        ExportGraphSignature(list(program.graph_signature.input_specs), outputs),
        program.state_dict,
        program.constants,
        program.range_constraints,
        program.call_spec,
        program.sizes,
    )
    made.example_inputs = program.example_inputs
    return made
