"""torch.testing._internal.common_utils: the test case, parametrised tests, and what the machine and framejit have."""

import contextlib
import functools
import gc
import importlib.util
import inspect
import os
import platform
import sys
import tempfile
import unittest
import unittest.mock  # programs use it without importing it themselves

import framejit
from framejit.autograd import gradcheck, gradgradcheck
from framejit.testing import make_tensor
from framejit.testing._test_case import SEED, TestCase, run_tests, set_rng_seed

from ._parametrize import (
    _TestParametrizer,
    decorateIf,
    instantiate_parametrized_tests,
    parametrize,
    reparametrize,
    subtest,
)

# ---- where tests run --------------------------------------------------------------------------------------

IS_LINUX = sys.platform == "linux"
IS_MACOS = sys.platform == "darwin"
IS_WINDOWS = sys.platform == "win32"
IS_PPC = platform.processor() == "ppc64le"
IS_ARM64 = IS_CPU_EXT_SVE_SUPPORTED = False
IS_X86 = platform.machine() in ("x86_64", "i386")
IS_S390X = platform.machine() == "s390x"
IS_JETSON = IS_FBCODE = IS_SANDCASTLE = IS_REMOTE_GPU = IS_CI = IS_FLATBUFFER_AVAILABLE = False
NATIVE_DEVICES = ("cpu",)
ALLOW_XLA_FALLBACK = True

# ---- what framejit has ------------------------------------------------------------------------------------

TEST_CUDA = TEST_MULTIGPU = TEST_CUDA_GRAPH = TEST_CUDNN = TEST_MPS = TEST_XPU = TEST_HPU = TEST_MULTIACCELERATOR = (
    False
)
TEST_ACCELERATOR = TEST_PRIVATEUSE1 = TEST_MKL = TEST_MKLDNN = TEST_CUDA_PYTHON_BINDINGS = (
    TEST_WITH_MIOPEN_SUGGEST_NHWC
) = False
TEST_WITH_ROCM = TEST_WITH_ASAN = TEST_WITH_TSAN = TEST_WITH_UBSAN = TEST_WITH_DEV_DBG_ASAN = TEST_WITH_SLOW = False
TEST_WITH_TORCHDYNAMO = TEST_WITH_TORCHINDUCTOR = TEST_WITH_CROSSREF = TEST_WITH_AOT_EAGER = TEST_SAVE_XML = False
TEST_SKIP_FAST = TEST_WITH_HYPOTHESIS = TEST_LIBROSA = TEST_OPT_EINSUM = BUILD_WITH_CAFFE2 = HAS_CUDNN = False
PRINT_REPRO_ON_FAILURE = TEST_IN_SUBPROCESS = False
TEST_NUMPY = importlib.util.find_spec("numpy") is not None
TEST_SCIPY = importlib.util.find_spec("scipy") is not None
TEST_NUMBA = importlib.util.find_spec("numba") is not None
TEST_DILL = importlib.util.find_spec("dill") is not None
TEST_Z3 = importlib.util.find_spec("z3") is not None
GRADCHECK_NONDET_TOL = 0.0
TestEnvironment = None
dtype2prec_DONTUSE = {framejit.float32: 1e-5, framejit.float64: 1e-5, framejit.float16: 1e-2, framejit.bfloat16: 1e-1}

# ---- decorators -------------------------------------------------------------------------------------------


def _skip_never(*args, **kwargs):
    """A skip for a situation that does not arise here; used with or without arguments."""
    if len(args) == 1 and not kwargs and (inspect.isfunction(args[0]) or inspect.isclass(args[0])):
        return args[0]
    return lambda fn: fn


def _skip_always(reason):
    return lambda fn=None, *args, **kwargs: unittest.skip(reason)(fn) if callable(fn) else unittest.skip(reason)


skipIfTorchDynamo = skipIfTorchInductor = skipIfRocm = skipIfMPS = skipIfMps = skipIfWindows = skipIfXpu = _skip_never
xfailIfTorchDynamo = xfailIfS390X = xfailIf = skipIfCrossRef = skipIfLegacyJitExecutor = skipIfTBB = _skip_never
skipIfRocmVersionLessThan = skipIfNotMiopenSuggestNHWC = skipIfHpu = xfailIfLinux = skipIfS390X = _skip_never
markDynamoStrictTest = dontRunInCI = serialTest = skip_exception_type = skipCPUIf = noarchTest = _skip_never
wrapDeterministicFlagAPITest = skipIfSlowGradcheckEnv = gcIfJetson = dynamo_skip = _skip_never
dont_convert = unMarkDynamoStrictTest = torchdynamoStrict = skipIfNNModuleInlined = _skip_never
slowTest = slowTestIf = _skip_always("slow test")
slowAwareTest = runOnRocm = runOnRocmArch = _skip_always("not for this device")
skipIfNoLapack = skipIfNoQNNPACK = _skip_never
skipIfNoSciPy = unittest.skipIf(not TEST_SCIPY, "test requires SciPy, but SciPy not found")
skipIfNoDill = unittest.skipIf(not TEST_DILL, "no dill")
skipIfNoXNNPACK = unittest.skip("XNNPACK is not there")
skipIfOnGHA = skipIfUnsupportedMinOpsetVersion = _skip_never


