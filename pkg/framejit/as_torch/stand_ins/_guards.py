"""torch._guards: contexts of a compilation."""

import contextlib

from framejit import _backends
from framejit.dynamo.utils import detect_fake_mode


class GuardsContext:
    """Guards that back ends add: none are asked for, since captured graphs are guarded by what they depend on."""

    def __init__(self):
        self.dynamo_guards, self.aotautograd_guards = set(), []


class TracingContext:
    """What a back end finds while it is called with a graph; outside of back ends there is none."""

    def __init__(self, fake_mode=None):
        self.fake_mode = fake_mode
        self.guards_context = GuardsContext()
        self.params_flat = self.fakify_first_call = self.fw_metadata = None

    @staticmethod
    def try_get():
        """The one of the back end that runs, or None."""
        known = getattr(_backends.running, "context", None)
        if known is not None and "tracing" not in known:
            known["tracing"] = TracingContext(detect_fake_mode())
        return known and known["tracing"]

    @staticmethod
    def get():
        """The same. Raises RuntimeError where no back end runs."""
        found = TracingContext.try_get()
        if found is None:
            raise RuntimeError("TracingContext.get() must be called within an ongoing trace.")
        return found

    @staticmethod
    @contextlib.contextmanager
    def current_frame(frame_summary):
        """Nothing asks which frame is captured: this is a context that does nothing."""
        yield


class CompileContext:
    """None is active."""

    @staticmethod
    def try_get():
        """None."""
        return None

    get = current = try_get
