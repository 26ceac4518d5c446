"""L-BFGS with an optional strong Wolfe line search."""

import math

from framejit import _ops as _t
from framejit.autograd.grad_mode import enable_grad, no_grad

from .optimizer import Optimizer


class LBFGS(Optimizer):
    """The limited-memory quasi-Newton method (Nocedal and Wright, algorithm 7.4), one parameter group, step(closure).

    `line_search_fn="strong_wolfe"` searches along each direction (Nocedal and Wright, algorithms 3.5 and 3.6).

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), max_iter (int),
    max_eval (int or None), tolerance_grad, tolerance_change (float), history_size (int), line_search_fn (str or None).
    Raises ValueError (Tensor lr must be 1-element; Invalid learning rate: …; LBFGS doesn't support per-parameter
    options (parameter groups)).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.tensor([3.0]))
    >>> opt = optim.LBFGS([w], lr=1.0)
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = ((w - 1) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> opt.step(closure)
    tensor(4., grad_fn=<SumBackward0>)
    >>> round(w.item(), 4)
    1.0
    """

    def __init__(
        self,
        params,
        lr=1,
        max_iter=20,
        max_eval=None,
        tolerance_grad=1e-7,
        tolerance_change=1e-9,
        history_size=100,
        line_search_fn=None,
    ):
        if isinstance(lr, _t.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        super().__init__(
            params,
            {
                "lr": lr,
                "max_iter": max_iter,
                "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                "tolerance_grad": tolerance_grad,
                "tolerance_change": tolerance_change,
                "history_size": history_size,
                "line_search_fn": line_search_fn,
            },
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    # --- all parameters as one vector ---

    def _flat_grad(self):
        return _t.cat([(_t.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self._params])

    def _move(self, size, direction):
        offset = 0
        for p in self._params:
            p.add_(direction[offset : offset + p.numel()].view_as(p), alpha=float(size))
            offset += p.numel()

    def _evaluate(self, closure, start, size, direction):
        self._move(size, direction)
        loss = float(closure())
        gradient = self._flat_grad()
        for p, value in zip(self._params, start):
            p.copy_(value)
        return loss, gradient

    @no_grad()
    def step(self, closure):
        """One run of up to `max_iter` iterations; `closure` clears the gradients, computes the loss and its gradients."""
        group = self.param_groups[0]
        closure = enable_grad()(closure)
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = closure()
        loss, evaluations = float(first), 1
        state["func_evals"] += 1
        gradient = self._flat_grad()
        if gradient.abs().max() <= group["tolerance_grad"]:
            return first
        memory = _Memory(state, group["history_size"])
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            direction = memory.direction(state, gradient)
            memory.remember(state, gradient, loss)
            previous_loss = loss
            size = min(1.0, 1.0 / float(gradient.abs().sum())) * group["lr"] if state["n_iter"] == 1 else group["lr"]
            state["t"] = size
            slope = gradient.dot(direction)
            if slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"] is None:
                self._move(size, direction)
                used = 0
                if iterations != group["max_iter"]:
                    loss = float(closure())
                    gradient = self._flat_grad()
                    used = 1
            elif group["line_search_fn"] == "strong_wolfe":
                start = [p.clone() for p in self._params]
                loss, gradient, size, used = strong_wolfe(
                    lambda t, at=start, d=direction: self._evaluate(closure, at, t, d),
                    size, direction, loss, gradient, slope, tolerance_change=group["tolerance_change"], most=group["max_eval"] - evaluations,
                )  # fmt: skip
                self._move(size, direction)
            else:
                raise RuntimeError("only 'strong_wolfe' is supported")
            state["t"] = size
            evaluations += used
            state["func_evals"] += used
            if iterations == group["max_iter"] or evaluations >= group["max_eval"]:
                break
            if gradient.abs().max() <= group["tolerance_grad"]:
                break
            if (direction * size).abs().max() <= group["tolerance_change"]:
                break
            if abs(loss - previous_loss) < group["tolerance_change"]:
                break
        return first


class _Memory:
    """The last steps and gradient changes, and the two-loop recursion over them. It lives in the optimizer's state."""

    def __init__(self, state, size):
        self.size = size
        for name in ("old_dirs", "old_stps", "ro"):
            state.setdefault(name, [])

    def direction(self, state, gradient):
        if state["n_iter"] == 1:
            state["H_diag"] = 1
            state["old_dirs"], state["old_stps"], state["ro"] = [], [], []
            state["d"] = gradient.neg()
            return state["d"]
        y = gradient.sub(state["prev_flat_grad"])
        s = state["d"].mul(state["t"])
        ys = y.dot(s)
        if ys > 1e-10:
            if len(state["old_dirs"]) == self.size:
                for name in ("old_dirs", "old_stps", "ro"):
                    state[name].pop(0)
            state["old_dirs"].append(y)
            state["old_stps"].append(s)
            state["ro"].append(1.0 / ys)
            state["H_diag"] = ys / y.dot(y)
        weights = []
        q = gradient.neg()
        for y, s, ro in zip(reversed(state["old_dirs"]), reversed(state["old_stps"]), reversed(state["ro"])):
            weights.append(s.dot(q) * ro)
            q = q - y * weights[-1]
        d = q * state["H_diag"]
        for y, s, ro, weight in zip(state["old_dirs"], state["old_stps"], state["ro"], reversed(weights)):
            d = d + s * (weight - y.dot(d) * ro)
        state["d"] = d
        return d

    def remember(self, state, gradient, loss):
        state["prev_flat_grad"] = gradient.clone()
        state["prev_loss"] = loss


def cubic_step(x1, f1, g1, x2, f2, g2, bounds=None):
    """The minimum of the cubic through two points and slopes, within the bounds (Nocedal and Wright, 3.59)."""
    low, high = bounds if bounds is not None else (min(x1, x2), max(x1, x2))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if square < 0:
        return (low + high) / 2.0
    d2 = math.sqrt(square)
    if x1 <= x2:
        best = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        best = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(best, low), high)


def strong_wolfe(evaluate, size, direction, loss, gradient, slope, c1=1e-4, c2=0.9, tolerance_change=1e-9, most=25):
    """A step that satisfies the strong Wolfe conditions: (loss, gradient, size, evaluations)."""
    slope = float(slope)
    length = float(direction.abs().max())
    gradient = gradient.clone()
    new_loss, new_gradient = evaluate(size)
    count, new_slope = 1, float(new_gradient.dot(direction))
    before = (0.0, loss, gradient, slope)
    bracket, done, rounds = None, False, 0
    while rounds < most:
        now = (size, new_loss, new_gradient.clone(), new_slope)
        if new_loss > loss + c1 * size * slope or (rounds > 1 and new_loss >= before[1]):
            bracket = [before, now]
            break
        if abs(new_slope) <= -c2 * slope:
            bracket, done = [now], True
            break
        if new_slope >= 0:
            bracket = [before, now]
            break
        low, high = size + 0.01 * (size - before[0]), size * 10
        following = cubic_step(before[0], before[1], before[3], size, new_loss, new_slope, (low, high))
        before, size = now, following
        new_loss, new_gradient = evaluate(size)
        count += 1
        new_slope = float(new_gradient.dot(direction))
        rounds += 1
    if bracket is None:
        bracket = [(0.0, loss, gradient, slope), (size, new_loss, new_gradient, new_slope)]
    bracket, count = _zoom(
        evaluate, bracket, done, direction, length, loss, slope, c1, c2, tolerance_change, rounds, most, count
    )
    best = min(bracket, key=lambda point: point[1])
    return best[1], best[2], best[0], count


def _zoom(evaluate, bracket, done, direction, length, loss, slope, c1, c2, tolerance, rounds, most, count):
    """Narrow the bracket until a point in it satisfies the conditions."""
    slow = False
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not done and rounds < most:
        if abs(bracket[1][0] - bracket[0][0]) * length < tolerance:
            break
        ends = sorted((bracket[0][0], bracket[1][0]))
        (x1, f1, _, g1), (x2, f2, _, g2) = bracket
        size = cubic_step(x1, f1, g1, x2, f2, g2)
        margin = 0.1 * (ends[1] - ends[0])
        if min(ends[1] - size, size - ends[0]) < margin:
            # too close to an end twice running, or outside: step inside
            if slow or size >= ends[1] or size <= ends[0]:
                size = ends[1] - margin if abs(size - ends[1]) < abs(size - ends[0]) else ends[0] + margin
                slow = False
            else:
                slow = True
        else:
            slow = False
        new_loss, gradient = evaluate(size)
        count += 1
        rounds += 1
        new_slope = float(gradient.dot(direction))
        point = (size, new_loss, gradient.clone(), new_slope)
        if new_loss > loss + c1 * size * slope or new_loss >= bracket[low][1]:
            bracket[high] = point
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(new_slope) <= -c2 * slope:
                done = True
            elif new_slope * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    return bracket, count


# PyTorch's names of the search, which other optimizers import

_cubic_interpolate = cubic_step


def _strong_wolfe(obj_func, x, t, d, f, g, gtd, c1=1e-4, c2=0.9, tolerance_change=1e-9, max_ls=25):
    return strong_wolfe(lambda size: obj_func(x, size, d), t, d, f, g, gtd, c1, c2, tolerance_change, max_ls)
