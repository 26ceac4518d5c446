"""A compilation that takes longer than a second says what it is doing: a bar of tqdm on a terminal, log lines elsewhere."""

import logging
import sys

from . import config

_log = logging.getLogger("framejit")
_bar = None


def report(name, seconds, stage, done):
    """Called by the extension each second; stage is None when the compilation has ended.

    name: of the compiled function, None for a backward pass. stage: "capture" with instructions read, a pass with the
    graph's nodes, or "kernels" with those compiled in this process.
    """
    global _bar
    if not config.compile_progress:
        return
    what = name or "a backward pass"
    tqdm = _tqdm()
    if tqdm is None:
        _log_line(what, seconds, stage, done)
    elif stage is None:
        if _bar is not None:
            _bar.close()
        _bar = None
    else:
        if _bar is None:
            _bar = tqdm(desc=f"compiling {what}", bar_format="{desc}: {postfix}", leave=False)
        _bar.set_postfix_str(f"{seconds:.0f} s, {stage} {done}")


def _tqdm():
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm


def _log_line(what, seconds, stage, done):
    if stage is None:
        _log.warning("compiled %s in %.1f s", what, seconds)
    else:
        _log.warning("compiling %s for %.0f s: %s %d", what, seconds, stage, done)
