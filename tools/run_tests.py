"""Runs test suites: `python tools/run_tests.py [SUITE or MODULE ...]`, by default the suite `main`.

Each test module runs in a process of its own, a few at a time, so that a crash costs one module and is counted as a
failure. A module that is slow may hold the line `# run_tests: shards=4`; its tests are then dealt to four processes.
The last line reads `N passed, N failed, N skipped`. The exit code is 0 only if tests ran and none failed.
"""

import argparse
import concurrent.futures
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
CAPTURE_ROOMS = (
    "bind",
    "py",
    "frame",
    "capture",
    "guard",
    "driver",
    "compile",
    "surface",
    "as_torch",
    "docstrings",
    "fx",
)


def all_modules(folder, recursive_skip=()):
    files = sorted(p for p in folder.rglob("test_*.py") if not set(p.parts) & set(recursive_skip))
    return [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in files]


def capture_modules():
    pattern = re.compile(r"\.test_(%s)(_|$)" % "|".join(CAPTURE_ROOMS))
    return [name for name in all_modules(TESTS, ("peer", "wheel")) if pattern.search(name)]


SUITES = {
    "main": lambda: all_modules(TESTS, ("peer", "wheel")),
    "capture": capture_modules,
    "peer": lambda: all_modules(TESTS / "peer"),
}


# --- in the worker process ---


