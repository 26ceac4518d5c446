"""Recording: when, and what happens with the events."""

import contextlib
import enum
import functools
import os
import socket
import time

from framejit import _C
from framejit.profiler import _switch


class ProfilerActivity(enum.Enum):
    """What may be recorded; here it is the CPU.

    >>> import framejit
    >>> framejit.profiler.ProfilerActivity.CPU in framejit.profiler.supported_activities()
    True
    """

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a schedule says of a step: nothing, warming up, recording, or recording its last one.

    >>> import framejit
    >>> framejit.profiler.schedule(wait=1, warmup=0, active=1)(1).name
    'RECORD_AND_SAVE'
    """

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities():
    """{ProfilerActivity.CPU}

    >>> import framejit
    >>> framejit.profiler.supported_activities()
    {<ProfilerActivity.CPU: 0>}
    """
    return {ProfilerActivity.CPU}


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """Which steps are recorded: skip_first are not, then rounds of wait, warmup and active steps follow.

    wait, warmup, active (int), repeat (int; 0: as long as there are steps), skip_first, skip_first_wait (int: 1, the
    first round does not wait). Raises ValueError unless all are at least 0 and active is at least 1.

    >>> import framejit
    >>> plan = framejit.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active < 1:
        raise ValueError("wait, warmup, repeat and skip_first must be at least 0, active at least 1")

    def action(step):
        if step < 0:
            raise ValueError(f"a step is at least 0, got {step}")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait != 0:
            step += wait
        size = wait + warmup + active
        if repeat > 0 and step // size >= repeat:
            return ProfilerAction.NONE
        place = step % size
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < size - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def tensorboard_trace_handler(dir_name, worker_name=None, use_gzip=False):
    """An `on_trace_ready` that writes each trace into a folder, under a name of its own.

    dir_name (str), worker_name (str or None), use_gzip (bool). What it makes raises OSError where it cannot be written.

    >>> import framejit, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save = framejit.profiler.tensorboard_trace_handler(folder, "me")
    ...     with framejit.profiler.profile(on_trace_ready=save):
    ...         y = framejit.ones(3).sin()
    ...     os.listdir(folder)[0].startswith("me.")
    True
    """

    def save(run):
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json{'.gz' if use_gzip else ''}"
        run.export_chrome_trace(os.path.join(dir_name, name))

    return save


class record_function(contextlib.ContextDecorator):
    """A range that a profile shows under this name; a context manager, or a decorator.

    name (str), args (str or None; accepted). Inside a compiled graph ranges are not recorded. Raises TypeError for a
    name that is no str.

    >>> import framejit
    >>> with framejit.profiler.profile() as run:
    ...     with framejit.profiler.record_function("sines"):
    ...         y = framejit.ones(3).sin()
    >>> [(e.name, len(e.cpu_children)) for e in run.events() if e.is_user_annotation]
    [('sines', 1)]
    """

    def __init__(self, name, args=None):
        if not isinstance(name, str):
            raise TypeError(f"record_function(): the name must be str, not {type(name).__name__}")
        self.name, self.args = name, args

    def __enter__(self):
        if _C._profiling():
            _C._profile_begin(self.name)
        return self

    def __exit__(self, kind, error, traceback):
        if _C._profiling():
            _C._profile_end()


class profile:
    """Records what the calling thread executes, between entering and leaving, or by a schedule.

    activities (iterable of ProfilerActivity or None): only the CPU is recorded; schedule (callable or None): from step
    number to ProfilerAction, `step()` tells that one ends; on_trace_ready (callable or None): is given the profile
    when its events are there; record_shapes (bool): sizes of the operators' inputs; profile_memory, with_stack,
    with_flops, with_modules, experimental_config, execution_trace_observer, acc_events, use_cuda, custom_trace_id_callback:
    accepted; memory is always recorded, stacks never.

    Raises RuntimeError where a profile is going on already.

    >>> import framejit
    >>> with framejit.profiler.profile(record_shapes=True) as run:
    ...     y = framejit.ones(2, 3).sin()
    >>> [(e.name, e.input_shapes) for e in run.events() if e.name == "aten::sin"]
    [('aten::sin', [[2, 3]])]
    """

    def __init__(self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes=False, profile_memory=False,
                 with_stack=False, with_flops=False, with_modules=False, experimental_config=None,
                 execution_trace_observer=None, acc_events=False, use_cuda=None, custom_trace_id_callback=None):  # fmt: skip
        self.activities = set(activities) if activities is not None else supported_activities()
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.on_trace_ready, self.record_shapes = on_trace_ready, record_shapes
        self.step_num, self._found, self._recording, self._range = 0, None, False, None
        self._steps = schedule is not None
        self.current_action = self.schedule(0)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, traceback):
        self.stop()

    def start(self):
        """Begins, as entering does."""
        self._begin_step()

    def stop(self):
        """Ends, as leaving does."""
        self._end_step(ProfilerAction.NONE)

    def step(self):
        """Ends one step of the schedule and begins the next."""
        self.step_num += 1
        before, self.current_action = self.current_action, self.schedule(self.step_num)
        self._end_step(self.current_action, before)
        self._begin_step()

    def _begin_step(self):
        if self.current_action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE) and not self._recording:
            _switch.start(self.record_shapes)
            self._recording = True
        if self._recording and self._steps:
            self._range = record_function(f"ProfilerStep#{self.step_num}")
            self._range.__enter__()

    def _end_step(self, following, before=None):
        if self._range is not None:
            self._range.__exit__(None, None, None)
            self._range = None
        goes_on = following in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if self._recording and (not goes_on or before is ProfilerAction.RECORD_AND_SAVE):
            self._found = _switch.stop()
            self._recording = False
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)

    def events(self):
        """The events of the last recording. Raises RuntimeError (Profiler didn't finish running) before there is one."""
        if self._found is None:
            raise RuntimeError("Profiler didn't finish running")
        return self._found

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """EventList.key_averages of the events."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def export_chrome_trace(self, path):
        """EventList.export_chrome_trace of the events; compressed where the path ends in .gz."""
        if not str(path).endswith(".gz"):
            return self.events().export_chrome_trace(path)
        import gzip
        import tempfile

        with tempfile.NamedTemporaryFile("rb", suffix=".json") as plain:
            self.events().export_chrome_trace(plain.name)
            with gzip.open(path, "wb") as file:
                file.write(plain.read())

    def toggle_collection_dynamic(self, enable, activities):
        """Accepted, without effect."""

    def add_metadata(self, key, value):
        """Accepted, without effect."""

    def add_metadata_json(self, key, value):
        """Accepted, without effect."""

    def __call__(self, fn):
        """fn with every call profiled."""

        @functools.wraps(fn)
        def wrapped(*args, **kwargs):
            with self:
                return fn(*args, **kwargs)

        return wrapped
