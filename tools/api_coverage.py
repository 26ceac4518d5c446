"""Which of PyTorch's names framejit has: `python tools/api_coverage.py FREQUENCIES.tsv [COUNT]`.

The file has a name and its number of uses a line, most used first, as `torch.nn.Linear`, `Tensor.view` or
`import torch.nn`. The names are looked up under the torch names that `framejit.as_torch` gives to framejit's modules;
stand-ins that only let an import statement pass do not count. The last line says how many of the first COUNT resolve.
"""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "pkg"))

from framejit import as_torch  # noqa: E402


def resolve(name):
    """Whether a module, attribute or method of that name is there."""
    name = name.removeprefix("import ").replace("Tensor.", "torch.Tensor.", name.startswith("Tensor."))
    parts = name.split(".")
    found = importlib.import_module("torch")
    for i, part in enumerate(parts[1:], 2):
        if hasattr(found, part):
            found = getattr(found, part)
            continue
        try:
            found = importlib.import_module(".".join(parts[:i]))
        except Exception:
            return False
    return not type(found).__module__.endswith("._missing")


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 850
    rows = [line.split("\t") for line in Path(sys.argv[1]).read_text().splitlines()[1 : count + 1]]
    as_torch.install()
    missing = [row for row in rows if not resolve(row[0])]
    for row in missing:
        print("\t".join(row[:2]))
    print(f"{len(rows) - len(missing)} of {len(rows)} names")


if __name__ == "__main__":
    main()
