"""Every op row on tensors made of two, compiled in one graph: results, histories and gradients of the plain function."""

import unittest
import warnings

import framejit as fj

from tests.test_torch_dispatch import cloned, flat, sample_calls
from tests.wrapper_classes import Quiet, parts_of


def wrapped(value, grad):
    value = cloned(value)
    if isinstance(value, list):
        return [wrapped(v, grad) for v in value]
    if not isinstance(value, fj.Tensor):
        return value
    made = Quiet(value, value.clone())
    return made.requires_grad_() if grad and value.dtype.is_floating_point else made


def outcome(f, args, kwargs, grad):
    """What a call gives, with the gradients of its arguments, or the exception that it raises."""
    given = [wrapped(v, grad) for v in args]
    named = {k: wrapped(v, grad) for k, v in kwargs.items()}
    fj.manual_seed(0)
    try:
        result = f(*given, **named)
        tensors = [t for t in flat(result) if t.requires_grad]
        if tensors:
            sum(t.sum() for t in tensors).backward()
    except fj.dynamo.exc.Unsupported:
        raise
    except Exception as error:  # noqa: BLE001
        return type(error).__name__, str(error)
    found = [parts_of(result), [type(t.grad_fn).__name__ for t in flat(result)]]
    return repr([*found, [parts_of(t.grad) for t in flat(given)]])  # as text: not a number is equal to itself


class EveryRow(unittest.TestCase):
    def check(self, grad):
        seen, rows = set(), 0
        for row, f, args, kwargs in sample_calls():
            if row.schema.name in seen:
                continue
            seen.add(row.schema.name)
            with self.subTest(row.schema.name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fj.reset()
                compiled = fj.compile(lambda *a, **k: f(*a, **k), fullgraph=True)  # noqa: B023
                self.assertEqual(outcome(compiled, args, kwargs, grad), outcome(f, args, kwargs, grad))
                rows += 1
        self.assertGreater(rows, 300)

    def test_values(self):
        self.check(False)

    def test_gradients(self):
        self.check(True)


if __name__ == "__main__":
    unittest.main()
