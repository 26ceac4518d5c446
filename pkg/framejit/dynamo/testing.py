"""Back ends that count and record, and other helpers for tests of compiled code."""

import functools
import re
import sys
import types
import unittest

from framejit import _C
from framejit._backends import lookup_backend
from framejit._compile import compile

from . import config, control
from .utils import same

__all__ = [
    "AotEagerAndRecordGraphs",
    "CompileCounter",
    "CompileCounterWithBackend",
    "EagerAndRecordGraphs",
    "InductorAndRecordGraphs",
    "check_dynamic_shape_capture",
    "collect_results",
    "empty_line_normalizer",
    "expectedFailureDynamic",
    "expectedFailureDynamicWrapper",
    "extract_graph",
    "make_test_cls_with_patches",
    "normalize_gm",
    "rand_strided",
    "reduce_to_scalar_loss",
    "remove_trailing_space",
    "requires_bwd_pass",
    "reset_rng_state",
    "same",
    "skipIfNotPy311",
    "skipIfNotPy312",
    "skipIfOnlyNotPy312",
    "skipIfPy312",
    "standard_test",
    "strip_comment",
    "unsupported",
    "xfailIfPy312",
]


# ---- back ends --------------------------------------------------------------------------------------------


def _count_calls(gm):
    return sum(node.op.startswith("call") for node in gm.graph.nodes)


class CompileCounter:
    """The eager back end, counting graphs and calls.

    >>> import framejit
    >>> counter = CompileCounter()
    >>> framejit.compile(lambda x: x.sin() + 1, backend=counter)(framejit.zeros(2)).tolist()
    [1.0, 1.0]
    >>> counter.frame_count, counter.op_count
    (1, 2)
    """

    def __init__(self):
        self.clear()

    def __call__(self, gm, example_inputs):
        self.frame_count += 1
        self.op_count += _count_calls(gm)
        return gm.forward

    def clear(self):
        """Count from zero."""
        self.frame_count = 0
        self.op_count = 0


class CompileCounterWithBackend:
    """Another back end, counting and recording graphs.

    backend (str or callable): what compiles. Raises dynamo.exc.InvalidBackend when it is called, for a name nobody
    registered.

    >>> import framejit
    >>> counter = CompileCounterWithBackend("eager")
    >>> _ = framejit.compile(lambda x: x.sin() + 1, backend=counter)(framejit.zeros(2))
    >>> counter.frame_count, counter.op_count, len(counter.graphs)
    (1, 2, 1)
    """

    def __init__(self, backend):
        self.backend = backend
        self.clear()

    def __call__(self, gm, example_inputs):
        self.frame_count += 1
        self.op_count += _count_calls(gm)
        self.graphs.append(gm)
        return lookup_backend(self.backend)(gm, example_inputs)

    def clear(self):
        """Count from zero, forget the graphs."""
        self.frame_count = 0
        self.op_count = 0
        self.graphs = []


class EagerAndRecordGraphs:
    """The eager back end, recording graphs.

    >>> import framejit
    >>> recorder = EagerAndRecordGraphs()
    >>> _ = framejit.compile(lambda x: x.sin(), backend=recorder)(framejit.zeros(2))
    >>> print(recorder.graphs[0].code.strip())
    def forward(self, L_x_):
        l_x_ = L_x_
        sin = l_x_.sin();  l_x_ = None
        return (sin,)
    """

    def __init__(self):
        self.graphs = []

    def __call__(self, gm, example_inputs):
        self.graphs.append(gm)
        return gm.forward


class AotEagerAndRecordGraphs:
    """The back end "aot_eager", recording the graphs that it is given.

    >>> import framejit
    >>> recorder = AotEagerAndRecordGraphs()
    >>> _ = framejit.compile(lambda x: x.sin(), backend=recorder)(framejit.zeros(2))
    >>> len(recorder.graphs)
    1
    """

    backend = "aot_eager"

    def __init__(self):
        self.graphs = []

    def __call__(self, gm, example_inputs):
        self.graphs.append(gm)
        return lookup_backend(self.backend)(gm, example_inputs)


