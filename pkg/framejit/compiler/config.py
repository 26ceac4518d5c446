"""compiler.config: PyTorch's public switches; those of framejit.dynamo.config are the same switches.

>>> import framejit
>>> with framejit.compiler.config.patch(recompile_limit=2):
...     framejit.dynamo.config.recompile_limit
2
"""

from framejit import _config_module
from framejit.dynamo import config as _dynamo

_SHARED = (
    "accumulated_recompile_limit allow_unspec_int_on_nn_module assume_static_by_default automatic_dynamic_shapes "
    "capture_dynamic_output_shape_ops capture_scalar_outputs dynamic_shapes enable_cpp_symbolic_shape_guards "
    "fail_on_recompile_limit_hit log_file_name recompile_limit reorderable_logging_functions "
    "skip_tensor_guards_with_matching_dict_tags verbose wrap_top_frame"
).split()


def _shared(name):
    return (lambda: getattr(_dynamo, name)), (lambda value: setattr(_dynamo, name, value))


_config_module.install(
    __name__,
    {
        "cache_key_tag": "",
        "dynamic_sources": "",
        "dynamic_values": "",
        "force_cudagraph_gc": False,
        "force_disable_caches": False,
        "job_id": None,
        "pgo_extra_read_key": None,
        "pgo_extra_write_key": None,
        "unbacked_sources": "",
    },
    {name: _shared(name) for name in _SHARED},
)
