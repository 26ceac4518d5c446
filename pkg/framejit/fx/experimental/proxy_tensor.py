"""make_fx: the operators that a function of tensors calls, as a graph.

The function runs on the tensors it is given, or on copies of them; each is inside a `ProxyTensor`, which computes with it and
records. So Python's control flow goes the way that it goes for these values, and the graph holds operators of `framejit.ops`.
"""

import copy
import functools
import inspect
import operator

from framejit import _C, ops
from framejit.func._recorded import active as transformations
from framejit.fx._patch import Patcher
from framejit.fx.graph_module import GraphModule
from framejit.fx.node import map_aggregate
from framejit.fx.operator_schemas import get_signature_for_torch_op
from framejit.fx.proxy import Proxy
from framejit.fx.symbolic_trace import PH, Tracer
from framejit.nn import Module
from framejit.utils import _pytree as pytree

from ._overloads import overload_of
from ._recording import Recording
from ._subscripts import parts_of

_FACTORIES = (
    "rand randn randint randperm zeros ones full empty arange linspace logspace eye normal bernoulli scalar_tensor tril_indices "
    "triu_indices"
).split()
_active = []  # the tracers that are running


class ProxyTensor(Proxy):
    """A tensor and its node. For programs it is a Tensor."""

    def __init__(self, node, tracer, value):
        super().__init__(node, tracer)
        self.value = value

    __class__ = property(lambda self: _C.Tensor)

    def __getattr__(self, name):
        if name in ("node", "tracer", "value"):
            raise AttributeError(name)
        found = getattr(self.value, name)
        if isinstance(found, _C.Tensor):
            return self._record(getattr(ops.aten, _PROPERTIES.get(name, name)), (self,), {})
        if callable(found) and not name.startswith("__"):
            return functools.partial(self._method, name)
        return found

    def _method(self, name, *args, **kwargs):
        if name == "data_ptr" and not self.tracer.shows_memory:
            raise RuntimeError(
                "Cannot access data pointer of Tensor (e.g. FakeTensor, FunctionalTensor). If you're using "
                "torch.compile/export/fx, it is likely that we are erroneously tracing into a custom kernel."
            )
        if len(args) > 1 and all(isinstance(arg, int) for arg in args) and _takes_sizes(name):
            args = (list(args),)
        return self.__torch_function__(getattr(_C.Tensor, name), (), (self, *args), kwargs)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        found = _first(args, kwargs or {})
        return found._record(function, args, kwargs or {})

    def _record(self, function, args, kwargs):
        return self.tracer.run(function, args, kwargs)

    def __bool__(self):
        return bool(self.value)

    def __len__(self):
        return len(self.value)

    def __index__(self):
        return operator.index(self.value)

    def __int__(self):
        return int(self.value)

    def __float__(self):
        return float(self.value)

    def __iter__(self):
        return iter(self.unbind(0))

    def __repr__(self):
        return f"ProxyTensor({self.node.name}, {self.value!r})"

    def __getitem__(self, index):
        return self.tracer.getitem(self, index)

    def __setitem__(self, index, value):
        self.tracer.run(operator.setitem, (self, index, value), {})


def _takes_sizes(name):
    """Whether a method's sizes may be given one by one."""
    signatures = get_signature_for_torch_op(getattr(_C.Tensor, name)) or ()
    return any(list(s.parameters.values())[1].annotation == list[int] for s in signatures if len(s.parameters) == 2)


_PROPERTIES = {"T": "t", "mT": "mT", "data": "detach", "real": "real", "imag": "imag"}


