"""torch._dynamo.debug_utils"""

import copy

from framejit.dynamo.utils import clone_inputs, same


def same_two_models(gm, opt_gm, example_inputs, only_fwd=False, *, require_fp64=False, ignore_non_fp=False):
    """Whether two modules give the same results for copies of the inputs."""
    return same(copy.deepcopy(gm)(*clone_inputs(example_inputs)), opt_gm(*clone_inputs(example_inputs)), equal_nan=True)
