"""Checks (or with --fix applies) clang-format on csrc/ and `ruff format` on the Python code.

X-macro tables (.def, .inc) keep their hand-made columns and are left alone.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("--clang-format", default="clang-format")
    parser.add_argument("--ruff", default="ruff")
    arguments = parser.parse_args()

    sources = sorted(str(p) for p in (ROOT / "csrc").rglob("*") if p.suffix in (".h", ".cpp"))
    how = ["-i"] if arguments.fix else ["--dry-run", "-Werror", "--ferror-limit=1"]
    unformatted = 0
    for start in range(0, len(sources), 40):
        done = subprocess.run(
            [arguments.clang_format, *how, *sources[start : start + 40]], stderr=subprocess.PIPE, text=True
        )
        names = {line.split(":")[0] for line in done.stderr.splitlines() if "clang-format-violations" in line}
        unformatted += len(names)
        for name in sorted(names):
            print(f"not formatted: {Path(name).relative_to(ROOT)}")
    ruff = subprocess.run([arguments.ruff, "format", *([] if arguments.fix else ["--check"]), str(ROOT)])
    if unformatted or ruff.returncode:
        print("`make format` puts this right")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
