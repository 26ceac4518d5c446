"""torch.testing._internal.common_device_type: tests of a class, made once for each device; here for the CPU."""

import collections
import functools
import inspect
import types
import unittest

import framejit

from ._parametrize import _TestParametrizer, decorations, instances
from .common_utils import _skip_always, _skip_never

TEST_WITH_ROCM = False
tol = collections.namedtuple("tol", ("atol", "rtol"))


def instantiate_device_type_tests(generic_test_class, scope, except_for=None, only_for=None, **ignored):
    """Puts `<class>CPU` with the tests of the class into `scope` and takes the class out of it."""
    scope.pop(generic_test_class.__name__, None)
    if only_for is not None and "cpu" not in _names(only_for) or except_for is not None and "cpu" in _names(except_for):
        return
    members = {"device_type": "cpu", "get_primary_device": classmethod(lambda cls: "cpu"), "__module__": None}
    members["__module__"] = generic_test_class.__module__
    for name in dir(generic_test_class):
        test = inspect.getattr_static(generic_test_class, name)
        if name.startswith("test"):
            members[name] = None  # the generic ones do not run
            for made, function in _instances(name, test, generic_test_class):
                members[made] = function
    cls = type(generic_test_class.__name__ + "CPU", (generic_test_class,), members)
    scope[cls.__name__] = cls


def _names(names):
    return (names,) if isinstance(names, str) else tuple(names)


def _instances(name, test, generic_cls):
    dtypes = getattr(test, "_dtypes", {})
    derived = any(isinstance(p, _TestParametrizer) for p in getattr(test, "_parametrizations", ()))
    for suffix, parameters, decorators in instances(test, generic_cls, types.SimpleNamespace(device_type="cpu")):
        full = "_".join(filter(None, (name, suffix, "cpu")))
        decorators = [*decorators, *decorations(test, parameters)]
        for chosen in dtypes.get("cpu", dtypes.get("all", ())):
            given = {**parameters, "dtypes" if isinstance(chosen, tuple) else "dtype": chosen}
            yield f"{full}_{_dtype_names(chosen)}", _with(test, given, decorators)
        if not dtypes:
            if derived and "dtype" in parameters:
                full += "_" + _dtype_names(parameters["dtype"])
            yield full, _with(test, parameters, decorators)


def _dtype_names(chosen):
    return "_".join(str(t).rpartition(".")[2] for t in (chosen if isinstance(chosen, tuple) else (chosen,)))


def _with(test, parameters, decorators):
    takes = inspect.signature(test).parameters

    @functools.wraps(test)
    def instance(self):
        given = {"device": "cpu", **parameters} if "device" in takes else parameters
        return test(self, **given)

    del instance.__wrapped__
    instance.__dict__.pop("_parametrizations", None)
    for decorator in decorators:
        instance = decorator(instance)
    return instance


class dtypes:
    """The dtypes, or tuples of them, that a test is made for."""

    def __init__(self, *args, device_type="all"):
        self.args = [tuple(a) if isinstance(a, (list, tuple)) else a for a in args]
        self.device_type = device_type

    def __call__(self, fn):
        fn.__dict__.setdefault("_dtypes", {})[self.device_type] = [
            d for d in self.args if all(isinstance(t, framejit.dtype) for t in (d if isinstance(d, tuple) else (d,)))
        ]
        return fn


def dtypesIfCPU(*args):
    """The same for the CPU."""
    return dtypes(*args, device_type="cpu")


class ops:
    """The operators that a test is made for; without a list of them it is skipped."""

    def __init__(self, op_list, **ignored):
        self.op_list = op_list

    def __call__(self, fn):
        return unittest.skip("there is no op_db")(fn)


def onlyCPU(fn):
    """fn"""
    return fn


def get_all_device_types():
    """["cpu"]"""
    return ["cpu"]


def largeTensorTest(size, device=None, inductor=False):
    """A skip: the machine's memory is not measured."""
    return unittest.skip("needs a lot of memory")


dtypesIfCUDA = dtypesIfMPS = dtypesIfXPU = dtypesIfHPU = precisionOverride = toleranceOverride = _skip_never
skipMPS = skipMeta = skipXLA = skipCUDAIf = skipCUDAIfRocm = skipCUDAIfNotRocm = skipCUDAIfNoCudnn = skipGPUIf = (
    _skip_never
)
skipCUDAIfCudnnVersionLessThan = skipCPUIfNoLapack = skipCPUIfNoMkl = skipCPUIfNoFFT = skipCUDAIfNoMagma = _skip_never
expectedFailureMeta = expectedFailureMPS = expectedFailureXLA = expectedFailureCUDA = onlyNativeDeviceTypes = (
    _skip_never
)
skipIf = skipMPSIf = skipXPU = skipXPUIf = skipHPU = skipPRIVATEUSE1 = onlyNativeDeviceTypesAnd = skipLazy = _skip_never
expectedFailureXPU = expectedFailureHPU = onlyOn = _skip_never
onlyCUDA = onlyMPS = onlyXPU = onlyAccelerator = onlyCUDAAndPRIVATEUSE1 = onlyPRIVATEUSE1 = _skip_always(
    "needs a device"
)
deviceCountAtLeast = lambda count: unittest.skip("needs several devices")
