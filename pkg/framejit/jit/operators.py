"""What runs each operator: one table from names of PyTorch's operators to framejit.

An entry is text with places for the arguments (`{0}`), which becomes part of the generated Python, or `impl.name`, a
function of implementations.py. Names that are not here run as the function of framejit, the tensor method or the function
of nn.functional of the same name; what is in none of these places is not in operators.txt.
"""

import functools

from framejit import _ops as _t

INFIX = {
    "aten::add": "+", "aten::sub": "-", "aten::mul": "*", "aten::div": "/", "aten::remainder": "%", "aten::floordiv": "//",
    "aten::floor_divide": "//", "aten::eq": "==", "aten::ne": "!=", "aten::lt": "<", "aten::le": "<=", "aten::gt": ">", "aten::ge": ">=",
    "aten::__and__": "&", "aten::__or__": "|", "aten::__xor__": "^", "aten::__lshift__": "<<", "aten::__rshift__": ">>",
    "aten::matmul": "@",
}  # fmt: skip

# by full name or, for all overloads, by name
TEXTS = {
    "aten::pow.int": "float({0} ** {1})", "aten::pow.Scalar_Scalar": "float({0} ** {1})", "aten::pow": "{0} ** {1}",
    "aten::neg": "-{0}", "aten::__not__": "not {0}", "aten::bitwise_not": "~{0}", "aten::div.int": "{0} / {1}",
    "aten::Bool": "bool({0})", "aten::Int": "int({0})", "aten::Float": "float({0})", "aten::Complex": "complex({0})",
    "aten::Complex.complex": "{0}", "aten::FloatImplicit": "float({0})", "aten::IntImplicit": "int({0})",
    "aten::ComplexImplicit": "complex({0})", "aten::ScalarImplicit": "{0}.item()", "aten::len": "len({0})",
    "aten::__is__": "{0} is {1}", "aten::__isnot__": "{0} is not {1}", "aten::__contains__": "{1} in {0}",
    "aten::__getitem__": "{0}[{1}]", "aten::_set_item": "{0}.__setitem__({1}, {2})", "aten::Delete": "{0}.__delitem__({1})",
    "aten::append": "{0}.append({1})", "aten::extend": "{0}.extend({1})", "aten::insert": "{0}.insert({1}, {2})",
    "aten::pop.t": "{0}.pop({1=-1})", "aten::pop": "{0}.pop({1*})", "aten::clear": "{0}.clear()", "aten::reverse": "{0}.reverse()",
    "aten::remove": "impl.remove({0}, {1})", "aten::index.list_Tensor": "impl.index_of({0}, {1})",
    "aten::index.list_int": "{0}.index({1})", "aten::index.list_float": "{0}.index({1})", "aten::index.list_bool": "{0}.index({1})",
    "aten::index.list_str": "{0}.index({1})", "aten::count": "impl.count_str({*})", "aten::count.int": "{0}.count({1})",
    "aten::count.float": "{0}.count({1})", "aten::count.bool": "{0}.count({1})", "aten::count.str": "{0}.count({1})",
    "aten::copy.t": "list({0})", "aten::copy": "dict({0})", "aten::list": "list({0})", "aten::dict": "dict({*})",
    "aten::keys": "list({0}.keys())", "aten::values": "list({0}.values())", "aten::items": "list({0}.items())",
    "aten::get": "{0}.get({1*})", "aten::setdefault": "{0}.setdefault({1*})", "aten::update": "{0}.update({1})",
    "aten::popitem": "{0}.popitem()",
    "aten::add.t": "[*{0}, *{1}]", "aten::add_.t": "impl.extended({0}, {1})", "aten::mul.left_t": "{0} * {1}", "aten::mul.right_": "{1} * {0}",
    "aten::mul_.t": "impl.repeated({0}, {1})", "aten::sorted": "sorted({0})",
    "aten::sort.int": "{0}.sort(reverse={1=False})", "aten::sort.float": "{0}.sort(reverse={1=False})",
    "aten::sort.bool": "{0}.sort(reverse={1=False})", "aten::sort.str": "{0}.sort(reverse={1=False})", "aten::sort.any": "{0}.sort(reverse={1=False})",
    "aten::slice.t": "{0}[{1=}:{2=}:{3=1}]", "aten::slice.str": "{0}[{1=}:{2=}:{3=1}]", "aten::slice.Tensor": "impl.slice({*})",
    "aten::str": "impl.text({0})", "aten::ord": "ord({0})", "aten::chr": "chr({0})", "aten::hex": "hex({0})", "aten::oct": "oct({0})",
    "aten::bin": "bin({0})", "aten::hash": "hash({0})", "prim::id": "id({0})", "aten::divmod": "divmod({0}, {1})",
    "aten::format": "impl.format({*})", "aten::percentFormat": "impl.percent({*})", "aten::sum.int": "sum({0})", "aten::sum.float": "sum({0})",
    "aten::sum.complex": "sum({0})", "aten::sum.bool": "sum({0})", "aten::all.int": "all({0})", "aten::all.float": "all({0})",
    "aten::all.bool": "all({0})", "aten::any.int": "any({0})", "aten::any.float": "any({0})", "aten::any.bool": "any({0})",
    "aten::any.str": "any({0})", "aten::round.int": "float({0})", "aten::round.float": "float(round({0}))", "aten::round.Scalar": "round({0})",
    "prim::abs": "abs({0})", "prim::min": "min({*})", "prim::max": "max({*})", "prim::rangelist": "list(range({0}))",
    "prim::min.int_list": "min({0}, {1})", "prim::max.int_list": "max({0}, {1})",
    "prim::dtype": "impl.dtype_code({0})", "prim::device": "{0}.device", "prim::grad": "{0}.grad", "prim::data": "{0}.data",
    "prim::is_cuda": "{0}.is_cuda", "prim::is_cpu": "({0}.device.type == 'cpu')", "prim::is_meta": "{0}.is_meta",
    "prim::is_mps": "({0}.device.type == 'mps')", "prim::is_xpu": "({0}.device.type == 'xpu')", "prim::is_sparse": "{0}.is_sparse",
    "prim::is_quantized": "False", "prim::is_mkldnn": "False", "prim::is_nested": "False", "prim::is_vulkan": "False", "prim::is_xla": "False",
    "prim::is_ipu": "False", "prim::is_maia": "False", "prim::is_mtia": "False", "prim::is_sparse_csr": "False",
    "prim::layout": "impl.layout_code({0})", "prim::itemsize": "{0}.element_size()", "prim::nbytes": "({0}.element_size() * {0}.numel())",
    "prim::name": "None", "prim::requires_grad": "{0}.requires_grad", "prim::type": "{0}.type", "prim::index": "{0}.index",
    "prim::NumToTensor": "impl.number_tensor({0})", "prim::TupleIndex": "{0}[{1}]", "prim::EnumName": "{0}.name", "prim::EnumValue": "{0}.value",
    "prim::StringIndex": "{0}[{1}]", "prim::unchecked_unwrap_optional": "{0}",
    "aten::size": "list({0}.shape)", "aten::size.int": "{0}.size({1})", "aten::stride": "list({0}.stride())", "aten::stride.int": "{0}.stride({1})",
    "aten::dim": "{0}.dim()", "aten::numel": "{0}.numel()", "aten::item": "{0}.item()", "aten::is_leaf": "{0}.is_leaf",
    "aten::output_nr": "{0}.output_nr", "aten::numpy_T": "{0}.T", "aten::mT": "{0}.mT", "aten::matrix_H": "{0}.mH", "aten::mH": "{0}.mH",
    "aten::adjoint": "{0}.mH", "aten::alias": "{0}.view_as({0})", "aten::lift_fresh": "{0}", "aten::lift": "{0}", "aten::detach": "{0}.detach()",
    "aten::index.Tensor": "impl.index({0}, {1})", "aten::index.Tensor_hacked_twin": "impl.index({0}, {1})",
    "aten::index_put_": "impl.index_put({*})", "aten::index_put": "impl.index_put_new({*})",
    "aten::_index_put_impl_": "impl.index_put({*})", "aten::_unsafe_index": "impl.index({0}, {1})", "aten::_unsafe_view": "{0}.view({1})",
    "aten::_reshape_alias": "{0}.reshape({1})", "aten::to.other": "{0}.to({1})", "aten::to.prim_other": "{0}", "aten::backward": "impl.backward({*})",
    "aten::is_floating_point": "{0}.is_floating_point()", "aten::_unwrap_optional": "impl.unwrap({0})", "aten::wait": "impl.wait({0})",
    "prim::awaitable_wait": "impl.wait({0})", "aten::device": "torch.device({*})", "aten::manual_seed": "impl.manual_seed({0})",
    "aten::set_grad_enabled": "impl.set_grad_enabled({0})", "aten::is_grad_enabled": "torch.is_grad_enabled()", "aten::warn": "impl.warn({0})",
    "aten::__range_length": "len(range({0}, {1}, {2}))", "aten::__derive_index": "({1} + {0} * {2})", "aten::__round_to_zero_floordiv": "int({0} / {1})",
    "aten::list_with_default": "impl.list_with_default({0}, {1})", "aten::_infer_size": "impl.infer_size({0}, {1})",
    "aten::tensor": "impl.tensor({*k})", "aten::as_tensor": "impl.tensor({*k})", "aten::as_tensor_": "{0}",
    "aten::mathremainder": "math.remainder({0}, {1})", "aten::fabs": "math.fabs({0})", "aten::modf": "math.modf({0})", "aten::frexp": "math.frexp({0})",
    "aten::gcd.int": "math.gcd({0}, {1})", "aten::factorial": "math.factorial({0})", "aten::degrees": "math.degrees({0})",
    "aten::radians": "math.radians({0})", "aten::floor.int": "{0}", "aten::floor.float": "math.floor({0})", "aten::ceil.int": "{0}",
    "aten::ceil.float": "math.ceil({0})", "aten::atan2.int": "math.atan2({0}, {1})", "aten::copysign.int": "math.copysign({0}, {1})",
    "aten::gamma": "math.gamma({0})", "aten::isinf.float": "math.isinf({0})", "aten::isnan.float": "math.isnan({0})",
    "aten::isfinite.float": "math.isfinite({0})", "aten::fmod.int": "math.fmod({0}, {1})", "aten::fmod.float": "math.fmod({0}, {1})",
    "aten::isinf.complex": "cmath.isinf({0})", "aten::isnan.complex": "cmath.isnan({0})", "aten::isfinite.complex": "cmath.isfinite({0})",
    "aten::angle.float": "cmath.phase({0})", "aten::angle.int": "cmath.phase({0})", "aten::angle.complex": "cmath.phase({0})",
    "aten::real.complex": "{0}.real", "aten::imag.complex": "{0}.imag", "aten::real": "impl.real({0})", "aten::imag": "{0}.imag",
    "aten::_convolution": "impl.convolution({*})", "aten::_convolution_mode": "impl.convolution_mode({*})", "aten::_softmax": "torch.softmax({0}, {1})",
    "aten::_log_softmax": "torch.log_softmax({0}, {1})", "aten::dropout_": "impl.dropout_({*})", "aten::feature_dropout": "impl.feature_dropout({*})",
    "aten::feature_alpha_dropout": "impl.feature_alpha_dropout({*})", "aten::alpha_dropout_": "impl.alpha_dropout_({*})",
    "aten::embedding": "impl.embedding({*})", "aten::embedding_renorm_": "impl.embedding_renorm_({*})", "aten::batch_norm": "impl.batch_norm({*})",
    "aten::instance_norm": "impl.instance_norm({*})", "aten::pad_sequence": "impl.pad_sequence({*})",
    "aten::native_layer_norm": "impl.native_layer_norm({*})", "aten::cross_entropy_loss": "impl.cross_entropy_loss({*})",
    "aten::nll_loss_nd": "impl.nll_loss({*})", "aten::nll_loss": "impl.nll_loss({*})", "aten::nll_loss2d": "impl.nll_loss({*})",
    "aten::lstm": "impl.lstm({*})", "aten::lstm.data": "impl.lstm_packed({*})", "aten::gru": "impl.gru({*})", "aten::gru.data": "impl.gru_packed({*})",
    "aten::rnn_tanh": "impl.rnn_tanh({*})", "aten::rnn_relu": "impl.rnn_relu({*})", "aten::lstm_cell": "impl.lstm_cell({*})",
    "aten::gru_cell": "impl.gru_cell({*})", "aten::rnn_tanh_cell": "impl.rnn_tanh_cell({*})", "aten::rnn_relu_cell": "impl.rnn_relu_cell({*})",
    "aten::reflection_pad1d": "impl.pad_reflect({0}, {1})", "aten::reflection_pad2d": "impl.pad_reflect({0}, {1})",
    "aten::reflection_pad3d": "impl.pad_reflect({0}, {1})", "aten::replication_pad1d": "impl.pad_replicate({0}, {1})",
    "aten::replication_pad2d": "impl.pad_replicate({0}, {1})", "aten::replication_pad3d": "impl.pad_replicate({0}, {1})",
    "aten::constant_pad_nd": "impl.pad_constant({*})", "aten::pad": "impl.pad({*})", "aten::gelu_": "impl.gelu_({*})",
    "aten::max_pool2d": "impl.max_pool2d({*})", "aten::max_pool1d": "impl.max_pool1d({*})", "aten::max_pool3d": "impl.max_pool3d({*})",
    "aten::max_pool2d_with_indices": "impl.max_pool2d_with_indices({*})", "aten::avg_pool2d": "impl.avg_pool2d({*})",
    "aten::avg_pool1d": "impl.avg_pool1d({*})", "aten::avg_pool3d": "impl.avg_pool3d({*})", "aten::max_pool1d_with_indices": "impl.max_pool1d_with_indices({*})",
    "aten::max_pool3d_with_indices": "impl.max_pool3d_with_indices({*})",
    "aten::_adaptive_avg_pool2d": "impl.adaptive_avg_pool2d({0}, {1})", "aten::_adaptive_avg_pool3d": "impl.adaptive_avg_pool3d({0}, {1})",
    "aten::adaptive_max_pool1d": "impl.adaptive_max_pool1d({0}, {1})", "aten::adaptive_max_pool2d": "impl.adaptive_max_pool2d({0}, {1})",
    "aten::adaptive_max_pool3d": "impl.adaptive_max_pool3d({0}, {1})",
    "aten::upsample_nearest1d": "impl.upsample_nearest({*})", "aten::upsample_nearest2d": "impl.upsample_nearest({*})",
    "aten::upsample_nearest3d": "impl.upsample_nearest({*})", "aten::_upsample_nearest_exact1d": "impl.upsample_nearest_exact({*})",
    "aten::_upsample_nearest_exact2d": "impl.upsample_nearest_exact({*})", "aten::upsample_linear1d": "impl.upsample_linear1d({*})",
    "aten::upsample_bilinear2d": "impl.upsample_bilinear2d({*})", "aten::upsample_bicubic2d": "impl.upsample_bicubic2d({*})",
    "aten::upsample_trilinear3d": "impl.upsample_trilinear3d({*})", "aten::grid_sampler": "impl.grid_sampler({*})",
    "aten::grid_sampler_2d": "impl.grid_sampler({*})", "aten::affine_grid_generator": "impl.affine_grid({*})", "aten::im2col": "impl.im2col({*})",
    "aten::col2im": "impl.col2im({*})", "aten::unique_dim": "impl.unique_dim({*})", "aten::ctc_loss": "impl.ctc_loss({*})", "aten::multilabel_margin_loss": "impl.multilabel_margin_loss({*})",
    "aten::max_unpool2d": "impl.max_unpool2d({*})", "aten::max_unpool3d": "impl.max_unpool3d({*})",
    "aten::fractional_max_pool2d": "impl.fractional_max_pool2d({*})", "aten::fractional_max_pool3d": "impl.fractional_max_pool3d({*})", "aten::unique_consecutive": "impl.unique_consecutive({*})", "aten::_unique2": "impl.unique2({*})",
    "aten::_weight_norm": "impl.weight_norm({*})", "aten::frobenius_norm": "impl.frobenius_norm({*})", "aten::kl_div": "impl.kl_div({*})",
    "aten::binary_cross_entropy": "impl.binary_cross_entropy({*})", "aten::log_sigmoid": "impl.log_sigmoid({0})",
    "aten::cpu": "{0}.cpu()", "aten::contiguous": "{0}.contiguous()", "aten::type_as": "{0}.to({1}.dtype)",
    "aten::requires_grad_": "{0}.requires_grad_({1*})", "aten::stft": "impl.stft({*})", "aten::stft.center": "impl.stft_center({*})", "aten::grad": "impl.grad({*})", "aten::_stack": "torch.stack({*})", "aten::_cat": "torch.cat({*})",
    "aten::_cast_Float": "{0}.float()", "aten::_cast_Double": "{0}.double()", "aten::_cast_Long": "{0}.long()", "aten::_cast_Int": "{0}.int()",
    "aten::__interpolate": "impl.interpolate({*})", "aten::is_non_overlapping_and_dense": "{0}.is_contiguous()", "aten::to_dense": "{0}.to_dense()",
    "aten::quantile": "torch.quantile({*})", "aten::einsum": "torch.einsum({0}, {1})", "aten::record_stream": "None", "aten::zero": "torch.zeros_like({0})",
    "aten::dequantize": "{0}", "aten::threshold_": "impl.threshold_({*})", "aten::linalg_norm": "torch.linalg.norm({*k})", "aten::get_device": "-1",
    "aten::_shape_as_tensor": "torch.tensor({0}.shape)", "aten::_pack_padded_sequence": "impl.pack_padded_sequence({*})",
    "aten::_pad_packed_sequence": "impl.pad_packed_sequence({*})", "aten::scaled_dot_product_attention": "impl.sdpa({*k})",
}  # fmt: skip

