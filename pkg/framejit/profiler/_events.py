"""A profile's events, their averages and tables."""

import json
import os
import threading


class FunctionEvent:
    """One operator, run of a compiled graph, or named range. Times are in microseconds.

    >>> import framejit
    >>> with framejit.profiler.profile() as run:
    ...     y = framejit.ones(3).sin()
    >>> event = run.events()[-1]
    >>> event.name, event.count, event.cpu_time_total == event.time_range.elapsed_us()
    ('aten::sin', 1, True)
    """

    count = 1
    # Which node of the tape an operator makes, or a backward pass runs (-1: none), and where a node that is run was made.
    sequence_nr, fwd_thread = -1, 0

    def __init__(self, id, name, begin, end, memory=0, is_user_annotation=False, input_shapes=None, thread=0):
        self.id, self.name, self.key, self.thread = id, name, name, thread
        self.time_range = Interval(begin / 1000, end / 1000)
        self.is_user_annotation, self.input_shapes = is_user_annotation, input_shapes or []
        self.cpu_memory_usage = memory
        self.cpu_parent, self.cpu_children = None, []

    @property
    def cpu_time_total(self):
        return self.time_range.elapsed_us()

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self):
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self):
        return self.cpu_memory_usage - sum(child.cpu_memory_usage for child in self.cpu_children)

    def __repr__(self):
        return f"<FunctionEvent id={self.id} name={self.name} cpu_time={_time(self.cpu_time_total)}>"


