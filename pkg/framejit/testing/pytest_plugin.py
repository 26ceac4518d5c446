"""The pytest plugin, found by its entry point: marks that say how the compiled functions of a test must be captured.

    @pytest.mark.no_recompile        nothing is compiled twice during the test
    @pytest.mark.no_break            no compiled function breaks its graph during the test

and the fixtures `assert_single_graph`, `assert_no_break` and `assert_no_recompile`, which are framejit.testing's. A
test that fails so raises framejit.testing.CaptureError. framejit is imported by tests that use them only.

>>> def test_step(assert_single_graph):  # in a file of tests
...     assert_single_graph(lambda x: x + 1, framejit.ones(2))
>>> test_step(framejit.testing.assert_single_graph)
"""

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "no_recompile: fail if framejit compiles a function again during the test")
    config.addinivalue_line("markers", "no_break: fail if a function that framejit compiles breaks its graph")


@pytest.fixture
def assert_single_graph():
    """framejit.testing.assert_single_graph"""
    from framejit import testing

    return testing.assert_single_graph


@pytest.fixture
def assert_no_break():
    """framejit.testing.assert_no_break"""
    from framejit import testing

    return testing.assert_no_break


@pytest.fixture
def assert_no_recompile():
    """framejit.testing.assert_no_recompile"""
    from framejit import testing

    return testing.assert_no_recompile


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    no_break, no_recompile = item.get_closest_marker("no_break"), item.get_closest_marker("no_recompile")
    if no_break is None and no_recompile is None:
        yield
        return
    from framejit.dynamo import utils
    from framejit.testing import CaptureError, assert_no_recompile

    before = dict(utils.counters["graph_break"])
    watch = assert_no_recompile()
    watch.__enter__()
    outcome = yield
    if outcome.excinfo is not None:
        return
    new = {reason: n - before.get(reason, 0) for reason, n in utils.counters["graph_break"].items()}
    new = sorted(reason for reason, n in new.items() if n)
    if no_break is not None and new:
        outcome.force_exception(CaptureError("graph breaks: " + "; ".join(new)))
    if no_recompile is not None:
        try:
            watch.__exit__(None, None, None)
        except CaptureError as error:
            outcome.force_exception(error)
