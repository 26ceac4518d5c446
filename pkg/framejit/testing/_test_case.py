"""A unittest.TestCase whose assertEqual compares tensors, numbers and nests of them up to the tolerances of their types."""

import collections.abc
import math
import numbers
import random
import sys
import unittest
import unittest.mock  # programs that use this class name it without an import of their own
import warnings

from framejit import _ops as _t

from ._comparison import assert_close, default_tolerances

try:  # golden strings, where the package is installed
    from expecttest import TestCase as _Base
except ImportError:
    _Base = unittest.TestCase

SEED = 1234


def set_rng_seed(seed=SEED):
    """Seed framejit's, Python's and, if it is loaded, NumPy's generators."""
    from framejit.random import manual_seed

    manual_seed(seed)
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


class TestCase(_Base):
    """Seeds the generators before each test; `precision` and `rel_tol` are lower bounds of assertEqual's tolerances."""

    maxDiff = None
    precision = 0
    rel_tol = 0

    if hasattr(_Base, "assertExpectedInline"):

        def assertExpectedInline(self, actual, expect, skip=0):
            """The text of a value, compared with a literal."""
            super().assertExpectedInline(actual if isinstance(actual, str) else str(actual), expect, skip + 1)

    def setUp(self):
        super().setUp()
        set_rng_seed()

    def assertEqual(
        self,
        x,
        y,
        msg=None,
        *,
        atol=None,
        rtol=None,
        equal_nan=True,
        exact_dtype=True,
        exact_device=False,
        exact_layout=False,
        exact_stride=False,
        exact_is_coalesced=False,
    ):
        """Fails unless x and y are equal in structure and, part by part, equal or close."""
        if (atol is None) != (rtol is None):
            raise ValueError("assertEqual: give both atol and rtol, or neither")
        comparison = _Comparison(self, msg, atol, rtol, equal_nan, exact_dtype, exact_device, exact_stride)
        comparison.compare(x, y)

    def assertNotEqual(self, x, y, msg=None, **settings):
        """The opposite of assertEqual."""
        with self.assertRaises(AssertionError, msg=msg):
            self.assertEqual(x, y, **settings)

    if _Base is not unittest.TestCase:

        def assertExpectedInline(self, actual, expect, skip=0):
            """Compares the text of what is given with a golden string."""
            super().assertExpectedInline(str(actual), expect, skip + 1)

    def assertNotWarn(self, callable, msg=""):
        """Fails if the call warns."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            callable()
        self.assertTrue(not caught, msg)

    def assertObjectIn(self, obj, iterable):
        """Fails unless the object itself is among them."""
        if not any(item is obj for item in iterable):
            raise AssertionError("object not found in iterable")


def _containers(*names):
    """Modules that are compared part by part, as in PyTorch."""
    nn = sys.modules.get("framejit.nn")
    return [getattr(nn, name) for name in names] if nn else []


class _Comparison:
    def __init__(self, case, msg, atol, rtol, equal_nan, exact_dtype, exact_device, exact_stride):
        self.case, self.msg, self.atol, self.rtol, self.equal_nan = case, msg, atol, rtol, equal_nan
        self.exact_dtype, self.exact_device, self.exact_stride = exact_dtype, exact_device, exact_stride

    def compare(self, x, y):
        if isinstance(x, _t.Tensor) or isinstance(y, _t.Tensor) or _is_array(x) or _is_array(y):
            self._arrays(x, y)
        elif isinstance(x, (bool, str, bytes)) or isinstance(y, (bool, str, bytes)):
            self._plain(x, y)
        elif isinstance(x, numbers.Number) and isinstance(y, numbers.Number):
            self._numbers(x, y)
        elif all(isinstance(v, (collections.abc.Mapping, *_containers("ModuleDict", "ParameterDict"))) for v in (x, y)):
            self._plain(set(x), set(y))
            for key in x:
                self.compare(x[key], y[key])
        elif all(
            isinstance(v, (collections.abc.Sequence, *_containers("Sequential", "ModuleList", "ParameterList")))
            for v in (x, y)
        ):
            self._plain(len(x), len(y))
            for left, right in zip(x, y):
                self.compare(left, right)
        else:
            self._plain(x, y)

    def _plain(self, x, y):
        if x is not y:
            unittest.TestCase.assertEqual(self.case, x, y, self._message("not equal"))

    def _tolerances(self, *values):
        rtol, atol = default_tolerances(*values) if self.atol is None else (self.rtol, self.atol)
        return max(rtol, self.case.rel_tol), max(atol, self.case.precision)

    def _numbers(self, x, y):
        rtol, atol = self.rtol, self.atol
        if rtol is None:
            exact = isinstance(x, numbers.Integral) and isinstance(y, numbers.Integral)
            rtol, atol = (0, 0) if exact else (1e-7, 1e-7)
        rtol, atol = max(rtol, self.case.rel_tol), max(atol, self.case.precision)
        if x == y or self.equal_nan and x != x and y != y:
            return
        difference = abs(x - y)
        if not (math.isfinite(difference) and difference <= atol + rtol * abs(y)):
            raise self.case.failureException(self._message(f"Scalars are not close! Expected {y} but got {x}."))

    def _arrays(self, x, y):
        if not _can_be_tensor(x) or not _can_be_tensor(y):
            raise self.case.failureException(self._message(f"{type(x).__name__} is not {type(y).__name__}: {x} != {y}"))
        x, y = _tensor(x, y), _tensor(y, x)
        rtol, atol = self._tolerances(x, y)
        if not self.exact_dtype and x.dtype != y.dtype:
            common = _t.promote_types(x.dtype, y.dtype)
            x, y = x.to(common), y.to(common)
        assert_close(
            x.detach(),
            y.detach(),
            rtol=rtol,
            atol=atol,
            equal_nan=self.equal_nan,
            check_device=self.exact_device,
            check_dtype=self.exact_dtype,
            check_stride=self.exact_stride,
            msg=self._message,
        )

    def _message(self, text):
        if self.msg is None:
            return text
        return self.msg(text) if callable(self.msg) else f"{text}\n{self.msg}"


def _is_array(value):
    return "numpy" in sys.modules and isinstance(value, (sys.modules["numpy"].ndarray, sys.modules["numpy"].generic))


def _can_be_tensor(value):
    return isinstance(value, (_t.Tensor, numbers.Number, list, tuple)) or _is_array(value)


def _tensor(value, other):
    """The value as a tensor; a number or a list takes the dtype of the tensor beside it."""
    if isinstance(value, _t.Tensor):
        return value
    if _is_array(value):
        return _t.from_numpy(sys.modules["numpy"].array(value))
    made = _t.tensor(value)
    if not isinstance(other, _t.Tensor):
        return made
    if isinstance(value, numbers.Number) and other.numel() == 1:
        made = made.reshape(other.shape)
    return made.to(other.dtype)


def run_tests(argv=None):
    """Run the tests of `__main__` and exit."""
    unittest.main(argv=argv)
