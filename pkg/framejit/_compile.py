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


def compile(
    model=None,
    *,
    fullgraph=False,
    dynamic=None,
    backend=None,
    mode=None,
    options=None,
    name=None,
    disable=False,
    recompile_limit=None,
    isolate_recompiles=False,
):
    """A callable that does what `model` does, by machine code where that is possible. Also a decorator, with or
    without arguments.

    model (callable): a function, method, partial, class, module or other callable. A module becomes an
    OptimizedModule.
    fullgraph (bool): raise dynamo.exc.Unsupported where some of the function cannot be compiled, instead of leaving it
    to CPython.
    dynamic (bool or None): None leaves a size open once a second value of it has been seen, True leaves all open from
    the start, False compiles every combination of sizes for itself.
    backend (str or callable): a name (`framejit.compiler.list_backends()`), or a callable that gets an fx.GraphModule
    and example inputs and returns a callable. None is the default one.
    mode (str), options (dict): at most one of the two. Modes are PyTorch's and compile alike; options the native back
    end knows by name.
    name (str): what messages call the function.
    disable (bool): give `model` back as it is.
    recompile_limit (int): for this function, in the place of `dynamo.config.recompile_limit`.
    isolate_recompiles (bool): accepted; what is compiled is counted for each call of `compile` by itself anyway.

    Raises TypeError for arguments of wrong types, RuntimeError for a mode or option that does not exist, and
    dynamo.exc.InvalidBackend.

    >>> import framejit
    >>> @framejit.compile(fullgraph=True)
    ... def f(x):
    ...     return framejit.relu(x) + 1
    >>> f(framejit.tensor([-1.0, 1.0])).tolist()
    [1.0, 2.0]
    """
    settings = {
        "fullgraph": fullgraph,
        "dynamic": dynamic,
        "backend": backend,
        "mode": mode,
        "options": options,
        "name": name,
        "disable": disable,
        "recompile_limit": recompile_limit,
    }
    if model is None:
        _check(settings)
        return lambda decorated: compile(decorated, **settings)
    if not callable(model):
        raise TypeError(f"compile: expected a callable, but got {type(model).__name__}")
    _check(settings)
    if disable or any(os.environ.get(variable) == "1" for variable in _DISABLING):
        return model
    if not hasattr(_C, "CompiledFunction"):
        _warn_plain()
        return model
    nn = sys.modules.get("framejit.nn.modules.module")
    if nn is not None and isinstance(model, nn.Module):
        from framejit._compile_module import OptimizedModule

        return OptimizedModule(model, settings)
    return _compile_callable(model, settings)


_DISABLING = ("FRAMEJIT_DISABLE", "TORCH_COMPILE_DISABLE", "TORCHDYNAMO_DISABLE")


def _check(settings):
    """Errors of arguments are raised when `compile` is called, not at the first call of what it gives."""
    mode, options, limit = settings["mode"], settings["options"], settings["recompile_limit"]
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(map(str, _MODES[1:]))}")
    if options is not None and not isinstance(options, dict):
        raise TypeError(f"compile: options must be a dict, not {type(options).__name__}")
    if settings["dynamic"] not in (None, True, False):
        raise TypeError(f"compile: dynamic must be None, True or False, not {settings['dynamic']!r}")
    if limit is not None and (not isinstance(limit, int) or limit < 0):
        raise TypeError(f"compile: recompile_limit must be a number of compilations, not {limit!r}")
    native_backend(settings["backend"], mode, options)


def _report(*progress):
    """What the extension tells of compilations that take long."""
    from framejit.dynamo._progress import report

    report(*progress)


if hasattr(_C, "_set_progress"):
    _C._set_progress(_report)


def _aot_compile(self, example_inputs):
    """The function captured whole for arguments like these, as an AOTCompiledFunction that can be saved.

    example_inputs (tuple): a tuple of arguments and a dict of named ones. Raises RuntimeError where the graph would break.
    """
    from framejit._aot_function import aot_compile

    return aot_compile(self, example_inputs)


if hasattr(_C, "CompiledFunction"):
    _C.CompiledFunction.aot_compile = _aot_compile


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
    if isinstance(model, type) and isinstance(getattr(model, "__call__", None), types.FunctionType):  # noqa: B004
        return _compile_class(model, settings)
    call = getattr(type(model), "__call__", None)  # noqa: B004 (looked up on the type, as CPython does)
    if isinstance(call, types.FunctionType) and not isinstance(model, type):
        return types.MethodType(_compile_function(call, settings), model)
    return _compile_function(_calling(model), settings)


def _compile_class(cls, settings):
    """The class itself, whose instances' calls are compiled from now on."""
    for name in ("__call__", "_call_impl"):
        method = getattr(cls, name, None)
        if isinstance(method, types.FunctionType):
            setattr(cls, name, _compile_function(method, settings))
    return cls


def _calling(target):
    """A Python function around a class or a function written in C."""

    @functools.wraps(target, updated=())
    def call(*args, **kwargs):
        return target(*args, **kwargs)

    return call


def _compile_function(function, settings):
    if getattr(function, "_framejit_disable", False):
        return function
    limit = settings["recompile_limit"]
    compiled = _C.CompiledFunction(
        function,
        backend=native_backend(settings["backend"] or _default_backend, settings["mode"], settings["options"]),
        fullgraph=bool(settings["fullgraph"]),
        dynamic=settings["dynamic"],
        options=settings["options"],
        name=settings["name"],
        recompile_limit=-1 if limit is None else limit,
    )
    config = sys.modules.get("framejit.dynamo.config")
    if config is None or not config.compiled_autograd:
        return compiled
    from framejit.dynamo.compiled_autograd import around

    return around(compiled, settings)


def native_backend(backend, mode=None, options=None):
    """What the extension is told: None for its own compiler, a name that it replays under, or a callable.

    The native back end checks options by name.
    """
    if backend is not None and not callable(backend) and not isinstance(backend, str):
        raise TypeError(f"compile: backend must be a string or a callable, not {type(backend).__name__}")
    if backend is None or isinstance(backend, str) and backend in NATIVE:
        if options:
            from framejit._options import check_options

            known = check_options(options)
            import framejit.dynamo  # noqa: F401 (what acts on them)

            if known.get("_raise_error_for_testing"):
                from framejit.dynamo._failing_backends import raise_error_TESTING_ONLY

                return raise_error_TESTING_ONLY
        return None
    from framejit._backends import other_backend

    return other_backend(backend, mode, options)


_default_backend = "inductor"


def set_default_backend(backend):
    """What `compile(backend=None)` takes from now on.

    backend (str, callable or None): None is "inductor", the native one. Raises dynamo.exc.InvalidBackend and TypeError
    as `compile` does.

    >>> set_default_backend("eager")
    >>> get_default_backend()
    'eager'
    >>> set_default_backend(None)
    """
    global _default_backend
    native_backend(backend)
    _default_backend = "inductor" if backend is None else backend


def get_default_backend():
    """What `compile(backend=None)` takes: a str or a callable.

    >>> get_default_backend()
    'inductor'
    """
    return _default_backend
