"""The list of bytecode instructions, csrc/py/opcodes.def, against the running interpreter's own."""

import opcode
import re
import sys
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "csrc" / "py" / "opcodes.def"
ROW = re.compile(r"^FJ_OP\((\w+), (-?\d+), (-?\d+), (-?\d+), (\d+), (\d+), (\d+)\)", re.MULTILINE)
VERSION = sys.version_info.minor - 11
# CPython's own: padding, the outermost frame, what the optimiser and monitoring put in the place of others
OTHERS = {"CACHE", "RESERVED", "INTERPRETER_EXIT", "ENTER_EXECUTOR"}
LAST = 255  # numbers beyond it are the compiler's, which no function has
OPMAP = {
    name: number for name, number in opcode.opmap.items() if number <= LAST and not name.startswith("INSTRUMENTED_")
}


def rows():
    for name, *numbers in ROW.findall(SOURCE.read_text()):
        numbers = [int(number) for number in numbers]
        yield name, numbers[:3], numbers[3:]


def cache_units(name):
    """The code units that follow an instruction: a list by number in 3.11 and 3.12, a dict by name in 3.13."""
    entries = opcode._inline_cache_entries
    return entries.get(name, 0) if isinstance(entries, dict) else entries[OPMAP[name]]


@unittest.skipUnless(0 <= VERSION <= 2, "the list has columns for 3.11, 3.12 and 3.13")
class InstructionsTest(unittest.TestCase):
    def test_numbers_and_caches(self):
        for name, numbers, caches in rows():
            with self.subTest(name=name):
                self.assertEqual(numbers[VERSION], OPMAP.get(name, -1))
                if name in OPMAP:
                    self.assertEqual(caches[VERSION], cache_units(name))

    def test_nothing_is_left_out(self):
        listed = {name for name, _, _ in rows()}
        missing = set(OPMAP) - listed - OTHERS
        self.assertEqual(missing, set())

    def test_rows_are_sorted(self):
        names = [name for name, _, _ in rows()]
        self.assertEqual(names, sorted(names))


if __name__ == "__main__":
    unittest.main()
