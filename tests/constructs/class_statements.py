"""Classes made inside the compiled function."""

from . import case
from .classes import _Base, _Meta

TITLE = "Class statements inside the function"


@case
def class_inside(x):
    class P:
        k = 3

        def __init__(self, t):
            self.t = t

        def go(self):
            return self.t * self.k

    return P(x + 1).go() - P.k


@case
def class_inside_with_closure(x):
    y = x + 1

    class P:
        def go(self):
            return y * 2

    class Q(P):
        def go(self):
            return super().go() + 1

    return Q().go()


@case
def class_inside_with_property_and_slots(x):
    class P:
        __slots__ = ("t",)

        def __init__(self, t):
            self.t = t

        @property
        def twice(self):
            return self.t * 2

        @staticmethod
        def one():
            return 1

        @classmethod
        def make(cls, t):
            return cls(t)

    return P.make(x).twice + P.one()


@case
def class_inside_returned(x):
    class P:
        """A point."""

        def __init__(self, t):
            self.t = t

    return P.__name__, P(x + 1).t, P.__doc__, P.__qualname__


@case
def exception_class_inside(x):
    class MyError(ValueError):
        def __init__(self, code):
            super().__init__(f"code {code}")
            self.code = code

    try:
        raise MyError(3)
    except MyError as e:
        return x * e.code, str(e)


@case
def class_inside_with_metaclass(x):
    class P(metaclass=_Meta):
        def __init__(self, t):
            self.t = t

    return P(x).t + len(P)


@case
def type_with_three_arguments(x):
    P = type("P", (_Base,), {"scale": 5, "extra": lambda self: self.t + 1})
    return P(x).go() + P(x).extra()
