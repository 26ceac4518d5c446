"""A backward pass as one fx graph: what the tape below some tensors looks like, and the operators that a pass through it calls.

`Walk` reads the tape: a key that says all that a pass depends on but tensors and hooks, and those in a fixed order. `record` does
the pass once, with the tensors at hand, without calling a hook or changing a leaf, and writes down what it calls.
"""

import heapq
import operator

from framejit import _C
from framejit._common import without_memory
from framejit.fx import Graph, GraphModule
from framejit.fx.experimental._recording import Recording, _place
from framejit.fx.experimental.proxy_tensor import PythonKeyTracer
from framejit.nn import Module
from framejit.utils import _pytree as pytree

from .external_utils import call_accumulate_grad, call_backward, call_hook

INPUTS = ("inputs", "sizes", "scalars", "hooks", "packed_data")  # the parameters of the graph, as PyTorch has them


class CannotRecord(Exception):
    """The pass is the ordinary engine's."""


class _Node:
    """A node of the tape. kind (str): "leaf", "function" or "op"."""

    def __init__(self, node):
        self.node, self.sequence = node, node._sequence_nr()
        self.next = node.next_functions
        self.kind, self.text, self.saved = "op", None, ()
        self.function = self.leaf = None
        self.pre, self.post, self.on_results, self.after = (), (), (), ()
        self._read_work()
        self._read_hooks()

    def _read_work(self):
        node = self.node
        if node.name() == "AccumulateGrad":
            self.kind, self.leaf = "leaf", node.variable
            self.text = _facts(self.leaf)
            return
        described = _C._node_description(node)
        if described is not None:
            self.text, self.saved = described
            return
        self.function = _C._node_function(node)
        if self.function is None:
            raise CannotRecord(node.name())
        self.kind, (cls, _, kept, are_tensors) = "function", self.function
        self.saved = kept.tensors()
        self.text = (cls, are_tensors, tuple(None if t is None else _facts(t) for t in self.saved))

    def _read_hooks(self):
        found = _C._node_hooks(self.node)
        if found is not None:
            self.on_results, retained, self.pre, self.post = found
            if retained:
                raise CannotRecord("a gradient that is to be kept")
        if self.leaf is not None:
            hooks = self.leaf._backward_hooks
            if hooks:
                self.on_results = [(0, list(hooks.values())), *self.on_results]
            self.after = list((self.leaf._post_accumulate_grad_hooks or {}).values())

    def hook_counts(self):
        on_results = tuple((nr, len(functions)) for nr, functions in self.on_results if functions)
        return on_results, len(self.pre), len(self.post), len(self.after)


def _facts(tensor):
    if type(tensor) not in _PLAIN or tensor.layout is not _C.strided or tensor.device.type != "cpu":
        raise CannotRecord(f"a tensor of {type(tensor).__name__}, {tensor.layout}, {tensor.device}")
    return (tensor.dtype, tuple(tensor.shape), tensor.stride())


def _plain_types():
    from framejit.nn.parameter import Buffer, Parameter

    return (_C.Tensor, Parameter, Buffer)


_PLAIN = _plain_types()


class Walk:
    """The tape below `roots`, pairs of a node and the number of a result, whose gradients are `grads`.

    wanted: the same kind of pairs where gradients are asked for, or None for a pass that adds to leaves. Raises CannotRecord.
    """

    def __init__(self, roots, grads, wanted):
        self.nodes = self._nodes_below(roots)
        self.index = {found.node: i for i, found in enumerate(self.nodes)}
        self.roots = [(self.index[node], nr) for node, nr in roots]
        self.grads = grads
        self.wanted = None if wanted is None else [(self.index.get(node, -1), nr) for node, nr in wanted]
        self.inputs, self.objects = [], []
        self._by_place, self._by_id = {}, {}
        self._collect()
        self.structure = tuple([found.node.name() for found in self.nodes])
        self.key = (
            tuple(self.roots),
            None if self.wanted is None else tuple(self.wanted),
            tuple([_facts(grad) for grad in grads]),
            tuple([(f.node.name(), f.text, self.edges(f), f.hook_counts()) for f in self.nodes]),
            tuple(self.numbers),
        )

    def edges(self, found):
        """Where a node's gradients go: pairs of a number of a node and one of a result, or None."""
        return tuple([None if node is None else (self.index[node], nr) for node, nr in found.next])

    @staticmethod
    def _nodes_below(roots):
        """The nodes in the order in which a pass runs them, leaves last."""
        seen, stack = {}, [node for node, _ in reversed(roots)]
        while stack:
            node = stack.pop()
            if node not in seen:
                seen[node] = found = _Node(node)
                stack.extend(to for to, _ in reversed(found.next) if to is not None)
        tape = sorted((f for f in seen.values() if f.kind != "leaf"), key=lambda f: -f.sequence)
        return tape + [f for f in seen.values() if f.kind == "leaf"]

    def _collect(self):
        """The tensors, each once, leaves first: they are asked for as themselves, others for what they hold."""
        for found in self.nodes:
            if found.kind == "leaf":
                self._by_id[id(found.leaf)] = len(self.inputs)
                self._by_place.setdefault(_place(found.leaf), len(self.inputs))
                self.inputs.append(found.leaf)
        self.numbers = [self._number(grad) for grad in self.grads]
        for found in self.nodes:
            self.numbers += [-1 if tensor is None else self._number(tensor) for tensor in found.saved]
            for _, functions in found.on_results:
                self.objects += functions
            self.objects += found.pre
            self.objects += found.post
            self.objects += found.after
            if found.kind == "function":
                self.objects += found.function[:2]

    def _number(self, tensor):
        _facts(tensor)
        place = _place(tensor)
        if place not in self._by_place:
            self._by_place[place] = len(self.inputs)
            self.inputs.append(tensor)
        return self._by_place[place]

    def number_of(self, tensor):
        """The place of a tensor among the inputs."""
        return self._by_id.get(id(tensor), self._by_place.get(_place(tensor)))


