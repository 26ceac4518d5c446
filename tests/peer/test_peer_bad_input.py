"""The exception types of tests/bad_input.py are those that torch raises."""

import unittest

from tests.bad_input import CASES

try:
    import torch
except ImportError:
    torch = None


@unittest.skipIf(torch is None, "torch is not installed")
class PeerBadInput(unittest.TestCase):
    def test_types(self):
        for name, kind, _, call in CASES:
            with self.subTest(name), self.assertRaises(kind):
                call(torch)
