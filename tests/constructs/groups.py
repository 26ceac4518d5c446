"""except* and exception groups."""

from . import case

TITLE = "Exception groups"


@case
def except_star(x, log):
    try:
        y = x + 1
        raise ExceptionGroup("g", [ValueError("a"), KeyError("b"), ValueError("c")])
    except* ValueError as e:
        log.append([str(v) for v in e.exceptions])
        y = y * 2
    except* KeyError as e:
        log.append(len(e.exceptions))
    return y


@case
def except_star_plain_exception(x, log):
    try:
        raise ValueError("a")
    except* ValueError as e:
        log.append(type(e).__name__)
    return x + 1


@case
def except_star_no_exception(x):
    try:
        y = x + 1
    except* ValueError:
        y = x
    return y * 2


@case
def except_star_rest_leaves(x, log):
    try:
        try:
            raise ExceptionGroup("g", [ValueError("a"), KeyError("b")])
        except* ValueError:
            log.append("value")
    except ExceptionGroup as e:
        log.append([repr(v) for v in e.exceptions])
    return x * 2


@case
def exception_group_methods(x):
    g = ExceptionGroup("g", [ValueError(1), ExceptionGroup("h", [KeyError(2)])])
    match, rest = g.split(ValueError)
    return x + 1, len(g.exceptions), str(g), repr(match), g.subgroup(KeyError).message, rest.message
