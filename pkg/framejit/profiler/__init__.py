"""Where a program's time goes: which operators ran, how long, with which sizes and how much memory.

`profile` records what one thread executes: operators outside compiled graphs by PyTorch's names (`aten::mm`), runs of
compiled graphs as one event each (`CompiledGraph`, `CompiledGraphBackward`), and the ranges that `record_function`
names.

>>> import framejit
>>> from framejit.profiler import profile, record_function
>>> with profile() as run:
...     with record_function("my part"):
...         y = framejit.ones(100, 100) @ framejit.ones(100, 100)
>>> [event.name for event in run.events() if event.name in ("my part", "aten::mm")]
['my part', 'aten::mm']
"""

from framejit.profiler._events import EventList, FunctionEvent, FunctionEventAvg
from framejit.profiler._profile import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

__all__ = [
    "EventList",
    "FunctionEvent",
    "FunctionEventAvg",
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


def kineto_available():
    """False: events come from framejit itself, not from PyTorch's Kineto library.

    >>> import framejit
    >>> framejit.profiler.kineto_available()
    False
    """
    return False
