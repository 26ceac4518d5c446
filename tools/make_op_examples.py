#!/usr/bin/env python3
"""Writes pkg/framejit/_op_examples.txt: for each public row of the op table an example with its real output, and its errors.

PYTHONPATH=pkg:. python tools/make_op_examples.py          (after a build; --check says whether the file is up to date)

The example is the row's column `example`, one expression in terms of `torch`, where it has one; otherwise the smallest of the
row's `samples`, in round numbers. The errors are those that bad arguments are found to raise: an object, a dimension that is
not there, sizes that do not fit, dtypes that the op does not take.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
import warnings
from pathlib import Path

import framejit
import numpy as np

from tests import op_samples, op_table

OUT = Path(framejit.__file__).with_name("_op_examples.txt")
HEAD = "# Written by tools/make_op_examples.py from the op table. Do not edit.\n"
PLACES = ("", "nn.functional.", "linalg.", "special.")
FEW = 12  # elements that are written out; larger tensors are random, and the example tells the result's sizes
PARTS = ("self", "input")


def places(row) -> dict[str, str]:
    """Row name -> how it is called: the text before the arguments; "." stands for a method of the first one."""
    out, name = {}, row.schema.name
    short = name.removeprefix("linalg_").removeprefix("special_")
    for place in PLACES:
        holder, found = op_table_find(place), None
        for key in (name, short) if place in ("linalg.", "special.") else (name,):
            found = found or (key if row.key in rows_of(getattr(holder, key, None)) else None)
        if found:
            out[row.key] = f"torch.{place}{found}"
            break
    else:
        if row.key in rows_of(getattr(framejit.Tensor, name, None)):
            out[row.key] = f".{name}"
    inplace = row.key.replace(name, name + "_", 1)
    if "inplace" in row.variants and inplace in rows_of(getattr(framejit.Tensor, name + "_", None)):
        out[inplace] = f".{name}_"
    return out


def op_table_find(place):
    value = framejit
    for part in place.split(".")[:-1]:
        value = getattr(value, part)
    return value


def rows_of(value) -> set[str]:
    """The rows that an op function or method is made of: the full names that begin its schemas."""
    if type(value).__name__ not in ("OpFunction", "OpMethod"):
        return set()
    return {line.split("(", 1)[0] for line in (value.__doc__ or "").split("\n") if " -> " in line and "(" in line}


# ---- arguments as text ----------------------------------------------------------------------------------------------


def rounded(value):
    """A sample's argument in round numbers."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        return np.round(value, 1)
    return [rounded(v) for v in value] if isinstance(value, list) else value


def literal(value) -> str:
    if isinstance(value, np.ndarray):
        if value.size > FEW:
            return random_literal(value)
        dtype = "" if value.dtype in (np.float32, np.int64, np.bool_) and value.size else f", dtype=torch.{value.dtype}"
        return f"torch.tensor({numbers(value.tolist())}{dtype})"
    if isinstance(value, op_samples.Dtype):
        return f"torch.{value.name}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def random_literal(value):
    sizes = ", ".join(map(str, value.shape))
    if value.dtype.kind == "b":
        return f"torch.rand({sizes}) < 0.5"
    if value.dtype.kind in "iu":
        return f"torch.randint({int(value.max()) + 1}, ({sizes}{',' if value.ndim == 1 else ''}))"
    return f"torch.rand({sizes})"


def numbers(value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(numbers, value)) + "]"
    return f"{value:.3g}" if isinstance(value, float) and abs(value) < 100 and value != int(value) else repr(value)


def arrays(values):
    for value in values:
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, list):
            yield from arrays(value)


def lines_of(how, row, args, kwargs) -> list[str]:
    """The statements of an example: large arguments first, by name, and then the call."""
    out, texts = [], []
    for spec, value in zip(row.schema.args, args):
        text = literal(value)
        if isinstance(value, np.ndarray) and value.size > FEW:
            name = "x" if spec.name in PARTS else spec.name
            out.append(f"{name} = {text}")
            text = name
        texts.append(text)
    keyword = [
        f"{row.schema.args[i].name}={text}" if row.schema.args[i].kw_only else text for i, text in enumerate(texts)
    ]
    keyword += [f"{key}={literal(value)}" for key, value in kwargs.items()]
    if how.startswith("."):
        call = f"{keyword[0]}{how}({', '.join(keyword[1:])})"
    else:
        call = f"{how}({', '.join(keyword)})"
    return [*out, call]


# ---- running ----------------------------------------------------------------------------------------------------------


def run(lines) -> str:
    """What the last of some statements prints; large results by their sizes."""
    names = {"torch": framejit, "framejit": framejit}
    framejit.manual_seed(0)
    for line in lines[:-1]:
        exec(line, names)
    value = eval(lines[-1], names)
    return "" if value is None else repr(value)


def candidates(how, row):
    if row.cols.get("example"):
        inplace = how.endswith("_") and not row.schema.name.endswith("_")
        text = row.cols["example"].strip()
        if inplace:
            name = row.schema.name
            text = re.sub(rf"^torch\.{name}\((.*?\)), (.*)\)$", rf"\1.{name}(\2)", text).replace(
                f".{name}(", f".{name}_("
            )
        yield text.split("\n")
        return
    spec = op_samples.evaluate(row.cols["samples"])
    if spec is None:
        return
    dtype = "float32" if "float32" in spec.dtypes else "int64" if "int64" in spec.dtypes else spec.dtypes[0]
    for args, kwargs in spec.samples(dtype):
        yield lines_of(how, row, [rounded(a) for a in args], {k: rounded(v) for k, v in kwargs.items()})


