"""Utilities: data loading, hooks, pytrees."""

import importlib as _importlib

_LAZY = ("data", "hooks", "_pytree", "checkpoint")


def __getattr__(name):
    if name in _LAZY:
        return _importlib.import_module("framejit.utils." + name)
    raise AttributeError(f"module 'framejit.utils' has no attribute '{name}'")
