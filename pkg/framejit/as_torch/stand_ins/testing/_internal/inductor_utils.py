"""torch.testing._internal.inductor_utils: what there is to generate code for."""

HAS_CPU = True
HAS_CUDA = HAS_GPU = HAS_TRITON = HAS_MULTIGPU = HAS_XPU = HAS_MPS = HAS_CUDA_AND_TRITON = False
GPU_TYPE = "cuda"
RUN_CPU = True
RUN_GPU = False
