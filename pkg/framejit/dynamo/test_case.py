"""A TestCase for tests of compiled code: every test begins and ends with nothing compiled and all counters at zero."""

import contextlib
import importlib.util
import sys

from framejit.testing import _test_case

from . import config, control
from .utils import counters


class TestCase(_test_case.TestCase):
    """A unittest.TestCase whose assertEqual compares tensors; setUp and tearDown call `reset()` and clear the
    counters.

    >>> import framejit
    >>> class StepTest(TestCase):
    ...     def test_step(self):
    ...         f = framejit.compile(lambda x: x + 1)
    ...         self.assertEqual(f(framejit.ones(2)), framejit.full((2,), 2.0))
    >>> StepTest("test_step").run().wasSuccessful()
    True
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._exit_stack = contextlib.ExitStack()  # tests enter contexts of their own into it
        cls._exit_stack.enter_context(config.patch(suppress_errors=False))

    @classmethod
    def tearDownClass(cls):
        cls._exit_stack.close()
        super().tearDownClass()

    def setUp(self):
        control.reset()
        counters.clear()
        super().setUp()

    def tearDown(self):
        super().tearDown()
        control.reset()
        counters.clear()


def run_tests(needs=()):
    """Run the tests of `__main__`; without the modules named in `needs`, run none and say so on stderr.

    needs (str or sequence of str): names of modules. Raises SystemExit as `unittest.main` does.

    >>> import contextlib, sys
    >>> with contextlib.redirect_stderr(sys.stdout):
    ...     run_tests("no_such_module")
    no tests are run: no_such_module is missing
    """
    for need in (needs,) if isinstance(needs, str) else needs:
        if need == "cuda" or importlib.util.find_spec(need) is None:
            print(f"no tests are run: {need} is missing", file=sys.stderr)
            return
    _test_case.run_tests()
