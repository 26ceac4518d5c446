"""What a name can stand for while a function is checked, besides a typed value (`ir` expression).

The checker asks them to `get` an attribute and to be called; which of both they know is their own matter.
"""


class Sugar:
    """Base of them; `what` names one in errors."""

    what = "value"


class PythonModule(Sugar):
    """A Python module or class used as a namespace: `torch`, `math`, `torch.nn.functional`."""

    what = "module"

    def __init__(self, value, name):
        self.value, self.name = value, name


class Namespace(Sugar):
    """A namespace of an archive: `torch`, `ops.aten`, `__torch__.a.b`, `CONSTANTS`."""

    what = "namespace"

    def __init__(self, kind, path=""):
        self.kind, self.path = kind, path


class Builtin(Sugar):
    """An operator by its name, bound to its first argument if it was found as a method."""

    what = "builtin operator"

    def __init__(self, name, bound=None):
        self.name, self.bound = name, bound


class Special(Sugar):
    """Something that the checker has a rule of its own for: `len`, `isinstance`, `torch.jit.annotate`."""

    what = "builtin"

    def __init__(self, name):
        self.name = name


class FunctionValue(Sugar):
    """A compiled function."""

    what = "function"

    def __init__(self, function):
        self.function = function


class Overloads(Sugar):
    """Functions of one name, of which the first whose types fit is called."""

    what = "overloaded function"

    def __init__(self, functions, bound=None):
        self.functions, self.bound = functions, bound


class Chosen(Sugar):
    """Functions of one name, of which arguments that are constant bools choose: `return_indices` of `max_pool2d` for one.

    flags: (name, position) of these arguments; functions: by the flags' values, as a tuple of bools."""

    what = "function"

    def __init__(self, flags, functions):
        self.flags, self.functions = flags, functions

    def choose(self, args, kwargs, value_of=bool):
        """The function for the flags among the arguments, whose values `value_of(argument, name)` gives."""
        given = (args[at] if at < len(args) else kwargs.get(name) for name, at in self.flags)
        return self.functions[tuple(flag is not None and value_of(flag) for flag in given)]


class Upgraded(Sugar):
    """An operator as an older version of archives means it: functions for tensors, the operator for the rest."""

    what = "builtin operator"

    def __init__(self, functions, name):
        self.functions, self.name = functions, name


class MethodValue(Sugar):
    """A method of an object."""

    what = "method"

    def __init__(self, obj, name):
        self.obj, self.name = obj, name


class PythonFunction(Sugar):
    """A Python function that scripted code calls as it is (ignored), or may not call (unused)."""

    what = "python function"

    def __init__(self, function, name, unused=False, bound=None):
        self.function, self.name, self.unused, self.bound = function, name, unused, bound


class TypeValue(Sugar):
    """A type as a value: a class that is called, the second argument of isinstance, `Optional[int]`."""

    what = "type"

    def __init__(self, type):
        self.type = type


class Items(Sugar):
    """A sequence whose items are known to the checker: a ModuleList, `zip` of one, a `__constants__` tuple of modules."""

    what = "sequence"

    def __init__(self, items, keys=None, obj=None):
        self.items, self.keys, self.obj = items, keys, obj


class Iteration(Sugar):
    """`range`, `enumerate` or `zip` of something, which only a loop can use."""

    what = "iterator"

    def __init__(self, over, item_type):
        self.over, self.item_type = over, item_type


class SuperValue(Sugar):
    """super() in a method of a module."""

    what = "super"

    def __init__(self, obj, cls):
        self.obj, self.cls = obj, cls
