"""What share of the executed instructions ran inside segments, and why the others did not.

The whole is counted with a trace function (3.13: a monitoring tool) in a run without compiled code: each instruction of the traced functions and of what they
call, the standard library's included, by code object. What ran inside segments is counted by the driver in the compiled run: each
time a segment has run, the instructions that its trace went through, by code object too. More than a code object's whole is not
counted, and neither are instructions of code that the plain run did not execute (Python functions that stand for C functions): what
has been interpreted by capture in place of C code is no part of the program.

The rest is given to reasons: an instruction at which a segment broke to the break's reason, what a frame executed without segments to
what kept it from them, and the instructions of functions that were never called by compiled code to `not reached`.
"""

import collections
import functools
import sys

_TOOL = 4  # of sys.monitoring: none of those that debuggers, profilers and coverage use
_GENERATOR = 0x20 | 0x80 | 0x200  # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR


def key_of(code):
    """A code object's name across processes."""
    mark = " (generator)" if code.co_flags & _GENERATOR else ""
    return f"{code.co_filename}:{code.co_firstlineno}:{code.co_qualname}{mark}"


class Counter:
    """Counts the instructions that the wrapped functions and what they call execute, by code object."""

    def __init__(self):
        self._codes = {}  # by id: code objects compare by their contents
        self._counts = collections.Counter()

    def _step(self, frame, event, _):
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        code = frame.f_code
        key, counts = id(code), self._counts
        self._codes[key] = code

        def local(frame, event, _):
            if event == "opcode":
                counts[key] += 1
            return local

        return local

    def _traced(self, function, args, kwargs):
        before = sys.gettrace()
        sys._getframe().f_trace_opcodes = True  # 3.12: settrace() looks whether any frame wants them
        sys.settrace(self._step)
        try:
            return function(*args, **kwargs)
        finally:
            sys.settrace(before)

    def _monitored(self, function, args, kwargs):
        """3.13 tells a trace function of a code object's instructions from its second call on only, a monitoring tool of all."""
        tools, codes, counts, own = sys.monitoring, self._codes, self._counts, sys._getframe().f_code
        if tools.get_tool(_TOOL) is not None:  # a counted function that was called by one
            return function(*args, **kwargs)

        def instruction(code, offset):
            if code is not own:
                key = id(code)
                if key not in codes:
                    codes[key] = code
                counts[key] += 1

        tools.use_tool_id(_TOOL, "framejit.testing")
        tools.register_callback(_TOOL, tools.events.INSTRUCTION, instruction)
        tools.set_events(_TOOL, tools.events.INSTRUCTION)
        try:
            return function(*args, **kwargs)
        finally:
            tools.set_events(_TOOL, 0)
            tools.register_callback(_TOOL, tools.events.INSTRUCTION, None)
            tools.free_tool_id(_TOOL)

    run = _monitored if sys.version_info >= (3, 13) else _traced

    def wrap(self, function):
        @functools.wraps(function)
        def counted(*args, **kwargs):
            return self.run(function, args, kwargs)

        return counted

    def counts(self):
        """{name of a code object: instructions}"""
        told = collections.Counter()
        for key, n in list(self._counts.items()):  # a generator that is let go meanwhile still counts
            told[key_of(self._codes[key])] += n
        return told


def accounts(ledger):
    """What `_C._ledger()` says, by name of a code object: {"inside": n, "unit": {reason: n}, "rest": {reason: n}}."""
    told = {}
    for code, kind, reason, n in ledger:
        row = told.setdefault(key_of(code), {"inside": 0, "unit": collections.Counter(), "rest": collections.Counter()})
        if kind == "inside":
            row["inside"] += n
        else:
            row[kind][reason or "nothing"] += n
    return told


class Share:
    """Sums over runs."""

    def __init__(self):
        self.executed, self.inside = 0, 0
        self.reasons = collections.Counter()
        self.places = collections.Counter()  # (name of a code object, reason): instructions

    def add(self, executed, told):
        """`executed`: {name: instructions} of the plain run; `told`: accounts() of the compiled one."""
        for name, whole in executed.items():
            row = told.get(name, {})
            inside = min(whole, row.get("inside", 0))
            self.executed += whole
            self.inside += inside
            for reason, n in self._missing(name, whole - inside, row):
                self.reasons[reason] += n
                self.places[name, reason] += n

    def _missing(self, name, rest, row):
        for reason, n in row.get("unit", {}).items():
            n = min(n, rest)
            rest -= n
            yield reason, n
        frames = row.get("rest", {})
        times = sum(frames.values())
        for reason, n in frames.items():
            yield reason, rest * n / times
        if not times and rest:
            yield "generator_function" if name.endswith(" (generator)") else "not_reached", rest

    def merge(self, other):
        self.executed += other.executed
        self.inside += other.inside
        self.reasons.update(other.reasons)
        self.places.update(other.places)

    @property
    def ratio(self):
        return self.inside / self.executed if self.executed else 1.0

    def lines(self, places=0):
        """The text: the share, each reason's, and the code objects that lose most."""
        whole = self.executed or 1
        yield f"{self.ratio:.1%} of {self.executed} executed instructions inside segments"
        rest = [f"{reason} {n / whole:.1%}" for reason, n in self.reasons.most_common() if n / whole >= 0.0005]
        if rest:
            yield "the rest by reason: " + ", ".join(rest)
        for (name, reason), n in self.places.most_common(places):
            yield f"  {n / whole:6.1%} {int(n):9}  {reason:20} {name}"
