"""export: a module as one checked graph of operators that is saved, compiled ahead of time, or turned into ONNX.

>>> import framejit
>>> class Scale(framejit.nn.Module):
...     def forward(self, x):
...         return x * x.shape[0]
>>> batch = framejit.export.Dim("batch", max=16)
>>> ep = framejit.export.export(Scale(), (framejit.ones(3, 2),), dynamic_shapes={"x": {0: batch}})
>>> ep.module()(framejit.ones(5, 2))[0]
tensor([5., 5.])
"""

import inspect
import keyword

from framejit.nn import Module
from framejit.utils import _pytree as pytree
from framejit.utils._pytree import register_dataclass

from . import dynamic_shapes as _shapes
from . import graph_signature
from .dynamic_shapes import Dim, ShapesCollection, dims
from .exported_program import CallSpec, ExportedProgram, ValueRange
from .graph_signature import ExportGraphSignature

__all__ = [
    "Dim", "ExportGraphSignature", "ExportedProgram", "aot_compile", "aot_load", "default_decompositions", "dims", "export", "graph_signature", "load",
    "register_dataclass", "save",
]  # fmt: skip


def export(mod, args, kwargs=None, *, dynamic_shapes=None, strict=False, preserve_module_call_signature=()):
    """The module as an ExportedProgram: one graph of operators, right for arguments like these.

    mod (nn.Module): what to export; it does not change. args (tuple): example arguments. kwargs (dict or None): example
    named arguments. dynamic_shapes (dict, tuple, list, ShapesCollection or None): for each argument which sizes stay open: a dict of
    dimension to `Dim`, `Dim.AUTO` or `Dim.DYNAMIC`, or a sequence with an entry for each dimension; nested as the arguments
    are. strict (bool): accepted; programs are captured from their bytecode in either case.
    preserve_module_call_signature (sequence of str): accepted, without effect.

    Numbers, strings and other values that are no tensors are part of the program. Raises ValueError for what is no
    module, `dynamo.exc.UserError` for dynamic_shapes that do not fit or that the program does not allow,
    `dynamo.exc.Unsupported` for a program that does not become one graph, NotImplementedError for what graphs of
    operators cannot express.

    >>> import framejit
    >>> ep = framejit.export.export(framejit.nn.Softmax(dim=-1), (framejit.zeros(1, 4),))
    >>> ep.module()(framejit.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    >>> ep.module()(framejit.zeros(2, 4))
    Traceback (most recent call last):
        ...
    AssertionError: Guard failed: input.size()[0] == 1, but got 2
    """
    if not isinstance(mod, Module):
        raise ValueError(f"Expected `mod` to be an instance of `framejit.nn.Module`, got {type(mod)}.")
    if not isinstance(args, (tuple, list)):
        raise _shapes.UserError(
            _shapes.UserErrorType.INVALID_INPUT,
            f"Expecting `args` to be a tuple of example positional inputs, got {type(args)}",
        )
    args, kwargs = tuple(args), dict(kwargs or {})
    from ._capture import capture

    if isinstance(dynamic_shapes, ShapesCollection):
        dynamic_shapes = dynamic_shapes.dynamic_shapes(mod, args, kwargs)
    leaves, spec = pytree.tree_flatten((args, kwargs))
    dynamic = _shapes.open_dims(dynamic_shapes, mod.forward, leaves, spec)
    found = capture(mod, args, kwargs, dynamic, _input_names(mod, args, kwargs, len(leaves)))
    state = dict(mod.state_dict(keep_vars=True))
    constants = dict(found.constants)
    persistent = {s.target: s for s in found.inputs if s.kind is graph_signature.InputKind.BUFFER}
    for name, buffer in mod.named_buffers():
        if name in persistent and name not in state:
            constants[name] = buffer
    made = ExportedProgram(
        found.modules,
        found.graph,
        ExportGraphSignature(found.inputs, found.outputs),
        state,
        constants,
        {name: ValueRange(*limits) for name, limits in found.ranges.items()},
        CallSpec(spec, found.out_spec),
        found.sizes,
    )
    made.example_inputs = (args, kwargs)
    return made


