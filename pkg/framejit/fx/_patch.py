"""What is replaced while a trace runs: functions that must be seen, and how modules are called and read."""

import builtins
import functools
import sys
import types

from framejit import _C
from framejit._overridable import arrangement, functional_is_silent, is_silent, is_written_with_others
from framejit.nn import Module

from .proxy import Proxy

wrapped_functions = {}  # (id of globals, name) -> globals: what `wrap` named
NAMED_HERE = "__fx_wrapped__"  # in the globals of generated code, which live no longer than it: the names wrapped there


def find_proxy(args, kwargs):
    """A proxy among the arguments, at any depth; None where there is none."""
    for value in (*args, *kwargs.values()):
        found = _find(value)
        if found is not None:
            return found
    return None


def _find(value):
    if isinstance(value, Proxy):
        return value
    if isinstance(value, (tuple, list)):
        items = value
    elif isinstance(value, dict):
        items = value.values()
    elif isinstance(value, slice):
        items = (value.start, value.stop, value.step)
    else:
        return None
    for item in items:
        found = _find(item)
        if found is not None:
            return found
    return None


def _recording(function, named=False):
    """`function`, except that calls with a proxy among the arguments become nodes.

    named (bool): because the program asked for it by name; generated code asks again, for those who trace it."""

    arranged = arrangement(function)

    @functools.wraps(function, updated=())
    def wrapper(*args, **kwargs):
        proxy = find_proxy(args, kwargs)
        if proxy is None:
            return function(*args, **kwargs)
        if arranged is not None:
            args, kwargs = arranged(args, kwargs)
        made = proxy.tracer.create_proxy("call_function", function, args, kwargs)
        if named:
            made.node.meta["is_wrapped"] = True
        return made

    wrapper._fx_original = function
    return wrapper


def _recording_method(cls, name):
    method = getattr(cls, name)

    @functools.wraps(method, updated=())
    def wrapper(*args, **kwargs):
        proxy = find_proxy(args, kwargs)
        if proxy is None:
            return method(*args, **kwargs)
        return proxy.tracer.create_proxy("call_method", name, args, kwargs)

    return wrapper


# Spaces whose functions are recorded whole: by the name of the package, and of torch where programs say that.
_SPACES = (
    "",
    ".nn.functional",
    ".functional",
    ".special",
    ".linalg",
    ".fft",
    "._C",
    "._functions",
    "._ops",
    "._checks",
)


def _spaces():
    for package in ("framejit", "torch"):
        for space in _SPACES:
            module = sys.modules.get(package + space)
            if isinstance(module, types.ModuleType):
                yield vars(module)


_PRELOADED = set()  # ids of views


def _preload():
    """Has names that are found when they are asked for found now: a trace would otherwise meet what is not replaced."""
    package = sys.modules["framejit"]
    wanted = [name for name, home in package._LAZY_NAMES.items() if home.startswith(_HOMES)]
    for space in (package, sys.modules.get("torch")):
        if space is not None and id(space) not in _PRELOADED:
            _PRELOADED.add(id(space))
            for name in wanted:
                getattr(space, name, None)
    _own_functions()


_HOMES = ("framejit._functions", "framejit._checks", "framejit._windows", "framejit.distributions._sampling")


@functools.cache
def _own_functions():
    """id -> function, of the functions that are recorded whole."""
    found = {}
    from framejit.nn import functional

    for space in (*map(vars, (sys.modules["framejit"], functional, _C)), *_spaces()):
        for name, value in space.items():
            if name.startswith("_") and name != "_assert" or isinstance(value, type) or not callable(value):
                continue
            home = getattr(value, "__module__", None) or ""
            if is_written_with_others(value):
                continue
            if home.startswith("framejit") and (name == "_assert" or not home.startswith(_NOT_RECORDED)):
                found[id(value)] = value
    return found


_NOT_RECORDED = (
    "framejit._compile", "framejit.dynamo", "framejit.compiler", "framejit.fx", "framejit.func", "framejit.autograd",
    "framejit.serialization", "framejit.random", "framejit._checks", "framejit._defaults", "framejit.as_torch",
    "framejit.jit", "framejit.testing",
)  # fmt: skip


