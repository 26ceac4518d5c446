"""Hand-made segments for compiled functions, see csrc/bind/debug_segments.cpp for their form."""

import contextlib

from framejit._C import _debug

NULL = _debug.NULL


@contextlib.contextmanager
def tracing(callback):
    _debug.set_tracer(callback)
    try:
        yield
    finally:
        _debug.set_tracer(None)


def rows_of(code, cache={}):  # noqa: B006 (a cache on purpose)
    if code not in cache:
        cache[code] = {row["index"]: row for row in _debug.decode(code)}
    return cache[code]


def unit_end(rows, index):
    """First index after the unit that begins here: an instruction and what cannot be resumed after it."""
    at = rows[index]["next"]
    while at in rows and not rows[at]["resumable"] and rows[at]["depth"] >= 0 and not rows[index]["ends"]:
        if rows[at]["op"] == "END_FOR":
            break
        at = rows[at]["next"]
    return at


def whole_state(locals_, stack):
    """Sources, guards and recipes that give back the frame as it is."""
    sources, guards, recipes, local_ids, stack_ids = [], [], [], [], []
    for step, values, ids in (("Local", locals_, local_ids), ("Stack", stack, stack_ids)):
        for i, value in enumerate(values):
            sources.append((step, -1, i, None))
            if value is NULL:
                guards.append(("Absent", len(sources) - 1, None, []))
                ids.append(-1)
            else:
                ids.append(len(recipes))
                recipes.append(("Source", len(sources) - 1, None, [], []))
    return sources, guards, recipes, local_ids, stack_ids


def one_instruction(code, offset, locals_, stack):
    """A tracer that captures nothing: every unit is a break, the whole state goes through recipes."""
    rows = rows_of(code)
    row = rows[offset]
    next_, target = (-1 if row["ends"] else unit_end(rows, offset)), row["target"]
    if offset == 0:
        return {"exit": ("Break", -1, 0, [], [], next_, target, "test")}
    sources, guards, recipes, local_ids, stack_ids = whole_state(locals_, stack)
    return {
        "sources": sources,
        "guards": guards,
        "recipes": recipes,
        "exit": ("Break", -1, offset, local_ids, stack_ids, next_, target, "test"),
    }


def returning(value_recipe, sources=(), guards=(), **more):
    """A segment that returns recipe 0 after the others."""
    recipes = more.pop("recipes", [])
    return {
        "sources": list(sources),
        "guards": list(guards),
        "recipes": [value_recipe, *recipes],
        "exit": ("Return", 0),
        **more,
    }
