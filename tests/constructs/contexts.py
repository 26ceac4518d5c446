"""with, contextlib."""

import contextlib
import io

import framejit as fj

from . import case

TITLE = "Context managers"


class _Manager:
    def __init__(self, log, swallow=False):
        self.log, self.swallow = log, swallow

    def __enter__(self):
        self.log.append("enter")
        return self

    def __exit__(self, kind, value, tb):
        self.log.append(kind.__name__ if kind else None)
        return self.swallow


@case
def with_(x, log):
    with _Manager(log) as m:
        y = x + 1
        m.log.append("body")
    return y * 2


@case
def with_swallows(x, log):
    with _Manager(log, swallow=True):
        y = x + 1
        raise ValueError
    return y * 2


@case
def with_passes_exception(x, log):
    try:
        with _Manager(log):
            raise KeyError("k")
    except KeyError:
        return x + 1


@case
def with_several(x, log):
    with _Manager(log) as a, _Manager(a.log):
        y = x + 1
    with (
        _Manager(log) as a,
        _Manager(log, True) as b,
    ):
        y = y * 2
        raise KeyError(a is b)
    return y


@case
def with_return_and_break(x, log):
    for i in range(3):
        with _Manager(log):
            if i == 1:
                break
            x = x + 1

    def f():
        with _Manager(log):
            return x * 2

    return f()


@contextlib.contextmanager
def _managed(log, k):
    log.append(("start", k))
    try:
        yield k * 2
    except ValueError:
        log.append("swallowed")
    finally:
        log.append("end")


@case
def contextmanager(x, log):
    with _managed(log, 3) as k:
        y = x * k
    return y + 1


@case
def contextmanager_swallows(x, log):
    with _managed(log, 3):
        y = x + 1
        raise ValueError("gone")
    return y * 2


@case
def contextmanager_raises(x, log):
    try:
        with _managed(log, x):
            raise KeyError("k")
    except KeyError:
        return x + 1


@case
def contextmanager_inside(x):
    k = 1

    @contextlib.contextmanager
    def more():
        nonlocal k
        k = 5
        yield
        k = 1

    with more():
        y = x * k
    return y + k


@case
def contextmanager_as_decorator(x, log):
    @_managed(log, 2)
    def f(t):
        return t * 3

    return f(x) + 1


@case
def suppress(x):
    with contextlib.suppress(KeyError, ValueError):
        x = x + 1
        {}["a"]
        x = x * 100
    return x * 2


@case
def nullcontext(x):
    with contextlib.nullcontext(5) as k:
        y = x * k
    return y + 1


class _Closable:
    def __init__(self, log):
        self.log = log

    def close(self):
        self.log.append("closed")


@case
def closing(x, log):
    with contextlib.closing(_Closable(log)) as c:
        y = x + 1
        c.log.append("open")
    return y * 2


@case
def exit_stack(x, log):
    with contextlib.ExitStack() as stack:
        a = stack.enter_context(_Manager(log))
        stack.callback(log.append, "called back")
        stack.push(_Manager(log, swallow=True))
        y = x + len(a.log)
        raise ValueError
    return y * 2


@case
def exit_stack_empty_and_pop_all(x, log):
    with contextlib.ExitStack() as stack:
        stack.callback(log.append, 1)
        kept = stack.pop_all()
    kept.close()
    return x + len(log)


class _Decor(contextlib.ContextDecorator):
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append("in")

    def __exit__(self, *a):
        self.log.append("out")


@case
def context_decorator(x, log):
    @_Decor(log)
    def f(t):
        return t + 1

    return f(f(x))


@case
def no_grad(x):
    w = fj.ones(3, requires_grad=True)
    with fj.no_grad():
        y = x * w
        assert not fj.is_grad_enabled()
    z = y + w
    return y.requires_grad, z.requires_grad, z.detach()


@case
def no_grad_as_decorator(x):
    @fj.no_grad()
    def f(t):
        return t * 2, fj.is_grad_enabled()

    return f(x), fj.is_grad_enabled()


@case
def redirect_stdout(x):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        y = x + 1
        print("hidden")
    return y * 2, out.getvalue()


@case
def not_a_manager_caught(x):
    try:
        with 5:
            pass
    except TypeError as e:
        return x + 1, "context manager" in str(e)