def _define_operators():
    names = {
        "truediv": "div",
        "floordiv": "floor_divide",
        "mod": "remainder",
        "and_": "bitwise_and",
        "or_": "bitwise_or",
    }
    names.update({"xor": "bitwise_xor", "invert": "bitwise_not", "lshift": "bitwise_left_shift", "pos": "positive"})
    names.update({"rshift": "bitwise_right_shift"})

    def forward(name):
        return lambda self, *args: self.tracer.run(getattr(_C, name), (self, *args), {})

    def reflected(function, name):
        def method(self, other):
            if name in ("add", "mul"):
                return self.tracer.run(getattr(_C, name), (self, other), {})
            return self.tracer.run(function, (other, self), {})

        return method

    def inplace(name):
        return lambda self, other: self._method(name + "_", other)

    for operation in "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split():
        name = names.get(operation, operation)
        setattr(ProxyTensor, f"__{operation.rstrip('_')}__", forward(name))
        setattr(ProxyTensor, f"__r{operation.rstrip('_')}__", reflected(getattr(operator, operation), name))
        if operation not in ("matmul", "lshift", "rshift"):
            setattr(ProxyTensor, f"__i{operation.rstrip('_')}__", inplace(name))
    for operation in "eq ne lt gt le ge neg abs invert".split():
        setattr(ProxyTensor, f"__{operation}__", forward(names.get(operation, operation)))
    ProxyTensor.__hash__ = object.__hash__


_define_operators()


def _first(args, kwargs):
    for leaf in pytree.tree_leaves((args, kwargs)):
        if type(leaf) is ProxyTensor:
            return leaf
    return None


def _value_of(leaf):
    return leaf.value if type(leaf) is ProxyTensor else leaf


def _node_of(leaf):
    return leaf.node if type(leaf) is ProxyTensor else leaf


class PythonKeyTracer(Tracer):
    """The tracer of `make_fx`: modules are traced through, tensors met on the way are constants."""

    shows_memory = True  # False: the values stand for others, where they lie is not to be looked at

    def __init__(self):
        super().__init__(autowrap_modules=())
        self.recording = Recording(self)

    def call_module(self, m, forward, args, kwargs):
        """The module's own code."""
        return forward(*args, **kwargs)

    def getattr(self, attr, attr_val, parameter_proxy_cache):
        """The attribute."""
        return attr_val

    def create_arg(self, a):
        """A value as a node's argument."""
        if type(a) is ProxyTensor:
            return a.node
        if isinstance(a, _C.Tensor):
            return self._constant(a)
        return super().create_arg(a)

    def run(self, function, args, kwargs):
        """Calls an operator with values, and records it."""
        function = getattr(function, "_function", function)
        if self.recording.running:
            return self.transform(function, args, kwargs)
        values = map_aggregate((tuple(args), dict(kwargs)), _value_of)
        result = function(*_plain(values[0]), **dict(values[1]))
        if not _has_tensor(result):
            return result
        target, nargs, nkwargs = _normalised(function, tuple(args), dict(kwargs))
        name = getattr(getattr(target, "overloadpacket", target), "__name__", None)
        node = self.create_node("call_function", target, self.create_arg(nargs), self.create_arg(nkwargs), name)
        node.meta["val"] = result
        if isinstance(result, _C.Tensor):
            return self._track(result, node, args)
        made = []
        for i, item in enumerate(result):
            part = self.create_node("call_function", operator.getitem, (node, i), {})
            part.meta["val"] = item
            made.append(ProxyTensor(part, self, item) if isinstance(item, _C.Tensor) else item)
        return type(result)(made) if not hasattr(result, "_fields") and type(result) in (list, tuple) else tuple(made)

    def stands_for(self, tree):
        """Whether a tensor that is followed is in the tree."""
        return _first((tree,), {}) is not None

    def transform(self, function, args, kwargs):
        """What a transformation of functions gives; the operators that it comes down to are recorded."""
        args, kwargs = pytree.tree_map(self._inside, (args, kwargs))
        if self.recording.running:
            return function(*args, **kwargs)
        return pytree.tree_map(self._outside, self.recording.run(function, args, kwargs))

    def _inside(self, leaf):
        if type(leaf) is not ProxyTensor:
            return leaf
        self.recording.know(leaf.value, leaf.node)
        return leaf.value

    def _outside(self, leaf):
        return ProxyTensor(self.recording.node_of(leaf), self, leaf) if _is_tensor(leaf) else leaf

    def _track(self, result, node, args):
        first = args[0] if args else None
        if type(first) is ProxyTensor and first.value is result:  # it was changed in place
            first.node = node
            return first
        return ProxyTensor(node, self, result)

    def getitem(self, proxy, index):
        """x[index], as the operators that do it."""
        parts = parts_of(proxy.value, index)
        if parts is None or self.recording.running:
            return self.run(operator.getitem, (proxy, index), {})
        for target, args in parts:
            proxy = self.record(target, (proxy, *args))
        return proxy

    def record(self, target, args):
        """Calls an overload with values, and records it as it is."""
        result = target(*_plain(map_aggregate(args, _value_of)))
        node = self.create_node("call_function", target, self.create_arg(args), {}, target.overloadpacket.__name__)
        node.meta["val"] = result
        return ProxyTensor(node, self, result)


