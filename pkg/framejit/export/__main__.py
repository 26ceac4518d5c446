"""Where a C compiler finds the header and the library: `python -m framejit.export --include`, `--lib`."""

import sys
from pathlib import Path

PLACES = {"--include": "include", "--lib": "lib"}


def main(arguments):
    """Prints the folders that the options name, one a line."""
    if not arguments or not set(arguments) <= set(PLACES):
        print("usage: python -m framejit.export [--include] [--lib]", file=sys.stderr)
        return 2
    for option in arguments:
        print(Path(__file__).resolve().parent.parent / PLACES[option])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
