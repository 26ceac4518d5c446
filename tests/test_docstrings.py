"""Every public name has a docstring with types, errors and an example, and every example prints what it says."""

import builtins
import doctest
import importlib.util
import inspect
import os
import sys
import unittest
import warnings

import framejit

from tests import op_table, public_names

sys.path.insert(0, str(op_table.ROOT / "tools"))
make_op_examples = importlib.import_module("make_op_examples")

FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL | doctest.NORMALIZE_WHITESPACE


def described(names):
    return {name: " ".join(found) for name, value in names.items() if (found := public_names.lacks(value))}


def run_examples(name, value):
    """The report of what the examples in a docstring print otherwise; empty if they hold."""
    text = value.__doc__ if inspect.ismodule(value) else inspect.getdoc(value)
    home = (
        importlib.import_module(getattr(value, "__module__", None) or "framejit")
        if not inspect.ismodule(value)
        else value
    )
    # an example may use names of its own module, but those of the language stay what they are
    names = {**vars(home), **vars(builtins), "framejit": framejit, "__name__": "__main__"}
    test = doctest.DocTestParser().get_doctest(text, names, name, None, 0)
    out = []
    framejit.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=out.append)
    return "".join(out)


class DocstringTest(unittest.TestCase):
    maxDiff = None

    def test_the_surface_is_described(self):
        lacking = described(public_names.surface())
        if importlib.util.find_spec("pytest") is None:  # the plug-in cannot be imported then
            lacking.pop("testing.pytest_plugin", None)
        self.assertEqual(lacking, {})

    def test_the_package_is_described(self):
        self.assertEqual(described(public_names.package()), {})

    def test_examples(self):
        seen = set()
        for name, value in {**public_names.surface(), **public_names.package()}.items():
            text = value.__doc__ if inspect.ismodule(value) else inspect.getdoc(value)
            if not text or ">>> " not in text or text in seen:
                continue
            seen.add(text)
            with self.subTest(name=name):
                report = run_examples(name, value)
                self.assertEqual(report, "")
        self.assertGreater(len(seen), 700)

    def test_ops_say_what_they_do_now(self):
        text = make_op_examples.make()
        if os.environ.get("FRAMEJIT_UPDATE_DOCS") == "1":
            make_op_examples.OUT.write_text(text)
        self.assertEqual(make_op_examples.OUT.read_text(), text, "run tools/make_op_examples.py")


if __name__ == "__main__":
    unittest.main()
