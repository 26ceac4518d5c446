"""A gradual type checker of graphs: sizes of tensors, checked and inferred as far as annotations say them.

`_gradual_rules.py` has the rules of operations; `register_…_rule` adds others.
"""

import itertools

from framejit import _C
from framejit.fx.node import map_arg
from framejit.fx.tensor_type import Dyn, TensorType

from . import _gradual_rules
from ._gradual_rules import *  # noqa: F403
from .unification import Var

__all__ = ["GraphTypeChecker", "Refine", "get_parameter", *_gradual_rules.__all__]


def get_parameter(traced, target):
    """The parameter with a dotted name. traced (nn.Module), target (str). Raises AttributeError where there is none."""
    path, _, name = target.rpartition(".")
    module = traced.get_submodule(path)
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    return getattr(module, name)


def _rule_of(rules, traced, node):
    """The rule of a call and what it is called with, or None."""
    if node.op == "call_function":
        rule = rules.get(node.target)
        return rule and ((rule, (node, traced)) if node.target is getattr else (rule, (node,)))
    if node.op == "call_module":
        module = traced.get_submodule(node.target)
        rule = rules.get(type(module))
        return rule and (rule, (node, module))
    return None


def _set_output(node):
    if node.op == "output":
        node.type = map_arg(node.args[0], lambda value: value.type)
    return node.type


class GraphTypeChecker:
    """Checks the types of a module's nodes and writes them to `node.type`, `Dyn` where nothing is known.

    env (dict): not used. traced (GraphModule). Raises nothing of its own.

    >>> import framejit
    >>> from framejit.fx.experimental.graph_gradual_typechecker import GraphTypeChecker
    >>> from framejit.fx.tensor_type import Dyn, TensorType
    >>> def f(x: TensorType((2, Dyn, 4))):
    ...     return framejit.transpose(x, 0, 1)
    >>> traced = framejit.fx.symbolic_trace(f)
    >>> GraphTypeChecker({}, traced).type_check(), [node.type for node in traced.graph.nodes][-1]
    (True, TensorType[[Dyn, 2, 4]])
    """

    def __init__(self, env, traced):
        self.env, self.traced = env, traced

    def type_check(self):
        """Checks all nodes; True. Raises TypeError where types do not fit, RuntimeError for a call without a rule."""
        for node in self.traced.graph.nodes:
            self.type_check_node(node)
        return True

    def type_check_node(self, n):
        """Checks one node, whose inputs are checked, and gives its type. n (Node)."""
        if n.type is None:
            n.type = Dyn
        if n.op == "get_attr":
            value = get_parameter(self.traced, n.target)
            if isinstance(value, _C.Tensor):
                n.type = TensorType(value.shape)
        elif n.op in ("call_function", "call_module"):
            found = _rule_of(_gradual_rules.INFERENCE, self.traced, n)
            if found is None:
                raise RuntimeError(f"No inference rule registered for {n.op} {n.target}!")
            rule, args = found
            return rule(*args)
        elif n.op == "call_method":
            raise NotImplementedError(f"Method {n.op} not yet implemented")
        return _set_output(n)


class Refine:
    """Gives unknown sizes names, and says which sizes must be equal: `constraints`, a list of Equality.

    traced (GraphModule): one whose types are checked. Raises nothing of its own.
    """

    def __init__(self, traced):
        self.constraints, self.traced, self.symbol_iter = [], traced, itertools.count()

    def refine(self):
        """Names the unknown sizes of all nodes, and notes what each operation says about them."""
        for node in self.traced.graph.nodes:
            self.refine_node(node)
        return True

    def symbolic_relations(self):
        """Makes names sympy's symbols, and sizes expressions of others where a rule says how. Raises ImportError."""
        for node in self.traced.graph.nodes:
            self.infer_symbolic_relations(node)
        return True

    def refine_node(self, n):
        """The same for one node. n (Node)."""
        n.type = self.replace_dyn_with_fresh_var(Dyn if n.type is None else n.type)
        found = _rule_of(_gradual_rules.REFINEMENT, self.traced, n)
        if found is not None:
            self.constraints += found[0](n) or ()
        return _set_output(n)

    def infer_symbolic_relations(self, n):
        """The same for one node. n (Node)."""
        n.type = self.convert_to_sympy_symbols(n.type)
        found = _rule_of(_gradual_rules.ALGEBRAIC, self.traced, n)
        if found is not None:
            rule, args = found
            return rule(*args)
        return _set_output(n)

    def replace_dyn_with_fresh_var(self, typ):
        """A type with a new variable for each thing that is not known. typ (object)."""
        return _mapped(typ, lambda t: Var(next(self.symbol_iter)) if t == Dyn else t)

    def convert_to_sympy_symbols(self, typ):
        """A type with sympy's symbols for variables. typ (object). Raises ImportError without sympy."""
        return _mapped(typ, lambda t: _symbol(t) if isinstance(t, Var) else t)


def _symbol(variable):
    import sympy

    return sympy.Symbol(str(variable))


def _mapped(typ, function):
    """A type with the function applied to what is no tensor type, list, or tuple in it."""
    if isinstance(typ, TensorType):
        return TensorType(tuple(_mapped(d, function) for d in typ.dims))
    if isinstance(typ, (list, tuple)):
        return type(typ)(_mapped(t, function) for t in typ)
    return function(typ)
