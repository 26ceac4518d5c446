"""GraphModule: a module whose `forward` is the code generated from its graph."""

import copy
import itertools
import linecache

from framejit.nn import Module

from ._codegen import PyTreeCodeGen
from .graph import Graph
from .node import package_name

_counter = itertools.count()
_KEY = "<eval_with_key>"


def _compile_source(code, origin):
    """The function that the source defines; the source stays readable for tracebacks and `inspect`."""
    name = f"{_KEY}.{next(_counter)}"
    if origin:
        name += f" from {origin['co_filename']}:{origin['co_firstlineno']} in {origin['co_name']}"
    linecache.cache[name] = (len(code.src), None, [line + "\n" for line in code.src.splitlines()], name)
    namespace = dict(code.globals)
    exec(compile(code.src, name, "exec"), namespace)
    return namespace["forward"]


def _copy_attribute(source, destination, target):
    """Give `destination` what `source` has under a dotted path."""
    *path, name = target.split(".")
    if not path and not name:
        return
    for part in path:
        following = getattr(source, part)
        if following is getattr(destination, part, None):  # it has been copied whole
            return
        if not hasattr(destination, part):
            destination.add_module(part, Module())
        source, destination = following, getattr(destination, part)
    value = getattr(source, name)
    if isinstance(source, Module) and name in source._buffers:
        destination.register_buffer(name, value, name not in source._non_persistent_buffers_set)
    else:
        setattr(destination, name, value)


def _assign_attribute(value, destination, target):
    *path, name = target.split(".")
    for part in path:
        if not hasattr(destination, part):
            destination.add_module(part, Module())
        destination = getattr(destination, part)
    from framejit import _ops as _t
    from framejit.nn import Parameter

    if isinstance(value, _t.Tensor) and not isinstance(value, Parameter):
        destination.register_buffer(name, value)
    else:
        setattr(destination, name, value)


