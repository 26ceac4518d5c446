"""Types of tensors by their sizes, as far as they are known: what the gradual type checker computes with."""

from .experimental.unification import Var

__all__ = ["Dyn", "TensorType", "is_consistent", "is_more_precise"]


class TensorType:
    """The type of tensors with these sizes; `Dyn` is a size that is not known. It may annotate parameters.

    dim (sequence of int, Dyn, or variables). Raises nothing of its own.

    >>> from framejit.fx.tensor_type import Dyn, TensorType
    >>> TensorType((1, Dyn)) == TensorType[1, Dyn], TensorType((1, Dyn))
    (True, TensorType[(1, Dyn)])
    """

    def __init__(self, dim):
        self.__origin__, self.__args__ = TensorType, dim

    @property
    def dims(self):
        """The sizes."""
        return self.__args__

    def __repr__(self):
        return f"TensorType[{self.dims}]"

    def __eq__(self, other):
        return isinstance(other, TensorType) and list(self.dims) == list(other.dims)

    __hash__ = None  # sizes may be a list

    def __class_getitem__(cls, dims):
        return TensorType(dims if isinstance(dims, tuple) else (dims,))


class _DynType:
    """The type, or the size, of which nothing is known: `Dyn`."""

    __name__ = "_DynType"

    def __eq__(self, other):
        return isinstance(other, _DynType)

    def __hash__(self):
        return hash(_DynType)

    def __repr__(self):
        return "Dyn"


Dyn = _DynType()


def _all_pairs(relation, first, second):
    """Whether the relation holds for each size of two tensor types of one rank; False for what is no two such types."""
    if not (isinstance(first, TensorType) and isinstance(second, TensorType)):
        return False
    return len(first.dims) == len(second.dims) and all(map(relation, first.dims, second.dims))


def is_consistent(t1, t2):
    """Whether some value could have both types. Reflexive and symmetric, not transitive.

    t1, t2 (TensorType, Dyn, type, or size). Raises nothing of its own.

    >>> from framejit.fx.tensor_type import Dyn, TensorType, is_consistent
    >>> is_consistent(TensorType((1, Dyn)), TensorType((Dyn, 2))), is_consistent(TensorType((1,)), TensorType((2,)))
    (True, False)
    """
    if t1 == t2 or Dyn in (t1, t2) or isinstance(t1, Var) or isinstance(t2, Var):
        return True
    return _all_pairs(is_consistent, t1, t2)


def is_more_precise(t1, t2):
    """Whether t1 says all that t2 says: an order, in which Dyn is the greatest.

    t1, t2 (TensorType, Dyn, type, or size). Raises nothing of its own.

    >>> from framejit.fx.tensor_type import Dyn, TensorType, is_more_precise
    >>> is_more_precise(TensorType((1, 2)), TensorType((1, Dyn))), is_more_precise(Dyn, 2)
    (True, False)
    """
    return t1 == t2 or t2 == Dyn or _all_pairs(is_more_precise, t1, t2)