class InductorAndRecordGraphs(AotEagerAndRecordGraphs):
    """The native back end, recording the graphs that it is given.

    >>> import framejit
    >>> recorder = InductorAndRecordGraphs()
    >>> _ = framejit.compile(lambda x: x.sin(), backend=recorder)(framejit.zeros(2))
    >>> len(recorder.graphs)
    1
    """

    backend = "inductor"


# ---- running and comparing --------------------------------------------------------------------------------


def standard_test(self, fn, nargs, expected_ops=None, expected_ops_dynamic=None, expected_frame_count=1):
    """Fails unless fn, called twice with `nargs` random matrices, gives the same compiled and is captured in as many
    graphs and calls as expected.

    self (unittest.TestCase): whose assertions raise. fn (callable), nargs (int): the function and how many 10 x 10
    matrices it takes. expected_ops, expected_ops_dynamic, expected_frame_count (int): calls in the graphs, with sizes
    as constants or as inputs, and graphs. Raises AssertionError, and dynamo.exc.Unsupported for a function that cannot
    be captured whole.

    >>> import unittest
    >>> standard_test(unittest.TestCase(), lambda a, b: a + b * 2, 2, expected_ops=2)
    """
    counter = CompileCounter()
    if not config.assume_static_by_default and expected_ops_dynamic is not None:
        expected_ops = expected_ops_dynamic
    calls = [[_C.randn(10, 10) for _ in range(nargs)] for _ in range(2)]
    expected = []
    for arguments in calls:
        reset_rng_state()
        expected.append(fn(*arguments))
    control.reset()
    compiled = compile(fn, backend=counter, fullgraph=True)
    for arguments, value in zip(calls, expected):
        reset_rng_state()
        self.assertTrue(same(compiled(*arguments), value))
    self.assertEqual(counter.frame_count, expected_frame_count)
    if expected_ops is not None:
        self.assertEqual(counter.op_count, expected_ops)


def extract_graph(fn, *args, **kwargs):
    """The graphs of fn for these arguments, as captured: a list of fx.GraphModule.

    fn (callable): called with args and kwargs. Raises what fn raises.

    >>> import framejit
    >>> len(extract_graph(lambda x: x + 1, framejit.ones(2)))
    1
    """
    recorder = EagerAndRecordGraphs()
    compile(fn, backend=recorder)(*args, **kwargs)
    return recorder.graphs


def rand_strided(size, stride, dtype=None, device="cpu", extra_size=0):
    """A random tensor with that size and those strides; integers are zeros.

    size, stride (sequence of int): elements, and elements to step over, of each dimension. dtype (framejit.dtype):
    float32 by default. device (str): only "cpu". extra_size (int): unused elements behind it. Raises RuntimeError for
    negative strides.

    >>> x = rand_strided((2, 3), (1, 2))
    >>> x.shape, x.stride()
    (framejit.Size([2, 3]), (1, 2))
    """
    dtype = _C.float32 if dtype is None else dtype
    needed = 1 + sum((n - 1) * step for n, step in zip(size, stride)) + extra_size if all(size) else extra_size
    if dtype.is_floating_point:
        flat = _C.randn(needed, dtype=_C.float32).to(dtype)
    else:
        flat = _C.zeros(needed, dtype=dtype)
    return flat.as_strided(size, stride)


def reset_rng_state(use_xla=False):
    """Seed all generators with 1337: framejit's, Python's and, if it is imported, NumPy's.

    use_xla (bool): accepted. Raises nothing of its own.

    >>> import framejit
    >>> reset_rng_state(); x = framejit.rand(2)
    >>> reset_rng_state(); bool((framejit.rand(2) == x).all())
    True
    """
    from framejit.testing._test_case import set_rng_seed

    set_rng_seed(1337)


