"""torch.testing._internal.common_methods_invocations: descriptions of operators, of which there are none here."""

op_db = []


class SampleInput:
    """One call: the first argument, and the others."""

    def __init__(self, input, *var_args, args=None, kwargs=None, output_process_fn_grad=None, name="", **var_kwargs):
        self.input = input
        self.args = tuple(args) if args is not None else var_args
        self.kwargs = dict(kwargs) if kwargs is not None else var_kwargs
        self.output_process_fn_grad = output_process_fn_grad or (lambda x: x)
        self.name = name


class DecorateInfo:
    """A decorator of some tests of an operator."""

    def __init__(self, decorators, cls_name=None, test_name=None, *, device_type=None, dtypes=None, active_if=True):
        self.decorators = list(decorators) if isinstance(decorators, (list, tuple)) else [decorators]
        self.cls_name, self.test_name = cls_name, test_name
        self.device_type, self.dtypes, self.active_if = device_type, dtypes, active_if

    def is_active(self, cls_name, test_name, device_type, dtype, param_kwargs):
        """Whether it is meant for that test; None stands for all."""
        pairs = ((self.cls_name, cls_name), (self.test_name, test_name), (self.device_type, device_type))
        active = self.active_if(param_kwargs) if callable(self.active_if) else self.active_if
        return (
            bool(active)
            and all(wanted in (None, given) for wanted, given in pairs)
            and (self.dtypes is None or dtype in self.dtypes)
        )


class OpInfo:
    """What tests know of an operator."""

    def __init__(self, name, **described):
        self.name = name
        self.variant_test_name = ""
        self.__dict__.update(described)
