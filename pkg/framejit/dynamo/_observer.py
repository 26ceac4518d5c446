"""What the extension asks and tells at each compilation: stance, switches, callbacks and counters meet here.

csrc/frame/observe.h describes the events.
"""

import sys
import time

from framejit import _C, _backends

from . import _stance, config, exc, utils
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
    code = info["code"]
    if info["segments"]:
        guard_failures[code].append(info["misses"])
        if config.error_on_recompile:
            raise exc.RecompileError(f"{_where(info)} is recompiled and error_on_recompile is set:{info['misses']}")
    counters["frames"]["total"] += 1
    now = time.time_ns() // 1000
    metrics = utils.CompilationMetrics(
        _compile_id(info), code.co_name, code.co_filename, code.co_firstlineno, info["segments"], now
    )
    metrics.recompile_reason = info.get("misses")
    callback_handler.run_start_callbacks(CallbackArgs(CallbackTrigger.DYNAMO, metrics.compile_id))
    _running.append(metrics)
    _trace_options(info, True)
    backend = _stance.forced_backend(info["backend"])
    if config.verify_correctness:
        return (_backends.verifying(backend),)
    return None if backend is info["backend"] else (backend,)


def _end(info):
    _count_aot()
    if _inner(info):
        return
    _trace_options(info, False)
    compile_id = _measure(info)
    if "reason" not in info and "framejit.dynamo.comptime" in sys.modules:
        sys.modules["framejit.dynamo.comptime"].forget()  # fullgraph has raised in its place
    try:
        if "reason" in info:
            _count(info)
    finally:
        callback_handler.run_end_callbacks(CallbackArgs(CallbackTrigger.DYNAMO, compile_id))


def _count(info):
    counters["frames"]["ok"] += 1
    if info["ops"]:
        counters["stats"]["calls_captured"] += info["ops"]
        counters["stats"]["unique_graphs"] += 1
    if info["reason"] is not None:
        if info["detail"].startswith(FORBIDDEN):
            raise AssertionError(info["detail"])
        counters["graph_break"][f"{info['reason']}: {info['detail']}".rstrip(": ")] += 1
        utils.graph_break_reasons.append((info["reason"], info["detail"], info["code"].co_filename, info["line"]))


_running = []  # metrics of compilations that have begun


def _measure(info):
    """Complete the metrics of the compilation that ends; gives its id, as it was at the start."""
    if not _running:
        return _compile_id(info)
    metrics = _running.pop()
    metrics.duration_us = time.time_ns() // 1000 - metrics.start_time_us
    if "reason" in info:
        metrics.guard_count, metrics.graph_op_count = info["guards"], info["ops"]
        metrics.num_graph_breaks = int(info["reason"] is not None)
    else:
        error = info.get("error")
        metrics.fail_type, metrics.fail_reason = type(error).__name__, str(error)
    utils._metrics.append(metrics)
    return metrics.compile_id


_before_trace = []


def _trace_options(info, begins):
    """options={"trace.enabled": True} prints the graph and what becomes of it while this function is compiled."""
    if not (info["options"] or {}).get("trace.enabled"):
        return
    if begins:
        _before_trace.append(config.log)
        config.log = ",".join(filter(None, (config.log, "graph", "passes", "loop")))
    else:
        config.log = _before_trace.pop()


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
