"""Calls that no graph can hold: they run at their place, and the frame stays one piece of several graphs."""

import asyncio
import contextvars
import io
import json
import logging
import os
import random
import sys
import threading
import time
import warnings

import framejit as fj

from . import case

TITLE = "Call-outs"
_logger = logging.getLogger("framejit.constructs")
_variable = contextvars.ContextVar("v", default=3)


@case(call_out=True)
def print_(x):
    y = x + 1
    print("dim", y.dim())
    y = y * 2
    print("end", end="!")
    return y


@case(call_out=True)
def print_in_called_function(x):
    def show(t):
        t = t + 1
        print("shown", t.shape[0])
        return t * 2

    return show(x) - show(x + 1)


@case(call_out=True)
def print_in_loop(x):
    for i in range(3):
        x = x + i
        print(i)
    return x


@case(call_out=True)
def print_of_tensor(x):
    y = x + 1
    print(y)
    return y * 2, f"{y}"


@case(call_out=True)
def print_in_try_and_with(x):
    try:
        with fj.no_grad():
            y = x + 1
            print("in")
            y = y * 2
    finally:
        print("out")
    return y


@case(call_out=True)
def logging_(x):
    y = x + 1
    _logger.debug("nothing %s", y)
    return y * 2


@case(call_out=True)
def warnings_warn(x):
    y = x + 1
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    return y * 2, len(seen)


@case(call_out=True)
def time_(x):
    began = time.perf_counter()
    y = x + 1
    return y * 2, time.perf_counter() >= began


@case(call_out=True)
def open_file(x):
    y = x + 1
    with open(os.devnull) as f:
        text = f.read()
    return y * 2, text


@case(call_out=True)
def string_io(x):
    out = io.StringIO()
    out.write("ab")
    print("c", file=out)
    return x + 1, out.getvalue()


@case(call_out=True)
def random_(x):
    random.seed(5)
    y = x * random.random()
    return y + random.randint(1, 6), random.choice([1, 2, 3])


@case(call_out=True)
def item_and_tolist(x):
    y = x.sum().item()
    z = x * y
    return z + x[0].tolist()[1], float(x[0, 0]), int(x[1, 1])


@case(call_out=True)
def branch_on_tensor(x):
    if x.sum() > 3:
        y = x + 1
    else:
        y = x - 1
    return y * 2


@case(call_out=True)
def while_on_tensor(x):
    while x.sum() < 100:
        x = x * 2
    return x + 1


@case(call_out=True)
def environment(x):
    return x + len(os.environ.get("FRAMEJIT_NO_SUCH_NAME", "ab")), os.getcwd() is not None, sys.getrecursionlimit() > 5


@case(call_out=True)
def thread(x):
    out = []
    t = threading.Thread(target=lambda: out.append(1))
    t.start()
    t.join()
    return x + len(out)


@case(call_out=True)
def lock(x):
    with threading.Lock():
        y = x + 1
    return y * 2


@case(call_out=True)
def context_variable(x):
    token = _variable.set(5)
    y = x * _variable.get()
    _variable.reset(token)
    return y + _variable.get()


async def _wait(t):
    await asyncio.sleep(0)
    return t * 2


@case(call_out=True)
def coroutine_run(x):
    async def main():
        a = await _wait(x)
        async with _Async():
            b = await _wait(a + 1)
        return b + sum([i async for i in _numbers()])

    return asyncio.run(main()) + 1


class _Async:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *a):
        return False


async def _numbers():
    for i in range(3):
        yield i


@case(call_out=True)
def coroutine_by_hand(x):
    async def f():
        return x * 2

    c = f()
    try:
        c.send(None)
    except StopIteration as e:
        return e.value + 1


@case(call_out=True)
def json_file(x):
    out = io.StringIO()
    json.dump({"a": 1}, out)
    return x + 1, out.getvalue()


@case(call_out=True)
def frame_looked_at(x):
    y = x + 1
    name = sys._getframe().f_code.co_name
    return y * 2, name, sorted(locals())


@case(call_out=True)
def exec_(x):
    space = {"x": x}
    exec("y = x + 1", space)
    return space["y"] * 2


@case(call_out=True)
def unknown_native_object(x):
    o = memoryview(b"abc")
    return x + o[0], o.nbytes


@case(call_out=True)
def id_and_sys_state(x):
    return x + (id(x) == id(x)), sys.version_info >= (3, 11)


@case(call_out=True)
def tensor_data_through_numpy(x):
    try:
        a = x.numpy()
    except ImportError:
        return x + 1
    return x + float(a.sum())
