"""Which guards a compiled function may do without: `framejit.compile(f, options={"guard_filter_fn": filter})`.

Leaving guards out makes a function answer calls with what was compiled for others. framejit leaves out what the filter
permits, except for guards on which memory safety rests: those on tensors, and on the sizes of containers.

>>> import framejit
>>> from framejit.compiler import skip_guard_on_globals_unsafe
>>> scale = 2
>>> globals()["scale"] = 2
>>> f = framejit.compile(lambda x: x * scale, options={"guard_filter_fn": skip_guard_on_globals_unsafe})
>>> f(framejit.ones(2)).tolist()
[2.0, 2.0]
>>> globals()["scale"] = 3
>>> f(framejit.ones(2)).tolist()
[2.0, 2.0]
"""

from framejit import _C

# kinds of guards, by PyTorch's names
_KINDS = {
    "Absent": "NOT_PRESENT_IN_GENERIC_DICT",
    "Admitted": "SHAPE_ENV",
    "Code": "CLOSURE_MATCH",
    "DictFacts": "DICT_CONTAINS",
    "DifferentObjects": "DUPLICATE_INPUT",
    "Equal": "EQUALS_MATCH",
    "HasNext": "RANGE_ITERATOR_MATCH",
    "Keys": "DICT_KEYS_MATCH",
    "Length": "SEQUENCE_LENGTH",
    "Modes": "GRAD_MODE",
    "Same": "ID_MATCH",
    "SameObject": "DUPLICATE_INPUT",
    "SetItems": "SET_CONTAINS",
    "Sizes": "TENSOR_MATCH",
    "SomeSizes": "TENSOR_MATCH",
    "Storages": "STORAGE_OVERLAPPING",
    "Tensor": "TENSOR_MATCH",
    "Truth": "BOOL_MATCH",
    "TypeFacts": "TYPE_MATCH",
    "TypeIs": "TYPE_MATCH",
}


class GuardFilterEntry:
    """A guard, as a filter sees it.

    name: the path to the object, such as `x.layers[3]`. has_value, value: the object. guard_type: the kind, by PyTorch's name.
    is_global: the path starts at something that all calls share. orig_guard: the guard in words.
    """

    derived_guard_types = ()

    def __init__(self, name, kind, words, value, has_value, is_global):
        self.name, self.value, self.orig_guard = name, value, words
        self.guard_type = _KINDS[kind]
        self.has_value, self.is_global = bool(has_value), bool(is_global)

    def __repr__(self):
        return f"GuardFilterEntry({self.guard_type}: {self.orig_guard})"


def _is_module(value):
    from framejit.nn import Module

    return isinstance(value, Module)


def _in_module(entry):
    """Whether a guard is about a module or something in one."""
    return entry.has_value and _is_module(entry.value) or "._modules" in entry.name or "._parameters" in entry.name


def keep_portable_guards_unsafe(guard_entries):
    """For `options={"guard_filter_fn": ...}`: leaves out guards on the identity of objects, which differ between
    processes.

    guard_entries (list of GuardFilterEntry): the guards. Gives a list of bool. Raises TypeError for what cannot be
    iterated.

    >>> entry = GuardFilterEntry("x.hook", "Same", "x.hook is the function f", None, False, False)
    >>> keep_portable_guards_unsafe([entry])
    [False]
    """
    return [entry.guard_type not in ("ID_MATCH", "CLOSURE_MATCH", "DUPLICATE_INPUT") for entry in guard_entries]


def skip_guard_on_inbuilt_nn_modules_unsafe(guard_entries):
    """For `options={"guard_filter_fn": ...}`: leaves out guards on modules of framejit.nn.

    guard_entries (list of GuardFilterEntry): the guards. Gives a list of bool. Raises TypeError for what cannot be
    iterated.

    >>> from framejit import nn
    >>> entry = GuardFilterEntry("self.layer", "TypeIs", "type(self.layer) is Linear", nn.Linear(1, 1), True, False)
    >>> skip_guard_on_inbuilt_nn_modules_unsafe([entry])
    [False]
    """
    return [not (_in_module(e) and type(e.value).__module__.startswith("framejit.nn")) for e in guard_entries]


def skip_guard_on_all_nn_modules_unsafe(guard_entries):
    """For `options={"guard_filter_fn": ...}`: leaves out guards on modules.

    guard_entries (list of GuardFilterEntry): the guards. Gives a list of bool. Raises TypeError for what cannot be
    iterated.

    >>> from framejit import nn
    >>> entry = GuardFilterEntry("self", "TypeIs", "type(self) is Net", nn.Module(), True, False)
    >>> skip_guard_on_all_nn_modules_unsafe([entry])
    [False]
    """
    return [not _in_module(entry) for entry in guard_entries]


def skip_guard_on_globals_unsafe(guard_entries):
    """For `options={"guard_filter_fn": ...}`: leaves out guards on globals.

    guard_entries (list of GuardFilterEntry): the guards. Gives a list of bool. Raises TypeError for what cannot be
    iterated.

    >>> scale = GuardFilterEntry("scale", "Equal", "scale == 2", 2, True, True)
    >>> n = GuardFilterEntry("n", "Equal", "n == 2", 2, True, False)
    >>> skip_guard_on_globals_unsafe([scale, n])
    [False, True]
    """
    return [not entry.is_global for entry in guard_entries]


def skip_all_guards_unsafe(guard_entries):
    """For `options={"guard_filter_fn": ...}`: leaves out all guards that can be left out.

    guard_entries (list of GuardFilterEntry): the guards. Gives a list of bool. Raises TypeError if it has no length.

    >>> skip_all_guards_unsafe([GuardFilterEntry("n", "Equal", "n == 2", 2, True, False)])
    [False]
    """
    return [False] * len(guard_entries)


def keep_tensor_guards_unsafe(guard_entries, keep_parameters=False):
    """For `options={"guard_filter_fn": ...}`: keeps guards on tensors alone.

    guard_entries (list of GuardFilterEntry): the guards. keep_parameters (bool): keep those on parameters, too. Gives
    a list of bool. Raises TypeError for what cannot be iterated.

    >>> x = GuardFilterEntry("x", "Tensor", "x is a float32[2]", _C.ones(2), True, False)
    >>> n = GuardFilterEntry("n", "Equal", "n == 2", 2, True, False)
    >>> keep_tensor_guards_unsafe([x, n])
    [True, False]
    """

    def keeps(entry):
        if not isinstance(entry.value, _C.Tensor):
            return False
        return keep_parameters or not getattr(entry.value, "_is_param", type(entry.value).__name__ == "Parameter")

    return [keeps(entry) for entry in guard_entries]


def set_enable_guard_collectives(enabled):
    """Whether processes agree on compiling again. There are no process groups, so nothing changes. Gives the last
    value back.

    enabled (bool): the new value. Raises nothing of its own.

    >>> set_enable_guard_collectives(True)
    False
    >>> set_enable_guard_collectives(False)
    True
    """
    global _collectives
    before, _collectives = _collectives, bool(enabled)
    return before


_collectives = False