class _Recording(Recording):
    """Nodes of what runs. A tensor that is neither an input nor the result of an operator cannot be had again."""

    def node_of(self, tensor):
        node = self.known.get(id(tensor)) or self.places.get(_place(tensor))
        if node is None:
            raise CannotRecord("a tensor that no operator has given")
        return node


class _Pass:
    """The engine's way through the tape, in Python."""

    def __init__(self, walk):
        self.walk = walk
        self.tracer = PythonKeyTracer()
        self.tracer.graph, self.tracer.root = Graph(), Module()
        self.recording = _Recording(self.tracer)
        graph = self.tracer.graph
        self.given, self.objects = [graph.placeholder(name) for name in INPUTS][0:4:3]  # inputs and hooks
        self.item_of_object = iter(range(len(walk.objects)))
        self.input_nodes = [self._call(operator.getitem, (self.given, i)) for i in range(len(walk.inputs))]
        for tensor, node in zip(walk.inputs, self.input_nodes):
            node.meta["val"] = tensor
            self.recording.know(tensor, node)
        self.buffers = [{} for _ in walk.nodes]
        self.waiting = [0] * len(walk.nodes)
        self.captured = [None] * len(walk.wanted or ())

    def _call(self, target, args, kwargs=None):
        return self.tracer.graph.call_function(target, args, kwargs or {})

    def _object(self):
        """The node of the next hook, in the order in which the walk has listed them."""
        return self._call(operator.getitem, (self.objects, next(self.item_of_object)))

    def run(self):
        needed = self._needed()
        for found in self.walk.nodes:
            for edge in self.walk.edges(found):
                if edge is not None:
                    self.waiting[edge[0]] += 1
        for (i, nr), grad in zip(self.walk.roots, self.walk.grads):
            self._add(i, nr, grad)
        layer = _C._record_enter(self.recording.told)
        try:
            self._in_order(needed)
        finally:
            _C._record_leave(layer)
        graph = self.tracer.graph
        graph.output([None if g is None else self.recording.node_of(g) for g in self.captured])
        graph.eliminate_dead_code()
        graph.lint()
        for node in graph.nodes:  # the graph outlives the pass
            if "val" in node.meta:
                node.meta["val"] = pytree.tree_map_only(_C.Tensor, without_memory, node.meta["val"])
        return GraphModule(self.tracer.root, graph, "CompiledAutograd")

    def _needed(self):
        """With wanted gradients, which nodes lead to one."""
        wanted = self.walk.wanted
        if wanted is None:
            return [True] * len(self.walk.nodes)
        ends = {i for i, _ in wanted}
        needed = [False] * len(self.walk.nodes)
        for i in reversed(range(len(self.walk.nodes))):
            needed[i] = any(
                e is not None and (needed[e[0]] or e[0] in ends) for e in self.walk.edges(self.walk.nodes[i])
            )
        return needed

    def _in_order(self, needed):
        """Leaves as soon as their gradient is there, others the latest recorded first. Each node's objects are taken in turn."""
        nodes = self.walk.nodes
        counts = [sum(map(len, (f.pre, f.post, f.after))) + sum(len(h) for _, h in f.on_results) for f in nodes]
        counts = [n + (2 if f.kind == "function" else 0) for n, f in zip(counts, nodes)]
        begins = [sum(counts[:i]) for i in range(len(counts))]
        ready = [self._rank(i) for i, n in enumerate(self.waiting) if n == 0]
        heapq.heapify(ready)
        while ready:
            i = heapq.heappop(ready)[1]
            self.item_of_object = iter(range(begins[i], begins[i] + counts[i]))
            results = self._step(i, needed[i])
            for k, edge in enumerate(self.walk.edges(nodes[i])):
                if edge is None:
                    continue
                if k < len(results) and results[k] is not None:
                    self._add(*edge, results[k])
                self.waiting[edge[0]] -= 1
                if self.waiting[edge[0]] == 0:
                    heapq.heappush(ready, self._rank(edge[0]))

    def _rank(self, i):
        return (0 if self.walk.nodes[i].kind == "leaf" else 1, i)

    def _add(self, i, nr, grad):
        before = self.buffers[i].get(nr)
        self.buffers[i][nr] = grad if before is None else _C.add(before, grad)

    def _step(self, i, needed):
        found, grads = self.walk.nodes[i], self.buffers[i]
        on_results = [(nr, [self._object() for _ in functions]) for nr, functions in found.on_results]
        pre, post, after = ([self._object() for _ in hooks] for hooks in (found.pre, found.post, found.after))
        for nr, hooks in on_results:
            for hook in hooks:
                if nr in grads:
                    grads[nr] = self._hooked(hook, grads[nr])
        for k, (wanted, nr) in enumerate(self.walk.wanted or ()):
            if wanted == i:
                self.captured[k] = grads.get(nr)
        if not grads or not needed:
            return ()
        count = 1 + max(grads)
        grads = [grads.get(nr) for nr in range(count)]
        grads = self._node_hooks(pre, grads, None, "pre_hook")
        results = self._work(found, grads, after)
        return self._node_hooks(post, results, grads, "post_hook")

    def _work(self, found, grads, after):
        if found.kind == "leaf":
            leaf = self.input_nodes[self.walk.number_of(found.leaf)]
            self._call(call_accumulate_grad, (leaf, self.recording.node_of(grads[0])))
            for hook in after:
                self._call(call_hook, (hook, leaf), {"hook_type": "post_acc_grad_hook"})
            return []
        if found.kind == "function":
            return self._function(found, grads)
        return _C._node_run(found.node, grads)

    def _function(self, found, grads):
        cls, context, _, are_tensors = found.function
        edges, expected, stand_ins = iter(found.next), [], []
        for is_tensor in are_tensors:
            node, nr = next(edges) if is_tensor else (None, 0)
            expected.append(None if node is None else _C._node_result(node, nr))
        if context.materialize_grads:
            for nr, grad in enumerate(grads):
                if grad is None:
                    sizes, dtype = _C._node_result(found.node, nr)
                    grads[nr] = _C.zeros(sizes, dtype=dtype)
        saved = [None if t is None else self.input_nodes[self.walk.number_of(t)] for t in found.saved]
        nodes = [None if g is None else self.recording.node_of(g) for g in grads]
        call = self._call(call_backward, (self._object(), self._object(), tuple(saved), tuple(expected), *nodes))
        for i, (is_tensor, like) in enumerate(zip(are_tensors, expected)):
            if is_tensor and like is None:
                stand_ins.append(None)
            elif is_tensor:
                made = _C._record_pause(_C.empty, (like[0],), {"dtype": like[1]})
                self.recording.know(made, self._call(operator.getitem, (call, i)))
                stand_ins.append(made)
        return stand_ins

    def _stand_in(self, like, node):
        """What a hook will have made of a gradient."""
        made = _C._record_pause(_C.clone, (like,), {})
        node.meta["val"] = made
        self.recording.know(made, node)
        return made

    def _hooked(self, hook, grad):
        node = self._call(call_hook, (hook, self.recording.node_of(grad)), {"hook_type": "tensor_pre_hook"})
        return self._stand_in(grad, node)

    def _node_hooks(self, hooks, grads, others, hook_type):
        for hook in hooks:
            trees = [grads] if others is None else [grads, others]
            args = [tuple([None if g is None else self.recording.node_of(g) for g in tree]) for tree in trees]
            call = self._call(call_hook, (hook, *args), {"hook_type": hook_type})
            grads = [
                None if g is None else self._stand_in(g, self._call(operator.getitem, (call, i)))
                for i, g in enumerate(grads)
            ]
        return grads


def record(walk):
    """The pass as a GraphModule of INPUTS that gives the list of the gradients asked for. Raises CannotRecord."""
    return _Pass(walk).run()
