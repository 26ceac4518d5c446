"""The rules of the gradual type checker: what an operation asks of the types of its arguments, and what it gives.

INFERENCE has the type of a call from those of its arguments and from what is annotated; REFINEMENT which sizes are equal;
ALGEBRAIC sizes as expressions. A rule of a function takes the node, one of a module the node and the module, those of
REFINEMENT the node alone. A size may be an int, `Dyn`, a variable, or an expression of sympy's.
"""

import math
import operator

import framejit
from framejit import nn
from framejit.fx.node import Node
from framejit.fx.tensor_type import Dyn, TensorType, is_consistent, is_more_precise

from .refinement_types import Equality
from .unification import Var

__all__ = [
    "adaptiveavgpool2d_check", "adaptiveavgpool2d_inference_rule", "add_inference_rule", "all_eq", "bn2d_inference_rule",
    "broadcast_types", "calculate_out_dimension", "conv2d_inference_rule", "conv_refinement_rule", "conv_rule",
    "element_wise_eq", "expand_to_tensor_dim", "first_two_eq", "flatten_check", "flatten_inference_rule",
    "flatten_refinement_rule", "get_attr_inference_rule", "get_greatest_upper_bound", "linear_check",
    "linear_inference_rule", "linear_refinement_rule", "maxpool2d_check", "maxpool2d_inference_rule",
    "register_algebraic_expressions_inference_rule", "register_inference_rule", "register_refinement_rule",
    "relu_inference_rule", "reshape_inference_rule", "transpose_inference_rule",
]  # fmt: skip

INFERENCE, REFINEMENT, ALGEBRAIC = {}, {}, {}  # function or class of modules -> rule


def _registering(rules, call_target):
    def register(rule):
        if call_target in rules:
            raise RuntimeError(f"Rule already registered for {call_target}!")
        rules[call_target] = rule
        return rule

    return register


def register_inference_rule(call_target):
    """A decorator: the function is the rule of types for calls of that function or class of modules.

    call_target (callable or type). Raises RuntimeError where there is one.
    """
    return _registering(INFERENCE, call_target)


def register_refinement_rule(call_target):
    """The same for the rule that says which sizes are equal. call_target (callable or type). Raises RuntimeError."""
    return _registering(REFINEMENT, call_target)


def register_algebraic_expressions_inference_rule(call_target):
    """The same for the rule that gives sizes as expressions. call_target (callable or type). Raises RuntimeError."""
    return _registering(ALGEBRAIC, call_target)


# ---- types ---------------------------------------------------------------------------------------------------


def expand_to_tensor_dim(t, n):
    """A type as one of tensors of rank n. t (TensorType or Dyn), n (int). Raises TypeError for another rank or type.

    >>> from framejit.fx.experimental.graph_gradual_typechecker import expand_to_tensor_dim
    >>> expand_to_tensor_dim(framejit.fx.tensor_type.Dyn, 2)
    TensorType[(Dyn, Dyn)]
    """
    if t == Dyn:
        return TensorType((Dyn,) * n)
    if not isinstance(t, TensorType):
        raise TypeError(f"Cannot match the type {t}")
    if len(t.dims) != n:
        raise TypeError(f"Cannot extend tensor. Tensor {t} has rank {len(t.dims)}. It should have rank {n}")
    return t


def broadcast_types(t1, t2):
    """Both types with the sizes that broadcasting gives them. t1, t2 (TensorType, Dyn, or variable).

    Raises TypeError for other types.

    >>> from framejit.fx.experimental.graph_gradual_typechecker import broadcast_types
    >>> from framejit.fx.tensor_type import Dyn, TensorType
    >>> broadcast_types(TensorType((2, Dyn)), TensorType((4, 1, 3)))
    (TensorType[(4, 2, Dyn)], TensorType[(4, 2, 3)])
    """
    if any(t == Dyn or isinstance(t, Var) for t in (t1, t2)):
        return t1, t2
    if not (isinstance(t1, TensorType) and isinstance(t2, TensorType)):
        raise TypeError(f"Cannot broadcast types {t1} and {t2}")
    rank = max(len(t1.dims), len(t2.dims))
    first, second = ([1] * (rank - len(t.dims)) + list(t.dims) for t in (t1, t2))
    return (
        TensorType(tuple(y if x == 1 else x for x, y in zip(first, second))),
        TensorType(tuple(x if y == 1 and x != 1 else y for x, y in zip(first, second))),
    )


