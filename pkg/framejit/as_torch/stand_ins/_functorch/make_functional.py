"""functorch's way to call modules as functions of their parameters, which torch.func.functional_call replaced."""

import copy

import framejit
from framejit import nn
from framejit.func import functional_call, stack_module_state


class _Functional(nn.Module):
    def __init__(self, model, names, buffer_names):
        super().__init__()
        self.stateless_model = model
        self._names, self._buffer_names = names, buffer_names

    def _call(self, params, buffers, args, kwargs):
        values = {}
        for names, given in ((self._names, params), (self._buffer_names, buffers)):
            for group, value in zip(names, given):
                values.update(dict.fromkeys(group, value))
        return functional_call(self.stateless_model, values, args, kwargs, tie_weights=False)


class FunctionalModule(_Functional):
    """A module called with its parameters first."""

    def forward(self, params, *args, **kwargs):
        return self._call(params, (), args, kwargs)


class FunctionalModuleWithBuffers(_Functional):
    """A module called with its parameters and buffers first."""

    def forward(self, params, buffers, *args, **kwargs):
        return self._call(params, buffers, args, kwargs)


def _grouped(named):
    """Names of one tensor together, in the order of the first: tied weights are one."""
    groups, values = {}, {}
    for name, value in named:
        groups.setdefault(id(value), []).append(name)
        values[id(value)] = value
    return [tuple(names) for names in groups.values()], tuple(values.values())


def _parameters(model, disable_autograd_tracking):
    names, values = _grouped(model.named_parameters(remove_duplicate=False))
    if disable_autograd_tracking:
        for value in values:
            value.requires_grad_(False)
    return names, values


def make_functional(model, disable_autograd_tracking=False):
    """-> (a module called with the parameters first, the parameters). Raises RuntimeError for a module with buffers."""
    if list(model.buffers()):
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use make_functional_with_buffers(model) instead."
        )
    model = copy.deepcopy(model)
    names, values = _parameters(model, disable_autograd_tracking)
    return FunctionalModule(model, names, []), values


def make_functional_with_buffers(model, disable_autograd_tracking=False):
    """-> (a module called with parameters and buffers first, the parameters, the buffers)"""
    model = copy.deepcopy(model)
    names, values = _parameters(model, disable_autograd_tracking)
    buffer_names, buffers = _grouped(model.named_buffers(remove_duplicate=False))
    return FunctionalModuleWithBuffers(model, names, buffer_names), values, buffers


def combine_state_for_ensemble(models):
    """-> (a module called with parameters and buffers first, stacked parameters, stacked buffers)"""
    if len(models) == 0:
        raise RuntimeError("combine_state_for_ensemble: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or not any(m.training for m in models)):
        raise RuntimeError("combine_state_for_ensemble: Expected all models to have the same training/eval mode.")
    if not all(type(m) is type(models[0]) for m in models):
        raise RuntimeError("combine_state_for_ensemble: Expected all models to be of the same class.")
    parameters, buffers = stack_module_state(models)
    function, _, _ = make_functional_with_buffers(models[0])
    return function, tuple(parameters.values()), tuple(buffers.values())


def functional_init(model_class, ensemble_shape=(), device="cpu"):
    """A function that makes modules and gives `make_functional` of them, their parameters stacked."""

    def wrapped(*args, **kwargs):
        return _ensemble(model_class, ensemble_shape, device, args, kwargs, make_functional)

    return wrapped


def functional_init_with_buffers(model_class, ensemble_shape=(), device="cpu"):
    """The same of `make_functional_with_buffers`."""

    def wrapped(*args, **kwargs):
        return _ensemble(model_class, ensemble_shape, device, args, kwargs, make_functional_with_buffers)

    return wrapped


def _ensemble(model_class, ensemble_shape, device, args, kwargs, make):
    if len(ensemble_shape) >= 2:
        raise ValueError("NYI: ensemble_shape with more than 1 element")
    if not ensemble_shape:
        return make(model_class(*args, **kwargs).to(device))
    count = ensemble_shape[0]
    if count <= 0:
        raise ValueError(f"num_models {count} should be > 0")
    made = [make(model_class(*args, **kwargs).to(device)) for _ in range(count)]
    function = made[0][0]
    stacked = [
        tuple(
            framejit.stack([p.detach() for p in parts]).requires_grad_(parts[0].requires_grad) for parts in zip(*group)
        )
        for group in zip(*(m[1:] for m in made))
    ]

    def ensemble(*state_and_data):
        """The module with its parameters, and buffers, first; the inputs are the last argument, a tuple where they are many."""
        *state, data = state_and_data
        return function(*state, *(data if isinstance(data, tuple) else (data,)))

    names = [function._names] if make is make_functional else [function._names, function._buffer_names]
    return (*stacked, ensemble, *names)
