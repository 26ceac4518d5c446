"""Hooks of Module: registering them, and the slow path of a call that has some.

A module without hooks never comes here (`Module._call_impl` decides). Hooks are kept in ordered dicts keyed by
the id of a RemovableHandle; the dicts named `*_with_kwargs` and `*_always_called` mark some of those ids.
"""

from collections import OrderedDict

from framejit import _ops as _t
from framejit.utils.hooks import RemovableHandle

# hooks that run for every module
global_forward_pre_hooks = OrderedDict()
global_forward_hooks = OrderedDict()
global_forward_hooks_with_kwargs = {}
global_forward_hooks_always_called = {}
global_backward_pre_hooks = OrderedDict()
global_backward_hooks = OrderedDict()
global_parameter_hooks = OrderedDict()
global_buffer_hooks = OrderedDict()
global_module_hooks = OrderedDict()


def _add(hooks, hook, *, prepend=False, marks=()):
    handle = RemovableHandle(hooks, extra_dict=list(marks))
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


# ---- registration: methods of Module ----------------------------------------------------------------------


def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
    """Call `hook(module, args)` before each forward; a result that is not None replaces the arguments.

    hook (callable), prepend, with_kwargs (bool). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.ReLU()
    >>> handle = layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    >>> layer(framejit.ones(2))
    tensor([2., 2.])
    """
    handle = _add(self._forward_pre_hooks, hook, prepend=prepend, marks=(self._forward_pre_hooks_with_kwargs,))
    if with_kwargs:
        self._forward_pre_hooks_with_kwargs[handle.id] = True
    return handle


def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
    """Call `hook(module, args, output)` after each forward; a result that is not None replaces the output.

    hook (callable), prepend, with_kwargs, always_call (bool). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.ReLU()
    >>> handle = layer.register_forward_hook(lambda m, args, out: out * 2)
    >>> layer(framejit.ones(2))
    tensor([2., 2.])
    """
    marks = (self._forward_hooks_with_kwargs, self._forward_hooks_always_called)
    handle = _add(self._forward_hooks, hook, prepend=prepend, marks=marks)
    if with_kwargs:
        self._forward_hooks_with_kwargs[handle.id] = True
    if always_call:
        self._forward_hooks_always_called[handle.id] = True
    return handle


def register_full_backward_pre_hook(self, hook, prepend=False):
    """Call `hook(module, grad_output)` before the gradients with respect to the module's inputs are computed.

    hook (callable), prepend (bool). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1)
    >>> handle = layer.register_full_backward_pre_hook(lambda m, grads_out: print(grads_out[0].shape))
    >>> layer(framejit.ones(3, 1)).sum().backward()
    framejit.Size([3, 1])
    """
    return _add(self._backward_pre_hooks, hook, prepend=prepend)


def register_full_backward_hook(self, hook, prepend=False):
    """Call `hook(module, grad_input, grad_output)` once the gradients of the module's inputs are known.

    hook (callable), prepend (bool). Raises RuntimeError (Cannot use both regular backward hooks and full backward
    hooks on a single Module. Please use only one of them).

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1)
    >>> handle = layer.register_full_backward_hook(lambda m, grads_in, grads_out: print(grads_out[0].shape))
    >>> layer(framejit.ones(3, 1)).sum().backward()
    framejit.Size([3, 1])
    """
    if self._is_full_backward_hook is False:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks on a single Module. "
            "Please use only one of them."
        )
    self._is_full_backward_hook = True
    return _add(self._backward_hooks, hook, prepend=prepend)


def register_backward_hook(self, hook):
    """The old name of `register_full_backward_hook`; here both mean the full hook.

    hook (callable). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.Linear(1, 1)
    >>> handle = layer.register_backward_hook(lambda m, grads_in, grads_out: print(grads_out[0].shape))
    >>> layer(framejit.ones(3, 1)).sum().backward()
    framejit.Size([3, 1])
    """
    return register_full_backward_hook(self, hook)


