"""RemovableHandle: what every `register_*_hook` returns."""

import itertools
import weakref
from collections import OrderedDict

_ids = itertools.count()


class RemovableHandle:
    """Removes a hook from the dict that holds it, and from the dicts that mark it.

    hooks_dict (dict), extra_dict (dict or None). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1)
    >>> handle = layer.register_forward_hook(lambda *args: print("called"))
    >>> handle.remove()
    >>> layer(framejit.ones(1)).shape
    framejit.Size([1])
    """

    next_id = 0

    def __init__(self, hooks_dict, *, extra_dict=None):
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = next(_ids)
        RemovableHandle.next_id = self.id + 1
        if isinstance(extra_dict, dict):
            extra_dict = [extra_dict]
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extra_dict or () if isinstance(d, OrderedDict))
        self._plain_extras = [d for d in extra_dict or () if not isinstance(d, OrderedDict)]

    def remove(self):
        hooks = self.hooks_dict_ref()
        if hooks is not None:
            hooks.pop(self.id, None)
        for reference in self.extra_dict_ref:
            extra = reference()
            if extra is not None:
                extra.pop(self.id, None)
        for extra in self._plain_extras:
            extra.pop(self.id, None)

    def __getstate__(self):
        return (self.hooks_dict_ref(), self.id)

    def __setstate__(self, state):
        hooks = OrderedDict() if state[0] is None else state[0]
        self.hooks_dict_ref, self.id = weakref.ref(hooks), state[1]
        self.extra_dict_ref, self._plain_extras = (), []

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.remove()
