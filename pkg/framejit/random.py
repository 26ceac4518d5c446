"""The global random generator."""

import contextlib

from framejit import _C

default_generator = _C.default_generator


def manual_seed(seed):
    """Seed the global generator.

    seed (int). Raises TypeError for other types.

    >>> import framejit
    >>> _ = framejit.random.manual_seed(7)
    >>> x = framejit.rand(1)
    >>> _ = framejit.random.manual_seed(7)
    >>> bool((framejit.rand(1) == x).all())
    True
    """
    return default_generator.manual_seed(int(seed))


def seed():
    """Seed the global generator from the system; gives the seed.

    >>> import framejit
    >>> isinstance(framejit.random.seed(), int)
    True
    """
    return default_generator.seed()


def initial_seed():
    """The seed that the global generator was last given.

    >>> import framejit
    >>> _ = framejit.manual_seed(7)
    >>> framejit.random.initial_seed()
    7
    """
    return default_generator.initial_seed()


def get_rng_state():
    """The state of the global generator, as a tensor of bytes.

    >>> import framejit
    >>> framejit.random.get_rng_state().dtype
    framejit.uint8
    """
    return default_generator.get_state()


def set_rng_state(new_state):
    """Put the global generator into a saved state.

    new_state (ByteTensor). Raises TypeError for other types.

    >>> import framejit
    >>> state = framejit.random.get_rng_state()
    >>> x = framejit.rand(1)
    >>> framejit.random.set_rng_state(state)
    >>> bool((framejit.rand(1) == x).all())
    True
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True):
    """Restore the global generator's state when the block ends.

    devices (sequence of devices or None), enabled (bool). Raises nothing of its own.

    >>> import framejit
    >>> framejit.manual_seed(0) is not None
    True
    >>> with framejit.random.fork_rng():
    ...     x = framejit.rand(1)
    >>> bool((framejit.rand(1) == x).all())
    True
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
