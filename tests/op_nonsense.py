"""Calls every row of the op table with arguments that fit its schema and nothing else: wrong ranks, sizes, dtypes, huge
integers. A call may give a result or raise; it may not end the process, hang or fail a check of framejit's own.

`python -m tests.op_nonsense [--rounds N] [--seed S] [--rows NAME ...] [--compiled]` fuzzes by hand. Calls run in a child
process, which says which one it begins; where the child dies, the parent notes the call and goes on after it.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys

import framejit
import numpy as np
from framejit import _C

from tests import op_samples, op_table
from tests.flat import SANITIZED

RAISED = (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError, OverflowError, MemoryError)
DTYPES = [
    getattr(framejit, name)
    for name in (
        "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128 uint16 uint32 uint64".split()
    )
]
HUGE = [2**40, -(2**40), 2**62, 2**63 - 1, -(2**63), 2**35 + 1]
WORDS = [
    "mean",
    "none",
    "sum",
    "",
    "x",
    "é\0",
    "left",
    "right",
    "fro",
    "nuc",
    "reflect",
    "tanh",
    "floor",
    "trunc",
    "L",
    "U",
]
SECONDS = 20  # of the processor, for one call


class Maker:
    """Draws arguments."""

    def __init__(self, rng):
        self.rng = rng
        self.last = None  # a tensor that another may share memory with

    def size(self):
        return self.rng.choice([0, 1, 1, 2, 2, 3, 3, 4])

    def shape(self):
        return [self.size() for _ in range(self.rng.choice([0, 1, 2, 2, 3, 3, 4, 5]))]

    def tensor(self, shape=None, dtype=None):
        r = self.rng
        shape = self.shape() if shape is None else shape
        dtype = dtype or r.choice([framejit.float32, framejit.float64, framejit.int64, *DTYPES])
        count = int(np.prod(shape))
        values = [r.randint(-5, 5) if r.random() < 0.9 else r.choice([2**62, -(2**62), 0, 100]) for _ in range(count)]
        if dtype.is_floating_point:
            values = [r.choice([v / 4, v, float("nan"), float("inf")]) if r.random() < 0.1 else v / 4 for v in values]
        t = framejit.tensor(np.array(values, dtype="float64" if dtype.is_floating_point else "int64")).to(dtype)
        if self.last is not None and self.last.numel() and r.random() < 0.1:
            flat = self.last.detach().reshape(-1)
            return r.choice([self.last, flat, flat[1:], flat[: max(1, count)]])
        self.last = self.laid_out(t.reshape(shape))
        return self.last

    def laid_out(self, t):
        r = self.rng
        how = r.choice(["plain", "plain", "turned", "spread", "part", "grad", "grad"])
        if how == "turned" and t.dim() > 1:
            return t.transpose(0, -1)
        if how == "spread" and t.dim():
            return t.narrow(0, 0, min(1, t.shape[0])).expand(t.shape) if t.shape[0] else t
        if how == "part" and t.dim():
            return framejit.cat([t, t], -1)[..., ::2] if t.shape[-1] else t
        if how == "grad" and t.dtype.is_floating_point:
            return t.requires_grad_()
        return t

    def int(self):
        r = self.rng
        return r.choice(HUGE) if r.random() < 0.06 else r.choice([-3, -2, -1, 0, 0, 1, 1, 2, 2, 3, 4, 5])

    def float(self):
        return self.rng.choice([0.0, 0.5, 1.0, 2.0, -1.0, float("nan"), float("inf"), 1e300])

    def number(self):
        return self.rng.choice([self.int, self.float, lambda: True])()

    def list(self, make, most=5):
        return [make() for _ in range(self.rng.randint(0, most))]

    def anything(self):
        r = self.rng
        return r.choice(
            [None, "x", object(), 1.5, [], [[]], (1, "x"), {}, 2**70, framejit.float32, self.tensor(), self.int()]
        )

    def argument(self, a):
        r = self.rng
        if r.random() < 0.03:
            return self.anything()
        if a.optional and r.random() < 0.3:
            return None
        makers = {
            "Tensor": self.tensor,
            "OptTensor": lambda: None if r.random() < 0.3 else self.tensor(),
            "Operand": lambda: self.number() if r.random() < 0.4 else self.tensor(),
            "Scalar": self.number,
            "Int": self.int,
            "Float": self.float,
            "Bool": lambda: r.random() < 0.5,
            "Str": lambda: r.choice(WORDS),
            "DType": lambda: r.choice(DTYPES),
            "Device": lambda: r.choice(["cpu", "meta", "cuda", "cpu:7", "x"]),
            "Layout": lambda: framejit.strided,
            "MemoryFormat": lambda: r.choice(
                [
                    framejit.contiguous_format,
                    framejit.channels_last,
                    framejit.channels_last_3d,
                    framejit.preserve_format,
                ]
            ),
            "Generator": lambda: r.choice([None, framejit.Generator()]),
            "IntList": lambda: self.list(self.int),
            "FloatList": lambda: self.list(self.float),
            "BoolList": lambda: self.list(lambda: r.random() < 0.5),
            "TensorList": lambda: self.tensors(),
            "OptTensorList": lambda: self.list(lambda: None if r.random() < 0.3 else self.tensor(), 3),
        }
        return makers[a.type]()

    def tensors(self):
        if self.rng.random() < 0.5:
            return self.list(self.tensor, 3)
        shape, dtype = self.shape(), self.rng.choice(DTYPES)
        return self.list(lambda: self.tensor(shape, dtype), 3)

    def from_schema(self, row):
        args, kwargs = [], {}
        ranks = self.shape() if self.rng.random() < 0.5 else None  # tensors alike in half of the calls
        for a in row.schema.args:
            value = self.tensor(ranks) if ranks is not None and a.type == "Tensor" else self.argument(a)
            if a.kw_only or a.name in kwargs:
                if a.default is None or self.rng.random() < 0.3:
                    kwargs[a.name] = value
            elif a.default is None or self.rng.random() < 0.6:
                if kwargs:
                    kwargs[a.name] = value
                else:
                    args.append(value)
            else:
                kwargs.setdefault("", None)  # from here on by name
        kwargs.pop("", None)
        return args, kwargs

    def bent(self, value):
        """Nearly the same argument: what a shape rule that looks at too little lets pass."""
        r = self.rng
        if isinstance(value, framejit.Tensor):
            return self.bent_tensor(value)
        if isinstance(value, list) and value:
            at, way = r.randrange(len(value)), r.randrange(3)
            if way == 0:
                return value[:at] + value[at + 1 :]
            if way == 1:
                return [*value, value[at]]
            return [*value[:at], self.bent(value[at]), *value[at + 1 :]]
        if isinstance(value, int) and not isinstance(value, bool):
            return r.choice([value - 1, value + 1, -value, value * 2, r.choice(HUGE)])
        return value

    def bent_tensor(self, t):
        r = self.rng
        ways = [
            lambda: t.new_ones(()),
            lambda: t.unsqueeze(r.randint(0, t.dim())),
            lambda: t.expand(2, *t.shape),
            lambda: t.to(r.choice(DTYPES)),
        ]
        if t.dtype in (framejit.int64, framejit.int32):
            ways += [lambda: t + 1, lambda: -t - 1, lambda: t * r.choice([3, 2**20, 2**31])]
        if t.dim():
            d = r.randrange(t.dim())
            ways += [
                lambda: t.narrow(d, 0, 0),
                lambda: t.narrow(d, 0, max(0, t.shape[d] - 1)),
                lambda: framejit.cat([t, t.narrow(d, 0, min(1, t.shape[d]))], d),
                lambda: t.transpose(d, 0),
                lambda: t.reshape(-1),
            ]
            if t.shape[d]:
                ways += [lambda: t.select(d, 0)] * 2
        return r.choice(ways)()

    def from_sample(self, row, samples):
        """A right call with one or two arguments exchanged or bent."""
        args, kwargs = self.rng.choice(samples)
        args, kwargs = [self.value(v) for v in args], {k: self.value(v) for k, v in kwargs.items()}
        slots = [(args, i, a) for i, a in enumerate(row.schema.args[: len(args)])]
        slots += [(kwargs, a.name, a) for a in row.schema.args if a.name in kwargs]
        for holder, at, a in self.rng.sample(slots, min(len(slots), self.rng.choice([1, 1, 2]))):
            holder[at] = self.argument(a) if self.rng.random() < 0.5 else self.bent(holder[at])
        return args, kwargs

    def value(self, v):
        if isinstance(v, np.ndarray):
            return framejit.tensor(v) if v.dtype.kind in "biuf" else v
        if isinstance(v, op_samples.Dtype):
            return getattr(framejit, v.name)
        return [self.value(x) for x in v] if isinstance(v, list) else v


def callables(row):
    """Where Python finds the row."""
    name = row.schema.name
    holders = (_C, *(getattr(_C, part, None) for part in ("_nn", "_linalg", "_special")), framejit.Tensor)
    found = [getattr(h, n) for h in holders for n in (name, name + "_") if hasattr(h, n)]
    return [f for f in found if not isinstance(f, type(callables))]  # not what is written in Python


def flat(value):
    if isinstance(value, framejit.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from flat(v)


def use(result):
    """Reads every element that a call gave and takes its gradient."""
    outs = [t for t in flat(result) if t.numel() < 10**6]
    for t in outs:
        if t.device.type == "cpu":
            t.detach().tolist()
    wanted = [t for t in outs if t.requires_grad and t.dtype.is_floating_point]
    if wanted:
        framejit.autograd.backward(wanted, [framejit.ones(t.shape, dtype=t.dtype) for t in wanted])


def call(rng, row, f, samples, compiled):
    maker = Maker(rng)
    args, kwargs = maker.from_sample(row, samples) if samples and rng.random() < 0.5 else maker.from_schema(row)
    if os.environ.get("OP_NONSENSE_SHOW"):
        shown = [(tuple(a.shape), a.dtype, a.stride()) if isinstance(a, framejit.Tensor) else a for a in args]
        print(f"  {f} {shown} {kwargs}", file=sys.stderr, flush=True)
    try:
        if rng.random() < 0.1 and args and isinstance(args[0], framejit.Tensor) and args[0].dim():
            rest = args[1:]
            use(framejit.func.vmap(lambda x: f(x, *rest, **kwargs))(args[0]))
        elif compiled:
            use(framejit.compile(lambda *a, **k: f(*a, **k))(*args, **kwargs))
        else:
            use(f(*args, **kwargs))
    except RAISED:
        return None
    except Exception as e:
        return f"unexpected {type(e).__name__}: {e}"


def child(names, rounds, seed, first, compiled, trap):
    """Makes the calls, one line of output for the begin of each; `first` says how many to leave out."""
    if not SANITIZED:  # its shadow memory is larger
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    number = 0
    for row in op_table.table.load(op_table.ROOT / "csrc/ops/table"):
        found = callables(row)
        if (names and row.schema.full_name not in names) or not found:
            continue
        spec = op_samples.evaluate(row.cols["samples"])
        samples = []
        if spec is not None:
            dtype = "float32" if "float32" in spec.dtypes else spec.dtypes[0]
            samples = list(spec.make(dtype, np.random.default_rng(0)))
        for i in range(rounds):
            number += 1
            if number <= first:
                continue
            print(f"{number} {row.schema.full_name} {i}", flush=True)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            if trap:
                os.kill(os.getpid(), signal.SIGKILL)
            rng = random.Random(f"{seed} {row.schema.full_name} {i}")
            framejit.manual_seed(0)
            wrong = call(rng, row, rng.choice(found), samples, compiled)
            signal.setitimer(signal.ITIMER_PROF, 0)
            if wrong:
                print(f"WRONG {row.schema.full_name} {i}: {wrong[:300]}", flush=True)
    print("DONE", flush=True)


def fuzz(rounds, seed, names=(), compiled=False, most=40, trap=False):
    """The calls that ended the process, hung or failed a check of ours, as texts. `trap`: every call ends it."""
    bad, first = [], 0
    while len(bad) < most:
        command = [sys.executable, "-m", "tests.op_nonsense", "--child", "--rounds", rounds, "--seed", seed]
        command += [
            "--first",
            first,
            *["--compiled"] * compiled,
            *["--trap"] * trap,
            *(["--rows", *names] if names else []),
        ]
        done = subprocess.run([str(c) for c in command], cwd=op_table.ROOT, capture_output=True, text=True)
        lines = done.stdout.splitlines()
        bad += [line for line in lines if line.startswith("WRONG")]
        if lines and lines[-1] == "DONE":
            break
        begun = next((line for line in reversed(lines) if line[:1].isdigit()), None)
        how = "hung" if done.returncode == -signal.SIGPROF else f"ended the process with {done.returncode}"
        bad.append(f"{begun} {how}: {done.stderr[-1500:]}")
        if begun is None:
            break
        first = int(begun.split()[0])
    return bad


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--rounds", type=int, default=100)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--rows", nargs="*", default=[])
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--child", action="store_true")
    p.add_argument("--compiled", action="store_true")
    p.add_argument("--trap", action="store_true")
    a = p.parse_args()
    if a.child:
        return child(a.rows, a.rounds, a.seed, a.first, a.compiled, a.trap)
    bad = fuzz(a.rounds, a.seed, a.rows, a.compiled, most=1000)
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
