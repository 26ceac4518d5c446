"""Parametrised tests: `@parametrize("x", [1, 2])` under a class given to `instantiate_parametrized_tests`."""

import functools
import itertools

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
        return "_".join(f"{name}_{_text(value, index)}" for name, value in zip(self.names, values))


def _text(value, index):
    if isinstance(value, framejit.dtype):
        return str(value).rpartition(".")[2]
    if isinstance(value, (int, float, str, bool)) or value is None:
        return (
            str(value).replace(".", "_").replace(" ", "_").replace("-", "minus_" if isinstance(value, float) else "-")
        )
    return getattr(value, "__name__", None) or str(index)


def reparametrize(parametrizer, adapter_fn):
    """Parametrisations made of others are not supported."""
    raise NotImplementedError("reparametrize")


def instantiate_parametrized_tests(generic_cls):
    """Replaces each parametrised test of a class by its instances; gives the class back."""
    for name, test in list(vars(generic_cls).items()):
        parametrizations = getattr(test, "_parametrizations", None)
        if not parametrizations:
            continue
        delattr(generic_cls, name)
        for combination in itertools.product(*(list(p.instances()) for p in reversed(parametrizations))):
            _add_instance(generic_cls, name, test, combination[::-1])
    return generic_cls


def _add_instance(cls, name, test, combination):
    parameters, names, decorators = {}, [], []
    for part, values, more in combination:
        names.append(part)
        parameters.update(values)
        decorators.extend(more)

    @functools.wraps(test)
    def instance(self, *args, **kwargs):
        return test(self, *args, **parameters, **kwargs)

    del instance.__wrapped__  # its parameters are no fixtures
    instance.__dict__.pop("_parametrizations", None)
    decorators += [d.decorator for d in getattr(test, "_decorate_if", ()) if d.predicate(parameters)]
    for decorator in decorators:
        instance = decorator(instance)
    full = "_".join([name, *filter(None, names)])
    instance.__name__ = full
    setattr(cls, full, instance)
