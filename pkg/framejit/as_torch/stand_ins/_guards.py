"""torch._guards: contexts of a compilation. None is ever active."""


class _Never:
    @staticmethod
    def try_get():
        """None."""
        return None

    get = current = try_get


class TracingContext(_Never):
    """None is active."""


class CompileContext(_Never):
    """None is active."""
