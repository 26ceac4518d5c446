"""Graph: nodes in execution order, in a ring around a root node that is not part of the program."""

import builtins
import copy
import keyword
import re
import warnings

from ._codegen import CodeGen, PythonCode
from .node import OPS, Node, map_arg, qualified_name

_UNSAFE = re.compile("[^0-9a-zA-Z_]+")


class Namespace:
    """Names that are valid Python, unique, and not those of builtins."""

    def __init__(self):
        self._used = set()
        self._last = {}  # base -> the highest number given out
        self._of = {}  # object -> its name

    def create_name(self, candidate, obj=None):
        """A name like this one that nothing has yet; an object that has one keeps it."""
        if obj is not None and obj in self._of:
            return self._of[obj]
        candidate = _UNSAFE.sub("_", candidate) or "_unnamed"
        if candidate[0].isdigit():
            candidate = "_" + candidate
        match = re.match(r"(.*)_(\d+)$", candidate)
        base, number = (match.group(1), int(match.group(2))) if match else (candidate, None)
        name = candidate
        if not number:
            number = self._last.get(base, 0)
        while name in self._used or _reserved(name, obj):
            number += 1
            name = f"{base}_{number}"
        self._last[base] = number
        self.take(name)
        if obj is not None:
            self._of[obj] = name
        return name

    def take(self, name):
        """Nothing else is given this name."""
        self._used.add(name)


_GLOBALS = ("self", "framejit", "torch", "inf", "nan", "NoneType", "device", "fx_pytree", "pytree")


def _reserved(name, obj=None):
    if keyword.iskeyword(name) or name in _GLOBALS:
        return True
    return hasattr(builtins, name) and getattr(builtins, name) is not obj


class _NodeList:
    """The nodes as a sized, reversible iterable; a node may be erased while it is visited."""

    def __init__(self, graph, direction="_next"):
        self.graph, self.direction = graph, direction

    def __len__(self):
        return self.graph._len

    def __iter__(self):
        node = getattr(self.graph._root, self.direction)
        while node is not self.graph._root:
            following = getattr(node, self.direction)
            if not node._erased:
                yield node
            node = getattr(node, self.direction) if not node._erased else following

    def __reversed__(self):
        return iter(_NodeList(self.graph, "_prev" if self.direction == "_next" else "_next"))


class _InsertPoint:
    """Where nodes are put; as a context, only until its end."""

    def __init__(self, graph, insert):
        self._graph, self._before = graph, graph._insert
        graph._insert = insert

    def __enter__(self):
        return None

    def __exit__(self, *error):
        self._graph._insert = self._before


def _has_attribute(module, path):
    for part in path.split("."):
        if not hasattr(module, part):
            return False
        module = getattr(module, part)
    return True


