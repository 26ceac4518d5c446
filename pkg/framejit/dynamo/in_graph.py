"""What a program says about its functions, for the compiler."""

import functools
import inspect
import types

from framejit import _C
from framejit._regions import Region

from . import exc


def _each(name, fn, mark):
    """Applies a mark to one function or to each of several."""
    if isinstance(fn, (list, tuple)):
        return [_each(name, x, mark) for x in fn]
    if not callable(fn):
        raise TypeError(f"{name}: expected a callable, but got {type(fn).__name__}")
    mark(fn)
    return fn


_allowed = {}  # id -> function, of allow_in_graph


def allow_in_graph(fn):
    """Keeps what a function does together: one node in the graphs that back ends written in Python get. Gives fn back.

    fn (callable, or a list or tuple of them): what is no Python function is allowed already. framejit captures
    functions by interpreting them, so where fn does something that cannot be captured the graph breaks all the same.
    Raises TypeError for what cannot be called.

    >>> import framejit
    >>> def softly(x):
    ...     return x.sigmoid() * x
    >>> counter = framejit.dynamo.testing.CompileCounter()
    >>> f = framejit.compile(lambda x: softly(x) + 1, backend=counter)
    >>> _ = allow_in_graph(softly); _ = f(framejit.ones(2))
    >>> counter.op_count
    2
    """
    return _each("allow_in_graph", fn, _allow)


def _allow(fn):
    if not isinstance(fn, types.FunctionType):
        _C._substitute(fn, None)
        return
    body = types.FunctionType(fn.__code__, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
    body.__kwdefaults__ = fn.__kwdefaults__
    region = Region(f"{fn.__module__}.{fn.__qualname__}", as_module=True)

    def together(*args, **kwargs):
        return region(body, *args, **kwargs)

    _allowed[id(fn)] = fn
    _C._substitute(fn, together)


def disallow_in_graph(fn):
    """Ends the graph before each call of an op, or of a function that was allowed; CPython makes the call. Gives fn
    back.

    fn (callable, or a list or tuple of them): such a function. What has been compiled already stays. Raises
    exc.IncorrectUsage for other functions (`disable` is for those), TypeError for what cannot be called.

    >>> import framejit
    >>> _ = disallow_in_graph(framejit.sub)
    >>> explained = framejit.dynamo.explain(lambda x: framejit.sub(x + 1, 2) * 3)(framejit.ones(2))
    >>> explained.graph_count, explained.graph_break_count
    (2, 1)
    >>> _ = allow_in_graph(framejit.sub)
    """
    return _each("disallow_in_graph", fn, _disallow)


def _disallow(fn):
    if isinstance(fn, types.FunctionType) and id(fn) not in _allowed and not fn.__module__.startswith("framejit."):
        raise exc.IncorrectUsage(
            "disallow_in_graph is expected to be used on an already allowed callable (such as an op of framejit). Allowed "
            "callables are those that the compiler puts into graphs as they are."
        )
    _allowed.pop(id(fn), None)
    _C._substitute(fn, _breaker(fn, ""))


def _breaker(fn, prefix):
    """A function that capture breaks at, under the name of another."""

    def breaker(*args, **kwargs):
        pass

    name = prefix + getattr(fn, "__qualname__", type(fn).__name__)
    breaker.__code__ = breaker.__code__.replace(co_name=name, co_qualname=name)
    breaker._framejit_disable = True
    return breaker


FORBIDDEN = "Attempt to trace forbidden callable "


def forbid_in_graph(fn):
    """Makes it an error to capture a call of fn: AssertionError where such a function is compiled. Gives fn back.

    fn (callable, or a list or tuple of them): the function. Raises TypeError for what cannot be called.

    >>> import framejit
    >>> @forbid_in_graph
    ... def by_hand():
    ...     pass
    >>> framejit.compile(lambda x: by_hand())(framejit.ones(2))
    Traceback (most recent call last):
        ...
    AssertionError: Attempt to trace forbidden callable by_hand()
    """
    return _each("forbid_in_graph", fn, lambda fn: _C._substitute(fn, _breaker(fn, FORBIDDEN)))


def assume_constant_result(fn):
    """Promises that a function always gives the same result: it is called once, while its caller is compiled. Gives fn
    back.

    fn (callable, or a list or tuple of them): not captured itself, it may do anything; the result belongs to what was
    compiled. Its arguments must be known then: arguments of the compiled function, or what does not depend on tensors'
    data. Raises TypeError for what cannot be called.

    >>> import framejit
    >>> @assume_constant_result
    ... def threshold(x):
    ...     return x.max().item()
    >>> f = framejit.compile(lambda x: x / threshold(x), fullgraph=True)
    >>> f(framejit.tensor([1.0, 2.0])).tolist(), f(framejit.tensor([4.0, 8.0])).tolist()
    ([0.5, 1.0], [2.0, 4.0])
    """
    return _each("assume_constant_result", fn, _assume_constant)


def _assume_constant(fn):
    function = fn.__func__ if isinstance(fn, types.MethodType) else fn
    function._dynamo_marked_constant = True
    function._framejit_directive = "constant"


_substituted = {}  # id of the original -> (original, substitute)


def substitute_in_graph(original_fn, *, can_constant_fold_through=False, skip_signature_check=False):
    """A decorator: captured code that calls original_fn is captured as calling the decorated Python function.

    original_fn (function): one written in C, or a Python one that cannot be captured. can_constant_fold_through
    (bool): accepted. skip_signature_check (bool): do not compare the parameters of the two. What the decorator gives
    back calls original_fn. Raises TypeError if either is no function or their signatures differ, ValueError if
    original_fn has a substitute already.

    >>> import binascii, framejit
    >>> @substitute_in_graph(binascii.crc32, skip_signature_check=True)
    ... def crc32(data, value=0):
    ...     return len(data)
    >>> f = framejit.compile(lambda x: x + binascii.crc32(b"abc"), fullgraph=True)
    >>> f(framejit.zeros(1)).tolist()
    [3.0]
    """
    if not callable(original_fn) or isinstance(original_fn, type):
        raise TypeError(f"substitute_in_graph expects a function but got {type(original_fn).__name__}")

    def decorate(traceable_fn):
        if not isinstance(traceable_fn, types.FunctionType):
            raise TypeError(f"@substitute_in_graph(...) expects a function but got {type(traceable_fn).__name__}")
        if not skip_signature_check:
            _check_signatures(original_fn, traceable_fn)
        if id(original_fn) in _substituted:
            raise ValueError(f"{original_fn} has a substitute already")
        _substituted[id(original_fn)] = (original_fn, traceable_fn)
        _C._substitute(original_fn, traceable_fn)

        @functools.wraps(original_fn)
        def wrapped(*args, **kwargs):
            return original_fn(*args, **kwargs)

        wrapped._framejit_substitute = traceable_fn
        return wrapped

    return decorate


def _check_signatures(original, traceable):
    """The two must take the same arguments, as far as the original says what it takes."""
    try:
        theirs = inspect.signature(original)
    except (TypeError, ValueError):
        return
    ours = inspect.signature(traceable)
    if [(p.name, p.kind) for p in theirs.parameters.values()] != [(p.name, p.kind) for p in ours.parameters.values()]:
        raise TypeError(f"Signature mismatch between {original} and {traceable}: {theirs} != {ours}")
