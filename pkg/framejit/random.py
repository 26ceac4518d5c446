"""The global random generator."""

import contextlib

from framejit import _C

default_generator = _C.default_generator


def manual_seed(seed):
    """Seed the global generator."""
    return default_generator.manual_seed(int(seed))


def seed():
    """Seed the global generator from the system; gives the seed."""
    return default_generator.seed()


def initial_seed():
    """The seed that the global generator was last given."""
    return default_generator.initial_seed()


def get_rng_state():
    """The state of the global generator, as a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Put the global generator into a saved state."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True):
    """Restore the global generator's state when the block ends."""
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
