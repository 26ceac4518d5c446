"""Writes docs/ops.md: op by op, what tests hold.

`python tools/make_op_page.py` writes the rows of the op table anew; `--records NAME=FILE ...` with files of
`python -m tests.peer.op_database --json FILE` also writes the part on PyTorch's operator database, `--commit` says of when.
"""

import argparse
import collections
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "pkg"), str(ROOT / "tools")]

from opgen import table  # noqa: E402

PAGE = ROOT / "docs" / "ops.md"
HEAD = """# Ops

Written by `tools/make_op_page.py`. First PyTorch's operator database, run by `python -m tests.peer.op_database`; then the rows of
the op table with the tests that each of them has.

"""
DATABASE = "## PyTorch's operator database\n"
ROWS = "## The rows of the op table\n"
ROWS_HEAD = """
Every mark is a test of the suite that runs over all samples of the row: 0-d, empty, broadcast and larger tensors, NaN and
infinities where the op takes them, contiguous and strided. Rows without samples say what tests them.

- *dtypes*: `float64` is f64, `bfloat16` bf16; complex tensors go through the row's `complex` rule (docs/complex.md).
- *NumPy*: results equal the row's NumPy reference (`tests/test_ops_matrix.py`).
- *torch*: results, dtypes, sizes and gradients are those of torch 2.13, eager and compiled (`tests/peer/test_peer_ops.py`).
- *compiled*: results, layouts and gradients are the eager ones, on machine code and, in CI, on the reference executor
  (`tests/test_compile_matrix.py`).
- *gradient*: 2 where the first and the second derivative agree with finite differences, 1 where only the first exists
  (`tests/test_autograd_rows.py`).
- *jvp*: forward derivatives, compiled, agree with backward ones (`tests/test_func_rows_compiled.py`).
- *vmap*: the batched op is the loop, eager and compiled (`tests/test_func_rows.py`, `tests/test_func_rows_compiled.py`).

"""


def short(dtype):
    return dtype.replace("float", "f").replace("uint", "u").replace("int", "i").replace("complex", "c")


def rows_text():
    from tests import op_samples, test_autograd_rows, test_compile_matrix, test_func_rows, test_func_rows_compiled
    from tests.peer import test_peer_ops
    from tests.test_ops_matrix import OpMatrix

    lines = [
        ROWS,
        ROWS_HEAD,
        "| row | dtypes | NumPy | torch | compiled | gradient | jvp | vmap |\n|" + "---|" * 8 + "\n",
    ]
    by_hand = []
    for row in sorted(table.load(ROOT / "csrc/ops/table"), key=lambda r: r.key):
        samples = row.cols["samples"]
        spec = op_samples.evaluate(samples)
        if spec is None:
            by_hand.append(f"- `{row.key}`: {samples[6:-2]}\n")
            continue
        name = f"test_{row.schema.ident}"
        dtyped = [f"{name}_{d}" for d in spec.dtypes]
        mark = lambda case, names=(name,): "yes" if any(hasattr(case, n) for n in names) else ""  # noqa: E731
        reference = not row.cols.get("ref", "none(").startswith("none(") and mark(OpMatrix, dtyped)
        gradient = mark(test_autograd_rows.Derivatives) and ("1" if row.key in test_autograd_rows.ONCE else "2")
        marks = [
            " ".join(map(short, spec.dtypes)),
            reference or "",
            mark(test_peer_ops.PeerOps, dtyped),
            mark(test_compile_matrix.CompiledMatrix, dtyped),
            gradient,
            mark(test_func_rows_compiled.Directions),
            mark(test_func_rows.Batched),
        ]
        lines.append(f"| `{row.key}` | " + " | ".join(marks) + " |\n")
    return "".join([*lines, "\n### Rows without samples\n\n", *by_hand])


def share(records, kind):
    mine = [r for r in records if r["kind"] == kind]
    good = sum(r["cause"] == "agrees" for r in mine)
    return f"{good}/{len(mine)} = {100 * good / max(1, len(mine)):.2f} %" if mine else ""


def database_text(files, commit):
    """`files`: {name of a run: its records}."""
    from tests.peer import op_database

    lines = [DATABASE, f"\nSamples of which torch gives no result are not counted. State: {commit}.\n\n"]
    lines.append("| run | ops | values | gradients | error inputs | native kernels |\n|---|---|---|---|---|---|\n")
    missed = collections.defaultdict(lambda: collections.defaultdict(list))
    ops = set()
    for name, records in files.items():
        records = [r for r in records if r["cause"] != "no reference"]
        ops |= {r["op"] for r in records}
        good = [r for r in records if r["kind"] != "errors" and r["cause"] == "agrees"]
        native = sum(r.get("native", False) for r in good)
        shown = f"{native}/{len(good)}" if native else ""
        count = len({r["op"] for r in records})
        lines.append(
            f"| {name} | {count} | {share(records, 'value')} | {share(records, 'grad')} | {share(records, 'errors')} | {shown} |\n"
        )
        for r in records:
            if r["cause"] != "agrees":
                missed[r["op"]][name].append(r)
    lines.append("\nLeft out:\n\n")
    for op, why in {**op_database.LEFT_OUT, **op_database.LEFT_OUT_COMPILED}.items():
        lines.append(f"- `{op}`{'' if op in op_database.LEFT_OUT else ' (compiled only)'}: {why}\n")
    lines.append(
        f"\nOf {len(ops)} ops (variants counted) {len(ops) - len(missed)} agree in every sample of every run. The others:\n\n"
        "| op | misses | the first of them |\n|---|---|---|\n"
    )
    for op in sorted(missed):
        counts = ", ".join(f"{name} {len(found)}" for name, found in missed[op].items())
        first = next(iter(missed[op].values()))[0]
        text = f"{first['kind']} {first['dtype']}, {first['cause']}: {first['text']}".replace("|", "/").replace(
            "\n", " "
        )
        lines.append(f"| `{op}` | {counts} | {text[:160]} |\n")
    return "".join([*lines, "\n"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", nargs="*", default=[], metavar="NAME=FILE")
    parser.add_argument("--commit", default="")
    options = parser.parse_args()
    if options.records:
        files = {}
        for pair in options.records:
            name, _, path = pair.partition("=")
            files[name] = [json.loads(line) for line in Path(path).read_text().splitlines()]
        database = database_text(files, options.commit)
    else:
        old = PAGE.read_text()
        database = old[old.index(DATABASE) : old.index(ROWS)]
    PAGE.write_text(HEAD + database + rows_text())


if __name__ == "__main__":
    main()
