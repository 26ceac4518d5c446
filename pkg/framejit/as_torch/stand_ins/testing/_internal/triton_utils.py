"""torch.testing._internal.triton_utils: there is no Triton, so no kernels."""

import unittest

HAS_CUDA = HAS_GPU = HAS_CUDA_AND_TRITON = False
requires_cuda = requires_gpu = requires_cuda_and_triton = unittest.skip("requires cuda")
