"""Files as memory, for storages."""

import mmap
import os


def map_file(filename, shared=False, nbytes=0):
    """A writable memory map of the file's first bytes; `shared`: what is written goes to the file, which may grow."""
    with open(filename, "r+b" if shared else "rb") as file:
        size = os.fstat(file.fileno()).st_size
        nbytes = nbytes or size
        if nbytes > size:
            if not shared:
                raise RuntimeError(f"unable to mmap {nbytes} bytes from file <{filename}>: it has {size}")
            file.truncate(nbytes)
        if nbytes == 0:
            return bytearray()
        return mmap.mmap(file.fileno(), nbytes, access=mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY)
