"""The ends of the ops' docstrings: their errors and examples, which tools/make_op_examples.py has found by running them.

The extension asks for them when somebody reads an op's `__doc__`; schema and first line come from the op table.
"""

import functools
from pathlib import Path


@functools.cache
def _sections():
    parts = Path(__file__).with_name("_op_examples.txt").read_text().split("\n## ")[1:]
    return {name: text.strip() for name, _, text in (part.partition("\n") for part in parts)}


def ends(rows):
    """A tuple of texts: what follows the description of each of these rows in the docstring that they share."""
    out, imported = [], False
    for row in rows:
        errors, _, example = _sections().get(row, "").partition("\n\n")
        if errors.startswith(">>> "):
            errors, example = "", errors
        if example and not imported:
            example, imported = ">>> import framejit as torch\n" + example, True
        out.append("".join(f"\n{part}\n" for part in (errors, example) if part))
    return tuple(out)
