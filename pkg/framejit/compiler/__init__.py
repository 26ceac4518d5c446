"""compiler: the public directions to the compiler, under PyTorch's names."""

from framejit._backends import list_backends
from framejit._compile import compile
from framejit.dynamo.control import allow_in_graph, assume_constant_result, disable, is_compiling, reset

from .stance import set_stance

is_dynamo_compiling = is_compiling


def is_exporting():
    """Whether this code is being exported: there is no export."""
    return False


__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "reset",
    "set_stance",
]