class Graph:
    """A program of placeholders, calls, attribute reads and one output.

    owning_module (nn.Module or None), tracer_cls (type or None), tracer_extras (dict or None). Raises nothing of its
    own.

    >>> import framejit
    >>> graph = framejit.fx.Graph()
    >>> x = graph.placeholder("x")
    >>> y = graph.call_function(framejit.sin, (x,))
    >>> node = graph.output(y)
    >>> print(framejit.fx.GraphModule({}, graph).code.strip())
    def forward(self, x):
        sin = framejit.sin(x);  x = None
        return sin
    """

    def __init__(self, owning_module=None, tracer_cls=None, tracer_extras=None):
        self._root = Node(self, "", "root", "", (), {})
        self._insert = self._root.prepend
        self._len = 0
        self._graph_namespace = Namespace()
        self.owning_module = owning_module
        self._tracer_cls = tracer_cls
        self._tracer_extras = tracer_extras
        self._co_fields = {}
        self._codegen = CodeGen()
        self.meta = {}

    @property
    def nodes(self):
        return _NodeList(self)

    # ---- building -------------------------------------------------------------------------------------------

    def create_node(self, op, target, args=None, kwargs=None, name=None, type_expr=None):
        """Add a node at the insertion point."""
        if op not in OPS:
            raise AssertionError(f"{op!r} is not a kind of node")
        args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
        if not isinstance(args, tuple):
            raise AssertionError("args must be a tuple")
        if not isinstance(kwargs, dict):
            raise AssertionError("kwargs must be a dict")
        candidate = name if name is not None else self._target_to_str(target)
        node = Node(self, self._graph_namespace.create_name(candidate), op, target, args, kwargs, type_expr)
        self._insert(node)
        self._len += 1
        return node

    @staticmethod
    def _target_to_str(target):
        if isinstance(target, str):
            text = target
        else:
            text = getattr(target, "__name__", type(target).__name__)
        text = text[2:-2] if text.startswith("__") and text.endswith("__") else text
        # CamelCase becomes snake_case
        return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", text).lower().replace(".", "_").lstrip("*")

    def placeholder(self, name, type_expr=None, default_value=...):
        """Add a parameter of the program."""
        args = () if default_value is ... else (default_value,)
        return self.create_node("placeholder", name, args, type_expr=type_expr)

    def get_attr(self, qualified_name, type_expr=None):
        """Add a read of an attribute of the owning module."""
        if self.owning_module is not None and not _has_attribute(self.owning_module, qualified_name):
            warnings.warn(
                f"Attempted to insert a get_attr Node with no underlying reference in the owning GraphModule! "
                f"Call GraphModule.add_submodule to add the necessary submodule, or add the parameter "
                f"{qualified_name} first",
                stacklevel=2,
            )
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_module(self, module_name, args=None, kwargs=None, type_expr=None):
        """Add a call of a submodule."""
        if self.owning_module is not None and not _has_attribute(self.owning_module, module_name):
            warnings.warn(
                "Attempted to insert a call_module Node with no underlying reference in the owning GraphModule! "
                "Call GraphModule.add_submodule to add the necessary submodule",
                stacklevel=2,
            )
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(self, method_name, args=None, kwargs=None, type_expr=None):
        """Add a call of a method of the first argument."""
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(self, the_function, args=None, kwargs=None, type_expr=None, name=None):
        """Add a call of a function."""
        return self.create_node("call_function", the_function, args, kwargs, name=name, type_expr=type_expr)

    def output(self, result, type_expr=None):
        """Add the end of the program."""
        return self.create_node("output", "output", (result,), type_expr=type_expr)

    def node_copy(self, node, arg_transform=lambda node: node):
        """Add a copy of a node of any graph, its arguments translated."""
        result = self.create_node(
            node.op,
            node.target,
            map_arg(node.args, arg_transform),
            map_arg(node.kwargs, arg_transform),
            node.name,
            node.type,
        )
        result.meta = copy.copy(node.meta)
        return result

    def graph_copy(self, g, val_map, return_output_node=False):
        """Add copies of all nodes of `g`; gives what `g` outputs, translated. `val_map` is filled."""
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                value = map_arg(node.args[0], lambda n: val_map[n])
                return (value, node) if return_output_node else value
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def __deepcopy__(self, memo=None):
        memo = {} if memo is None else memo
        result = Graph(tracer_cls=self._tracer_cls)
        memo[id(self)] = result
        val_map = {}
        for node in self.nodes:
            val_map[node] = result.node_copy(node, lambda n: val_map[n])
        result._codegen = copy.deepcopy(self._codegen)
        result._co_fields = self._co_fields
        return result

    # ---- changing -------------------------------------------------------------------------------------------

    def inserting_before(self, n=None):
        """From now on, or while the result is entered with `with`, new nodes go before `n`: by default at the start."""
        if n is None:
            return self.inserting_after(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert before is not in graph.")
        return _InsertPoint(self, n.prepend)

    def inserting_after(self, n=None):
        """The same, each new node right behind `n`: by default at the end."""
        if n is None:
            return self.inserting_before(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert after is not in graph.")
        return _InsertPoint(self, n.append)

    def erase_node(self, to_erase):
        """Remove a node that nobody uses."""
        if to_erase.users:
            raise RuntimeError(
                f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the "
                f"graph: {to_erase.users}!"
            )
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            warnings.warn(f"erase_node({to_erase}) on an already erased node")
            return
        following = to_erase._next
        to_erase._remove_from_list()
        to_erase._next = following  # a loop that stands here goes on
        to_erase._erased = True
        self._len -= 1
        to_erase._update_args_kwargs((), {})

    def find_nodes(self, *, op, target=None, sort=True):
        """The nodes of one kind, in order."""
        return [n for n in self.nodes if n.op == op and (target is None or n.target == target)]

    def eliminate_dead_code(self, is_impure_node=None):
        """Remove nodes without users and without effects; says whether there were any."""
        self.lint()
        impure = is_impure_node or (lambda node: node.is_impure())
        before = self._len
        for node in reversed(self.nodes):
            if not node.users and not impure(node):
                self.erase_node(node)
        return self._len < before

    def on_generate_code(self, make_transformer):
        """Pass the generated code through a transformer from now on, or while the result is entered with `with`."""
        return self._codegen.transforming(make_transformer)

    def set_codegen(self, codegen):
        """Generate code another way."""
        self._codegen = codegen

    def process_inputs(self, *args):
        """How the program's arguments reach its placeholders."""
        return self._codegen.process_inputs(*args)

    def process_outputs(self, out):
        """How the output node's value becomes the program's result."""
        return self._codegen.process_outputs(out)

    # ---- looking --------------------------------------------------------------------------------------------

    def python_code(self, root_module="self", *, verbose=False, **options):
        """The program as Python source, with the globals that it needs.

        verbose (bool): with types of the values and lines of the program where the nodes know them; include_stride and
        include_device (bool): in the types.
        """
        return self._codegen.generate(self, root_module, verbose, **options)

    def output_node(self):
        """The output, which is the last node."""
        last = next(iter(reversed(self.nodes)))
        if last.op != "output":
            raise AssertionError("the graph has no output node at its end")
        return last

    def lint(self):
        """Raise RuntimeError where the graph is not well formed."""
        seen, names = set(), set()
        for node in self.nodes:
            if node.graph is not self:
                raise RuntimeError(f"Node '{node}' does not belong to this Graph!")
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            for used in node.all_input_nodes:
                if used.graph is not self:
                    raise RuntimeError(
                        f"Argument '{used}' of Node '{node}' does not belong to this Graph, but was used as an argument! If "
                        "you are copying nodes from another graph, make sure to use ``arg_transform`` on node_copy() to "
                        f"remap values\n{self}"
                    )
                if used not in seen:
                    raise RuntimeError(
                        f"Argument '{used}' of Node '{node}' was used before it has been defined! Please "
                        "check that Nodes in the graph are topologically ordered\n" + str(self)
                    )
                if node not in used.users:
                    raise RuntimeError(f"Node '{node}' is missing among the users of '{used}'")
            if self.owning_module is not None and node.op in ("get_attr", "call_module"):
                self._lint_target(node)
            seen.add(node)
            names.add(node.name)

    def _lint_target(self, node):
        owner = self.owning_module
        for part in node.target.split("."):
            if not hasattr(owner, part):
                raise RuntimeError(
                    f"Node {node} target {node.target} references nonexistent attribute {part} of "
                    f"{type(owner).__name__}"
                )
            owner = getattr(owner, part)

    def print_tabular(self):
        """Print the nodes as a table."""
        rows = [("opcode", "name", "target", "args", "kwargs")]
        rows += [
            (
                n.op,
                n.name,
                n.target if isinstance(n.target, str) else qualified_name(n.target),
                str(n.args),
                str(n.kwargs),
            )
            for n in self.nodes
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        rows.insert(1, tuple("-" * width for width in widths))
        print("\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows))

    def __str__(self):
        return "graph():" + "".join("\n    " + node.format_node() for node in self.nodes)

    def __getstate__(self):
        state = self.__dict__.copy()
        state["_insert"] = None
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._insert = self._root.prepend


__all__ = ["Graph", "PythonCode"]
