"""Switches of the compiler that can change while a program runs.

Every name in `_SWITCHES` takes effect at once; a name that is not there does not exist. `patch` changes some for the
length of a block or of a function. What is fixed at start is an environment variable instead (FRAMEJIT_*).
"""
import contextlib
import os
import sys
import types

from framejit import _C


class _Switch:
    """A value and the function of the extension that is told of changes."""

    def __init__(self, value, tell):
        self.value, self.tell = value, tell


def _tell_disable(value):
    _C._set_compile_enabled(not value)


def _tell_recompile_limit(value):
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"recompile_limit must be a positive int, not {value!r}")
    _C._set_recompile_limit(value)


_SWITCHES = {
    "disable": _Switch(os.environ.get("FRAMEJIT_DISABLE") == "1", _tell_disable),
    "recompile_limit": _Switch(int(os.environ.get("FRAMEJIT_RECOMPILE_LIMIT", "8")), _tell_recompile_limit),
}
_ALIASES = {"cache_size_limit": "recompile_limit"}


def _switch(name):
    try:
        return _SWITCHES[_ALIASES.get(name, name)]
    except KeyError:
        raise AttributeError(f"framejit.dynamo.config.{name} does not exist") from None


@contextlib.contextmanager
def patch(changes=None, value=None, **more):
    """Change switches while the block, or each call of the decorated function, runs.

    `patch("name", value)`, `patch({"name": value})` and `patch(name=value)` are the same.
    """
    if isinstance(changes, str):
        changes = {changes: value}
    changes = {**(changes or {}), **more}
    before = {name: _switch(name).value for name in changes}
    try:
        for name, new in changes.items():
            setattr(_module, name, new)
        yield
    finally:
        for name, old in before.items():
            setattr(_module, name, old)


class _ConfigModule(types.ModuleType):
    """Reads and writes of the module's attributes reach the switches."""

    def __getattr__(self, name):
        return _switch(name).value

    def __setattr__(self, name, value):
        switch = _switch(name)
        switch.tell(value)
        switch.value = value


_module = sys.modules[__name__]
_module.__class__ = _ConfigModule
