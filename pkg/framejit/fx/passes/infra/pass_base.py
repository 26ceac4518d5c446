"""PassBase: what passes are derived from."""

import abc
from collections import namedtuple

from framejit.fx.graph_module import GraphModule


class PassResult(namedtuple("PassResult", ["graph_module", "modified"])):
    """What a pass gives: the module, and whether it was changed."""

    __slots__ = ()


class PassBase(abc.ABC):
    """A pass: derive from it and define `call`, which takes a GraphModule and gives a PassResult.

    Raises TypeError if `call` is not defined.

    >>> import framejit
    >>> from framejit.fx.passes.infra.pass_base import PassBase, PassResult
    >>> class Nothing(PassBase):
    ...     def call(self, graph_module):
    ...         return PassResult(graph_module, False)
    >>> Nothing()(framejit.fx.symbolic_trace(lambda x: x)).modified
    False
    """

    def __call__(self, graph_module):
        self.requires(graph_module)
        result = self.call(graph_module)
        self.ensures(graph_module)
        return result

    @abc.abstractmethod
    def call(self, graph_module):
        """The pass itself."""

    def requires(self, graph_module):  # noqa: B027 (most passes need none)
        """Called before it; raises if the module is not fit for the pass."""

    def ensures(self, graph_module):  # noqa: B027
        """Called after it; raises if the pass did not do its work."""


__all__ = ["GraphModule", "PassBase", "PassResult"]
