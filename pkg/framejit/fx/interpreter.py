"""Interpreter: runs a graph node by node; subclasses override how a kind of node is run."""

from . import traceback as fx_traceback
from .graph import Graph
from .graph_module import GraphModule
from .node import Node, map_aggregate, map_arg
from .proxy import Proxy
from .symbolic_trace import Tracer


class Interpreter:
    """Runs the graph of a module; `env` holds the values of the nodes that are still needed.

    module (nn.Module), garbage_collect_values (bool), graph (fx.Graph or None). Raises AttributeError for other types.

    >>> import framejit
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin() + 1)
    >>> framejit.fx.Interpreter(gm).run(framejit.zeros(1))
    tensor([1.])
    """

    def __init__(self, module, garbage_collect_values=True, graph=None):
        self.module = module
        self.submodules = dict(module.named_modules())
        self.graph = graph if graph is not None else module.graph
        self.env = {}
        self.name = "Interpreter"
        self.extra_traceback = True
        self.garbage_collect_values = garbage_collect_values
        self.user_to_last_uses = {}
        if garbage_collect_values:
            seen = set()
            for user in reversed(self.graph.nodes):
                for used in user.all_input_nodes:
                    if used not in seen:
                        seen.add(used)
                        self.user_to_last_uses.setdefault(user, []).append(used)

    def run(self, *args, initial_env=None, enable_io_processing=True):
        """The result of the program for these arguments."""
        self.env = dict(initial_env) if initial_env is not None else {}
        if enable_io_processing:
            args = self.graph.process_inputs(*args)
        self.args_iter = iter(args)
        for node in self.graph.nodes:
            if node in self.env:
                continue
            try:
                self.env[node] = self.run_node(node)
            except Exception as error:
                if self.extra_traceback:
                    _tell_where(error, node)
                    if isinstance(error, KeyError):
                        raise RuntimeError(*error.args) from error
                raise
            if node.op == "output":
                result = self.env[node]
                return self.graph.process_outputs(result) if enable_io_processing else result
            for used in self.user_to_last_uses.get(node, ()):
                del self.env[used]
        return None

    def boxed_run(self, args_list):
        """`run` of a list that is emptied, so that the arguments can be freed early."""
        args = list(args_list)
        args_list.clear()
        return self.run(*args)

    def run_node(self, n):
        """The value of one node."""
        with fx_traceback.set_current_meta(n):
            args, kwargs = self.fetch_args_kwargs_from_env(n)
            return getattr(self, n.op)(n.target, args, kwargs)

    def placeholder(self, target, args, kwargs):
        """The next argument."""
        if target.startswith("*"):
            return list(self.args_iter)
        try:
            return next(self.args_iter)
        except StopIteration:
            if args:
                return args[0]
            raise RuntimeError(
                f"Expected positional argument for parameter {target}, but one was not passed in!"
            ) from None

    def get_attr(self, target, args, kwargs):
        """An attribute of the module."""
        return self.fetch_attr(target)

    def call_function(self, target, args, kwargs):
        """The result of a function."""
        return target(*args, **kwargs)

    def call_method(self, target, args, kwargs):
        """The result of a method."""
        receiver, *rest = args
        return getattr(receiver, target)(*rest, **kwargs)

    def call_module(self, target, args, kwargs):
        """The result of a submodule."""
        return self.fetch_attr(target)(*args, **kwargs)

    def output(self, target, args, kwargs):
        """The result of the program."""
        return args[0]

    def fetch_attr(self, target):
        """What the module has under a dotted path."""
        value = self.module
        for i, part in enumerate(target.split(".")):
            if not hasattr(value, part):
                raise RuntimeError(f"Node referenced nonexistent target {'.'.join(target.split('.')[: i + 1])}")
            value = getattr(value, part)
        return value

    def fetch_args_kwargs_from_env(self, n):
        """A node's arguments with nodes replaced by their values."""
        return self.map_nodes_to_values(n.args, n), self.map_nodes_to_values(n.kwargs, n)

    def map_nodes_to_values(self, args, n):
        """`args` with nodes replaced by their values."""

        def value_of(node):
            if node not in self.env:
                raise RuntimeError(
                    f"Node {n} referenced nonexistent value {node}! Run Graph.lint() to diagnose such issues"
                )
            return self.env[node]

        return map_arg(args, value_of)


class Transformer(Interpreter):
    """An Interpreter whose values are proxies: what it does becomes a new graph.

    module (nn.Module). Raises AttributeError for other types.

    >>> import framejit
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin())
    >>> framejit.fx.Transformer(gm).transform()(framejit.zeros(1))
    tensor([0.])
    """

    def __init__(self, module):
        super().__init__(module)
        self.new_graph = Graph()
        self.new_graph.set_codegen(module.graph._codegen)
        self.tracer = _TransformerTracer(self.new_graph)
        self.tracer.root = module

    def placeholder(self, target, args, kwargs):
        """A new placeholder."""
        return Proxy(self.new_graph.placeholder(target, default_value=args[0] if args else ...), self.tracer)

    def get_attr(self, target, args, kwargs):
        """A new attribute read."""
        return self.tracer.create_proxy("get_attr", target, args, kwargs)

    def call_module(self, target, args, kwargs):
        """A new call of the submodule."""
        return self.tracer.create_proxy("call_module", target, args, kwargs)

    def call_function(self, target, args, kwargs):
        """A new call of the function."""
        return self.tracer.create_proxy("call_function", target, args, kwargs)

    def call_method(self, target, args, kwargs):
        """A new call of the method."""
        return self.tracer.create_proxy("call_method", target, args, kwargs)

    def transform(self):
        """The module of the new graph."""
        with fx_traceback.preserve_node_meta():
            result = super().run(enable_io_processing=False)
        if result is not None:

            def strip(leaf):
                return leaf.node if isinstance(leaf, Proxy) else leaf

            output = self.new_graph.output(map_aggregate(result, strip))
            old = next((n for n in reversed(self.graph.nodes) if n.op == "output"), None)
            if isinstance(old, Node):
                output.meta = dict(old.meta)
        return GraphModule(self.module, self.new_graph)


class _TransformerTracer(Tracer):
    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def is_leaf_module(self, m, module_qualified_name):
        return True


def _tell_where(error, node):
    """The error's message says which node it comes from."""
    text = f"While executing {node.format_node()}"
    if error.args and text in str(error.args[0]):
        return
    text = f"{error.args[0]}\n\n{text}" if error.args else text
    if node.stack_trace:
        text += f"\nOriginal traceback:\n{node.stack_trace}"
    error.args = (text, *error.args[1:])
