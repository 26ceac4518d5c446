"""python -m framejit.as_torch: run a script, a module or a command with `import torch` meaning framejit."""

import os
import runpy
import sys

from framejit.as_torch import install

_USAGE = "usage: python -m framejit.as_torch (SCRIPT | -m MODULE | -c COMMAND) [ARGUMENT ...]"


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE)
        return 0 if arguments else 2
    first = arguments[0]
    if first in ("-m", "-c") and len(arguments) < 2:
        print(f"{_USAGE}\nframejit.as_torch: {first} needs an argument", file=sys.stderr)
        return 2
    install()
    if first == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *arguments[2:]]
        sys.path[0] = ""
        exec(compile(arguments[1], "<string>", "exec"), vars(_fresh_main()))
    elif first.startswith("-"):
        print(f"{_USAGE}\nframejit.as_torch: unknown option {first}", file=sys.stderr)
        return 2
    else:
        sys.argv = list(arguments)
        sys.path[0] = os.path.dirname(os.path.abspath(first))
        runpy.run_path(first, run_name="__main__")
    return 0


def _fresh_main():
    """A `__main__` without this file's names, as a command has it."""
    module = type(sys)("__main__")
    sys.modules["__main__"] = module
    return module


sys.exit(main(sys.argv[1:]))
