"""Compiled modules: an OptimizedModule is the original module with another call."""

import functools
import types
import weakref

from framejit import _C, _compile
from framejit._compile import _compile_callable, compile
from framejit.nn import Module
from framejit.nn.modules import _hooks


class _Shared:
    """A compiled function that several modules use."""

    def __init__(self, function, settings):
        self.settings = settings  # held because the key has ids of what is in it
        self.compiled = _compile_callable(function, settings)

    def __deepcopy__(self, memo):
        return self


_shared = weakref.WeakValueDictionary()  # function and settings -> _Shared


def _share(function, settings):
    """The compiled form of a function: the one that another module of the class has, if it has the same settings."""
    backend = settings["backend"] or _compile.get_default_backend()
    others = [(name, repr(value)) for name, value in sorted(settings.items()) if name != "backend"]
    key = (id(function), backend if isinstance(backend, str) else id(backend), *others)
    shared = _shared.get(key)
    if shared is None:
        shared = _shared[key] = _Shared(function, settings)
    return shared


def _direct(function=None, through=None):
    """A decorator of `__call__`: a module without hooks is called without Python code on the way (`_ModuleCall`)."""
    if function is None:
        return functools.partial(_direct, through=through)
    return _C._ModuleCall(function, vars(_hooks), *([through] if through else []))


class CompiledCall:
    """The call of a module, its forward compiled and its hooks, if it has any, run around it.

    Modules of one class share what is compiled: what it depends on, of a module, is guarded.
    """

    def __init__(self, module, settings):
        self.module = module
        own_call = type(module).__call__
        if own_call is not Module.__call__:  # such a class decides itself when forward runs
            self._bind(own_call, settings)
        elif isinstance(module.forward, types.MethodType) and module.forward.__self__ is module:
            self._bind(module.forward.__func__, settings)
        else:
            self.forward = _compile_callable(module.forward, settings)

    def _bind(self, function, settings):
        self._held = _share(function, settings)
        self.forward = types.MethodType(self._held.compiled, self.module)

    @_direct
    def __call__(self, *args, **kwargs):
        module = self.module
        if (
            module._backward_hooks
            or module._backward_pre_hooks
            or module._forward_hooks
            or module._forward_pre_hooks
            or _hooks.global_forward_hooks
            or _hooks.global_forward_pre_hooks
            or _hooks.global_backward_hooks
            or _hooks.global_backward_pre_hooks
        ):
            return _hooks.call_with_hooks(module, args, kwargs, self.forward)
        return self.forward(*args, **kwargs)


def compile_call(module, **settings):
    """What `Module.compile` installs as the module's call; None leaves it uncompiled."""
    compiled = compile(module, **settings)
    return None if compiled is module else compiled.__dict__["_call"]


class OptimizedModule(Module):
    """A module whose call is compiled; everything else about it is the original's, `_orig_mod`. `compile` makes it.

    module (nn.Module): the original. settings (dict): the arguments of `compile`. Raises what `compile` raises.

    >>> import framejit
    >>> from framejit import nn
    >>> compiled = framejit.compile(nn.Linear(2, 1))
    >>> list(compiled.state_dict()), isinstance(compiled, nn.Linear), type(compiled).__name__
    (['weight', 'bias'], True, 'OptimizedModule')
    """

    def __init__(self, module, settings):
        super().__init__()
        state = self.__dict__
        state["_modules"]["_orig_mod"] = module
        state["_settings"] = settings
        state["_call"] = CompiledCall(module, settings)
        state["get_compiler_config"] = lambda: settings["options"]

    @_direct(through="_call")
    def __call__(self, *args, **kwargs):
        return self.__dict__["_call"](*args, **kwargs)

    def forward(self, *args, **kwargs):
        return self.__dict__["_call"].forward(*args, **kwargs)

    @property
    def __class__(self):
        module = self.__dict__.get("_modules", {}).get("_orig_mod")
        return OptimizedModule if module is None else type(module)

    def __getattr__(self, name):
        module = self.__dict__["_modules"]["_orig_mod"]
        return module if name == "_orig_mod" else getattr(module, name)

    def __setattr__(self, name, value):
        if name == "forward":  # the new forward is compiled at the next call
            setattr(self._orig_mod, name, value)
            self.__dict__["_call"] = CompiledCall(self._orig_mod, self.__dict__["_settings"])
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name):
        delattr(self._orig_mod, name)

    def __reduce_ex__(self, protocol):
        return OptimizedModule, (self._orig_mod, self.__dict__["_settings"])

    def __repr__(self):
        from framejit.nn.modules.module import _addindent

        return f"OptimizedModule(\n  (_orig_mod): {_addindent(repr(self._orig_mod), 2)}\n)"

    def __dir__(self):
        return sorted({*dir(self._orig_mod), "_orig_mod"})

    def __len__(self):
        return len(self._orig_mod)

    def __iter__(self):
        return iter(self._orig_mod)

    def __getitem__(self, index):
        return self._orig_mod[index]

    def __contains__(self, key):
        return key in self._orig_mod

    @property
    def training(self):
        return self._orig_mod.training

    @training.setter
    def training(self, mode):
        self._orig_mod.training = mode


def _delegate(name):
    """A method that asks the original; where that gives itself back, the caller gets the compiled one."""

    @functools.wraps(getattr(Module, name))
    def method(self, *args, **kwargs):
        module = self.__dict__["_modules"]["_orig_mod"]
        result = getattr(module, name)(*args, **kwargs)
        return self if result is module else result

    return method


_DELEGATED = [
    name
    for name, value in vars(Module).items()
    if callable(value) and not (name.startswith("__") or name in ("forward", "_call_impl", "_wrapped_call_impl"))
]

for _name in _DELEGATED:
    setattr(OptimizedModule, _name, _delegate(_name))
