"""Functions compiled ahead of the first call: `CompiledFunction.aot_compile`, and files of what it gives."""

import numbers

from framejit import _C
from framejit._compile import compile
from framejit.utils import _pytree as pytree


class AOTCompiledFunction:
    """A function that was captured whole for arguments like given ones. It is never captured again: other arguments are an
    error. `CompiledFunction.aot_compile` makes it.

    module (fx.GraphModule): what was captured. expected (list): for each leaf of the arguments what it must be. spec
    (TreeSpec): how they are nested. name (str): the function's. Raises RuntimeError when it is called with arguments that
    are not like those.

    >>> import framejit
    >>> f = framejit.compile(lambda x, n: x * n, fullgraph=True).aot_compile(((framejit.ones(2), 3), {}))
    >>> f(framejit.arange(2.0), 3)
    tensor([0., 3.])
    >>> f(framejit.arange(2.0), 4)
    Traceback (most recent call last):
        ...
    RuntimeError: <lambda> was compiled ahead of time for other arguments: leaf 1 is 4, not 3
    """

    def __init__(self, module, expected, spec, name):
        self._state = (module, expected, spec, name)
        self._expected, self._spec, self.__name__ = expected, spec, name
        self._run = compile(module, fullgraph=True, dynamic=False)
        self._check = True

    def __call__(self, *args, **kwargs):
        if self._check:
            leaves, spec = pytree.tree_flatten((args, kwargs))
            if spec != self._spec:
                self._refuse(f"their structure is {spec}, not {self._spec}")
            for i, (leaf, expected) in enumerate(zip(leaves, self._expected)):
                found = describe(leaf)
                if found != expected:
                    self._refuse(f"leaf {i} is {_text(found)}, not {_text(expected)}")
        return self._run(*args, **kwargs)

    def _refuse(self, why):
        raise RuntimeError(f"{self.__name__} was compiled ahead of time for other arguments: {why}")

    def disable_guard_check(self):
        """From now on arguments are not looked at: whoever calls it vouches for them."""
        self._check = False

    def save_compiled_function(self, path, external_data=None):
        """Write it to a file, for `compiler.load_compiled_function`. path (str). external_data (dict): nothing is left out
        of the file, so it must be empty."""
        if external_data:
            raise NotImplementedError("save_compiled_function: external_data is not supported")
        from framejit.serialization import save

        save({"aot_function": self._state}, path)


def describe(leaf):
    """What of an argument the captured code relies on: of a tensor its kind and sizes, of a plain value the value."""
    if isinstance(leaf, _C.Tensor):
        return ("tensor", str(leaf.dtype), tuple(leaf.shape), tuple(leaf.stride()), leaf.requires_grad)
    if leaf is None or isinstance(leaf, (numbers.Number, str, bytes)):
        return ("value", type(leaf).__name__, leaf)
    return ("object", type(leaf).__qualname__)


def _text(described):
    kind, *rest = described
    if kind == "tensor":
        dtype, shape, stride, grad = rest
        return f"a tensor of {dtype} with shape {shape}, strides {stride}, requires_grad {grad}"
    return repr(rest[1]) if kind == "value" else f"of type {rest[0]}"


def aot_compile(compiled, example_inputs):
    """Captures the function of a CompiledFunction for arguments like these: a pair of a tuple and a dict."""
    from framejit.dynamo import exc
    from framejit.dynamo._export import export

    args, kwargs = example_inputs
    try:
        module = export(compiled.__wrapped__)(*args, **kwargs).graph_module
    except exc.Unsupported as error:
        raise RuntimeError("Graph breaks are not supported with aot compile.") from error
    leaves, spec = pytree.tree_flatten((tuple(args), dict(kwargs)))
    return AOTCompiledFunction(module, [describe(leaf) for leaf in leaves], spec, compiled.__name__)


def load_compiled_function(file, *, f_globals=None, external_data=None):
    """The function that `save_compiled_function` wrote, ready to be called.

    file (io.IOBase): opened for reading bytes; it is read with pickle, so take only files that you trust. f_globals,
    external_data (dict): accepted, nothing is looked up in them. Raises RuntimeError for a file of something else.

    >>> import framejit, os, tempfile
    >>> f = framejit.compile(lambda x: x * 2, fullgraph=True).aot_compile(((framejit.ones(2),), {}))
    >>> path = os.path.join(tempfile.mkdtemp(), "f.pt")
    >>> f.save_compiled_function(path)
    >>> with open(path, "rb") as file:
    ...     framejit.compiler.load_compiled_function(file)(framejit.ones(2))
    tensor([2., 2.])
    """
    from framejit.serialization import load

    found = load(file, weights_only=False)
    if not isinstance(found, dict) or "aot_function" not in found:
        raise RuntimeError("load_compiled_function: the file holds no compiled function")
    return AOTCompiledFunction(*found["aot_function"])
