"""Modules whose attributes are switches: reading and setting them is checked, and `patch` changes some for a while.

`install(__name__, defaults, hooks)` turns the calling module into one. A default that is a dict is a group: its switches are
`group.name`, in `patch` and as an attribute. A hook is a pair (get, set) for a switch whose value lives elsewhere.
"""

import copy
import functools
import inspect
import sys
import types


class ConfigModule(types.ModuleType):
    """The type of modules of switches. Names that do not exist raise AttributeError when they are read or set."""

    def __getattr__(self, name):
        values = vars(self)["_values"]
        full = vars(self)["_aliases"].get(name, name)
        if full in vars(self)["_hooks"]:
            return vars(self)["_hooks"][full][0]()
        if full in values:
            return values[full]
        if any(key.startswith(full + ".") for key in values):
            return _Group(self, full)
        raise AttributeError(f"{self.__name__}.{name} does not exist")

    def __setattr__(self, name, value):
        if name.startswith("__") or isinstance(value, types.ModuleType):  # the import system's
            super().__setattr__(name, value)
            return
        full = self._check(name)
        if full in vars(self)["_hooks"]:
            vars(self)["_hooks"][full][1](value)
        else:
            vars(self)["_values"][full] = value

    def __delattr__(self, name):
        if name.startswith("__"):
            super().__delattr__(name)
        else:
            full = self._check(name)
            setattr(self, full, copy.copy(vars(self)["_defaults"][full]))

    def __dir__(self):
        return sorted({*super().__dir__(), *vars(self)["_defaults"], *vars(self)["_aliases"]})

    def _check(self, name):
        full = vars(self)["_aliases"].get(name, name)
        if full not in vars(self)["_defaults"]:
            raise AttributeError(f"{self.__name__}.{name} does not exist")
        return full

    def _get(self, name):
        full = self._check(name)
        hook = vars(self)["_hooks"].get(full)
        return hook[0]() if hook else vars(self)["_values"][full]

    def patch(self, arg1=None, arg2=None, **changes):
        """Change switches while a block, or each call of the decorated function or test class, runs.

        arg1 (str or dict): a name, or names with values. arg2 (object): the value of that name. `patch("name",
        value)`, `patch({"name": value})` and `patch(name=value)` are the same. Raises AttributeError for a name that
        does not exist, TypeError for other forms and, when the block begins, for a value of a type that the switch
        does not take.

        >>> import framejit
        >>> with framejit.dynamo.config.patch("recompile_limit", 3):
        ...     framejit.dynamo.config.recompile_limit
        3
        """
        if arg1 is not None:
            if changes:
                raise TypeError("patch: give either a name and a value, a dict or keywords")
            if isinstance(arg1, str):
                changes = {arg1: arg2}
            elif isinstance(arg1, (dict, tuple)):
                changes = dict(arg1)
            else:
                raise TypeError(f"patch: expected a name, a dict or keywords, but got {type(arg1).__name__}")
        elif arg2 is not None:
            raise TypeError("patch: a value without a name")
        for name in changes:
            self._check(name)
        return ConfigPatch(self, changes)

    def get_config_copy(self):
        """All switches and their values, as a dict of its own."""
        return {name: copy.deepcopy(self._get(name)) for name in vars(self)["_defaults"]}

    shallow_copy_dict = to_dict = get_config_copy

    def load_config(self, values):
        """Set many switches; the opposite of `get_config_copy`."""
        for name, value in values.items():
            setattr(self, name, value)


class _Group:
    """Switches with a common prefix, as attributes."""

    def __init__(self, module, prefix):
        self.__dict__.update(_module=module, _prefix=prefix)

    def __getattr__(self, name):
        return self._module.__getattr__(f"{self._prefix}.{name}")

    def __setattr__(self, name, value):
        setattr(self._module, f"{self._prefix}.{name}", value)


class ConfigPatch:
    """What `patch` gives: a context manager, and a decorator of functions and of test classes."""

    def __init__(self, module, changes):
        self.module, self.changes, self._before = module, changes, []

    def __enter__(self):
        before = {name: self.module._get(name) for name in self.changes}
        self._before.append(before)
        try:
            for name, value in self.changes.items():
                setattr(self.module, name, value)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        for name, value in self._before.pop().items():
            setattr(self.module, name, value)

    def __call__(self, decorated):
        if isinstance(decorated, type):
            return self._patch_class(decorated)
        if inspect.iscoroutinefunction(decorated):

            @functools.wraps(decorated)
            async def patched_coroutine(*args, **kwargs):
                with ConfigPatch(self.module, self.changes):
                    return await decorated(*args, **kwargs)

            return patched_coroutine

        @functools.wraps(decorated)
        def patched(*args, **kwargs):
            with ConfigPatch(self.module, self.changes):
                return decorated(*args, **kwargs)

        return patched

    def _patch_class(self, cls):
        """A unittest.TestCase has the changes from setUpClass to tearDownClass."""
        import unittest

        if not issubclass(cls, unittest.TestCase):
            raise AssertionError("patch: of the classes only those of unittest.TestCase can be decorated")
        patch, set_up, tear_down = self, cls.setUpClass.__func__, cls.tearDownClass.__func__

        def setUpClass(cls):
            patch.__enter__()
            try:
                set_up(cls)
            except BaseException:
                patch.__exit__(None, None, None)
                raise

        def tearDownClass(cls):
            try:
                tear_down(cls)
            finally:
                patch.__exit__(None, None, None)

        cls.setUpClass, cls.tearDownClass = classmethod(setUpClass), classmethod(tearDownClass)
        return cls


def install(module_name, defaults, hooks=None, aliases=None):
    """Make a module one of switches: {name: default}, {name: (get, set)} and {other name: name}."""
    module = sys.modules[module_name]
    flat = {}
    for name, value in defaults.items():
        if isinstance(value, dict) and value:
            flat.update({f"{name}.{key}": inner for key, inner in value.items()})
        else:
            flat[name] = value
    hooks = hooks or {}
    flat.update({name: get() for name, (get, _) in hooks.items()})
    vars(module).update(
        _defaults=flat,
        _values={name: copy.copy(value) for name, value in flat.items() if name not in hooks},
        _hooks=hooks,
        _aliases=aliases or {},
    )
    module.__class__ = ConfigModule
