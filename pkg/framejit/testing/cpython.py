"""Runs CPython's own test files (Lib/test of this interpreter) with every test function compiled.

    python -m framejit.testing.cpython test_generators test_with

Each file runs in processes of its own: once plainly, which says how each test ends and how many instructions it executes, and once
with each test method compiled. A test that ends otherwise when compiled is a difference. A test in which the process dies is one as
well, and one that takes longer than the limit and than ten times what it takes plainly; the others of its file are run again without
it. There is a line for each file, and at the end one for all: differences, the share of the executed instructions that ran inside segments, and what broke segments most often.
"""

import argparse
import collections
import faulthandler
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from framejit.testing import _share

TESTS = (
    "test_generators test_exceptions test_with test_contextlib test_functools test_itertools test_collections test_dict "
    "test_list test_set test_descr test_dataclasses test_enum test_patma test_unpack test_scope test_call test_raise "
    "test_super test_decorators test_heapq test_operator test_math test_tuple test_slice test_range test_bool test_int "
    "test_float test_string test_fstring test_named_expressions test_listcomps test_genexps test_keywordonlyarg "
    "test_positional_only_arg test_extcall test_augassign test_binop test_compare test_contains test_enumerate test_iter "
    "test_opcodes test_property test_unpack_ex test_userdict test_userlist test_bisect test_deque test_defaultdict "
    "test_ordered_dict test_copy test_exception_group test_except_star test_exception_variations test_baseexception "
    "test_statistics test_fractions test_types test_class test_funcattrs test_global test_sort test_pow test_richcmp"
).split()


def _methods(suite):
    """Each test method of a suite once: (class that holds it, name, function)."""
    seen = set()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _methods(test)
            continue
        name = getattr(test, "_testMethodName", None)
        for cls in type(test).__mro__:
            function = cls.__dict__.get(name)
            if function is not None and (cls, name) not in seen and hasattr(function, "__code__"):
                seen.add((cls, name))
                yield cls, name, function
                break


class _Result(unittest.TestResult):
    """How each test ended; names of the tests that are running go to the report at once, for the case of a crash."""

    def __init__(self, report, limit, limits):
        super().__init__()
        self.report, self.limit, self.limits, self.ends, self.times = report, limit, limits, {}, {}

    def startTest(self, test):
        super().startTest(test)
        self.ends[test.id()] = "passed"
        self.report.write_text(json.dumps({"running": test.id()}))
        signal.setitimer(signal.ITIMER_PROF, self.limits.get(test.id(), self.limit))
        self.began = time.process_time()

    def stopTest(self, test):
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.times[test.id()] = time.process_time() - self.began
        super().stopTest(test)

    def addError(self, test, err):
        self.note(test, "error", err)

    def addFailure(self, test, err):
        self.note(test, "failure", err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note(test, "failure", err)

    def addSkip(self, test, reason):
        self.ends[test.id()] = "skipped"

    def addExpectedFailure(self, test, err):
        self.ends[test.id()] = "expected failure"

    def addUnexpectedSuccess(self, test):
        self.ends[test.id()] = "unexpected success"

    def note(self, test, end, err):
        self.ends[test.id()] = end
        if len(self.errors) < 200:
            self.errors.append((test.id(), self._exc_info_to_string(err, test)[-1500:]))


def _without(suite, dead):
    """The suite without the tests whose ids are given."""
    kept = unittest.TestSuite()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.addTest(_without(test, dead))
        elif test.id() not in dead:
            kept.addTest(test)
    return kept


_MEMORY = 6 << 30  # address space of one run, in bytes: a runaway test gets a MemoryError, not the machine's memory


def _child(name, options):
    if not {"ASAN_OPTIONS", "TSAN_OPTIONS"} & set(os.environ):  # a sanitizer's shadow is terabytes of addresses
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)  # says where it is, and then the signal ends the process
    mode, report = options.child, Path(options.out)
    module = importlib.import_module("test." + name)
    suite = _without(unittest.defaultTestLoader.loadTestsFromModule(module), options.without)
    compiled, counter = [], _share.Counter()
    methods = list(_methods(suite))
    if mode == "compiled":
        from framejit import _C

        _C._set_flag("force_capture", True)
        for cls, method, function in methods:
            made = _C.CompiledFunction(function)
            for key, value in vars(function).items():
                setattr(made, key, value)
            compiled.append(made)
            setattr(cls, method, made)
    elif mode == "counted":
        for cls, method, function in methods:
            setattr(cls, method, counter.wrap(function))
    result = _Result(report, options.limit, json.loads(options.limits))
    began = time.perf_counter()
    suite.run(result)
    told = {
        "ends": result.ends,
        "times": result.times,
        "errors": result.errors,
        "seconds": time.perf_counter() - began,
        "count": counter.counts(),
    }
    if mode == "compiled":
        told["accounts"] = _share.accounts(_C._ledger())
        told["breaks"] = collections.Counter(e["reason"] for c in compiled for e in c._entries() if e["reason"])
    report.write_text(json.dumps(told))


