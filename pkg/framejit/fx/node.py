"""Node: one call, attribute or end point of a graph.

A node's arguments may hold other nodes at any depth inside tuples, lists, dicts and slices; `users` is kept in step
with them, which is why arguments are immutable and are changed only by assigning new ones.
"""

import builtins
import copy
import sys
import types
import typing
import warnings

from .immutable_collections import immutable_dict, immutable_list

Target = typing.Union[typing.Callable, str]
Argument = typing.Any
OPS = ("placeholder", "call_method", "call_module", "call_function", "get_attr", "output", "root")

_side_effects = set()


def has_side_effect(function):
    """Mark a function so that calls of it are never dead code.

    function (callable). Raises nothing of its own.

    >>> import framejit
    >>> framejit.fx.has_side_effect(print) is print
    True
    """
    _side_effects.add(function)
    return function


def map_aggregate(value, function):
    """`value` with every leaf replaced by `function(leaf)`; containers become immutable ones."""
    if isinstance(value, tuple):
        items = [map_aggregate(item, function) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return immutable_list(map_aggregate(item, function) for item in value)
    if isinstance(value, dict):
        return immutable_dict((key, map_aggregate(item, function)) for key, item in value.items())
    if isinstance(value, slice):
        return slice(*(map_aggregate(item, function) for item in (value.start, value.stop, value.step)))
    return function(value)


def map_arg(value, function):
    """`value` with every Node in it replaced by `function(node)`.

    value (float), function (callable). Raises AssertionError (framejit.fx.map_arg(a, fn): fn must be a callable).

    >>> import framejit
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin())
    >>> node = list(gm.graph.nodes)[1]
    >>> framejit.fx.map_arg(node.args, lambda n: n.name)
    ('x',)
    """
    if not callable(function):
        raise AssertionError("framejit.fx.map_arg(a, fn): fn must be a callable")
    return map_aggregate(value, lambda leaf: function(leaf) if isinstance(leaf, Node) else leaf)


def package_name():
    """What the package is called in texts: "torch" where programs say so (see as_torch)."""
    return "torch" if getattr(sys.modules.get("torch"), "__spec__", None) is not None and _as_torch() else "framejit"


def _as_torch():
    finders = sys.modules.get("framejit.as_torch._finder")
    return finders is not None and any(isinstance(finder, finders.TorchFinder) for finder in sys.meta_path)


# where PyTorch keeps them
_OF_TORCH_NN = frozenset(
    ("framejit.linear", "framejit.scaled_dot_product_attention", "framejit.nn.functional.gelu",
     "framejit.nn.functional.softplus", "framejit.nn.functional.softshrink")
)  # fmt: skip


def _public(path):
    """The dotted path of something of the package, as programs say it."""
    first, dot, rest = path.partition(".")
    if package_name() == "torch" and path in _OF_TORCH_NN:
        return f"torch._C._nn.{path.rpartition('.')[2]}"
    return package_name() + dot + rest if first == "framejit" else path


def type_repr(kind):
    """A type as text: its dotted name, and that of what it is made of."""
    if isinstance(kind, type) and not isinstance(kind, types.GenericAlias):
        return kind.__qualname__ if kind.__module__ == "builtins" else _public(f"{kind.__module__}.{kind.__qualname__}")
    if kind is ...:
        return "..."
    if isinstance(kind, types.FunctionType):
        return kind.__name__
    return repr(kind)


def qualified_name(function):
    """The dotted path by which generated code reaches a function."""
    return _public(_own_name(function))


def _own_name(function):
    if getattr(builtins, getattr(function, "__name__", ""), None) is function:
        return function.__name__
    name = getattr(function, "__name__", None) or type(function).__name__
    module = _module_of(function)
    if module == "framejit" and vars(sys.modules["framejit"]).get(name) is not function:
        module = "framejit._C" if hasattr(sys.modules["framejit._C"], name) else module
    if module.startswith("framejit.") and vars(sys.modules["framejit"]).get(name) is function:
        return f"framejit.{name}"
    if hasattr(function, "_qualified_op_name"):  # an overload of an operator
        return function._qualified_op_name
    if isinstance(function, (types.MethodDescriptorType, types.WrapperDescriptorType)):
        return f"{module}.{function.__objclass__.__name__}.{name}" if function.__objclass__ else name
    if module in ("_operator", "operator"):
        return "operator." + name
    return f"{module}.{name}" if module else name


def _module_of(function):
    """The public module of a function: ops of the extension are reached through the package."""
    module = getattr(function, "__module__", None)
    if module is None and isinstance(getattr(function, "__self__", None), types.ModuleType):
        module = function.__self__.__name__
    if module is None:
        owner = getattr(function, "__objclass__", None)
        module = getattr(owner, "__module__", None)
    if module in ("framejit._C", "_C"):
        return "framejit"
    if module and module.startswith("framejit.nn._functional"):
        return "framejit.nn.functional"
    return module or ""


class Node:
    """One node; made by `Graph.create_node`, never directly.

    graph (fx.Graph), name, op (str), target (str or callable), args (tuple), kwargs (dict), return_type (type or
    None). Raises AssertionError (… is not a kind of node), ValueError (Node [graph = …, name = '…'] target … has type
    … but a Callable is expected; Node [graph = …, name = '…'] target … has type … but a str is expected).

    >>> import framejit
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin())
    >>> [(node.op, node.name) for node in gm.graph.nodes]
    [('placeholder', 'x'), ('call_method', 'sin'), ('output', 'output')]
    """

    def __init__(self, graph, name, op, target, args, kwargs, return_type=None):
        if op not in OPS:
            raise AssertionError(f"{op!r} is not a kind of node")
        if op == "call_function":
            if not callable(target):
                raise ValueError(
                    f"Node [graph = {graph}, name = '{name}'] target {target} has type {type(target)} but "
                    "a Callable is expected"
                )
        elif not isinstance(target, str):
            raise ValueError(
                f"Node [graph = {graph}, name = '{name}'] target {target} has type {type(target)} but a str is expected"
            )
        self.graph = graph
        self.name = name
        self.op = op
        self.target = target
        self.type = return_type
        self.users = {}
        self.meta = {}
        self._input_nodes = {}
        self._prev = self._next = self
        self._erased = False
        self._args, self._kwargs = (), {}
        self._update_args_kwargs(args, kwargs)

    # ---- arguments ------------------------------------------------------------------------------------------

    def _update_args_kwargs(self, args, kwargs):
        for node in self._input_nodes:
            node.users.pop(self, None)
        self._input_nodes = {}

        def note(node):
            self._input_nodes[node] = None
            node.users[self] = None
            return node

        self._args = map_arg(args, note)
        self._kwargs = map_arg(kwargs, note)

    @property
    def args(self):
        return self._args

    @args.setter
    def args(self, value):
        self._update_args_kwargs(value, self._kwargs)

    @property
    def kwargs(self):
        return self._kwargs

    @kwargs.setter
    def kwargs(self, value):
        self._update_args_kwargs(self._args, value)

    @property
    def all_input_nodes(self):
        return list(self._input_nodes)

    def update_arg(self, index, arg):
        """Replace one positional argument."""
        args = list(self.args)
        args[index] = arg
        self.args = tuple(args)

    def insert_arg(self, index, arg):
        """Insert a positional argument."""
        args = list(self.args)
        args.insert(index, arg)
        self.args = tuple(args)

    def update_kwarg(self, key, arg):
        """Replace one keyword argument."""
        self.kwargs = {**self.kwargs, key: arg}

    def replace_input_with(self, old_input, new_input):
        """Use `new_input` wherever this node used `old_input`."""

        def swap(node):
            return new_input if node is old_input else node

        self._update_args_kwargs(map_arg(self.args, swap), map_arg(self.kwargs, swap))

    def replace_all_uses_with(self, replace_with, delete_user_cb=lambda user: True, *, propagate_meta=False):
        """Make every user of this node use another one; gives the users that were changed."""
        if propagate_meta:
            if replace_with.meta:
                raise AssertionError(
                    "Called node.replace_all_uses_with(replace_with, propagate_meta=True), but "
                    "replace_with already has .meta keys"
                )
            replace_with.meta.update(self.meta)
        changed = []
        for user in list(self.users):
            if delete_user_cb(user):
                user.replace_input_with(self, replace_with)
                changed.append(user)
        return changed

    # ---- place in the graph ---------------------------------------------------------------------------------

    @property
    def next(self):
        return self._next

    @property
    def prev(self):
        return self._prev

    def prepend(self, node):
        """Move `node` before this one."""
        if self.graph is not node.graph:
            raise AssertionError("Attempting to move a Node into a different Graph")
        if node is self:
            warnings.warn("Trying to prepend a node to itself. This behavior has no effect on the graph.")
            return
        node._remove_from_list()
        before = self._prev
        before._next, node._prev = node, before
        node._next, self._prev = self, node

    def append(self, node):
        """Move `node` after this one."""
        self._next.prepend(node)

    def _remove_from_list(self):
        self._prev._next, self._next._prev = self._next, self._prev
        self._prev = self._next = self

    def __lt__(self, other):
        """Order in the graph."""
        node = self._next
        while node.op != "root":
            if node is other:
                return True
            node = node._next
        return False

    # ---- questions ------------------------------------------------------------------------------------------

    def is_impure(self, impure_random=True):
        """Whether the node must stay even if nobody uses its result."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_function":
            name = getattr(self.target, "__name__", "").partition(".")[0]
            if impure_random and name in _RANDOM and hasattr(self.target, "overloadpacket"):
                return True
            return self.target in _side_effects or name in _EFFECTS or _mutates(name) or "out" in self.kwargs
        if self.op == "call_method":
            return _mutates(self.target)
        if self.op == "call_module":
            module = self.graph.owning_module
            return module is None or getattr(module.get_submodule(self.target), "_is_impure", False)
        return False

    def _rename(self, candidate):
        """Take this name, or one like it where it is taken."""
        if candidate != self.name:
            self.name = self.graph._graph_namespace.create_name(candidate)

    @property
    def stack_trace(self):
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace):
        self.meta["stack_trace"] = trace

    def _pretty_print_target(self, target):
        if isinstance(target, str):
            return target
        name = qualified_name(target)
        return f"builtins.{name}" if getattr(builtins, name, None) is target else name

    def format_node(self, placeholder_names=None, maybe_return_typename=None):
        """One line about the node, as `print(graph)` shows it."""
        if self.op == "placeholder":
            if placeholder_names is not None:
                placeholder_names.append(self.target + (f": {type_repr(self.type)}" if self.type else ""))
                return None
            default = f"(default={self.args[0]})" if self.args else ""
            return (
                f"%{self.name} : {self._type_text()}[num_users={len(self.users)}] = {self.op}[target={self.target}]"
                f"{default}"
            )
        if self.op == "get_attr":
            return f"%{self.name} : {self._type_text()}[num_users={len(self.users)}] = {self.op}[target={self.target}]"
        if self.op == "output":
            if self.type is not None and maybe_return_typename:
                maybe_return_typename[0] = f" -> {type_repr(self.type)}"
            return f"return {self.args[0]}"
        return (
            f"%{self.name} : {self._type_text()}[num_users={len(self.users)}] = {self.op}[target="
            f"{self._pretty_print_target(self.target)}](args = {_format_arg(self.args)}, kwargs = "
            f"{_format_arg(self.kwargs)})"
        )

    def _type_text(self):
        return f"{type_repr(self.type)} " if self.type is not None else ""

    def __repr__(self):
        return self.name

    def __deepcopy__(self, memo):
        copied = copy.deepcopy(self.graph, memo)
        return next(new for old, new in zip(self.graph.nodes, copied.nodes) if old is self)

    def normalized_arguments(self, root, arg_types=None, kwarg_types=None, normalize_to_only_use_kwargs=False):
        """Arguments as the signature of the target has them, an ArgsKwargsPair, or None where that is not known."""
        from .operator_schemas import normalize_function, normalize_module

        if self.op == "call_function":
            return normalize_function(
                self.target, self.args, self.kwargs, arg_types, kwarg_types, normalize_to_only_use_kwargs
            )
        if self.op == "call_module":
            return normalize_module(root, self.target, self.args, self.kwargs, normalize_to_only_use_kwargs)
        return None


_EFFECTS = frozenset(
    "_assert _assert_is_none _assert_async _record_function_enter _record_function_enter_new _record_function_exit".split()
)
_RANDOM = frozenset(
    "rand randn randint randperm rand_like randn_like randint_like bernoulli multinomial normal".split()
)


def _mutates(name):
    """PyTorch's convention: what ends in one underscore changes its first argument."""
    return name.endswith("_") and not name.endswith("__") or name in ("setitem", "__setitem__")


def _format_arg(value, max_list_len=float("inf")):
    """An argument as the printed graph shows it."""
    if hasattr(value, "_custom_fx_repr_fn"):
        return value._custom_fx_repr_fn()
    if isinstance(value, Node):
        return "%" + value.name
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_format_arg, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, list):
        items = [_format_arg(item) for i, item in enumerate(value) if i < max_list_len]
        more = f", ...[total_len={len(value)}]" if len(value) > max_list_len else ""
        return "[" + ", ".join(items) + more + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_format_arg(item)}" for key, item in value.items()) + "}"
    return str(value)