def _plain(values):
    """Lists and dicts of a node's arguments as plain ones."""
    return pytree.tree_map(lambda leaf: leaf, values) if isinstance(values, tuple) else values


def _has_tensor(result):
    if isinstance(result, _C.Tensor):
        return True
    return isinstance(result, (tuple, list)) and any(isinstance(item, _C.Tensor) for item in result)


def _normalised(function, args, kwargs):
    """The overload that a call means, and its arguments without those that are defaults."""
    name = getattr(function, "__name__", "")
    signatures = get_signature_for_torch_op(function)
    if signatures is None:
        return function, args, kwargs
    for signature in signatures:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            continue
        if not all(_fits(value, signature.parameters[key].annotation) for key, value in bound.arguments.items()):
            continue
        given = list(bound.arguments.items())
        while given and _is_default(given[-1], signature):
            given.pop()
        plain, named = [], {}
        for key, value in given:
            parameter = signature.parameters[key]
            if getattr(parameter.annotation, "__origin__", None) is list and isinstance(value, (int, tuple)):
                value = list(value) if isinstance(value, tuple) else [value]
            if parameter.kind is parameter.KEYWORD_ONLY or len(plain) < len(given) and named:
                if not _is_default((key, value), signature):
                    named[key] = value
            else:
                plain.append(value)
        return overload_of(name, plain, named), tuple(plain), named
    return overload_of(name, args, kwargs), args, kwargs


def _fits(value, annotation):
    if annotation is int:
        return isinstance(value, int) or value is None
    return True


def _is_default(item, signature):
    key, value = item
    default = signature.parameters[key].default
    return default is not inspect.Parameter.empty and type(default) is type(value) and default == value


class _FactoryPatcher(Patcher):
    """What makes tensors of no tensors is recorded too; no other function is replaced."""

    def recording(self, function):
        if type(function) is type(_C.add) and function.__name__ in _FACTORIES:
            tracer = self.tracer

            @functools.wraps(function, updated=())
            def factory(*args, **kwargs):
                return tracer.run(function, args, kwargs) if _active else function(*args, **kwargs)

            factory._fx_original = function
            return self.replacements.setdefault(id(function), factory)
        if (
            function is getattr(_C, "tensor", None)
            or getattr(function, "__name__", "") == "tensor"
            and _is_builder(function)
        ):
            return self.replacements.setdefault(id(function), self._builder(function))
        return function

    def _builder(self, function):
        tracer = self.tracer

        @functools.wraps(function, updated=())
        def build(*args, **kwargs):
            value = function(*args, **kwargs)
            if not _active or type(value) is ProxyTensor:
                return value
            constant = tracer._constant(value.clone())
            node = tracer.create_node("call_function", ops.aten.clone.default, (constant,), {}, name="lift_fresh_copy")
            node.meta["val"] = value
            return ProxyTensor(node, tracer, value)

        build._fx_original = function
        return build

    def _enter(self):
        for space in _space_dicts():
            self.wrap_globals(space)
        self.call, self.read = Module.__call__, Module.__getattr__


PythonKeyTracer.patcher_class = _FactoryPatcher


def _is_builder(function):
    return (getattr(function, "__module__", "") or "").startswith("framejit")


def _space_dicts():
    from framejit.fx._patch import _spaces

    return list(_spaces())


