"""docs/ops.md says of each row what its tests are now."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import make_op_page  # noqa: E402


class OpPage(unittest.TestCase):
    def test_rows(self):
        page = make_op_page.PAGE.read_text()
        now = make_op_page.rows_text()
        self.assertEqual(
            page[page.index(make_op_page.ROWS) :].splitlines(), now.splitlines(), "run tools/make_op_page.py"
        )

    def test_the_database_is_told(self):
        page = make_op_page.PAGE.read_text()
        records = [
            {
                "op": "sin",
                "dtype": "float32",
                "kind": "value",
                "index": 0,
                "cause": "agrees",
                "text": "",
                "native": True,
            },
            {"op": "cos", "dtype": "bool", "kind": "value", "index": 0, "cause": "value", "text": "1 for 2"},
            {"op": "tan", "dtype": "bool", "kind": "value", "index": 0, "cause": "no reference", "text": ""},
        ]
        text = make_op_page.database_text({"compiled": records}, "now")
        self.assertIn("| compiled | 2 | 1/2 = 50.00 % |", text)
        self.assertIn("| `cos` | compiled 1 | value bool, value: 1 for 2 |", text)
        self.assertIn("Of 2 ops (variants counted) 1 agree", text)
        self.assertLess(page.index(make_op_page.DATABASE), page.index(make_op_page.ROWS))


if __name__ == "__main__":
    unittest.main()
