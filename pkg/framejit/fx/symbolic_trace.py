"""symbolic_trace: runs a program on proxies and gives the graph of what it did.

Ops of the extension answer proxies by `__torch_function__`. Functions of the package that are written in Python must be
seen too: while a trace runs, they are replaced in the namespaces that lead to them by ones that look for proxies among
their arguments (`_patch.py`).
"""

import copy
import inspect
import math
import operator
import sys
import types
import warnings
from collections import OrderedDict

from framejit import _C
from framejit.nn import Module, Parameter, Sequential
from framejit.utils import _pytree as pytree

from ._codegen import PyTreeCodeGen, PyTreeInfo
from ._patch import NAMED_HERE, Patcher, find_proxy, wrapped_functions
from .graph import Graph
from .graph_module import GraphModule
from .proxy import ParameterProxy, Scope, ScopeContextManager, TracerBase


class PHBase:
    """Stands for a value in `concrete_args`: what is at its place becomes a placeholder. Attributes go to the node."""

    def __repr__(self):
        return "PH"


class PHWithMeta(PHBase):
    """A placeholder whose node gets the attribute `ph_key`. ph_key (str or None). Raises nothing of its own."""

    def __init__(self, ph_key=None):
        self.ph_key = ph_key


PH = PHBase()
_wrapped_methods_to_patch = []  # (class, name): calls with proxies are recorded, as those of wrapped functions are
_running = 0  # tracers that record now
_proxyable_classes = {}  # class -> None: its instances may be made of proxies


class ProxyableClassMeta(type):
    """Instances of classes with this metaclass may be made from proxies: making one is then a call in the graph.

    name (str), bases (tuple), attributes (dict): of the class, as a class statement gives them. Raises nothing of its own.

    >>> import framejit
    >>> class Pair(metaclass=framejit.fx.ProxyableClassMeta):
    ...     def __init__(self, left, right):
    ...         self.left, self.right = left, right
    ...     def total(self):
    ...         return self.left + self.right
    >>> gm = framejit.fx.symbolic_trace(lambda x, y: Pair(x, y).total())
    >>> gm(framejit.ones(1), framejit.ones(1))
    tensor([2.])
    """

    def __init__(cls, name, bases, attributes):
        _proxyable_classes.setdefault(cls)
        super().__init__(name, bases, attributes)

    def __call__(cls, *args, **kwargs):
        instance = cls.__new__(cls)
        proxy = find_proxy(args, kwargs)
        if proxy is not None:
            return proxy.tracer.create_proxy("call_function", cls, args, kwargs)
        cls.__init__(instance, *args, **kwargs)
        return instance


