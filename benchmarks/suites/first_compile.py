"""First call of a compiled four-op function in a fresh process, `import` not counted: the best of several."""

import subprocess
import sys

from benchmarks.harness import Row

PROGRAM = """
import time
import framejit as fj
def f(x, y):
    return 2 * fj.sin(x) + fj.exp(-y * y)
x, y = fj.ones(1000), fj.ones(1000)
began = time.perf_counter()
fast = fj.compile(f)
fast(x, y)
first = time.perf_counter() - began
began = time.perf_counter()
fast(x, y)
print(first, time.perf_counter() - began)
"""


def rows(options):
    firsts, seconds = [], []
    for _ in range(3 if options.quick else 9):
        out = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout.split()
        firsts.append(float(out[0]) * 1e3)
        seconds.append(float(out[1]) * 1e3)
    first = min(firsts)
    note = f"second call {min(seconds) * 1e3:.1f} us"
    yield Row("first_compile", "first call of 2*sin(x)+exp(-y*y)", "ms", first, {}, "at most 5 ms", first <= 5, note)
