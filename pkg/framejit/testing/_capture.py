"""Tests of a program's own: is this function captured whole, and is it not compiled again? See also `pytest_plugin`."""

import contextlib

from framejit import _C


class CaptureError(AssertionError):
    """A function was not captured as asserted; the text says where and why. An AssertionError.

    >>> import framejit
    >>> try:
    ...     framejit.testing.assert_no_break(print, "a")
    ... except CaptureError as error:
    ...     print(str(error).splitlines()[0])
    a
    print has 1 graph break(s):
    """


def _explained(fn, args, kwargs):
    from framejit.dynamo.explain import explain

    return explain(fn)(*args, **kwargs)


def assert_no_break(fn, *args, **kwargs):
    """Runs fn compiled and fails unless it was captured without a graph break. Gives the ExplainOutput.

    fn (callable): called with args and kwargs. Raises CaptureError, an AssertionError, with each break's place and
    reason, and what fn raises.

    >>> import framejit
    >>> assert_no_break(lambda x: x.sin() + 1, framejit.ones(2)).graph_count
    1
    """
    told = _explained(fn, args, kwargs)
    if told.graph_break_count:
        breaks = "\n".join(reason.text for reason in told.break_reasons)
        raise CaptureError(f"{_name(fn)} has {told.graph_break_count} graph break(s):\n{breaks}")
    return told


def assert_single_graph(fn, *args, **kwargs):
    """Runs fn compiled and fails unless it was captured as exactly one graph without a break. Gives the ExplainOutput.

    fn (callable): called with args and kwargs. Raises CaptureError, and what fn raises.

    >>> import framejit
    >>> assert_single_graph(lambda x: [x], framejit.ones(2))
    Traceback (most recent call last):
        ...
    framejit.testing._capture.CaptureError: <lambda> was captured as 0 graphs, not as one
    """
    told = assert_no_break(fn, *args, **kwargs)
    if told.graph_count != 1:
        raise CaptureError(f"{_name(fn)} was captured as {told.graph_count} graphs, not as one")
    return told


def assert_no_recompile(fn=None, *calls):
    """A block in which nothing may be compiled that has been compiled before; or one function, compiled and called
    with each of several tuples of arguments.

    fn (callable or None), *calls (tuples): the function and its calls. Raises CaptureError with the guards that
    failed. What is called for the first time may be compiled.

    >>> import framejit
    >>> f = framejit.compile(lambda x, n: x * n)
    >>> with assert_no_recompile():
    ...     _ = f(framejit.ones(2), True), f(framejit.zeros(2), True)
    >>> assert_no_recompile(lambda x: x + 1, (framejit.ones(2),), (framejit.ones(2, dtype=framejit.int64),))
    Traceback (most recent call last):
        ...
    framejit.testing._capture.CaptureError: compiled again:...
    """
    if fn is None:
        return _watch()
    from framejit._compile import compile

    compiled = compile(fn)
    with _watch():
        for arguments in calls:
            compiled(*arguments)


@contextlib.contextmanager
def _watch():
    from framejit.dynamo import utils

    before = {code: len(texts) for code, texts in utils.guard_failures.items()}
    limits = _C.counters()["limit_reached"]
    yield
    new = [
        f'{code.co_qualname} (File "{code.co_filename}", line {code.co_firstlineno}):{text}'
        for code, texts in utils.guard_failures.items()
        for text in texts[before.get(code, 0) :]
    ]
    if _C.counters()["limit_reached"] > limits:
        new.append("a function reached its recompile limit and runs uncompiled")
    if new:
        raise CaptureError("compiled again:\n" + "\n".join(new))


def _name(fn):
    return getattr(fn, "__qualname__", None) or type(fn).__name__
