"""PyTorch's permissions to drop guards. Each takes the guards of a function and says which to keep: here all of them.

Dropping guards makes calls quicker and results wrong; framejit's cost little, so it never makes use of the permission.
"""


def _keep_all(name):
    def keep(guard_entries):
        return [True] * len(guard_entries)

    keep.__name__ = keep.__qualname__ = name
    keep.__doc__ = "For `options={'guard_filter_fn': ...}`: keeps all guards."
    return keep


keep_portable_guards_unsafe = _keep_all("keep_portable_guards_unsafe")
skip_guard_on_inbuilt_nn_modules_unsafe = _keep_all("skip_guard_on_inbuilt_nn_modules_unsafe")
skip_guard_on_all_nn_modules_unsafe = _keep_all("skip_guard_on_all_nn_modules_unsafe")
skip_guard_on_globals_unsafe = _keep_all("skip_guard_on_globals_unsafe")
skip_all_guards_unsafe = _keep_all("skip_all_guards_unsafe")


def keep_tensor_guards_unsafe(guard_entries, keep_parameters=False):
    """For `options={'guard_filter_fn': ...}`: keeps all guards."""
    return [True] * len(guard_entries)


def set_enable_guard_collectives(enabled):
    """Whether processes agree on compiling again. There are no process groups; gives the last value back."""
    global _collectives
    before, _collectives = _collectives, bool(enabled)
    return before


_collectives = False