def reduce_to_scalar_loss(out):
    """A scalar made of all of a result, for `backward()`: the mean, and the mean of means.

    out (Tensor, or a list, tuple or dict of them): the result. Raises NotImplementedError for other types.

    >>> import framejit
    >>> reduce_to_scalar_loss([framejit.ones(2), framejit.zeros(3)])
    tensor(0.5000)
    """
    if isinstance(out, _C.Tensor):
        return out.sum() / out.numel()
    if isinstance(out, (list, tuple)):
        return sum(reduce_to_scalar_loss(x) for x in out) / len(out)
    if isinstance(out, dict):
        return sum(reduce_to_scalar_loss(x) for x in out.values()) / len(out)
    raise NotImplementedError(f"Don't know how to reduce {type(out).__name__}")


def requires_bwd_pass(out):
    """Whether there is a tensor to differentiate in a result.

    out (Tensor, or a list, tuple or dict of them): the result; anything else has none. Raises nothing of its own.

    >>> import framejit
    >>> requires_bwd_pass({"loss": framejit.ones(1, requires_grad=True)}), requires_bwd_pass(3)
    (True, False)
    """
    if isinstance(out, _C.Tensor):
        return out.requires_grad
    if isinstance(out, (list, tuple)):
        return any(map(requires_bwd_pass, out))
    if isinstance(out, dict):
        return any(map(requires_bwd_pass, out.values()))
    return False


def collect_results(model, prediction, loss, example_inputs):
    """What a training step leaves: the prediction, the loss, gradients and buffers, gradients of the inputs.

    model (nn.Module), prediction, loss (object), example_inputs (list): of the step. Raises AttributeError for what is
    no module.

    >>> import framejit
    >>> model, x = framejit.nn.Linear(2, 1), framejit.ones(3, 2)
    >>> loss = model(x).sum(); loss.backward()
    >>> sorted(collect_results(model, None, loss, [x])[2])
    ['bias', 'weight']
    """
    grads = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    inputs = [x.grad for x in example_inputs if isinstance(x, _C.Tensor) and x.grad is not None]
    return [prediction, loss, grads, dict(model.named_buffers()), inputs]


def unsupported(a, b):
    """Breaks the graph and gives b.

    a, b (object): anything. Raises dynamo.exc.Unsupported where it is captured with fullgraph=True.

    >>> unsupported(1, 2)
    2
    """
    control.graph_break()
    return b


# ---- texts ------------------------------------------------------------------------------------------------


def strip_comment(code):
    r"""The text without the lines that are comments.

    code (str): the text; other objects are printed first. Raises nothing of its own.

    >>> strip_comment("# one\nx = 1  # is kept")
    'x = 1  # is kept'
    """
    return re.sub(r"(?m)^ *#.*\n?", "", str(code))


def remove_trailing_space(code):
    r"""The text without blanks at the ends of its lines.

    code (str): the text. Raises AttributeError for other types.

    >>> remove_trailing_space("a  \nb ")
    'a\nb'
    """
    return "\n".join(line.rstrip() for line in code.split("\n"))


def empty_line_normalizer(code):
    r"""The text with runs of empty lines made one.

    code (str): the text; other objects are printed first. Raises nothing of its own.

    >>> empty_line_normalizer("a\n\n\nb")
    'a\nb'
    """
    return re.sub(r"[\r\n]+", "\n", str(code))


def normalize_gm(gm_str):
    r"""The printed form of a graph module without comments, blanks at the ends of lines and runs of empty lines.

    gm_str (str): what `GraphModule.print_readable(print_output=False)` gives. Raises nothing of its own.

    >>> normalize_gm("x = 1 \n\n# one\n\nreturn x")
    'x = 1\n\nreturn x'
    """
    return re.sub(r"\n\n\n+", "\n\n", remove_trailing_space(strip_comment(gm_str)))


def check_dynamic_shape_capture():
    """Whether sizes are inputs by default, which changes what tests expect.

    >>> check_dynamic_shape_capture()
    False
    """
    return not config.assume_static_by_default


