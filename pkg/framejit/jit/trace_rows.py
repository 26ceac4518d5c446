"""How operators of framejit's own table that PyTorch does not have are recorded: in terms of those that it has."""


def _pool(name):
    def rule(recorder, given):
        dims = len(given["kernel_size"])
        return recorder.call_op(
            f"aten::{name}{dims}d_with_indices",
            *(given[n] for n in ("self", "kernel_size", "stride", "padding", "dilation", "ceil_mode")),
        )

    return rule


def _avg_pool(recorder, given):
    names = ["self", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"]
    dims = len(given["kernel_size"])
    if dims > 1:
        names.append("divisor_override")
    return recorder.call_op(f"aten::avg_pool{dims}d", *(given[n] for n in names))


def _adaptive(name):
    def rule(recorder, given):
        return recorder.call_op(f"aten::{name}{len(given['output_size'])}d", given["self"], given["output_size"])

    return rule


def _pick(recorder, given):
    """_max_pool_pick: the elements at the indices of a pooling."""
    dims = given["spatial"]
    flat = recorder.call_op("aten::flatten", given["self"], -dims, -1)
    at = recorder.call_op("aten::flatten", given["indices"], -dims, -1)
    return recorder.call_op("aten::view_as", recorder.call_op("aten::gather", flat, -1, at), given["indices"])


def _pad(mode):
    return lambda recorder, given: recorder.call_op("aten::pad", given["self"], given["pad"], mode)


_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def _cross_entropy(recorder, given):
    return recorder.call_op(
        "aten::cross_entropy_loss", given["self"], given["target"], given["weight"], _REDUCTIONS[given["reduction"]],
        given["ignore_index"], given["label_smoothing"],
    )  # fmt: skip


def _batch_norm(training):
    def rule(recorder, given):
        mean, var = given.get("running_mean"), given.get("running_var")
        x = given["input"]
        if training:
            return None
        return recorder.call_op(
            "aten::batch_norm", x, given["weight"], given["bias"], mean, var, False, 0.0, given["eps"], True
        )

    return rule


def _to_dtype(recorder, given):
    return recorder.call_op("aten::to", given["self"], given["dtype"])


ROWS = {
    "_max_pool": _pool("max_pool"),
    "_max_pool_pick": _pick,
    "_avg_pool": _avg_pool,
    "_adaptive_avg_pool": _adaptive("adaptive_avg_pool"),
    "_adaptive_max_pool": _adaptive("adaptive_max_pool"),
    "reflection_pad": _pad("reflect"),
    "replication_pad": _pad("replicate"),
    "circular_pad": _pad("circular"),
    "cross_entropy": _cross_entropy,
    "_batch_norm_eval": _batch_norm(False),
    "_to_dtype": _to_dtype,
    "_zeros": lambda r, g: r.call_op("aten::zeros", g["size"], dtype=g["dtype"]),
    "_p_norm": lambda r, g: r.call_op("aten::linalg_vector_norm", g["self"], g["p"], g["dim"], g["keepdim"]),
    "_trunc_divide": lambda r, g: r.call_op("aten::div", g["self"], g["other"], rounding_mode="trunc"),
    "softsign": lambda r, g: r.call_op("aten::div", g["self"], r.call_op("aten::add", r.call_op("aten::abs", g["self"]), 1)),
    "tanhshrink": lambda r, g: r.call_op("aten::sub", g["self"], r.call_op("aten::tanh", g["self"])),
    "softmin": lambda r, g: r.call_op("aten::softmax", r.call_op("aten::neg", g["self"]), g["dim"], g["dtype"]),
    "trigamma": lambda r, g: r.call_op("aten::polygamma", 1, g["self"]),
    "_rms_norm": lambda r, g: None,
    "_masked_scatter": lambda r, g: r.call_op("aten::masked_scatter", g["self"], g["mask"], g["source"]),
}  # fmt: skip
