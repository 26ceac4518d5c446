"""The benchmark table: `python benchmarks/run.py [suite ...] [--json FILE] [--quick]`.

Prints one row a case: framejit's figure, the peers' (NumPy and torch, where installed) and whether the target is met.
Exits with 1 if a suite could not run; a missed target is only reported, unless `--strict`.
"""

import argparse
import importlib
import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import harness  # noqa: E402

SUITES = {
    "import": "import_time",
    "first_compile": "first_compile",
    "calls": "calls",
    "capture": "capture",
    "loops": "loops",
    "pointwise": "pointwise",
    "softmax": "softmax",
    "eager": "eager",
    "numpy": "numpy_functions",
    "demo": "demo_epoch",
}


def figure(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def show(row):
    peers = "  ".join(f"{name} {figure(value)} ({value / row.value:.2f}x)" for name, value in row.peers.items())
    verdict = {True: "met", False: "MISSED", None: ""}[row.ok]
    print(f"{row.suite:14} {row.case:44} {figure(row.value):>8} {row.unit:3}  {peers}")
    if row.target:
        print(f"{'':14} target {row.target}: {verdict or 'not judged here'}" + (f"; {row.note}" if row.note else ""))
    sys.stdout.flush()


def markdown(rows, facts):
    """The table of docs/performance.md."""
    yield "| what | framejit | peers | target | met |"
    yield "|---|---|---|---|---|"
    for row in rows:
        peers = ", ".join(f"{name} {figure(value)} {row.unit}" for name, value in row.peers.items()) or "-"
        met = {True: "yes", False: "no", None: "-"}[row.ok]
        yield f"| {row.case} | {figure(row.value)} {row.unit} | {peers} | {row.target or '-'} | {met} |"
    yield ""
    yield "Machine: " + ", ".join(f"{key} {value}" for key, value in facts.items()) + "."


def run_suite(name, options):
    module = importlib.import_module(f"benchmarks.suites.{SUITES[name]}")
    rows = []
    for row in module.rows(options):
        rows.append(row)
        show(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="suite", help=f"of {', '.join(SUITES)}; all by default")
    parser.add_argument("--json", metavar="FILE", help="append the rows to FILE, one JSON object a line")
    parser.add_argument("--markdown", action="store_true", help="end with the table of docs/performance.md")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: is it running at all?")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--strict", action="store_true", help="a missed target is an error")
    arguments = parser.parse_args()
    unknown = set(arguments.suites) - set(SUITES)
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}")

    facts = harness.machine()
    print("  ".join(f"{key}: {value}" for key, value in facts.items()))
    options = harness.Options(rounds=arguments.rounds, quick=arguments.quick)
    rows, broken = [], []
    for name in arguments.suites or SUITES:
        try:
            rows += run_suite(name, options)
        except Exception:
            traceback.print_exc()
            broken.append(name)
    if arguments.json:
        with open(arguments.json, "a") as out:
            for row in rows:
                out.write(json.dumps({**asdict(row), "machine": facts}) + "\n")
    if arguments.markdown:
        print("\n".join(["", *markdown(rows, facts), ""]))
    missed = [row for row in rows if row.ok is False]
    print(f"{len(rows)} rows, {len(missed)} targets missed" + (f", broken: {', '.join(broken)}" if broken else ""))
    return 1 if broken or (arguments.strict and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
