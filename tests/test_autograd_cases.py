"""Hooks, requires_grad, modes, in-place writes, aliases and derivatives in frames, one small program each.

Every program is called three times, plain and compiled, on arguments of its own; compared are what it returns (value, dtype,
requires_grad, leaf or not), its arguments afterwards and their gradients, what it raises, and the gradients of a backward
pass through what it returns.
"""

import unittest
import warnings

import framejit
from framejit import nn

from tests.autograd_subjects import CASES


def facts(value):
    if isinstance(value, framejit.Tensor):
        return str(value.dtype), value.requires_grad, value.is_leaf, value.detach().tolist()
    if isinstance(value, (tuple, list)):
        return [facts(v) for v in value]
    if isinstance(value, nn.Module):
        return [(facts(p), facts(p.grad)) for p in value.parameters()]
    return value


def tensors_of(value):
    if isinstance(value, nn.Module):
        return list(value.parameters())
    return [value] if isinstance(value, framejit.Tensor) else []


def outcome(function, args):
    try:
        result = function(*args)
    except Exception as e:
        return type(e), str(e)
    seen = [facts(result), [facts(a) for a in args]]
    for a in args:
        for t in tensors_of(a):
            seen.append(facts(t.grad) if t.is_leaf else None)
            t.grad = None
    for t in result if isinstance(result, tuple) else (result,):
        if isinstance(t, framejit.Tensor) and t.requires_grad and t.grad_fn is not None:
            try:
                t.sum().backward(retain_graph=True)
            except RuntimeError as e:
                seen.append(str(e))
    for a in args:
        for t in tensors_of(a):
            seen.append(facts(t.grad) if t.is_leaf else None)
            t.grad = None
    return seen


ONE_GRAPH = (
    "hook_on_a_result_used_inside hook_that_changes_a_gradient hook_taken_off_before hook_that_reads_and_raises hooks_in_order "
    "requires_grad_of_a_detached requires_grad_as_attribute inference_mode_off write_to_an_input second_derivative "
    "writes_through_views_of_a_result writes_through_views_of_an_input unused_input given_gradients gradient_written "
    "function_and_a_backward_pass checkpoint clipped weight_with_a_hook steps_in_one_frame"
).split()


class CasesTest(unittest.TestCase):
    def test_cases(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for function, makers in CASES:
                with self.subTest(function.__name__):
                    compiled = framejit.compile(function)
                    args, same = ([make() for make in makers] for _ in range(2))
                    for _ in range(3):
                        self.assertEqual(outcome(function, args), outcome(compiled, same))
                    fresh, others = ([make() for make in makers] for _ in range(2))
                    self.assertEqual(outcome(function, fresh), outcome(compiled, others))
                    if function.__name__ in ONE_GRAPH:
                        self.assertEqual([row["reason"] for row in compiled._entries() if row["reason"]], [])


if __name__ == "__main__":
    unittest.main()
