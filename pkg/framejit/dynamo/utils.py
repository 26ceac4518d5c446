"""Counters of what was compiled, and comparison of results."""

from collections import Counter

from framejit import _C
from framejit._functions import isclose


class _Counters:
    """PyTorch's counters, read from the extension's: `counters["frames"]["ok"]` and so on."""

    def __init__(self):
        self._start = {}

    def _now(self):
        values = _C.counters()
        return {name: value - self._start.get(name, 0) for name, value in values.items() if isinstance(value, int)}

    def __getitem__(self, key):
        now = self._now()
        tables = {
            "frames": {"total": now.get("traces", 0), "ok": now.get("traces", 0) - now.get("fallbacks", 0)},
            "stats": {"unique_graphs": now.get("graphs", 0), "calls_captured": now.get("ops", 0)},
            "graph_break": {"": now.get("breaks", 0)},
        }
        return Counter({name: value for name, value in tables.get(key, {}).items() if value})

    def clear(self):
        """Count from here."""
        self._start = {name: value for name, value in _C.counters().items() if isinstance(value, int)}

    def __repr__(self):
        return repr({key: dict(self[key]) for key in ("frames", "stats", "graph_break")})


counters = _Counters()


def statistics(compiled=None):
    """What compiling has done in this process: graphs, breaks, guards, kernels, compile_ms.

    With a compiled function, graphs, breaks and guards are that function's alone.
    """
    calls, compiler = _C.counters(), _C._compiler_stats()
    result = {
        "graphs": calls["graphs"],
        "breaks": calls["breaks"],
        "guards": calls["guards"],
        "kernels": compiler["kernels"],
        "compile_ms": compiler["compile_ns"] / 1e6,
    }
    if hasattr(compiled, "_entries"):
        entries = compiled._entries()
        result["graphs"] = sum(1 for entry in entries if entry["ops"])
        result["breaks"] = sum(map(is_break, entries))
        result["guards"] = sum(len(entry["guards"]) for entry in entries)
    return result


def is_break(entry):
    """Whether an entry of a compiled function ends in a graph break."""
    return entry["reason"] is not None


def same(a, b, *, tol=1e-4, equal_nan=False):
    """Whether two results are equal up to a tolerance, in structure too."""
    if isinstance(a, _C.Tensor):
        if not isinstance(b, _C.Tensor) or a.shape != b.shape or a.dtype != b.dtype:
            return False
        if not a.is_floating_point():
            return bool((a == b).all())
        return bool(isclose(a, b, rtol=tol, atol=tol, equal_nan=equal_nan).all())
    if isinstance(a, (list, tuple)):
        return (
            type(a) is type(b)
            and len(a) == len(b)
            and all(same(x, y, tol=tol, equal_nan=equal_nan) for x, y in zip(a, b))
        )
    if isinstance(a, dict):
        return (
            isinstance(b, dict)
            and a.keys() == b.keys()
            and all(same(a[key], b[key], tol=tol, equal_nan=equal_nan) for key in a)
        )
    return a == b
