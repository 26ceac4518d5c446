"""Operators of arrays and of NumPy scalars."""

import numpy as np

from . import ufuncs
from ._args import NUMBERS, refuse
from ._bridge import is_array, is_scalar
from .properties import dtype

OPERATORS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
    "matmul": np.matmul,
}
COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}


def _known(other):
    """Other objects may have operators of their own, which go first."""
    refuse(not (is_array(other) or is_scalar(other) or type(other) in NUMBERS or type(other) in (list, tuple)))


def _forward(function):
    def call(self, other):
        _known(other)
        return function(self, other)

    return call


def _backward(function):
    def call(self, other):
        _known(other)
        return function(other, self)

    return call


def _in_place(function):
    def call(self, other):
        _known(other)
        # `x += y` of a scalar is `x = x + y`.
        return function(self, other, self) if is_array(self) else function(self, other)

    return call


def power(self, other, modulo=None):
    _known(other)
    # True ** 2 is a square of int8, whatever the loop of the ufunc.
    refuse(modulo is not None or dtype(self).kind == "b")
    return ufuncs.FUNCTIONS[np.power](self, other)


def in_place_power(self, other):
    _known(other)
    return ufuncs.FUNCTIONS[np.power](self, other, self) if is_array(self) else ufuncs.FUNCTIONS[np.power](self, other)


def divmod_(self, other):
    _known(other)
    return ufuncs.divmod_(self, other)


def rdivmod(self, other):
    _known(other)
    return ufuncs.divmod_(other, self)


def table(functions):
    """The methods, from the functions that the package has for the ufuncs."""
    methods = {"__divmod__": divmod_, "__rdivmod__": rdivmod, "__pow__": power, "__ipow__": in_place_power}
    methods["__rpow__"] = _backward(functions[np.power])
    for name, ufunc in OPERATORS.items():
        methods[f"__{name}__"] = _forward(functions[ufunc])
        methods[f"__r{name}__"] = _backward(functions[ufunc])
        methods[f"__i{name}__"] = _in_place(functions[ufunc])
    for name, ufunc in COMPARISONS.items():
        methods[f"__{name}__"] = _forward(functions[ufunc])
    for name, ufunc in UNARY.items():
        methods[f"__{name}__"] = functions[ufunc]
    return methods