# ---- registration: for all modules ------------------------------------------------------------------------


def register_module_forward_pre_hook(hook):
    """Call `hook(module, args)` before the forward of every module."""
    return _add(global_forward_pre_hooks, hook)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Call `hook(module, args, output)` after the forward of every module."""
    marks = (global_forward_hooks_with_kwargs, global_forward_hooks_always_called)
    handle = _add(global_forward_hooks, hook, marks=marks)
    if with_kwargs:
        global_forward_hooks_with_kwargs[handle.id] = True
    if always_call:
        global_forward_hooks_always_called[handle.id] = True
    return handle


def register_module_full_backward_pre_hook(hook):
    """Call `hook(module, grad_output)` in the backward pass of every module."""
    return _add(global_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook):
    """Call `hook(module, grad_input, grad_output)` in the backward pass of every module."""
    return _add(global_backward_hooks, hook)


register_module_backward_hook = register_module_full_backward_hook


def register_module_parameter_registration_hook(hook):
    """Call `hook(module, name, parameter)` whenever a parameter is registered."""
    return _add(global_parameter_hooks, hook)


def register_module_buffer_registration_hook(hook):
    """Call `hook(module, name, buffer)` whenever a buffer is registered."""
    return _add(global_buffer_hooks, hook)


def register_module_module_registration_hook(hook):
    """Call `hook(module, name, submodule)` whenever a submodule is registered."""
    return _add(global_module_hooks, hook)


def any_global():
    """Whether a hook for all modules exists."""
    return bool(global_forward_hooks or global_forward_pre_hooks or global_backward_hooks or global_backward_pre_hooks)


def run_registration_hooks(hooks, module, name, value):
    """The value to register, after each hook had the chance to replace it."""
    for hook in hooks.values():
        replacement = hook(module, name, value)
        if replacement is not None:
            value = replacement
    return value


# ---- the call ---------------------------------------------------------------------------------------------


def call_with_hooks(module, args, kwargs, forward=None):
    """`module(*args, **kwargs)` with every hook that applies to it; `forward` stands in for the module's own."""
    called_always = set()
    try:
        return _call(module, args, kwargs, called_always, module.forward if forward is None else forward)
    except Exception:
        _run_always_called(module, args, kwargs, called_always)
        raise


