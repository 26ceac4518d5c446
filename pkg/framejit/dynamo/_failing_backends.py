"""Back ends that fail where a graph has relu, to test what reacts to failing back ends. PyTorch's names."""

from framejit import _C, _ops


def _is_relu(node):
    return node.target is _ops.relu or node.op == "call_method" and node.target == "relu"


def _with_relus_replaced(gm, function):
    for node in gm.graph.nodes:
        if _is_relu(node):
            node.op, node.target = "call_function", function
    gm.recompile()
    return gm


def raise_error_TESTING_ONLY(gm, example_inputs):  # noqa: N802 (as the others)
    """Raises RuntimeError for any graph: the option `_raise_error_for_testing` of `framejit.compile`."""
    raise RuntimeError("an error that was asked for by the option _raise_error_for_testing")


class ReluCompileError(Exception):
    """What relu_compile_error_TESTING_ONLY raises."""


def relu_compile_error_TESTING_ONLY(gm, example_inputs):  # noqa: N802 (PyTorch's name)
    """Raises ReluCompileError for a graph with relu, and runs others op by op."""
    if any(map(_is_relu, gm.graph.nodes)):
        raise ReluCompileError
    return gm.forward


def relu_runtime_error_TESTING_ONLY(gm, example_inputs):  # noqa: N802
    """Raises AssertionError where relu is computed."""

    def fail(x, inplace=False):
        raise AssertionError("ReluRuntimeError")

    return _with_relus_replaced(gm, fail).forward


def relu_accuracy_error_TESTING_ONLY(gm, example_inputs):  # noqa: N802
    """Computes relu(x) + 1 for relu(x)."""
    return _with_relus_replaced(gm, lambda x, inplace=False: _ops.relu(x) + 1).forward


def non_leaf_compile_error_TESTING_ONLY(gm, example_inputs):  # noqa: N802
    """Raises TypeError if an input is no leaf."""
    for x in example_inputs:
        if isinstance(x, _C.Tensor) and not x.is_leaf:
            raise TypeError(f"non-leaf input: {tuple(x.shape)}")
    return gm.forward
