"""script, and what belongs to it: which Python functions are compiled, and marks on those that are not to be."""

import ast
import inspect
import textwrap
import types as python_types

from framejit.nn import Module

from . import annotations
from . import types as T
from .boundary import entry
from .check import Checker
from .errors import Source
from .functions import Function
from .resolve import PythonNames

_KEPT = "_framejit_jit_function"  # attribute of a Python function: the Function made of it, gone when it goes
_overloaded = {}  # qualified name -> [functions]


class ScriptFunction:
    """A scripted or traced function; `script` and `trace` make it.

    It is called as the function that it was made of, and runs what was generated from the checked code.

    function (Function of this package), original (callable or None). Raises RuntimeError when it is called with what does not fit.

    >>> import framejit
    >>> @framejit.jit.script
    ... def twice(x):
    ...     return x + x
    >>> twice(framejit.ones(2))
    tensor([2., 2.])
    >>> print(twice.code)
    def twice(x: Tensor) -> Tensor:
      return torch.add(x, x)
    """

    def __init__(self, function, original=None):
        self._function, self._original = function, original
        self._call = entry(function)
        self.__name__, self.__qualname__ = function.name, function.name
        self.__doc__ = getattr(original, "__doc__", None)
        self.__module__ = getattr(original, "__module__", "framejit.jit")

    def __call__(self, *args, **kwargs):
        return self._call(*args, **kwargs)

    def __get__(self, obj, owner=None):
        return self if obj is None else python_types.MethodType(self, obj)

    @property
    def name(self):
        """The function's name."""
        return self._function.name

    @property
    def qualified_name(self):
        """Its full name in an archive."""
        return self._function.qualname

    @property
    def schema(self):
        """Its signature as text: `f(Tensor x) -> Tensor`."""
        return self._function.declaration()

    @property
    def code(self):
        """The checked code as TorchScript."""
        from .printer import code_of

        return code_of(self._function)[0]

    @property
    def code_with_constants(self):
        """The code, and the tensors that it names as CONSTANTS."""
        from .printer import code_of

        return code_of(self._function)

    @property
    def graph(self):
        """The checked code as a graph."""
        from .graph import graph_of

        return graph_of(self._function)

    inlined_graph = graph

    def graph_for(self, *args, **kwargs):
        """The graph; it does not depend on the arguments."""
        return self.graph

    def save(self, f, _extra_files=None):
        """Write an archive that `load` and PyTorch read. f (str, path or binary file object), _extra_files (dict or None)."""
        from .archive_writer import save_function

        save_function(self, f, _extra_files)

    def save_to_buffer(self):
        """The archive as bytes."""
        import io

        buffer = io.BytesIO()
        self.save(buffer)
        return buffer.getvalue()

    def __getattr__(self, name):
        original = self.__dict__.get("_original")
        if original is not None and not name.startswith("__"):
            return getattr(original, name)
        raise AttributeError(f"'ScriptFunction' object has no attribute '{name}'")

    def __reduce__(self):
        from pickle import PicklingError

        raise PicklingError("ScriptFunction cannot be pickled")

    def __repr__(self):
        return f"<framejit.jit.ScriptFunction {self.schema}>"


ScriptFunction.__module__ = "framejit.jit"


def syntax_of(fn):
    """(syntax tree of the def, Source) of a Python function; OSError where there is no source text."""
    try:
        lines, first = inspect.getsourcelines(fn)
    except (OSError, TypeError) as error:
        raise OSError(
            f"Can't get source for {fn}. TorchScript requires source access in order to carry out compilation"
        ) from error
    text = "".join(lines)
    body = textwrap.dedent(text)
    indent = len(text) - len(text.lstrip())
    source = Source(inspect.getsourcefile(fn) or "<unknown>", body, first, indent)
    tree = ast.parse(body)
    node = tree.body[0]
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        node = next((n for n in ast.walk(tree) if isinstance(n, ast.Lambda)), None)
        if node is None:
            raise RuntimeError("Expected a single top-level function")
        made = ast.FunctionDef(
            "_lambda", node.args, [ast.copy_location(ast.Return(node.body), node.body)], [], None, None
        )
        node = ast.copy_location(made, node)
    return node, source


def type_comment(node, source, names, checker, is_method):
    """The types of a `# type: (int, Tensor) -> Tensor` comment under the def: name -> type."""
    import re

    end = node.body[0].lineno
    for line in source.lines[node.lineno - 1 : end]:
        found = re.search(r"#\s*type:\s*(\(.*\))\s*->\s*(.*)$", line)
        if not found:
            continue
        args = ast.parse(found.group(1)[:-1] + ("," if found.group(1)[1:-1].strip() else "") + ")", mode="eval").body
        params = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)][is_method:]
        if len(args.elts) != len(params):
            checker.not_supported(
                node,
                f"Number of type annotations ({len(args.elts)}) did not match the number of parameters ({len(params)})",
            )
        signature = {name: names.annotation(t, checker) for name, t in zip(params, args.elts)}
        signature["return"] = names.annotation(ast.parse(found.group(2).strip(), mode="eval").body, checker)
        return signature
    return {}


