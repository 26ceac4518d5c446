"""Wrong calls: (name, exception type that PyTorch raises, words the message must hold, call of the module T).

Read by tests/test_bad_input.py (framejit, eager and compiled) and tests/peer/test_peer_bad_input.py (the types are torch's).
"""


def _buffer_over(T):
    module = T.nn.Module()
    module.held = 5
    module.held = T.nn.Buffer(T.ones(2))


def _margin(T, name, sizes):
    return getattr(T.nn.functional, name)(T.ones(sizes), T.zeros(sizes, dtype=T.int64))


CASES = [
    ("add_shapes", RuntimeError, ("3", "4", "size"), lambda T: T.ones(3) + T.ones(4)),
    ("mul_shapes", RuntimeError, ("2", "5"), lambda T: T.ones(2, 3) * T.ones(5, 3)),
    ("where_shapes", RuntimeError, ("3", "4"), lambda T: T.where(T.ones(3) > 0, T.ones(3), T.ones(4))),
    ("mm_shapes", RuntimeError, ("mat1", "2x3", "4x5"), lambda T: T.mm(T.ones(2, 3), T.ones(4, 5))),
    ("matmul_shapes", RuntimeError, ("mat1", "mat2"), lambda T: T.ones(2, 3) @ T.ones(4, 5)),
    ("mm_rank", RuntimeError, ("matri",), lambda T: T.mm(T.ones(2), T.ones(2, 2))),
    ("bmm_batch", RuntimeError, (), lambda T: T.bmm(T.ones(2, 3, 4), T.ones(3, 4, 5))),
    ("mm_dtype", RuntimeError, ("dtype",), lambda T: T.mm(T.ones(2, 2), T.ones(2, 2, dtype=T.float64))),
    ("linear_shapes", RuntimeError, (), lambda T: T.nn.functional.linear(T.ones(2, 3), T.ones(4, 5))),
    ("view_size", RuntimeError, ("shape", "invalid", "6"), lambda T: T.ones(2, 3).view(4, 2)),
    ("view_two_free", RuntimeError, ("only one dimension",), lambda T: T.ones(2, 3).view(-1, -1)),
    ("view_stride", RuntimeError, ("reshape",), lambda T: T.ones(2, 3).t().view(6)),
    ("reshape_size", RuntimeError, ("invalid",), lambda T: T.ones(2, 3).reshape(5)),
    ("permute_count", RuntimeError, ("dims",), lambda T: T.ones(2, 3).permute(0)),
    ("permute_repeat", RuntimeError, ("duplicate",), lambda T: T.ones(2, 3).permute(0, 0)),
    ("transpose_dim", IndexError, ("Dimension out of range", "2"), lambda T: T.ones(2, 3).transpose(0, 2)),
    ("sum_dim", IndexError, ("Dimension out of range",), lambda T: T.ones(2, 3).sum(5)),
    ("sum_dim_repeat", RuntimeError, ("appears multiple times",), lambda T: T.ones(2, 3).sum((0, 0))),
    ("softmax_dim", IndexError, ("Dimension out of range",), lambda T: T.softmax(T.ones(2, 3), 3)),
    ("expand_size", RuntimeError, ("expanded size", "4", "3"), lambda T: T.ones(2, 3).expand(2, 4)),
    ("expand_rank", RuntimeError, (), lambda T: T.ones(2, 3).expand(3)),
    ("squeeze_dim", IndexError, ("Dimension out of range",), lambda T: T.ones(2, 3).squeeze(4)),
    ("select_index", IndexError, ("out of range", "5"), lambda T: T.ones(2, 3).select(0, 5)),
    ("index_range", IndexError, ("5",), lambda T: T.ones(3)[5]),
    ("index_many", IndexError, ("too many indices",), lambda T: T.ones(3)[0, 0]),
    ("index_tensor_range", IndexError, ("out of bounds", "9"), lambda T: T.ones(3)[T.tensor([0, 9])]),
    ("index_mask_shape", IndexError, ("mask", "does not match"), lambda T: T.ones(3)[T.tensor([True, False])]),
    ("index_float", IndexError, ("long",), lambda T: T.ones(3)[T.tensor([0.5])]),
    ("index_int16", IndexError, ("long", "byte"), lambda T: T.ones(3)[T.tensor([1], dtype=T.int16)]),
    *(
        (f"{name}_int32", kind, words, lambda T, f=call: f(T, T.arange(12.0).view(3, 4), T.tensor([1], dtype=T.int32)))
        for name, kind, words, call in (
            ("index_copy", RuntimeError, ("long", "Int"), lambda T, x, i: x.index_copy(0, i, T.ones(1, 4))),
            ("index_fill", IndexError, ("int64",), lambda T, x, i: x.index_fill(0, i, 1)),
            ("take", RuntimeError, ("long", "Int"), lambda T, x, i: x.take(i)),
            ("put", RuntimeError, ("long", "Int"), lambda T, x, i: x.put(i, T.ones(1))),
            ("take_along_dim", RuntimeError, ("Long", "Int"), lambda T, x, i: T.take_along_dim(x, i.view(1, 1), 0)),
            ("nll_loss", RuntimeError, ("Long", "Int"), lambda T, x, i: T.nn.functional.nll_loss(x[:1], i)),
            (
                "multi_margin",
                RuntimeError,
                ("Long", "Int"),
                lambda T, x, i: T.nn.functional.multi_margin_loss(x[:1], i),
            ),
        )
    ),
    *(
        (
            f"circular_{n}",
            RuntimeError,
            words,
            lambda T, p=pad: T.nn.functional.pad(T.ones(1, 1, 4), p, mode="circular"),
        )
        for n, (pad, words) in enumerate((((5, 0), ("wrapping",)), ((-5, 5), ("wrapping",)), ((-3, -2), ("empty",))))
    ),
    (
        "fractional_ratio",
        ValueError,
        ("output_ratio",),
        lambda T: T.nn.functional.fractional_max_pool2d(T.ones(1, 1, 9, 9), [2, 1], output_ratio=[0.5, 0.5, 0.6]),
    ),
    ("unfold_small", RuntimeError, ("at least one",), lambda T: T.nn.functional.unfold(T.ones(1, 2, 2, 2), (2, 3))),
    *(
        (
            f"ctc_{name}",
            RuntimeError,
            ("integral",),
            lambda T, at=at: T.nn.functional.ctc_loss(
                T.zeros(4, 1, 3), T.tensor([[1]]), *(T.tensor([1.0 if i == at else 1]) for i in range(2))
            ),
        )
        for at, name in enumerate(("input_lengths", "target_lengths"))
    ),
    ("projected_gru", ValueError, ("proj_size",), lambda T: T.nn.GRU(3, 2, proj_size=1)),
    ("buffer_over_attribute", KeyError, ("already exists",), lambda T: _buffer_over(T)),
    ("narrow_float", RuntimeError, ("0-dim integral",), lambda T: T.ones(3).narrow(0, T.tensor(1.0), 1)),
    ("narrow_vector", RuntimeError, ("0-dim integral",), lambda T: T.narrow(T.ones(3), 0, T.tensor([1, 2]), 1)),
    ("narrow_copy_function", RuntimeError, ("Expected dim",), lambda T: T.narrow_copy(T.ones(2, 3), 2, 0, 1)),
    ("narrow_copy_dim", RuntimeError, ("Expected dim",), lambda T: T.ones(2, 3).narrow_copy(2, 0, 1)),
    (
        "addmv_zero_dim",
        RuntimeError,
        ("vector + matrix",),
        lambda T: T.addmv(T.tensor(2.0), T.tensor(2.0), T.tensor(2.0)),
    ),
    ("unflatten_zero_dim", RuntimeError, ("no dimensions",), lambda T: T.tensor(2.0).unflatten(0, (1, 1))),
    *(
        (f"{name}_{n}", RuntimeError, ("non-empty vector or matrix",), lambda T, f=name, s=sizes: _margin(T, f, s))
        for name in ("multi_margin_loss", "multilabel_margin_loss")
        for n, sizes in enumerate(((0,), (2, 0), (2, 3, 4)))
    ),
    ("index_step", ValueError, ("step",), lambda T: T.ones(3)[::-1]),
    ("setitem_shape", RuntimeError, (), lambda T: T.ones(3).__setitem__(slice(0, 2), T.ones(3))),
    ("cat_empty", (RuntimeError, ValueError), ("non-empty",), lambda T: T.cat([])),
    (
        "cat_shapes",
        RuntimeError,
        ("Sizes of tensors must match", "3", "4"),
        lambda T: T.cat([T.ones(2, 3), T.ones(2, 4)]),
    ),
    ("cat_rank", RuntimeError, ("dimensions",), lambda T: T.cat([T.ones(2, 3), T.ones(3)])),
    ("cat_zero_dim", RuntimeError, ("zero-dimensional",), lambda T: T.cat([T.tensor(1.0), T.tensor(2.0)])),
    ("stack_shapes", RuntimeError, ("equal size",), lambda T: T.stack([T.ones(2), T.ones(3)])),
    ("split_sizes", RuntimeError, ("sum exactly",), lambda T: T.ones(5).split([2, 2])),
    ("chunk_zero", RuntimeError, ("greater than 0",), lambda T: T.ones(5).chunk(0)),
    ("gather_rank", RuntimeError, ("same number of dimensions",), lambda T: T.gather(T.ones(2, 3), 0, T.tensor([0]))),
    *(
        (
            f"{name}_{what}",
            kind,
            words,
            lambda T, f=call, sizes=sizes, dim=dim: f(T, T.ones(3, 4), dim, T.ones(sizes)),
        )
        for name, call in (
            ("scatter_add", lambda T, x, d, src: x.scatter_add(d, T.zeros(3, 4, dtype=T.int64), src)),
            ("scatter", lambda T, x, d, src: x.scatter(d, T.zeros(3, 4, dtype=T.int64), src)),
            ("scatter_reduce", lambda T, x, d, src: x.scatter_reduce(d, T.zeros(3, 4, dtype=T.int64), src, "sum")),
        )
        for what, sizes, dim, kind, words in (
            ("src_ranks", (4, 4, 0), 1, RuntimeError, ("number of dimensions as src",)),
            ("src_rank", (4,), 0, IndexError, ("Dimension out of range",)),
            ("src_scalar", (), 0, RuntimeError, ("number of dimensions as src",)),
        )
    ),
    *(
        (
            f"{name}_{what}",
            kind,
            (),
            lambda T, f=call, own=own, sizes=sizes, dim=dim: f(T, T.ones(own), dim, T.tensor([0]), T.ones(sizes)),
        )
        for name, call, ranks in (
            ("index_add", lambda T, *args: T.index_add(*args), RuntimeError),
            ("index_copy", lambda T, *args: T.index_copy(*args), IndexError),
            ("index_reduce", lambda T, *args: T.index_reduce(*args, "prod"), RuntimeError),
        )
        for what, own, sizes, dim, kind in (
            ("source_scalar", (3, 4), (), 0, RuntimeError),
            ("source_scalar_last", (3, 4), (), 1, RuntimeError),
            ("source_rank", (3, 4), (1,), 0, ranks),
            ("source_rank_last", (3, 4), (3,), 1, ranks),
            ("source_ranks", (3, 4), (1, 4, 1), 0, ranks),
            ("source_sizes", (3, 4), (1, 3), 0, RuntimeError),
            ("self_scalar", (), (1, 1), 0, RuntimeError),
        )
    ),
    (
        "pad_nothing",
        RuntimeError,
        ("Expected 2D or 3D (batch mode)",),
        lambda T: T.nn.functional.pad(T.ones(1, 0, 4), (1, 1), "reflect"),
    ),
    ("gather_dtype", RuntimeError, ("int64",), lambda T: T.gather(T.ones(3), 0, T.tensor([0.0]))),
    (
        "scatter_dtype",
        RuntimeError,
        ("dtype",),
        lambda T: T.zeros(3).scatter(0, T.tensor([0]), T.ones(1, dtype=T.float64)),
    ),
    (
        "index_select_range",
        (IndexError, RuntimeError),
        ("out of", "3"),
        lambda T: T.index_select(T.ones(3), 0, T.tensor([3])),
    ),
    ("masked_fill_dtype", RuntimeError, ("mask",), lambda T: T.ones(3).masked_fill(T.ones(3), 0.0)),
    ("topk_k", RuntimeError, ("out of range",), lambda T: T.ones(3).topk(4)),
    ("bitwise_float", RuntimeError, ("bitwise_and",), lambda T: T.ones(3) & T.ones(3)),
    ("sub_bool", RuntimeError, ("Subtraction",), lambda T: T.ones(3, dtype=T.bool) - T.ones(3, dtype=T.bool)),
    ("neg_bool", RuntimeError, ("Negation",), lambda T: -T.ones(3, dtype=T.bool)),
    ("mean_int", RuntimeError, ("floating point",), lambda T: T.ones(3, dtype=T.int64).mean()),
    ("argmax_empty", (RuntimeError, IndexError), (), lambda T: T.ones(0).argmax()),
    ("max_empty", (RuntimeError, IndexError), (), lambda T: T.ones(0).max()),
    ("inplace_dtype", RuntimeError, ("result type", "Float", "Long"), lambda T: T.ones(3, dtype=T.int64).add_(1.5)),
    ("inplace_shape", RuntimeError, ("shape",), lambda T: T.ones(3).add_(T.ones(2, 3))),
    ("out_dtype", RuntimeError, ("result type",), lambda T: T.add(T.ones(3), 1, out=T.ones(3, dtype=T.int64))),
    ("floor_divide_zero", RuntimeError, ("ZeroDivisionError",), lambda T: T.tensor([1]) // T.tensor([0])),
    ("remainder_zero", RuntimeError, ("ZeroDivisionError",), lambda T: T.tensor([1]) % T.tensor([0])),
    ("pow_negative_int", RuntimeError, ("negative integer powers",), lambda T: T.tensor([2]) ** -1),
    ("bool_many", RuntimeError, ("ambiguous",), lambda T: bool(T.ones(3))),
    ("item_many", RuntimeError, ("3",), lambda T: T.ones(3).item()),
    ("len_zero_dim", TypeError, ("0-d",), lambda T: len(T.tensor(1.0))),
    ("iter_zero_dim", TypeError, ("0-d",), lambda T: list(T.tensor(1.0))),
    ("add_type", TypeError, (), lambda T: T.add(T.ones(3), "x")),
    ("plus_type", TypeError, (), lambda T: T.ones(3) + "x"),
    ("unknown_keyword", TypeError, ("foo",), lambda T: T.add(T.ones(3), 1, foo=2)),
    ("missing_argument", TypeError, (), lambda T: T.add(T.ones(3))),
    ("too_many_arguments", TypeError, (), lambda T: T.sin(T.ones(3), 1, 2, 3)),
    ("sin_type", TypeError, (), lambda T: T.sin(3.0)),
    ("tensor_ragged", ValueError, ("expected sequence of length",), lambda T: T.tensor([[1, 2], [3]])),
    ("tensor_type", (TypeError, RuntimeError, ValueError), (), lambda T: T.tensor(["a"])),
    ("ones_negative", RuntimeError, ("negative",), lambda T: T.ones(-1)),
    ("ones_type", TypeError, (), lambda T: T.ones("3")),
    ("absurd_size", RuntimeError, (), lambda T: T.empty(2**40, 2**40)),
    ("out_of_memory", RuntimeError, ("memory",), lambda T: T.empty(2**50, dtype=T.uint8)),
    ("arange_step", RuntimeError, ("step",), lambda T: T.arange(0, 5, 0)),
    ("arange_sign", RuntimeError, ("bound",), lambda T: T.arange(0, 5, -1)),
    (
        "conv_channels",
        RuntimeError,
        ("channels",),
        lambda T: T.nn.functional.conv2d(T.ones(1, 3, 8, 8), T.ones(4, 2, 3, 3)),
    ),
    (
        "conv_kernel_too_large",
        RuntimeError,
        ("Kernel size",),
        lambda T: T.nn.functional.conv2d(T.ones(1, 1, 2, 2), T.ones(1, 1, 3, 3)),
    ),
    ("pool_rank", RuntimeError, (), lambda T: T.nn.functional.max_pool2d(T.ones(3), 2)),
    ("layer_norm_shape", RuntimeError, ("normalized_shape",), lambda T: T.nn.functional.layer_norm(T.ones(2, 3), (4,))),
    (
        "batch_norm_one",
        ValueError,
        ("more than 1 value",),
        lambda T: T.nn.functional.batch_norm(T.ones(1, 3), T.zeros(3), T.ones(3), training=True),
    ),
    (
        "embedding_range",
        IndexError,
        ("out of range",),
        lambda T: T.nn.functional.embedding(T.tensor([5]), T.ones(3, 2)),
    ),
    ("embedding_dtype", RuntimeError, ("indices",), lambda T: T.nn.functional.embedding(T.tensor([0.5]), T.ones(3, 2))),
    (
        "cross_entropy_batch",
        ValueError,
        ("batch_size",),
        lambda T: T.nn.functional.cross_entropy(T.ones(3, 2), T.tensor([0, 1])),
    ),
    (
        "cross_entropy_class",
        IndexError,
        ("out of bounds",),
        lambda T: T.nn.functional.cross_entropy(T.ones(2, 2), T.tensor([0, 7])),
    ),
    ("dropout_p", ValueError, ("between 0 and 1",), lambda T: T.nn.functional.dropout(T.ones(3), 1.5)),
    ("glu_odd", RuntimeError, ("even",), lambda T: T.nn.functional.glu(T.ones(3))),
    (
        "reduction_name",
        ValueError,
        ("reduction",),
        lambda T: T.nn.functional.mse_loss(T.ones(3), T.ones(3), reduction="best"),
    ),
    ("backward_vector", RuntimeError, ("scalar outputs",), lambda T: T.ones(3, requires_grad=True).mul(2).backward()),
    ("backward_no_grad", RuntimeError, ("does not require grad",), lambda T: T.ones(3).sum().backward()),
    ("requires_grad_int", RuntimeError, ("floating point",), lambda T: T.ones(3, dtype=T.int64, requires_grad=True)),
    ("leaf_inplace", RuntimeError, ("leaf",), lambda T: T.ones(3, requires_grad=True).add_(1)),
    ("numpy_requires_grad", RuntimeError, ("detach",), lambda T: T.ones(3, requires_grad=True).numpy()),
    ("einsum_labels", RuntimeError, (), lambda T: T.einsum("ij,jk->ik", T.ones(2, 3), T.ones(4, 5))),
    ("bincount_negative", RuntimeError, ("non-negative",), lambda T: T.bincount(T.tensor([-1]))),
    ("one_hot_float", RuntimeError, ("index tensor",), lambda T: T.nn.functional.one_hot(T.ones(3), 4)),
    ("multinomial_sum", RuntimeError, (), lambda T: T.multinomial(T.zeros(3), 1)),
    ("gather_index", RuntimeError, ("7", "size 3"), lambda T: T.ones(3).gather(0, T.tensor([7]))),
    ("take_index", IndexError, ("7",), lambda T: T.take(T.ones(3), T.tensor([7]))),
    ("nll_target", IndexError, ("7",), lambda T: T.nn.functional.nll_loss(T.ones(2, 3), T.tensor([0, 7]))),
    ("index_select_none", RuntimeError, ("positive",), lambda T: T.ones(0, 2).index_select(0, T.tensor([0]))),
    ("index_select_scalar", RuntimeError, ("2 value",), lambda T: T.tensor(1.0).index_select(0, T.tensor([0, 0]))),
    ("embedding_none", RuntimeError, ("positive",), lambda T: T.nn.functional.embedding(T.tensor([0]), T.ones(0, 2))),
    (
        "cross_entropy_same",
        RuntimeError,
        ("Long",),
        lambda T: T.nn.functional.cross_entropy(T.ones(3), T.tensor([1, 0, 2])),
    ),
    (
        "cross_entropy_ignored",
        RuntimeError,
        ("ignore_index",),
        lambda T: T.nn.functional.cross_entropy(T.ones(2, 3), T.ones(2, 3), ignore_index=1),
    ),
    (
        "cross_entropy_weight",
        RuntimeError,
        ("weight", "3"),
        lambda T: T.nn.functional.cross_entropy(T.ones(2, 3), T.ones(2, 3), weight=T.ones(2)),
    ),
    ("mv_scalar", IndexError, (), lambda T: T.mv(T.tensor(1.0), T.ones(2))),
    ("baddbmm_scalars", IndexError, (), lambda T: T.baddbmm(*[T.tensor(1.0)] * 3)),
    ("baddbmm_vector", IndexError, (), lambda T: T.baddbmm(T.ones(3, 5), T.ones(2, 3, 4), T.ones(2))),
    ("baddbmm_matrix", RuntimeError, ("batch1",), lambda T: T.baddbmm(T.ones(3, 5), T.ones(2, 3), T.ones(2, 4, 5))),
    ("addbmm_scalars", IndexError, (), lambda T: T.addbmm(*[T.tensor(1.0)] * 3)),
    ("bilinear_scalars", IndexError, (), lambda T: T.nn.functional.bilinear(*[T.tensor(1.0)] * 3)),
    (
        "bilinear_batches",
        RuntimeError,
        ("2", "1"),
        lambda T: T.nn.functional.bilinear(T.ones(2, 3), T.ones(1, 3), T.ones(4, 3, 3)),
    ),
    ("norm_of_nothing", RuntimeError, ("empty",), lambda T: T.norm(T.ones(0), -1)),
    ("batch_norm_line", RuntimeError, (), lambda T: T.nn.functional.batch_norm(T.ones(3), T.zeros(3), T.ones(3))),
    (
        "batch_norm_nothing",
        IndexError,
        (),
        lambda T: T.nn.functional.batch_norm(T.ones(0, 3), None, None, T.ones(0), training=True),
    ),
    ("native_batch_norm_scalar", RuntimeError, (), lambda T: T.native_batch_norm(*[T.tensor(1.0)] * 5, True, 0.1, 0.1)),
    (
        "native_batch_norm_none",
        RuntimeError,
        ("0, 3",),
        lambda T: T.native_batch_norm(T.ones(0, 3), None, None, None, None, True, 0.1, 0.1),
    ),
    ("nuclear_norm_vector", RuntimeError, ("2 dimensions",), lambda T: T.norm(T.ones(2), "nuc")),
    ("tensorinv_rank", RuntimeError, (), lambda T: T.linalg.tensorinv(T.ones(3), 3)),
    ("istft_vector", IndexError, ("-3",), lambda T: T.istft(T.ones(6, dtype=T.complex64), 10)),
    ("arange_step_of_integers", ValueError, ("nonzero",), lambda T: T.arange(0, 3, 0.5, dtype=T.int64)),
    ("arange_step_nan", RuntimeError, ("nonzero",), lambda T: T.arange(0, 3, float("nan"))),
    ("arange_step_overflow", RuntimeError, ("int64_t",), lambda T: T.arange(0, 3, float("inf"), dtype=T.int32)),
    ("arange_bool", NotImplementedError, ("Bool",), lambda T: T.arange(0, 3, dtype=T.bool)),
    ("linspace_bool", NotImplementedError, ("Bool",), lambda T: T.linspace(0, 3, 2, dtype=T.bool)),
    ("linspace_tensor_bool", NotImplementedError, ("Bool",), lambda T: T.linspace(T.ones(()), 3, 2, dtype=T.bool)),
    ("linspace_overflow", RuntimeError, ("int8_t",), lambda T: T.linspace(300, 1, 3, dtype=T.int8)),
    ("logspace_overflow", RuntimeError, ("uint8_t",), lambda T: T.logspace(-2.7, 1, 3, dtype=T.uint8)),
    ("full_overflow", RuntimeError, ("uint8_t",), lambda T: T.full((2,), -0.5, dtype=T.uint8)),
    ("full_overflow_fraction", RuntimeError, ("int8_t",), lambda T: T.full((2,), 127.5, dtype=T.int8)),
    (
        "factory_out_dtype",
        RuntimeError,
        ("dtype Float does not match dtype of out parameter (Long)",),
        lambda T: T.zeros(2, dtype=T.float32, out=T.empty(0, dtype=T.int64)),
    ),
    ("median_empty", IndexError, ("dim 1", "non-zero size"), lambda T: T.ones(5, 0).median(1)),
    ("nanmedian_empty", IndexError, ("dim 0", "non-zero size"), lambda T: T.nanmedian(T.ones(0, 5), 0)),
    ("masked_median_empty", IndexError, ("dim 1", "non-zero size"), lambda T: T.masked.median(T.ones(5, 0), -1)),
    ("max_unpool_scalar", IndexError, (), lambda T: T.nn.functional.max_unpool1d(T.tensor(1.0), T.tensor(0), 2)),
    (
        "feature_alpha_dropout_rank",
        RuntimeError,
        ("2 dimensions",),
        lambda T: T.nn.functional.feature_alpha_dropout(T.ones(3), 0.5, True),
    ),
    ("lu_factor_singular", RuntimeError, ("U[2,2]",), lambda T: T.linalg.lu_factor(T.ones(2, 2))),
    (
        "out_dtype",
        RuntimeError,
        ("Float", "Long"),
        lambda T: T.linalg.pinv(T.ones(2, 2), out=T.ones(2, 2, dtype=T.int64)),
    ),
    ("avg_pool2d_rank", IndexError, (), lambda T: T.nn.functional.avg_pool2d(T.ones(3, 3), 2)),
    ("avg_pool3d_rank", RuntimeError, ("4D or 5D",), lambda T: T.nn.functional.avg_pool3d(T.ones(3, 3, 3), 2)),
    ("pixel_shuffle_zero", RuntimeError, ("positive",), lambda T: T.nn.functional.pixel_shuffle(T.ones(1, 4, 2, 2), 0)),
    (
        "pixel_unshuffle_zero",
        RuntimeError,
        ("positive",),
        lambda T: T.nn.functional.pixel_unshuffle(T.ones(1, 4, 2, 2), -1),
    ),
    (
        "channel_shuffle_zero",
        RuntimeError,
        ("positive",),
        lambda T: T.nn.functional.channel_shuffle(T.ones(1, 4, 2, 2), 0),
    ),
]
