"""symbolic_trace: runs a program on proxies and gives the graph of what it did.

Calls of ops and of nn.functional must be seen although proxies are no tensors: while a trace runs, the functions in
the namespaces of `_patched_modules` are replaced by ones that look for proxies among their arguments.
"""

import builtins
import functools
import inspect
from contextlib import contextmanager

from framejit import _ops as _t
from framejit.nn import Module, Parameter

from .graph import Graph
from .graph_module import GraphModule
from .node import map_aggregate
from .proxy import Proxy, TracerBase

_wrapped = []  # (globals, name) of functions that `wrap` named


def wrap(fn_or_name):
    """Record calls of this function, or of this global name of the calling module, instead of tracing into it.

    fn_or_name (object). Raises RuntimeError (Unsupported type for global function! Must be either a callable or string
    name), NotImplementedError (wrap must be called at the top level of a module).

    >>> import framejit
    >>> def half(x):
    ...     return x / 2
    >>> framejit.fx.wrap(half) is half
    True
    """
    if not isinstance(fn_or_name, str) and not callable(fn_or_name):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    frame = inspect.currentframe().f_back
    name = fn_or_name if isinstance(fn_or_name, str) else fn_or_name.__name__
    if frame.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    _wrapped.append((frame.f_globals, name))
    return fn_or_name


def _find_proxy(args, kwargs):
    found = []
    map_aggregate((args, kwargs), lambda leaf: found.append(leaf) if isinstance(leaf, Proxy) else None)
    return found[0] if found else None


def _recording(function):
    """`function`, except that calls with a proxy among the arguments become nodes."""

    @functools.wraps(function, updated=())
    def wrapper(*args, **kwargs):
        proxy = _find_proxy(args, kwargs)
        if proxy is None:
            return function(*args, **kwargs)
        return proxy.tracer.create_proxy("call_function", function, args, kwargs)

    return wrapper


def _patched_namespaces():
    import framejit
    from framejit.nn import functional

    return [framejit.__dict__, _t.__dict__, framejit._C.__dict__, functional.__dict__]


@contextmanager
def _patched():
    """The functions of the package record calls with proxies while this is open."""
    replacements = {}
    saved = []
    try:
        for namespace in _patched_namespaces():
            for name, value in list(namespace.items()):
                if name.startswith("_") or not callable(value) or isinstance(value, type):
                    continue
                if value not in replacements:
                    replacements[value] = _recording(value)
                saved.append((namespace, name, value))
                namespace[name] = replacements[value]
        for namespace, name in _wrapped:
            value = namespace.get(name, getattr(builtins, name, None))
            saved.append((namespace, name, namespace.get(name, saved)))
            namespace[name] = _recording(value)
        yield
    finally:
        for namespace, name, value in reversed(saved):
            if value is saved:  # the name had been a builtin's
                del namespace[name]
            else:
                namespace[name] = value


class Tracer(TracerBase):
    """Traces modules: which ones are leaves is decided by `is_leaf_module`.

    autowrap_modules (tuple of modules), autowrap_functions (iterable of functions), param_shapes_constant (bool).
    Raises nothing of its own.

    >>> import framejit
    >>> graph = framejit.fx.Tracer().trace(lambda x: x.sin())
    >>> len(graph.nodes)
    3
    """

    def __init__(self, autowrap_modules=(), autowrap_functions=(), param_shapes_constant=False):
        self.param_shapes_constant = param_shapes_constant
        self._autowrap = tuple(autowrap_functions)
        self.root = Module()

    def is_leaf_module(self, m, module_qualified_name):
        """Whether a call of the module is recorded as one node: the modules of nn, but not Sequential."""
        module = type(m).__module__
        return module.startswith(("framejit.nn", "framejit.ao.nn")) and type(m).__name__ not in (
            "Sequential",
            "ModuleList",
            "ModuleDict",
        )

    def path_of_module(self, mod):
        """The module's dotted path below the root."""
        for name, module in self.root.named_modules():
            if module is mod:
                return name
        raise NameError("module is not installed as a submodule")

    def call_module(self, m, forward, args, kwargs):
        """A call of a submodule."""
        path = self.path_of_module(m)
        if not self.is_leaf_module(m, path):
            return forward(*args, **kwargs)
        return self.create_proxy("call_module", path, args, kwargs)

    def create_leaf(self, value):
        """Parameters and other tensors of the root become attribute reads."""
        if isinstance(value, Parameter):
            for name, parameter in self.root.named_parameters():
                if parameter is value:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        if isinstance(value, _t.Tensor):
            for name, buffer in self.root.named_buffers():
                if buffer is value:
                    return self.create_node("get_attr", name, (), {})
            return self.create_node("get_attr", self._constant_name(value), (), {})
        if isinstance(value, Module):
            return self.create_node("get_attr", self.path_of_module(value), (), {})
        return super().create_leaf(value)

    def _constant_name(self, tensor):
        number = 0
        while (existing := getattr(self.root, f"_tensor_constant{number}", None)) is not None:
            if existing is tensor:
                return f"_tensor_constant{number}"
            number += 1
        setattr(self.root, f"_tensor_constant{number}", tensor)
        return f"_tensor_constant{number}"

    def trace(self, root, concrete_args=None):
        """The graph of a module or function."""
        if isinstance(root, Module):
            self.root, function = root, type(root).forward
            first = [root]
        else:
            self.root, function = Module(), root
            first = []
        self.graph = Graph(tracer_cls=type(self))
        args, kwargs = self._placeholders(function, len(first), concrete_args or {})
        call = Module.__call__
        tracer = self

        def recorded_call(module, *args, **kwargs):
            if _find_proxy(args, kwargs) is None:
                return call(module, *args, **kwargs)
            return tracer.call_module(module, lambda *a, **k: call(module, *a, **k), args, kwargs)

        Module.__call__ = recorded_call
        try:
            with _patched():
                result = function(*first, *args, **kwargs)
        finally:
            Module.__call__ = call
        self.graph.output(self.create_arg(result))
        return self.graph

    def _placeholders(self, function, skip, concrete):
        """A proxy for each parameter that has no concrete value."""
        args, kwargs = [], {}
        for parameter in list(inspect.signature(function).parameters.values())[skip:]:
            if parameter.name in concrete:
                value = concrete[parameter.name]
            else:
                star = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
                default = () if parameter.default is parameter.empty else (parameter.default,)
                value = self.create_proxy("placeholder", star + parameter.name, default, {}, name=parameter.name)
            if parameter.kind is parameter.KEYWORD_ONLY:
                kwargs[parameter.name] = value
            elif parameter.kind is parameter.VAR_POSITIONAL:
                args.extend([value] if parameter.name not in concrete else value)
            elif parameter.kind is parameter.VAR_KEYWORD:
                if parameter.name in concrete:
                    kwargs.update(value)
            else:
                args.append(value)
        return args, kwargs


def symbolic_trace(root, concrete_args=None):
    """A GraphModule that does what the module or function did with its proxies.

    root (nn.Module or callable), concrete_args (dict or None). Raises TypeError for other types.

    >>> import framejit
    >>> print(framejit.fx.symbolic_trace(lambda x: x.sin() + 1).code.strip())
    def forward(self, x):
        sin = x.sin();  x = None
        add = sin + 1;  sin = None
        return add
    """
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = type(root).__name__ if isinstance(root, Module) else root.__name__
    return GraphModule(tracer.root, graph, name)
