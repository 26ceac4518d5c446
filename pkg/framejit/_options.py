"""The options that `framejit.compile(options=...)` and its modes know: names of PyTorch's, with their defaults.

Those under `_USED` change something; the others are accepted for programs that set them. An option that is not here is an
error that names it.
"""

# read by the compiler
_USED = {
    "guard_filter_fn": None,
    "_raise_error_for_testing": False,
}

DEFAULTS = {
    **_USED,
    "aggressive_fusion": False,
    "allow_buffer_reuse": True,
    "assert_indirect_indexing": True,
    "benchmark_kernel": False,
    "combo_kernels": False,
    "compile_threads": 1,
    "conv_1x1_as_mm": False,
    "coordinate_descent_tuning": False,
    "cpp.simdlen": None,
    "cpp.threads": -1,
    "cpp_wrapper": False,
    "dce": False,
    "debug": False,
    "emulate_precision_casts": False,
    "epilogue_fusion": True,
    "fallback_random": False,
    "force_disable_caches": False,
    "freezing": False,
    "fx_graph_cache": True,
    "graph_partition": True,
    "implicit_fallbacks": True,
    "inplace_buffers": True,
    "keep_output_stride": True,
    "layout_optimization": True,
    "max_autotune": False,
    "max_autotune_gemm": False,
    "max_autotune_pointwise": False,
    "max_fusion_size": 64,
    "nan_asserts": False,
    "pattern_matcher": True,
    "permute_fusion": False,
    "post_grad_custom_post_pass": None,
    "post_grad_custom_pre_pass": None,
    "profile_bandwidth": False,
    "reorder_for_locality": True,
    "shape_padding": True,
    "size_asserts": True,
    "split_reductions": True,
    "trace.enabled": False,
    "trace.graph_diagram": False,
    "triton.cudagraphs": False,
    "triton.unique_kernel_names": True,
    "unroll_reductions_threshold": 8,
}

# what each mode sets; none of it changes how framejit compiles for the CPU
MODES = {
    "default": {},
    "reduce-overhead": {"triton.cudagraphs": True},
    "max-autotune-no-cudagraphs": {"max_autotune": True, "coordinate_descent_tuning": True},
    "max-autotune": {"max_autotune": True, "triton.cudagraphs": True, "coordinate_descent_tuning": True},
}


def list_options():
    """The names of all options.

    >>> "epilogue_fusion" in list_options()
    True
    """
    return list(DEFAULTS)


def list_mode_options(mode=None, dynamic=None):
    """What the modes set, or one of them does. Raises RuntimeError for a mode that does not exist.

    >>> list_mode_options("reduce-overhead")
    {'triton.cudagraphs': True}
    """
    if mode is None:
        return {name: dict(values) for name, values in MODES.items()}
    if mode not in MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(MODES)}")
    return dict(MODES[mode])


def check_options(options):
    """The options with plain names; raises RuntimeError for one that does not exist or has the wrong type."""
    known = {name.replace("-", "_"): value for name, value in options.items()}
    for name, value in known.items():
        if name not in DEFAULTS:
            raise RuntimeError(f"Unexpected optimization option {name}, known options are {list_options()}")
        default = DEFAULTS[name]
        if default is not None and type(value) is not type(default):
            raise RuntimeError(
                f"Unexpected type of attr {name}, got {type(value).__name__} should be {type(default).__name__}"
            )
    return known
