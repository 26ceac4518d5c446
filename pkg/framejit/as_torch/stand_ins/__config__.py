"""torch.__config__: how this was built."""

from framejit._version import __version__


def show():
    """A text, as PyTorch has one; without the names of libraries that are not there."""
    return f"framejit {__version__} as PyTorch\n  - own code generator (x86-64)\n  - BLAS and LAPACK: OpenBLAS"


def parallel_info():
    """How many threads there are."""
    import framejit

    return f"framejit's thread pool: {framejit.get_num_threads()} threads"


def _cxx_flags():
    return ""
