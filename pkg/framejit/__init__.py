"""framejit makes ordinary Python tensor code fast; its tensor API is PyTorch's.

The tensor type, the ops and the dtypes live in the extension module `framejit._C` and are all re-exported
here. Everything written in Python (nn, optim, fx, ...) is imported when it is first asked for, so that
`import framejit` stays cheap: a name added to `_LAZY_MODULES` or `_LAZY_NAMES` costs nothing until it is used.
"""

import importlib as _importlib

try:
    from framejit import _C
except ImportError as _error:
    from framejit._platform import import_failed as _import_failed

    raise _import_failed(_error) from _error
from framejit._C import *  # noqa: F403 -- the op table decides what is public
from framejit._functions import (
    allclose,
    argwhere,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    block_diag,
    broadcast_tensors,
    cartesian_prod,
    diff,
    e,
    einsum,
    equal,
    inf,
    isclose,
    isin,
    meshgrid,
    nan,
    pi,
    unique,
    unique_consecutive,
)
from framejit._functions_forms import (
    empty_strided,
    index_put,
    index_put_,
    nonzero,
    norm,
    repeat_interleave,
    searchsorted,
    tensor_split,
    tensordot,
)
from framejit._functions_native import native_group_norm, native_layer_norm
from framejit._tensor import is_storage, typename
from framejit._version import __version__
from framejit.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled

_LAZY_MODULES = frozenset(
    (
        "nn",
        "optim",
        "fft",
        "futures",
        "fx",
        "utils",
        "dynamo",
        "compiler",
        "testing",
        "serialization",
        "random",
        "func",
        "hub",
        "profiler",
        "accelerator",
        "autograd",
        "backends",
        "cuda",
        "amp",
        "cpu",
        "demo",
        "distributed",
        "distributions",
        "export",
        "jit",
        "onnx",
        "library",
        "linalg",
        "masked",
        "mps",
        "multiprocessing",
        "ops",
        "overrides",
        "signal",
        "sparse",
        "special",
        "storage",
        "xpu",
    )
)

# public name -> the module that defines it
_LAZY_NAMES = {
    "compile": "framejit._compile",
    "explain": "framejit.dynamo.explain",
    "save": "framejit.serialization",
    "load": "framejit.serialization",
    "manual_seed": "framejit.random",
    "seed": "framejit.random",
    "initial_seed": "framejit.random",
    "get_rng_state": "framejit.random",
    "set_rng_state": "framejit.random",
    "default_generator": "framejit.random",
    "fork_rng": "framejit.random",
    "autocast": "framejit.amp",
    "vmap": "framejit.func",
    "set_printoptions": "framejit._tensor_str",
    "get_printoptions": "framejit._tensor_str",
    "binomial": "framejit.distributions._sampling",
    "poisson": "framejit.distributions._sampling",
    "_standard_gamma": "framejit.distributions._sampling",
    "_sample_dirichlet": "framejit.distributions._sampling",
}

