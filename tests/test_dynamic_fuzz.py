"""Random programs over sizes: the plain function and the compiled one with dynamic=True, over many sizes.

FRAMEJIT_FUZZ_PROGRAMS sets how many programs are made, FRAMEJIT_FUZZ_SEED where they begin.
"""

import math
import os
import random
import unittest

import framejit
from framejit import _C

PROGRAMS = int(os.environ.get("FRAMEJIT_FUZZ_PROGRAMS", "120"))
SEED = int(os.environ.get("FRAMEJIT_FUZZ_SEED", "0"))

UNARY = ["{t}.sin()", "{t} * 2", "{t}.exp().clamp(max=10)", "-{t}", "{t}.abs() + 1", "{t}.clone()"]
BINARY = ["{a} + {b}", "{a} * {b}", "framejit.maximum({a}, {b})", "{a} - {b}.mean()"]
SHAPE = [
    "{t}.reshape(-1)",
    "{t}.unsqueeze(0)",
    "{t}.flatten()",
    "{t}.view({t}.shape[0], -1)",
    "{t}[: {n}]",
    "{t}[{n} :]",
    "{t}[-1:]",
    "{t}[:: 2]",
    "{t}.sum(0)",
    "{t}.mean(-1)",
    "{t}.mean(0, keepdim=True)",
    "{t}.cumsum(0)",
    "{t}.flip(0)",
    "{t}.transpose(0, -1)",
    "framejit.cat([{t}, {t}[:1]], 0)",
    "framejit.stack([{t}, {t}], 1)",
    "framejit.cat([{t}, framejit.zeros({n}, *{t}.shape[1:])], 0)",
    "{t}.expand({m}, *{t}.shape)",
    "{t}.contiguous().view(-1, {m})",
    "{t}.repeat_interleave({m}, 0)",
    "framejit.nn.functional.pad({t}, (0, {n}))",
    "{t}.softmax(-1)",
    "{t}.amax(0)",
    "{t}.narrow(0, 0, {m})",
    "framejit.arange({n}).float() * {t}.sum()",
    "framejit.full(({m}, {n}), 0.5) + {t}.sum()",
    "{t} * {n}",
    "{t} / ({n} + 1)",
]
SIZE = [
    "{t}.shape[0]",
    "{t}.shape[-1]",
    "len({t})",
    "{t}.numel()",
    "{t}.dim()",
    "{a} + {b}",
    "{a} * 2",
    "{a} // 2",
    "{a} % 3",
    "abs({a} - {b})",
    "min({a}, 6)",
    "max({a}, {b})",
    "math.isqrt({a})",
    "int({a} * 0.5)",
    "{a} - 1",
]
TESTS = ["{a} > {b}", "{a} % 2 == 0", "{a} == {b}", "{a}", "{a} < 5 <= {b}", "{t}.shape == {u}.shape", "not {a} > 3"]


class Program:
    """One function `f(x, y, n)` in text."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.tensors, self.sizes, self.lines = ["x", "y"], ["n"], []
        self.made = 0
        for _ in range(self.random.randint(3, 9)):
            self.statement(1)
        results = self.random.sample(self.tensors, min(3, len(self.tensors))) + self.random.sample(self.sizes, 1)
        body = "\n".join(["def f(x, y, n):", *self.lines, f"    return {', '.join(results)}"])
        self.text = body

    def fill(self, template):
        pick = self.random.choice
        return template.format(
            t=pick(self.tensors),
            u=pick(self.tensors),
            a=pick(self.tensors),
            b=pick(self.tensors),
            n=pick(self.sizes),
            m=self.random.choice(self.sizes + ["2", "3"]),
        )

    def fill_size(self, template):
        pick = self.random.choice
        return template.format(t=pick(self.tensors), u=pick(self.tensors), a=pick(self.sizes), b=pick(self.sizes))

    def name(self, kind):
        self.made += 1
        return f"{kind}{self.made}"

    def statement(self, depth):
        indent, roll = "    " * depth, self.random.random()
        if roll < 0.3:
            name = self.name("s")
            self.lines.append(f"{indent}{name} = {self.fill_size(self.random.choice(SIZE))}")
            self.keep(self.sizes, name, depth)
        elif roll < 0.4 and depth < 3:
            self.lines.append(f"{indent}if {self.fill_size(self.random.choice(TESTS))}:")
            target = self.random.choice(self.tensors)
            self.lines.append(f"{indent}    {target} = {self.fill(self.random.choice(UNARY + SHAPE))}")
        elif roll < 0.47:
            target = self.random.choice(self.tensors)
            self.lines.append(f"{indent}try:")
            self.lines.append(f"{indent}    {target} = {self.fill(self.random.choice(SHAPE + BINARY))}")
            self.lines.append(f"{indent}except (RuntimeError, IndexError):")
            self.lines.append(f"{indent}    {target} = {target} * 3")
        elif roll < 0.53:
            source = self.random.choice(self.tensors)
            name = self.name("t")
            self.lines.append(f"{indent}{name} = {source}.clone()")
            self.lines.append(f"{indent}{name}[: {self.random.choice(self.sizes)}] += 1")
            self.keep(self.tensors, name, depth)
        else:
            name = self.name("t")
            kind = self.random.choice([UNARY, BINARY, SHAPE, SHAPE])
            self.lines.append(f"{indent}{name} = {self.fill(self.random.choice(kind))}")
            self.keep(self.tensors, name, depth)

    def keep(self, names, name, depth):
        if depth == 1:
            names.append(name)

    def function(self):
        space = {"framejit": framejit, "math": math}
        exec(self.text, space)
        return space["f"]


def outcome(f, x, y, n):
    try:
        return f(x, y, n)
    except (RuntimeError, IndexError, ValueError, ZeroDivisionError, TypeError, OverflowError) as error:
        return type(error).__name__


def equal(a, b):
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, framejit.Tensor):
        return (
            isinstance(b, framejit.Tensor)
            and (a.shape, a.dtype) == (b.shape, b.dtype)
            and framejit.allclose(a, b, rtol=1e-4, atol=1e-4, equal_nan=True)
        )
    return type(a) is type(b) and a == b


class Fuzz(unittest.TestCase):
    def test_programs(self):
        combinations = [
            (4, 4, 2),
            (6, 6, 3),
            (5, 3, 1),
            (4, 4, 2),
            (8, 8, 5),
            (1, 1, 0),
            (7, 2, 4),
            (9, 9, 3),
            (2, 4, 2),
        ]
        served = compiled_calls = 0
        with framejit.dynamo.config.patch(recompile_limit=16):
            for seed in range(SEED, SEED + PROGRAMS):
                program = Program(seed)
                f = program.function()
                for dynamic in (True, None):
                    compiled = framejit.compile(f, dynamic=dynamic)
                    before = _C.counters()
                    for a, b, n in combinations:
                        framejit.manual_seed(seed)
                        x, y = framejit.randn(a, 4), framejit.randn(b, 4)
                        want, got = outcome(f, x, y, n), outcome(compiled, x, y, n)
                        self.assertTrue(
                            equal(want, got),
                            f"seed {seed}, dynamic={dynamic}, sizes {a, b, n}\n{program.text}\n{want}\n{got}",
                        )
                    after = _C.counters()
                    served += after["hits"] - before["hits"]
                    compiled_calls += after["traces"] - before["traces"]
        self.assertGreater(served, 1.5 * compiled_calls, "too few calls are served by what another size has compiled")


if __name__ == "__main__":
    unittest.main()
