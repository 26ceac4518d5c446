"""torch.testing._internal.logging_utils: test cases that look at PyTorch's logs, of which framejit writes none."""

import contextlib
import io
import unittest

from framejit.dynamo.test_case import TestCase


class LoggingTestCase(TestCase):
    """A TestCase."""


def make_logging_test(**settings):
    """A decorator; the test is skipped, as it reads logs that are PyTorch's own."""
    return lambda fn: unittest.skip("reads PyTorch's own logs")(fn)


make_settings_test = make_logging_test


@contextlib.contextmanager
def _no_logs():
    yield


def logs_to_string(module, log_option):
    """A stream to which nothing is written, and a function that gives a context manager."""
    return io.StringIO(), _no_logs
