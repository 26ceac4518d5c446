"""torch._functorch.config: switches that have nothing to switch here."""

from framejit import _config_module

_config_module.install(
    __name__,
    {
        "activation_memory_budget": 1.0,
        "bundled_autograd_cache": False,
        "cse": True,
        "debug_assert": False,
        "debug_partitioner": False,
        "donated_buffer": False,
        "enable_autograd_cache": True,
        "fake_tensor_allow_meta": True,
        "fake_tensor_allow_unsafe_data_ptr_access": False,
        "fake_tensor_propagate_real_tensors": False,
        "functionalize_rng_ops": False,
        "generate_fake_kernels_from_real_mismatches": False,
        "max_dist_from_bw": 1000,
        "recompute_views": False,
        "static_weight_shapes": True,
        "treat_parameters_as_free_to_save": True,
        "unlift_effect_tokens": False,
        "view_replay_for_aliased_outputs": True,
    },
)
