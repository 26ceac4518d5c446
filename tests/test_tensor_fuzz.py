"""Random calls of every op, most of them wrong: each returns or raises what a user's mistake raises, and nothing crashes."""

import random
import re
import unittest
import warnings

import framejit as fj
from framejit import _C

DTYPES = [fj.float32, fj.float64, fj.int64, fj.int32, fj.bool, fj.uint8, fj.float16, fj.bfloat16, fj.int8]
MISTAKES = (RuntimeError, TypeError, IndexError, ValueError, OverflowError, MemoryError)
NUMBERS = [0, 1, -1, 2, 3, 5, 7, 100, 2**45, 2**62, -(2**63), 1e300, 0.5, -0.5, float("inf"), float("nan"), True]


class Calls:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        functions = [(k, v) for k, v in vars(_C).items() if type(v).__name__ == "OpFunction"]
        methods = [(k, v) for k, v in vars(_C.Tensor).items() if type(v).__name__ == "OpMethod"]
        self.callables = sorted(
            ((k, f) for k, f in functions + methods if not k.startswith("_")), key=lambda p: (p[0], type(p[1]).__name__)
        )

    def tensor(self):
        r = self.rng
        sizes = [r.choice([0, 1, 2, 3, 4]) for _ in range(r.choice([0, 1, 1, 2, 2, 3, 4]))]
        t = (fj.rand(sizes) * 6 - 2).to(r.choice(DTYPES))
        layout = r.random()
        if layout < 0.2 and t.dim() > 1:
            return t.transpose(0, -1)
        if layout < 0.3 and t.dim():
            return t[..., ::2]
        if layout < 0.4 and sizes and sizes[0]:
            return t[:1].expand(3, *t.shape[1:])
        return t

    def of_type(self, kind):
        r = self.rng
        if kind.startswith("Tensor?["):
            return [r.choice([None, fj.tensor([0, 1]), fj.tensor(0)]) for _ in range(r.randrange(1, 4))]
        if kind.startswith("Tensor["):
            return [self.tensor() for _ in range(r.randrange(1, 4))]
        if kind.startswith(("Tensor", "Operand")):
            return self.tensor() if kind.startswith("Tensor") or r.random() < 0.6 else r.choice(NUMBERS)
        if kind.startswith("int["):
            return [
                r.choice([0, 1, -1, 2, 3, -2, 1, 2, 2**40 if r.random() < 0.1 else 1]) for _ in range(r.randrange(4))
            ]
        if kind.startswith("int"):
            return r.choice([0, 1, -1, 2, 3, -2, 100, 2**62])
        if kind.startswith("bool"):
            return [True, False] if "[" in kind else r.random() < 0.5
        if kind.startswith("str"):
            return r.choice(["mean", "sum", "none", "floor", "trunc", "tanh", "amax", "prod", "constant"])
        return r.choice(DTYPES) if kind.startswith("ScalarType") else r.choice(NUMBERS)

    def anything(self):
        r = self.rng
        return r.choice(
            [self.tensor(), r.choice(NUMBERS), [1, 2], [-1], [self.tensor()], None, "mean", fj.float32, (2, 2)]
        )

    def arguments(self, f):
        r = self.rng
        schemas = re.findall(r"^\w[\w.]*\((.*)\) ->", f.__doc__, re.M)
        if not schemas or r.random() < 0.15:
            return [self.anything() for _ in range(r.randrange(0, 5))]
        args = []
        for part in r.choice(schemas).split(", "):
            if part.startswith("*") or ("=" in part and r.random() < 0.4):
                break
            args.append(self.of_type(part.split()[0]))
        return args


class Fuzz(unittest.TestCase):
    def run_calls(self, seed, count):
        calls = Calls(seed)
        worked = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(count):
                name, f = calls.rng.choice(calls.callables)
                args = calls.arguments(f)
                try:
                    f(*args)
                    worked += 1
                except MISTAKES as e:
                    self.assertNotIn("internal check", str(e), f"{name}{args}")
        self.assertGreater(worked, count // 5)

    def test_calls(self):
        for seed in range(4):
            self.run_calls(seed, 2500)


if __name__ == "__main__":
    unittest.main()
