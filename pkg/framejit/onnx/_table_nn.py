"""Translations: layers, activations, losses that models end with."""

import math

from framejit import _C

from ._builder import product
from ._table import op
from ._table_math import reduce, result_dtype

# ---- activations ------------------------------------------------------------------------------------------


@op("softmax", "log_softmax")
def softmax(b, node, x, dim, dtype=None, **ignored):
    kind = "Softmax" if node.target.overloadpacket.__name__ == "softmax" else "LogSoftmax"
    return b.op(kind, b.cast(x, result_dtype(node)), axis=dim)


@op("silu")
def silu(b, node, x):
    return b.op("Mul", x, b.op("Sigmoid", x))


@op("mish")
def mish(b, node, x):
    return b.op("Mul", x, b.op("Tanh", b.op("Softplus", x)))


@op("gelu")
def gelu(b, node, x, *, approximate="none"):
    half, one = b.const(0.5, x.dtype), b.const(1, x.dtype)
    if approximate == "tanh":
        cube = b.op("Mul", b.op("Mul", b.op("Mul", x, x), x), b.const(0.044715, x.dtype))
        inner = b.op("Tanh", b.op("Mul", b.op("Add", x, cube), b.const(math.sqrt(2 / math.pi), x.dtype)))
    else:
        inner = b.op("Erf", b.op("Mul", x, b.const(math.sqrt(0.5), x.dtype)))
    return b.op("Mul", b.op("Mul", x, half), b.op("Add", inner, one))


@op("leaky_relu")
def leaky_relu(b, node, x, negative_slope=0.01):
    return b.op("LeakyRelu", x, alpha=float(negative_slope))


@op("elu")
def elu(b, node, x, alpha=1.0, scale=1, input_scale=1):
    if scale != 1 or input_scale != 1:
        b.unsupported("with scales has no translation")
    return b.op("Elu", x, alpha=float(alpha))


@op("celu")
def celu(b, node, x, alpha=1.0):
    return b.op("Celu", x, alpha=float(alpha))


@op("selu")
def selu(b, node, x):
    return b.op("Selu", x)


@op("softplus")
def softplus(b, node, x, beta=1, threshold=20):
    if beta == 1:
        return b.op("Softplus", x)
    scaled = b.op("Softplus", b.op("Mul", x, b.const(beta, x.dtype)))
    return b.op("Div", scaled, b.const(beta, x.dtype))


@op("softsign")
def softsign(b, node, x):
    return b.op("Softsign", x)


@op("log_sigmoid", "logsigmoid")
def log_sigmoid(b, node, x):
    return b.op("Neg", b.op("Softplus", b.op("Neg", x)))


@op("hardswish")
def hardswish(b, node, x):
    return b.op("HardSwish", x)


@op("hardsigmoid")
def hardsigmoid(b, node, x):
    return b.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)


@op("relu6")
def relu6(b, node, x):
    return b.op("Min", b.op("Relu", x), b.const(6, x.dtype))


@op("prelu")
def prelu(b, node, x, weight):
    if product(weight.shape) > 1 and x.rank > 2:
        weight = b.op("Reshape", weight, b.ints([-1] + [1] * (x.rank - 2)))
    return b.op("PRelu", x, weight)


@op("glu")
def glu(b, node, x, dim=-1):
    first, second = b.op("Split", x, outputs=2, axis=dim, num_outputs=2 if b.opset >= 18 else None)
    return b.op("Mul", first, b.op("Sigmoid", second))


@op("dropout", "feature_dropout", "alpha_dropout")
def dropout(b, node, x, p=0.5, train=False):
    if train:
        b.unsupported("in training mode has no translation: call model.eval() first")
    return b.op("Identity", x)


# ---- products ---------------------------------------------------------------------------------------------


@op("linear")
def linear(b, node, x, weight, bias=None):
    product_ = b.op("MatMul", x, b.op("Transpose", weight, perm=[1, 0]))
    return product_ if bias is None else b.op("Add", product_, bias)


@op("matmul", "mm", "bmm", "mv", "dot")
def matmul(b, node, x, y):
    return b.op("MatMul", x, y)


@op("addmm", "baddbmm")
def addmm(b, node, x, a, c, *, beta=1, alpha=1):
    made = b.op("MatMul", a, c)
    made = made if alpha == 1 else b.op("Mul", made, b.const(alpha, x.dtype))
    return b.op("Add", x if beta == 1 else b.op("Mul", x, b.const(beta, x.dtype)), made)


@op("einsum")
def einsum(b, node, equation, tensors, *, path=None):
    return b.op("Einsum", *tensors, equation=equation.replace(" ", ""))


# ---- convolutions and pooling -----------------------------------------------------------------------------


def spread(value, n):
    """A number for each of n dimensions."""
    value = [value] * n if isinstance(value, int) else list(value)
    return value * n if len(value) == 1 else value


def _batched(b, x, rank, write):
    """Calls write with x as a batch; one example becomes a batch of one."""
    if x.rank == rank:
        return write(x.name)
    return b.op("Squeeze", write(b.op("Unsqueeze", x, b.ints([0]))), b.ints([0]))


