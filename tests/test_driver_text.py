"""Passes and schedules as text: every tests/files/{graph,transform,schedule}/*.fj gives what it says."""

import unittest

from tests import text_files


class TextFiles(unittest.TestCase):
    maxDiff = None


def add(path):
    def test(self):
        self.assertEqual(text_files.result(path), text_files.read(path)[3])

    setattr(TextFiles, f"test_{path.parent.name}_{path.stem}", test)


for room in ("graph", "transform", "schedule"):
    for file in text_files.cases(room):
        add(file)

if __name__ == "__main__":
    unittest.main()
