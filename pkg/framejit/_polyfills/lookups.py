"""Small helpers of the collections and operator modules."""

import _collections
import operator


def _count_elements(mapping, iterable):
    for v in iterable:
        mapping[v] = mapping.get(v, 0) + 1


class methodcaller:
    """operator.methodcaller; an instance made in a trace does not leave it."""

    def __init__(self, name, /, *args, **kwargs):
        self._name, self._args, self._kwargs = name, args, kwargs

    def __call__(self, obj):
        return getattr(obj, self._name)(*self._args, **self._kwargs)


def call(obj, /, *args, **kwargs):
    return obj(*args, **kwargs)


def concat(a, b):
    if not hasattr(a, "__getitem__"):
        raise TypeError(f"'{type(a).__name__}' object can't be concatenated")
    return a + b


def iconcat(a, b):
    if not hasattr(a, "__getitem__"):
        raise TypeError(f"'{type(a).__name__}' object can't be concatenated")
    a += b
    return a


def countOf(a, b):
    n = 0
    for v in a:
        if v is b or v == b:
            n += 1
    return n


def indexOf(a, b):
    for i, v in enumerate(a):
        if v is b or v == b:
            return i
    raise ValueError("sequence.index(x): x not in sequence")


def delitem(a, b):
    del a[b]


def setitem(a, b, c):
    a[b] = c


def _in_place(op):
    space = {}
    exec(f"def in_place(a, b):\n    a {op} b\n    return a", space)
    return space["in_place"]


SUBSTITUTES = {
    _collections._count_elements: _count_elements,
    operator.call: call,
    operator.concat: concat,
    operator.methodcaller: methodcaller,
    operator.iconcat: iconcat,
    operator.countOf: countOf,
    operator.indexOf: indexOf,
    operator.delitem: delitem,
    operator.setitem: setitem,
    operator.iadd: _in_place("+="),
    operator.iand: _in_place("&="),
    operator.ifloordiv: _in_place("//="),
    operator.ilshift: _in_place("<<="),
    operator.imatmul: _in_place("@="),
    operator.imod: _in_place("%="),
    operator.imul: _in_place("*="),
    operator.ior: _in_place("|="),
    operator.ipow: _in_place("**="),
    operator.irshift: _in_place(">>="),
    operator.isub: _in_place("-="),
    operator.itruediv: _in_place("/="),
    operator.ixor: _in_place("^="),
}
