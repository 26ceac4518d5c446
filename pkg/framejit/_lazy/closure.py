"""Functions that run after the next `mark_step()`, when the tensors that they are given have been computed."""

_closures = []


def add_step_closure(closure, args=(), run_async=False):
    """Has `closure(*args)` called at the end of the current step.

    Args:
        closure (callable): the function.
        args (tuple): its arguments.
        run_async (bool): unused, closures run in order.

    Raises TypeError for something that cannot be called.

    >>> import framejit
    >>> framejit._lazy.add_step_closure(print, ("the step is over",))
    >>> framejit._lazy.mark_step()
    the step is over
    """
    if not callable(closure):
        raise TypeError(f"add_step_closure() expects a callable, not {type(closure).__name__}")
    _closures.append((closure, args))


def run_step_closures():
    """Runs what was added since the last step; `mark_step()` calls it.

    Raises what a closure raises; those after it are dropped.

    >>> import framejit
    >>> framejit._lazy.run_step_closures()
    """
    waiting, _closures[:] = list(_closures), []
    for closure, args in waiting:
        closure(*args)
