"""What `register_hook` gives in a frame: the handle of a hook on a tensor that the trace has made."""

from framejit import _C


class HookHandle:
    def __init__(self, number):
        self.id = number

    def remove(self):
        _C._drop_traced_hook(self.id)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.remove()


HELPERS = {"hook_handle": HookHandle}
