"""Type-checks a sample user program with mypy against the package and the stubs generated from the op table."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "tests" / "data" / "typed_user_program.py"


def main():
    environment = dict(os.environ, MYPYPATH=str(ROOT / "pkg"))
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--follow-imports=silent",
        "--cache-dir",
        str(ROOT / "build/mypy"),
        str(SAMPLE),
    ]
    return subprocess.run(command, env=environment, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
