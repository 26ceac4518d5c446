#!/usr/bin/env python3
"""Generates the op table's C++ and the package's type stub from csrc/ops/table/*.toml.

gen_ops.py --table csrc/ops/table --out build/gen      write what changed
gen_ops.py --list-outputs                              names of what is compiled or shipped, relative to --out
"""

from __future__ import annotations

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from opgen import emit_cpp, emit_pyi, table  # noqa: E402

OUTPUTS = ["ops/op_table.cpp", "ops/op_ids.inc", "ops/calls.h", "ops/calls.cpp", "ops/rule_decls.h", "_C.pyi"]


def write(path: pathlib.Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--table", type=pathlib.Path)
    ap.add_argument("--out", type=pathlib.Path)
    ap.add_argument("--list-outputs", action="store_true")
    args = ap.parse_args()
    if args.list_outputs:
        print("\n".join(OUTPUTS))
        return 0
    try:
        rows = table.load(args.table)
        outputs = {**emit_cpp.emit(rows), "_C.pyi": emit_pyi.emit(rows)}
    except ValueError as e:
        print(f"gen_ops: {e}", file=sys.stderr)
        return 1
    for name, text in outputs.items():
        write(args.out / name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
