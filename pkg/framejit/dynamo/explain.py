"""explain: run a function once and tell what was captured and why not more."""

from framejit import _C
from framejit._compile import compile

from .testing import EagerAndRecordGraphs
from .utils import is_break


class BreakReason:
    """Why a graph ended before the function did."""

    def __init__(self, reason, line=None, detail=""):
        self.reason, self.line, self.detail = reason, line, detail

    def __repr__(self):
        where = f" at line {self.line}" if self.line else ""
        return f"{self.reason}{where}" + (f": {self.detail}" if self.detail else "")


class ExplainOutput:
    """The captured graphs and the breaks between them."""

    def __init__(self, graphs, entries):
        self.graphs = graphs
        self.graph_count = len(graphs)
        self.break_reasons = [
            BreakReason(row["reason"], row.get("line"), row.get("detail") or "") for row in entries if is_break(row)
        ]
        self.graph_break_count = len(self.break_reasons)
        self.ops_per_graph = [[n.target for n in gm.graph.nodes if n.op.startswith("call")] for gm in graphs]
        self.op_count = sum(map(len, self.ops_per_graph))
        self.guard_count = sum(len(row["guards"]) for row in entries)

    def __str__(self):
        lines = [
            f"Graph Count: {self.graph_count}",
            f"Graph Break Count: {self.graph_break_count}",
            f"Op Count: {self.op_count}",
            f"Guard Count: {self.guard_count}",
            "Break Reasons:",
        ]
        lines += [f"  {i}. {reason!r}" for i, reason in enumerate(self.break_reasons, 1)]
        for i, ops in enumerate(self.ops_per_graph, 1):
            lines.append(f"Ops of graph {i}: " + ", ".join(getattr(op, "__name__", str(op)) for op in ops))
        return "\n".join(lines)


def explain(f, *extra_args, **extra_kwargs):
    """`explain(f)(*args)` runs f once, capturing it afresh, and gives an ExplainOutput."""

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
