"""Random loop kernels, run by every back end and compared with the reference interpreter.

`python -m tests.fuzz_kernels [count] [seed]` runs more; a failure prints the kernel's text, shrunk by dropping stores, and its seed.
"""

import random
import sys

import numpy as np
from framejit import _C

from tests.kernel_util import ISAS, TEXT, run

INTS = ["u8", "i8", "i16", "i32", "i64"]
FLOATS = ["f32", "f64"]
HALF = ["f16", "bf16"]
MEMORY = ["bool", *INTS, *HALF, *FLOATS]
# Ops whose results the back ends may round differently are left out: here everything must match exactly.
EXACT = {
    "add",
    "sub",
    "mul",
    "div",
    "min",
    "max",
    "neg",
    "abs",
    "sign",
    "and",
    "or",
    "xor",
    "not",
    "shl",
    "shr",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "isnan",
    "isinf",
    "isfinite",
    "signbit",
    "floor",
    "ceil",
    "round",
    "trunc",
    "frac",
    "copysign",
    "sqrt",
    "fma",
    "fmin",
    "fmax",
    "floordiv",
    "rem",
    "fmod",
    "truncdiv",
    "gcd",
    "nextafter",
}
RULE_TYPES = {
    "arith": INTS + FLOATS,
    "float": FLOATS,
    "int": INTS,
    "bit": ["bool", *INTS],
    "cmp": ["bool", *INTS, *FLOATS],
    "class": FLOATS,
}
OPS = [(name, arity, rule) for name, arity, rule in _C._debug.scalar_ops() if name in EXACT]


class Case:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        rng = self.rng
        self.axes = rng.choice(["p", "pp", "ppp", "pr", "prr", "rp", "prp", "prrp", "r"])
        self.sizes = [rng.choice([1, 2, 3, 5]) for _ in self.axes]
        self.sizes[-1] = rng.choice([1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 64, 67, 100])
        self.types, self.head, self.body, self.stores = [], [], [], []
        self.operands, self.count, self.accs = [], 0, []
        self.row = self.axes[-1] == "r"
        for _ in range(rng.randint(1, 4)):
            self.add_operand("in", list(range(len(self.axes))))
        self.build()

    def add_operand(self, role, axes, dtype=None, vec=None):
        dtype = dtype or self.rng.choice(MEMORY)
        vec = vec or self.rng.choice(
            ["contig", "contig", "strided", "broadcast"] if role == "in" else ["contig", "strided"]
        )
        self.operands.append((dtype, role, vec, axes))
        return len(self.operands) - 1

    def emit(self, text, dtype=None):
        name = f"%{self.count}"
        self.body.append(f"{name} = {text}" if dtype else text)
        self.types.append(dtype)
        self.count += 1
        return name

    def build(self):
        sweeps = self.rng.randint(1, 3) if "r" in self.axes else 1
        self.outer = {}
        for number in range(sweeps):
            self.body.append("sweep")
            pool = {k: list(v) for k, v in self.outer.items()}
            for i, (dtype, role, _, _) in enumerate(self.operands):
                if role == "in" and self.rng.random() < 0.8:
                    pool.setdefault(dtype, []).append(self.emit(f"load.{dtype} {i}", dtype))
            self.instructions(pool, self.rng.randint(3, 25), sweep=True)
            if "r" in self.axes:
                self.accumulate(pool)
            self.store(pool, list(range(len(self.axes))))
            if "r" in self.axes:
                self.point(number)

    def instructions(self, pool, n, sweep):
        rng = self.rng
        for _ in range(n):
            kind = rng.random()
            have = [t for t in pool if pool[t]]
            if kind < 0.1 or not have:
                dtype = rng.choice(INTS + FLOATS)
                value = rng.choice([0, 1, 2, 3, 7]) if dtype in INTS else rng.choice(["0.5", "1.5", "2.0", "0.0"])
                pool.setdefault(dtype, []).append(self.emit(f"const.{dtype} {value}", dtype))
            elif kind < 0.2:
                dtype = rng.choice(["i32", "i64", "f32", "f64"])
                axes = [a for a in range(len(self.axes)) if sweep or self.axes[a] == "p"]
                if axes:
                    pool.setdefault(dtype, []).append(self.emit(f"index.{dtype} {rng.choice(axes)}", dtype))
            elif kind < 0.4:
                source, target = rng.choice(have), rng.choice(MEMORY)
                if source != target:
                    pool.setdefault(target, []).append(self.emit(f"cast.{target} {rng.choice(pool[source])}", target))
            elif kind < 0.5 and pool.get("bool"):
                dtype = rng.choice(have)
                pool[dtype].append(
                    self.emit(
                        f"select.{dtype} {rng.choice(pool['bool'])} {rng.choice(pool[dtype])} {rng.choice(pool[dtype])}",
                        dtype,
                    )
                )
            else:
                name, arity, rule = rng.choice(OPS)
                types = [t for t in have if t in RULE_TYPES[rule]]
                if types:
                    dtype = rng.choice(types)
                    out = "bool" if rule in ("cmp", "class") else dtype
                    args = " ".join(rng.choice(pool[dtype]) for _ in range(arity))
                    pool.setdefault(out, []).append(self.emit(f"{name}.{out} {args}", out))

    def accumulate(self, pool):
        kinds = {
            "i32": ["sum", "prod", "max", "min", "argmax", "argmin"],
            "i64": ["sum", "prod", "max", "min", "argmax", "argmin"],
            "f32": ["max", "min", "argmax", "argmin"],
            "f64": ["max", "min", "argmax", "argmin"],
            "bool": ["any", "all"],
        }
        for dtype in [t for t in kinds if pool.get(t)]:
            if self.rng.random() < 0.6:
                kind = self.rng.choice(kinds[dtype])
                place = ""
                if kind.startswith("arg"):
                    place = " " + self.position()
                number = len(self.accs)
                self.accs.append((kind, dtype))
                self.emit(f"accum {number} {self.rng.choice(pool[dtype])}{place}")

    def position(self):
        """The position within the reduce axes, counted row by row."""
        value = None
        for a in range(len(self.axes)):
            if self.axes[a] == "r":
                here = self.emit(f"index.i64 {a}", "i64")
                if value is not None:
                    size = self.emit(f"const.i64 {self.sizes[a]}", "i64")
                    value = self.emit(f"mul.i64 {value} {size}", "i64")
                    value = self.emit(f"add.i64 {value} {here}", "i64")
                else:
                    value = here
        return value

    def point(self, number):
        self.body.append("point")
        pool = {k: list(v) for k, v in self.outer.items()}
        before = self.count
        for i, (kind, dtype) in enumerate(self.accs):
            out = "i64" if kind.startswith("arg") else dtype
            pool.setdefault(out, []).append(self.emit(f"result.{out} {i}", out))
            if kind.startswith("arg"):
                pool.setdefault(dtype, []).append(self.emit(f"result_value.{dtype} {i}", dtype))
        self.instructions(pool, self.rng.randint(0, 6), sweep=False)
        self.store(pool, [a for a in range(len(self.axes)) if self.axes[a] == "p"])
        self.outer = {
            k: [v for v in vs if int(v[1:]) >= before or v in self.outer.get(k, [])] for k, vs in pool.items()
        }
        self.outer = {k: v for k, v in self.outer.items() if v}

    def store(self, pool, axes):
        for dtype in self.rng.sample(sorted(t for t in pool if pool[t]), min(2, sum(bool(v) for v in pool.values()))):
            i = self.add_operand("out", axes, dtype)
            self.emit(f"store {i} {self.rng.choice(pool[dtype])}")

    def text(self):
        lines = [f"kernel axes={self.axes}"]
        lines += [f"operand {i} {d} {r} {v}" for i, (d, r, v, _) in enumerate(self.operands)]
        lines += [f"acc {i} {k} {d}" for i, (k, d) in enumerate(self.accs)]
        return "\n".join([*lines, *self.body, "end"])

    def arrays(self):
        rng = np.random.default_rng(self.rng.randint(0, 2**31))
        out, maps = [], []
        for dtype, role, vec, axes in self.operands:
            shape = [self.sizes[a] for a in axes]
            along = bool(axes) and axes[-1] == len(self.axes) - 1
            base = list(shape)
            if along and vec == "strided":
                base[-1] *= 2
            if along and vec == "broadcast":
                base[-1] = 1
            x = random_values(dtype, base, rng) if role == "in" else np.zeros(base, TEXT[dtype])
            if along and vec == "strided":
                x = x[..., ::-2] if rng.random() < 0.3 else x[..., ::2]
            if along and vec == "broadcast":
                x = np.broadcast_to(x, shape)
            out.append(x)
            maps.append(tuple(axes))
        return out, maps