class Interval:
    """Begin and end, in microseconds."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def elapsed_us(self):
        """end - start"""
        return self.end - self.start


class FunctionEventAvg:
    """Events of one key taken together: how many, and their times and memory in sum.

    >>> import framejit
    >>> with framejit.profiler.profile() as run:
    ...     for _ in range(3):
    ...         y = framejit.ones(3).sin()
    >>> [(a.key, a.count) for a in run.key_averages() if a.key == "aten::sin"]
    [('aten::sin', 3)]
    """

    def __init__(self, key, input_shapes=None):
        self.key, self.input_shapes = key, input_shapes or []
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.is_user_annotation = False

    def add(self, event):
        """Takes in one event, or another average; gives itself back."""
        self.count += event.count
        for name in ("cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage"):
            setattr(self, name, getattr(self, name) + getattr(event, name))
        self.is_user_annotation = event.is_user_annotation
        return self

    @property
    def cpu_time(self):
        return self.cpu_time_total / self.count if self.count else 0.0

    def __repr__(self):
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={_time(self.self_cpu_time_total)} "
            f"cpu_time={_time(self.cpu_time)} calls={self.count}>"
        )


# PyTorch's names of what tables are sorted by.
_SORTS = (
    "count",
    "cpu_time",
    "cpu_time_total",
    "self_cpu_time_total",
    "cpu_memory_usage",
    "self_cpu_memory_usage",
)


class EventList(list):
    """Events, or averages of them.

    >>> import framejit
    >>> with framejit.profiler.profile() as run:
    ...     y = framejit.ones(3).sin()
    >>> "aten::sin" in run.key_averages().table(sort_by="cpu_time_total", row_limit=5)
    True
    """

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """Averages of the events of one name each (and one set of input sizes, if asked for).

        group_by_input_shape (bool); group_by_stack_n, group_by_overload_name: accepted, without effect.

        >>> import framejit
        >>> with framejit.profiler.profile() as run:
        ...     y = framejit.ones(3).sin()
        >>> run.events().key_averages()[-1].key
        'aten::sin'
        """
        found = {}
        for event in self:
            shapes = event.input_shapes if group_by_input_shape else []
            entry = found.setdefault((event.key, str(shapes)), FunctionEventAvg(event.key, shapes))
            entry.add(event)
        return EventList(found.values())

    def total_average(self):
        """All of them as one.

        >>> import framejit
        >>> with framejit.profiler.profile() as run:
        ...     y = framejit.ones(3).sin()
        >>> run.events().total_average().count == len(run.events())
        True
        """
        total = FunctionEventAvg("Total")
        for event in self:
            total.add(event)
        return total

    @property
    def self_cpu_time_total(self):
        return sum(event.self_cpu_time_total for event in self)

    def table(self, sort_by=None, row_limit=100, max_src_column_width=75, max_name_column_width=55,
              max_shapes_column_width=80, header=None, top_level_events_only=False, time_unit=None):  # fmt: skip
        """A text table, one row an event.

        sort_by (str or None): one of cpu_time, cpu_time_total, self_cpu_time_total, cpu_memory_usage,
        self_cpu_memory_usage, count; row_limit (int), -1: all; max_name_column_width, max_shapes_column_width (int or
        None); header (str or None); top_level_events_only (bool). Raises AttributeError for another sort_by.

        >>> import framejit
        >>> with framejit.profiler.profile() as run:
        ...     y = framejit.ones(3).sin()
        >>> print(run.events().table().splitlines()[1].split()[0])
        Name
        """
        events = [e for e in self if not top_level_events_only or getattr(e, "cpu_parent", None) is None]
        if sort_by is not None:
            if sort_by not in _SORTS:
                raise AttributeError(f"sort_by must be one of {', '.join(_SORTS)}, got {sort_by!r}")
            events.sort(key=lambda event: getattr(event, sort_by), reverse=True)
        if row_limit >= 0:
            events = events[:row_limit]
        return _table(events, self.self_cpu_time_total, header, max_name_column_width, max_shapes_column_width)

    def __str__(self):
        return self.table()

    def export_chrome_trace(self, path):
        """Writes the events as Chrome's trace format, which its about:tracing page and Perfetto show.

        path (str). Raises OSError where it cannot be written.

        >>> import framejit, json, tempfile
        >>> with framejit.profiler.profile() as run:
        ...     y = framejit.ones(3).sin()
        >>> with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        ...     run.events().export_chrome_trace(file.name)
        ...     json.load(file)["traceEvents"][-1]["name"]
        'aten::sin'
        """
        events = [
            {
                "ph": "X",
                "cat": "user_annotation" if event.is_user_annotation else "cpu_op",
                "name": event.name,
                "pid": os.getpid(),
                "tid": event.thread,
                "ts": event.time_range.start,
                "dur": event.cpu_time_total,
                "args": {"Input Dims": event.input_shapes} if event.input_shapes else {},
            }
            for event in self
        ]
        with open(path, "w") as file:
            json.dump({"schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": events}, file)


def _time(us):
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:.3f}{unit}"
    return f"{us:.3f}us"


def _memory(nbytes):
    for unit, size in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if abs(nbytes) >= size:
            return f"{nbytes / size:.2f} {unit}"
    return f"{nbytes} b"


def _cut(text, width):
    return text if width is None or len(text) <= width else text[: width - 3] + "..."


def _table(events, total, header, name_width, shapes_width):
    share = lambda part: f"{100 * part / total:.2f}%" if total else "0.00%"  # noqa: E731
    titles = [
        "Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "CPU Mem", "Self CPU Mem",
        "# of Calls",
    ]  # fmt: skip
    with_shapes = any(event.input_shapes for event in events)
    rows = []
    for e in events:
        rows.append([
            _cut(e.key, name_width), share(e.self_cpu_time_total), _time(e.self_cpu_time_total),
            share(e.cpu_time_total), _time(e.cpu_time_total), _time(e.cpu_time), _memory(e.cpu_memory_usage),
            _memory(e.self_cpu_memory_usage), str(e.count),
        ])  # fmt: skip
        if with_shapes:
            rows[-1].append(_cut(str(e.input_shapes), shapes_width))
    titles += ["Input Shapes"] if with_shapes else []
    widths = [max(map(len, column)) for column in zip(titles, *rows)]
    line = "  ".join("-" * width for width in widths)
    text = [] if header is None else ["=" * len(line), header]
    text.append(line)
    for row in [titles, None, *rows]:
        text.append(line if row is None else "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths)))
    return "\n".join([*text, line, f"Self CPU time total: {_time(total)}", ""])


def from_records(records):
    """Events of what the native recorder gives."""
    thread, events = threading.get_ident(), EventList()
    for i, (name, begin, end, parent, memory, ranged, shapes, sequence) in enumerate(records):
        event = FunctionEvent(i, name, begin, end, memory, ranged, shapes, thread)
        event.sequence_nr = sequence
        if name.startswith("autograd::engine::evaluate_function: "):
            event.fwd_thread = thread
        if parent >= 0:
            event.cpu_parent = events[parent]
            event.fwd_thread = event.fwd_thread or events[parent].fwd_thread
            events[parent].cpu_children.append(event)
        events.append(event)
    return events
