"""Back ends by name, and the bridge between captured graphs and back ends written in Python.

A Python back end gets an `fx.GraphModule` and a list of example inputs and gives back a callable. Capture hands a
graph over as plain data, `_captured.graph_module` turns it into fx.
"""

import functools
import threading
import warnings

from framejit import _C
from framejit._captured import Ref, graph_module  # noqa: F401 (the extension takes Ref from here)
from framejit._compile import NATIVE

_registry = {}  # name -> (function, tags)
_entry_points = None  # name -> entry point of an installed package that has not been loaded yet

# what the extension runs op by op: the graph as it was captured, or after differentiation and functionalisation
_REPLAYED = ("eager", "aot_eager")
# back ends that tests of other programs use, in framejit.dynamo._failing_backends
_FAILING = [
    f"{name}_TESTING_ONLY"
    for name in ("relu_compile_error", "relu_runtime_error", "relu_accuracy_error", "non_leaf_compile_error")
]
# the name of compiled functions that a back end makes of the graph it was given
INNER = "framejit's back end"
_GROUPS = ("framejit_backends", "torch_dynamo_backends")


def register_backend(compiler_fn=None, name=None, tags=()):
    """Make a back end known by name; usable as a decorator. Gives the function back.

    compiler_fn (callable): takes an fx.GraphModule and a list of example inputs, gives a callable that runs the graph.
    name (str): by default the function's own. tags (sequence of str): `list_backends` leaves out "debug" and
    "experimental".

    A package makes its back ends known without being imported by entry points of the group `framejit_backends`. Raises
    TypeError for what cannot be called, AssertionError for a name that is taken.

    >>> @register_backend(name="doubling", tags=("debug",))
    ... def doubling(gm, example_inputs):
    ...     return lambda *args: tuple(2 * out for out in gm(*args))
    >>> import framejit
    >>> framejit.compile(lambda x: x + 1, backend="doubling")(framejit.ones(2)).tolist()
    [4.0, 4.0]
    >>> del _registry["doubling"]
    """
    if compiler_fn is None:
        return functools.partial(register_backend, name=name, tags=tags)
    if not callable(compiler_fn):
        raise TypeError(f"register_backend: expected a callable, but got {type(compiler_fn).__name__}")
    name = name or compiler_fn.__name__
    if name in _registry or name in NATIVE:
        raise AssertionError(f"duplicate name: {name}")
    _registry[name] = (compiler_fn, frozenset(tags))
    return compiler_fn


def list_backends(exclude_tags=("debug", "experimental")) -> list[str]:
    """The names that `compile(backend=...)` accepts, as a sorted list of str.

    exclude_tags (sequence of str, or None): leaves out the back ends that have one of these tags. Raises TypeError for
    what cannot be iterated.

    >>> "inductor" in list_backends(), "eager" in list_backends(), "eager" in list_backends(None)
    (True, False, True)
    """
    excluded = frozenset(exclude_tags or ())
    names = [name for name, (_, tags) in _registry.items() if not tags & excluded]
    names += [] if "debug" in excluded else _FAILING
    return sorted({"inductor", *names, *_installed()})


def lookup_backend(compiler_fn):
    """The back end of that name, as a callable; a callable is given back.

    compiler_fn (str or callable): the name. Raises InvalidBackend for one that nobody registered.

    >>> import framejit
    >>> framejit.compile(lambda x: x + 1, backend=lookup_backend("eager"))(framejit.ones(2)).tolist()
    [2.0, 2.0]
    """
    if not isinstance(compiler_fn, str):
        return compiler_fn
    if compiler_fn in NATIVE:
        return _run_native
    if compiler_fn in _FAILING:
        from framejit.dynamo import _failing_backends as failing

        return getattr(failing, compiler_fn)
    if compiler_fn not in _registry:
        if compiler_fn not in _installed():
            raise InvalidBackend(compiler_fn)
        register_backend(_installed()[compiler_fn].load(), name=compiler_fn)
        del _installed()[compiler_fn]
    return _registry[compiler_fn][0]


def _installed():
    """The entry points of installed packages, looked up once."""
    global _entry_points
    if _entry_points is None:
        from importlib.metadata import entry_points

        _entry_points = {point.name: point for group in _GROUPS for point in entry_points(group=group)}
    return _entry_points


class InvalidBackend(_C.UnsupportedError.__base__):
    """`compile` was asked for a back end that nobody registered.

    >>> import framejit
    >>> framejit.compile(lambda x: x, backend="nobody's")
    Traceback (most recent call last):
        ...
    framejit.dynamo.exc.InvalidBackend: Invalid backend: "nobody's", see `framejit.compiler.list_backends()` ...
    """

    def __init__(self, name):
        super().__init__(f"Invalid backend: {name!r}, see `framejit.compiler.list_backends()` for available backends.")


InvalidBackend.__module__ = "framejit.dynamo.exc"


def other_backend(backend, mode=None, options=None):
    """What the extension is told of a back end that is not its own: a name that it replays under, or a callable.

    `eager` and `aot_eager` ignore options; a callable gets what is given.
    """
    if isinstance(backend, str) and backend in _REPLAYED:
        return backend
    function = lookup_backend(backend)
    if isinstance(backend, str):
        return function
    more = {"mode": mode} if mode not in (None, "default") else {}
    more.update({"options": options} if options else {})
    return _with(function, more) if more else function