def _call(module, args, kwargs, called_always, forward):
    args, kwargs = _run_pre_hooks(module, args, kwargs)
    backward = None
    hooks = [*global_backward_hooks.values(), *module._backward_hooks.values()]
    pre_hooks = [*global_backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
    if hooks or pre_hooks:
        backward = _BackwardHooks(module, hooks, pre_hooks)
        args = backward.watch_inputs(args)
    result = forward(*args, **kwargs)
    for hook_id, hook, with_kwargs, always in _forward_hooks(module):
        if always:
            called_always.add(hook_id)
        replacement = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
        if replacement is not None:
            result = replacement
    if backward is not None:
        result = backward.watch_outputs(result)
    return result


def _run_pre_hooks(module, args, kwargs):
    for hook in global_forward_pre_hooks.values():
        replacement = hook(module, args)
        if replacement is not None:
            args = replacement if isinstance(replacement, tuple) else (replacement,)
    for hook_id, hook in module._forward_pre_hooks.items():
        if hook_id in module._forward_pre_hooks_with_kwargs:
            replacement = hook(module, args, kwargs)
            if replacement is None:
                continue
            if not (isinstance(replacement, tuple) and len(replacement) == 2):
                raise RuntimeError(
                    f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {replacement}."
                )
            args, kwargs = replacement
        else:
            replacement = hook(module, args)
            if replacement is not None:
                args = replacement if isinstance(replacement, tuple) else (replacement,)
    return args, kwargs


def _forward_hooks(module):
    for hook_id, hook in global_forward_hooks.items():
        yield (
            hook_id,
            hook,
            hook_id in global_forward_hooks_with_kwargs,
            hook_id in global_forward_hooks_always_called,
        )
    for hook_id, hook in module._forward_hooks.items():
        yield (
            hook_id,
            hook,
            hook_id in module._forward_hooks_with_kwargs,
            hook_id in module._forward_hooks_always_called,
        )


def _run_always_called(module, args, kwargs, called_always):
    """After a failure: the hooks that asked to be called in any case, their own failures reduced to warnings."""
    for hook_id, hook, with_kwargs, always in _forward_hooks(module):
        if not always or hook_id in called_always:
            continue
        try:
            if with_kwargs:
                hook(module, args, kwargs, None)
            else:
                hook(module, args, None)
        except Exception as error:
            import warnings

            warnings.warn(
                "module forward hook with ``always_call=True`` raised an exception that was silenced as "
                f"another error was raised in forward: {error}"
            )


class _BackwardHooks:
    """The full backward hooks of one call: inputs and outputs pass through identities whose gradients are seen."""

    def __init__(self, module, hooks, pre_hooks):
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_outputs = None
        self.watched_inputs = 0

    def watch_inputs(self, args):
        if not _t.is_grad_enabled():
            return args
        places = [i for i, a in enumerate(args) if isinstance(a, _t.Tensor) and a.requires_grad]
        if not places:
            return args
        self.watched_inputs = len(places)
        self.n_inputs = sum(isinstance(a, _t.Tensor) for a in args)
        order = {i: k for k, i in enumerate(i for i, a in enumerate(args) if isinstance(a, _t.Tensor))}
        args = list(args)
        self.aliases = {}
        for place in places:
            args[place] = args[place].view_as(args[place])
            self.aliases[order[place]] = args[place]
        self._gather(self.aliases, self.n_inputs, self._inputs_ready)
        return tuple(args)

    def watch_outputs(self, result):
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        tensors = [o for o in outputs if isinstance(o, _t.Tensor)]
        if not any(t.requires_grad for t in tensors):
            return result
        watched = [o.view_as(o) if isinstance(o, _t.Tensor) and o.requires_grad else o for o in outputs]
        places = {}
        index = 0
        for output in watched:
            if isinstance(output, _t.Tensor):
                if output.requires_grad:
                    places[index] = output
                index += 1
        self._gather(places, index, self._outputs_ready)
        if isinstance(result, tuple):
            return type(result)(*watched) if hasattr(result, "_fields") else tuple(watched)
        return watched if isinstance(result, list) else watched[0]

    @staticmethod
    def _gather(places, count, ready):
        """Call `ready(grads)` once the gradient of every place is there; its result replaces the last one."""
        grads = [None] * count
        waiting = set(places)

        def receive(place, grad):
            grads[place] = grad
            waiting.discard(place)
            if waiting:
                return None
            waiting.update(places)
            seen = tuple(grads)
            changed = ready(seen)
            return None if changed is None or changed[place] is seen[place] else changed[place]

        for place, tensor in places.items():
            tensor.register_hook(lambda grad, place=place: receive(place, grad))

    def _outputs_ready(self, grads):
        for hook in self.pre_hooks:
            replacement = hook(self.module, grads)
            if replacement is not None:
                grads = _as_grads(replacement, len(grads))
        self.grad_outputs = grads
        if not self.watched_inputs:
            for hook in self.hooks:
                if hook(self.module, (None,), grads) is not None:
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always "
                        "return None or None for all gradients."
                    )
        return grads

    def _inputs_ready(self, grads):
        for hook in self.hooks:
            replacement = hook(self.module, grads, self.grad_outputs)
            if replacement is not None:
                grads = _as_grads(replacement, len(grads))
        return grads


def _as_grads(value, count):
    grads = value if isinstance(value, tuple) else (value,)
    if len(grads) != count:
        raise RuntimeError(f"Backward hook returned an invalid number of grad, got {len(grads)}, but expected {count}")
    return grads
