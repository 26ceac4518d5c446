"""torch.testing._internal.common_cuda: there is no device."""

import contextlib
import unittest

TEST_CUDA = TEST_MULTIGPU = TEST_CUDNN = TEST_MAGMA = TEST_BF16 = False
TEST_CUDNN_VERSION = 0
SM53OrLater = SM60OrLater = SM70OrLater = SM75OrLater = SM80OrLater = SM89OrLater = SM90OrLater = SM100OrLater = False
PLATFORM_SUPPORTS_FLASH_ATTENTION = PLATFORM_SUPPORTS_MEM_EFF_ATTENTION = PLATFORM_SUPPORTS_FUSED_ATTENTION = False
PLATFORM_SUPPORTS_CUDNN_ATTENTION = PLATFORM_SUPPORTS_BF16 = PLATFORM_SUPPORTS_FP8 = HAS_CUDA = HAS_GPU = False
CUDA11OrLater = CUDA12OrLater = IS_JETSON = IS_SM89 = False
CUDA_DEVICE = None


def requires_cuda(fn):
    """A skip."""
    return unittest.skip("requires cuda")(fn)


def tf32_is_not_fp32():
    """False."""
    return False


def tf32_off():
    """A context manager that changes nothing."""
    return contextlib.nullcontext()


tf32_on = tf32_off


def with_tf32_off(fn):
    """fn"""
    return fn


def tf32_on_and_off(tf32_precision=1e-5, only_if=True):
    """A decorator that changes nothing."""
    return lambda fn: fn