def wrap(fn_or_name):
    """Record calls of this function, or of this global name of the calling module, instead of tracing into it.

    fn_or_name (str or callable). Raises RuntimeError (Unsupported type for global function! Must be either a callable or
    string name), NotImplementedError (wrap must be called at the top level of a module).

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
    if frame.f_code.co_filename.startswith("<eval_with_key>"):
        frame.f_globals.setdefault(NAMED_HERE, []).append(name)
    else:
        wrapped_functions[id(frame.f_globals), name] = frame.f_globals
    return fn_or_name


def is_fx_tracing():
    """Whether a tracer records now."""
    return _running > 0


def _assert_is_none(value, message):
    assert value is None, message


class Tracer(TracerBase):
    """Traces modules: which ones are leaves is decided by `is_leaf_module`.

    autowrap_modules (tuple of modules): calls of their functions are recorded. autowrap_functions (iterable of functions):
    so are calls of these. param_shapes_constant (bool): sizes of parameters are read, not recorded. Raises nothing of its
    own.

    >>> import framejit
    >>> graph = framejit.fx.Tracer().trace(lambda x: x.sin())
    >>> len(graph.nodes)
    3
    """

    patcher_class = Patcher

    def __init__(self, autowrap_modules=(math,), autowrap_functions=(), param_shapes_constant=False):
        super().__init__()
        self._autowrap_function_ids = {
            id(value)
            for module in autowrap_modules
            for name, value in vars(module).items()
            if not name.startswith("_") and callable(value)
        }
        self._autowrap_function_ids.update(map(id, autowrap_functions))
        self._autowrap_search = list(autowrap_modules)
        self.param_shapes_constant = param_shapes_constant
        self.submodule_paths = None
        self.root_module_name = ""
        self.root = Module()
        self.scope = Scope("", None)
        self.module_stack = OrderedDict()
        self.num_calls = {}
        self.node_name_to_scope = {}
        self.tensor_attrs = {}

    # ---- what subclasses change -----------------------------------------------------------------------------

    def is_leaf_module(self, m, module_qualified_name):
        """Whether a call of the module is recorded as one node: the modules of nn, but not Sequential."""
        home = type(m).__module__
        return home.startswith(("framejit.nn", "framejit.ao.nn")) and not isinstance(m, Sequential)

    def path_of_module(self, mod):
        """The module's dotted path below the root. Raises NameError for one that is not there."""
        if self.submodule_paths:
            path = self.submodule_paths.get(mod)
            if path is None:
                raise NameError("module is not installed as a submodule")
            return path
        for name, module in self.root.named_modules():
            if module is mod:
                return name
        raise NameError("module is not installed as a submodule")

    def call_module(self, m, forward, args, kwargs):
        """A call of a submodule."""
        path = self.path_of_module(m)
        with ScopeContextManager(self.scope, Scope(path, type(m))) as scope:
            calls = self.num_calls.get(path, 0)
            self.module_stack[f"{scope.module_path}@{calls}" if calls else scope.module_path] = (
                path,
                scope.module_type,
            )
            self.num_calls[path] = calls + 1
            try:
                if not self.is_leaf_module(m, path):
                    return forward(*args, **kwargs)
                return self.create_proxy("call_module", path, args, kwargs)
            finally:
                self.module_stack.popitem(last=True)

    def getattr(self, attr, attr_val, parameter_proxy_cache):
        """What reading an attribute of a module gives: a proxy for a parameter."""
        if isinstance(attr_val, Parameter):
            return self._proxy_of(attr_val, self.root.named_parameters(), parameter_proxy_cache)
        if self.proxy_buffer_attributes and isinstance(attr_val, _C.Tensor):
            return self._proxy_of(attr_val, self.root.named_buffers(), parameter_proxy_cache)
        return attr_val

    def _proxy_of(self, value, named, cache):
        for name, tensor in named:
            if tensor is not value:
                continue
            if name not in cache:
                more = {}
                if "proxy_factory_fn" in inspect.signature(self.create_proxy).parameters and self.param_shapes_constant:
                    more["proxy_factory_fn"] = lambda node: ParameterProxy(self, node, name, value)
                cache[name] = self.create_proxy("get_attr", name, (), {}, **more)
            return cache[name]
        return value

    # ---- values as arguments --------------------------------------------------------------------------------

    def create_arg(self, a):
        """A value as a node's argument: tensors and modules become attribute reads."""
        if isinstance(a, Parameter):
            for name, parameter in self.root.named_parameters():
                if parameter is a:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        if isinstance(a, _C.Tensor):
            for name, buffer in self.root.named_buffers():
                if buffer is a:
                    return self.create_node("get_attr", name, (), {})
            return self._constant(a)
        if isinstance(a, Module):
            return self.create_node("get_attr", self.path_of_module(a), (), {})
        if type(a) in _proxyable_classes:
            return self.create_node("get_attr", self._install(f"_{type(a).__name__}_constant_", a), (), {})
        return super().create_arg(a)

    def _constant(self, tensor):
        name = self.tensor_attrs.get(id(tensor), (None,))[-1]
        if name is None:
            name = self._install("_tensor_constant", tensor)
            self.tensor_attrs[id(tensor)] = (tensor, name)
        return self.create_node("get_attr", name, (), {})

    def _install(self, base, value):
        name = self.get_fresh_qualname(base)
        setattr(self.root, name, value)
        return name

    def get_fresh_qualname(self, prefix):
        """A name that the root module has no attribute of."""
        number = 0
        while hasattr(self.root, f"{prefix}{number}"):
            number += 1
        return f"{prefix}{number}"

    def _collect_tensors(self, module, path):
        for key, value in vars(module).items():
            if isinstance(value, _C.Tensor) and id(value) not in self.tensor_attrs:
                self.tensor_attrs[id(value)] = (value, ".".join([*path, key]))
        for key, child in module.named_children():
            self._collect_tensors(child, [*path, key])

    # ---- tracing --------------------------------------------------------------------------------------------

    def trace(self, root, concrete_args=None):
        """The graph of a module or function."""
        is_module = isinstance(root, Module)
        if is_module:
            if not hasattr(type(root), self.traced_func_name):
                raise AssertionError(f"traced_func_name={self.traced_func_name} doesn't exist in {type(root).__name__}")
            self.root, function = root, getattr(type(root), self.traced_func_name)
            self.root_module_name = root._get_name()
            self.submodule_paths = {module: name for name, module in root.named_modules()}
        else:
            self.root, function = Module(), root
        self.graph = Graph(tracer_cls=type(self))
        self.graph._co_fields = _origin(function)
        self.tensor_attrs = {}
        self._collect_tensors(self.root, [])
        annotations = getattr(function, "__annotations__", {})
        patcher = self.patcher_class(self)
        called, args = self.create_args_for_root(function, is_module, concrete_args)
        global _running
        _running += 1
        try:
            self._record(patcher, function, called, args, annotations)
        finally:
            _running -= 1
        self.submodule_paths = None
        return self.graph

    def _record(self, patcher, function, called, args, annotations):
        with patcher:
            patcher.wrap_globals(getattr(function, "__globals__", {}))
            result = patcher.recording(called)(*args)
            self.create_node(
                "output", "output", (self.create_arg(result),), {}, type_expr=annotations.get("return", None)
            )

    def create_args_for_root(self, root_fn, is_module, concrete_args=None):
        """The function to call and its arguments: a placeholder's proxy for each parameter without a concrete value."""
        analysed = inspect.unwrap(root_fn)
        code = getattr(analysed, "__code__", None)
        if code is None:
            raise AssertionError(f"a function written in C cannot be traced: {root_fn!r}")
        signature = inspect.signature(analysed)
        total = code.co_argcount + code.co_kwonlyargcount
        names = list(code.co_varnames[:total])
        stars = [
            sign + code.co_varnames[total + i]
            for i, sign in enumerate(
                s for s, flag in (("*", inspect.CO_VARARGS), ("**", inspect.CO_VARKEYWORDS)) if code.co_flags & flag
            )
        ]
        args, skip = [], 0
        if is_module:
            if not total:
                raise RuntimeError("``self`` argument cannot be part of *args expansion!")
            args.append(self.root)
            skip = 1
        if isinstance(concrete_args, tuple):
            wanted = [*names[skip:], *stars]
            if len(wanted) != len(concrete_args):
                raise RuntimeError(
                    f"Tracing expected {len(wanted)} arguments but got {len(concrete_args)} concrete arguments"
                )
            concrete_args = dict(zip(wanted, concrete_args))
        for name in [*names[skip:], *(stars if code.co_kwonlyargcount or stars else [])]:
            args.append(self._placeholder(name, concrete_args, signature, analysed))
        if code.co_kwonlyargcount or stars:
            root_fn = _as_positional(root_fn, len(args))
        if concrete_args is not None:
            leaves, spec = pytree.tree_flatten(tuple(args))
            if not all(child.is_leaf() for child in spec.children()):
                codegen = PyTreeCodeGen(PyTreeInfo([*names, *(star.lstrip("*") for star in stars)], spec, None))
                self.graph.set_codegen(codegen)
                return _flattened(root_fn, spec, codegen), leaves
        return root_fn, args

    def _placeholder(self, name, concrete_args, signature, function):
        parameter = signature.parameters.get(name.lstrip("*"))
        default = (
            () if name[0] == "*" or parameter is None or parameter.default is parameter.empty else (parameter.default,)
        )
        if concrete_args is not None and name in concrete_args:
            count = 0

            def replace(value):
                nonlocal count
                count += 1
                proxy = self.create_proxy("placeholder", f"{name}_{count}", default, {})
                return self._specialised(proxy, name, value)

            return pytree.tree_map(replace, concrete_args[name])
        kind = getattr(function, "__annotations__", {}).get(name)
        return self.create_proxy("placeholder", name, default, {}, type_expr=kind)

    def _specialised(self, proxy, name, value):
        """The value that is traced with in the place of a placeholder; that the program's is the same is checked."""
        if isinstance(value, PHBase):
            for key, attribute in vars(value).items():
                if not hasattr(proxy.node, key):
                    setattr(proxy.node, key, attribute)
            return proxy
        told = f"{name} has been specialized to have value {value} but got another value"
        if value is None:
            self.create_proxy("call_function", _assert_is_none, (proxy, told), {})
        elif isinstance(value, (str, int, float, bool, complex, bytes)):
            equal = self.create_proxy("call_function", operator.eq, (proxy, value), {})
            self.create_proxy("call_function", sys.modules["framejit"]._assert, (equal, told), {})
        else:
            warnings.warn(
                f"Was not able to add assertion to guarantee correct input {name} to specialized function. It is up "
                "to the user to make sure that your inputs match the inputs you specialized the function with."
            )
        return value

    def __deepcopy__(self, memo):
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        for key, value in self.__dict__.items():
            made.__dict__[key] = copy.copy(value) if key == "_autowrap_search" else copy.deepcopy(value, memo)
        return made


def _origin(function):
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    return {
        "co_name": code.co_name,
        "co_filename": code.co_filename,
        "co_firstlineno": code.co_firstlineno,
    }


def _as_positional(function, count):
    """The function with as many plain positional parameters as it has names: `*args` is one of them."""
    code = function.__code__
    flags = code.co_flags & ~(inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    code = code.replace(co_argcount=count, co_posonlyargcount=0, co_kwonlyargcount=0, co_flags=flags)
    return types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )


def _flattened(function, spec, codegen):
    """The function of the leaves of its arguments; what it gives is flattened too."""

    def call(*leaves):
        result = function(*pytree.tree_unflatten(list(leaves), spec))
        flat, out_spec = pytree.tree_flatten(result)
        codegen.pytree_info = codegen.pytree_info._replace(out_spec=out_spec)
        return flat

    return call


def symbolic_trace(root, concrete_args=None):
    """A GraphModule that does what the module or function did with its proxies.

    root (nn.Module or callable), concrete_args (dict or tuple): values of parameters that do not become placeholders, by
    name or in their order; `PH` in them stands for values that do. Raises TypeError for other types, TraceError where the
    program needs a value, RuntimeError for a wrong number of concrete arguments.

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
