"""Proxy: stands for a value while a program is traced; what is done to it becomes nodes."""

import operator

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


class TracerBase:
    """Makes nodes of what happens to proxies."""

    graph = None

    def create_node(self, kind, target, args, kwargs, name=None, type_expr=None):
        """A node of the graph being traced."""
        return self.graph.create_node(kind, target, args, kwargs, name, type_expr)

    def proxy(self, node):
        """The proxy of a node."""
        return Proxy(node, self)

    def create_proxy(self, kind, target, args, kwargs, name=None, type_expr=None):
        """A new node and its proxy; arguments may hold proxies."""
        node = self.create_node(
            kind, target, self.create_arg(tuple(args)), self.create_arg(dict(kwargs)), name, type_expr
        )
        return self.proxy(node)

    def create_arg(self, a):
        """A value as a node's argument."""
        return map_aggregate(a, self.create_leaf)

    def create_leaf(self, value):
        """A value that is not a container as a node's argument."""
        if isinstance(value, Proxy):
            return value.node
        if isinstance(value, range):
            return range(*map(self.create_leaf, (value.start, value.stop, value.step)))
        return value

    def to_bool(self, obj):
        """Asked for the truth of a proxy."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj):
        """Asked to iterate over a proxy: possible where the program unpacks a known number of values."""
        import dis
        import sys

        frame = sys._getframe(2)
        for instruction in dis.get_instructions(frame.f_code):
            if instruction.offset > frame.f_lasti:
                if instruction.opname == "UNPACK_SEQUENCE":
                    return (obj[i] for i in range(instruction.argval))
                if instruction.opname != "CACHE":
                    break
            elif instruction.offset == frame.f_lasti and instruction.opname == "UNPACK_SEQUENCE":
                return (obj[i] for i in range(instruction.argval))
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as "
            "a *args or **kwargs function argument."
        )

    def keys(self, obj):
        """Asked for the keys of a proxy."""
        return Attribute(obj, "keys")()


class GraphAppendingTracer(TracerBase):
    """Adds to a graph that exists."""

    def __init__(self, graph):
        self.graph = graph


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
        found = []
        map_aggregate((args, kwargs), lambda leaf: found.append(leaf) if isinstance(leaf, Proxy) else None)
        return found[0].tracer.create_proxy("call_function", function, args, kwargs)

    def __setitem__(self, index, value):
        self.tracer.create_proxy("call_function", operator.setitem, (self, index, value), {})


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


_FORWARD = (
    "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift eq ne lt gt le ge getitem iadd isub "
    "imul itruediv ifloordiv imod ipow imatmul iand ior ixor ilshift irshift neg pos invert abs"
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

__all__ = ["Attribute", "Graph", "GraphAppendingTracer", "Node", "Proxy", "TraceError", "TracerBase"]
