"""`import framejit` in a fresh process: the best of several, and that NumPy stays out."""

import subprocess
import sys

from benchmarks.harness import Row, peer

PROGRAM = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"


def seconds(module):
    out = subprocess.run([sys.executable, "-c", PROGRAM.format(module)], capture_output=True, text=True, check=True)
    return float(out.stdout)


def rows(options):
    names = ["framejit"] + [name for name in ("numpy", "torch") if peer(name)]
    samples = {name: [] for name in names}
    for _ in range(3 if options.quick else 9):
        for name in names:
            samples[name].append(seconds(name) * 1e3)
    best = {name: min(values) for name, values in samples.items()}
    ours = best.pop("framejit")
    yield Row("import", "import framejit, fresh process", "ms", ours, best, "at most 60 ms", ours <= 60)