def get_greatest_upper_bound(type1, type2):
    """The most precise type that says what either says. type1, type2 (TensorType or Dyn). Raises TypeError where they
    contradict each other.

    >>> from framejit.fx.experimental.graph_gradual_typechecker import get_greatest_upper_bound
    >>> from framejit.fx.tensor_type import Dyn, TensorType
    >>> get_greatest_upper_bound(TensorType((2, Dyn)), TensorType((Dyn, 3)))
    TensorType[(2, 3)]
    """
    if type1 == Dyn or type2 == Dyn:
        return type2 if type1 == Dyn else type1
    if not (isinstance(type1, TensorType) and isinstance(type2, TensorType) and is_consistent(type1, type2)):
        raise TypeError(f"Inconsistent types {type1}, {type2}")
    return TensorType(tuple(a if is_more_precise(a, b) else b for a, b in zip(type1.dims, type2.dims)))


def _input(n):
    if not n.args or not isinstance(n.args[0], Node):
        raise TypeError(f"the first argument of {n} is no value of the graph")
    return n.args[0]


def _same_rank_as_result(n):
    """The type of the input, which has the result's rank where only that is annotated."""
    value = _input(n)
    if value.type == Dyn and isinstance(n.type, TensorType):
        value.type = expand_to_tensor_dim(value.type, len(n.type.dims))
    return value.type


def _unfit(n, module, kind):
    return TypeError(f"Cannot apply {module} with input type {kind} and existing type {n.type} on {n}")


# ---- functions -----------------------------------------------------------------------------------------------


@register_inference_rule(framejit.add)
@register_inference_rule(operator.add)
def add_inference_rule(n):
    """Sums broadcast; a number leaves the other's type. The less precise type is the result's. n (Node)."""
    kinds = [a.type if isinstance(a, Node) else type(a) for a in n.args[:2]]
    for kind, other in (kinds, kinds[::-1]):
        if kind in (int, float) and isinstance(other, TensorType):
            n.type = other
            return other
    new = broadcast_types(*kinds)
    n.meta["broadcast"] = list(new) != kinds
    if n.meta["broadcast"]:
        n.meta.update({str(a): kind for a, kind in zip(n.args, new)})
    if not is_consistent(*new):
        raise TypeError(
            f"Cannot add arguments {n.args[0]} ({kinds[0]}) and {n.args[1]} ({kinds[1]}) in node {n}. Types should match "
        )
    n.type = new[1] if is_more_precise(*new) else new[0]
    return n.type


@register_inference_rule(getattr)
def get_attr_inference_rule(n, traced):
    """A shape has no type of its own: Dyn. n (Node), traced (GraphModule). Raises TypeError for other attributes."""
    if n.args[1] != "shape":
        raise TypeError(f"the attribute {n.args[1]} has no type")
    n.type = Dyn
    return n.type


@register_inference_rule(framejit.transpose)
def transpose_inference_rule(n):
    """Two sizes change places. n (Node). Raises TypeError for dimensions that are not there."""
    kind, dims = _input(n).type, n.args[1:3]
    if kind == Dyn:
        n.type = Dyn
        return n.type
    rank = len(kind.dims) if isinstance(kind, TensorType) else 0
    if not all(isinstance(d, int) and -rank <= d < rank for d in dims):
        raise TypeError(f"Cannot transpose {dims[0]} and {dims[1]} in type {kind} for node {n}")
    sizes = list(kind.dims)
    sizes[dims[0]], sizes[dims[1]] = sizes[dims[1]], sizes[dims[0]]
    n.type = get_greatest_upper_bound(n.type, TensorType(sizes))
    return n.type


@register_inference_rule(framejit.reshape)
def reshape_inference_rule(n):
    """The sizes asked for; what is known of the numbers of elements must divide one by the other. n (Node).

    Raises TypeError where it does not.
    """
    kind, sizes = _input(n).type, n.args[1]
    asked = TensorType([Dyn if size == -1 else size for size in sizes])
    if kind != Dyn:
        if not isinstance(kind, TensorType):
            raise TypeError(f"Cannot reshape in node {n} from {kind} to {asked}")
        have, want = (math.prod(d for d in t.dims if d != Dyn) for t in (kind, asked))
        if have != want and not (have and want and (have % want == 0 or want % have == 0)):
            raise TypeError(f"Cannot reshape in node {n} from {kind} to {asked}")
    n.type = asked
    return n.type


def _flattened_dims(n):
    """The first and the last dimension that a flatten joins, as they are given."""
    start = n.args[1] if len(n.args) > 1 else n.kwargs.get("start_dim", 0)
    return start, n.args[2] if len(n.args) > 2 else n.kwargs.get("end_dim", -1)