# ---- decorators -------------------------------------------------------------------------------------------


def make_test_cls_with_patches(cls, cls_prefix, fn_suffix, *patches, xfail_prop=None, decorator=lambda fn: fn):
    """A copy of a test class whose tests run with switches changed.

    cls (type): the class. cls_prefix, fn_suffix (str): its name and those of its tests get these. patches: tuples
    (config module, name of the switch, value). xfail_prop (str): tests with this attribute are expected to fail.
    decorator (callable): applied to each test. Raises AttributeError for a switch that does not exist.

    >>> import framejit, unittest
    >>> class StepTest(unittest.TestCase):
    ...     def test_limit(self):
    ...         self.assertEqual(framejit.dynamo.config.recompile_limit, 3)
    >>> Small = make_test_cls_with_patches(StepTest, "Small", "_small", (framejit.dynamo.config, "recompile_limit", 3))
    >>> Small.__name__, Small("test_limit_small").run().wasSuccessful()
    ('SmallStepTest', True)
    """
    members = {}
    for name in dir(cls):
        value = getattr(cls, name)
        if name.startswith("test_") and callable(value):
            test = types.FunctionType(
                value.__code__, value.__globals__, value.__name__, value.__defaults__, value.__closure__
            )
            test.__kwdefaults__ = value.__kwdefaults__
            test.__dict__.update(value.__dict__)
            if xfail_prop is not None and hasattr(value, xfail_prop):
                test = unittest.expectedFailure(test)
            for module, key, new in patches:
                test = module.patch(key, new)(test)
            members[name + fn_suffix] = decorator(test)
        elif not hasattr(cls.__base__, name):
            members[name] = vars(cls).get(name, value)
    return type(cls_prefix + cls.__name__, cls.__bases__, members)


def expectedFailureDynamic(fn):
    """Marks a test that fails when sizes are inputs by default, for `make_test_cls_with_patches`. Gives it back.

    fn (function): the test. Raises AttributeError for what cannot have attributes.

    >>> expectedFailureDynamic(lambda: None)._expected_failure_dynamic
    True
    """
    fn._expected_failure_dynamic = True
    return fn


expectedFailureCodegenDynamic = expectedFailureDynamic


def expectedFailureDynamicWrapper(fn):
    """As `expectedFailureDynamic`, for a test that must not be wrapped.

    fn (function): the test. Raises AttributeError for what cannot have attributes.

    >>> expectedFailureDynamicWrapper(lambda: None)._expected_failure_dynamic_wrapper
    True
    """
    fn._expected_failure_dynamic_wrapper = True
    return fn


_SKIP = """Skips a test, with the reason "{reason}", on other versions.

fn (function or class): the test. Raises unittest.SkipTest when it is run there.

>>> {name}(len).__name__
'len'
"""


def _skip_if(name, condition, reason):
    def decorate(fn):
        return unittest.skip(reason)(fn) if condition else fn

    decorate.__name__ = decorate.__qualname__ = name
    decorate.__doc__ = _SKIP.format(name=name, reason=reason)
    return decorate


_MINOR = sys.version_info[:2]
skipIfNotPy311 = _skip_if("skipIfNotPy311", _MINOR < (3, 11), "requires Python 3.11 or later")
skipIfNotPy312 = _skip_if("skipIfNotPy312", _MINOR < (3, 12), "requires Python 3.12 or later")
skipIfOnlyNotPy312 = _skip_if("skipIfOnlyNotPy312", _MINOR != (3, 12), "requires Python 3.12")
skipIfPy312 = _skip_if("skipIfPy312", _MINOR >= (3, 12), "not for Python 3.12 or later")


def xfailIfPy312(fn):
    """Expect a failure on Python 3.12 and later.

    fn (function): the test. Raises AttributeError for what cannot have attributes.

    >>> xfailIfPy312(lambda: None).__name__
    '<lambda>'
    """
    return unittest.expectedFailure(fn) if _MINOR >= (3, 12) else functools.wraps(fn)(fn)
