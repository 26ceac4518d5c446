"""Names and texts with lone surrogates, which UTF-8 has no place for: plain and compiled calls answer alike."""

import collections
import sys
import types
import unittest

import framejit

NAME = "\ud800x"


class Holder:
    pass


HOLDER = Holder()
setattr(HOLDER, NAME, 3)
NAMELESS = types.ModuleType("gone")
del NAMELESS.__name__

SUBJECTS = [
    lambda x: getattr(HOLDER, NAME),
    lambda x: getattr(HOLDER, NAME + "y", 1),
    lambda x: getattr(Holder(), NAME),
    lambda x: setattr(3, NAME, 4),
    lambda x: delattr(Holder(), NAME),
    lambda x: getattr(x, NAME),
    lambda x: getattr(x, "shape\0"),
    lambda x: getattr(Holder, NAME),
    lambda x: getattr(len, NAME),
    lambda x: getattr(lambda: 1, NAME),
    lambda x: getattr((i for i in ()), NAME),
    lambda x: getattr(super(Holder, HOLDER), NAME),
    lambda x: getattr(sys, NAME),
    lambda x: NAMELESS.absent,
    lambda x: delattr(NAMELESS, "absent"),
    lambda x: {NAME: 1}[NAME],
    lambda x: {}[NAME],
    lambda x: globals()[NAME],
    lambda x: (lambda **named: named)(**{NAME: 1}),
    lambda x: (lambda a: a)(**{NAME: 1}),
    lambda x: (lambda **named: named)(**{NAME: 1}, **{NAME: 2}),
    lambda x: framejit.add(x, x, **{NAME: 1}),
    lambda x: x.sum(**{NAME: 1}),
    lambda x: x.type(NAME),
    lambda x: x.to(NAME),
    lambda x: x.to("cpu\0"),
    lambda x: framejit.einsum(NAME, x),
    lambda x: framejit.autocast(NAME).__enter__(),
    lambda x: framejit.nn.functional.mse_loss(x, x, reduction=NAME),
    lambda x: getattr(framejit.ops.aten, NAME),
    lambda x: f"{NAME}{x.sum()}",
    lambda x: ("%s" % NAME, f"{NAME}", NAME.split("x"), NAME.encode("utf-8", "replace")),
    lambda x: format(3, NAME),
    lambda x: [NAME].index(NAME + "z"),
    lambda x: (_ for _ in ()).throw(ValueError(NAME)),
    lambda x: eval("'" + NAME + "'"),
    lambda x: int(NAME),
    lambda x: collections.namedtuple(NAME, "a"),
]


def outcome(function, x):
    try:
        return repr(function(x))
    except Exception as error:
        return type(error), str(error)


class LoneSurrogates(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def test_each(self):
        x = framejit.ones(2)
        for number, subject in enumerate(SUBJECTS):

            def between(x, subject=subject):
                y = x + 1
                return subject(x), y.tolist()

            with self.subTest(number):
                expected = outcome(between, x)
                compiled = framejit.compile(between)
                for _ in range(2):
                    self.assertEqual(outcome(compiled, x), expected)

    def test_names_of_code(self):
        def f(x):
            return x + 1

        f.__qualname__ = f.__name__ = NAME
        f.__code__ = f.__code__.replace(co_name=NAME, co_qualname=NAME, co_filename=NAME)
        self.assertEqual(framejit.compile(f)(framejit.ones(2)).tolist(), [2.0, 2.0])
        with self.assertRaisesRegex(framejit.dynamo.exc.Unsupported, NAME):
            g = framejit.compile(lambda x: getattr(HOLDER, NAME).imag + print(), fullgraph=True)
            g.__wrapped__.__code__ = g.__wrapped__.__code__.replace(co_name=NAME, co_qualname=NAME)
            g(framejit.ones(2))


if __name__ == "__main__":
    unittest.main()
