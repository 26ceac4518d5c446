"""Installs a wheel as a user would and tries it: test_wheel.py WHEEL_OR_FOLDER [--limit-mb 120].

Run by the interpreter that the wheel is for. The fresh environment's PATH holds nothing but its own bin folder: no
compiler, no CMake, no headers. Checks that a function compiles and agrees with eager, that a training step lowers the
loss, that a program compiled ahead of time runs and the C library loads it, that the licences came along, and how big the wheel and everything installed with it are.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

PROGRAM = """
import sys
import framejit as fj
assert "numpy" not in sys.modules, "import framejit must not import NumPy"
from framejit import nn

def curve(x, y):
    return 2 * fj.sin(x) + fj.exp(-y * y)

fj.manual_seed(0)
x, y = fj.randn(1000), fj.randn(1000)
fast = fj.compile(curve, fullgraph=True)
assert fj.allclose(fast(x, y), curve(x, y), atol=1e-6), "compiled and eager differ"

model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = fj.optim.SGD(model.parameters(), lr=0.05)
inputs = fj.randn(64, 8)
targets = inputs.sum(1, keepdim=True)
compiled = fj.compile(model)
losses = []
for _ in range(5):
    optimizer.zero_grad()
    loss = ((compiled(inputs) - targets) ** 2).mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0], losses
a = fj.randn(300, 300)
assert fj.allclose((a @ a)[:, 0], (a * a[:, 0]).sum(1), atol=1e-3), "matrix multiplication is wrong"

import ctypes, os, tempfile
path = os.path.join(tempfile.mkdtemp(), "model.fj")
fj.export.aot_compile(fj.export.export(model, (inputs,)), path)
assert fj.allclose(fj.export.aot_load(path)(inputs), model(inputs), atol=1e-5), "the program compiled ahead of time is wrong"
package = os.path.dirname(fj.__file__)
library = ctypes.CDLL(os.path.join(package, "lib", "libframejit.so"))
library.framejit_load.restype = ctypes.c_void_p
assert library.framejit_load(path.encode()), "libframejit.so does not load a program"
assert os.path.exists(os.path.join(package, "include", "framejit.h")), "framejit.h is not installed"
print(f"compiled and trained: loss {losses[0]:.3f} -> {losses[-1]:.3f}")
"""


def find_wheel(place):
    if place.is_file():
        return place
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    found = sorted(place.glob(f"framejit-*-{tag}-{tag}-*.whl"), key=lambda path: path.stat().st_mtime)
    if not found:
        sys.exit(f"no wheel for {tag} in {place}")
    return found[-1]


def megabytes(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink()) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("place", type=Path)
    parser.add_argument("--limit-mb", type=float, default=120)
    parser.add_argument("--wheel-limit-mb", type=float, default=15)
    arguments = parser.parse_args()
    wheel = find_wheel(arguments.place)

    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("asmjit.txt", "LICENSE", "py.typed"):
        if not any(name.endswith(needed) for name in names):
            sys.exit(f"{wheel.name} has no {needed}")

    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "environment")
        venv.create(home, with_pip=True)
        site = next(home.glob("lib/python*/site-packages"))
        before = megabytes(site)
        python = home / "bin" / "python"
        bare = {"PATH": str(home / "bin"), "HOME": scratch}
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
        subprocess.run(install, check=True, env={**os.environ, **bare})
        subprocess.run([python, "-c", PROGRAM], check=True, env=bare, cwd=scratch)
        installed = megabytes(site) - before
    size = wheel.stat().st_size / 1e6
    print(f"{wheel.name}: {size:.1f} MB, {installed:.0f} MB installed with its dependencies")
    if size > arguments.wheel_limit_mb or installed > arguments.limit_mb:
        sys.exit(f"past the limit of {arguments.wheel_limit_mb:.0f} MB a wheel, {arguments.limit_mb:.0f} MB installed")


if __name__ == "__main__":
    main()
