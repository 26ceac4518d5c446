"""Deals the C++ files of csrc/ into batches that can be compiled as one: `unity_batches.py CSRC SIZE FILE...`.

Prints `batch;file` lines for CMake. Two files may share a batch where they are of one room and nothing that the one
names for itself (in an anonymous namespace, by `static`, `using` or `#define`) is also named or called by the other.
So a file may name its own things as it likes. It reads formatted code: a definition at namespace level begins in
column 0. A file that includes Python.h in its own way (Py_BUILD_CORE) is a batch by itself.
"""

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

USING = re.compile(r"^using (?:[\w:]+::)?(\w+);|^using (\w+) =")
TYPE = re.compile(r"^(?:template <.*> ?)?(?:struct|class|enum class|enum|union) (\w+)\b(?!.*\()")
MACRO_CALL = re.compile(r"^[A-Z][A-Z0-9_]+\((.*)$")
FUNCTION = re.compile(r"^[^=;{]*?([\w]+)\(")
VARIABLE = re.compile(r"^[\w:<>,*&\s]*?\b(\w+)(?:\[[^\]]*\])*\s*(?:=|;|\{)")
PLAIN = re.compile(r"^(?:namespace|#|//|\}|\)|\]|public|private|extern \"C\" \{|return)")


def defined_by(line):
    """The names that a line in column 0 defines; too many are better than too few."""
    if PLAIN.match(line) or not re.match(r"[A-Za-z_]", line):
        return []
    for pattern in (TYPE, USING):
        if match := pattern.match(line):
            return [next(name for name in match.groups() if name)]
    if match := MACRO_CALL.match(line):
        return re.findall(r"\w+", match.group(1))
    match = FUNCTION.match(line) or VARIABLE.match(line)
    return [match.group(1)] if match else []


def own_names(text, path):
    """What this file alone names: {name: what it stands for}."""
    names, hidden = {}, False
    for line in text.split("\n"):
        if line.startswith("namespace {"):
            hidden = True
        elif line.startswith("}  // namespace") and len(line) == len("}  // namespace"):
            hidden = False
        elif match := re.match(r"#define (\w+)", line):
            names[match.group(1)] = path
        elif hidden or line.startswith("static "):
            names.update((name, path) for name in defined_by(line))
        if match := re.match(r"using (.*);", line):
            for name in defined_by(line):
                names[name] = match.group(1)
    return names


class Headers:
    """The `using` lines, and Py_BUILD_CORE, that a file sees through the headers of csrc/."""

    def __init__(self, root):
        self.root, self.known = root, {}

    def names(self, text):
        found = {}
        for name in re.findall(r'^#include "(.*\.h)"', text, re.MULTILINE):
            found.update(self.of(name))
        return found

    def of(self, name):
        if name not in self.known:
            self.known[name] = {}
            path = self.root / name
            if path.exists():
                text = path.read_text()
                own = {n: m.group(1) for m in re.finditer(r"^using (.*);", text, re.M) for n in defined_by(m.group(0))}
                own.update((n, n) for n in re.findall(r"^#define (Py_BUILD_CORE)\b", text, re.M))
                self.known[name] = {**self.names(text), **own}
        return self.known[name]


@dataclass
class Batch:
    room: Path
    names: dict = field(default_factory=dict)
    called: set = field(default_factory=set)
    files: list = field(default_factory=list)

    def fits(self, names, called):
        clash = any(self.names.get(name, meaning) != meaning for name, meaning in names.items())
        return not clash and not called & self.names.keys() and not self.called & names.keys()

    def add(self, file, names, called):
        self.names.update(names)
        self.called |= called
        self.files.append(file)


def deal(files, root, size):
    headers, batches = Headers(root), []
    for file in files:
        path = Path(file)
        text = path.read_text()
        names = {**headers.names(text), **own_names(text, file)}
        called = set(re.findall(r"(?<![.>\w])(\w+)\(", text)) - names.keys()
        alone = "Py_BUILD_CORE" in names
        open_batches = (b for b in batches if b.room == path.parent and len(b.files) < size and b.fits(names, called))
        batch = None if alone else next((b for b in open_batches if "Py_BUILD_CORE" not in b.names), None)
        if batch is None:
            batch = Batch(path.parent)
            batches.append(batch)
        batch.add(file, names, called)
    return batches


def main():
    root, size = Path(sys.argv[1]), int(sys.argv[2])
    for number, batch in enumerate(deal(sys.argv[3:], root, size)):
        label = "_".join(batch.room.relative_to(root).parts)
        for file in batch.files:
            print(f"{label}_{number};{file}")


if __name__ == "__main__":
    main()
