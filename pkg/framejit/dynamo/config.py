"""Switches of the compiler that can change while a program runs.

>>> import framejit
>>> framejit.dynamo.config.recompile_limit = 16
>>> with framejit.dynamo.config.patch(recompile_limit=2):
...     framejit.dynamo.config.recompile_limit
2
>>> framejit.dynamo.config.recompile_limit
16
>>> del framejit.dynamo.config.recompile_limit  # the default again
>>> framejit.dynamo.config.no_such_switch = 1
Traceback (most recent call last):
    ...
AttributeError: framejit.dynamo.config.no_such_switch does not exist

These change something: recompile_limit (int, how often a function is compiled again), unroll_limit (int, rounds of a
loop that are unrolled), assume_static_by_default, automatic_dynamic_shapes and force_parameter_static_shapes (bool, see docs/dynamic_shapes.md),
verify (int) and log (str), which are FRAMEJIT_VERIFY and FRAMEJIT_LOG, disable (bool), error_on_recompile,
fail_on_recompile_limit_hit and suppress_errors (bool, raise or do not), verify_correctness (bool, compares each graph
with running it op by op) and allow_ignore_mark_dynamic (bool).
Three are sets of functions and bound methods: what ignore_logging_functions and ignore_logger_methods name is not called by
captured code, and calls of what reorderable_logging_functions names wait for the end of the segment.

`_FLAGS` and `_HOOKED` take effect at once. `_KEPT` are switches of PyTorch that have nothing to switch here, because
framejit does what they ask for in any case or never does it; they can be set, so that programs for both need no
branches. A name that is in no list does not exist. What is fixed at start is an environment variable (FRAMEJIT_*).
"""

from framejit import _C, _config_module

# name here -> (type, flag of the extension)
_FLAGS = {
    "assume_static_by_default": (bool, "assume_static_by_default"),
    "automatic_dynamic_shapes": (bool, "automatic_dynamic_shapes"),
    "force_parameter_static_shapes": (bool, "force_parameter_static_shapes"),
    "recompile_limit": (int, "recompile_limit"),
    "unroll_limit": (int, "unroll_limit"),
    "verify": (int, "verify"),
    "log": (str, "log"),
    "force_capture": (bool, "force_capture"),
}

_ALIASES = {
    "cache_size_limit": "recompile_limit",
    "accumulated_cache_size_limit": "accumulated_recompile_limit",
    "fail_on_cache_limit_hit": "fail_on_recompile_limit_hit",
}

# Read by Python code of framejit.
_READ = {
    "allow_ignore_mark_dynamic": False,
    "compile_progress": True,
    "verify_correctness": False,
    "suppress_errors": False,
    "error_on_recompile": False,
    "fail_on_recompile_limit_hit": False,
}

