"""Exception groups: their methods, and what except* does with them."""

import sys

_WANTED = (
    "expected an exception type, a tuple of exception types, or a callable (other than a class)"
    if sys.version_info >= (3, 13)
    else "expected a function, exception type or tuple of exception types"
)


def _is_exception_type(t):
    return isinstance(t, type) and issubclass(t, BaseException)


def _matcher(condition):
    if _is_exception_type(condition) or (isinstance(condition, tuple) and all(map(_is_exception_type, condition))):
        return lambda e: isinstance(e, condition)
    if callable(condition) and not isinstance(condition, type):
        return condition
    raise TypeError(_WANTED)


def _subset(group, found):
    if not found:
        return None
    made = group.derive(found)
    if not isinstance(made, BaseExceptionGroup):
        raise TypeError("derive must return an instance of BaseExceptionGroup")
    made.__traceback__ = group.__traceback__
    made.__context__ = group.__context__
    made.__cause__ = group.__cause__
    notes = getattr(group, "__notes__", None)
    if isinstance(notes, (list, tuple)):
        made.__notes__ = list(notes)
    return made


def _split(group, matches):
    if matches(group):
        return group, None
    yes, no = [], []
    for e in group.exceptions:
        if isinstance(e, BaseExceptionGroup):
            match, rest = _split(e, matches)
            if match is not None:
                yes.append(match)
            if rest is not None:
                no.append(rest)
        elif matches(e):
            yes.append(e)
        else:
            no.append(e)
    return _subset(group, yes), _subset(group, no)


def split(self, condition, /):
    return _split(self, _matcher(condition))


def subgroup(self, condition, /):
    return _split(self, _matcher(condition))[0]


def derive(self, excs, /):
    return BaseExceptionGroup(self.message, excs)


def check_eg_match(exc, types):
    """What CHECK_EG_MATCH pushes: the rest and the match."""
    for t in types if isinstance(types, tuple) else (types,):
        if not _is_exception_type(t):
            raise TypeError("catching classes that do not inherit from BaseException is not allowed")
        if issubclass(t, BaseExceptionGroup):
            raise TypeError("catching ExceptionGroup with except* is not allowed. Use except instead.")
    if exc is None:
        return None, None
    if isinstance(exc, types):
        return None, exc if isinstance(exc, BaseExceptionGroup) else BaseExceptionGroup("", (exc,))
    if isinstance(exc, BaseExceptionGroup):
        match, rest = exc.split(types)
        return rest, match
    return exc, None


def _leaves(exceptions, into):
    for e in exceptions:
        if isinstance(e, BaseExceptionGroup):
            _leaves(e.exceptions, into)
        else:
            into.append(e)


def _raised_again(e, orig):
    return (
        e.__traceback__ is orig.__traceback__
        and e.__cause__ is orig.__cause__
        and e.__context__ is orig.__context__
        and getattr(e, "__notes__", None) is getattr(orig, "__notes__", None)
    )


def prep_reraise_star(orig, excs):
    """What leaves an except* statement: what its clauses raised, and what no clause took."""
    if not excs:
        return None
    if not isinstance(orig, BaseExceptionGroup):
        return excs[0]
    raised, leaves = [], []
    for e in excs:
        if e is None:
            continue
        if _raised_again(e, orig):
            _leaves((e,), leaves)
        else:
            raised.append(e)
    again = _split(orig, lambda e: any(e is known for known in leaves))[0] if leaves else None
    if not raised:
        return again
    if again is not None:
        raised.append(again)
    return raised[0] if len(raised) == 1 else BaseExceptionGroup("", raised)


HELPERS = {
    "split": split,
    "subgroup": subgroup,
    "derive": derive,
    "check_eg_match": check_eg_match,
    "prep_reraise_star": prep_reraise_star,
}
