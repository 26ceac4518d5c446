"""torch.testing._internal.jit_utils: the test case for scripted code."""

import io
import sys

import framejit

from .common_utils import TestCase


class JitTestCase(TestCase):
    """A TestCase."""

    class capture_stdout(list):
        """What is printed while this is open: a list whose first item is the text."""

        stream = "stdout"

        def __enter__(self):
            self.before, self.text = getattr(sys, self.stream), io.StringIO()
            setattr(sys, self.stream, self.text)
            return self

        def __exit__(self, *error):
            setattr(sys, self.stream, self.before)
            self.append(self.text.getvalue())

    class capture_stderr(capture_stdout):
        """The same of the error output."""

        stream = "stderr"

    def getExportImportCopy(self, m, also_test_file=True, map_location=None):
        """What a module is after it has been saved and loaded."""
        file = io.BytesIO()
        framejit.jit.save(m, file)
        file.seek(0)
        return framejit.jit.load(file, map_location=map_location)