TEXTS.update(
    {
        "aten::rrelu_": "impl.rrelu_({*})",
        "aten::one_hot": "impl.one_hot({*})", "aten::_upsample_nearest_exact3d": "impl.upsample_nearest_exact({*})",
        "aten::rrelu_with_noise": "impl.rrelu_with_noise({*})",
    }
)  # fmt: skip
# losses, whose reduction is a number
TEXTS.update(
    (f"aten::{name}", f"impl.{name}({{*}})")
    for name in """mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy_with_logits cosine_embedding_loss margin_ranking_loss
    hinge_embedding_loss soft_margin_loss triplet_margin_loss poisson_nll_loss multi_margin_loss embedding_bag""".split()
)
# methods of str
TEXTS.update(
    (f"aten::{name}", f"{{0}}.{name}({{1*}})")
    for name in """capitalize center endswith expandtabs find isalnum isalpha isdecimal isdigit isidentifier islower isnumeric isprintable isspace
    istitle isupper join ljust lower lstrip partition replace rfind rindex rjust rpartition rsplit rstrip splitlines startswith strip
    swapcase title upper zfill""".split()
)
TEXTS.update({"aten::split.str": "{0}.split({1*})", "aten::rpartition": "{0}.rpartition({1})", "aten::index.str": "{0}.index({1*})",
              "aten::find": "impl.find({*})", "aten::rfind": "impl.rfind({*})", "aten::startswith": "impl.startswith({*})",
              "aten::endswith": "impl.endswith({*})", "aten::replace": "impl.replace({*})"})  # fmt: skip
