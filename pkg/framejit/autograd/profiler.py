"""The older form of `framejit.profiler`: one context manager, whose events are there afterwards.

>>> import framejit
>>> with framejit.autograd.profiler.profile() as run:
...     y = framejit.ones(3).sin()
>>> run.function_events[-1].name
'aten::sin'
"""

from framejit.profiler import _switch
from framejit.profiler._events import EventList, FunctionEvent, FunctionEventAvg
from framejit.profiler._profile import record_function

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "emit_itt", "emit_nvtx", "profile", "record_function"]


class profile:
    """Records what the calling thread executes inside the block.

    enabled (bool): False, nothing is done; record_shapes (bool): sizes of the operators' inputs; use_cuda, use_device,
    with_flops, profile_memory, with_stack, with_modules, use_kineto, use_cpu, experimental_config, acc_events: accepted.
    Raises RuntimeError (profiler context manager is not reentrant) when it is entered again, and where a profile is
    going on already.

    >>> import framejit
    >>> with framejit.autograd.profiler.profile(record_shapes=True) as run:
    ...     y = framejit.ones(3).sin()
    >>> [average.key for average in run.key_averages(group_by_input_shape=True)][-1]
    'aten::sin'
    """

    def __init__(self, enabled=True, *, use_cuda=False, use_device=None, record_shapes=False, with_flops=False,
                 profile_memory=False, with_stack=False, with_modules=False, use_kineto=False, use_cpu=True,
                 experimental_config=None, acc_events=False):  # fmt: skip
        self.enabled, self.record_shapes, self.entered, self.function_events = enabled, record_shapes, False, None

    def __enter__(self):
        if self.enabled:
            if self.entered:
                raise RuntimeError("profiler context manager is not reentrant")
            _switch.start(self.record_shapes)
            self.entered = True
        return self

    def __exit__(self, kind, error, traceback):
        if self.enabled:
            self.function_events = _switch.stop()
        return False

    def _events(self):
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """EventList.key_averages of the events."""
        return self._events().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def total_average(self):
        """EventList.total_average of the events."""
        return self._events().total_average()

    def table(self, sort_by=None, row_limit=100, **options):
        """EventList.table of the events."""
        return self._events().table(sort_by, row_limit, **options)

    def export_chrome_trace(self, path):
        """EventList.export_chrome_trace of the events."""
        return self._events().export_chrome_trace(path)

    @property
    def self_cpu_time_total(self):
        return self._events().self_cpu_time_total

    def __repr__(self):
        return "<unfinished framejit.autograd.profile>" if self.function_events is None else repr(self.function_events)

    def __str__(self):
        return "<unfinished framejit.autograd.profile>" if self.function_events is None else str(self.function_events)


class _NoTool:
    def __init__(self, enabled=True, record_shapes=False):
        self.enabled = enabled

    def __enter__(self):
        if self.enabled:
            raise RuntimeError(f"{type(self).__name__}: framejit cannot tell this tool of its operators")
        return self

    def __exit__(self, kind, error, traceback):
        return False


class emit_nvtx(_NoTool):
    """Ranges for NVIDIA's tools, which there are none of.

    enabled (bool), record_shapes (bool). Entering raises RuntimeError unless it is not enabled.

    >>> import framejit
    >>> with framejit.autograd.profiler.emit_nvtx(enabled=False):
    ...     pass
    """


class emit_itt(_NoTool):
    """Ranges for Intel's tools, which there are none of.

    enabled (bool), record_shapes (bool). Entering raises RuntimeError unless it is not enabled.

    >>> import framejit
    >>> with framejit.autograd.profiler.emit_itt(enabled=False):
    ...     pass
    """
