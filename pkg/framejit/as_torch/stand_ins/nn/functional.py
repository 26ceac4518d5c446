"""torch.nn.functional: how its functions ask whether an argument answers them itself."""

_NAMES = ("handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")


def __getattr__(name):
    if name in _NAMES:  # imported late: from then on functions ask their arguments
        from framejit import overrides

        return getattr(overrides, name)
    raise AttributeError(name)
