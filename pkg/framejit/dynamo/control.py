"""Directions to the compiler that a program gives in its own code."""

import functools
import sys
import types

from framejit import _C


def disable(fn=None, recursive=True, *, reason=None):
    """A callable whose code is never captured: compiled callers leave the call to CPython. A decorator, too.

    fn (callable): a function, or a class, given back with its `__init__` and `__call__` disabled, or a module, given
    back with its call disabled. recursive (bool): nothing that it calls is compiled either. reason (str): what break
    reports say.

    Raises TypeError for what cannot be called.

    >>> import framejit
    >>> @disable
    ... def shout(x):
    ...     print("called with", x)
    >>> framejit.compile(lambda x: shout(len(x)))([1, 2])
    called with 2
    """
    if fn is None:
        return lambda decorated: disable(decorated, recursive, reason=reason)
    if not callable(fn):
        raise TypeError(f"disable: expected a callable, but got {type(fn).__name__}")
    nn = sys.modules.get("framejit.nn.modules.module")
    if nn is not None and isinstance(fn, nn.Module):
        fn.__dict__["_compiled_call_impl"] = disable(fn._call_impl, recursive, reason=reason)
        return fn
    if isinstance(fn, type):
        for name in ("__init__", "__call__", "_call_impl"):
            method = getattr(fn, name, None)
            if isinstance(method, types.FunctionType):
                setattr(fn, name, disable(method, recursive, reason=reason))
        return fn
    fn = fn.__wrapped__ if isinstance(fn, _C.CompiledFunction) else fn
    if getattr(fn, "_framejit_disable", False):
        return fn

    if not recursive and isinstance(fn, (types.FunctionType, types.MethodType)):
        return _only_itself(fn, reason)

    @_wraps(fn)
    def plain(*args, **kwargs):
        before = _C._set_compile_enabled(False)
        try:
            return fn(*args, **kwargs)
        finally:
            _C._set_compile_enabled(before)

    plain._framejit_disable = True
    _mark_disabled(plain, fn, recursive, reason)
    return plain