def _joined_dims(tensor_type, start, end):
    """The same counted from 0. Raises TypeError for dimensions that are not there."""
    rank = len(tensor_type.dims)
    if not all(isinstance(d, int) and -rank <= d < rank for d in (start, end)) or start % rank > end % rank:
        raise TypeError(f"Incompatible dimensions {start}, {end} in type {tensor_type}")
    return start % rank, end % rank


def flatten_check(tensor_type, start_dim, end_dim):
    """The type with the sizes of these dimensions joined. tensor_type (TensorType), start_dim, end_dim (int).

    Raises TypeError for dimensions that are not there.

    >>> from framejit.fx.experimental.graph_gradual_typechecker import flatten_check
    >>> flatten_check(framejit.fx.tensor_type.TensorType((2, 3, 4)), 1, -1)
    TensorType[(2, 12)]
    """
    start, end = _joined_dims(tensor_type, start_dim, end_dim)
    sizes = list(tensor_type.dims)
    inside = sizes[start : end + 1]
    joined = Dyn if Dyn in inside else math.prod(inside)
    return TensorType((*sizes[:start], joined, *sizes[end + 1 :]))


@register_inference_rule(framejit.flatten)
def flatten_inference_rule(n):
    """The sizes between two dimensions are joined. n (Node)."""
    kind = _input(n).type
    if isinstance(kind, TensorType):
        n.type = get_greatest_upper_bound(flatten_check(kind, *_flattened_dims(n)), n.type)
    return n.type


# ---- modules -------------------------------------------------------------------------------------------------


@register_inference_rule(nn.BatchNorm2d)
def bn2d_inference_rule(n, module_instance):
    """Rank 4, as many channels as the module has features; the result has the input's sizes. n (Node)."""
    value = _input(n)
    value.type = expand_to_tensor_dim(value.type, 4)
    n.type = expand_to_tensor_dim(n.type, 4)
    channels = module_instance.num_features
    if not all(is_consistent(t.dims[1], channels) for t in (value.type, n.type)) or not is_consistent(
        value.type, n.type
    ):
        raise _unfit(n, module_instance, value.type)
    n.type = get_greatest_upper_bound(value.type, n.type)
    return n.type


def _pair(value, index):
    return value if isinstance(value, int) else value[index]


