"""Compares the functions of framejit._numpy, run on real arrays, with NumPy: value, dtype, shape, scalar or array, which
arguments' memory the result shares, what was written to the arguments, and that what NumPy refuses is refused.

A case is made twice, by a function without arguments that gives the positional and the keyword arguments.
"""

import itertools
import operator
import warnings

import framejit
import numpy as np
from framejit import _numpy as ours
from framejit.dynamo.utils import counters

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64", "complex128")
TOLERANCE = {"float16": 2e-3, "float32": 2e-5, "float64": 1e-12, "complex64": 2e-5, "complex128": 1e-12}


class Outcome:
    """What a call gave: a value or an exception, and the arguments afterwards."""

    def __init__(self, function, make):
        self.args, self.kwargs = make()
        self.value = self.error = None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                self.value = function(*self.args, **self.kwargs)
            except Exception as error:
                self.error = error

    def arrays(self):
        found = list(self.args) + list(self.kwargs.values())
        flat = itertools.chain.from_iterable(x if isinstance(x, (list, tuple)) else (x,) for x in found)
        return [x for x in flat if isinstance(x, np.ndarray)]


def substitute(function):
    """What framejit._numpy has for a function of NumPy, a method (".sum") or a property (":T")."""
    if not isinstance(function, str):
        return ours.FUNCTIONS[function]
    return ours.METHODS[function[1:]] if function[0] == "." else ours.PROPERTIES[function[1:]]


def real(function):
    if not isinstance(function, str):
        return function
    name = function[1:]
    if function[0] == ":":
        return lambda self: getattr(self, name)
    return lambda self, *args, **kwargs: getattr(self, name)(*args, **kwargs)


def difference(got, expected, tolerance=None):
    """What differs between two results, or None."""
    if type(got) is not type(expected):
        return f"type {type(got).__name__}, not {type(expected).__name__}"
    if isinstance(expected, (tuple, list)):
        if len(got) != len(expected):
            return f"{len(got)} items, not {len(expected)}"
        return next(filter(None, (difference(a, b, tolerance) for a, b in zip(got, expected))), None)
    if not isinstance(expected, (np.ndarray, np.generic)):
        return None if got == expected or got != got else f"{got!r}, not {expected!r}"
    if got.dtype != expected.dtype:
        return f"dtype {got.dtype}, not {expected.dtype}"
    if got.shape != expected.shape:
        return f"shape {got.shape}, not {expected.shape}"
    if isinstance(expected, np.ndarray) and got.flags.writeable != expected.flags.writeable:
        return f"writeable {got.flags.writeable}"
    limit = tolerance or TOLERANCE.get(str(expected.dtype), 0)
    with np.errstate(all="ignore"):
        wrong = ~np.isclose(got, expected, rtol=limit, atol=limit, equal_nan=True)
    if not wrong.any():
        return None
    places = np.argwhere(wrong)[:4].tolist()
    return f"at {places} {got[wrong][:4] if got.shape else got}, not {expected[wrong][:4] if got.shape else expected}"


def shared(outcome):
    values = outcome.value if isinstance(outcome.value, (list, tuple)) else [outcome.value]
    return [np.shares_memory(v, a) for v in values if isinstance(v, np.ndarray) for a in outcome.arrays()]


def compare(function, make, taken=True, tolerance=None):
    """What differs between framejit's function and NumPy's for a case, as a text, or None. A call that is left to NumPy is a
    difference too, unless `taken` is false or None ("may be")."""
    mine, theirs = Outcome(substitute(function), make), Outcome(real(function), make)
    if theirs.error is not None:
        return None if mine.error is not None else f"NumPy raises {theirs.error!r}, we give {mine.value!r}"
    if isinstance(mine.error, ours.NotTaken):
        return "not taken" if taken else None
    if mine.error is not None:
        return f"we raise {mine.error!r}" if taken is not None else None
    if taken is False:
        return "taken by now"
    found = difference(mine.value, theirs.value, tolerance)
    if found is None and shared(mine) != shared(theirs):
        found = f"shares memory with arguments: {shared(mine)}, not {shared(theirs)}"
    if found is None:
        found = difference(mine.arrays(), theirs.arrays(), tolerance)
        found = found and f"arguments afterwards: {found}"
    if found is None and any(theirs.value is a for a in theirs.arrays()) and not isinstance(function, str):
        found = None if any(mine.value is a for a in mine.arrays()) else "does not give the argument itself"
    return found


