"""Which sizes an exported program leaves open: `Dim`, `dims`, and what `dynamic_shapes` says about each tensor."""

import inspect

from framejit import _C
from framejit.dynamo.exc import UserError, UserErrorType
from framejit.utils import _pytree as pytree

__all__ = ["Dim", "ShapesCollection", "dims"]


class _DimHint:
    """AUTO, DYNAMIC or STATIC: what to do with a size, without a name for it."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"Dim.{self.name}"

    def __reduce__(self):
        return getattr, (Dim, self.name)


class Dim:
    """A size that is open in an exported program. One Dim in several places means equal sizes.

    name (str): an identifier. min, max (int or None): the sizes that may come, ends included; 0 and no end unless given.
    `Dim.AUTO` leaves a size open if the program allows it, `Dim.DYNAMIC` insists, `Dim.STATIC` keeps it as it is.

    Raises AssertionError for a name that is no identifier and for a range without a size.

    >>> from framejit.export import Dim
    >>> Dim("batch", min=1, max=64)
    Dim('batch', min=1, max=64)
    """

    def __init__(self, name, *, min=None, max=None):
        if not isinstance(name, str) or not name.isidentifier():
            raise AssertionError(f"Dim name must be a valid identifier, got {name}")
        low = 0 if min is None else min
        if low < 0 or max is not None and max < low:
            raise AssertionError(f"Cannot create Dim with inconsistent min={low}, max={max}")
        self.__name__, self.min, self.max = name, low, max

    def __repr__(self):
        ends = "".join(f", {key}={value}" for key, value in (("min", self.min), ("max", self.max)) if value)
        return f"Dim({self.__name__!r}{ends})"

    def _derived(self, *other):
        raise NotImplementedError(
            f"sizes computed from another one ({self.__name__}) are not supported in dynamic_shapes: give each size a Dim"
        )

    __add__ = __radd__ = __sub__ = __mul__ = __rmul__ = __floordiv__ = _derived


Dim.AUTO, Dim.DYNAMIC, Dim.STATIC = _DimHint("AUTO"), _DimHint("DYNAMIC"), _DimHint("STATIC")


def dims(*names, min=None, max=None):
    """Several `Dim`s of one range, as a tuple.

    names (str); min, max (int or None). Raises what Dim raises.

    >>> from framejit.export import dims
    >>> dims("height", "width", min=8)
    (Dim('height', min=8), Dim('width', min=8))
    """
    return tuple(Dim(name, min=min, max=max) for name in names)


class ShapesCollection:
    """Open sizes said tensor by tensor instead of by the structure of the arguments.

    >>> import framejit
    >>> from framejit.export import Dim, ShapesCollection
    >>> x, shapes = framejit.ones(3, 2), ShapesCollection()
    >>> shapes[x] = {0: Dim("n")}
    >>> framejit.export.export(framejit.nn.ReLU(), (x,), dynamic_shapes=shapes).range_constraints
    {'n': VR[0, inf]}
    """

    def __init__(self):
        self._tensors, self._shapes = {}, {}

    def __setitem__(self, tensor, shape):
        if not isinstance(tensor, _C.Tensor):
            raise TypeError(f"Cannot assign shape to non-tensor type {type(tensor)}")
        before = self._shapes.setdefault(id(tensor), shape)
        if before is not shape and before != shape:
            raise AssertionError(f"Shapes assigned to input is a mismatch: {before} and {shape}")
        self._tensors[id(tensor)] = tensor  # so that nothing else gets its id

    def __getitem__(self, tensor):
        return self._shapes[id(tensor)]

    def __len__(self):
        return len(self._shapes)

    def dynamic_shapes(self, m, args, kwargs=None):
        """The same as `export` takes it: a dict of argument to shapes. m (nn.Module), args (tuple), kwargs (dict or None).
        Raises ValueError for a tensor that is no argument."""
        found = set()

        def shape_of(leaf):
            found.add(id(leaf))
            return self._shapes.get(id(leaf))

        args, kwargs = pytree.tree_map(shape_of, (tuple(args), dict(kwargs or {})))
        if set(self._shapes) - found:
            raise ValueError("ShapesCollection: some of its tensors are no arguments")
        return _by_name(m.forward, args, kwargs)


class _Leaf:
    """Stands for the argument of that number."""

    def __init__(self, index):
        self.index = index


def open_dims(dynamic_shapes, forward, leaves, spec):
    """For each leaf of the arguments: {dimension: Dim, Dim.AUTO or Dim.DYNAMIC}."""
    found = [{} for _ in leaves]
    if dynamic_shapes is None:
        return found
    args, kwargs = pytree.tree_unflatten([_Leaf(i) for i in range(len(leaves))], spec)
    named = _by_name(forward, args, kwargs)
    if isinstance(dynamic_shapes, (tuple, list)):
        if len(dynamic_shapes) != len(named):
            _refuse(f"dynamic_shapes has {len(dynamic_shapes)} entries, but there are {len(named)} arguments")
        dynamic_shapes = dict(zip(named, dynamic_shapes))
    if not isinstance(dynamic_shapes, dict):
        _refuse(f"dynamic_shapes must be a dict, tuple or list, but it is a {type(dynamic_shapes).__name__}")
    for name, shapes in dynamic_shapes.items():
        if name not in named:
            _refuse(f"dynamic_shapes names {name!r}, which is none of the arguments {list(named)}")
        _walk(named[name], shapes, name, leaves, found)
    return found


def _refuse(text):
    raise UserError(UserErrorType.INVALID_INPUT, text)


def _by_name(forward, args, kwargs):
    """The arguments under the names of forward's parameters; *args under theirs as a tuple, **kwargs each by its own."""
    try:
        signature = inspect.signature(forward)
        bound = signature.bind(*args, **kwargs)
    except (TypeError, ValueError):
        return {**{f"arg{i}": value for i, value in enumerate(args)}, **kwargs}
    named = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update(named.pop(name, {}))
    return named


