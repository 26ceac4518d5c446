"""Random functions over tensors with breaks, handlers, in-place writes and branches on data, plain against compiled.

The knobs are those of test_frame_fuzz.
"""

import os
import traceback
import unittest
import warnings

import framejit as fj
from framejit import _C

from tests import test_frame_fuzz as base


class TensorProgram(base.Program):
    """x, y, z hold tensors; the variables of the parent hold numbers."""

    def tvar(self):
        return self.pick("x", "y", "z")

    def tensor(self, depth=0):
        if depth > 2 or self.r.random() < 0.25:
            return self.pick("x", "y", "z", "w[0]", "box.t", "bag['t']")
        e = lambda: self.tensor(depth + 1)
        return self.pick(
            lambda: f"({e()} {self.pick('+', '-', '*')} {e()})",
            lambda: f"({e()} {self.pick('+', '-', '*', '/')} {self.pick('2', '0.5', 'd', '3')})",
            lambda: f"({self.pick('1', '2.0', 'd')} - {e()})",
            lambda: f"{e()}.{self.pick('relu', 'neg', 'abs', 'exp', 'tanh', 'clone', 'detach', 'contiguous')}()",
            lambda: f"fj.{self.pick('sin', 'cos', 'sigmoid')}({e()})",
            lambda: f"fj.where({e()} > {self.pick('0', '1.5')}, {e()}, {e()})",
            lambda: f"fj.maximum({e()}, {e()})",
            lambda: f"fj.stack([{e()}, {e()}]).{self.pick('sum', 'mean', 'amax')}({self.pick('dim=0', '0')})",
            lambda: f"fj.cat([{e()}, {e()}])[{self.pick(':3', '3:', '-3:', '::2')}]",
            lambda: f"{e()}.flip(0)",
            lambda: f"({e()} + {e()}.sum())",
            lambda: f"({e()} * {e()}.mean(dim=0, keepdim=True))",
            lambda: f"({e()}.unsqueeze(1) * {e()}).sum(1)",
            lambda: f"({e()}.reshape(3, 1).t() + 1)[0]",
            lambda: f"opaque({e()})",
            lambda: f"({e()} if {self.cond()} else {e()})",
            lambda: f"sum([{e()} * k for k in range(2)])",
            lambda: f"{e()}.to(fj.float64).float()",
        )()

    def number(self):
        return self.pick(
            lambda: (
                f"int({self.tensor(1)}.sum().item() // 1)" if self.r.random() < 0.5 else f"{self.tensor(2)}.numel()"
            ),
            lambda: f"{self.tensor(2)}.shape[0]",
            lambda: f"{self.tensor(2)}.dim()",
            lambda: f"len({self.tvar()})",
        )()

    def expr(self, depth=0):
        if depth and self.r.random() < 0.12:
            return self.number()
        return super().expr(depth)

    def cond(self):
        if self.r.random() < 0.25:
            return self.pick(
                f"{self.tensor(2)}.sum() > 1",
                f"({self.tensor(2)} > 0).all()",
                f"{self.tvar()}.requires_grad",
                f"{self.tvar()}[0] < 2",
                f"{self.tvar()}.shape == (3,)",
                f"{self.tvar()} is {self.tvar()}",
            )
        return super().cond()

    def statement(self, indent):
        if self.r.random() < 0.5:
            return super().statement(indent)
        t = self.tensor
        self.r.choice(
            [
                lambda: self.emit(indent, f"{self.tvar()} = {t()}"),
                lambda: self.emit(indent, f"{self.tvar()} = {t()}"),
                lambda: self.emit(indent, f"log.append({t()})"),
                lambda: self.emit(indent, f"box.t = {t()}"),
                lambda: self.emit(indent, f"bag['t'] = {t()}"),
                lambda: self.emit(indent, f"w[0] = {t()}"),
                lambda: self.emit(indent, f"{self.tvar()} = {t()}.clone()"),
                lambda: self.emit(
                    indent,
                    f"x = x.clone(); x[{self.pick('0', '-1', '1:', ':')}] = {self.pick('5', 'd', 'y[0]', 'z.sum()')}",
                ),
                lambda: self.emit(
                    indent, f"y = y.clone().{self.pick('add_', 'mul_', 'sub_')}({self.pick('2', 'x', 'z')})"
                ),
                lambda: self.emit(indent, f"z = z + 0; z += {t(1)}"),
                lambda: self.emit(indent, f"box.t.{self.pick('add_(1)', 'mul_(2)', 'copy_(x)', 'zero_()')}"),
                lambda: self.emit(indent, "x, y = y, x"),
                lambda: self.emit(indent, f"{self.tvar()} = {self.tvar()} @ fj.ones(3, {self.pick('3', '3', '2')})"),
                lambda: self.emit(indent, f"d = {self.number()}"),
                lambda: self.emit(indent, f"d = float({self.tvar()}[0]) // 2"),
                lambda: self.emit(indent, f"log.append({t()}.sum().item() > {self.pick('1', 'd', 'c')})"),
                lambda: self.while_data(indent),
                lambda: self.for_tensors(indent),
            ]
        )()

    def while_data(self, indent):
        self.serial += 1
        v, n = self.tvar(), f"n{self.serial}"
        self.emit(indent, f"{n} = 0")
        self.emit(indent, f"while {v}.abs().max() > {self.pick('2', 'abs(d) + 1')} and {n} < 9:")
        self.emit(indent + 1, f"{v} = {v} * 0.25")
        self.emit(indent + 1, f"{n} += 1")
        if self.depth < 3 and self.r.random() < 0.5:
            self.loops += 1
            self.emit(indent + 1, f"if {self.cond()}: {self.pick('break', 'd = c')}")
            self.loops -= 1

    def for_tensors(self, indent):
        self.serial += 1
        v, k = self.tvar(), f"k{self.serial}"
        over = self.pick("range(7)", "range(c % 9)", "[0.5, 1, 2, 3]", "enumerate(range(5), d)", "iter((x, y, z))")
        name = f"({k}, _)" if "enumerate" in over else k
        self.emit(indent, f"for {name} in {over}:")
        self.emit(indent + 1, f"{v} = {v} * 0.5 {self.pick('+', '-')} {k}")
        if self.r.random() < 0.5:
            self.emit(indent + 1, f"c += {self.pick('1', 'd', 'opaque(2)')}")
        if self.r.random() < 0.3:
            self.emit(indent + 1, f"if {self.cond()}: {self.pick('break', 'continue')}")

    def source(self):
        self.emit(0, "def subject(a, b=2, *, box, xs, table, log, x, y, w, bag):")
        self.emit(1, "global counter")
        self.emit(1, "c, d, z = 1, a, x * 2")
        self.block(1, 8)
        self.emit(1, "return a, b, c, d, x, y, z, w, box.t")
        return "import framejit as fj\n" + base.PRELUDE + "\n".join(self.lines) + "\n"


