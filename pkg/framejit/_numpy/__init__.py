"""NumPy's functions as tensor operations: what capture interprets where a compiled function calls NumPy.

`FUNCTIONS` maps a function of NumPy to a Python function with its signature, `METHODS` and `PROPERTIES` the names of those of
arrays and NumPy scalars. All are written on the few functions of `_bridge`, so that they run on real arrays too, which is how
tests/test_numpy_*.py compare them with NumPy. What they raise, be it `NotTaken` or an error, is raised before anything has been
changed, and makes the call one to NumPy itself: NumPy's errors are its own. `PURE` holds the code of functions of dtypes
alone, which capture calls. Nothing but capture imports this package, and only where NumPy has been imported already.
"""

import numpy as _np

from . import _bridge, _types
from ._bridge import NotTaken
from ._types import PURE

if int(_np.__version__.split(".")[0]) >= 2:
    from ._tables import FUNCTIONS, METHODS, MODULES, PROPERTIES
else:
    # Other rules of promotion, and names that are not there yet: every call is one to NumPy.
    FUNCTIONS, METHODS, PROPERTIES = {}, {}, {}
    MODULES = [m.__dict__ for m in (_bridge, _types)]

__all__ = ["FUNCTIONS", "METHODS", "MODULES", "NotTaken", "PROPERTIES", "PURE"]
