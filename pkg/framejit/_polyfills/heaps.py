"""heapq and bisect: the pure Python versions that these modules hold themselves, without their C replacements."""

import bisect
import heapq
import importlib.util
import sys


def _without(name, c_module):
    """A private copy of a module of the standard library that does not find its C part."""
    spec = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    kept = sys.modules.get(c_module)
    sys.modules[c_module] = None
    try:
        spec.loader.exec_module(module)
    finally:
        if kept is None:
            del sys.modules[c_module]
        else:
            sys.modules[c_module] = kept
    return module


_heapq = _without("heapq", "_heapq")
_bisect = _without("bisect", "_bisect")


def _pairs(real, python, names):
    return {
        getattr(real, n): getattr(python, n) for n in names if getattr(real, n, None) is not getattr(python, n, None)
    }


SUBSTITUTES = {
    **_pairs(
        heapq,
        _heapq,
        (
            "heapify",
            "heappush",
            "heappop",
            "heapreplace",
            "heappushpop",
            "_heapify_max",
            "_heappop_max",
            "_heapreplace_max",
        ),
    ),
    **_pairs(bisect, _bisect, ("bisect_left", "bisect_right", "insort_left", "insort_right")),
}
