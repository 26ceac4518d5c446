"""Unification: the most general values of variables that make two expressions of tuples and lists equal."""

import contextlib
import itertools

__all__ = ["Var", "isvar", "reify", "unify", "var", "variables", "vars"]

_numbers = itertools.count(1)
_named = set()  # what `variables` has declared


class Var:
    """A variable; those with the same token are the same.

    token (hashable): a fresh one where it is left out. Raises nothing of its own.

    >>> from framejit.fx.experimental.unification import Var
    >>> Var("x") == Var("x"), Var() == Var(), Var(3)
    (True, False, ~3)
    """

    def __init__(self, *token):
        self.token = f"_{next(_numbers)}" if not token else token[0] if len(token) == 1 else token

    def __repr__(self):
        return f"~{self.token}"

    def __eq__(self, other):
        return isinstance(other, Var) and self.token == other.token

    def __hash__(self):
        return hash((Var, self.token))


var = Var


def vars(n):
    """n fresh variables."""
    return [Var() for _ in range(n)]


def isvar(value):
    """Whether the value is a variable."""
    if isinstance(value, Var):
        return True
    try:
        return value in _named
    except TypeError:  # no hash
        return False


@contextlib.contextmanager
def variables(*names):
    """While it is open, these values are variables. names (hashable).

    >>> from framejit.fx.experimental.unification import unify, variables
    >>> with variables("x"):
    ...     unify(("x", 1), (2, 1))
    {'x': 2}
    """
    added = set(names) - _named
    _named.update(added)
    try:
        yield
    finally:
        _named.difference_update(added)


def _walk(value, known):
    while isvar(value) and value in known:
        value = known[value]
    return value


def unify(u, v, s=None):
    """What variables must be for `u` and `v` to be equal: a dict, or False where nothing makes them equal.

    u, v (object), s (dict): what is known before. Raises nothing of its own.

    >>> from framejit.fx.experimental.unification import Var, unify
    >>> unify((1, Var("x")), (Var("y"), Var("y")))
    {~y: 1, ~x: 1}
    >>> unify((1, 2), (1, 3))
    False
    """
    s = {} if s is None else s
    u, v = _walk(u, s), _walk(v, s)
    if u == v:
        return s
    if isvar(u):
        return {**s, u: v}
    if isvar(v):
        return {**s, v: u}
    if not (isinstance(u, (tuple, list)) and isinstance(v, (tuple, list)) and len(u) == len(v)):
        return False
    for left, right in zip(u, v):
        s = unify(left, right, s)
        if s is False:
            return False
    return s


def reify(e, s):
    """An expression with what is known of its variables in their places.

    e (object), s (dict). Raises nothing of its own.

    >>> from framejit.fx.experimental.unification import Var, reify
    >>> reify((1, [Var("x")], {"k": Var("y")}), {Var("x"): Var("z"), Var("z"): 2})
    (1, [2], {'k': ~y})
    """
    e = _walk(e, s)
    if isinstance(e, (tuple, list)):
        return type(e)(reify(item, s) for item in e)
    if isinstance(e, dict):
        return {key: reify(value, s) for key, value in e.items()}
    return e
