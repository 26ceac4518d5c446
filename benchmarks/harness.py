"""What the suites share: interleaved timing of contenders, rows with a target, a description of the machine.

Contenders are timed in turns, many short rounds each, so that a slow spell of the machine hits them alike; the figure
kept is the median over the rounds of the best-of-a-few within a round. All that is timed here runs on one thread (the
suites call `one_thread` first), and its CPU time is what counts: a machine that is busy with other work then slows
nobody but through its caches.
"""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Row:
    """One line of the table. `value` and `peers` are in `unit`; a target is met when `ok` is true."""

    suite: str
    case: str
    unit: str
    value: float
    peers: dict = field(default_factory=dict)
    target: str = ""
    ok: bool | None = None
    note: str = ""


@dataclass
class Options:
    rounds: int = 30
    quick: bool = False


def peer(name):
    """Imports a peer, or returns None where it is not installed."""
    try:
        return __import__(name)
    except ImportError:
        return None


def one_thread(framejit=None, torch=None):
    if framejit is not None and hasattr(framejit, "set_num_threads"):
        framejit.set_num_threads(1)
    if torch is not None:
        torch.set_num_threads(1)


def calls_for(function, seconds):
    """How many calls last about `seconds`."""
    count = 1
    while True:
        began = time.thread_time()
        for _ in range(count):
            function()
        took = time.thread_time() - began
        if took >= seconds / 4 or count >= 1 << 22:
            return max(1, int(count * seconds / max(took, 1e-9)))
        count *= 4


def timed(function, count):
    repeat = [None] * count
    clock = time.thread_time
    began = clock()
    for _ in repeat:
        function()
    return (clock() - began) / count


def interleaved(contenders: dict[str, Callable], rounds=30, slice_seconds=0.004):
    """Median seconds a call of each contender, timed in turns. The loop's own cost (about 10 ns) is left in."""
    counts = {name: calls_for(function, slice_seconds) for name, function in contenders.items()}
    samples = {name: [] for name in contenders}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, function in contenders.items():
                samples[name].append(min(timed(function, counts[name]) for _ in range(3)))
    finally:
        gc.enable()
    return {name: statistics.median(values) for name, values in samples.items()}


def compare(suite, case, contenders, options, unit="us", target="", meets=None, note="", slice_seconds=0.004):
    """Times contenders (the first is ours) and makes the row; `meets(ours, peers)` decides about the target."""
    scale = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]
    times = interleaved(contenders, 5 if options.quick else options.rounds, slice_seconds)
    names = list(contenders)
    ours, peers = times[names[0]] * scale, {name: times[name] * scale for name in names[1:]}
    return Row(suite, case, unit, ours, peers, target, meets(ours, peers) if meets and peers else None, note)


def cpu_model():
    try:
        with open("/proc/cpuinfo") as lines:
            info = dict(line.split(":", 1) for line in lines.read().split("\n\n")[0].splitlines() if ":" in line)
    except OSError:
        return platform.processor(), ""
    info = {key.strip(): value.strip() for key, value in info.items()}
    flags = set(info.get("flags", "").split())
    isa = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "baseline"
    return info.get("model name", "?"), isa


def machine():
    model, isa = cpu_model()
    facts = {
        "cpu": model,
        "isa": os.environ.get("FRAMEJIT_ISA", isa),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }
    for name in ("framejit", "numpy", "torch"):
        module = peer(name)
        if module is not None:
            facts[name] = module.__version__
    return facts
