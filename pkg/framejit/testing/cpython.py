"""Runs CPython's own test files (Lib/test of this interpreter) with every test function compiled.

    python -m framejit.testing.cpython test_generators test_with

Each file runs in processes of its own: once plainly, which says how each test ends and how many instructions it executes, and once
with each test method compiled. A test that ends otherwise when compiled is a difference; a process that dies is a crash. At the
end: the share of the executed instructions that ran inside segments, and what broke segments most often.
"""

import argparse
import collections
import importlib
import json
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

TESTS = (
    "test_generators test_exceptions test_with test_contextlib test_functools test_itertools test_collections test_dict "
    "test_list test_set test_descr test_dataclasses test_enum test_patma test_unpack test_scope test_call test_raise "
    "test_super test_decorators test_heapq test_operator test_math test_tuple test_slice test_range test_bool test_int "
    "test_float test_string test_fstring test_named_expressions test_listcomps test_genexps test_keywordonlyarg "
    "test_positional_only_arg test_extcall test_augassign test_binop test_compare test_contains test_enumerate test_iter "
    "test_opcodes test_property test_unpack_ex test_userdict test_userlist test_bisect test_deque test_defaultdict "
    "test_ordereddict test_copy test_exception_group test_except_star test_exception_variations test_baseexception "
    "test_statistics test_fractions test_types test_class test_funcattrs test_global test_sort test_pow test_richcmp"
).split()


class _Counter:
    """Counts the instructions that the test methods execute, those of the functions that they call included."""

    def __init__(self):
        self.count = 0

    def step(self, frame, event, _):
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            self.count += 1
        return self.step

    def wrap(self, function):
        import functools

        @functools.wraps(function)
        def counted(*args, **kwargs):
            sys.settrace(self.step)
            try:
                return function(*args, **kwargs)
            finally:
                sys.settrace(None)

        return counted


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

    def __init__(self, report):
        super().__init__()
        self.report, self.ends, self.running = report, {}, None

    def startTest(self, test):
        super().startTest(test)
        self.running = test.id()
        self.ends[test.id()] = "passed"
        self.report.write_text(json.dumps({"running": self.running}))

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


def _child(name, mode, out):
    report = Path(out)
    module = importlib.import_module("test." + name)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    compiled, counter = [], _Counter()
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
    result = _Result(report)
    began = time.perf_counter()
    suite.run(result)
    told = {
        "ends": result.ends,
        "errors": result.errors,
        "seconds": time.perf_counter() - began,
        "count": counter.count,
    }
    if mode == "compiled":
        told["instructions"] = _C.counters()["instructions"]
        told["breaks"] = collections.Counter(e["reason"] for c in compiled for e in c._entries() if e["reason"])
    report.write_text(json.dumps(told))


def _run(name, mode, limit):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [sys.executable, "-m", __spec__.name, "--child", mode, "--out", out.name, name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL)
            code, text = done.returncode, done.stderr[-1500:]
        except subprocess.TimeoutExpired:
            code, text = -1, f"more than {limit} s"
        try:
            told = json.loads(Path(out.name).read_text())
        except ValueError:
            told = {}
    if "ends" not in told:
        told = {"crash": f"exit code {code} in {told.get('running', 'import')}: {text}"}
    return told


def compare(name, limit=600, count=True):
    """One test file: what differs, and the numbers."""
    plain = _run(name, "plain", limit)
    if "crash" in plain:
        return {"name": name, "skipped": plain["crash"].splitlines()[-1], "differences": []}
    compiled = _run(name, "compiled", limit)
    if "crash" in compiled:
        return {"name": name, "differences": [compiled["crash"]], "tests": len(plain["ends"])}
    errors = dict(compiled["errors"])
    differences = [
        f"{test}: {end}, compiled {compiled['ends'].get(test)}\n{errors.get(test, '')}"
        for test, end in plain["ends"].items()
        if end != compiled["ends"].get(test)
    ]
    counted = _run(name, "counted", limit) if count else {}
    return {
        "name": name,
        "tests": len(plain["ends"]),
        "differences": differences,
        "inside": compiled["instructions"],
        "executed": counted.get("count", 0),
        "breaks": compiled["breaks"],
    }


def main():
    parser = argparse.ArgumentParser(prog="python -m framejit.testing.cpython", description=__doc__)
    parser.add_argument("tests", nargs="*", help="names of files of Lib/test, without .py")
    parser.add_argument("--child", choices=("plain", "compiled", "counted"), help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=600, help="seconds for one run of one file")
    parser.add_argument("--no-count", action="store_true", help="do not measure the share of instructions")
    options = parser.parse_args()
    if options.child:
        return _child(options.tests[0], options.child, options.out)
    different, inside, executed, breaks = 0, 0, 0, collections.Counter()
    for name in options.tests or TESTS:
        row = compare(name, options.limit, not options.no_count)
        if "skipped" in row:
            print(f"{name:28} does not run plainly: {row['skipped']}", flush=True)
            continue
        share = f"{min(1, row['inside'] / row['executed']):6.1%} in segments" if row.get("executed") else ""
        print(f"{name:28} {row['tests']:5} tests, {len(row['differences'])} differ  {share}", flush=True)
        for text in row["differences"]:
            print("    " + text.strip().replace("\n", "\n    "), flush=True)
        different += len(row["differences"])
        if row.get("executed"):
            inside += min(row["inside"], row["executed"])
            executed += row["executed"]
        breaks.update(row.get("breaks", {}))
    if executed:
        print(f"{inside / executed:.1%} of {executed} executed instructions ran inside segments")
    print("breaks: " + ", ".join(f"{reason} {n}" for reason, n in breaks.most_common()))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