def as_program(function):
    """A function as a program has it: the call, the attribute, the subscript or the operator."""
    if not isinstance(function, str):
        return lambda *args, **kwargs: function(*args, **kwargs)
    name = function[1:]
    if function[0] == ":":
        return eval(f"lambda self: self.{name}")
    if name == "__getitem__":
        return lambda self, key: self[key]
    if name == "__setitem__":
        return lambda self, key, value: operator.setitem(self, key, value)
    return eval(f"lambda self, *args, **kwargs: self.{name}(*args, **kwargs)")


def compare_compiled(function, make, tolerance=None):
    """What differs between a compiled call and the plain one, as a text, or None; and whether it was one graph (None where
    NumPy refuses the call, or the package leaves it to NumPy)."""
    framejit.dynamo.reset()
    counters.clear()
    theirs, fast = Outcome(real(function), make), framejit.compile(as_program(function))
    for _ in range(2):
        mine = Outcome(fast, make)
        if theirs.error is not None:
            same = type(mine.error) is type(theirs.error)
            return None if same else f"NumPy raises {theirs.error!r}, we {mine.error!r}", None
        if mine.error is not None:
            return f"we raise {mine.error!r}", None
        found = difference(mine.value, theirs.value, tolerance) or difference(mine.arrays(), theirs.arrays(), tolerance)
        if found is None and shared(mine) != shared(theirs):
            found = f"shares memory with arguments: {shared(mine)}, not {shared(theirs)}"
        if found:
            return found, None
    taken = Outcome(substitute(function), make).error is None
    return None, not counters["graph_break"] if taken else None


def array(dtype, shape=(4,), seed=0, low=-3, high=4):
    """Values of a dtype in a range, for any shape."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(shape) < 0.5 if shape != () else np.array(rng.random() < 0.5)
    if dtype.startswith("u"):
        low = 0
    if np.dtype(dtype).kind in "iu":
        return np.asarray(rng.integers(low, high, shape)).astype(dtype)
    values = np.asarray(rng.uniform(low, high, shape))
    if np.dtype(dtype).kind == "c":
        values = values + 1j * np.asarray(rng.uniform(low, high, shape))
    return np.asarray(values).astype(dtype)


def strided(dtype, shape=(4,), seed=0):
    """The same values in every second place of a larger array, transposed."""
    big = np.zeros(tuple(2 * n for n in reversed(shape)), dtype)
    view = big[tuple(slice(None, None, 2) for _ in shape)].T
    view[...] = array(dtype, shape, seed)
    return view


def layouts(dtype, seed=0):
    """Functions that make an array: name, maker."""
    yield "empty", lambda: array(dtype, (0, 3), seed)
    yield "0-d", lambda: array(dtype, (), seed)
    yield "1-d", lambda: array(dtype, (5,), seed)
    yield "2-d", lambda: array(dtype, (3, 4), seed)
    yield "3-d", lambda: array(dtype, (2, 3, 4), seed)
    yield "strided", lambda: strided(dtype, (3, 4), seed)
    yield "scalar", lambda: array(dtype, (1,), seed)[0]


def call(*args, **kwargs):
    """A case: arguments that are functions are called, so that each side has its own."""
    return lambda: (
        tuple(a() if callable(a) and not isinstance(a, type) else a for a in args),
        {k: v() if callable(v) and not isinstance(v, type) else v for k, v in kwargs.items()},
    )


class Sample:
    """Makes `check` compile every n-th case instead; how many of these were one graph."""

    every = 0
    seen = whole = broken = 0


def check(test, cases, taken=True, tolerance=None):
    """Fails with all differences of (name, function, make) cases."""
    wrong, count = [], 0
    for name, function, make in cases:
        count += 1
        if Sample.every:
            found = check_compiled(function, make, tolerance)
        else:
            found = compare(function, make, taken, tolerance)
        if found:
            wrong.append(f"{name}: {found}")
    test.assertGreater(count, 0)
    if wrong:
        test.fail(f"{len(wrong)} of {count} cases:\n" + "\n".join(wrong[:40]))


def check_compiled(function, make, tolerance):
    Sample.seen += 1
    if Sample.seen % Sample.every:
        return None
    found, whole = compare_compiled(function, make, tolerance)
    Sample.whole += whole is True
    Sample.broken += whole is False
    return found
