"""Exported programs as files: a zip with `program.json`, the graph and all that belongs to it as data (_encode.py), and `data/N`, the
bytes of storage N. Reading checks everything before anything runs; nothing is unpickled, imported or compiled from text of the file."""

import contextlib
import io
import json
import os
import re
import zipfile

from framejit import _C
from framejit.nn import Parameter
from framejit.serialization._names import DTYPE_STORAGES, ITEM_SIZES
from framejit.serialization._reader import _Storage
from framejit.serialization._writer import _storage_view

from . import _encode
from ._encode import Refused, _need
from .exported_program import CallSpec, ExportedProgram, ValueRange
from .graph_signature import ConstantArgument, ExportGraphSignature, InputKind, OutputKind

FORMAT, VERSION = "framejit.export", 1
_MAX_JSON = 256 << 20
_HINT = 1 << 62
_PART = re.compile(r"[\w\-+/:]+")  # of the name of a tensor


# ---- writing ----------------------------------------------------------------------------------------------


class _Tensors:
    def __init__(self):
        self.rows, self.storages, self.by_id, self.by_memory = [], [], {}, {}

    def add(self, tensor):
        """The number of a tensor; a storage that several share is written once."""
        if id(tensor) not in self.by_id:
            self.by_id[id(tensor)] = len(self.rows)
            self.rows.append(self._row(tensor))
        return self.by_id[id(tensor)]

    def _row(self, tensor):
        dtype = str(tensor.dtype).rpartition(".")[2]
        if dtype not in ITEM_SIZES:
            raise NotImplementedError(f"export.save: tensors of type {dtype} cannot be written to a file")
        source = tensor.detach()
        storage = source.untyped_storage()
        memory = (storage.data_ptr(), storage.nbytes())
        if memory not in self.by_memory or not storage.data_ptr():
            self.by_memory[memory] = len(self.storages)
            self.storages.append((storage, source))
        return {
            "storage": self.by_memory[memory], "dtype": dtype, "shape": list(source.shape), "stride": list(source.stride()),
            "offset": source.storage_offset(), "parameter": isinstance(tensor, Parameter),
            "requires_grad": bool(tensor.requires_grad),
        }  # fmt: skip


def program_data(program, tensors):
    """The program as data; its tensors go into `tensors`."""
    signature = program.graph_signature
    return {
        "format": FORMAT,
        "version": VERSION,
        "nodes": _encode.graph_data(program.graph, dict(program.graph_module.named_children())),
        "bodies": _encode.bodies_data(program.graph_module),
        "inputs": [_encode.spec_data(spec) for spec in signature.input_specs],
        "outputs": [_encode.spec_data(spec) for spec in signature.output_specs],
        "in_spec": _encode.tree_data(program.call_spec.in_spec),
        "out_spec": _encode.tree_data(program.call_spec.out_spec),
        "ranges": {name: list(limits) for name, limits in program.range_constraints.items()},
        "sizes": {name: {str(dim): symbol for dim, symbol in dims.items()} for name, dims in program.sizes.items()},
        "state_dict": {name: tensors.add(t) for name, t in program.state_dict.items() if isinstance(t, _C.Tensor)},
        "constants": {name: tensors.add(t) for name, t in program.constants.items()},
        "tensors": tensors.rows,
    }


def write(program, f, extra_files):
    """export.save."""
    if not isinstance(program, ExportedProgram):
        raise TypeError(
            f"The 'ep' parameter must be an instance of 'ExportedProgram', got '{type(program).__name__}' instead."
        )
    tensors = _Tensors()
    data = program_data(program, tensors)
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).encode()
    extras = {name: c.encode() if isinstance(c, str) else bytes(c) for name, c in (extra_files or {}).items()}
    if isinstance(f, (str, os.PathLike)):
        with open(f, "wb") as file:
            _write_zip(file, text, tensors, extras)
    else:
        _write_zip(f, text, tensors, extras)


def _write_zip(file, text, tensors, extras):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("program.json", text)
        for i, (storage, _) in enumerate(tensors.storages):
            archive.writestr(f"data/{i}", bytes(_storage_view(storage)) if storage.nbytes() else b"")
        for name, content in extras.items():
            archive.writestr(f"extra/{name}", content)


# what reading data that lies runs into
DAMAGE = (ValueError, RecursionError, Refused, KeyError, TypeError, AttributeError, OverflowError, IndexError)


# ---- reading ----------------------------------------------------------------------------------------------


class Members:
    """The members of an archive."""

    def __init__(self, f, what="export.load"):
        self.what = what
        try:
            source = open(f, "rb") if isinstance(f, (str, os.PathLike)) else f
            with source if source is not f else contextlib.nullcontext():
                self.file = io.BytesIO(source.read())
            self.zip = zipfile.ZipFile(self.file)
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
            raise RuntimeError(f"{what}: the file is not a zip archive: {error}") from None
        names = self.zip.namelist()
        if len(set(names)) != len(names):
            raise RuntimeError(f"{what}: the archive has two members of one name")
        self.names = set(names)

    def read(self, name, limit=None):
        """A member's bytes; all members are stored as they are."""
        try:
            info = self.zip.getinfo(name)
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise RuntimeError(f"{self.what}: the member {name} is compressed or encrypted")
            if info.file_size > len(self.file.getvalue()) or limit is not None and info.file_size > limit:
                raise RuntimeError(f"{self.what}: the member {name} is larger than it may be")
            return self.zip.read(info)
        except KeyError:
            raise RuntimeError(f"{self.what}: the archive has no member {name}") from None
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise RuntimeError(f"{self.what}: the member {name} is damaged: {error}") from None