def make_fx(
    f,
    decomposition_table=None,
    tracing_mode="real",
    _allow_non_fake_inputs=False,
    *,
    pre_dispatch=False,
    record_module_stack=False,
    _allow_fake_constant=False,
    _error_on_data_dependent_ops=True,
    record_stack_traces=False,
):
    """`make_fx(f)(*args)` is a GraphModule of the operators that f calls for these arguments.

    f (callable): of tensors, nested containers of them and other values. decomposition_table (dict): an operator of
    `framejit.ops` -> a function that does it by others. tracing_mode (str): "real", or "fake" or "symbolic", which both
    leave the arguments themselves alone. pre_dispatch, record_module_stack (bool): accepted. record_stack_traces (bool):
    nodes know their lines. Raises AssertionError for another mode, and what f raises.

    >>> import framejit
    >>> from framejit.fx.experimental.proxy_tensor import make_fx
    >>> print(make_fx(lambda x: x.sin() + 1)(framejit.zeros(2)).code.strip())
    def forward(self, x_1):
        sin = framejit.ops.aten.sin.default(x_1);  x_1 = None
        add = framejit.ops.aten.add.Scalar(sin, 1);  sin = None
        return add
    """
    if tracing_mode not in ("real", "fake", "symbolic"):
        raise AssertionError(f"tracing_mode must be 'real', 'fake' or 'symbolic', not {tracing_mode!r}")

    @functools.wraps(f if hasattr(f, "__name__") else type(f), updated=())
    def wrapped(*args):
        return _trace(f, args, decomposition_table or {}, record_stack_traces, tracing_mode == "real")

    return wrapped


def _trace(f, args, decompositions, record_stack_traces, shows_memory):
    tracer = PythonKeyTracer()
    tracer.shows_memory = shows_memory
    tracer.record_stack_traces = record_stack_traces
    tracer.decompositions = decompositions
    leaves, _ = pytree.tree_flatten(args)
    values = [leaf.detach().clone().requires_grad_(leaf.requires_grad) if _is_tensor(leaf) else leaf for leaf in leaves]

    def traced(*proxies):
        flat, spec = pytree.tree_flatten(proxies)
        inside = [
            ProxyTensor(_noted(proxy.node, value), tracer, value) if _is_tensor(value) else value
            for proxy, value in zip(flat, values)
        ]
        _active.append(tracer)
        transformations.append(tracer)
        try:
            return f(*pytree.tree_unflatten(inside, spec))
        finally:
            _active.pop()
            transformations.pop()

    names = _names(f, len(args))
    root = _with_parameters(traced, names)
    if "return" in getattr(f, "__annotations__", {}):
        root.__annotations__["return"] = f.__annotations__["return"]
    graph = tracer.trace(root, concrete_args=tuple(pytree.tree_map(lambda _: PH, arg) for arg in args))
    graph.eliminate_dead_code()
    return GraphModule(tracer.root, graph, getattr(f, "__name__", type(f).__name__))


def _is_tensor(value):
    return isinstance(value, _C.Tensor) and type(value) is not ProxyTensor


def _noted(node, value):
    node.meta["val"] = value
    return node


def _names(f, count):
    """What the parameters are called; numbered where that is not known."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names[:count] if len(names) >= count else [*names, *(f"arg{i}" for i in range(len(names), count))]


def _with_parameters(function, names):
    """The function with these parameters."""
    namespace = {"_call": function}
    exec(f"def traced({', '.join(names)}):\n    return _call({', '.join(names)})\n", namespace)
    return namespace["traced"]


def get_proxy_mode():
    """The tracer of the `make_fx` that is running; None outside.

    >>> from framejit.fx.experimental.proxy_tensor import get_proxy_mode
    >>> get_proxy_mode() is None
    True
    """
    return _active[-1] if _active else None


def get_isolated_graphmodule(func, args, kwargs, tracing_mode="real", decomposition_table=None):
    """`make_fx` of a function called with positional and named arguments, while no other trace sees it.

    func (callable), args (tuple), kwargs (dict), tracing_mode (str), decomposition_table (dict). Raises what `make_fx`
    raises.
    """
    leaves, spec = pytree.tree_flatten((args, kwargs))

    def flat(*inside):
        a, k = pytree.tree_unflatten(list(inside), spec)
        return func(*a, **k)

    before = copy.copy(_active)
    _active.clear()
    try:
        return make_fx(flat, decomposition_table, tracing_mode)(*leaves)
    finally:
        _active.extend(before)


__all__ = ["PythonKeyTracer", "get_isolated_graphmodule", "get_proxy_mode", "make_fx"]
