"""Checks the rank rule of csrc/: a room includes only itself and rooms of strictly lower rank.

Also: only `py` sees CPython's internal headers, and headers keep away from the standard headers that make every build
slow. Exits with 1 and one line per offence. A new room is added to RANKS, in the same change as docs/architecture.md.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"

RANKS = {
    "base": 0,
    "py": 1,
    "ops": 1,
    "runtime": 2,
    "graph": 2,
    "loop": 2,
    "tensor": 3,
    "guard": 4,
    "capture": 5,
    "transform": 5,
    "schedule": 5,
    "codegen": 5,
    "driver": 6,
    "aot": 6,
    "frame": 7,
    "bind": 8,
}

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
HEAVY = {"regex", "iostream", "functional", "sstream", "filesystem", "future"}


def offences(path):
    room = path.relative_to(CSRC).parts[0]
    text = path.read_text()
    if room not in RANKS:
        yield f"`{room}` is not a room; tools/check_layers.py lists them"
        return
    for included in INCLUDE.findall(text):
        target = included.split("/")[0]
        if "/" in included and target in RANKS and target != room and RANKS[target] >= RANKS[room]:
            yield f'includes "{included}": {room} (rank {RANKS[room]}) must not see {target} (rank {RANKS[target]})'
        if "internal/pycore" in included and room != "py":
            yield f'includes "{included}": only py sees the internals of CPython'
        if included in HEAVY and path.suffix == ".h":
            yield f"includes <{included}>, which is slow to compile, in a header"
    if "Py_BUILD_CORE" in text and room != "py":
        yield "mentions Py_BUILD_CORE: only py sees the internals of CPython"


def main():
    files = sorted(p for p in CSRC.rglob("*") if p.suffix in (".h", ".cpp", ".inc", ".def"))
    found = [f"{path.relative_to(ROOT)}: {text}" for path in files for text in offences(path)]
    print("\n".join(found) if found else f"layers: {len(files)} files keep the rank rule")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