_KEPT = {
    "accumulated_recompile_limit": 256,
    "allow_empty_graphs": False,
    "allow_rnn": False,
    "allow_unspec_int_on_nn_module": False,
    "assume_dunder_attributes_remain_unchanged": True,
    "automatic_dynamic_shapes_mark_as": "dynamic",
    "caching_precompile": False,
    "capture_autograd_function": True,
    "capture_dynamic_output_shape_ops": False,
    "capture_func_transforms": True,
    "capture_profiler_record_function": False,
    "capture_scalar_outputs": False,
    "capture_sparse_compute": True,
    "compiled_autograd": False,
    "compiled_autograd_kwargs_override": {},
    "cprofile": False,
    "dead_code_elimination": True,
    "debug_force_graph_break_on_leaf_return": False,
    "debug_force_nested_calls": False,
    "do_not_emit_runtime_asserts": False,
    "dynamic_shapes": True,
    "dynamo_profiler": False,
    "enable_aot_compile": True,
    "enable_cpp_framelocals_guard_eval": True,
    "enable_cpp_guard_manager": True,
    "enable_cpp_symbolic_shape_guards": False,
    "enable_faithful_generator_behavior": True,
    "enable_invoke_subgraph_regional_compile": False,
    "enable_trace_contextlib": True,
    "enable_trace_load_build_class": False,
    "enable_trace_unittest": False,
    "error_on_nested_fx_trace": True,
    "fake_tensor_cache_enabled": True,
    "force_nn_module_property_static_shapes": True,
    "generate_pycode": False,
    "graph_break_on_nn_param_ctor": True,
    "guard_nn_modules": True,
    "guard_nn_modules_using_dict_tags": True,
    "inline_inbuilt_nn_modules": True,
    "install_free_tensors": False,
    "log_file_name": None,
    "minimum_call_count": 1,
    "nested_graph_breaks": False,
    "nontraceable_tensor_subclasses": set(),
    "numpy_default_complex": "complex128",
    "numpy_default_float": "float64",
    "numpy_default_int": "int64",
    "only_allow_pt2_compliant_ops": False,
    "optimize_ddp": True,
    "prefer_deferred_runtime_asserts_over_guards": False,
    "raise_on_ctx_manager_usage": True,
    "raise_on_unsafe_aot_autograd": False,
    "record_runtime_overhead": True,
    "replay_record_enabled": False,
    "replay_side_effects": True,
    "report_guard_failures": True,
    "repro_after": None,
    "repro_forward_only": False,
    "repro_ignore_non_fp": False,
    "repro_level": 2,
    "repro_tolerance": 1e-3,
    "rewrite_assert_with_torch_assert": True,
    "run_gc_after_compile": True,
    "side_effect_replay_policy": "info",
    "skip_nnmodule_hook_guards": True,
    "skip_tensor_guards_with_matching_dict_tags": True,
    "specialize_float": False,
    "specialize_int": False,
    "strict_precompile": False,
    "trace_autograd_ops": False,
    "trace_numpy": True,
    "traceable_tensor_subclasses": set(),
    "use_graph_deduplication": False,
    "use_lazy_graph_module": True,
    "use_numpy_random_stream": False,
    "use_recursive_dict_tags_for_guards": False,
    "verbose": False,
    "wrap_top_frame": False,
}


def _flag(name):
    """The pair (get, set) of a switch that is a flag of the extension."""
    kind, flag = _FLAGS[name]

    def set_flag(value):
        if not isinstance(value, kind):
            raise TypeError(f"framejit.dynamo.config.{name} takes {kind.__name__}, not {type(value).__name__}")
        _C._set_flag(flag, value)

    return lambda: _C._flags()[flag], set_flag


def _get_disable():
    enabled = _C._set_compile_enabled(True)
    _C._set_compile_enabled(enabled)
    return not enabled


def _get_budget():
    ms = _C._flags()["compile_budget"]
    return ms / 1000 if ms else None


def _set_budget(seconds):
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0):
        raise TypeError(f"framejit.dynamo.config.compile_budget takes a number of seconds or None, not {seconds!r}")
    _C._set_flag("compile_budget", max(1, round(seconds * 1000)) if seconds else 0)


_logging = {"ignore_logger_methods": set(), "ignore_logging_functions": set(), "reorderable_logging_functions": set()}


def _logging_set(name):
    """The pair (get, set) of a set of functions whose calls captured code leaves out, or puts off."""

    def change(functions):
        _logging[name] = functions
        left_out = _logging["ignore_logger_methods"] | _logging["ignore_logging_functions"]
        _C._set_logging_functions(left_out - {None}, set(_logging["reorderable_logging_functions"]))

    return lambda: _logging[name], change


_HOOKED = {
    **{name: _logging_set(name) for name in _logging},
    "compile_budget": (_get_budget, _set_budget),
    "disable": (_get_disable, lambda value: _C._set_compile_enabled(not value)),
    **{name: _flag(name) for name in _FLAGS},
}

_config_module.install(__name__, {**_READ, **_KEPT}, _HOOKED, _ALIASES)