def random_values(dtype, shape, rng):
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype == "bf16":
        return (rng.standard_normal(shape).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    if dtype[0] == "f":
        x = rng.standard_normal(shape) * rng.choice([1, 100])
        x[rng.random(shape) < 0.05] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0])
        return x.astype(TEXT[dtype])
    info = np.iinfo(TEXT[dtype])
    return rng.integers(max(info.min, -50), min(info.max, 50), shape, endpoint=True).astype(TEXT[dtype])


def same(dtype, a, b):
    if dtype == "bf16":
        nan = ((a & 0x7FFF) > 0x7F80) & ((b & 0x7FFF) > 0x7F80)
        zero = ((a & 0x7FFF) == 0) & ((b & 0x7FFF) == 0)
        return ((a == b) | nan | zero).all()
    if dtype in ("f16", "f32", "f64"):
        return ((a == b) | (np.isnan(a) & np.isnan(b))).all()
    return np.array_equal(a, b)


def run_case(seed):
    """None, or what differs."""
    case = Case(seed)
    text = case.text()
    state = case.rng.getstate()
    expected = None
    for isa in ISAS:
        case.rng.setstate(state)
        arrays, maps = case.arrays()
        run(text, isa, arrays, case.sizes, maps=maps)
        if expected is None:
            expected = arrays
            continue
        for i, (dtype, role, _, _) in enumerate(case.operands):
            if role == "out" and not same(dtype, expected[i], arrays[i]):
                return f"seed {seed}, {isa}, operand {i}, sizes {case.sizes}\n{text}\nreference {expected[i]!r}\ngot {arrays[i]!r}"
    return None


def main():
    count, seed = int(sys.argv[1]) if len(sys.argv) > 1 else 2000, int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for s in range(seed, seed + count):
        problem = run_case(s)
        if problem:
            print(problem)
            sys.exit(1)
    print(f"{count} kernels agree")


if __name__ == "__main__":
    main()
