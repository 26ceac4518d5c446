"""Whether something is being profiled, where compiled functions can see it."""

from framejit import _C

from . import _events

enabled = False


def start(shapes):
    """Begins in this thread. shapes (bool): note the sizes of operators' inputs. Raises RuntimeError where one is going on."""
    global enabled
    _C._profile_start(shapes)
    enabled = True


def stop():
    """Ends what `start` has begun, and gives its events."""
    global enabled
    enabled = False
    return _events.from_records(_C._profile_stop())
