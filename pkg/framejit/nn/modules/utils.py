"""Arguments that are a number or a tuple of numbers."""

from itertools import repeat


def _ntuple(n, name):
    def parse(value):
        if hasattr(value, "__iter__") and not isinstance(value, str):
            return tuple(value)
        return tuple(repeat(value, n))

    parse.__name__ = name
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


def reverse_repeat_tuple(values, n):
    """The values in reverse, each repeated n times: the order `pad` wants."""
    return tuple(x for x in reversed(values) for _ in range(n))
