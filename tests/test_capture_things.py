"""What may be done with objects of forty types that come from outside, plainly and compiled: results, exceptions and their texts."""

import unittest
import warnings

import framejit
from framejit import _C

from tests import capture_fuzz_things as things

SOURCE = """
def program(things, log):
    x, l, d = framejit.ones(2), [3, 1, 2], {{"k": 1}}
    for name in things:
        t = things[name]
        try:
            {}
        except Exception as e:
            log.append((name, type(e).__name__, str(e)[:100]))
    return x + 1, l, d
"""


def seen(function):
    log = []
    given = things.things()
    given.pop("array")  # a tensor's memory is bytes that it can be added to
    given.pop("bytes")
    try:
        result = things.told(function(given, log))
    except Exception as e:
        result = things.told((type(e).__name__, str(e)[:100]))
    return result, [things.told(entry) for entry in log]


class ThingsTest(unittest.TestCase):
    def check(self, uses):
        for use in uses:
            text = f"log.append((name, told({use})))" if use in things.USES else use
            scope = {"framejit": framejit, "told": things.told}
            exec(SOURCE.format(text.replace("@", "t")), scope)
            compiled = _C.CompiledFunction(scope["program"])
            with self.subTest(use=use), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for _ in range(2):
                    self.assertEqual(seen(compiled), seen(scope["program"]))

    def test_uses(self):
        self.check(things.USES)

    def test_statements(self):
        self.check(things.DONE)


if __name__ == "__main__":
    unittest.main()
