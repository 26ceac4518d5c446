"""Which framejit module stands behind which torch module.

The rule: `torch.a.b` is `framejit.a.b`, under whatever `stand_ins/a/b.py` defines, which is for names that mean something to
PyTorch's programs only. RENAMED lists the exceptions (the longest fitting prefix counts), ABSENT what PyTorch has and
framejit does not: an `import` statement may name those, using anything from them raises.
"""

ROOTS = {"torch": "framejit", "functorch": "framejit.func"}
STAND_INS = "framejit.as_torch.stand_ins"

# What `import torch` loads, as it does in PyTorch: a name that a view finds late changes it, and graphs captured before.
LOADED = """
autograd backends compile compiler cuda func fx jit load manual_seed nn optim random save serialization testing utils vmap
""".split()

# full torch name -> full framejit name
RENAMED = {
    "torch._dynamo": "framejit.dynamo",
    "torch.functional": "framejit._functions",
    "torch.fx._symbolic_trace": "framejit.fx.symbolic_trace",
    "torch.autograd.gradcheck": "framejit.autograd._gradcheck",
    "torch.utils._pytree": "framejit.utils._pytree",
}

ABSENT = frozenset(
    "torch." + name
    for name in """
    _awaits _custom_op _custom_ops _decomp _deploy _dispatch _export _functorch _guards _higher_order_ops
    _inductor _jit_internal _library _linalg_utils _lobpcg _logging _lowrank _meta_registrations _namedtensor_internals
    _numpy _ops _prims _prims_common _python_dispatcher _refs _size_docs _sources _storage_docs _strobelight
    _utils_internal _vendor _vmap_internals _weights_only_unpickler ao cpu fft
    backends.cpu backends.cudnn.rnn backends.cusparselt backends.kleidiai backends.mha backends.miopen backends.xeon
    cuda.comm cuda.gds cuda.graphs cuda.green_contexts cuda.jiterator cuda.memory cuda.nccl cuda.nvtx cuda.profiler cuda.random
    cuda.sparse cuda.streams cuda.tunable export.passes export.pt2_archive export.unflatten multiprocessing.pool
    multiprocessing.queue multiprocessing.reductions multiprocessing.spawn nn.attention.experimental nn.attention.varlen
    nn.modules.adaptive nn.cpp nn.grad nn.parallel._functions nn.parallel.comm nn.parallel.parallel_apply nn.parallel.replicate nn.parallel.scatter_gather
    distributed.optim distributed.rpc distributed.pipelining distributed.elastic distributed.launcher distributed.run
    utils.backcompat utils.hipify utils.jit utils.mkldnn utils.serialization utils.show_pickle utils.viz
    jit linalg masked mtia nested package
    quantization quasirandom signal sparse special torch_version
    nn.attention.bias nn.backends nn.intrinsic nn.modules.rnn nn.modules.transformer nn.qat
    nn.quantizable nn.utils.fusion nn.utils.parametrizations nn.utils.parametrize
    nn.utils.spectral_norm nn.utils.weight_norm nn.utils.stateless nn.utils.memory_format
    export._draft_export export._leakage_detection_utils export._remove_auto_functionalized_pass export._remove_effect_tokens_pass
    export._safeguard export._swap export._trace export._tree_utils export._unlift export._wrapper_utils export.custom_obj
    export.custom_ops export.decomp_utils export.experimental export.passes export.pt2_archive export.unflatten
    onnx._constants onnx._exporter_states onnx._flags onnx._globals onnx._internal onnx._onnx_supported_ops onnx._type_utils onnx.errors
    onnx.operators onnx.ops onnx.symbolic_caffe2 onnx.symbolic_helper onnx.symbolic_opset7 onnx.symbolic_opset8 onnx.symbolic_opset9
    onnx.symbolic_opset10 onnx.symbolic_opset11 onnx.symbolic_opset12 onnx.symbolic_opset13 onnx.symbolic_opset14
    onnx.symbolic_opset15 onnx.symbolic_opset16 onnx.symbolic_opset17 onnx.symbolic_opset18 onnx.symbolic_opset19
    onnx.symbolic_opset20 onnx.testing onnx.utils onnx.verification
    fx._compatibility fx._lazy_graph_module fx._utils fx.annotate fx.config fx.experimental fx.operator_schemas fx.passes
    fx.subgraph_rewriter fx.tensor_type fx.traceback
    optim._adafactor optim._muon optim._functional optim._multi_tensor optim.asgd optim.lbfgs optim.rprop optim.sparse_adam
    optim.swa_utils
    autograd.anomaly_mode autograd.forward_ad autograd.functional autograd.graph autograd.profiler_legacy
    utils._config_module utils._content_store utils._cxx_pytree utils._sympy
    utils._traceback utils._triton utils.backend_registration utils.benchmark utils.bottleneck utils.bundled_inputs
    utils.checkpoint utils.collect_env utils.cpp_extension utils.deterministic utils.file_baton
    utils.mobile_optimizer utils.model_dump utils.model_zoo utils.module_tracker utils.tensorboard utils.throughput_benchmark
    utils.weak utils.data.datapipes utils.data.graph
    testing._comparison testing._creation testing._internal testing._utils
    _dynamo.aot_compile _dynamo.backends _dynamo.bytecode_analysis _dynamo.bytecode_transformation _dynamo.cache_size
    _dynamo.code_context _dynamo.codegen _dynamo.comptime _dynamo.convert_frame _dynamo.current_scope_id
    _dynamo.debug_utils _dynamo.device_interface _dynamo.distributed _dynamo.functional_export
    _dynamo.graph_break_hints _dynamo.graph_deduplication _dynamo.graph_region_tracker _dynamo.guards _dynamo.hooks
    _dynamo.logging _dynamo.metrics_context _dynamo.mutation_guard _dynamo.output_graph _dynamo.package _dynamo.pgo
    _dynamo.polyfills _dynamo.precompile_context _dynamo.profiler _dynamo.repro _dynamo.resume_execution
    _dynamo.replay_record _dynamo.side_effects _dynamo.source _dynamo.symbolic_convert _dynamo.tensor_version_op
    _dynamo.test_minifier_common _dynamo.trace_rules _dynamo.types _dynamo.variables
    """.split()
) | {"functorch.experimental", "functorch.dim", "functorch.einops"}


def framejit_name(torch_name):
    """The name of the framejit module that would be behind a torch module."""
    prefix = torch_name
    while prefix:
        if prefix in RENAMED:
            return RENAMED[prefix] + torch_name[len(prefix) :]
        prefix = prefix.rpartition(".")[0]
    root, dot, rest = torch_name.partition(".")
    return ROOTS[root] + dot + rest


def stand_in_name(torch_name):
    """The name of the module that adds to it or replaces it."""
    root, dot, rest = torch_name.partition(".")
    return f"{STAND_INS}{dot}{rest}" if root == "torch" else f"{STAND_INS}._{torch_name}"


def torch_name(module_name):
    """The torch name of a framejit module."""
    if module_name == STAND_INS or module_name.startswith(STAND_INS + "."):
        return "torch" + module_name[len(STAND_INS) :]
    for theirs, ours in RENAMED.items():
        if module_name == ours or module_name.startswith(ours + "."):
            return theirs + module_name[len(ours) :]
    return "torch" + module_name[len("framejit") :]


def is_absent(torch_name):
    """Whether PyTorch has a module of that name, as far as the list knows, and framejit does not."""
    while torch_name:
        if torch_name in ABSENT:
            return True
        torch_name = torch_name.rpartition(".")[0]
    return False