def _only_itself(fn, reason):
    """A copy of a function that CPython runs; what it calls is compiled where the function is called from compiled code."""
    if isinstance(fn, types.MethodType):
        return types.MethodType(_only_itself(fn.__func__, reason), fn.__self__)
    copy = types.FunctionType(fn.__code__.replace(), fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
    copy.__kwdefaults__ = fn.__kwdefaults__
    functools.update_wrapper(copy, fn)
    copy._framejit_disable = "calls"
    _mark_disabled(copy, fn, False, reason)
    return copy


def _mark_disabled(wrapper, fn, recursive, reason):
    wrapper._torchdynamo_disable = True
    wrapper._torchdynamo_disable_msg = reason
    wrapper._torchdynamo_disable_recursive = recursive
    wrapper._torchdynamo_orig_callable = fn


def _wraps(fn):
    """functools.wraps, also for callables without the attributes of a function."""

    def decorate(wrapper):
        wrapper = functools.wraps(fn, updated=())(wrapper)
        wrapper.__dict__.update(getattr(fn, "__dict__", {}) if isinstance(fn, types.FunctionType) else {})
        wrapper.__wrapped__ = fn
        return wrapper

    return decorate


def is_dynamo_disable_recursive(method):
    """Whether `disable` was applied with recursive=True; None if it was not applied.

    method (callable): the function in question. Raises nothing of its own.

    >>> is_dynamo_disable_recursive(disable(len)), is_dynamo_disable_recursive(disable(len, recursive=False))
    (True, False)
    >>> is_dynamo_disable_recursive(len) is None
    True
    """
    return getattr(method, "_torchdynamo_disable_recursive", None)


def run(fn=None):
    """Use what is compiled already and compile nothing more while `fn` runs. A decorator, too.

    fn (callable): what to run, compiled or a caller of compiled functions. Raises what `fn` raises.

    >>> import framejit
    >>> f = framejit.compile(lambda x: x + 1)
    >>> run(f)(framejit.ones(2)).tolist()
    [2.0, 2.0]
    """
    from ._stance import set_stance

    if fn is None:
        return run

    @_wraps(fn)
    def only_run(*args, **kwargs):
        with set_stance("eager_on_recompile"):
            return fn(*args, **kwargs)

    return only_run


def graph_break(msg=""):
    """Ends the graph when captured; does nothing otherwise.

    msg (str): accepted for PyTorch's programs; break reports do not show it. With fullgraph=True the compiled function
    raises `dynamo.exc.Unsupported` here.

    >>> import framejit
    >>> def f(x):
    ...     x = x + 1
    ...     graph_break()
    ...     return x * 2
    >>> framejit.dynamo.explain(f)(framejit.ones(2)).graph_count
    2
    """


graph_break._framejit_disable = "asked_for"


def skip_frame(msg=""):
    """Leaves the rest of the function that calls it to CPython when captured; does nothing otherwise.

    msg (str): accepted for PyTorch's programs. With fullgraph=True the compiled function raises
    `dynamo.exc.Unsupported`.

    >>> import framejit
    >>> def f(x):
    ...     skip_frame()
    ...     return x * 2
    >>> framejit.dynamo.explain(f)(framejit.ones(2)).graph_break_count
    1
    """


skip_frame._framejit_disable = "asked_for"


def step_unsupported(msg=""):
    """Leaves the rest of the function that calls it to CPython when captured, as `skip_frame`; does nothing otherwise.

    msg (str): accepted for PyTorch's programs. With fullgraph=True the compiled function raises
    `dynamo.exc.Unsupported`.

    >>> import framejit
    >>> def f(x):
    ...     step_unsupported()
    ...     return x * 2
    >>> framejit.dynamo.explain(f)(framejit.ones(2)).graph_break_count
    1
    """


step_unsupported._framejit_disable = "asked_for"


class error_on_graph_break:
    """Makes graph breaks errors, or allows them, whatever `fullgraph` says: for a block, in compiled code or around
    calls of it, or as a decorator for a function's calls.

    error_on_graph_break (bool): errors or not. Compiled code raises exc.Unsupported at a break while it is on.

    >>> import framejit
    >>> @framejit.compile
    ... def f(x):
    ...     framejit.dynamo.graph_break()
    ...     with framejit.dynamo.error_on_graph_break(True):
    ...         return x + x.sum().item()
    >>> f(framejit.ones(2))
    Traceback (most recent call last):
        ...
    framejit.dynamo.exc.Unsupported: ...
    """

    def __init__(self, error_on_graph_break):
        self.error_on_graph_break = bool(error_on_graph_break)
        self.before = []

    def __enter__(self):
        self.before.append(_C._error_on_graph_break())
        _C._set_error_on_graph_break(self.error_on_graph_break)

    def __exit__(self, *exc_info):
        _C._set_error_on_graph_break(self.before.pop())

    def __call__(self, function):
        flag = self.error_on_graph_break

        @_wraps(function)
        def wrapper(*args, **kwargs):
            with error_on_graph_break(flag):
                return function(*args, **kwargs)

        return wrapper


def is_compiling():
    """Whether this code is being captured.

    >>> is_compiling()
    False
    """
    return _C._is_tracing()


def nonstrict_trace(traceable_fn):
    """Gives traceable_fn back: functions are captured by interpreting them, and what has no rule breaks the graph.

    traceable_fn (callable): the function. Raises nothing of its own.

    >>> nonstrict_trace(abs) is abs
    True
    """
    return traceable_fn


def dont_skip_tracing(fn=None):
    """Gives fn back: framejit skips no function by where it is defined, when it is reached from compiled code. A
    decorator.

    fn (callable): the function. Raises nothing of its own.

    >>> dont_skip_tracing(abs) is abs
    True
    """
    return fn if fn is not None else dont_skip_tracing


def optimize(backend="inductor", *, nopython=False, dynamic=None, disable=False, error_on_graph_break=None, **options):
    """The old form of `framejit.compile`, as a decorator factory.

    backend (str or callable), dynamic (bool), disable (bool): as for `compile`. nopython, error_on_graph_break (bool):
    either one is `fullgraph=True`. Other keywords are ignored. Raises what `compile` raises.

    >>> import framejit
    >>> optimize("eager")(lambda x: x + 1)(framejit.ones(2)).tolist()
    [2.0, 2.0]
    """
    from framejit._compile import compile

    return compile(backend=backend, fullgraph=nopython or bool(error_on_graph_break), dynamic=dynamic, disable=disable)


def optimize_assert(backend="inductor", *, dynamic=None, **ignored):
    """`optimize` with fullgraph=True.

    backend (str or callable), dynamic (bool): as for `compile`. Other keywords are ignored. Raises what `compile`
    raises; what it makes raises `dynamo.exc.Unsupported` where the function cannot be captured whole.

    >>> import framejit
    >>> optimize_assert("eager")(lambda x: print(x + 1))(framejit.ones(2))
    Traceback (most recent call last):
        ...
    framejit.dynamo.exc.Unsupported: native_call (a call of a function written in C): print()...
    """
    return optimize(backend, nopython=True, dynamic=dynamic)


def reset() -> None:
    """Forget everything that was compiled, the callbacks and the counters.

    >>> import framejit
    >>> framejit.dynamo.reset()
    >>> framejit.dynamo.utils.counters["frames"]["total"]
    0
    """
    from . import _observer
    from .callback import callback_handler
    from .utils import counters, graph_break_reasons, guard_failures

    _C.reset()
    _observer.reset()
    callback_handler.remove_all_callbacks()
    counters.clear()
    guard_failures.clear()
    graph_break_reasons.clear()
    recorded = sys.modules.get("framejit.dynamo.compiled_autograd")
    if recorded is not None and not recorded.in_compiled_autograd_region:
        recorded.reset()


def reset_code_caches():
    """Forget what was compiled, but not callbacks and counters.

    >>> import framejit
    >>> f = framejit.compile(lambda x: x + 1)
    >>> _ = f(framejit.ones(2))
    >>> reset_code_caches()
    >>> with framejit.compiler.set_stance("fail_on_recompile"):
    ...     f(framejit.ones(2))
    Traceback (most recent call last):
        ...
    RuntimeError: <lambda> was to be compiled while the stance is 'fail_on_recompile'...
    """
    _C.reset()