def calculate_out_dimension(d_in, module_instance, index):
    """What a window of a convolution or pooling makes of one size. d_in (int, Dyn, or expression), module_instance
    (nn.Module), index (int): 0 for heights, 1 for widths. Raises TypeError for other sizes.

    >>> from framejit.fx.experimental.graph_gradual_typechecker import calculate_out_dimension
    >>> calculate_out_dimension(10, framejit.nn.Conv2d(1, 1, 3, stride=2), 0)
    4
    """
    if d_in == Dyn:
        return Dyn
    if not isinstance(d_in, int) and not hasattr(d_in, "free_symbols"):
        raise TypeError(f"{d_in} in {module_instance} must be a number or Dyn. Received {type(d_in)}")
    names = ("padding", "dilation", "kernel_size", "stride")
    padding, dilation, kernel, stride = (_pair(getattr(module_instance, name), index) for name in names)
    return (d_in + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _window(dims, module):
    """The last two sizes after a window has passed over them."""
    return tuple(calculate_out_dimension(size, module, i) for i, size in enumerate(dims[-2:]))


@register_inference_rule(nn.Conv2d)
def conv2d_inference_rule(n, module_instance):
    """Rank 4, the module's channels in and out, and what its window makes of heights and widths. n (Node)."""
    value = _input(n)
    value.type = expand_to_tensor_dim(value.type, 4)
    known = expand_to_tensor_dim(n.type, 4)
    dims = value.type.dims
    if not is_consistent(dims[1], module_instance.in_channels):
        raise _unfit(n, module_instance, value.type)
    made = TensorType((dims[0], module_instance.out_channels, *_window(dims, module_instance)))
    n.type = get_greatest_upper_bound(made, known)
    return n.type


@register_inference_rule(nn.ReLU)
def relu_inference_rule(n, module_instance):
    """Input and result have the same sizes. n (Node), module_instance (nn.Module)."""
    kind = _same_rank_as_result(n)
    if isinstance(kind, TensorType):
        n.type = get_greatest_upper_bound(kind, n.type)
    return n.type


def _checked(check):
    """The rule that applies a check to the input's type, and bounds the result by what is annotated."""

    def rule(n, module_instance):
        """The type that the check gives, as precise as the annotation. n (Node), module_instance (nn.Module)."""
        kind = _same_rank_as_result(n)
        if isinstance(kind, TensorType):
            n.type = get_greatest_upper_bound(check(kind, module_instance), n.type)
        return n.type

    return rule


def maxpool2d_check(typ, module_instance):
    """What a pooling makes of a type. typ (TensorType), module_instance (nn.Module). Raises TypeError for other ranks."""
    if len(typ.dims) not in (3, 4):
        raise TypeError(f"Wrong size {typ} for {module_instance}")
    return TensorType((*typ.dims[:-2], *_window(typ.dims, module_instance)))


def adaptiveavgpool2d_check(tensor_type, module_instance):
    """The same for an adaptive pooling. tensor_type (TensorType), module_instance (nn.Module). Raises TypeError."""
    dims, asked = tensor_type.dims, module_instance.output_size
    if len(dims) not in (3, 4):
        raise TypeError(f"Tensor ranks must be 3 or 4. Got {tensor_type}")
    sizes = (asked, asked) if not isinstance(asked, (tuple, list)) else asked
    return TensorType((*dims[:-2], *(own if size is None else size for own, size in zip(dims[-2:], sizes))))


def linear_check(tensor_type, module_instance):
    """The same for a linear map. tensor_type (TensorType), module_instance (nn.Module). Raises TypeError."""
    dims = tensor_type.dims
    if len(dims) < 2:
        raise TypeError(f"Type {tensor_type} must have rank 2 or more.")
    if not is_consistent(module_instance.in_features, dims[-1]):
        raise TypeError(f"Inconsistent {module_instance.in_features} and {dims[-1]} in {module_instance}")
    return TensorType((*dims[:-1], module_instance.out_features))


maxpool2d_inference_rule = register_inference_rule(nn.MaxPool2d)(_checked(maxpool2d_check))
adaptiveavgpool2d_inference_rule = register_inference_rule(nn.AdaptiveAvgPool2d)(_checked(adaptiveavgpool2d_check))
linear_inference_rule = register_inference_rule(nn.Linear)(_checked(linear_check))


# ---- which sizes are equal -----------------------------------------------------------------------------------


def _equal_first(count):
    """The rule that the first sizes of input and result are equal: so many of them, or all."""

    def rule(n):
        """Equalities of the first sizes of input and result. n (Node)."""
        kinds = (_input(n).type, n.type)
        if not all(isinstance(t, TensorType) for t in kinds):
            return []
        return [Equality(a, b) for a, b in zip(*(t.dims[:count] for t in kinds))]

    return rule


conv_refinement_rule = register_refinement_rule(nn.Conv2d)(_equal_first(1))
linear_refinement_rule = register_refinement_rule(nn.Linear)(_equal_first(1))
all_eq = register_refinement_rule(nn.ReLU)(register_refinement_rule(nn.BatchNorm2d)(_equal_first(None)))
first_two_eq = register_refinement_rule(nn.MaxPool2d)(register_refinement_rule(nn.AdaptiveAvgPool2d)(_equal_first(2)))


@register_refinement_rule(framejit.add)
@register_refinement_rule(operator.add)
def element_wise_eq(n):
    """Sizes that both operands have are the result's. They are known to be equal after a first pass. n (Node)."""
    kinds = [a.type if isinstance(a, Node) else None for a in (*n.args[:2], n)]
    if not all(isinstance(t, TensorType) for t in kinds):
        return []
    first, second = broadcast_types(*kinds[:2])
    return [Equality(a, c) for a, b, c in zip(first.dims, second.dims, kinds[2].dims) if a == b]


@register_refinement_rule(framejit.flatten)
def flatten_refinement_rule(n):
    """Sizes before and after what is joined stay. n (Node)."""
    before, after = _input(n).type, n.type
    if not (isinstance(before, TensorType) and isinstance(after, TensorType)):
        return []
    start, end = _joined_dims(before, *_flattened_dims(n))
    rest = len(before.dims) - end - 1
    pairs = [*zip(after.dims[:start], before.dims[:start])]
    return [Equality(*pair) for pair in (*pairs, *(zip(after.dims[-rest:], before.dims[-rest:]) if rest else ()))]


@register_algebraic_expressions_inference_rule(nn.Conv2d)
def conv_rule(n, module_instance):
    """Heights and widths as expressions of the input's. n (Node), module_instance (nn.Module)."""
    kind = _input(n).type
    if isinstance(kind, TensorType) and isinstance(n.type, TensorType):
        n.type = TensorType((*n.type.dims[:2], *_window(kind.dims, module_instance)))
        return n.type
    return None