def read(f, extra_files=None):
    """export.load."""
    members = Members(f)
    program = read_program(members)
    for name in extra_files or ():
        extra_files[name] = members.read(f"extra/{name}").decode("utf-8", "replace")
    return program


def read_program(members):
    """The program of an archive."""
    text = members.read("program.json", _MAX_JSON)
    try:
        data = json.loads(text, parse_constant=_no_constant)
        return _program(data, members)
    except DAMAGE as error:
        raise RuntimeError(f"{members.what}: the program is damaged: {error}") from None


def _no_constant(word):
    raise Refused(f"the number {word}")


def _program(data, members):
    _need(isinstance(data, dict) and data.get("format") == FORMAT, "it is not an exported program")
    _need(data.get("version") == VERSION, f"its version is {data.get('version')!r}, and {VERSION} can be read")
    tensors = _read_tensors(data["tensors"], members)
    state, constants = _table(data["state_dict"], tensors), _table(data["constants"], tensors)
    return program_of(data, state, constants)


def program_of(data, state, constants):
    """The program that `program_data` made data of, with these tensors."""
    bodies = _encode.bodies_of(data.get("bodies", {}))
    graph = _encode.graph_of(data["nodes"], bodies)
    facts = Facts(data)
    _check_signature(graph, facts, state, constants)
    signature = ExportGraphSignature(facts.inputs, facts.outputs)
    return ExportedProgram(bodies, graph, signature, state, constants, facts.ranges, facts.call_spec, facts.sizes)


class Facts:
    """What a program takes and gives, without its graph."""

    def __init__(self, data):
        self.inputs = [_encode.spec_of(row, True) for row in _encode._parts(data["inputs"])]
        self.outputs = [_encode.spec_of(row, False) for row in _encode._parts(data["outputs"])]
        self.call_spec = CallSpec(_encode.tree_of(data["in_spec"]), _encode.tree_of(data["out_spec"]))
        self.ranges = {name: _range(limits) for name, limits in data["ranges"].items()}
        self.sizes = {name: {int(dim): symbol for dim, symbol in dims.items()} for name, dims in data["sizes"].items()}
        _need(
            all(symbol in self.ranges for dims in self.sizes.values() for symbol in dims.values()),
            "a size without a range",
        )


def _range(limits):
    low, high = _encode._parts(limits, 2)
    _need(
        type(low) is int and 0 <= low and (high is None or type(high) is int and low <= high < _HINT),
        "a range that is none",
    )
    return ValueRange(low, high)


def _table(names, tensors):
    _need(isinstance(names, dict), "a table of tensors that is none")
    out = {}
    for name, number in names.items():
        _need(all(_PART.fullmatch(part) for part in name.split(".")), f"a tensor of the name {name!r}")
        _need(type(number) is int and 0 <= number < len(tensors), f"the tensor {name} is not there")
        out[name] = tensors[number]
    return out


def _check_signature(graph, facts, state, constants):
    inputs, outputs, call_spec, sizes = facts.inputs, facts.outputs, facts.call_spec, facts.sizes
    nodes = list(graph.nodes)
    held = [node for node in nodes if node.op == "placeholder"]
    _need(nodes[: len(held)] == held, "inputs after other nodes")
    _need([node.name for node in held] == [spec.arg.name for spec in inputs], "inputs that are not those of the graph")
    for node, spec in zip(held, inputs):
        if spec.kind is InputKind.USER_INPUT:
            shape = getattr(node.meta.get("val"), "shape", None)
            _need(isinstance(spec.arg, ConstantArgument) or shape is not None, f"an input {node.name} without a shape")
            _need(all(0 <= dim < len(shape or ()) for dim in sizes.get(node.name, ())), "a size of no dimension")
        else:
            _need(spec.target in state or spec.target in constants, f"the tensor {spec.target} is not there")
            tensor = state[spec.target] if spec.target in state else constants[spec.target]
            _need(
                spec.kind is not InputKind.PARAMETER or isinstance(tensor, Parameter), f"{spec.target} is no parameter"
            )
    users = sum(spec.kind is InputKind.USER_INPUT for spec in inputs)
    _need(call_spec.in_spec.num_leaves == users, "arguments whose number does not fit the graph")
    given = sum(spec.kind is OutputKind.USER_OUTPUT for spec in outputs)
    _need(call_spec.out_spec.num_leaves == given, "results whose number does not fit the graph")
    _need(len(nodes[-1].args[0]) == len(outputs), "outputs that are not those of the graph")
    targets = {spec.target for spec in inputs} | {spec.arg.name for spec in inputs}
    _need(all(s.kind is OutputKind.USER_OUTPUT or s.target in targets for s in outputs), "a mutation of nothing")


def _read_tensors(rows, members):
    storages, out = {}, []
    for row in _encode._parts(rows):
        number, dtype = row["storage"], row["dtype"]
        _need(type(number) is int and number >= 0 and dtype in ITEM_SIZES, "a tensor of an unknown kind")
        if number not in storages:
            storages[number] = bytearray(members.read(f"data/{number}"))
        raw = storages[number]
        key = (number, dtype)
        if key not in storages:
            _need(not len(raw) % ITEM_SIZES[dtype], f"the storage {number} ends inside an element")
            storages[key] = _Storage(raw, dtype, len(raw) // ITEM_SIZES[dtype])
        tensor = _view(storages[key], row)
        if row["parameter"] is True:
            tensor = Parameter(tensor, requires_grad=row["requires_grad"] is True)
        elif row["requires_grad"] is True:
            tensor = tensor.requires_grad_(True)
        out.append(tensor)
    return out


def _view(storage, row):
    import pickle

    try:
        return storage.tensor(row["offset"], tuple(row["shape"]), tuple(row["stride"]))
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise Refused(str(error)) from None


assert set(DTYPE_STORAGES) <= set(ITEM_SIZES)