def _walk(value, shapes, where, leaves, found):
    if shapes is None:
        return
    if isinstance(value, _Leaf):
        found[value.index] = _of_tensor(leaves[value.index], shapes, where)
    elif isinstance(value, dict):
        if not isinstance(shapes, dict) or not set(shapes) <= set(value):
            _refuse(f"dynamic_shapes of {where} must be a dict with keys among {list(value)}, but it is {shapes!r}")
        for key, part in shapes.items():
            _walk(value[key], part, f"{where}[{key!r}]", leaves, found)
    else:
        parts = list(value) if isinstance(value, (list, tuple)) else pytree.tree_leaves(value)
        if not isinstance(shapes, (list, tuple)) or len(shapes) != len(parts):
            _refuse(f"dynamic_shapes of {where} must be a list or tuple of {len(parts)}, but it is {shapes!r}")
        for i, (part, shape) in enumerate(zip(parts, shapes)):
            _walk(part, shape, f"{where}[{i}]", leaves, found)


def _of_tensor(leaf, shapes, where):
    if shapes is Dim.STATIC:
        return {}
    if not isinstance(leaf, _C.Tensor):
        raise NotImplementedError(f"{where} is not a tensor: only sizes of tensors can be left open")
    rank = leaf.dim()
    if isinstance(shapes, (Dim, _DimHint)):
        _refuse(
            f"dynamic_shapes of {where} must be a dict or sequence with one entry a dimension, but it is {shapes!r}"
        )
    if not isinstance(shapes, dict):
        if len(shapes) != rank:
            _refuse(f"dynamic_shapes of {where} has {len(shapes)} entries, but the tensor has {rank} dimensions")
        shapes = dict(enumerate(shapes))
    out = {}
    for dim, entry in shapes.items():
        if not isinstance(dim, int) or not -rank <= dim < rank:
            _refuse(f"dynamic_shapes of {where} names dimension {dim!r} of a tensor of {rank} dimensions")
        size = leaf.shape[dim]
        if isinstance(entry, int) and not isinstance(entry, bool):
            if entry != size:
                _refuse(f"dynamic_shapes says that dimension {dim} of {where} is {entry}, but it is {size}")
        elif isinstance(entry, Dim):
            if size < entry.min or entry.max is not None and size > entry.max:
                _refuse(f"dimension {dim} of {where} is {size}, which is outside the range of {entry!r}")
            out[dim % rank] = entry
        elif entry in (Dim.AUTO, Dim.DYNAMIC):
            out[dim % rank] = entry
        elif entry is not None and entry is not Dim.STATIC:
            _refuse(f"dynamic_shapes of {where} says {entry!r} for dimension {dim}: expected a Dim, an int or None")
    return out
