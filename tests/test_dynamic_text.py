"""Texts of sizes that stay open: they are not looked at before they matter, so one segment serves all sizes."""

import unittest

import framejit as fj
from framejit import dynamo


def _parts(x):
    n = x.shape[0]
    return x * 2, f"{n} of {n:5d}|{n!r}|{n / 2:.2f}", str(n) + "x", repr(n), "%s|%d" % (n, n + 1)


def _checked(x):
    n = x.shape[0]
    fj._assert(n > 1, f"Wrong size {n}")
    fj._assert(x.dim() == 1, f"Wrong shape {x.shape}, {[n, n + 1]}")
    return x.reshape(1, n) * 2, str(x.shape), "%s" % (x.shape,), f"{(n, 'a', 1.5)!r}"


def _format(x):
    n = x.shape[0]
    return x * 2, "{}-{k:>4}".format(n, k=n * 2), format(n, "x"), f"{f'<{n}>'}|{f'<{n}>'!s}"


def _refused(x):
    try:
        return x * 2, f"{x.shape[0]:zz}"
    except ValueError as error:
        return x * 3, str(error)


def _raises(x):
    raise ValueError(f"the size is {x.shape[0]}")


def _looks(x):
    text = f"<{x.shape[0]}>"
    return x * len(text), text.upper(), text == "<3>", text[1], {text: 1}, f"{text!r}|{text:>8}", text in ("<3>",)


def _outcome(function, x):
    try:
        return str(function(x))
    except Exception as error:
        return repr(error)


class Texts(unittest.TestCase):
    def outcomes(self, function):
        """Frames compiled for several sizes; each result is what the plain call gives."""
        compiled = fj.compile(function, dynamic=True)
        dynamo.utils.counters.clear()
        for n in (2, 3, 5, 7, 12):
            self.assertEqual(_outcome(compiled, fj.ones(n)), _outcome(function, fj.ones(n)))
        return dynamo.utils.counters["frames"]["total"]

    def test_texts_are_not_looked_at(self):
        for function in (_parts, _checked, _format, _refused, _raises):
            with self.subTest(function.__name__):
                self.assertEqual(self.outcomes(function), 1)

    def test_a_text_that_matters(self):
        self.assertEqual(self.outcomes(_looks), 5)

    def test_formats_that_are_no_formats(self):
        text = "abcde"
        nul, same, _ = fj.compile(lambda x: ("a\0b" % (), text % (), x + 1))(fj.ones(1))
        self.assertEqual(nul, "a\0b")
        self.assertIs(same, text)

    def test_back_end_in_python(self):
        graphs = []

        def backend(gm, inputs):
            graphs.append(gm)
            return gm.forward

        compiled = fj.compile(_parts, dynamic=True, backend=backend)
        for n in (2, 3, 5):
            self.assertEqual(str(compiled(fj.ones(n))), str(_parts(fj.ones(n))))
        self.assertEqual(len(graphs), 1)


if __name__ == "__main__":
    unittest.main()
