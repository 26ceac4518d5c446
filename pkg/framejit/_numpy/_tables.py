"""The tables, put together from the families of functions."""

from . import (
    _args,
    _bridge,
    _types,
    creation,
    grids,
    indexing,
    joining,
    linalg,
    linear,
    operators,
    properties,
    reductions,
    running,
    selection,
    shapes,
    signals,
    sorting,
    statistics,
    transforms,
    ufuncs,
)

_FAMILIES = (
    ufuncs,
    selection,
    reductions,
    statistics,
    transforms,
    running,
    sorting,
    signals,
    linear,
    linalg,
    shapes,
    creation,
    grids,
    joining,
)

FUNCTIONS = {function: ours for family in _FAMILIES for function, ours in family.FUNCTIONS.items()}
METHODS = {
    **operators.table(FUNCTIONS),
    **{name: ours for family in _FAMILIES for name, ours in getattr(family, "METHODS", {}).items()},
    **indexing.METHODS,
}
PROPERTIES = properties.PROPERTIES

# The namespaces that the functions' globals are.
MODULES = [m.__dict__ for m in (_args, _bridge, _types, indexing, operators, properties, *_FAMILIES)]
