"""What the refinement of types says about sizes."""

import dataclasses


@dataclasses.dataclass(eq=True, unsafe_hash=True, repr=False)
class Equality:
    """Two sizes are equal. lhs, rhs (int, variable, or expression). Raises nothing of its own.

    >>> from framejit.fx.experimental.refinement_types import Equality
    >>> Equality(2, 3)
    2 = 3
    """

    lhs: object
    rhs: object

    def __repr__(self):
        return f"{self.lhs} = {self.rhs}"