def hinted(fn, is_method):
    """The types of a function's annotations that are types already, not text: name -> type."""
    out = {}
    for name, value in (getattr(fn, "__annotations__", None) or {}).items():
        if isinstance(value, str):
            continue
        found = annotations.find_type(value) if value is not None else T.NONE
        if found is not None:
            out[name] = found
    return out


def function_checker(fn, self_value=None, signature=None, cls=None):
    """The `checker` of a Function made from a Python function."""

    def check(function):
        node, source = syntax_of(fn)
        names = PythonNames.of_function(fn)
        if cls is not None:
            names.extra[cls.__name__] = cls
        checker = Checker(function, node, source, names, self_value)
        defaults = inspect.signature(fn).parameters
        function.attributes["defaults"] = {n: p.default for n, p in defaults.items() if p.default is not p.empty}
        function.attributes["class"] = cls
        found = (
            signature
            or type_comment(node, source, names, checker, self_value is not None)
            or hinted(fn, self_value is not None)
        )
        checker.declare(found)
        return checker.run

    return check


def compiled(fn):
    """The Function of something that was scripted before, or None."""
    if isinstance(fn, ScriptFunction):
        return fn._function
    return fn.__dict__.get(_KEPT) if isinstance(fn, python_types.FunctionType) else None


def compiled_function(fn, signature=None):
    """The Function of a Python function, made when it is first asked for."""
    found = compiled(fn)
    if found is None:
        target = inspect.unwrap(fn) if not hasattr(fn, "__original_fn") else fn.__original_fn
        found = Function(annotations.qualified_name(target), function_checker(target, signature=signature))
        if isinstance(fn, python_types.FunctionType):
            setattr(fn, _KEPT, found)
    return found


def overloads_of(fn):
    """The functions that `_overload` collected under the function's name."""
    if not isinstance(fn, python_types.FunctionType):
        return None
    return _overloaded.get(f"{fn.__module__}.{fn.__qualname__}")


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """Check a function, module or class as TorchScript, and give one that runs what was checked.

    The source is read, never run: a scripted function runs without its Python source, can be saved with `save`, and is
    captured by `framejit.compile` like any function.

    obj (callable, nn.Module, type, list or dict), optimize (bool or None), example_inputs (list of tuples, dict or None): what
    unannotated parameters are like. Raises UnsupportedNodeError (what TorchScript has not), RuntimeError (types or names that do not
    fit), OSError (no source).

    >>> import framejit
    >>> @framejit.jit.script
    ... def clamp_sum(x, low: float = 0.0):
    ...     total = x.sum()
    ...     if bool(total < low):
    ...         total = total * 0 + low
    ...     return total
    >>> clamp_sum(framejit.tensor([-3.0, 1.0]))
    tensor(0.)
    """
    from . import classes, script_module

    if isinstance(obj, (ScriptFunction, script_module.ScriptModule)) and getattr(obj, "_script_type", True) is not None:
        return obj
    if isinstance(obj, Module):
        if example_inputs is not None:
            obj = script_module.with_examples(obj, example_inputs)
        return script_module.script_module(obj)
    if isinstance(obj, (list, dict)):
        return obj.copy()
    if inspect.isclass(obj):
        if issubclass(obj, Module):
            raise RuntimeError(
                f"Type '{obj}' cannot be compiled since it inherits from nn.Module, consider passing an instance instead"
            )
        if annotations.find_type(obj) is None or not hasattr(annotations.find_type(obj), "qualname"):
            classes.compile_class(obj)
        return obj
    if inspect.isfunction(obj) or inspect.ismethod(obj):
        return _script_function(obj, example_inputs)
    raise RuntimeError(f"script expects a function, a module or a class, not {type(obj).__name__}")


def _script_function(fn, example_inputs):
    original = fn
    if isinstance(fn, python_types.MethodType):
        fn = fn.__func__
    original_fn = getattr(fn, "_torchdynamo_orig_callable", None)
    if original_fn is not None:
        fn = original_fn
    signature = _signature_from(fn, example_inputs) if example_inputs else None
    function = compiled_function(fn, signature)
    function.ensure()
    made = getattr(function, "_script_function", None)
    if made is None:
        made = function._script_function = ScriptFunction(function, original)
    return made


def _signature_from(fn, examples):
    """Types of unannotated parameters from example arguments."""
    from .infer import infer_type

    rows = examples.get(fn, []) if isinstance(examples, dict) else examples
    found = dict(hinted(fn, False))
    names = [n for n in inspect.signature(fn).parameters]
    for row in rows:
        for name, value in zip(names, row):
            t = infer_type(value)
            if t is not None and name not in (fn.__annotations__ or {}):
                found[name] = T.union((found[name], t)) if name in found else t
    return found or None


def _overload(func):
    """Marks the declaration of an overload; the one without the mark that follows is the implementation."""
    _overloaded.setdefault(f"{func.__module__}.{func.__qualname__}", []).append(func)
    return func


_overload_method = _overload  # a method is told apart by its class in its name
