"""torch._functorch.aot_autograd: forward and backward passes compiled apart."""

from framejit._aot import aot_function, aot_module, aot_module_simplified, make_boxed_compiler, make_boxed_func
from framejit.fx import traceback
from framejit.fx.experimental.proxy_tensor import make_fx
from framejit.utils._python_dispatch import _disable_current_modes

__all__ = [
    "aot_export_joint_simple",
    "aot_function",
    "aot_module",
    "aot_module_simplified",
    "make_boxed_compiler",
    "make_boxed_func",
    "setup_stacktrace_preservation_hooks",
]


def aot_export_joint_simple(func, args, *, trace_joint, num_params_buffers=0, decompositions=None):
    """The function as a flat graph of operators, for these arguments. Joint graphs are not given."""
    if trace_joint:
        raise NotImplementedError("aot_export_joint_simple: trace_joint=True is not supported")
    with _disable_current_modes():
        return make_fx(func, decompositions)(*args)


def setup_stacktrace_preservation_hooks(roots):
    """From now on nodes made while these parts of the tape run are told where the forward pass was."""
    seen, waiting = set(), [node for node in roots if node is not None]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        waiting += [below for below, _ in node.next_functions if below is not None]
        stack = node.metadata.get("traceback_", [])
        stack = list(stack) if isinstance(stack, list) else [stack]
        node.register_prehook(_before(stack, node._sequence_nr()))
        node.register_hook(_after([*stack, "Gradient addition node due to multiple use of tensor around:"]))


def _before(stack, number):
    def prehook(grad_outputs):
        traceback.set_stack_trace(stack)
        traceback.set_grad_fn_seq_nr(number)

    return prehook


def _after(stack):
    def posthook(grad_inputs, grad_outputs):
        traceback.set_stack_trace(stack)
        traceback.reset_grad_fn_seq_nr()

    return posthook
