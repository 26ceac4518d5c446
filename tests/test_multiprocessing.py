"""framejit.multiprocessing: processes that end well, raise, exit and are killed; tensors that go to them and come back."""

import os
import signal
import sys
import unittest

import framejit
from framejit import multiprocessing


def put(index, queue, x):
    queue.put((index, x + index))


def fail(index, wanted):
    if index == wanted:
        raise KeyError("the reason")


def leave(index):
    sys.exit(3 + index)


def die(index):
    os.kill(os.getpid(), signal.SIGTERM)


class SpawnTest(unittest.TestCase):
    def test_results(self):
        queue = multiprocessing.get_context("spawn").SimpleQueue()
        multiprocessing.spawn(put, (queue, framejit.ones(2, requires_grad=True).detach()), nprocs=2)
        found = dict(queue.get() for _ in range(2))
        self.assertEqual({index: x.tolist() for index, x in found.items()}, {0: [1.0, 1.0], 1: [2.0, 2.0]})

    def test_failures(self):
        start = lambda fn, args=(): multiprocessing.start_processes(fn, args, 2, start_method="fork")
        with self.assertRaises(multiprocessing.ProcessRaisedException) as raised:
            start(fail, (1,))
        self.assertIn("the reason", str(raised.exception))
        self.assertEqual(raised.exception.error_index, 1)
        with self.assertRaises(multiprocessing.ProcessExitedException) as exited:
            start(leave)
        self.assertEqual(exited.exception.exit_code, 3 + exited.exception.error_index)
        with self.assertRaises(multiprocessing.ProcessExitedException) as killed:
            start(die)
        self.assertEqual(killed.exception.signal_name, "SIGTERM")

    def test_context(self):
        context = multiprocessing.start_processes(fail, (7,), 2, join=False, start_method="fork")
        self.assertEqual(len(context.pids()), 2)
        while not context.join(0.1):
            pass
        self.assertTrue(context.join())

    def test_strategies(self):
        self.assertRaises(AssertionError, multiprocessing.set_sharing_strategy, "telepathy")
        self.assertIn(multiprocessing.get_sharing_strategy(), multiprocessing.get_all_sharing_strategies())


if __name__ == "__main__":
    unittest.main()
