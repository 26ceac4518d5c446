"""Modules as functions of their parameters."""

import framejit
from framejit import _C


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Calls `module` with the given parameters and buffers (a dict, or several) in the place of its own.

    module (nn.Module), parameter_and_buffer_dicts (dict, or sequence of dicts), args (tuple or None), kwargs (dict or
    None), tie_weights, strict (bool). Raises ValueError (… appeared in multiple dictionaries; behavior of functional
    call is ambiguous).

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> framejit.func.functional_call(layer, {"weight": framejit.tensor([[2.0]])}, (framejit.tensor([[3.0]]),))
    tensor([[6.]])
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        values = parameter_and_buffer_dicts
    else:
        values = {}
        for part in parameter_and_buffer_dicts:
            if values.keys() & part.keys():
                raise ValueError(
                    f"{sorted(values.keys() & part.keys())} appeared in multiple dictionaries; behavior of functional call is ambiguous"
                )
            values.update(part)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    return _call_with(module, values, args, kwargs or {}, tie_weights, strict)


def _slots(module):
    """name -> (owning module, attribute, table) of every parameter and buffer."""
    out = {}
    for prefix, sub in module.named_modules(remove_duplicate=False):
        dot = prefix + "." if prefix else ""
        for table in ("_parameters", "_buffers"):
            for name, value in getattr(sub, table).items():
                if value is not None:
                    out[dot + name] = (sub, name, table)
    return out


def _call_with(module, values, args, kwargs, tie_weights, strict):
    slots = _slots(module)
    unexpected = [k for k in values if k not in slots]
    missing = [k for k in slots if k not in values] if strict else []
    if (strict and (unexpected or missing)) or unexpected:
        raise RuntimeError(
            f"Error(s) in functional_call for {type(module).__name__}: unexpected key(s): {unexpected}, missing key(s): {missing}"
        )
    if tie_weights:
        owners = {}
        for name, (sub, attribute, table) in slots.items():
            owners.setdefault(id(getattr(sub, table)[attribute]), []).append(name)
        values = dict(values)
        for names in owners.values():
            given = [n for n in names if n in values]
            if given and len(names) > 1:
                values.update({n: values[given[0]] for n in names if n not in values})
    saved = []
    try:
        for name, value in values.items():
            sub, attribute, table = slots[name]
            saved.append((getattr(sub, table), attribute, getattr(sub, table)[attribute]))
            getattr(sub, table)[attribute] = value
        return module(*args, **kwargs)
    finally:
        for table, attribute, value in reversed(saved):
            table[attribute] = value


def replace_all_batch_norm_modules_(root):
    """Makes batch normalisations below a module normalise by the batch alone, without running statistics; gives the module.

    root (nn.Module): changed. Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> net = framejit.func.replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(2)))
    >>> net[0].running_mean is None
    True
    """
    from framejit.nn.modules.batchnorm import _BatchNorm

    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def stack_module_state(models):
    """-> (parameters, buffers) of several modules of one kind, each stacked along a new first dimension.

    models (sequence of nn.Module). Raises RuntimeError (Expected at least one model; Expected all models to be of the
    same class; Expected all models to have the same training/eval mode).

    >>> import framejit
    >>> from framejit import nn
    >>> parameters, buffers = framejit.func.stack_module_state([nn.Linear(2, 3) for _ in range(4)])
    >>> parameters["weight"].shape
    framejit.Size([4, 3, 2])
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not all(type(m) is type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    if not (all(m.training for m in models) or not any(m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")

    def stacked(dicts):
        out = {}
        for name in dicts[0]:
            parts = [d[name] for d in dicts]
            if any(p.requires_grad != parts[0].requires_grad for p in parts):
                raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
            with framejit.no_grad():
                value = _C.stack([p.detach() for p in parts])
            out[name] = value.requires_grad_() if parts[0].requires_grad else value
        return out

    return stacked([dict(m.named_parameters()) for m in models]), stacked([dict(m.named_buffers()) for m in models])
