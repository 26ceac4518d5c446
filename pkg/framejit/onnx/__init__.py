"""onnx: modules as ONNX models, by the `onnx` package, which must be installed.

A module is exported (framejit.export) and its operators are translated one by one; docs/export.md has the list.
"""

from framejit.nn import Module

__all__ = [
    "ONNXProgram",
    "OnnxExporterError",
    "UnsupportedOperatorError",
    "export",
    "is_in_onnx_export",
    "supported_operators",
]


class OnnxExporterError(RuntimeError):
    """A module cannot be written as an ONNX model.

    >>> from framejit.onnx import OnnxExporterError
    >>> issubclass(OnnxExporterError, RuntimeError)
    True
    """


class UnsupportedOperatorError(OnnxExporterError):
    """An operator, or a form of it, that has no translation; the message names it.

    >>> from framejit.onnx import UnsupportedOperatorError
    >>> str(UnsupportedOperatorError("aten.x has no translation"))
    'aten.x has no translation'
    """


class ONNXProgram:
    """An ONNX model and the program that it was made of.

    model_proto (onnx.ModelProto). exported_program (ExportedProgram). Raises nothing of its own.

    >>> from framejit.onnx import ONNXProgram
    >>> ONNXProgram(None, None).model_proto is None
    True
    """

    def __init__(self, model_proto, exported_program):
        self.model_proto, self.exported_program = model_proto, exported_program

    @property
    def model(self):
        """The model (onnx.ModelProto)."""
        return self.model_proto

    def save(self, destination):
        """Write the model. destination (str, path or binary file object). Raises OSError where that fails."""
        data = self.model_proto.SerializeToString()
        if hasattr(destination, "write"):
            destination.write(data)
            return
        with open(destination, "wb") as file:
            file.write(data)


def export(
    model,
    args=(),
    f=None,
    *,
    kwargs=None,
    input_names=None,
    output_names=None,
    dynamic_axes=None,
    dynamic_shapes=None,
    opset_version=None,
    export_params=True,
    verbose=None,
    dynamo=True,
    **ignored,
):
    """The module as an ONNXProgram, written to a file if one is given.

    model (nn.Module or ExportedProgram). args (tuple, or a tensor): example arguments. f (str, path, file object or None).
    kwargs (dict or None): example named arguments. input_names, output_names (sequence of str or None): what the model's
    inputs and outputs are called. dynamic_axes (dict or None): name of an input -> {dimension: name} or a list of
    dimensions that stay open; dynamic_shapes (object): the same as `framejit.export.export` takes it. opset_version (int or
    None): 17 to 21, 18 by default. export_params (bool): must be true. verbose (bool or None), dynamo (bool), other options of
    PyTorch: accepted, without effect.

    Raises ImportError without the `onnx` package, UnsupportedOperatorError for an operator that has no translation,
    ValueError for names or versions that do not fit, and what `framejit.export.export` raises.

    >>> import framejit.onnx
    >>> framejit.onnx.export(framejit.nn.ReLU(), (framejit.zeros(2),), opset_version=3)
    Traceback (most recent call last):
        ...
    ValueError: opset_version must be from 17 to 21, got 3
    """
    from framejit import _C
    from framejit.export import ExportedProgram
    from framejit.export import export as export_program

    version = 18 if opset_version is None else opset_version
    if version not in range(17, 22):
        raise ValueError(f"opset_version must be from 17 to 21, got {opset_version}")
    if not export_params:
        raise ValueError("export_params=False is not supported: a model holds its parameters")
    args = (args,) if isinstance(args, _C.Tensor) else tuple(args)
    if isinstance(model, ExportedProgram):
        program = model
    elif isinstance(model, Module):
        if dynamic_axes and dynamic_shapes is None:
            dynamic_shapes = _shapes_of_axes(dynamic_axes, model, args, kwargs, input_names)
        program = export_program(model, args, kwargs, dynamic_shapes=dynamic_shapes)
    else:
        raise TypeError(f"onnx.export: expected a Module or an ExportedProgram, got {type(model).__name__}")
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise ImportError("framejit.onnx.export needs the package onnx: pip install onnx") from None
    from ._model import build

    made = ONNXProgram(build(program, version, input_names, output_names), program)
    if f is not None:
        made.save(f)
    return made


def _shapes_of_axes(dynamic_axes, model, args, kwargs, input_names):
    """dynamic_axes as dynamic_shapes: by position for the arguments, which must be plain tensors."""
    import inspect

    from framejit.export import Dim

    bound = inspect.signature(model.forward).bind(*args, **(kwargs or {})).arguments
    names = dict(zip(input_names or bound, bound))
    made, shapes = {}, dict.fromkeys(bound)
    for name, axes in dynamic_axes.items():
        if name not in names:
            continue  # an output's: they follow from those of the inputs
        pairs = axes.items() if isinstance(axes, dict) else [(axis, f"{names[name]}_dim_{axis}") for axis in axes]
        shapes[names[name]] = {axis: made.setdefault(word, Dim(word)) for axis, word in pairs}
    return shapes


def supported_operators():
    """The operators that have a translation, as a sorted list of str such as "aten.relu".

    Raises nothing of its own.

    >>> from framejit.onnx import supported_operators
    >>> "aten.softmax" in supported_operators()
    True
    """
    from . import _model

    return sorted(f"aten.{name}" for name in _model.TABLE)


def is_in_onnx_export():
    """Whether `export` is running: False, since modules are captured from their bytecode.

    >>> from framejit.onnx import is_in_onnx_export
    >>> is_in_onnx_export()
    False
    """
    return False
