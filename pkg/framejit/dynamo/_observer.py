"""What the extension asks and tells at each compilation: stance, switches, callbacks and counters meet here.

csrc/frame/observe.h describes the events.
"""

import sys

from framejit import _C, _backends

from . import _stance, config, exc
from .callback import CallbackArgs, CallbackTrigger, callback_handler
from .in_graph import FORBIDDEN
from .utils import counters, guard_failures

_frame_ids = {}  # code object -> number, kept until reset()


def observe(event, info):
    """Called by the extension."""
    return _EVENTS[event](info)


def reset():
    """Number functions from 0 again."""
    _frame_ids.clear()


def _inner(info):
    """Whether a back end compiles what it was given: that belongs to the compilation of the graph."""
    return info["name"] == _backends.INNER


def _compile_id(info):
    frame = _frame_ids.setdefault((info["code"], info["offset"]), len(_frame_ids))
    return f"{frame}/{info['segments']}"


def _begin(info):
    if _inner(info):
        return None
    if not _stance.may_compile(info):
        return False
    if info["segments"]:
        guard_failures[info["code"]].append(info["misses"])
        if config.error_on_recompile:
            raise exc.RecompileError(f"{_where(info)} is recompiled and error_on_recompile is set:{info['misses']}")
    counters["frames"]["total"] += 1
    args = CallbackArgs(CallbackTrigger.DYNAMO, _compile_id(info))
    callback_handler.run_start_callbacks(args)
    _under_way.append(args)
    backend = _stance.forced_backend(info["backend"])
    if config.verify_correctness:
        return (_backends.verifying(backend),)
    return None if backend is info["backend"] else (backend,)


def _end(info):
    _count_aot()
    if _inner(info):
        return
    if "reason" not in info and "framejit.dynamo.comptime" in sys.modules:
        sys.modules["framejit.dynamo.comptime"].forget()  # fullgraph has raised in its place
    if "reason" in info:
        counters["frames"]["ok"] += 1
        if info["ops"]:
            counters["stats"]["calls_captured"] += info["ops"]
            counters["stats"]["unique_graphs"] += 1
        if info["reason"] is not None:
            if info["detail"].startswith(FORBIDDEN):
                callback_handler.run_end_callbacks(CallbackArgs(CallbackTrigger.DYNAMO, _compile_id(info)))
                raise AssertionError(f"{info['detail']} was to be compiled")
            counters["graph_break"][f"{info['reason']}: {info['detail']}".rstrip(": ")] += 1
    # what was told at the start: the function has one segment more by now
    callback_handler.run_end_callbacks(
        _under_way.pop() if _under_way else CallbackArgs(CallbackTrigger.DYNAMO, _compile_id(info))
    )


def _guards(info):
    """Which guards a function of the options keeps."""
    from framejit.compiler._guards import GuardFilterEntry

    entries = [GuardFilterEntry(*row[:6]) for row in info["rows"]]
    keep = info["options"]["guard_filter_fn"](entries)
    if len(keep) != len(entries):
        raise exc.UserError(
            exc.UserErrorType.INVALID_OUTPUT,
            f"guard_filter_fn must return a bool for each of {len(entries)} guards, but returned {len(keep)}",
        )
    return [bool(k) for k in keep]


def _limit(info):
    if config.fail_on_recompile_limit_hit or info["fullgraph"]:
        raise exc.FailOnRecompileLimitHit(info["text"])


def _where(info):
    code = info["code"]
    return f'{info["name"]} (File "{code.co_filename}", line {code.co_firstlineno})'


_under_way = []  # what the callbacks were told of compilations that have not ended
_seen = {}


def _count_aot():
    """Move what the extension has counted to `counters`."""
    now = _C._compiler_stats()
    for name in ("aot_ok", "aot_not_ok"):
        new = now[name] - _seen.get(name, 0)
        if new:
            counters["aot_autograd"]["total"] += new
            counters["aot_autograd"][name.removeprefix("aot_")] += new
        _seen[name] = now[name]


_EVENTS = {"begin": _begin, "end": _end, "guards": _guards, "limit": _limit}
