"""Proxy: stands for a value while a program is traced; what is done to it becomes nodes."""

import copy
import dataclasses
import dis
import enum
import operator
import sys
import traceback
from collections import OrderedDict

from framejit import _C

from . import traceback as fx_traceback
from .graph import Graph
from .node import Node, map_aggregate


class TraceError(ValueError):
    """The program did something with a proxy that needs the value.

    >>> import framejit
    >>> def f(x):
    ...     return x + 1 if x.sum() > 0 else x
    >>> framejit.fx.symbolic_trace(f)
    Traceback (most recent call last):
        ...
    framejit.fx.proxy.TraceError: symbolically traced variables cannot be used as inputs to control flow
    """


class Scope:
    """The module whose code is being traced: its path below the root, and its type."""

    def __init__(self, module_path, module_type):
        self.module_path, self.module_type = module_path, module_type


class ScopeContextManager:
    """The tracer's scope is another one while this is open."""

    def __init__(self, scope, current_scope):
        self._before = copy.copy(scope)
        scope.module_path, scope.module_type = current_scope.module_path, current_scope.module_type
        self._scope = scope

    def __enter__(self):
        return self._scope

    def __exit__(self, *error):
        self._scope.module_path, self._scope.module_type = self._before.module_path, self._before.module_type


_PLAIN = (
    str,
    int,
    float,
    bool,
    complex,
    bytes,
    _C.dtype,
    _C.device,
    _C.layout,
    _C.memory_format,
    type(None),
    type(...),
)