def suppress_warnings(fn):
    """Without warnings."""

    @functools.wraps(fn)
    def wrapped(*args, **kwargs):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fn(*args, **kwargs)

    return wrapped


def xfail_inherited_tests(tests):
    """Marks inherited tests of a class as expected failures."""

    def deco(cls):
        for name in tests:
            setattr(cls, name, unittest.expectedFailure(lambda self, run=getattr(cls, name): run(self)))
        return cls

    return deco


def skip_but_pass_in_sandcastle(reason):
    """A skip."""
    return unittest.skip(reason)


def skip_but_pass_in_sandcastle_if(condition, reason):
    """A skip on a condition."""
    return unittest.skipIf(condition, reason)


skipIfTorchDynamoFailTest = _skip_never


def retry(ExceptionToCheck, tries=3, delay=3, skip_after_retries=False):
    """The function as it is."""
    return lambda fn: fn


# ---- contexts ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def freeze_rng_state():
    """The generator is afterwards where it was."""
    state = framejit.get_rng_state()
    try:
        yield
    finally:
        framejit.set_rng_state(state)


@contextlib.contextmanager
def set_default_dtype(dtype):
    """Another default dtype for a while."""
    before = framejit.get_default_dtype()
    try:
        framejit.set_default_dtype(dtype)
        yield
    finally:
        framejit.set_default_dtype(before)


@contextlib.contextmanager
def disable_gc():
    """Without cyclic garbage collection."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def TemporaryFileName(*args, **kwargs):
    """The name of a file that is removed afterwards."""
    kwargs.pop("delete", None)
    handle = tempfile.NamedTemporaryFile(*args, delete=False, **kwargs)
    try:
        handle.close()
        yield handle.name
    finally:
        os.unlink(handle.name)


@contextlib.contextmanager
def TemporaryDirectoryName(suffix=None):
    """The name of a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(suffix=suffix) as name:
        yield name


# ---- other helpers ----------------------------------------------------------------------------------------


def compare_equal_outs_and_grads(test, m1, m2, inps):
    """Two functions have the same results and gradients."""

    def clones():
        return [
            x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, framejit.Tensor) else x for x in inps
        ]

    first, second = clones(), clones()
    r1, r2 = m1(*first), m2(*second)
    test.assertEqual(r1, r2)
    if isinstance(r1, framejit.Tensor) and r1.requires_grad:
        r1.sum().backward()
        r2.sum().backward()
        for a, b in zip(first, second):
            if isinstance(a, framejit.Tensor):
                test.assertEqual(a.grad, b.grad)


def munge_exc(e, *, suppress_suffix=True, suppress_prefix=True, file=None, skip=0):
    """The text of an exception without what differs between machines."""
    import re

    text = re.sub(r'File "([^"]+)", line \d+', lambda m: f'File "{os.path.basename(m[1])}", line N', str(e))
    text = re.sub(r"0x[0-9a-f]+", "<addr>", text)
    return text.partition("\n\nSet TORCH")[0] if suppress_suffix else text


def get_function_arglist(func):
    """The names of a function's parameters."""
    return list(inspect.signature(func).parameters)


def numpy_to_torch_dtype(np_dtype):
    """The dtype of NumPy's."""
    return getattr(framejit, {"bool": "bool"}.get(str(np_dtype), str(np_dtype)))


def load_tests(loader, tests, pattern):
    """All of them."""
    return tests


def is_iterable_of_tensors(iterable):
    """Whether it can be iterated and gives tensors only."""
    try:
        return all(isinstance(t, framejit.Tensor) for t in iterable)
    except TypeError:
        return False


def noncontiguous_like(t):
    """The same elements in a tensor that is not contiguous."""
    if not t.is_contiguous():
        return t
    wide = framejit.stack([t.detach(), t.detach()], -1)
    return wide[..., 0].requires_grad_(t.requires_grad)


def torch_to_numpy_dtype_dict():
    """Our dtypes' counterparts in NumPy."""
    import numpy

    names = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
    return {getattr(framejit, name): getattr(numpy, "bool_" if name == "bool" else name) for name in names}


def _assertGradAndGradgradChecks(test_case, apply_fn, inputs, **kwargs):
    test_case.assertTrue(gradcheck(apply_fn, inputs, **kwargs))
    test_case.assertTrue(gradgradcheck(apply_fn, inputs, **kwargs))


class NestedTensorTestCase(TestCase):
    """A TestCase."""


def find_library_location(lib_name):
    """The library of framejit: it stands for those of PyTorch's build."""
    from pathlib import Path

    return Path(framejit._C.__file__)