class Patcher:
    """While it is open, calls that a tracer must see reach it; afterwards everything is as before."""

    def __init__(self, tracer):
        self.tracer = tracer
        self.saved = []  # (namespace, name, value before, or _ABSENT)
        self.visited = set()
        self.replacements = {}
        self.wrapped = []  # what `wrap` named: these ids stay theirs
        self.methods = []  # (class, name, value before, or _ABSENT)
        self.parameters = {}
        self.silent = functional_is_silent()

    def recording(self, function):
        """What stands in for a function: itself where it is not recorded."""
        if any(function is wrapped for wrapped in self.wrapped):
            return self.replacements[id(function)]
        if self.silent and is_silent(function):
            return function
        named = id(function) in self.tracer._autowrap_function_ids
        if named or id(function) in _own_functions():
            if id(function) not in self.replacements:
                self.replacements[id(function)] = _recording(function, named)
            return self.replacements[id(function)]
        return function

    def wrap_globals(self, namespace):
        """Replace what the globals of a function hold of the functions that are recorded."""
        if id(namespace) in self.visited:
            return
        self.visited.add(id(namespace))
        for name in namespace.get(NAMED_HERE, ()):
            self._wrap_named(namespace, name)
        for name, value in list(namespace.items()):
            if callable(value) and (stand_in := self.recording(value)) is not value:
                self._put(namespace, name, stand_in)

    def _wrap_named(self, namespace, name):
        value = namespace.get(name, getattr(builtins, name, _ABSENT))
        if value is not _ABSENT and not hasattr(value, "__fx_already_patched"):
            self.replacements[id(value)] = _recording(value, named=True)
            self.replacements[id(value)].__fx_already_patched = True
            self.wrapped.append(value)
            self._put(namespace, name, self.replacements[id(value)])

    def _put(self, namespace, name, value):
        self.saved.append((namespace, name, namespace.get(name, _ABSENT)))
        namespace[name] = value

    def __enter__(self):
        _preload()
        try:
            self._enter()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _enter(self):
        for space in _spaces():
            self.wrap_globals(space)
        for (_, name), namespace in wrapped_functions.items():
            self._wrap_named(namespace, name)
        for module in self.tracer._autowrap_search:
            self._wrap_module(module)
        self._wrap_methods()
        self.call, self.read = Module.__call__, Module.__getattr__
        Module.__call__, Module.__getattr__ = self._module_call(), self._module_getattr()

    def _wrap_methods(self):
        from .symbolic_trace import _wrapped_methods_to_patch

        for cls, name in _wrapped_methods_to_patch:
            self.methods.append((cls, name, vars(cls).get(name, _ABSENT)))
            setattr(cls, name, _recording_method(cls, name))

    def _wrap_module(self, module):
        for name, value in list(vars(module).items()):
            if id(value) in self.tracer._autowrap_function_ids and callable(value) and not name.startswith("_"):
                self._put(vars(module), name, self.recording(value))

    def __exit__(self, *error):
        if hasattr(self, "call"):
            Module.__call__, Module.__getattr__ = self.call, self.read
        for cls, name, value in reversed(self.methods):
            delattr(cls, name) if value is _ABSENT else setattr(cls, name, value)
        self.methods.clear()
        for namespace, name, value in reversed(self.saved):
            if value is _ABSENT:
                namespace.pop(name, None)
            else:
                namespace[name] = value
        self.saved.clear()

    def _module_call(self):
        call, tracer = self.call, self.tracer

        def recorded_call(module, *args, **kwargs):
            def forward(*args, **kwargs):
                return call(module, *args, **kwargs)

            own = getattr(getattr(type(module), "forward", None), "__globals__", None)
            if own is not None and not own.get("__name__", "").startswith("framejit."):
                self.wrap_globals(own)
            return tracer.call_module(module, forward, args, kwargs)

        return recorded_call

    def _module_getattr(self):
        read, tracer, cache = self.read, self.tracer, self.parameters

        def recorded_read(module, name):
            value = read(module, name)
            return tracer.getattr(name, value, cache)

        return recorded_read


_ABSENT = object()
