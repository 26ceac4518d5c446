"""PassManager: runs passes in an order that constraints allow."""

import functools
import inspect
import logging
from queue import Queue

from framejit.nn import Module

from .pass_base import PassResult

logger = logging.getLogger("framejit.fx")


def pass_result_wrapper(fn):
    """A pass that changes modules in place, as one that gives a PassResult.

    fn (callable): takes a GraphModule, gives None or a PassResult. Raises nothing of its own.
    """
    if fn is None:
        return None

    @functools.wraps(fn, updated=())
    def wrapped(gm):
        result = fn(gm)
        if result is None:
            return PassResult(gm, True)
        if isinstance(result, PassResult):
            return result
        if isinstance(result, Module):
            return PassResult(result, True)
        return result

    if not inspect.isfunction(fn):
        wrapped.__name__ = type(fn).__name__
    return wrapped


def this_before_that_pass_constraint(this, that):
    """A constraint: says of two passes that they are not `that` and then `this`. this, that (callable)."""

    def depends_on(a, b):
        return a != that or b != this

    return depends_on


def _validate_pass_schedule_constraint(constraint, passes):
    for i, a in enumerate(passes):
        for j, b in enumerate(passes[i + 1 :]):
            if not constraint(a, b):
                raise RuntimeError(
                    f"pass schedule constraint violated. Expected {a} before {b} but found {a} at index {i} and {b} at "
                    f"index{j} in pass list."
                )


def _topological_sort_passes(passes, constraints):
    """The passes in an order that all constraints allow. Raises RuntimeError where there is none."""
    if not constraints:
        return passes
    after = {p: [] for p in passes}
    waiting = dict.fromkeys(passes, 0)
    candidates = Queue()
    for a in passes:
        for b in passes:
            if a != b and any(not constraint(a, b) for constraint in constraints):  # b must come first
                after[b].append(a)
                waiting[a] += 1
    for p in passes:
        if not waiting[p]:
            candidates.put(p)
    ordered, visited = [], set()
    while not candidates.empty():
        p = candidates.get()
        if p in visited:
            continue
        visited.add(p)
        ordered.append(p)
        for following in after[p]:
            waiting[following] -= 1
            if not waiting[following]:
                candidates.put(following)
    cyclic = [p for p in passes if p not in visited]
    if cyclic:
        raise RuntimeError(f"Circular dependency detected within the following passes: {cyclic}")
    return ordered


class PassManager:
    """Runs passes one after the other.

    passes (list of callable): take a GraphModule, give a PassResult. constraints (list of callable): say of two passes
    whether the first may run before the second. steps (int): how often the list is run at most; it ends when nothing
    changes. run_checks_after_each_pass (bool): call the checks then. suppress_check_failures (bool): accepted. Raises
    RuntimeError for constraints that contradict each other, and Exception, which names the passes that were run, for what a
    pass raises.

    >>> import framejit
    >>> from framejit.fx.passes.infra.pass_manager import PassManager, pass_result_wrapper
    >>> runs = PassManager([pass_result_wrapper(lambda gm: print("runs"))])
    >>> _ = runs(framejit.fx.symbolic_trace(lambda x: x))
    runs
    """

    def __init__(
        self,
        passes=None,
        constraints=None,
        steps=None,
        run_checks_after_each_pass=False,
        suppress_check_failures=False,
    ):
        self.passes = list(passes or ())
        self.constraints = list(constraints or ())
        self.steps = steps or 1
        self._validated = False
        self.run_checks_after_each_pass = run_checks_after_each_pass
        self.suppress_check_failures = suppress_check_failures

    def add_pass(self, _pass):
        """One more pass."""
        self.passes.append(_pass)
        self._validated = False

    def add_constraint(self, constraint):
        """One more constraint."""
        self.constraints.append(constraint)
        self._validated = False

    def validate_constraints(self):
        """Raises RuntimeError if the order of the passes is not allowed."""
        if self._validated:
            return
        for constraint in self.constraints:
            _validate_pass_schedule_constraint(constraint, self.passes)
        self._validated = True

    def solve_constraints(self):
        """Put the passes into an order that is allowed."""
        self.passes = _topological_sort_passes(self.passes, self.constraints)
        self._validated = True

    def add_checks(self, check):
        """Call this after the passes. check (callable): takes the GraphModule. Raises TypeError for other parameters."""
        parameters = list(inspect.signature(check).parameters.values())
        if len(parameters) != 1:
            raise TypeError("PassManager check function should only take in one variable, a module")
        self.check = check

    def check(self, module):
        """What `add_checks` replaces."""

    def __call__(self, module):
        if not self._validated:
            self.solve_constraints()
        self.check(module)
        changed_at_all = False
        for _ in range(self.steps):
            changed = False
            for i, run in enumerate(self.passes):
                name = run.__name__ if inspect.isfunction(run) else type(run).__name__
                try:
                    result = run(module)
                    if not isinstance(result, PassResult):
                        raise TypeError(
                            f"The result of the pass {name} should be type PassResult. Please wrap it with "
                            "pass_result_wrapper()"
                        )
                    module = result.graph_module
                    changed = changed or bool(result.modified)
                    if self.run_checks_after_each_pass:
                        self.check(module)
                except Exception as error:
                    before = [p.__name__ if inspect.isfunction(p) else type(p).__name__ for p in self.passes[:i]]
                    text = f"An error occurred when running the '{name}' pass after the following passes: {before}"
                    raise Exception(text) from error
            changed_at_all = changed_at_all or changed
            if not changed:
                break
        if not self.run_checks_after_each_pass:
            self.check(module)
        return PassResult(module, changed_at_all)
