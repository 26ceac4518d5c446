"""Making a module without filling its parameters."""

import inspect

from framejit.autograd.grad_mode import no_grad


def skip_init(module_cls, *args, **kwargs):
    """The module with parameters that hold whatever memory held: for those who load a checkpoint next.

    Raises RuntimeError for a class that is no Module or takes no `device`.

    module_cls (type).

    >>> from framejit import nn
    >>> nn.utils.skip_init(nn.Linear, 2, 3).weight.shape
    framejit.Size([3, 2])
    """
    from framejit.nn.modules.module import Module

    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    # the initialisers are methods of the class: an instance of a subclass without them is what is wanted
    bare = type(module_cls.__name__, (module_cls,), {"reset_parameters": lambda self: None})
    with no_grad():
        module = bare(*args, **kwargs)
    module.__class__ = module_cls
    return module
