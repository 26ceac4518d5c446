"""Writes docs/constructs.md and tests/constructs/breaks.txt from what tests/constructs sees.

`python tools/make_constructs.py` runs every case on this interpreter and records the ones that are not one graph;
`--docs` writes the page from the recorded lines of all versions.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "pkg")]

from tests import constructs  # noqa: E402
from tests.constructs.check import explain, outcome  # noqa: E402

PAGE = ROOT / "docs" / "constructs.md"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
HEAD = """# Constructs of Python

Written by `tools/make_constructs.py` from the cases of `tests/constructs`, which run each construct plainly and compiled, with
tensor work before, inside and after it, and compare result, effects, exceptions and printed text in order. A construct is *one
graph* if its whole function is one segment; otherwise the reason is a row of `csrc/capture/break_reasons.def`, and the function
is several segments with the interpreter between them. Where an exception leaves the function, the one segment ends at the
instruction that raises: CPython carries that out, for a real traceback. Versions: the Pythons on which a construct breaks.

"""


def measure():
    rows = {}
    for case in constructs.load():
        seen = explain(case)
        expected = outcome(case.function, case.function)
        if any(got != expected for got in seen.outcomes):
            sys.exit(f"{case.id}: plain and compiled call differ")
        if seen.reason and not case.call_out:
            rows[case.id] = seen.reason
    return rows


def record():
    rows = measure()
    kept = [
        line for line in constructs.BREAKS_FILE.read_text().splitlines() if line and not line.startswith(VERSION + " ")
    ]
    lines = kept + [f"{VERSION} {name} {reason}" for name, reason in rows.items()]
    constructs.BREAKS_FILE.write_text("\n".join(sorted(lines)) + "\n")
    counted = [c for c in constructs.load() if not c.call_out]
    print(f"{len(counted) - len(rows)} of {len(counted)} constructs are one graph on {VERSION}")


def page():
    known = constructs.known_breaks()
    versions = sorted({v for v, _ in known} | {VERSION}, key=lambda v: int(v[2:]))
    groups = {}
    for case in constructs.load():
        groups.setdefault(case.group, []).append(case)
    text = [HEAD]
    counted = [c for c in constructs.load() if not c.call_out]
    for v in versions:
        broken = sum((v, c.id) in known for c in counted)
        text.append(f"On {v}, {len(counted) - broken} of {len(counted)} constructs are one graph.\n")
    for title, cases in groups.items():
        call_outs = all(c.call_out for c in cases)
        text.append(f"\n## {title}\n\n" + ("" if call_outs else "| construct | one graph |\n|---|---|\n"))
        if call_outs:
            text.append("Right, but never one graph: " + ", ".join(c.name for c in cases) + ".\n")
            continue
        for c in cases:
            reasons = {v: known[v, c.id] for v in versions if (v, c.id) in known}
            which = "" if len(reasons) == len(versions) else f" ({', '.join(reasons)})"
            said = "yes" if not reasons else f"no: {next(iter(reasons.values()))}{which}"
            text.append(f"| {c.name} | {said} |\n")
    PAGE.write_text("".join(text))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true")
    page() if parser.parse_args().docs else record()