def _input_names(mod, args, kwargs, count):
    """A name for each leaf of the arguments, from the parameters of forward and the keys on the way."""
    try:
        signature = inspect.signature(mod.forward)
        bound = signature.bind(*args, **kwargs)
        positional = []
        for name in bound.arguments:
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                positional += [f"{name}_{i}" for i in range(len(bound.arguments[name]))]
            elif kind is not inspect.Parameter.VAR_KEYWORD:
                positional.append(name)
    except (TypeError, ValueError):
        positional = [f"arg{i}" for i in range(len(args))]
    out, taken = [], {"self"}
    for path, _ in pytree.tree_flatten_with_path((args, kwargs))[0]:
        first, second, *rest = path
        word = positional[second.idx] if first.idx == 0 else str(second.key)
        word = "_".join([word, *(_word(key) for key in rest)])
        word = "".join(c if c.isalnum() and c.isascii() or c == "_" else "_" for c in word)
        word = word if word.isidentifier() and not word.startswith(("p_", "b_", "c_")) else f"in_{word}"
        while word in taken or keyword.iskeyword(word):
            word += "_1"
        taken.add(word)
        out.append(word)
    return out if len(out) == count else [f"arg{i}" for i in range(count)]


def _word(key):
    return str(getattr(key, "idx", getattr(key, "key", getattr(key, "name", ""))))


def aot_compile(exported, path, *, sizes=None):
    """Compile a program and write it to one file, which `aot_load` or a C program (`framejit.h`) runs without tracing.

    exported (ExportedProgram). path (str or path). sizes (dict, or a list of them, or None): which values open sizes are
    compiled for; a dict of the name of a `Dim` to an int or to several, of which all combinations are made. None takes
    those of the export. The file has machine code for AVX2 and AVX-512. Raises ValueError for sizes out of range,
    NotImplementedError for a program that changes its arguments.

    >>> import framejit, os, tempfile
    >>> from framejit.export import Dim, aot_compile, aot_load, export
    >>> ep = export(framejit.nn.Softmax(-1), (framejit.zeros(2, 4),), dynamic_shapes={"input": {0: Dim("n")}})
    >>> path = os.path.join(tempfile.mkdtemp(), "softmax.fj")
    >>> aot_compile(ep, path, sizes={"n": [1, 2]})
    >>> aot_load(path)(framejit.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    from ._aot import compile_file

    compile_file(exported, path, sizes)


def aot_load(path, *, fallback=False):
    """A program that `aot_compile` wrote, callable as the exported module was.

    path (str or path). fallback (bool): sizes that it was not compiled for run the stored graph op by op; otherwise they
    raise AssertionError. Loading runs nothing of the file, but the file holds machine code, which a call runs: trust it as
    a shared library. Raises RuntimeError for a file that is damaged, cut off, or of another version.

    >>> import framejit
    >>> framejit.export.aot_load(framejit.__file__)
    Traceback (most recent call last):
        ...
    RuntimeError: aot_load: ...: the file is no compiled program of framejit
    """
    from ._aot import CompiledProgram

    return CompiledProgram(path, fallback)


def default_decompositions():
    """The operators that `run_decompositions()` takes apart, as a dict of operator to function.

    Raises nothing of its own.

    >>> import framejit
    >>> framejit.ops.aten.linear.default in framejit.export.default_decompositions()
    True
    """
    from ._functional import DEFAULT

    return dict(DEFAULT)


def save(ep, f, *, extra_files=None, opset_version=None):
    """Write a program to one file: the graph and its signature as JSON, tensors as they are in memory.

    ep (ExportedProgram). f (str, path or binary file object). extra_files (dict of str to str or bytes, or None): kept
    beside it. opset_version (dict or None): accepted, without effect. Raises TypeError for what is no exported program,
    NotImplementedError for a graph that holds what no file can, such as objects of the program.

    >>> import framejit, io
    >>> file = io.BytesIO()
    >>> framejit.export.save(framejit.export.export(framejit.nn.ReLU(), (framejit.ones(2),)), file)
    >>> _ = file.seek(0)
    >>> framejit.export.load(file).module()(framejit.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    from ._archive import write

    write(ep, f, extra_files)


def load(f, *, extra_files=None, expected_opset_version=None):
    """Read a program that `save` wrote. Nothing in the file is run, imported or looked up outside a fixed table.

    f (str, path or binary file object). extra_files (dict or None): its values become the contents of the extra files
    with these names. expected_opset_version (dict or None): accepted, without effect. Raises RuntimeError for a file that
    is damaged, cut off, or says what no file may, before anything of it runs.

    >>> import framejit, io
    >>> framejit.export.load(io.BytesIO(b"no archive"))
    Traceback (most recent call last):
        ...
    RuntimeError: export.load: the file is not a zip archive: File is not a zip file
    """
    from ._archive import read

    return read(f, extra_files)
