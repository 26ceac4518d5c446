"""Symbolic sizes: variables for what is not known, and what the equalities between them say."""

from framejit.fx.tensor_type import TensorType

from .graph_gradual_typechecker import Refine
from .unification import Var, reify, unify

__all__ = [
    "check_for_type_equality", "convert_eq", "infer_symbolic_types", "infer_symbolic_types_single_pass",
    "substitute_all_types", "substitute_solution_one_type", "unify_eq",
]  # fmt: skip


def infer_symbolic_types_single_pass(traced):
    """Gives unknown sizes in a type-checked module's graph names, equal ones the same.

    traced (GraphModule). Raises TypeError for sizes that cannot be equal and must be.
    """
    refine = Refine(traced)
    refine.refine()
    substitute_all_types(traced.graph, unify_eq(refine.constraints))
    return refine


def infer_symbolic_types(traced):
    """The same twice, as broadcasting needs it, and then sizes as expressions of others where a rule says how.

    traced (GraphModule). Raises TypeError for sizes that cannot be equal and must be, ImportError without sympy.
    """
    infer_symbolic_types_single_pass(traced)
    infer_symbolic_types_single_pass(traced).symbolic_relations()


def convert_eq(list_of_eq):
    """The left and the right sides of equalities. list_of_eq (list of Equality)."""
    return tuple(eq.lhs for eq in list_of_eq), tuple(eq.rhs for eq in list_of_eq)


def unify_eq(list_of_eq):
    """What variables must be for all equalities to hold. list_of_eq (list of Equality).

    Raises TypeError where nothing makes them hold.

    >>> from framejit.fx.experimental.refinement_types import Equality
    >>> from framejit.fx.experimental.unification import Var
    >>> from framejit.fx.experimental.unify_refinements import unify_eq
    >>> unify_eq([Equality(Var("n"), 2), Equality(2, Var("m"))])
    {~n: 2, ~m: 2}
    """
    found = unify(*convert_eq(list_of_eq))
    if found is False:
        raise TypeError(f"these sizes cannot be equal: {', '.join(map(str, list_of_eq))}")
    return found


def substitute_solution_one_type(mapping, t):
    """A type with what is known of its variables. mapping (dict), t (TensorType or other)."""
    if isinstance(t, TensorType):
        return TensorType(tuple(reify(d, mapping) for d in t.dims))
    if isinstance(t, (list, tuple)):
        return type(t)(substitute_solution_one_type(mapping, item) for item in t)
    return reify(t, mapping) if isinstance(t, Var) else t


def substitute_all_types(graph, mapping):
    """The same for the types of all nodes. graph (Graph), mapping (dict)."""
    for node in graph.nodes:
        node.type = substitute_solution_one_type(mapping, node.type)


def check_for_type_equality(g1, g2):
    """Whether the nodes of two graphs have the same types, one by one. g1, g2 (Graph)."""
    return all(n.type == m.type for n, m in zip(g1.nodes, g2.nodes))
