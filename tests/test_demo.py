"""The demo: its data, and a short run of each model that learns and agrees with the eager one."""

import contextlib
import io
import os
import tempfile
import unittest

from framejit.demo import __main__ as demo
from framejit.demo.data import load_digits, split


class DataTest(unittest.TestCase):
    def test_digits(self):
        images, labels = load_digits()
        self.assertEqual((tuple(images.shape), tuple(labels.shape)), ((1797, 1, 8, 8), (1797,)))
        self.assertEqual((images.min().item(), images.max().item()), (0, 1))
        self.assertEqual(
            [int((labels == d).sum()) for d in range(10)], [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        )
        self.assertEqual([len(part) for part in split(images, labels)], [1438, 1438, 359, 359])


class RunTest(unittest.TestCase):
    def run_demo(self, *options):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = demo.main(list(options))
        return code, out.getvalue()

    def test_short_runs_agree(self):
        for model in ("cnn", "mlp"):
            with self.subTest(model):
                code, text = self.run_demo("--model", model, "--epochs", "2", "--picture", "")
                self.assertEqual(code, 0, text)
                accuracy = [line for line in text.splitlines() if "test accuracy" in line][0].split()[-2:]
                for value in accuracy:
                    self.assertGreater(float(value.rstrip("%")), 90, text)

    def test_bad_options_are_told_at_once(self):
        for options in (
            ["--epochs", "0"],
            ["--backend", "nothing"],
            ["--picture", "/no/such/folder/x.png"],
            ["--model", "rnn"],
        ):
            with self.assertRaises(SystemExit) as caught:
                self.run_demo(*options)
            self.assertEqual(caught.exception.code, 2)

    def test_picture(self):
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            self.skipTest("matplotlib is not installed")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "demo.png")
            self.run_demo("--model", "mlp", "--epochs", "1", "--picture", path)
            self.assertGreater(os.path.getsize(path), 10000)


if __name__ == "__main__":
    unittest.main()
