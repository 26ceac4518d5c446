"""torch._dynamo.backends.debugging"""

from framejit._backends import _aot_eager as aot_eager
from framejit._backends import _eager as eager
from framejit._backends import eager_debug, eager_noexcept, lookup_backend, pre_dispatch_eager
from framejit.dynamo._failing_backends import (
    ReluCompileError,
    non_leaf_compile_error_TESTING_ONLY,
    relu_accuracy_error_TESTING_ONLY,
    relu_compile_error_TESTING_ONLY,
    relu_runtime_error_TESTING_ONLY,
)
from framejit.dynamo.explain import ExplainOutput


class ExplainWithBackend:
    """A back end that records what it is given; `output()` is an ExplainOutput of it."""

    def __init__(self, backend):
        self.backend = lookup_backend(backend)
        self.graphs = []

    def __call__(self, gm, example_inputs):
        self.graphs.append(gm)
        return self.backend(gm, example_inputs)

    def output(self):
        """What was recorded."""
        return ExplainOutput(self.graphs, [])
