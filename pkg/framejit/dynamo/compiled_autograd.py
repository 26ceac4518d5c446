"""Compiled autograd: a backward pass as one graph, given to a compiler.

While it is on, `backward()` and `autograd.grad` read the tape, and where they find one of a new form record the pass as an
`fx.GraphModule` (`_tape_graph.py`): its inputs are leaves and saved tensors, hooks are called in it at their place, leaves get
their gradients in it. The compiler is asked once for each form; afterwards only the tape is read.
"""

import contextlib
import functools
import warnings

from framejit import _C
from framejit.autograd.grad_mode import no_grad

from . import config
from .utils import counters

compiled_autograd_enabled = False
in_compiled_autograd_region = False
_cache = {}  # (compiler, the tape's key) -> what the compiler made; None: the engine's
_forms = {}  # (compiler, names of nodes) -> how many forms of them were recorded
_current = (None, True)  # compiler, dynamic
_disabled = False


class _Compiler:
    """What the tape hands a pass to."""

    def __init__(self, compiler_fn):
        self.compiler_fn = compiler_fn
        try:
            hash(compiler_fn)
            self.identity = compiler_fn
        except TypeError:
            self.identity = id(compiler_fn)

    def __call__(self, roots, grads, wanted, keep):
        from . import _tape_graph

        try:
            walk = _tape_graph.Walk(roots, grads, wanted)
        except (_tape_graph.CannotRecord, RuntimeError):  # the engine does it, or says what is wrong
            counters["compiled_autograd"]["engine"] += 1
            return NotImplemented
        key = (self.identity, walk.key)
        if key not in _cache:
            _cache[key] = self._compiled(walk)
        compiled = _cache[key]
        if compiled is None:
            counters["compiled_autograd"]["engine"] += 1
            return NotImplemented
        found = _run(compiled, walk)
        if not keep:
            for done in walk.nodes:
                _C._node_release(done.node)
        return tuple(found)

    def _compiled(self, walk):
        from ._tape_graph import record

        form = (self.identity, walk.structure)
        _forms[form] = _forms.get(form, 0) + 1
        if _forms[form] > config.recompile_limit:
            warnings.warn(
                f"compiled autograd has recorded {config.recompile_limit} forms of one tape (sizes or numbers in it differ); "
                "further ones are left to the engine",
                RuntimeWarning,
                stacklevel=4,
            )
            return None
        try:
            module = record(walk)
        except Exception:  # what is wrong with the pass itself the engine says
            return None
        counters["compiled_autograd"]["captures"] += 1
        return self.compiler_fn(module)


def _run(compiled, walk):
    global in_compiled_autograd_region
    before, in_compiled_autograd_region = in_compiled_autograd_region, True
    try:
        with _disable(), no_grad():
            return compiled(walk.inputs, [], [], walk.objects, [])
    finally:
        in_compiled_autograd_region = before


@contextlib.contextmanager
def _switched(compiler_fn, dynamic):
    """`compiler_fn` in charge of backward passes inside; None: nobody."""
    global compiled_autograd_enabled, _current
    before, was_on = _current, compiled_autograd_enabled
    _current, compiled_autograd_enabled = (compiler_fn, dynamic), compiler_fn is not None
    engine = _C._set_backward_compiler(None if compiler_fn is None else _Compiler(compiler_fn))
    try:
        yield
    finally:
        _C._set_backward_compiler(engine)
        _current, compiled_autograd_enabled = before, was_on


@contextlib.contextmanager
def _enable(compiler_fn, dynamic=True, ignore_active_disable_ctx=True):
    """Inside, backward passes are recorded whole and given to a compiler.

    compiler_fn (callable): fx.GraphModule -> callable, for example `framejit.compile`. dynamic (bool): accepted; a graph
    holds for the sizes that it was recorded with. ignore_active_disable_ctx (bool): also within `_disable`. What cannot be
    recorded runs as without it.

    >>> import framejit
    >>> from framejit.dynamo import compiled_autograd
    >>> def compiler_fn(gm):
    ...     print([node.target.__name__ for node in gm.graph.nodes if node.op == "call_function"][-2:])
    ...     return framejit.compile(gm, fullgraph=True)
    >>> x = framejit.ones(2, requires_grad=True)
    >>> with compiled_autograd._enable(compiler_fn):
    ...     (x * x).sum().backward()
    ['add.Tensor', 'call_accumulate_grad']
    >>> x.grad
    tensor([2., 2.])
    """
    from . import _stance

    if not isinstance(dynamic, bool):
        raise AssertionError(f"Expected dynamic to be bool, got {type(dynamic)}")
    if _disabled and not ignore_active_disable_ctx or _stance._current.stance == "force_eager":
        yield
        return
    with _switched(compiler_fn, dynamic):
        yield


@contextlib.contextmanager
def _disable():
    """Inside, backward passes run as always."""
    global _disabled
    before, _disabled = _disabled, True
    try:
        with _switched(None, True):
            yield
    finally:
        _disabled = before


def around(compiled, settings):
    """A compiled function whose backward passes are recorded and compiled in the same way: `config.compiled_autograd`.

    compiled (callable). settings (dict): what `framejit.compile` was given.
    """
    import framejit

    options = {**settings, **config.compiled_autograd_kwargs_override}
    compiler_fn = functools.partial(framejit.compile, **options)

    @functools.wraps(compiled, updated=())
    def call(*args, **kwargs):
        with _enable(compiler_fn, ignore_active_disable_ctx=False):
            return compiled(*args, **kwargs)

    return call


def reset():
    """As in a new process: nothing is recorded, and what was is forgotten. Raises AssertionError within a recorded pass.

    >>> from framejit.dynamo import compiled_autograd
    >>> compiled_autograd.reset()
    """
    global compiled_autograd_enabled, _current
    if in_compiled_autograd_region:
        raise AssertionError("Cannot reset while in_compiled_autograd_region is True")
    compiled_autograd_enabled, _current = False, (None, True)
    _C._set_backward_compiler(None)
    _cache.clear()
    _forms.clear()