def plain_value(v):
    if isinstance(v, fj.Tensor):
        return (
            "tensor",
            tuple(v.shape),
            str(v.dtype),
            [round(e, 3) if abs(e) < 1e4 else float(f"{e:.4g}") for e in v.detach().reshape(-1).tolist()],
        )
    if isinstance(v, (list, tuple)):
        return [plain_value(x) for x in v]
    if isinstance(v, dict):
        return {k: plain_value(x) for k, x in v.items()}
    return repr(v)


def observe(module, function, a, b):
    module.counter = 0
    t = lambda *v: fj.tensor([float(e) for e in v])
    box = module.Box(a)
    box.t = t(1, a, 3)
    state = {
        "box": box,
        "xs": [3, 1, 2],
        "table": {0: 1, 2: 3},
        "log": [],
        "x": t(1, 2, a),
        "y": t(b, -1, 0.5),
        "w": [t(2, 2, 2)],
        "bag": {"t": t(0, 1, 0)},
    }
    try:
        result = ("value", plain_value(function(a, b, **state)))
    except Exception as e:
        chain = type(e.__cause__).__name__, type(e.__context__).__name__
        lines = [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__) if f.filename.startswith("<fuzz")]
        result = ("raised", type(e).__name__, str(e), chain, lines)
    return repr((result, plain_value(state), plain_value(box.t), module.counter))


class Fuzz(unittest.TestCase):
    def test_programs(self):
        count = int(os.environ.get("FRAMEJIT_FUZZ", "60"))
        first = int(os.environ.get("FRAMEJIT_FUZZ_SEED", "0"))
        failures = []
        self.addCleanup(_C._set_flag, "unroll_limit", _C._flags()["unroll_limit"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for seed in range(first, first + count):
                module = base.module_of(TensorProgram(seed).source(), seed)
                _C._set_flag("unroll_limit", seed % 3 * 2 or 64)
                compiled = _C.CompiledFunction(module.subject)
                for args in [(1, 2), (0, 0), (3, -1), (1, 2)]:
                    want = observe(module, module.subject, *args)
                    got = observe(module, compiled, *args)
                    if got != want:
                        failures.append((seed, args, want, got))
                        break
        if failures:
            seed, args, want, got = min(failures, key=lambda f: len(TensorProgram(f[0]).source()))
            program = TensorProgram(seed).source()[len(base.PRELUDE) :]
            self.fail(
                f"{len(failures)} of {count} programs differ: {[f[0] for f in failures][:20]}\n{program}\nargs {args}\nwant {want}\ngot  {got}"
            )


if __name__ == "__main__":
    unittest.main()