_LAZY_NAMES.update(
    (kind + "Tensor", "framejit._legacy")
    for kind in ("Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool")
)
_LAZY_NAMES.update(
    (name, "framejit._functions_stats")
    for name in (
        "bucketize", "cdist", "corrcoef", "cov", "cumulative_trapezoid", "dist", "gradient", "histc", "nanmedian", "nanquantile", "pdist",
        "quantile", "trapezoid", "trapz",
    )
)  # fmt: skip
_LAZY_NAMES.update(
    (name, "framejit._functions_shape")
    for name in (
        "column_stack", "combinations", "diagflat", "diagonal_scatter", "dsplit", "dstack", "hsplit", "kron", "put", "select_scatter",
        "slice_scatter", "unravel_index", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "vander", "vsplit",
    )
)  # fmt: skip
_LAZY_NAMES.update(
    (name, "framejit._functions_numbers") for name in ("float_power", "lcm", "ldexp", "mode", "mvlgamma", "renorm")
)
_LAZY_NAMES.update(
    (name, "framejit._functions_linalg")
    for name in (
        "chain_matmul", "cross", "eig", "ger", "lstsq", "lu", "lu_solve", "ormqr", "pca_lowrank", "pinverse", "qr", "solve", "svd", "svd_lowrank", "symeig", "triangular_solve",
    )
)  # fmt: skip
_LAZY_NAMES.update((name, "framejit._functions_signal") for name in ("stft", "istft"))
_LAZY_NAMES.update((name, "framejit._functions_histogram") for name in ("histogram", "histogramdd"))
_LAZY_NAMES.update(
    (name, "framejit._functions_rare")
    for name in (
        "_chunk_cat", "_segment_reduce", "segment_reduce", "empty_permuted", "frexp", "hash_tensor", "index_reduce", "nonzero_static", "resolve_conj", "resolve_neg",
    )
)  # fmt: skip
_LAZY_NAMES.update(
    (name, "framejit._functions_native")
    for name in (
        "_batch_norm_with_update", "_native_batch_norm_legit", "_safe_softmax", "_softmax_backward_data", "_unsafe_masked_index",
        "_unsafe_masked_index_put_accumulate", "max_pool2d_with_indices_backward",
        "native_batch_norm", "resize_as_", "zero_",
        "native_dropout_backward",
    )
)  # fmt: skip
_LAZY_NAMES.update(
    (name, "framejit._functions_resample") for name in ("_upsample_bilinear2d_aa", "grid_sampler_2d", "grid_sampler_3d")
)
_LAZY_NAMES.update((name, "framejit.nn.functional") for name in ("channel_shuffle", "pixel_shuffle", "pixel_unshuffle"))
_LAZY_NAMES.update(
    (name, "framejit._checks")
    for name in (
        "OutOfMemoryError", "SymBool", "SymFloat", "SymInt", "_assert", "_assert_async", "_check", "_check_index", "_check_is_size",
        "_check_not_implemented", "_check_tensor_all", "_check_tensor_all_with", "_check_type", "_check_value", "_check_with",
        "sym_float", "sym_int", "sym_ite", "sym_max", "sym_min", "sym_not", "sym_sum",
    )
)  # fmt: skip
_LAZY_NAMES.update(
    (name, "framejit._defaults")
    for name in (
        "are_deterministic_algorithms_enabled", "get_default_device", "get_deterministic_debug_mode", "get_device_module",
        "get_float32_matmul_precision", "is_deterministic_algorithms_warn_only_enabled", "legacy_contiguous_format", "set_default_device",
        "set_deterministic_debug_mode", "set_float32_matmul_precision", "use_deterministic_algorithms",
    )
)  # fmt: skip
_LAZY_NAMES.update((name, "framejit._control_flow") for name in ("cond", "while_loop"))
_LAZY_NAMES.update(
    (name, "framejit.sparse._make")
    for name in ("sparse_compressed_tensor", "sparse_coo_tensor", "sparse_csc_tensor", "sparse_csr_tensor")
)
_LAZY_NAMES.update(
    (name, "framejit._operators")
    for name in (
        "alpha_dropout", "alpha_dropout_", "ctc_loss", "dropout", "dropout_", "embedding_bag", "feature_alpha_dropout",
        "feature_alpha_dropout_", "feature_dropout", "feature_dropout_", "frobenius_norm", "gru", "gru_cell", "lstm", "lstm_cell",
        "native_channel_shuffle", "norm_except_dim", "nuclear_norm", "poisson_nll_loss", "range", "rnn_relu", "rnn_relu_cell",
        "rnn_tanh", "rnn_tanh_cell", "rrelu", "rrelu_", "triplet_margin_loss",
        "as_strided_", "conj_physical_", "dequantize", "detach_", "get_device", "is_conj", "is_distributed", "is_inference", "is_neg",
        "is_same_size", "is_signed", "lcm_", "ldexp_", "orgqr",
    )
)  # fmt: skip
_LAZY_NAMES["conv_tbc"] = "framejit.nn.functional"
_LAZY_NAMES["Future"] = "framejit.futures"
_LAZY_NAMES["TypedStorage"] = "framejit.storage"
_LAZY_NAMES.update(
    (kind + "_window", "framejit._windows") for kind in ("bartlett", "blackman", "hamming", "hann", "kaiser")
)


newaxis = None


def __getattr__(name):
    if name == "_dynamo":  # PyTorch's name of the module
        name = "dynamo"
    if name in _LAZY_MODULES:
        return _importlib.import_module("framejit." + name)
    if name.endswith("_copy"):
        from framejit._functions_shape import COPIES

        if name in COPIES:
            return COPIES[name]
    if name.startswith("_foreach_"):
        from framejit._foreach import FOREACH

        if name in FOREACH:
            return FOREACH[name]
    if name in _LAZY_NAMES:
        value = getattr(_importlib.import_module(_LAZY_NAMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'framejit' has no attribute '{name}'")


def __dir__():
    return sorted(set(globals()) | set(_LAZY_NAMES) | {n for n in _LAZY_MODULES if not n.startswith("_")})
