"""Optimizer: parameter groups, per-parameter state, hooks, and the state_dict both are saved in.

A subclass defines `step`; a class's own `step` is wrapped once, when the class is made, so that hooks run around
it. Subclasses of this package write their update for one parameter (`_update`) and leave the loop to
`_run_updates`.
"""

import functools
from collections import OrderedDict, defaultdict
from copy import deepcopy
from itertools import chain

from framejit import _ops as _t
from framejit.autograd.grad_mode import enable_grad, no_grad, set_grad_enabled
from framejit.utils.hooks import RemovableHandle

_global_pre_hooks = OrderedDict()
_global_post_hooks = OrderedDict()


class _Required:
    def __repr__(self):
        return "<required parameter>"


required = _Required()


def _add(hooks, hook, prepend=False):
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook):
    """Call `hook(optimizer, args, kwargs)` before every optimizer's step."""
    return _add(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Call `hook(optimizer, args, kwargs)` after every optimizer's step."""
    return _add(_global_post_hooks, hook)


def _with_hooks(step, traceable):
    """`step` with the optimizer's hooks around it."""

    @functools.wraps(step)
    def wrapper(self, *args, **kwargs):
        if not (
            self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks or _global_pre_hooks or _global_post_hooks
        ):
            return step(self, *args, **kwargs)
        for hook in chain(_global_pre_hooks.values(), self._optimizer_step_pre_hooks.values()):
            result = hook(self, (self, *args), kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(
                    f"{type(self).step} must return None or a tuple of (new_args, new_kwargs), but got {result}."
                )
            (_, *args), kwargs = result
        value = step(self, *args, **kwargs)
        for hook in chain(self._optimizer_step_post_hooks.values(), _global_post_hooks.values()):
            hook(self, (self, *args), kwargs)
        return value

    wrapper.hooked = True
    if not traceable:
        # its counts and rates change with every call, so a compiled caller calls it out instead of specialising on them
        wrapper._framejit_disable = True
    return wrapper


class Optimizer:
    """Base class of all optimizers.

    params (iterable of Parameter, or of dicts that hold them as `params`), defaults (dict). Raises TypeError,
    ValueError (optimizer).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.SGD([w], lr=0.5)
    >>> isinstance(opt, optim.Optimizer), opt.param_groups[0]["lr"]
    (True, 0.5)
    """

    # Are counts kept in tensors while `step` is captured (see _common.advance)? Then it may become part of a graph.
    _traceable = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if step is not None and not getattr(step, "hooked", False):
            cls.step = _with_hooks(step, cls._traceable)

    def __init__(self, params, defaults):
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, _t.Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + type(params).__name__
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group))

    def _make_hooks(self):
        for name in (
            "_optimizer_step_pre_hooks",
            "_optimizer_step_post_hooks",
            "_optimizer_state_dict_pre_hooks",
            "_optimizer_state_dict_post_hooks",
            "_optimizer_load_state_dict_pre_hooks",
            "_optimizer_load_state_dict_post_hooks",
        ):
            self.__dict__.setdefault(name, OrderedDict())

    # ---- parameters -----------------------------------------------------------------------------------------

    def add_param_group(self, param_group):
        """Add parameters with options of their own."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, _t.Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of "
                "tensors in sets will change between runs. Please use a list instead."
            )
        params = list(params)
        named = [isinstance(p, tuple) for p in params]  # (name, parameter) pairs
        if any(named):
            if not all(named):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            param_group["param_names"] = [name for name, _ in params]
            params = [parameter for _, parameter in params]
        self._check_parameters(params)
        param_group["params"] = params
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        known = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group")
        if self.param_groups and ("param_names" in param_group) != ("param_names" in self.param_groups[0]):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group with "
                "names to the optimizer with no names, or the other way round"
            )
        self.param_groups.append(param_group)

    def _check_parameters(self, params):
        for parameter in params:
            if not isinstance(parameter, _t.Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is " + type(parameter).__name__
                )
            if not self.defaults.get("differentiable", None) and not (parameter.is_leaf or parameter.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        if len({id(p) for p in params}) != len(params):
            import warnings

            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error",
                stacklevel=3,
            )

    def zero_grad(self, set_to_none=True):
        """Drop, or set to zero, the gradients of all parameters."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if set_to_none:
                    parameter.grad = None
                else:
                    if parameter.grad.grad_fn is not None:
                        parameter.grad.detach_()
                    else:
                        parameter.grad.requires_grad_(False)
                    parameter.grad.zero_()

    def step(self, closure=None):
        """One update of all parameters."""
        raise NotImplementedError

    def _run_updates(self, closure):
        """The usual step: the closure's loss, then `_update(group, parameter, grad)` for each gradient."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        differentiable = self.defaults.get("differentiable", False)
        with set_grad_enabled(True) if differentiable else no_grad():
            for group in self.param_groups:
                maximize = group.get("maximize", False)
                for parameter in group["params"]:
                    grad = parameter.grad
                    if grad is not None:
                        if grad.is_sparse and not self._takes_sparse:
                            self._refuse_sparse()
                        self._update(group, parameter, -grad if maximize else grad)
        return loss

    _takes_sparse = False  # does `_update` know what to do with a sparse gradient?

    def _refuse_sparse(self):
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    # ---- state ----------------------------------------------------------------------------------------------

    def state_dict(self):
        """The state with parameters replaced by their numbers, and the groups."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers = {}
        packed_groups = []
        for group in self.param_groups:
            for parameter in group["params"]:
                numbers.setdefault(id(parameter), len(numbers))
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(parameter)] for parameter in group["params"]]
            packed_groups.append(packed)
        packed_state = {numbers[id(k)] if isinstance(k, _t.Tensor) else k: v for k, v in self.state.items()}
        result = {"state": packed_state, "param_groups": packed_groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            replacement = hook(self, result)
            if replacement is not None:
                result = replacement
        return result

    def load_state_dict(self, state_dict):
        """Take over a state_dict, its tensors cast to the parameters' dtype and device."""
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            replacement = hook(self, state_dict)
            if replacement is not None:
                state_dict = replacement
        saved_groups = deepcopy(state_dict["param_groups"])
        self._check_groups(saved_groups)
        parameters = dict(
            zip(
                chain.from_iterable(g["params"] for g in saved_groups),
                chain.from_iterable(g["params"] for g in self.param_groups),
            )
        )
        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in parameters:
                state[parameters[key]] = self._cast(parameters[key], value)
            else:
                state[key] = value
        for group, saved in zip(self.param_groups, saved_groups):
            saved["params"] = group["params"]
            if "param_names" in group and "param_names" not in saved:
                saved["param_names"] = group["param_names"]
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def _check_groups(self, saved_groups):
        if len(self.param_groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for group, saved in zip(self.param_groups, saved_groups):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
                )

    def _cast(self, parameter, value, key=None):
        if isinstance(value, _t.Tensor):
            if key == "step":  # counts stay exact whatever the parameter's dtype is
                return value.to(dtype=_t.float32)
            return value.to(dtype=parameter.dtype, device=parameter.device) if parameter.is_floating_point() else value
        if isinstance(value, dict):
            return {k: self._cast(parameter, v, k) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self._cast(parameter, v) for v in value)
        return value

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._make_hooks()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self):
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # ---- hooks ----------------------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook):
        """Call `hook(optimizer, args, kwargs)` before each step; a result replaces (args, kwargs)."""
        return _add(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _add(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Call `hook(optimizer)` before state_dict()."""
        return _add(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Call `hook(optimizer, state_dict)` after state_dict(); a result replaces it."""
        return _add(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Call `hook(optimizer, state_dict)` before load_state_dict(); a result replaces it."""
        return _add(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Call `hook(optimizer)` after load_state_dict()."""
        return _add(self._optimizer_load_state_dict_post_hooks, hook, prepend)
