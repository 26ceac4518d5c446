"""NumPy's functions as tensor operations: what capture interprets where a compiled function calls NumPy.

`FUNCTIONS` maps a function of NumPy to a Python function with its signature, `METHODS` and `PROPERTIES` the names of those of
arrays and NumPy scalars. All are written on the few functions of `_bridge`, so that they run on real arrays too, which is how
tests/test_numpy_*.py compare them with NumPy. What they raise, be it `NotTaken` or an error, is raised before anything has been
changed, and makes the call one to NumPy itself: NumPy's errors are its own. `PURE` holds the code of functions of dtypes
alone, which capture calls. Nothing but capture imports this package, and only where NumPy has been imported already.
"""

from . import (
    _args,
    _bridge,
    _types,
    creation,
    indexing,
    joining,
    linear,
    operators,
    properties,
    reductions,
    running,
    selection,
    shapes,
    statistics,
    ufuncs,
)
from ._bridge import NotTaken
from ._types import PURE

_FAMILIES = (ufuncs, selection, reductions, statistics, running, linear, shapes, creation, joining)

FUNCTIONS = {function: ours for family in _FAMILIES for function, ours in family.FUNCTIONS.items()}
METHODS = {
    **operators.table(FUNCTIONS),
    **{name: ours for family in _FAMILIES for name, ours in getattr(family, "METHODS", {}).items()},
    **indexing.METHODS,
}
PROPERTIES = properties.PROPERTIES

# The namespaces that the functions' globals are.
MODULES = [m.__dict__ for m in (_args, _bridge, _types, indexing, operators, properties, *_FAMILIES)]
__all__ = ["FUNCTIONS", "METHODS", "MODULES", "NotTaken", "PROPERTIES", "PURE"]
