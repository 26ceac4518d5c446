"""Reports how big files and functions are, and fails where one is past the hard limit.

The norms: files have a median of at most 150 lines, 90 % have at most 400, and 600 is the end; functions
have a median of at most 12 lines, 90 % at most 40, and 80 asks for a review. Tables (.toml, .def, .inc)
are exempt. `-v` lists every file and function past the point of review.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("csrc", "pkg", "tools", "tests", "benchmarks")
REVIEW_FILE, HARD_FILE, REVIEW_FUNCTION = 400, 600, 80

# In formatted code a definition at namespace level starts in column 0 and ends with a brace in column 0.
NOT_A_FUNCTION = re.compile(
    r"^(namespace|struct|class|enum|union|extern|constexpr|const|static const|inline const|#|//)"
)


def cpp_functions(lines):
    start = None
    for number, line in enumerate(lines):
        if start is None and line.rstrip().endswith("{") and "(" in line and not line.startswith((" ", "}")):
            start = None if NOT_A_FUNCTION.match(line) and not re.search(r"\)\s*(const)?\s*{$", line) else number
        elif line.startswith("}"):
            if start is not None:
                yield lines[start].strip(), number - start + 1
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def main():
    files, functions = [], []
    for path in sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*")):
        if path.suffix not in (".h", ".cpp", ".py"):
            continue
        name, text = str(path.relative_to(ROOT)), path.read_text()
        files.append((text.count("\n"), name))
        found = python_functions(text) if path.suffix == ".py" else cpp_functions(text.split("\n"))
        functions += [(lines, f"{name}: {what}") for what, lines in found]
    for title, sizes, review in (("files", files, REVIEW_FILE), ("functions", functions, REVIEW_FUNCTION)):
        counts = [lines for lines, _ in sizes]
        past = sorted((entry for entry in sizes if entry[0] > review), reverse=True)
        print(
            f"{title}: {len(counts)}, median {percentile(counts, 0.5)}, 90 % {percentile(counts, 0.9)}, "
            f"largest {max(counts)}; {len(past)} past {review} lines"
        )
        for lines, name in past if "-v" in sys.argv else past[:5]:
            print(f"  {lines:5}  {name}")
    over = [name for lines, name in files if lines > HARD_FILE]
    for name in over:
        print(f"too long: {name}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
