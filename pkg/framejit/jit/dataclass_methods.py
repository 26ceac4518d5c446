"""Methods that `dataclasses` has made for a class: they have no source, so the one that scripts need is written anew."""

import dataclasses
import linecache
import sys

# What dataclasses make beside __init__; scripted code does not call them.
_LEFT_OUT = frozenset(
    "__repr__ __eq__ __lt__ __le__ __gt__ __ge__ __hash__ __setattr__ __delattr__ __replace__ __match_args__".split()
)


def is_left_out(cls, name, written):
    """Whether a method of a dataclass, which is not among those written, is one that scripts do without."""
    return dataclasses.is_dataclass(cls) and name not in written and name in _LEFT_OUT


def with_source(cls, name, function, written):
    """The function, or one with source text where `dataclasses` made it."""
    return _init(cls) if name == "__init__" and dataclasses.is_dataclass(cls) and name not in written else function


def _init(cls):
    scope = dict(vars(sys.modules[cls.__module__]))
    arguments, body = ["self"], []
    for i, field in enumerate(dataclasses.fields(cls)):
        if field.init:
            scope[f"_type_{i}"] = field.type
            text = f"{field.name}: _type_{i}" if not isinstance(field.type, str) else f"{field.name}: {field.type}"
            if field.default is not dataclasses.MISSING:
                scope[f"_default_{i}"] = field.default
                text += f" = _default_{i}"
            elif field.default_factory is not dataclasses.MISSING:
                raise NotImplementedError("Default factory initializers are not supported in TorchScript dataclasses")
            arguments.append(text)
            body.append(f"    self.{field.name} = {field.name}")
    if hasattr(cls, "__post_init__"):
        body.append("    self.__post_init__()")
    text = "\n".join([f"def __init__({', '.join(arguments)}):", *(body or ["    pass"])]) + "\n"
    name = f"<dataclass {cls.__module__}.{cls.__qualname__}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), scope)
    made = scope["__init__"]
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    return made
