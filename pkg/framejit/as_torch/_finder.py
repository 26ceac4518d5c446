"""The finder that answers for torch's modules, and the views that it makes."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import types

from . import _names
from ._missing import Missing, MissingModule, imported_by_statement, importing

_OWN = ("__name__", "__loader__", "__spec__", "__package__", "__path__", "__builtins__", "__getattr__", "__dir__")


class TorchFinder(importlib.abc.MetaPathFinder):
    """Finds `torch`, `functorch` and everything in them."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] not in _names.ROOTS:
            return None
        sources = _sources(fullname)
        if sources:
            spec = importlib.machinery.ModuleSpec(fullname, _ViewLoader(sources), is_package=True)
            spec.origin = getattr(sys.modules.get(sources[-1]), "__file__", None)
            spec.has_location = spec.origin is not None
            return spec
        if _names.is_absent(fullname) and imported_by_statement(fullname):
            return importlib.machinery.ModuleSpec(fullname, _MissingLoader(), is_package=True)
        return None

    def find_distributions(self, context=None):
        """Programs that ask the installed version of torch get the one that is spoken here."""
        name = getattr(context, "name", None)
        return [_Distribution()] if name in (None, "torch") else []


def _sources(fullname):
    """The names of the modules that a torch module is a view of, the strongest first."""
    names = dict.fromkeys((_names.stand_in_name(fullname), _names.framejit_name(fullname)))
    return [name for name in names if _exists(name)]


def _exists(name):
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # no such parent
        return False


class _ViewLoader(importlib.abc.Loader):
    def __init__(self, names):
        self._names, self._spec = names, None

    def create_module(self, spec):
        modules = [importlib.import_module(name) for name in self._names]
        if len(modules) == 1 and type(modules[0]) is not types.ModuleType:
            self._spec = modules[0].__spec__  # it has a type of its own, which a view could not have: it is shared
            return modules[0]
        return _view(spec.name, modules)

    def exec_module(self, module):
        if self._spec is not None:
            module.__spec__ = self._spec  # the import system has written the view's
            return
        late = [key for name in self._names for key, value in vars(sys.modules[name]).items() if _is_ours(value)]
        for key in late + (_names.LOADED if module.__name__ == "torch" else []):
            getattr(module, key)


def _view(name, modules):
    """A module with the attributes of others; a plain one, so that code that reads it can be captured."""
    view = types.ModuleType(name, modules[0].__doc__)
    names = vars(view)
    for module in reversed(modules):
        for key, value in vars(module).items():
            if key not in _OWN and not _is_ours(value):
                names[key] = value

    names["__file__"] = getattr(modules[-1], "__file__", None)  # framejit's, where a stand-in only adds to it

    def getattr_(key):
        if not (key.startswith("__") and key.endswith("__")) or key == "__config__":
            value = _late(name, modules, key)
            if value is not None:
                names[key] = value[0]
                return value[0]
            full = f"{name}.{key}"
            if importing("IMPORT_FROM", sys._getframe(1)):
                return Missing(full)
        raise AttributeError(f"module {name!r} has no attribute {key!r} (framejit does not have it)")

    names["__getattr__"] = getattr_
    names["__dir__"] = lambda: sorted({*names, *(key for module in modules for key in dir(module))} - {"__builtins__"})
    return view


def _late(name, modules, key):
    """What a view has not copied, in a tuple: submodules, and what the original finds when it is asked for."""
    full = f"{name}.{key}"
    if full in sys.modules:
        return (sys.modules[full],)
    for module in modules:
        try:
            value = getattr(module, key)
        except AttributeError:
            continue
        return (importlib.import_module(_names.torch_name(value.__name__)) if _is_ours(value) else value,)
    return (importlib.import_module(full),) if _sources(full) else None


def _is_ours(value):
    if not isinstance(value, types.ModuleType) or value.__name__.partition(".")[0] != "framejit":
        return False
    return sys.modules.get(value.__name__) is value  # not so for a group of functions inside the extension


class _MissingLoader(importlib.abc.Loader):
    def create_module(self, spec):
        return MissingModule(spec.name)

    def exec_module(self, module):
        pass


class _Distribution(importlib.metadata.Distribution):
    def read_text(self, filename):
        from .stand_ins.torch_version import __version__

        return f"Metadata-Version: 2.1\nName: torch\nVersion: {__version__}\n" if filename == "METADATA" else None

    def locate_file(self, path):
        return path
