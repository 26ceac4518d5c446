"""framejit.compile: one compiled callable for whatever callable it is given.

Functions become a native CompiledFunction. Bound methods, partials and objects with `__call__` are taken apart,
the Python function inside is compiled, and they are put together again. Modules become an OptimizedModule. nn is
not imported here, nor is the registry of back ends: whoever compiles a plain function does not wait for them.
"""

import functools
import os
import sys
import types
import warnings

from framejit import _C

# names of the native compiler; PyTorch's default is one of them so that programs that name it run unchanged
NATIVE = ("inductor", "native")
_MODES = (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False):
    """A callable that does what `model` does, by machine code where that is possible.

    fullgraph: raise where some of the function cannot be compiled, instead of leaving that part to CPython.
    backend: a name (`framejit.compiler.list_backends()`), or a callable that gets an fx.GraphModule and example
    inputs and returns a callable. disable: give `model` back as it is.
    dynamic: None leaves a size open once a second value of it has been seen, True leaves all open from the start, False
    compiles every combination of sizes for itself, up to `dynamo.config.recompile_limit` of them.
    mode, options: accepted as PyTorch's, at most one of them; neither changes what is compiled yet.
    """
    settings = {
        "fullgraph": fullgraph,
        "dynamic": dynamic,
        "backend": backend,
        "mode": mode,
        "options": options,
        "disable": disable,
    }
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
    nn = sys.modules.get("framejit.nn.modules.module")
    if nn is not None and isinstance(model, nn.Module):
        from framejit._compile_module import OptimizedModule

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
    call = getattr(type(model), "__call__", None)  # noqa: B004 (looked up on the type, as CPython does)
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
    return _C.CompiledFunction(
        function,
        backend=_backend(settings["backend"], settings["mode"]),
        fullgraph=bool(settings["fullgraph"]),
        dynamic=settings["dynamic"],
        options=settings["options"],
    )


def _backend(backend, mode):
    """What the extension is told: None for its own compiler, a name that it replays under, or a callable."""
    if backend is None or isinstance(backend, str) and backend in NATIVE:
        return None
    from framejit._backends import other_backend

    return other_backend(backend, mode)