def example(how, row) -> tuple[list[str], str] | None:
    """The candidate that is shortest with its output, none of it empty; or with sizes for output if all are long."""
    best = None
    for lines in candidates(how, row):
        try:
            text = run(lines)
            if not row.cols.get("example") and (len(text.split("\n")) > 8 or "torch.rand" in " ".join(lines)):
                lines = [*lines[:-1], sizes_of(lines)]
                text = run(lines)
        except Exception:
            continue
        cost = sum(map(len, lines)) + len(text) + dullness(" ".join(lines), text)
        if best is None or cost < best[0]:
            best = cost, lines, text
    return best and best[1:]


def sizes_of(lines) -> str:
    """An expression for the sizes of what an example gives."""
    several = len(run([*lines[:-1], f"isinstance({lines[-1]}, tuple)"])) == 4  # True
    return f"[part.shape for part in {lines[-1]}]" if several else f"{lines[-1]}.shape"


def dullness(code, text) -> int:
    """How little an example says: nothing in it, one number, no negative one, sizes alone."""
    cost = 1000 * any(sign in code + text for sign in ("tensor([]", "[[]", "size=(0", "nan", "([0]"))
    cost += 200 * (".shape" in code)
    if "torch.rand" not in code:
        cost += 300 * (re.search(r"tensor\(\[[^\]]*,", code) is None)
        cost += 20 * ("-" not in code)
    return cost


# ---- errors -----------------------------------------------------------------------------------------------------------


def raised(function, args, kwargs) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*args, **kwargs)
    except Exception as error:
        return type(error).__name__
    return None


def to_tensors(value):
    if isinstance(value, np.ndarray):
        return framejit.from_numpy(np.array(value))
    if isinstance(value, op_samples.Dtype):
        return getattr(framejit, value.name)
    return [to_tensors(v) for v in value] if isinstance(value, list) else value


def errors(how, row) -> dict[str, list[str]]:
    """Type of error -> the faults that raise it."""
    found: dict[str, list[str]] = {}
    function = callable_of(how)

    def probe(fault, args, kwargs):
        kind = raised(function, args, kwargs)
        if kind and fault not in found.setdefault(kind, []):
            found[kind].append(fault)

    spec = None if row.cols.get("samples", "").startswith("none(") else op_samples.evaluate(row.cols["samples"])
    schema = row.schema.args
    probe("arguments of other types", [object()] * max(1, sum(a.default is None for a in schema)), {})
    samples = [] if spec is None else spec.samples("float32" if "float32" in spec.dtypes else spec.dtypes[0])
    good = next((s for s in samples if not raised(function, list(map(to_tensors, s[0])), s[1])), None)
    if good is None:
        return found
    args = list(map(to_tensors, good[0]))
    kwargs = {key: to_tensors(value) for key, value in good[1].items()}
    given = {a.name: i for i, a in enumerate(schema)}
    if "dim" in given:
        at = given["dim"]
        if at < len(args) and isinstance(args[at], int):
            probe("a dimension that is not there", [*args[:at], 99, *args[at + 1 :]], kwargs)
        elif at >= len(args):
            probe("a dimension that is not there", args, {**kwargs, "dim": 99})
    tensors = [i for i, a in enumerate(args) if isinstance(a, framejit.Tensor)]
    if len(tensors) > 1:
        args_of = lambda i, t: [*args[:i], t, *args[i + 1 :]]
        odd = [framejit.zeros(97, 89, 83, dtype=args[i].dtype) for i in tensors]
        if any(raised(function, args_of(i, t), kwargs) for i, t in zip(tensors[1:], odd[1:])):
            i, t = next((i, t) for i, t in zip(tensors[1:], odd[1:]) if raised(function, args_of(i, t), kwargs))
            probe("sizes that do not fit", args_of(i, t), kwargs)
    if tensors:
        i = tensors[0]
        for name in ("bool", "int64", "float32"):
            if str(args[i].dtype).endswith(name):
                continue
            probe(f"dtype {name}", [*args[:i], args[i].to(getattr(framejit, name)), *args[i + 1 :]], kwargs)
    return found


def callable_of(how):
    if how.startswith("."):
        return lambda x, *args, **kwargs: (
            getattr(x, how[1:])(*args, **kwargs)
            if isinstance(x, framejit.Tensor)
            else getattr(framejit.Tensor, how[1:])(x, *args, **kwargs)
        )
    return eval(how, {"torch": framejit})


def errors_line(found) -> str:
    parts = [
        f"{kind} for {', '.join(faults[:-1]) + ' and ' + faults[-1] if faults[1:] else faults[0]}"
        for kind, faults in found.items()
    ]
    return f"Raises {', '.join(parts)}." if parts else ""


def text_of(lines, output) -> str:
    return "\n".join([f">>> {line}" for line in lines] + ([output] if output else []))


def make() -> str:
    out = [HEAD]
    with contextlib.redirect_stderr(io.StringIO()):
        for row in op_table.table.load(op_table.ROOT / "csrc/ops/table"):
            for key, how in places(row).items():
                made = example(how, row)
                body = [errors_line(errors(how, row))]
                if made:
                    body += ["", text_of(*made)]
                out.append(f"## {key}\n" + "\n".join(body).strip() + "\n")
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    text = make()
    if parser.parse_args().check:
        if text != OUT.read_text():
            print(f"{OUT} is not up to date: run {sys.argv[0]}", file=sys.stderr)
            return 1
        return 0
    OUT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
