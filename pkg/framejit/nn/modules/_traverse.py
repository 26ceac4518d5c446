"""Module's walks over its tree: parameters, buffers, children, modules, and look-ups by dotted path."""


def _named_members(self, get_members, prefix="", recurse=True, remove_duplicate=True):
    """Pairs (dotted name, member) of the modules under `self`; an object reached twice is given once."""
    seen = set()
    modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
    for module_prefix, module in modules:
        for name, value in get_members(module):
            if value is None or value in seen:
                continue
            if remove_duplicate:
                seen.add(value)
            yield (module_prefix + "." if module_prefix else "") + name, value


def parameters(self, recurse=True):
    """The module's parameters, and its children's.

    recurse (bool). Raises nothing of its own.

    >>> from framejit import nn
    >>> [p.shape for p in nn.Linear(3, 2).parameters()]
    [framejit.Size([2, 3]), framejit.Size([2])]
    """
    for _, parameter in self.named_parameters(recurse=recurse):
        yield parameter


def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
    """Pairs (dotted name, parameter).

    prefix (str), recurse, remove_duplicate (bool). Raises nothing of its own.

    >>> from framejit import nn
    >>> [name for name, _ in nn.Sequential(nn.Linear(1, 1)).named_parameters()]
    ['0.weight', '0.bias']
    """
    yield from self._named_members(
        lambda module: module._parameters.items(), prefix=prefix, recurse=recurse, remove_duplicate=remove_duplicate
    )


def buffers(self, recurse=True):
    """The module's buffers, and its children's.

    recurse (bool). Raises nothing of its own.

    >>> from framejit import nn
    >>> [b.shape for b in nn.BatchNorm1d(2).buffers()]
    [framejit.Size([2]), framejit.Size([2]), framejit.Size([])]
    """
    for _, buffer in self.named_buffers(recurse=recurse):
        yield buffer


def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
    """Pairs (dotted name, buffer).

    prefix (str), recurse, remove_duplicate (bool). Raises nothing of its own.

    >>> from framejit import nn
    >>> [name for name, _ in nn.BatchNorm1d(2).named_buffers()]
    ['running_mean', 'running_var', 'num_batches_tracked']
    """
    yield from self._named_members(
        lambda module: module._buffers.items(), prefix=prefix, recurse=recurse, remove_duplicate=remove_duplicate
    )


def children(self):
    """The immediate submodules.

    >>> from framejit import nn
    >>> [type(m).__name__ for m in nn.Sequential(nn.Linear(1, 1), nn.ReLU()).children()]
    ['Linear', 'ReLU']
    """
    for _, module in self.named_children():
        yield module


def named_children(self):
    """Pairs (name, immediate submodule).

    >>> from framejit import nn
    >>> [name for name, _ in nn.Sequential(nn.Linear(1, 1)).named_children()]
    ['0']
    """
    seen = set()
    for name, module in self._modules.items():
        if module is not None and module not in seen:
            seen.add(module)
            yield name, module


def modules(self, remove_duplicate=True):
    """The module itself and all submodules, depth first.

    remove_duplicate (bool). Raises nothing of its own.

    >>> from framejit import nn
    >>> [type(m).__name__ for m in nn.Sequential(nn.Linear(1, 1)).modules()]
    ['Sequential', 'Linear']
    """
    for _, module in self.named_modules(remove_duplicate=remove_duplicate):
        yield module


def named_modules(self, memo=None, prefix="", remove_duplicate=True):
    """Pairs (dotted name, module), the module itself first under the name `prefix`.

    memo (set or None), prefix (str), remove_duplicate (bool). Raises nothing of its own.

    >>> from framejit import nn
    >>> [name for name, _ in nn.Sequential(nn.Sequential(nn.ReLU())).named_modules()]
    ['', '0', '0.0']
    """
    memo = set() if memo is None else memo
    if self in memo:
        return
    if remove_duplicate:
        memo.add(self)
    yield prefix, self
    for name, module in self._modules.items():
        if module is not None:
            yield from module.named_modules(memo, prefix + ("." if prefix else "") + name, remove_duplicate)


# ---- dotted paths -----------------------------------------------------------------------------------------


def get_submodule(self, target):
    """The submodule at a dotted path; the empty path is the module itself.

    target (str). Raises AttributeError (… has no attribute `…`; `…` is not an nn.Module).

    >>> from framejit import nn
    >>> nn.Sequential(nn.Linear(1, 2), nn.ReLU()).get_submodule("1")
    ReLU()
    """
    from .module import Module

    module = self
    for name in target.split(".") if target else ():
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        module = getattr(module, name)
        if not isinstance(module, Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
    return module


def set_submodule(self, target, module, strict=False):
    """Put `module` at a dotted path; with `strict` something must be there already.

    target (str), module (nn.Module), strict (bool). Raises ValueError (Cannot set the submodule without a target
    name!; `module` is not an nn.Module, found …), AttributeError (… has no attribute `…`).

    >>> from framejit import nn
    >>> net = nn.Sequential(nn.Linear(1, 2), nn.ReLU())
    >>> net.set_submodule("1", nn.Tanh())
    >>> net[1]
    Tanh()
    """
    from .module import Module

    if target == "":
        raise ValueError("Cannot set the submodule without a target name!")
    *path, name = target.split(".")
    if not isinstance(module, Module):
        raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
    parent = self.get_submodule(".".join(path))
    if strict and not hasattr(parent, name):
        raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
    setattr(parent, name, module)


def get_parameter(self, target):
    """The parameter at a dotted path.

    target (str). Raises AttributeError (… has no attribute `…`; `…` is not an nn.Parameter).

    >>> from framejit import nn
    >>> nn.Sequential(nn.Linear(1, 2)).get_parameter("0.bias").shape
    framejit.Size([2])
    """
    from framejit.nn.parameter import Parameter

    path, _, name = target.rpartition(".")
    module = self.get_submodule(path)
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    parameter = getattr(module, name)
    if not isinstance(parameter, Parameter):
        raise AttributeError(f"`{name}` is not an nn.Parameter")
    return parameter


def get_buffer(self, target):
    """The buffer at a dotted path.

    target (str). Raises AttributeError (… has no attribute `…`; `…` is not a buffer).

    >>> from framejit import nn
    >>> nn.Sequential(nn.BatchNorm1d(2)).get_buffer("0.running_mean")
    tensor([0., 0.])
    """
    path, _, name = target.rpartition(".")
    module = self.get_submodule(path)
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    if name not in module._buffers:
        raise AttributeError(f"`{name}` is not a buffer")
    return module._buffers[name]