class TracerBase:
    """Makes nodes of what happens to proxies."""

    graph = None
    record_stack_traces = False
    check_mutable_operations = False
    trace_asserts = False
    proxy_buffer_attributes = False
    traced_func_name = "forward"

    def create_node(self, kind, target, args, kwargs, name=None, type_expr=None):
        """A node of the graph being traced."""
        if kind == "call_function" and self.check_mutable_operations:
            _check_mutation(target, kwargs)
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        scope = getattr(self, "scope", None)
        if scope is not None:
            self.node_name_to_scope[node.name] = (scope.module_path, scope.module_type)
        if fx_traceback.has_preserved_node_meta():
            fx_traceback.copy_to(node)
        if getattr(self, "module_stack", None):
            node.meta.setdefault("nn_module_stack", copy.copy(self.module_stack))
        return node

    def proxy(self, node):
        """The proxy of a node."""
        return Proxy(node, self)

    def create_proxy(self, kind, target, args, kwargs, name=None, type_expr=None, proxy_factory_fn=None):
        """A new node and its proxy; arguments may hold proxies."""
        args, kwargs = self.create_arg(args), self.create_arg(kwargs)
        if not isinstance(args, tuple):
            raise AssertionError("the arguments of a node are a tuple")
        if not isinstance(kwargs, dict):
            raise AssertionError("the named arguments of a node are a dict")
        node = self.create_node(kind, target, args, kwargs, name, type_expr)
        if self.record_stack_traces and not node.stack_trace:
            node.stack_trace = _user_stack()
        return self.proxy(node) if proxy_factory_fn is None else proxy_factory_fn(node)

    def create_arg(self, a):
        """A value as a node's argument. Raises NotImplementedError for what a graph cannot hold."""
        if isinstance(a, Proxy):
            return a.node
        if hasattr(a, "__fx_create_arg__"):
            return a.__fx_create_arg__(self)
        if isinstance(a, tuple):
            return self._create_tuple(a)
        if isinstance(a, list):
            return [self.create_arg(item) for item in a]
        if isinstance(a, dict):
            return {self._create_key(key): self.create_arg(value) for key, value in a.items()}
        if isinstance(a, slice):
            return slice(*map(self.create_arg, (a.start, a.stop, a.step)))
        if isinstance(a, range):
            return range(*map(self.create_arg, (a.start, a.stop, a.step)))
        if dataclasses.is_dataclass(a) and not isinstance(a, type):
            fields = {field.name: self.create_arg(getattr(a, field.name)) for field in dataclasses.fields(a)}
            return self.create_node("call_function", type(a), (), fields)
        if isinstance(a, (*_PLAIN, enum.Enum, _C.Tensor)) or callable(a) or _is_leaf(a):
            return a
        raise NotImplementedError(f"argument of type: {type(a)}")

    def _create_tuple(self, a):
        items = [self.create_arg(item) for item in a]
        if hasattr(a, "_fields"):
            return self.create_node("call_function", type(a), tuple(items), {})
        return tuple(items) if type(a) is tuple or isinstance(a, _C.Size) else type(a)(items)

    def _create_key(self, key):
        made = self.create_arg(key)

        def refuse(leaf):
            if isinstance(leaf, Node):
                raise RuntimeError(
                    "Keys for dictionaries used as an argument cannot contain a Node. Got key: " + str(made)
                )
            return leaf

        map_aggregate(made, refuse)
        return made

    def to_bool(self, obj):
        """Asked for the truth of a proxy."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj):
        """Asked to iterate over a proxy: possible where the program unpacks a known number of values."""
        frame = sys._getframe(2)
        for instruction in dis.get_instructions(frame.f_code):
            if instruction.offset >= frame.f_lasti and instruction.opname == "UNPACK_SEQUENCE":
                return (obj[i] for i in range(instruction.argval))
            if instruction.offset > frame.f_lasti and instruction.opname != "CACHE":
                break
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as "
            "a *args or **kwargs function argument. See the documentation of framejit.fx for a more detailed "
            "explanation of what types of control flow can be traced, and check out the Proxy docstring for help "
            "troubleshooting Proxy iteration errors"
        )

    def keys(self, obj):
        """Asked for the keys of a proxy."""
        return Attribute(obj, "keys")()


def _is_leaf(value):
    """What other tools may put into graphs: operators and values of the standard library that print as code."""
    return type(value).__module__.startswith(("framejit", "enum", "inspect"))


def _check_mutation(target, kwargs):
    from .node import _mutates

    name = getattr(target, "__name__", "")
    if getattr(target, "__module__", None) in ("framejit", "framejit.ops") and (_mutates(name) or "out" in kwargs):
        raise RuntimeError(
            f"Tried to trace mutable operation aten::{name}{'.out' if 'out' in kwargs else ''}. FX only supports functional code, so operations that mutate "
            "operands in-place (e.g. via `out` arguments) are not supported"
        )


_OWN_FOLDER = __file__.rpartition("/")[0]


def _user_stack():
    frames = [f for f in traceback.extract_stack() if not f.filename.startswith((_OWN_FOLDER, "<frozen"))]
    return "".join(
        traceback.format_list([f for f in frames if "/framejit/nn/modules/module.py" not in f.filename])
    ).strip()


class GraphAppendingTracer(TracerBase):
    """Adds to a graph that exists."""

    def __init__(self, graph):
        from framejit import _overridable

        _overridable.install()  # no trace replaces the package's functions here: they must ask the proxies
        self.graph = graph
        self.scope = Scope("", None)
        self.module_stack = OrderedDict()
        self.node_name_to_scope = {}


class Proxy:
    """The value of a node, while the program that computes it is being recorded.

    node (fx.Node), tracer (fx.Tracer or None). Raises AttributeError for other types.

    >>> import framejit
    >>> gm = framejit.fx.symbolic_trace(lambda x: (print(type(x).__name__), x + 1)[1])
    Proxy
    """

    def __init__(self, node, tracer=None):
        self.node = node
        self.tracer = tracer if tracer is not None else GraphAppendingTracer(node.graph)

    def __repr__(self):
        return f"Proxy({self.node.name})"

    def __getattr__(self, name):
        if name in ("node", "tracer"):  # not yet set while a proxy is copied
            raise AttributeError(name)
        return Attribute(self, name)

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__ = state

    def __deepcopy__(self, memo):
        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__dict__ = {key: copy.deepcopy(value, memo) for key, value in self.__dict__.items()}
        return made

    def __call__(self, *args, **kwargs):
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self):
        return self.tracer.iter(self)

    def __bool__(self):
        return self.tracer.to_bool(self)

    def __len__(self):
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be "
            "recorded, please call framejit.fx.wrap('len') at module scope"
        )

    def __index__(self):
        raise TraceError("a proxy has no integer value while tracing")

    def keys(self):
        return self.tracer.keys(self)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tracers = {}

        def find(leaf):
            if isinstance(leaf, Proxy):
                tracers[id(leaf.tracer)] = leaf.tracer
            return leaf

        map_aggregate((args, kwargs), find)
        if len(tracers) > 1:
            raise RuntimeError(
                f"Found multiple different tracers {list(tracers.values())} while trying to trace operations {function}"
            )
        (tracer,) = tracers.values()
        if type(function) is type(_C.Tensor.add):
            return tracer.create_proxy("call_method", function.__name__, args, kwargs)
        return tracer.create_proxy("call_function", function, args, kwargs)


class Attribute(Proxy):
    """An attribute of a proxy: a method if it is called, else a read, whose node is made when it is first used."""

    def __init__(self, root, attr):
        self.root = root
        self.attr = attr
        self.tracer = root.tracer
        self._node = None

    @property
    def node(self):
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args, **kwargs):
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


class ParameterProxy(Proxy):
    """A parameter whose sizes are known while the program is traced."""

    def __init__(self, tracer, node, name, param):
        super().__init__(node, tracer)
        self.param, self.name = param, name

    def __repr__(self):
        return f"ParameterProxy({self.name})"

    @property
    def shape(self):
        return self.param.shape

    def size(self, *dim):
        return self.param.size(*dim)

    def dim(self):
        return self.param.dim()

    @property
    def ndim(self):
        return self.param.ndim

    def numel(self):
        return self.param.numel()

    def nelement(self):
        return self.param.nelement()


# Not iadd and its like: `x += y` is `x = x + y` on proxies, as it is in PyTorch, whose passes look for operator.add.
_FORWARD = (
    "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift eq ne lt gt le ge getitem neg pos invert abs "
    "setitem"
).split()
_REFLECTED = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split()


def _define_operators():
    def forward(function):
        def method(self, *args):
            return self.tracer.create_proxy("call_function", function, (self, *args), {})

        return method

    def reflected(function):
        def method(self, other):
            return self.tracer.create_proxy("call_function", function, (other, self), {})

        return method

    for name in _FORWARD:
        setattr(Proxy, f"__{name.rstrip('_')}__", forward(getattr(operator, name)))
    for name in _REFLECTED:
        setattr(Proxy, f"__r{name.rstrip('_')}__", reflected(getattr(operator, name)))
    Proxy.__hash__ = object.__hash__


_define_operators()

__all__ = [
    "Attribute",
    "Graph",
    "GraphAppendingTracer",
    "Node",
    "ParameterProxy",
    "Proxy",
    "Scope",
    "ScopeContextManager",
    "TraceError",
    "TracerBase",
]