def _with(function, more):
    """A callable back end that is given mode and options, under its own name."""

    @functools.wraps(function, updated=())
    def backend(gm, example_inputs):
        return function(gm, example_inputs, **more)

    return backend


running = threading.local()  # .context: what is known of the graph that a back end is given now; None: no back end runs
_taped = threading.local()  # .on: graphs are being made whose ops the tape must see


def on_tape(backend):
    """A back end of the same kind that leaves differentiation to the tape, op by op: a name, or a callable."""
    if not callable(backend):
        return "eager"

    @functools.wraps(backend, updated=())
    def taped(gm, example_inputs):
        before, _taped.on = getattr(_taped, "on", False), True
        try:
            return backend(gm, example_inputs)
        finally:
            _taped.on = before

    return taped


def compiled_graph(gm, backend=None, name=INNER):
    """The graph's own code, compiled by the extension."""
    if getattr(_taped, "on", False):
        backend = "eager"
    return _C.CompiledFunction(gm.forward.__func__, backend=backend, name=name).__get__(gm)


def _run_native(gm, example_inputs, **ignored):
    """The native compiler as a back end."""
    return compiled_graph(gm)


@register_backend(name="eager", tags=("debug",))
def _eager(gm, example_inputs, **ignored):
    """Runs the captured graph op by op."""
    return gm.forward


def _aot_eager(gm, example_inputs, **ignored):
    """The extension's own replay after differentiation and functionalisation."""
    return compiled_graph(gm, "aot_eager")


for _name in ("aot_eager", "aot_eager_decomp_partition", "aot_eager_default_partitioner"):
    register_backend(_aot_eager, name=_name, tags=("debug",))

# There are no CUDA graphs to record and no other interpreter to hand a graph to: these two are the native compiler.
register_backend(_run_native, name="cudagraphs")
register_backend(_run_native, name="ts", tags=("debug",))
register_backend(_run_native, name="aot_ts", tags=("debug",))


@register_backend(tags=("debug",))
def aot_eager_decomp_partition_crossref(gm, example_inputs, **ignored):
    """`aot_eager`, compared with running the captured graph op by op."""
    return verifying("aot_eager")(gm, example_inputs)


@register_backend(tags=("debug",))
def pre_dispatch_eager(gm, example_inputs, **ignored):
    """`eager`: captured graphs hold the switches of grad mode and autocast."""
    return gm.forward


@register_backend(tags=("debug",))
def eager_noexcept(gm, example_inputs, **ignored):
    """`eager`, with failures named as failures of a captured graph."""

    def run(*args):
        try:
            return gm(*args)
        except Exception as error:
            raise RuntimeError("Unexpected exception when running generated GraphModule") from error

    return run


@register_backend(tags=("debug",))
def eager_debug(gm, example_inputs, **ignored):
    """`eager`, with the graph checked first."""
    gm.graph.lint()
    return gm.forward


def verifying(backend):
    """The back end, compared with running the graph op by op on clones of the example inputs."""
    function = _run_native if backend is None else lookup_backend(backend)

    def verified(gm, example_inputs):
        from framejit import random
        from framejit.dynamo.utils import same

        def run(callable):
            state = random.get_rng_state()
            try:
                return callable(*[_clone(x) for x in example_inputs])
            finally:
                random.set_rng_state(state)

        expected = run(gm.forward)
        compiled = function(gm, example_inputs)
        if not callable(compiled) or same(expected, run(compiled)):
            return compiled
        raise RuntimeError(f"incorrect results of backend {getattr(function, '__name__', function)}")

    return functools.wraps(function, updated=())(verified)


def _clone(value):
    if not isinstance(value, _C.Tensor):
        return value
    return value.detach().clone().requires_grad_(value.requires_grad)


# ---- graphs from capture ----------------------------------------------------------------------------------


def lower(backend, inputs, nodes, outputs, examples):
    """Give a described graph to a Python back end; the result is the callable that runs it."""
    return call_backend(backend, graph_module(inputs, nodes, outputs, examples), list(examples))


def call_backend(backend, module, examples):
    """What a back end makes of a graph: a callable. Raises exc.BackendCompilerFailed."""
    before, running.context = getattr(running, "context", None), {"module": module, "examples": examples}
    try:
        compiled = backend(module, examples)
        if not callable(compiled):
            raise TypeError(f"a back end must return a callable, but this one returned {type(compiled).__name__}")
    except Exception as error:
        return _failed(backend, error, module)
    finally:
        running.context = before
    return compiled


def _failed(backend, error, module):
    """A back end's error goes to the caller, or with config.suppress_errors the graph runs op by op."""
    from framejit.dynamo import config, exc

    if isinstance(error, exc.SkipFrame):
        return module.forward
    if config.suppress_errors:
        warnings.warn(f"a back end failed and the graph runs op by op: {error!r}", RuntimeWarning)
        return module.forward
    raise exc.BackendCompilerFailed(backend, error) from error
