"""Kernels touch nothing outside their operands: arrays lie against inaccessible pages on both sides."""

import ctypes
import mmap
import sys
import unittest

import numpy as np

from tests.kernel_util import ISAS, TEXT, pointwise, run
from tests.test_codegen_nests import copy_text, reduce_text

PAGE = mmap.PAGESIZE


@unittest.skipUnless(sys.platform == "linux", "needs mprotect")
class Bounds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Three pages each; the outer two cannot be read or written."""
        libc = ctypes.CDLL(None, use_errno=True)
        cls.maps, cls.pages = [], []
        for _ in range(2):
            area = mmap.mmap(-1, 3 * PAGE)
            start = ctypes.addressof(ctypes.c_char.from_buffer(area))
            for page in (0, 2):
                assert libc.mprotect(ctypes.c_void_p(start + page * PAGE), ctypes.c_size_t(PAGE), 0) == 0
            cls.maps.append(area)
            cls.pages.append(np.frombuffer((ctypes.c_char * PAGE).from_address(start + PAGE), np.uint8))

    def place(self, which, dtype, n, at_end):
        size = n * np.dtype(TEXT[dtype]).itemsize
        page = self.pages[which]
        return (page[PAGE - size :] if at_end else page[:size]).view(TEXT[dtype])

    def test_contiguous(self):
        for dtype in TEXT:
            for n in [*range(1, 40), 64, 67, 100]:
                for at_end in (False, True):
                    for isa in ISAS:
                        x, y = self.place(0, dtype, n, at_end), self.place(1, dtype, n, at_end)
                        run(copy_text(dtype, "contig", "contig"), isa, [x, y], [n])

    def test_strided(self):
        for dtype in TEXT:
            for n in range(1, 36):
                for at_end in (False, True):
                    for isa in ISAS:
                        x = self.place(0, dtype, 2 * n - 1, at_end)[::2]
                        y = self.place(1, dtype, 2 * n - 1, at_end)[::2]
                        run(copy_text(dtype, "strided", "strided"), isa, [x, y], [n])

    def test_reductions_and_broadcasts(self):
        for isa in ISAS:
            for n in range(1, 70):
                x = self.place(0, "f32", n, True)
                y = self.place(1, "f32", 1, True)
                run(reduce_text("sum", "f32", "r"), isa, [x, y.reshape(())], [n], maps=[(0,), ()])
                columns = self.place(1, "f32", n, True)
                run(reduce_text("max", "f32", "rp"), isa, [x.reshape(1, n), columns], [1, n], maps=[(0, 1), (1,)])
                text = pointwise("add", "f32", 2, classes=("broadcast", "contig", "contig"))
                run(text, isa, [np.broadcast_to(y, (n,)) if n == 1 else np.broadcast_to(columns[-1:], (n,)), x, x], [n])


if __name__ == "__main__":
    unittest.main()
