"""Parametrised tests: `@parametrize("x", [1, 2])` under a class given to `instantiate_parametrized_tests`."""

import functools

import framejit


class subtest:
    """One set of parameters with a name of its own and decorators for the test that it makes."""

    def __init__(self, arg_values, name=None, decorators=None):
        self.arg_values, self.name, self.decorators = arg_values, name, decorators or []


class decorateIf:
    """Decorates those instances of a parametrised test whose parameters a predicate takes."""

    def __init__(self, decorator, predicate_fn):
        self.decorator, self.predicate = decorator, predicate_fn

    def __call__(self, fn):
        fn.__dict__.setdefault("_decorate_if", []).append(self)
        return fn


class parametrize:
    """Makes a test one for each value, or tuple of values for several names, separated by commas."""

    def __init__(self, arg_str, arg_values, name_fn=None):
        self.names = [name.strip() for name in arg_str.split(",") if name.strip()]
        self.values, self.name_fn = arg_values, name_fn

    def __call__(self, fn):
        fn.__dict__.setdefault("_parametrizations", []).append(self)
        return fn

    def instances(self):
        """(name, parameters, decorators) of each."""
        for index, value in enumerate(self.values):
            given = value if isinstance(value, subtest) else subtest(value)
            values = given.arg_values
            if len(self.names) == 1:
                values = (values,)
            yield self._name(given, values, index), dict(zip(self.names, values)), given.decorators

    def _name(self, given, values, index):
        if given.name is not None:
            return given.name
        if self.name_fn is not None:
            return self.name_fn(*values)
        return "_".join(_text(name, value, index) for name, value in zip(self.names, values))


class _TestParametrizer:
    """What PyTorch's own decorators of this kind derive from; they make tests of classes for devices."""

    def _parametrize_test(self, test, generic_cls, device_cls):
        """Yields (test, name, parameters, function of parameters that gives decorators)."""
        raise NotImplementedError

    def __call__(self, fn):
        fn.__dict__.setdefault("_parametrizations", []).append(self)
        return fn


def _text(name, value, index):
    if isinstance(value, framejit.dtype):
        return str(value).rpartition(".")[2]
    if isinstance(value, framejit.device):
        return str(value)
    if isinstance(value, (int, float, str)):
        return f"{name}_{str(value).replace('.', '_')}"
    return f"{name}{index}"


def _derived_instances(parametrizer, test, generic_cls, device_cls):
    for _, name, parameters, decorators in parametrizer._parametrize_test(test, generic_cls, device_cls):
        yield name, parameters, decorators(parameters)


def instances(test, generic_cls=None, device_cls=None):
    """(name, parameters, decorators) of each combination; the names stand in the decorators' order in the source."""
    sets = [("", {}, [])]
    for parametrization in getattr(test, "_parametrizations", ()):
        if isinstance(parametrization, _TestParametrizer):
            made = list(_derived_instances(parametrization, test, generic_cls, device_cls))
        else:
            made = list(parametrization.instances())
        sets = [("_".join(filter(None, (b, a))), {**p, **q}, [*d, *e]) for a, p, d in sets for b, q, e in made]
    return sets


def reparametrize(parametrizer, adapter_fn):
    """Parametrisations made of others are not supported."""
    raise NotImplementedError("reparametrize")


def instantiate_parametrized_tests(generic_cls):
    """Replaces each parametrised test of a class by its instances; gives the class back."""
    for name, test in list(vars(generic_cls).items()):
        if not getattr(test, "_parametrizations", None):
            continue
        delattr(generic_cls, name)
        for suffix, parameters, decorators in instances(test):
            _add_instance(generic_cls, "_".join(filter(None, (name, suffix))), test, parameters, decorators)
    return generic_cls


def _add_instance(cls, name, test, parameters, decorators):
    @functools.wraps(test)
    def instance(self, *args, **kwargs):
        return test(self, *args, **parameters, **kwargs)

    del instance.__wrapped__  # its parameters are no fixtures
    instance.__dict__.pop("_parametrizations", None)
    for decorator in [*decorators, *decorations(test, parameters)]:
        instance = decorator(instance)
    instance.__name__ = name
    setattr(cls, name, instance)


def decorations(test, parameters):
    """Decorators that `decorateIf` gave to the test for these parameters."""
    return [d.decorator for d in getattr(test, "_decorate_if", ()) if d.predicate(parameters)]
