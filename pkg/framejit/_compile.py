"""framejit.compile: one compiled callable for whatever callable it is given.

Functions become a native CompiledFunction. Bound methods, partials and objects with `__call__` are taken apart,
the Python function inside is compiled, and they are put together again. Modules become an OptimizedModule.
"""
import functools
import os
import types
import warnings

from framejit import _C
from framejit._backends import native_backend
from framejit.nn import Module
from framejit.nn.modules import _hooks

_MODES = (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False,
            name=None, recompile_limit=None, isolate_recompiles=False):
    """A callable that does what `model` does, by machine code where that is possible.

    fullgraph: raise where some of the function cannot be compiled, instead of leaving that part to CPython.
    dynamic: None makes sizes symbolic once they have changed, True from the start, False never.
    backend: a name (`framejit.compiler.list_backends()`), or a callable that gets an fx.GraphModule and example
    inputs and returns a callable. mode, options: hints; at most one of the two. disable: give `model` back as it is.
    """
    settings = {"fullgraph": fullgraph, "dynamic": dynamic, "backend": backend, "mode": mode, "options": options,
                "disable": disable, "name": name, "recompile_limit": recompile_limit,
                "isolate_recompiles": isolate_recompiles}
    if model is None:
        return lambda decorated: compile(decorated, **settings)
    if not callable(model):
        raise TypeError(f"compile: expected a callable, but got {type(model).__name__}")
    _check(mode, options)
    if disable or os.environ.get("FRAMEJIT_DISABLE") == "1":
        return model
    if not hasattr(_C, "CompiledFunction"):
        _warn_plain()
        return model
    if isinstance(model, Module):
        return OptimizedModule(model, settings)
    return _compile_callable(model, settings)


def _check(mode, options):
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(map(str, _MODES[1:]))}")
    if options is not None and not isinstance(options, dict):
        raise TypeError(f"compile: options must be a dict, not {type(options).__name__}")


@functools.cache
def _warn_plain():
    warnings.warn("framejit cannot compile on this interpreter or CPU; functions run uncompiled", stacklevel=3)


def _compile_callable(model, settings):
    """The compiled form of any callable that is no module."""
    if isinstance(model, _C.CompiledFunction):
        model = model.__wrapped__
    if isinstance(model, types.FunctionType):
        return _compile_function(model, settings)
    if isinstance(model, types.MethodType):
        return types.MethodType(_compile_callable(model.__func__, settings), model.__self__)
    if isinstance(model, functools.partial):
        return functools.partial(_compile_callable(model.func, settings), *model.args, **model.keywords)
    call = getattr(type(model), "__call__", None)
    if isinstance(call, types.FunctionType) and not isinstance(model, type):
        return types.MethodType(_compile_function(call, settings), model)
    return _compile_function(_calling(model), settings)


def _calling(target):
    """A Python function around a class or a function written in C."""
    @functools.wraps(target, updated=())
    def call(*args, **kwargs):
        return target(*args, **kwargs)
    return call


def _compile_function(function, settings):
    if getattr(function, "_framejit_disable", False):
        return function
    return _C.CompiledFunction(function, backend=native_backend(settings["backend"], settings["mode"]),
                               fullgraph=bool(settings["fullgraph"]), dynamic=settings["dynamic"],
                               options=settings["options"])


class CompiledCall:
    """The call of a module, its forward compiled and its hooks, if it has any, run around it."""

    def __init__(self, module, settings):
        self.module = module
        own_call = type(module).__call__
        if own_call is Module.__call__:
            self.forward = _compile_callable(module.forward, settings)
        else:  # a class with a __call__ of its own decides itself when forward runs
            self.forward = types.MethodType(_compile_callable(own_call, settings), module)

    def __call__(self, *args, **kwargs):
        module = self.module
        if (module._backward_hooks or module._backward_pre_hooks or module._forward_hooks or module._forward_pre_hooks
                or _hooks.any_global()):
            return _hooks.call_with_hooks(module, args, kwargs, self.forward)
        return self.forward(*args, **kwargs)


def compile_call(module, **settings):
    """What `Module.compile` installs as the module's call; None leaves it uncompiled."""
    compiled = compile(module, **settings)
    return None if compiled is module else compiled.__dict__["_call"]


class OptimizedModule(Module):
    """A module whose call is compiled; everything else about it is the original's, `_orig_mod`."""

    def __init__(self, module, settings):
        super().__init__()
        state = self.__dict__
        state["_modules"]["_orig_mod"] = module
        state["_settings"] = settings
        state["_call"] = CompiledCall(module, settings)
        state["get_compiler_config"] = lambda: settings["options"]

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


_DELEGATED = [name for name, value in vars(Module).items() if callable(value) and not (
    name.startswith("__") or name in ("forward", "_call_impl", "_wrapped_call_impl"))]

for _name in _DELEGATED:
    setattr(OptimizedModule, _name, _delegate(_name))
