"""torch.testing._internal.hypothesis_utils: nothing to set up."""


def assert_deadline_disabled():
    """Nothing to do."""