def _limits(times, limit):
    """For each test to which the limit would do wrong, by the seconds that it took plainly, its own."""
    return {test: round(10 * seconds) for test, seconds in times.items() if 10 * seconds > limit}


def _run(name, mode, limit, dead=(), limits=None):
    """One file in a process of its own: what it told, or "crash" and the test that was running."""
    whole = 20 * limit + sum((limits or {}).values())
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [sys.executable, "-m", __spec__.name, "--child", mode, "--out", out.name, "--limit", str(limit), name]
        command += [f"--without={test}" for test in dead] + [f"--limits={json.dumps(limits or {})}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=whole, stdin=subprocess.DEVNULL)
            code, text = done.returncode, "\n".join(done.stderr.splitlines()[-20:])
        except subprocess.TimeoutExpired:
            code, text = -1, f"more than {whole} s"
        try:
            told = json.loads(Path(out.name).read_text())
        except ValueError:
            told = {}
    if "ends" not in told:
        told = {"running": told.get("running", "import"), "crash": f"exit code {code}: {text}"}
    return told


def _run_surviving(name, limit, limits):
    """The compiled run, made again without each test in which the process died: what it told, and {test: how it died}."""
    dead = {}
    while True:
        told = _run(name, "compiled", limit, dead, limits)
        if "crash" not in told:
            return told, dead
        dead[told["running"]] = told["crash"]
        if told["running"] == "import" or len(dead) == 20:
            return {"ends": {}, "errors": [], "accounts": {}, "breaks": {}}, dead


def compare(name, limit=60, count=True):
    """One test file: what differs, and the numbers. `limit` is in seconds, for one test."""
    plain = _run(name, "plain", limit)
    if "crash" in plain:
        return {"name": name, "skipped": plain["crash"].splitlines()[-1], "differences": []}
    compiled, dead = _run_surviving(name, limit, _limits(plain["times"], limit))
    errors = dict(compiled["errors"])
    differences = [f"{test}: {how}" for test, how in dead.items()]
    if compiled["ends"]:
        differences += [
            f"{test}: {end}, compiled {compiled['ends'].get(test)}\n{errors.get(test, '')}"
            for test, end in plain["ends"].items()
            if end != compiled["ends"].get(test) and test not in dead
        ]
    share = _share.Share()
    if count:
        share.add(_run(name, "counted", 10 * limit, dead).get("count", {}), compiled["accounts"])
    return {
        "name": name,
        "tests": len(plain["ends"]),
        "differences": differences,
        "crashes": len(dead),
        "share": share,
        "inside": sum(account["inside"] for account in compiled["accounts"].values()),
        "breaks": compiled["breaks"],
    }


def _report(row):
    if "skipped" in row:
        print(f"{row['name']:28} does not run plainly: {row['skipped']}", flush=True)
        return
    share = f"{row['share'].ratio:6.1%} of {row['share'].executed} in segments" if row["share"].executed else ""
    died = f" ({row['crashes']} by dying)" if row["crashes"] else ""
    print(f"{row['name']:28} {row['tests']:5} tests, {len(row['differences'])} differ{died}  {share}", flush=True)
    for text in row["differences"]:
        print("    " + text.strip().replace("\n", "\n    "), flush=True)


def _summary(rows, places):
    ran = [row for row in rows if "skipped" not in row]
    breaks = collections.Counter()
    for row in ran:
        breaks.update(row["breaks"])
    print("breaks: " + ", ".join(f"{reason} {n}" for reason, n in breaks.most_common()))
    share = _share.Share()
    for row in ran:
        share.merge(row["share"])
    print(
        f"{sum(row['tests'] for row in ran)} tests in {len(ran)} files ({len(rows) - len(ran)} do not run plainly): "
        f"{sum(len(row['differences']) for row in ran)} differences in {sum(1 for row in ran if row['differences'])} files"
    )
    if share.executed:
        print("\n".join(share.lines(places)))


def main():
    parser = argparse.ArgumentParser(prog="python -m framejit.testing.cpython", description=__doc__)
    parser.add_argument("tests", nargs="*", help="names of files of Lib/test, without .py")
    parser.add_argument("--child", choices=("plain", "compiled", "counted"), help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    parser.add_argument("--without", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--limits", default="{}", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=60, help="seconds of processor time for one test")
    parser.add_argument("--no-count", action="store_true", help="do not measure the share of instructions")
    parser.add_argument(
        "--places", type=int, default=0, help="how many functions to list that ran most outside segments"
    )
    options = parser.parse_args()
    if options.child:
        return _child(options.tests[0], options)
    rows = []
    for name in options.tests or TESTS:
        rows.append(compare(name, options.limit, not options.no_count))
        _report(rows[-1])
    _summary(rows, options.places)
    return 1 if any(row["differences"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
