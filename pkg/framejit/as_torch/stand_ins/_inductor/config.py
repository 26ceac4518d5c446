"""torch._inductor.config: the options of `compile`, as far as framejit takes them."""

from framejit import _config_module
from framejit._options import DEFAULTS

_config_module.install(__name__, dict(DEFAULTS))
