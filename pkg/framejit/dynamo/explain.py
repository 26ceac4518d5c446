"""explain: run a function once and tell what was captured and why not more."""

import textwrap
import traceback

from framejit import _C
from framejit._compile import compile

from .testing import EagerAndRecordGraphs
from .utils import compile_times, is_break


class BreakReason:
    """Why a graph ended before the function did.

    reason: its name in docs/why-break.md; line; detail; text: all that there is to say, with the source line; user_stack: where,
    as a traceback.FrameSummary in a list.
    """

    graph_break = True

    def __init__(self, row):
        self.reason, self.line, self.detail, self.text = (
            row["reason"],
            row["line"] or None,
            row["detail"] or "",
            row["text"],
        )
        code = row["where"]
        self.user_stack = (
            [traceback.FrameSummary(code.co_filename, self.line, code.co_name)]
            if code is not None and self.line
            else []
        )

    def __repr__(self):
        return self.text


class ExplainOutput:
    """The captured graphs and the breaks between them, as `explain` gives it; `str()` tells it all.

    graphs (list of fx.GraphModule), entries (list of dict): what was captured, which only `explain` makes; entries of
    another form raise TypeError or KeyError.

    Its attributes: graphs, graph_count, graph_break_count, break_reasons (list of BreakReason), op_count,
    ops_per_graph, out_guards (list of str), guard_count, compile_times (str).

    >>> import framejit
    >>> def f(x):
    ...     y = x.sin()
    ...     print("half way")
    ...     return y + 1
    >>> told = framejit.explain(f)(framejit.ones(2))
    half way
    >>> told.graph_count, [reason.reason for reason in told.break_reasons], told.op_count
    (2, ['native_call'], 2)
    """

    def __init__(self, graphs, entries):
        self.graphs = graphs
        self.graph_count = len(graphs)
        self.break_reasons = [BreakReason(row) for row in entries if is_break(row)]
        self.graph_break_count = len(self.break_reasons)
        self.ops_per_graph = [[n.target for n in gm.graph.nodes if n.op.startswith("call")] for gm in graphs]
        self.op_count = sum(map(len, self.ops_per_graph))
        self.out_guards = [guard for row in entries for guard in row["guards"]]
        self.guard_count = len(self.out_guards)
        self.compile_times = compile_times()

    def __str__(self):
        lines = [
            f"Graph Count: {self.graph_count}",
            f"Graph Break Count: {self.graph_break_count}",
            f"Op Count: {self.op_count}",
            f"Guard Count: {self.guard_count}",
            "Break Reasons:",
        ]
        lines += [textwrap.indent(f"{i}. {reason!r}", "  ") for i, reason in enumerate(self.break_reasons, 1)]
        for i, ops in enumerate(self.ops_per_graph, 1):
            lines.append(f"Ops of graph {i}: " + ", ".join(getattr(op, "__name__", str(op)) for op in ops))
        return "\n".join(lines)


def explain(f, *extra_args, **extra_kwargs):
    """`explain(f)(*args)` runs f once, capturing it afresh, and gives an ExplainOutput.

    f (callable): a function or module, compiled or not. Given more arguments, it runs f with them at once. Raises what
    f raises, and TypeError for what cannot be called.

    >>> import framejit
    >>> told = explain(lambda x: x.sin() + 1)(framejit.ones(2))
    >>> told.graph_count, told.graph_break_count, told.op_count
    (1, 0, 2)
    """

    def inner(*args, **kwargs):
        recorder = EagerAndRecordGraphs()
        function = f.__wrapped__ if isinstance(f, _C.CompiledFunction) else f
        compiled = compile(function, backend=recorder)
        compiled(*args, **kwargs)
        return ExplainOutput(recorder.graphs, _entries(compiled))

    return inner(*extra_args, **extra_kwargs) if extra_args or extra_kwargs else inner


def _entries(compiled):
    """The entries of the native function inside whatever `compile` made."""
    for reach in (lambda c: c, lambda c: c.__func__, lambda c: c.func, lambda c: c.__dict__["_call"].forward.__func__):
        try:
            return reach(compiled)._entries()
        except (AttributeError, KeyError, TypeError):
            continue
    return []
