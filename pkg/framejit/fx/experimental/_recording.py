"""What `make_fx` does with a transformation of functions: it runs on tensors, and the operators below it are recorded.

The extension tells each of them (`_C._record_enter`), with its batching rules and derivatives carried out. A tensor is known by
itself, or by where it lies: what the tape saved comes back as another object.
"""

import functools
import operator
import re

from framejit import _C, ops
from framejit.fx.operator_schemas import _parse

from ._overloads import overload_of


class Recording:
    """The operators that one tracer was told of. tracer (PythonKeyTracer)."""

    def __init__(self, tracer):
        self.tracer, self.running = tracer, False
        self.overwrote = False  # whether the tape may have kept copies of which nobody told
        self.known, self.places, self.kept = {}, {}, []

    def know(self, tensor, node):
        """From now on the node gives the tensor."""
        self.known[id(tensor)] = self.places[_place(tensor)] = node
        self.kept.append(tensor)  # so that neither its id nor its memory is another's later

    def node_of(self, tensor):
        """The node that gives a tensor; a constant's where it came from outside."""
        node = self.known.get(id(tensor)) or self.places.get(_place(tensor))
        if node is None:
            if self.overwrote:
                raise NotImplementedError(
                    "make_fx: a transformation of a function that changes a tensor in place and needs its old elements for "
                    "the derivative cannot be recorded"
                )
            node = self.tracer._constant(tensor)
            node.meta["val"] = tensor
            self.know(tensor, node)
        return node

    def run(self, function, args, kwargs):
        """The call, its operators recorded."""
        if self.running:
            return function(*args, **kwargs)
        self.running, layer = True, _C._record_enter(self.told)
        try:
            return function(*args, **kwargs)
        finally:
            _C._record_leave(layer)
            self.running = False

    def told(self, schema, inputs, results):
        """An operator was called."""
        if schema.startswith("read:"):
            return
        name, signature = _row(schema)
        args, kwargs = _given(signature, [self._argument(value) for value in inputs])
        node = self.tracer.create_node("call_function", _target(name, inputs, args, kwargs), args, kwargs, name)
        self.overwrote = self.overwrote or name.endswith("_") and results[0].requires_grad
        node.meta["val"] = results[0] if len(results) == 1 else tuple(results)
        if len(results) == 1:
            self.know(results[0], node)
            return
        for i, result in enumerate(results):
            part = self.tracer.create_node("call_function", operator.getitem, (node, i), {})
            part.meta["val"] = result
            self.know(result, part)

    def _argument(self, value):
        if isinstance(value, _C.Tensor):
            return self.node_of(value)
        return [self._argument(item) for item in value] if isinstance(value, list) else value


def _place(tensor):
    return (
        tensor.untyped_storage().data_ptr(),
        tensor.storage_offset(),
        tuple(tensor.shape),
        tensor.stride(),
        tensor.dtype,
    )


@functools.cache
def _row(schema):
    """The operator's name without its overload, and its signature."""
    text = re.sub(r"^(\w+)\.\w+\(", r"\1(", schema)
    return text.partition("(")[0], _parse(text)


def _given(signature, values):
    """Positional and named arguments without those that are defaults at the end."""
    parameters = list(signature.parameters.values())
    given = list(zip(parameters, values))
    named = {p.name: v for p, v in given if p.kind is p.KEYWORD_ONLY and not _is_default(p, v)}
    plain = [(p, v) for p, v in given if p.kind is not p.KEYWORD_ONLY]
    while plain and _is_default(*plain[-1]):
        plain.pop()
    return tuple(v for _, v in plain), named


def _is_default(parameter, value):
    default = parameter.default
    return default is not parameter.empty and type(default) is type(value) and default == value


def _target(name, inputs, args, kwargs):
    if not hasattr(ops.aten, name):
        return getattr(_C, name)
    return overload_of(name, inputs[: len(args)], kwargs)