class RecordingResult(unittest.TextTestResult):
    """Also notes how long each test took and its skip reason."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.times = []
        self.bad = set()
        self.began = None

    def startTest(self, test):
        self.began = time.perf_counter()
        super().startTest(test)

    def stopTest(self, test):
        if self.began is not None:  # 3.12.1 stops skipped tests that it has not started
            self.times.append((time.perf_counter() - self.began, test.id()))
        self.began = None
        super().stopTest(test)

    def addError(self, test, err):
        self.bad.add(test.id())
        super().addError(test, err)

    def addFailure(self, test, err):
        self.bad.add(test.id())
        super().addFailure(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.bad.add(test.id())
        super().addSubTest(test, subtest, err)

    def addUnexpectedSuccess(self, test):
        self.bad.add(test.id())
        super().addUnexpectedSuccess(test)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def work(module, shard, report):
    """Runs one module (or one shard of it) and writes the counts to `report`."""
    index, count = map(int, shard.split("/"))
    sys.path.insert(0, str(ROOT))
    tests = list(flatten(unittest.defaultTestLoader.loadTestsFromName(module)))[index::count]
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=1, resultclass=RecordingResult)
    result = runner.run(unittest.TestSuite(tests))
    # A class or module whose set-up raised SkipTest is recorded as skipped without having been run.
    whole_skips = sum(not isinstance(test, unittest.TestCase) for test, _ in result.skipped)
    failed = len(result.bad)
    skipped = len(result.skipped)
    passed = (
        result.testsRun - (skipped - whole_skips) - sum(not b.startswith(("setUp", "tearDown")) for b in result.bad)
    )
    counts = {
        "passed": max(passed, 0),
        "failed": failed,
        "skipped": skipped,
        "reasons": [reason for _, reason in result.skipped],
        "times": sorted(result.times, reverse=True)[:10],
        "bad": sorted(result.bad),
    }
    Path(report).write_text(json.dumps(counts))
    sys.stdout.flush()
    return 1 if failed else 0


# --- in the parent process ---


@dataclass
class Job:
    module: str
    shard: str = "0/1"
    cost: float = 0.0

    @property
    def name(self):
        return self.module if self.shard == "0/1" else f"{self.module} [{self.shard}]"


@dataclass
class Totals:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: dict = field(default_factory=dict)
    times: list = field(default_factory=list)
    bad: list = field(default_factory=list)


def jobs_for(module, known_costs):
    path = ROOT / (module.replace(".", "/") + ".py")
    if not path.exists():
        sys.exit(f"no such test module: {module}")
    match = re.search(r"^# run_tests: shards=(\d+)", path.read_text(), re.MULTILINE)
    count = int(match.group(1)) if match else 1
    guess = path.stat().st_size / 4000
    return [Job(module, f"{i}/{count}", known_costs.get(f"{module} {i}/{count}", guess)) for i in range(count)]


def run_job(job, timeout):
    """Runs one job; returns (job, counts or None, output, seconds)."""
    handle, report = tempfile.mkstemp(suffix=".json")
    os.close(handle)
    command = [sys.executable, "-X", "faulthandler", __file__, "--worker", job.module, job.shard, report]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            cwd=ROOT,
        )
        output, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as error:
        output, code = (error.stdout or b"").decode(errors="replace") + f"\ntimed out after {timeout} s\n", -1
    seconds = time.perf_counter() - began
    text = Path(report).read_text()
    os.unlink(report)
    if not text:
        output += f"\n{job.name}: the process ended with status {code} before it could report\n"
    elif code not in (0, 1):
        output += f"\n{job.name}: the process ended with status {code} after its tests\n"
        return job, None, output, seconds
    return job, json.loads(text) if text else None, output, seconds


def add_up(totals, job, counts, output, seconds, verbose):
    if counts is None:
        totals.failed += 1
        totals.bad.append(f"{job.name} (crashed)")
        print(f"CRASH {job.name}  {seconds:.1f} s\n{output}", flush=True)
        return
    totals.passed += counts["passed"]
    totals.failed += counts["failed"]
    totals.skipped += counts["skipped"]
    for reason in counts["reasons"]:
        totals.reasons[reason] = totals.reasons.get(reason, 0) + 1
    totals.times += counts["times"]
    totals.bad += counts["bad"]
    word = "FAIL " if counts["failed"] else "ok   "
    skips = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    fails = f", {counts['failed']} FAILED" if counts["failed"] else ""
    print(f"{word} {job.name:52} {counts['passed']:5} passed{fails}{skips}  {seconds:.1f} s", flush=True)
    if counts["failed"] or verbose:
        print(output, flush=True)


def summarise(totals, elapsed):
    slow = [entry for entry in sorted(totals.times, reverse=True)[:10] if entry[0] >= 0.5]
    if slow:
        print("\nslowest tests:")
        for seconds, name in slow:
            print(f"  {seconds:6.1f} s  {name}")
    if totals.reasons:
        print("\nskipped:")
        for reason, count in sorted(totals.reasons.items(), key=lambda item: -item[1]):
            print(f"  {count:5} x {reason}")
    if totals.bad:
        print("\nfailed:")
        for name in totals.bad:
            print(f"  {name}")
    print(f"\n{elapsed:.0f} s on Python {sys.version.split()[0]}")
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped", flush=True)


def costs_file():
    return ROOT / "build" / "test-times.json"


def load_costs():
    try:
        return json.loads(costs_file().read_text())
    except (OSError, ValueError):
        return {}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", default=["main"], help=f"of {', '.join(SUITES)}, or modules or files")
    parser.add_argument("-j", "--jobs", type=int, default=min(os.cpu_count() or 1, 4))
    parser.add_argument("-v", "--verbose", action="store_true", help="print the output of passing modules too")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one process")
    parser.add_argument("--shuffle", action="store_true", help="run the modules in random order")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def modules_for(target):
    if target in SUITES:
        return SUITES[target]()
    return [target.removesuffix(".py").replace("/", ".")]


def main():
    arguments = parse_arguments()
    if arguments.worker:
        return work(*arguments.worker)
    costs = load_costs()
    modules = list(dict.fromkeys(name for target in arguments.targets for name in modules_for(target)))
    jobs = sorted((job for name in modules for job in jobs_for(name, costs)), key=lambda job: -job.cost)
    if arguments.shuffle:
        random.shuffle(jobs)
    totals, began = Totals(), time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(run_job, job, arguments.timeout) for job in jobs]):
            job, counts, output, seconds = future.result()
            costs[f"{job.module} {job.shard}"] = round(seconds, 2)
            add_up(totals, job, counts, output, seconds, arguments.verbose)
    summarise(totals, time.perf_counter() - began)
    costs_file().parent.mkdir(exist_ok=True)
    costs_file().write_text(json.dumps(costs, indent=0))
    if os.environ.get("FRAMEJIT_TEST_TALLY"):
        with open(os.environ["FRAMEJIT_TEST_TALLY"], "a") as tally:
            tally.write(f"{totals.passed} {totals.failed} {totals.skipped}\n")
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
