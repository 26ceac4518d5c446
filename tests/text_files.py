"""Text tests: tests/files/<room>/*.fj hold an input and what a pass makes of it.

    # run: run_pass simplify        the call: a name of framejit._C._debug, then its leading arguments
    <input text>
    ----
    <expected output>

`python -m tests.text_files --update` writes the outputs that the present build gives.
"""

import sys
from pathlib import Path

FILES = Path(__file__).parent / "files"
RULE = "----\n"


def cases(room=None):
    return sorted(FILES.glob(f"{room or '*'}/*.fj"))


def read(path):
    """(function name, leading arguments, input text, expected text)"""
    head, _, rest = path.read_text().partition("\n")
    if not head.startswith("# run: "):
        raise ValueError(f"{path.name}: the first line must be '# run: function arguments'")
    name, *args = head.removeprefix("# run: ").split()
    text, _, expected = rest.partition(RULE)
    return name, args, text, expected


def result(path):
    from framejit import _C

    name, args, text, _ = read(path)
    try:
        return getattr(_C._debug, name)(*args, text)
    except (ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}\n"


def update():
    for path in cases():
        head, _, rest = path.read_text().partition("\n")
        text = rest.partition(RULE)[0]
        path.write_text(f"{head}\n{text}{RULE}{result(path)}")


if __name__ == "__main__":
    if "--update" in sys.argv:
        update()