class GraphModule(Module):
    """A module made of a graph and of the attributes that the graph reads.

    >>> import framejit
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sin() + 1)
    >>> type(gm).__name__, gm(framejit.zeros(1))
    ('<lambda>', tensor([1.]))
    """

    def __new__(cls, *args, **kwargs):
        # every instance has a class of its own, because `forward` is looked up there
        for base in cls.__mro__:
            if "__graph_module_of__" not in base.__dict__:
                cls = base
                break
        own = type(cls.__name__, (cls,), {"__graph_module_of__": cls, "__module__": cls.__module__})
        return super().__new__(own)

    def __init__(self, root, graph, class_name="GraphModule"):
        super().__init__()
        type(self).__name__ = type(self).__qualname__ = class_name
        targets = [node.target for node in graph.nodes if node.op in ("get_attr", "call_module")]
        if isinstance(root, Module):
            self.training = root.training
            for target in sorted(targets, key=lambda t: t.count(".")):
                if not _has_path(self, target):
                    _copy_attribute(root, self, target)
        elif isinstance(root, dict):
            for target in targets:
                if target not in root:
                    raise RuntimeError(f"the graph refers to {target}, which the given dict lacks")
            for target in sorted(set(targets), key=lambda t: t.count(".")):
                _assign_attribute(root[target], self, target)
        else:
            raise RuntimeError("Unsupported type " + str(root) + " passed for root!")
        self.meta = {}
        if isinstance(root, Module) and isinstance(getattr(root, "meta", None), dict):
            self.meta.update(root.meta)
        self._tracer_cls = None
        if graph._tracer_cls is not None and "<locals>" not in graph._tracer_cls.__qualname__:
            self._tracer_cls = graph._tracer_cls
        self.graph = graph

    @property
    def graph(self):
        """The graph; after changing it call `recompile`."""
        return self._graph

    @graph.setter
    def graph(self, graph):
        if not isinstance(graph, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(graph)}")
        self.__dict__["_graph"] = graph
        graph.owning_module = self
        self.recompile()

    @property
    def code(self):
        """The source of `forward`."""
        return self._code

    def recompile(self):
        """Generate and install `forward` anew."""
        codegen = self._graph._codegen
        if isinstance(codegen, PyTreeCodeGen) and codegen.pytree_info is not None:
            self._in_spec = codegen.pytree_info.in_spec
            self._out_spec = codegen.pytree_info.out_spec
        code = self._graph.python_code("self")
        self.__dict__["_code"] = code.src
        self.__dict__["_lineno_map"] = code._lineno_map
        type(self).forward = _compile_source(code, self._graph._co_fields)
        return code

    def print_readable(self, print_output=True, **options):
        """The source as text, under the class that it would be, and under it that of its graph modules.

        It says the types of values and the lines of the program that they come from, where the nodes know them.
        include_stride and include_device (bool): in the types.
        """
        text = self._readable(self._get_name(), options)
        if print_output:
            print(text)
        return text

    def _readable(self, name, options):
        """options: of the verbose code, or None: the code that runs."""
        code = self._code if options is None else self._graph.python_code("self", verbose=True, **options).src
        source = "\n".join("    " + line if line.strip() else "" for line in code.strip("\n").split("\n")).rstrip()
        text = f"class {name}({package_name()}.nn.Module):\n{source}\n"
        for child, module in self.named_children():
            if isinstance(module, GraphModule):
                lines = module._readable(child, options).rstrip("\n").split("\n")
                text += "\n" + "\n".join("    " + line if line else "" for line in lines) + "\n"
        return text

    def to_folder(self, folder, module_name="FxModule"):
        """Write a Python package that defines the module: its code, and its parameters and submodules as files."""
        from ._to_folder import write

        write(self, folder, module_name)

    def add_submodule(self, target, module):
        """Put a module at a dotted path; says whether that was possible."""
        *path, name = target.split(".")
        owner = self
        for part in path:
            child = getattr(owner, part, None)
            if child is None:
                child = Module()
                setattr(owner, part, child)
            if not isinstance(child, Module):
                return False
            owner = child
        owner.add_module(name, module)
        return True

    def delete_submodule(self, target):
        """Remove the module at a dotted path; says whether there was one."""
        path, _, name = target.rpartition(".")
        try:
            owner = self.get_submodule(path)
            if not isinstance(getattr(owner, name), Module):
                return False
        except AttributeError:
            return False
        delattr(owner, name)
        return True

    def delete_all_unused_submodules(self):
        """Remove the submodules that the graph does not use."""
        used = set()
        for node in self.graph.nodes:
            if node.op in ("call_module", "get_attr"):
                parts = node.target.split(".")
                used.update(".".join(parts[: i + 1]) for i in range(len(parts)))
                if node.op == "call_module" and _has_path(self, node.target):
                    used.update(
                        f"{node.target}.{name}" for name, _ in self.get_submodule(node.target).named_modules() if name
                    )
        for name in [name for name, _ in self.named_modules() if name and name not in used]:
            self.delete_submodule(name)

    def __deepcopy__(self, memo):
        result = self.__graph_module_of__.__new__(self.__graph_module_of__)
        memo[id(self)] = result
        Module.__init__(result)
        type(result).__name__ = type(result).__qualname__ = type(self).__name__
        for name, value in self.__dict__.items():
            if name not in ("_graph", "_code"):
                result.__dict__[name] = copy.deepcopy(value, memo)
        result.graph = copy.deepcopy(self._graph, memo)
        return result

    def __copy__(self):
        result = GraphModule(self, copy.deepcopy(self._graph), type(self).__name__)
        result.meta = dict(self.meta)
        return result

    def __reduce__(self):
        state = {k: v for k, v in self.__dict__.items() if k not in ("_graph", "_code")}
        return _rebuild, (self.__graph_module_of__, type(self).__name__, state, _GraphRecord(self._graph))

    def __str__(self):
        head = super().__str__()
        return f"{head}\n\n{self._code}\n\n# To see more debug info, please use `graph_module.print_readable()`"

    def _replicate_for_data_parallel(self):
        replica = self.__copy__()
        replica._is_replica = True
        return replica


def _has_path(module, target):
    for part in target.split("."):
        if not hasattr(module, part):
            return False
        module = getattr(module, part)
    return True


class _GraphRecord:
    """A graph as plain data: pickling the ring of nodes itself would recurse once for each node."""

    def __init__(self, graph):
        from .node import map_arg

        self.codegen = graph._codegen
        number = {node: i for i, node in enumerate(graph.nodes)}
        self.rows = [
            (
                n.op,
                n.name,
                n.target,
                map_arg(n.args, lambda a: _Reference(number[a])),
                map_arg(n.kwargs, lambda a: _Reference(number[a])),
                n.type,
            )
            for n in graph.nodes
        ]

    def build(self):
        from .node import map_aggregate

        graph, made = Graph(), []
        graph.set_codegen(self.codegen)

        def resolve(leaf):
            return made[leaf.index] if isinstance(leaf, _Reference) else leaf

        for op, name, target, args, kwargs, kind in self.rows:
            made.append(
                graph.create_node(op, target, map_aggregate(args, resolve), map_aggregate(kwargs, resolve), name, kind)
            )
        return graph


class _Reference:
    def __init__(self, index):
        self.index = index


def _rebuild(kind, class_name, state, record):
    module = kind.__new__(kind)
    Module.__init__(module)
    type(module).__name__ = type(module).__qualname__ = class_name
    module.__dict__.update(state)
    module.graph = record.build()
    return module
