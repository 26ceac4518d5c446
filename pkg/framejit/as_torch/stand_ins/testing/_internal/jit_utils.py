"""torch.testing._internal.jit_utils: the test case; there is no TorchScript to test."""

from .common_utils import TestCase


class JitTestCase(TestCase):
    """A TestCase."""
