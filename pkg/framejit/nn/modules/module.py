"""Module: the base class of everything in nn.

The class is put together from one file per concern: `_hooks` (registering and calling), `_state` (state_dict),
`_traverse` (walks), `_convert` (dtype and device). What is here is construction, attributes, calling, mode and
printing. Parameters, buffers and submodules live in three dicts and are found through `__getattr__`; those dicts
are plain ones, because capture watches them.
"""

from collections import OrderedDict

from framejit import _ops as _t
from framejit.nn.parameter import Buffer, Parameter

from . import _convert, _hooks, _state, _traverse


def _forward_unimplemented(self, *input):
    """Every subclass overrides `forward`: what happens when the module is called.

    >>> from framejit import nn
    >>> nn.Module().forward(1)
    Traceback (most recent call last):
        ...
    NotImplementedError: Module [Module] is missing the required "forward" function
    """
    raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')


def _addindent(text, n_spaces):
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * n_spaces + line for line in rest)])


class Module:
    """Base class of all neural network modules; see PyTorch's `torch.nn.Module`, whose protocol this is.

    >>> import framejit
    >>> from framejit import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(framejit.ones(1))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(framejit.tensor([2.0]))
    tensor([2.], grad_fn=<MulBackward0>)
    >>> [name for name, _ in Scale().named_parameters()]
    ['factor']
    """

    dump_patches = False
    _version = 1
    training: bool
    call_super_init = False
    _compiled_call_impl = None

    def __init__(self, *args, **kwargs):
        if not self.call_super_init and kwargs:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
            )
        if not self.call_super_init and args:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )
        state = self.__dict__
        state["training"] = True
        state["_parameters"] = {}
        state["_buffers"] = {}
        state["_non_persistent_buffers_set"] = set()
        state["_backward_pre_hooks"] = OrderedDict()
        state["_backward_hooks"] = OrderedDict()
        state["_is_full_backward_hook"] = None
        state["_forward_hooks"] = OrderedDict()
        state["_forward_hooks_with_kwargs"] = OrderedDict()
        state["_forward_hooks_always_called"] = OrderedDict()
        state["_forward_pre_hooks"] = OrderedDict()
        state["_forward_pre_hooks_with_kwargs"] = OrderedDict()
        state["_state_dict_hooks"] = OrderedDict()
        state["_state_dict_pre_hooks"] = OrderedDict()
        state["_load_state_dict_pre_hooks"] = OrderedDict()
        state["_load_state_dict_post_hooks"] = OrderedDict()
        state["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    forward = _forward_unimplemented

    # ---- registration ---------------------------------------------------------------------------------------

    def _check_name(self, kind, name):
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_typename(name)}")
        if "." in name:
            raise KeyError(
                f'{kind} name can\'t contain ".", got: {name}'
                if kind == "module"
                else f'{kind} name can\'t contain "."'
            )
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""' + (", got: " + name if kind == "module" else ""))

    def register_buffer(self, name, tensor, persistent=True):
        """Add a tensor that belongs to the module's state but is not a parameter.

        name (str), tensor (Tensor or None), persistent (bool). Raises AttributeError (cannot assign buffer before
        Module.__init__() call), KeyError (attribute '…' already exists), TypeError (cannot assign '…' object to buffer
        '…' (framejit Tensor or None required)).

        >>> import framejit
        >>> from framejit import nn
        >>> net = nn.Module()
        >>> net.register_buffer("mean", framejit.zeros(2))
        >>> list(net.state_dict())
        ['mean']
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name)
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"attribute '{name}' already exists")
        if tensor is not None and not isinstance(tensor, _t.Tensor):
            raise TypeError(
                f"cannot assign '{_typename(tensor)}' object to buffer '{name}' (framejit Tensor or None required)"
            )
        self._buffers[name] = _hooks.run_registration_hooks(_hooks.global_buffer_hooks, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name, param):
        """Add a parameter under `name`; None reserves the name.

        name (str), param (Parameter or None). Raises AttributeError (cannot assign parameter before Module.__init__()
        call), KeyError (attribute '…' already exists), TypeError (cannot assign '…' object to parameter '…'
        (nn.Parameter or None required)), ValueError.

        >>> import framejit
        >>> from framejit import nn
        >>> net = nn.Module()
        >>> net.register_parameter("w", nn.Parameter(framejit.ones(1)))
        >>> list(net.state_dict())
        ['w']
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name)
        if hasattr(self, name) and name not in self._parameters:
            raise KeyError(f"attribute '{name}' already exists")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_typename(param)}' object to parameter '{name}' (nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
                    "created explicitly. To express '{name}' as a function of another Tensor, compute "
                    "the value in the forward() method."
                )
            param = _hooks.run_registration_hooks(_hooks.global_parameter_hooks, self, name, param)
        self._parameters[name] = param

    def add_module(self, name, module):
        """Add a submodule under `name`; None reserves the name.

        name (str), module (nn.Module). Raises TypeError (… is not a Module subclass), KeyError (attribute '…' already
        exists).

        >>> from framejit import nn
        >>> net = nn.Module()
        >>> net.add_module("layer", nn.Linear(1, 1))
        >>> [name for name, _ in net.named_children()]
        ['layer']
        """
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        self._check_name("module", name)
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        self._modules[name] = _hooks.run_registration_hooks(_hooks.global_module_hooks, self, name, module)

    def register_module(self, name, module):
        """The same as `add_module`.

        name (str), module (nn.Module or None). Raises TypeError for other types.

        >>> from framejit import nn
        >>> net = nn.Module()
        >>> net.register_module("layer", nn.ReLU())
        >>> net.layer
        ReLU()
        """
        self.add_module(name, module)

    # ---- calling --------------------------------------------------------------------------------------------

    def _wrapped_call_impl(self, *args, **kwargs):
        if self._compiled_call_impl is not None:
            return self._compiled_call_impl(*args, **kwargs)
        return self._call_impl(*args, **kwargs)

    def _call_impl(self, *args, **kwargs):
        if not (
            self._backward_hooks
            or self._backward_pre_hooks
            or self._forward_hooks
            or self._forward_pre_hooks
            or _hooks.global_forward_hooks
            or _hooks.global_forward_pre_hooks
            or _hooks.global_backward_hooks
            or _hooks.global_backward_pre_hooks
        ):
            return self.forward(*args, **kwargs)
        return _hooks.call_with_hooks(self, args, kwargs)

    __call__ = _wrapped_call_impl

    def compile(self, *args, **kwargs):
        """Compile this module's call in place.

        *args, **kwargs: those of `framejit.compile` after the model: fullgraph, dynamic (bool), backend (str or
        callable), and so on. Raises what `framejit.compile` raises. `state_dict()` and the class stay as they are.

        >>> import framejit
        >>> layer = framejit.nn.Linear(2, 1)
        >>> layer.compile(fullgraph=True)
        >>> layer(framejit.ones(3, 2)).shape
        framejit.Size([3, 1])
        """
        from framejit._compile_module import compile_call

        self.__dict__["_compiled_call_impl"] = compile_call(self, *args, **kwargs)

    # ---- attributes -----------------------------------------------------------------------------------------

    def __getattr__(self, name):
        state = self.__dict__
        for table in ("_parameters", "_buffers", "_modules"):
            members = state.get(table)
            if members is not None and name in members:
                return members[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name, value):
        state = self.__dict__
        if isinstance(value, Parameter):
            self._assign_parameter(name, value)
        elif isinstance(value, Module):
            self._assign_module(name, value)
        elif (members := state.get("_parameters")) is not None and name in members:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_typename(value)}' as parameter '{name}' (nn.Parameter or None expected)"
                )
            self.register_parameter(name, value)
        elif (members := state.get("_modules")) is not None and name in members:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_typename(value)}' as child module '{name}' (nn.Module or None expected)"
                )
            members[name] = _hooks.run_registration_hooks(_hooks.global_module_hooks, self, name, value)
        elif isinstance(value, _t.Tensor) or value is None:
            self._assign_tensor(name, value)
        elif (members := state.get("_buffers")) is not None and name in members:
            raise TypeError(
                f"cannot assign '{_typename(value)}' as buffer '{name}' (framejit Tensor, nn.Buffer or None expected)"
            )
        else:
            object.__setattr__(self, name, value)

    def _forget(self, name, *tables):
        for table in tables:
            if name in table:
                if isinstance(table, dict):
                    del table[name]
                else:
                    table.discard(name)

    def _assign_parameter(self, name, value):
        state = self.__dict__
        if "_parameters" not in state:
            raise AttributeError("cannot assign parameters before Module.__init__() call")
        self._forget(name, state, self._buffers, self._modules, self._non_persistent_buffers_set)
        self.register_parameter(name, value)

    def _assign_module(self, name, value):
        state = self.__dict__
        if "_modules" not in state:
            raise AttributeError("cannot assign module before Module.__init__() call")
        self._forget(name, state, self._parameters, self._buffers, self._non_persistent_buffers_set)
        self._modules[name] = _hooks.run_registration_hooks(_hooks.global_module_hooks, self, name, value)

    def _assign_tensor(self, name, value):
        """A plain tensor or None: a new or an existing buffer, or an ordinary attribute."""
        buffers = self.__dict__.get("_buffers")
        marked = value is not None and isinstance(value, Buffer)
        if not marked and (buffers is None or name not in buffers):
            object.__setattr__(self, name, value)
            return
        if buffers is None:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        if marked:
            if name in buffers:
                self._forget(name, self._parameters, self._modules)
            options = () if value.persistent else (False,)  # a subclass's register_buffer may not know the option
            self.register_buffer(name, value, *options)
        else:
            buffers[name] = _hooks.run_registration_hooks(_hooks.global_buffer_hooks, self, name, value)

    def __delattr__(self, name):
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __setstate__(self, state):
        self.__dict__.update(state)
        for name in (
            "_forward_pre_hooks",
            "_forward_pre_hooks_with_kwargs",
            "_forward_hooks_with_kwargs",
            "_forward_hooks_always_called",
            "_state_dict_hooks",
            "_state_dict_pre_hooks",
            "_load_state_dict_pre_hooks",
            "_load_state_dict_post_hooks",
            "_backward_pre_hooks",
        ):
            self.__dict__.setdefault(name, OrderedDict())
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self.__dict__.setdefault("_is_full_backward_hook", None)

    def __getstate__(self):
        state = self.__dict__.copy()
        state.pop("_compiled_call_impl", None)
        return state

    def __dir__(self):
        members = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        return sorted(name for name in members if not name[0].isdigit())

    # ---- mode and gradients ---------------------------------------------------------------------------------

    def train(self, mode=True):
        """Set training mode on the module and its children.

        mode (bool). Raises ValueError (training mode is expected to be boolean).

        >>> from framejit import nn
        >>> nn.Dropout().eval().train().training
        True
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Set evaluation mode.

        >>> from framejit import nn
        >>> nn.Dropout().eval().training
        False
        """
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Set whether gradients are recorded for the parameters.

        requires_grad (bool). Raises nothing of its own.

        >>> from framejit import nn
        >>> nn.Linear(1, 1).requires_grad_(False).weight.requires_grad
        False
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Drop, or set to zero, the gradients of all parameters.

        set_to_none (bool). Raises nothing of its own.

        >>> import framejit
        >>> from framejit import nn
        >>> layer = nn.Linear(1, 1)
        >>> layer(framejit.ones(1)).sum().backward()
        >>> layer.zero_grad()
        >>> layer.weight.grad is None
        True
        """
        for parameter in self.parameters():
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

    # ---- printing -------------------------------------------------------------------------------------------

    def _get_name(self):
        return type(self).__name__

    def extra_repr(self):
        """What a subclass shows between the parentheses of its repr.

        >>> from framejit import nn
        >>> nn.Linear(1, 2).extra_repr()
        'in_features=1, out_features=2, bias=True'
        """
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [f"({key}): " + _addindent(repr(module), 2) for key, module in self._modules.items()]
        lines = extra_lines + child_lines
        if not lines:
            return self._get_name() + "()"
        if len(extra_lines) == 1 and not child_lines:
            return f"{self._get_name()}({extra_lines[0]})"
        return self._get_name() + "(\n  " + "\n  ".join(lines) + "\n)"

    # ---- the other concerns ---------------------------------------------------------------------------------

    register_forward_pre_hook = _hooks.register_forward_pre_hook
    register_forward_hook = _hooks.register_forward_hook
    register_full_backward_pre_hook = _hooks.register_full_backward_pre_hook
    register_full_backward_hook = _hooks.register_full_backward_hook
    register_backward_hook = _hooks.register_backward_hook

    get_extra_state = _state.get_extra_state
    set_extra_state = _state.set_extra_state
    _save_to_state_dict = _state._save_to_state_dict
    state_dict = _state.state_dict
    _load_from_state_dict = _state._load_from_state_dict
    load_state_dict = _state.load_state_dict
    register_state_dict_post_hook = _state.register_state_dict_post_hook
    register_state_dict_pre_hook = _state.register_state_dict_pre_hook
    _register_state_dict_hook = _state._register_state_dict_hook
    register_load_state_dict_pre_hook = _state.register_load_state_dict_pre_hook
    _register_load_state_dict_pre_hook = _state._register_load_state_dict_pre_hook
    register_load_state_dict_post_hook = _state.register_load_state_dict_post_hook

    _named_members = _traverse._named_members
    parameters = _traverse.parameters
    named_parameters = _traverse.named_parameters
    buffers = _traverse.buffers
    named_buffers = _traverse.named_buffers
    children = _traverse.children
    named_children = _traverse.named_children
    modules = _traverse.modules
    named_modules = _traverse.named_modules
    get_submodule = _traverse.get_submodule
    set_submodule = _traverse.set_submodule
    get_parameter = _traverse.get_parameter
    get_buffer = _traverse.get_buffer

    _apply = _convert._apply
    apply = _convert.apply
    to = _convert.to
    float = _convert.float
    double = _convert.double
    half = _convert.half
    bfloat16 = _convert.bfloat16
    type = _convert.type
    cpu = _convert.cpu
    cuda = _convert.cuda
    to_empty = _convert.to_empty


def _typename(value):
    from framejit._tensor import typename

    return typename(value)
