"""Module's state_dict protocol: writing a module's tensors into a dict and reading them back.

These functions become methods of Module. The keys, the `_metadata` and the wording of what does not fit are
PyTorch's, because checkpoints and the programs that read them depend on all three.
"""

import itertools
from collections import OrderedDict, namedtuple

from framejit import _ops as _t
from framejit.nn.parameter import Parameter, is_lazy

EXTRA_STATE_KEY = "_extra_state"


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` returns."""

    __slots__ = ()

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


def get_extra_state(self):
    """Override together with `set_extra_state` to put more than tensors into the state_dict.

    >>> from framejit import nn
    >>> nn.Module().get_extra_state()
    Traceback (most recent call last):
        ...
    RuntimeError: Reached a code path in Module.get_extra_state() that should never be called.
    """
    raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")


def set_extra_state(self, state):
    """Receives what `get_extra_state` returned.

    state (object). Raises RuntimeError (Reached a code path in Module.set_extra_state() that should never be called).

    >>> from framejit import nn
    >>> nn.Module().set_extra_state(3)
    Traceback (most recent call last):
        ...
    RuntimeError: Reached a code path in Module.set_extra_state() that should never be called.
    """
    raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")


def _has_extra_state(module, method):
    from .module import Module

    return getattr(type(module), method) is not getattr(Module, method)


# ---- writing ----------------------------------------------------------------------------------------------


def _save_to_state_dict(self, destination, prefix, keep_vars):
    """The module's own parameters and persistent buffers, without its children's."""
    for name, parameter in self._parameters.items():
        if parameter is not None:
            destination[prefix + name] = parameter if keep_vars else parameter.detach()
    for name, buffer in self._buffers.items():
        if buffer is not None and name not in self._non_persistent_buffers_set:
            destination[prefix + name] = buffer if keep_vars else buffer.detach()
    if _has_extra_state(self, "get_extra_state"):
        destination[prefix + EXTRA_STATE_KEY] = self.get_extra_state()


def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
    """A dict of all parameters and persistent buffers, which share storage with the module's.

    destination (dict or None), prefix (str), keep_vars (bool). Raises RuntimeError (state_dict post-hook must return
    None).

    >>> from framejit import nn
    >>> list(nn.Sequential(nn.Linear(1, 1)).state_dict())
    ['0.weight', '0.bias']
    """
    if args:  # the positional form that old code uses
        destination = args[0] if destination is None else destination
        prefix = args[1] if len(args) > 1 and prefix == "" else prefix
        keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    local_metadata = {"version": self._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = local_metadata
    for hook in self._state_dict_pre_hooks.values():
        hook(self, prefix, keep_vars)
    self._save_to_state_dict(destination, prefix, keep_vars)
    for name, module in self._modules.items():
        if module is not None:
            module.state_dict(destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars)
    for hook in self._state_dict_hooks.values():
        replacement = hook(self, destination, prefix, local_metadata)
        if getattr(hook, "_from_public_api", False):
            if replacement is not None:
                raise RuntimeError("state_dict post-hook must return None")
        elif replacement is not None:
            destination = replacement
    return destination


# ---- reading ----------------------------------------------------------------------------------------------


def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
    """Copy the module's own entries out of `state_dict`; what is wrong is appended to the three lists."""
    for hook in self._load_state_dict_pre_hooks.values():
        hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
    persistent = {k: v for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set}
    local_state = {k: v for k, v in itertools.chain(self._parameters.items(), persistent.items()) if v is not None}
    assign = local_metadata.get("assign_to_params_buffers", False)
    for name, own in local_state.items():
        key = prefix + name
        if key in state_dict:
            _load_one(self, name, own, key, state_dict[key], assign, error_msgs)
        elif strict:
            missing_keys.append(key)
    _load_extra_state(self, state_dict, prefix, strict, missing_keys, unexpected_keys)
    if strict:
        _find_unexpected(self, state_dict, prefix, local_state, unexpected_keys)


def _load_one(module, name, own, key, value, assign, error_msgs):
    if not isinstance(value, _t.Tensor):
        error_msgs.append(
            f'While copying the parameter named "{key}", expected framejit.Tensor or Tensor-like object '
            f"from checkpoint but received {type(value)}"
        )
        return
    if is_lazy(own):
        return _copy_one(module, name, own, key, value, assign, error_msgs)
    if own.dim() == 0 and value.dim() == 1 and value.shape[0] == 1:
        value = value[0]  # checkpoints of before zero-dimensional tensors
    if value.shape != own.shape:
        error_msgs.append(
            f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, the "
            f"shape in current model is {own.shape}."
        )
        return
    _copy_one(module, name, own, key, value, assign, error_msgs)


def _copy_one(module, name, own, key, value, assign, error_msgs):
    try:
        with _no_grad():
            if not assign:
                own.copy_(value)
            elif isinstance(own, Parameter):
                if not isinstance(value, Parameter):
                    value = Parameter(value, requires_grad=own.requires_grad)
                else:
                    value.requires_grad_(own.requires_grad)
                setattr(module, name, value)
            else:
                setattr(module, name, value)
    except Exception as error:
        error_msgs.append(
            f'While copying the parameter named "{key}", whose dimensions in the model are {own.size()} '
            f"and whose dimensions in the checkpoint are {value.size()}, an exception occurred : "
            f"{error.args}."
        )


def _no_grad():
    from framejit.autograd.grad_mode import no_grad

    return no_grad()


def _load_extra_state(module, state_dict, prefix, strict, missing_keys, unexpected_keys):
    key = prefix + EXTRA_STATE_KEY
    if _has_extra_state(module, "set_extra_state"):
        if key in state_dict:
            module.set_extra_state(state_dict[key])
        elif strict:
            missing_keys.append(key)
    elif strict and key in state_dict:
        unexpected_keys.append(key)


def _find_unexpected(module, state_dict, prefix, local_state, unexpected_keys):
    extra_key = prefix + EXTRA_STATE_KEY
    for key in state_dict:
        if not key.startswith(prefix) or key == extra_key:
            continue
        head, *rest = key[len(prefix) :].split(".", 1)
        if rest:
            if head not in module._modules:
                unexpected_keys.append(key)
        elif head not in local_state:
            unexpected_keys.append(key)


def load_state_dict(self, state_dict, strict=True, assign=False):
    """Copy `state_dict` into the module and its children; with `assign` the tensors themselves are taken.

    state_dict (dict), strict, assign (bool). Raises TypeError (Expected state_dict to be dict-like), RuntimeError
    (Error(s) in loading state_dict for …:), AssertionError.

    >>> import framejit
    >>> from framejit import nn
    >>> a, b = nn.Linear(1, 2), nn.Linear(1, 2)
    >>> a.load_state_dict(b.state_dict())
    <All keys matched successfully>
    >>> framejit.equal(a.weight, b.weight)
    True
    """
    if not hasattr(state_dict, "keys"):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    missing_keys, unexpected_keys, error_msgs = [], [], []
    metadata = getattr(state_dict, "_metadata", None)
    state_dict = OrderedDict(state_dict)
    if metadata is not None:
        state_dict._metadata = metadata

    def load(module, local_state, prefix=""):
        local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            local_metadata["assign_to_params_buffers"] = assign
        module._load_from_state_dict(
            local_state, prefix, local_metadata, True, missing_keys, unexpected_keys, error_msgs
        )
        for name, child in module._modules.items():
            if child is not None:
                child_prefix = prefix + name + "."
                load(child, {k: v for k, v in local_state.items() if k.startswith(child_prefix)}, child_prefix)
        incompatible = IncompatibleKeys(missing_keys, unexpected_keys)
        for hook in module._load_state_dict_post_hooks.values():
            if hook(module, incompatible) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )

    load(self, state_dict)
    if strict:
        if unexpected_keys:
            names = ", ".join(f'"{k}"' for k in unexpected_keys)
            error_msgs.insert(0, f"Unexpected key(s) in state_dict: {names}. ")
        if missing_keys:
            names = ", ".join(f'"{k}"' for k in missing_keys)
            error_msgs.insert(0, f"Missing key(s) in state_dict: {names}. ")
    if error_msgs:
        details = "\n\t".join(error_msgs)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{details}")
    return IncompatibleKeys(missing_keys, unexpected_keys)


# ---- hooks ------------------------------------------------------------------------------------------------


def _add(hooks, hook):
    from framejit.utils.hooks import RemovableHandle

    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def register_state_dict_post_hook(self, hook):
    """Call `hook(module, state_dict, prefix, local_metadata)` after state_dict(); it may change the dict in place.

    hook (callable). Raises AttributeError for other types.

    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1)
    >>> handle = layer.register_state_dict_post_hook(lambda m, state, prefix, local: print("saved", len(state)))
    >>> state = layer.state_dict()
    saved 2
    """
    hook._from_public_api = True
    return _add(self._state_dict_hooks, hook)


def _register_state_dict_hook(self, hook):
    if getattr(hook, "_from_public_api", False):
        raise RuntimeError(
            "Cannot register the same function as the state dict post hook that was previously "
            "registered via register_state_dict_post_hook"
        )
    return _add(self._state_dict_hooks, hook)


def register_state_dict_pre_hook(self, hook):
    """Call `hook(module, prefix, keep_vars)` before state_dict() reads the module.

    hook (callable). Raises nothing of its own.

    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1)
    >>> handle = layer.register_state_dict_pre_hook(lambda m, prefix, keep: print("saving"))
    >>> state = layer.state_dict()
    saving
    """
    return _add(self._state_dict_pre_hooks, hook)


def _register_load_state_dict_pre_hook(self, hook, with_module=False):
    if with_module:
        import functools

        hook = functools.partial(hook, self)
    return _add(self._load_state_dict_pre_hooks, hook)


def register_load_state_dict_pre_hook(self, hook):
    """Call `hook(module, state_dict, prefix, ...)` before the module reads its entries.

    hook (callable). Raises TypeError for other types.

    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1)
    >>> handle = layer.register_load_state_dict_pre_hook(lambda *args: print("loading"))
    >>> layer.load_state_dict(layer.state_dict())
    loading
    <All keys matched successfully>
    """
    return _register_load_state_dict_pre_hook(self, hook, with_module=True)


def register_load_state_dict_post_hook(self, hook):
    """Call `hook(module, incompatible_keys)` after the module and its children have been loaded.

    hook (callable). Raises nothing of its own.

    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1)
    >>> handle = layer.register_load_state_dict_post_hook(lambda m, keys: print("loaded"))
    >>> layer.load_state_dict(layer.state_dict())
    loaded
    <All keys matched successfully>
    """
    return _add(self._load_state_dict_post_hooks, hook)
