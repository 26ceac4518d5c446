"""torch.nn.functional: how its functions ask whether an argument answers them itself."""

from framejit import _C


def has_torch_function(args):
    """Whether one of the arguments is no tensor but answers functions of tensors."""
    return any(hasattr(type(arg), "__torch_function__") and type(arg) is not _C.Tensor for arg in args)


def has_torch_function_unary(arg):
    """The same of one argument."""
    return has_torch_function((arg,))


def has_torch_function_variadic(*args):
    """The same of several."""
    return has_torch_function(args)


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """Has the first of these arguments that answers answer the function."""
    for arg in relevant_args:
        if has_torch_function((arg,)):
            return arg.__torch_function__(public_api, (type(arg),), args, kwargs)
    raise TypeError(f"no argument answers {public_api}")
