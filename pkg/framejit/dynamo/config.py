"""Switches of the compiler that can change while a program runs.

Every name in `_SWITCHES` takes effect at once; a name that is not there does not exist. `patch` changes some for the
length of a block or of a function. What is fixed at start is an environment variable instead (FRAMEJIT_*).
"""

import contextlib
import sys
import types

from framejit import _C

# name here -> (type, flag of the extension)
_SWITCHES = {
    "recompile_limit": (int, "recompile_limit"),
    "cache_size_limit": (int, "recompile_limit"),
    "verify": (int, "verify"),
    "log": (str, "log"),
}


def _check(name):
    if name != "disable" and name not in _SWITCHES:
        raise AttributeError(f"framejit.dynamo.config.{name} does not exist")


def _get(name):
    _check(name)
    if name == "disable":
        enabled = _C._set_compile_enabled(True)
        _C._set_compile_enabled(enabled)
        return not enabled
    return _C._flags()[_SWITCHES[name][1]]


def _set(name, value):
    _check(name)
    if name == "disable":
        _C._set_compile_enabled(not value)
        return
    kind, flag = _SWITCHES[name]
    if not isinstance(value, kind):
        raise TypeError(f"framejit.dynamo.config.{name} takes {kind.__name__}, not {type(value).__name__}")
    _C._set_flag(flag, value)


@contextlib.contextmanager
def patch(changes=None, value=None, **more):
    """Change switches while the block, or each call of the decorated function, runs.

    `patch("name", value)`, `patch({"name": value})` and `patch(name=value)` are the same.
    """
    if isinstance(changes, str):
        changes = {changes: value}
    changes = {**(changes or {}), **more}
    before = {name: _get(name) for name in changes}
    try:
        for name, new in changes.items():
            _set(name, new)
        yield
    finally:
        for name, old in before.items():
            _set(name, old)


class _ConfigModule(types.ModuleType):
    """Reads and writes of the module's attributes reach the switches."""

    def __getattr__(self, name):
        return _get(name)

    def __setattr__(self, name, value):
        _set(name, value)


sys.modules[__name__].__class__ = _ConfigModule