# math's functions of numbers
TEXTS.update(
    (f"aten::{name}.{kind}", f"math.{name}({{*}})")
    for name in "sqrt exp log log1p log10 log2 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh lgamma erf erfc expm1 ldexp fmod atan2 copysign "
    "hypot floor ceil".split()
    for kind in ("int", "float", "Scalar", "int_int", "float_float", "int_float", "float_int", "Scalar_Scalar")
    if f"aten::{name}.{kind}" not in TEXTS
)
TEXTS.update(
    (f"aten::{n}.complex", f"cmath.{n}({{*}})")
    for n in "sqrt exp log log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh".split()
)


@functools.cache
def home(name):
    """(namespace, attribute) of the framejit function that runs an operator; None if there is none."""
    import framejit
    from framejit.nn import functional

    short = name.partition("::")[2]
    for prefix, module in (("linalg_", "linalg"), ("special_", "special"), ("fft_", "fft")):
        if short.startswith(prefix):
            found = getattr(framejit, module, None)
            if found is not None and hasattr(found, short[len(prefix) :]):
                return found, short[len(prefix) :]
    if short in _t.Tensor.__dict__ and not hasattr(framejit, short):
        return _t.Tensor, short
    for namespace in (framejit, functional, _t.Tensor):
        if hasattr(namespace, short):
            return namespace, short
    return None


def writes_out(schema):
    """Whether it is the overload that writes its result into an argument `out`."""
    return schema.full_name.endswith("out") and "." in schema.full_name and schema.arguments[-1].name == "out"


def text_of(schema):
    """The entry of an overload; None if framejit's function of the same name runs it."""
    if writes_out(schema):
        return f"impl.with_out({schema.name!r}, {{*k}})"
    return TEXTS.get(schema.full_name) or TEXTS.get(schema.name)


def is_implemented(schema):
    """Whether framejit can run an overload. An entry for a name counts for all of its overloads."""
    if writes_out(schema):  # what is computed is written there
        return home(schema.name) is not None and schema.name not in TEXTS
    if schema.name in INFIX or text_of(schema) is not None:
        return True
    return home(schema.name) is not None