@op("conv1d", "conv2d", "conv3d")
def conv(b, node, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    n = weight.rank - 2
    more = {
        "kernel_shape": list(weight.shape[2:]),
        "strides": spread(stride, n),
        "dilations": spread(dilation, n),
        "group": groups,
    }
    if isinstance(padding, str):
        total = [d * (k - 1) for d, k in zip(more["dilations"], more["kernel_shape"])]
        padding = [0] * n if padding == "valid" else None
        pads = [t // 2 for t in total] + [t - t // 2 for t in total] if padding is None else [0] * 2 * n
    else:
        pads = spread(padding, n) * 2
    return _batched(b, x, n + 2, lambda name: b.op("Conv", name, weight, bias, pads=pads, **more))


@op("convolution")
def convolution(b, node, x, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    if transposed:
        return conv_transpose(b, node, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return conv(b, node, x, weight, bias, stride, padding, dilation, groups)


@op("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def conv_transpose(b, node, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    n = weight.rank - 2
    more = {
        "strides": spread(stride, n), "pads": spread(padding, n) * 2, "output_padding": spread(output_padding, n), "group": groups,
        "dilations": spread(dilation, n), "kernel_shape": list(weight.shape[2:]),
    }  # fmt: skip
    return _batched(b, x, n + 2, lambda name: b.op("ConvTranspose", name, weight, bias, **more))


@op("max_pool1d", "max_pool2d", "max_pool3d")
def max_pool(b, node, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    n = int(node.target.overloadpacket.__name__[8])
    kernel = spread(kernel_size, n)
    more = {
        "kernel_shape": kernel, "strides": spread(stride, n) if stride not in (None, [], ()) else kernel, "pads": spread(padding, n) * 2,
        "dilations": spread(dilation, n), "ceil_mode": int(ceil_mode),
    }  # fmt: skip
    return _batched(b, x, n + 2, lambda name: b.op("MaxPool", name, **more))


@op("avg_pool1d", "avg_pool2d", "avg_pool3d")
def avg_pool(
    b, node, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    n = int(node.target.overloadpacket.__name__[8])
    if divisor_override:
        b.unsupported("with divisor_override has no translation")
    kernel = spread(kernel_size, n)
    more = {
        "kernel_shape": kernel, "strides": spread(stride, n) if stride not in (None, [], ()) else kernel, "pads": spread(padding, n) * 2,
        "ceil_mode": int(ceil_mode), "count_include_pad": int(count_include_pad),
    }  # fmt: skip
    return _batched(b, x, n + 2, lambda name: b.op("AveragePool", name, **more))


@op("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d")
def adaptive_pool(b, node, x, output_size):
    name = node.target.overloadpacket.__name__
    n, kind = int(name[-2]), "AveragePool" if "avg" in name else "MaxPool"
    wanted = [x.shape[-n + i] if s is None else s for i, s in enumerate(spread(output_size, n))]
    if all(s == 1 for s in wanted):
        return _batched(b, x, n + 2, lambda given: b.op(f"Global{kind}", given))
    sizes = x.shape[-n:]
    if any(have % want for have, want in zip(sizes, wanted)):
        b.unsupported(f"from sizes {list(sizes)} to {wanted} has no translation: they must divide")
    kernel = [have // want for have, want in zip(sizes, wanted)]
    return _batched(b, x, n + 2, lambda given: b.op(kind, given, kernel_shape=kernel, strides=kernel))


# ---- norms ------------------------------------------------------------------------------------------------


@op("batch_norm")
def batch_norm(b, node, x, weight, bias, mean, var, training=False, momentum=0.1, eps=1e-5, cudnn_enabled=True):
    if mean is None:  # by the statistics of the batch
        dims = [d for d in range(x.rank) if d != 1]
        centred = b.op("Sub", x, reduce(b, "ReduceMean", x.name, dims, True, x.rank))
        spread_ = reduce(b, "ReduceMean", b.op("Mul", centred, centred), dims, True, x.rank)
        made = b.op("Div", centred, b.op("Sqrt", b.op("Add", spread_, b.const(eps, x.dtype))))
        return _scaled(b, made, weight, bias, x.rank)
    weight, bias = weight or _vector(b, 1.0, mean), bias or _vector(b, 0.0, mean)
    return b.op("BatchNormalization", x, weight, bias, mean, var, epsilon=float(eps))


def _vector(b, value, like):
    return _full(b, like.shape, value, like.dtype)


def _full(b, shape, value, dtype):
    from ._builder import to_numpy

    return b.tensor(b.name("filled"), to_numpy(_C.full(shape, value, dtype=dtype), b))


@op("layer_norm")
def layer_norm(b, node, x, normalized_shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    if weight is None:
        weight = _full(b, tuple(normalized_shape), 1.0, x.dtype)
    return b.op("LayerNormalization", x, weight, bias, axis=-len(normalized_shape), epsilon=float(eps))


@op("rms_norm")
def rms_norm(b, node, x, normalized_shape, weight=None, eps=None):
    dims = list(range(x.rank - len(normalized_shape), x.rank))
    mean = reduce(b, "ReduceMean", b.op("Mul", x, x), dims, True, x.rank)
    eps = eps if eps is not None else _C.finfo(x.dtype).eps
    made = b.op("Div", x, b.op("Sqrt", b.op("Add", mean, b.const(eps, x.dtype))))
    return made if weight is None else b.op("Mul", made, weight)


def _scaled(b, made, weight, bias, rank):
    """A norm's weight and bias, one for each channel."""
    for kind, value in (("Mul", weight), ("Add", bias)):
        if value is not None:
            made = b.op(kind, made, b.op("Reshape", value, b.ints([-1] + [1] * (rank - 2))))
    return made


def _ones_and_zeros(b, n, dtype):
    return [_full(b, (n,), value, dtype) for value in (1.0, 0.0)]


@op("group_norm")
def group_norm(b, node, x, num_groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True):
    flat = b.op("Reshape", x, b.ints([0, num_groups, -1]))
    normed = b.op("InstanceNormalization", flat, *_ones_and_zeros(b, num_groups, x.dtype), epsilon=float(eps))
    return _scaled(b, b.op("Reshape", normed, b.shape_of(x)), weight, bias, x.rank)


@op("instance_norm")
def instance_norm(
    b,
    node,
    x,
    weight=None,
    bias=None,
    mean=None,
    var=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
    cudnn_enabled=True,
):
    if weight is None or bias is None:
        ones, zeros = _ones_and_zeros(b, x.shape[1], x.dtype)
        weight, bias = weight or ones, bias or zeros
    if not use_input_stats:
        return b.op("BatchNormalization", x, weight, bias, mean, var, epsilon=float(eps))
    return b.op("InstanceNormalization", x, weight, bias, epsilon=float(eps))


# ---- lookups ----------------------------------------------------------------------------------------------


@op("embedding")
def embedding(b, node, *args, **ignored):
    weight, indices = args[:2] if args[0].is_float else (args[1], args[0])
    return b.op("Gather", weight, indices, axis=0)


@op("one_hot")
def one_hot(b, node, x, num_classes=-1):
    if num_classes < 0:
        b.unsupported("without num_classes has no translation")
    return b.op("OneHot", x, b.ints([num_classes]), b.ints([0, 1]), axis=-1)


@op("pixel_shuffle")
def pixel_shuffle(b, node, x, factor):
    return b.op("DepthToSpace", x, blocksize=factor, mode="CRD")


@op("pixel_unshuffle")
def pixel_unshuffle(b, node, x, factor):
    return b.op("SpaceToDepth", x, blocksize=factor)


@op("mse_loss", "l1_loss")
def distance(b, node, x, y, reduction="mean"):
    gap = b.op("Sub", x, y)
    gap = b.op("Abs", gap) if node.target.overloadpacket.__name__ == "l1_loss" else b.op("Mul", gap, gap)
    return _reduced(b, gap, reduction, x.rank)


@op("cross_entropy", "nll_loss")
def classification(b, node, x, target, weight=None, reduction="mean", ignore_index=-100, label_smoothing=0.0):
    if label_smoothing or target.is_float:
        b.unsupported("with label_smoothing or probabilities has no translation")
    kind = (
        "NegativeLogLikelihoodLoss" if node.target.overloadpacket.__name__ == "nll_loss" else "SoftmaxCrossEntropyLoss"
    )
    reduction = {0: "none", 1: "mean", 2: "sum"}.get(reduction, reduction)
    return b.op(kind, x, target, weight, reduction=reduction, ignore_index=ignore_index)


@op("smooth_l1_loss", "huber_loss")
def smooth_distance(b, node, x, y, reduction="mean", beta=1.0, delta=1.0):
    huber = node.target.overloadpacket.__name__ == "huber_loss"
    limit = delta if huber else beta
    gap = b.op("Abs", b.op("Sub", x, y))
    near = b.op("Mul", b.op("Mul", gap, gap), b.const(0.5 if huber else 0.5 / limit, x.dtype))
    far = b.op("Sub", gap, b.const(0.5 * limit, x.dtype))
    far = b.op("Mul", far, b.const(limit, x.dtype)) if huber else far
    return _reduced(b, b.op("Where", b.op("Less", gap, b.const(limit, x.dtype)), near, far), reduction, x.rank)


@op("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(b, node, x, y, weight=None, pos_weight=None, reduction="mean"):
    if weight is not None or pos_weight is not None:
        b.unsupported("with weights has no translation")
    soft = b.op("Log", b.op("Add", b.op("Exp", b.op("Neg", b.op("Abs", x))), b.const(1, x.dtype)))
    zero = b.const(0, x.dtype)
    return _reduced(b, b.op("Add", b.op("Sub", b.op("Max", x, zero), b.op("Mul", x, y)), soft), reduction, x.rank)


def _reduced(b, name, reduction, rank):
    """A loss, reduced as its argument says."""
    kinds = {"none": None, "mean": "ReduceMean", "sum": "ReduceSum", 0: None, 1: "ReduceMean", 2: "ReduceSum"}
    return name if kinds[reduction] is None else reduce(b, kinds[reduction], name, None, False, rank)
