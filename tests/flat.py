"""A test case that calls something many times and sees whether memory grows.

FRAMEJIT_ROUNDS says how many times: 20,000 by default, which shows a leak of a small object a call; `make test-memory`
takes a million.
"""

import gc
import os
import resource
import sys
import unittest

ROUNDS = int(os.environ.get("FRAMEJIT_ROUNDS", "20000"))
# `make test-asan` and its like set these.
SANITIZED = not {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}.isdisjoint(os.environ)
# Under a sanitizer every allocation has a red zone and freed ones wait in a quarantine.
SLACK_KB = 20000 if SANITIZED else 2000


def resident_kb():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize() // 1024


class FlatCase(unittest.TestCase):
    def flat(self, run, rounds=ROUNDS):
        """`run(probe)` leaves no object, no reference to `probe` and no memory behind."""
        probe = object()
        for _ in range(max(500, rounds // 10)):
            run(probe)
        gc.collect()
        blocks, refs, kb = sys.getallocatedblocks(), sys.getrefcount(probe), resident_kb()
        for _ in range(rounds):
            run(probe)
        gc.collect()
        self.assertLess(sys.getallocatedblocks() - blocks, min(2000, max(rounds // 4, 40)))
        self.assertEqual(sys.getrefcount(probe), refs)
        self.assertLess(resident_kb() - kb, SLACK_KB)
