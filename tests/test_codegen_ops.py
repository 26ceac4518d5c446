"""Every scalar op on every dtype that it takes: machine code against the reference, the reference against NumPy."""

import unittest

import numpy as np
from framejit import _C

from tests.kernel_util import ISAS, TEXT, pointwise, run

ARITH = ["u8", "i8", "i16", "i32", "i64", "f32", "f64"]
TYPES = {
    "arith": ARITH,
    "float": ["f32", "f64"],
    "int": ARITH[:5],
    "bit": ["bool", *ARITH[:5]],
    "cmp": ["bool", *ARITH],
    "class": ["f32", "f64"],
}
# Functions that machine code computes with its own polynomials: the permitted distance from the reference in ulps.
ULPS = {
    "exp": 2,
    "exp2": 1,
    "expm1": 2,
    "log": 1,
    "log2": 2,
    "log10": 2,
    "log1p": 2,
    "sigmoid": 3,
    "sin": 2,
    "cos": 2,
    "tan": 4,
    "asin": 3,
    "acos": 3,
    "atan": 2,
    "atan2": 3,
    "sinh": 3,
    "cosh": 3,
    "tanh": 3,
    "asinh": 4,
    "acosh": 4,
    "atanh": 4,
    "erf": 3,
    "erfc": 8,
    "erfinv": 6,
    "hypot": 2,
    "pow": 2,
    "rsqrt": 0,
    "lgamma": 4,
    "digamma": 4,
}
OPS = _C._debug.scalar_ops()


def samples(dtype, rng, n=1500):
    if dtype == "bool":
        return rng.integers(0, 2, n).astype(np.bool_)
    kind = TEXT[dtype]
    if np.issubdtype(kind, np.integer):
        info = np.iinfo(kind)
        small = rng.integers(max(info.min, -9), 10, n // 2, dtype=np.int64)
        wide = rng.integers(info.min, info.max, n - n // 2, dtype=kind, endpoint=True)
        edge = np.array([0, 1, info.max, info.min, info.max - 1], dtype=kind)
        out = np.concatenate([small.astype(kind), wide, edge])
        rng.shuffle(out)
        return out
    big = 1e30 if dtype == "f32" else 1e200
    out = np.concatenate(
        [
            rng.standard_normal(n // 3),
            rng.standard_normal(n // 3) * 50,
            np.exp(rng.uniform(-80, 80, n // 4)),
            rng.uniform(-1, 1, n // 4),
            [
                0.0,
                -0.0,
                np.inf,
                -np.inf,
                np.nan,
                1.0,
                -1.0,
                0.5,
                -0.5,
                1.5,
                2.5,
                -2.5,
                big,
                -big,
                1e-42,
                -1e-42,
                3.0,
                88.5,
                -103.5,
                1e9,
            ],
        ]
    ).astype(kind)
    rng.shuffle(out)
    return out


def ulp_distance(a, b):
    """Distance in units in the last place; NaNs are equal, zeros of different sign are not."""
    ints = np.int32 if a.dtype == np.float32 else np.int64
    ia, ib = a.view(ints).astype(np.int64), b.view(ints).astype(np.int64)
    low = np.int64(np.iinfo(ints).min)
    with np.errstate(over="ignore"):
        ia, ib = np.where(ia < 0, low - ia, ia), np.where(ib < 0, low - ib, ib)
        same_side = (ia < 0) == (ib < 0)
        distance = np.where(
            same_side, np.abs(ia - ib).astype(np.float64), np.abs(ia.astype(np.float64) - ib.astype(np.float64))
        )
    distance[np.isnan(a) & np.isnan(b)] = 0
    distance[np.isnan(a) != np.isnan(b)] = np.inf
    distance[(a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b))] = np.inf
    return distance


def evaluate(op, arity, dtype, out, isa, inputs):
    n = len(inputs[0])
    result = np.zeros(n, dtype=TEXT[out])
    run(pointwise(op, dtype, arity, out), isa, [*inputs[:arity], result], [n])
    return result


class ScalarOps(unittest.TestCase):
    def test_machine_code_agrees_with_reference(self):
        for op, arity, rule in OPS:
            for dtype in TYPES[rule]:
                rng = np.random.default_rng(5)
                out = "bool" if rule in ("cmp", "class") else dtype
                inputs = [samples(dtype, rng) for _ in range(3)]
                if op == "pow" and dtype[0] in "iu":
                    inputs[1] = np.clip(inputs[1], None, 40)
                if arity > 1:
                    inputs[1][::7] = inputs[0][::7]
                expected = evaluate(op, arity, dtype, out, "ref", inputs)
                for isa in ISAS[1:]:
                    with self.subTest(op=op, dtype=dtype, isa=isa):
                        self.compare(op, dtype, inputs[:arity], expected, evaluate(op, arity, dtype, out, isa, inputs))

    def test_pairs_of_edges(self):
        for op, arity, rule in OPS:
            if arity != 2 or rule not in ("arith", "float"):
                continue
            for dtype in TYPES[rule]:
                kind = TEXT[dtype]
                if np.issubdtype(kind, np.integer):
                    info = np.iinfo(kind)
                    values = [0, 1, 2, 3, 7, info.max, info.max - 1, info.max // 2, info.max // 2 + 1]
                    values += [info.min, -1, -2, -3, -7, info.min + 1, info.min // 2] if info.min else [254]
                else:
                    info = np.finfo(kind)
                    values = [0, info.smallest_subnormal, info.tiny, 0.5, 1, 1.5, 2, 3, 7, 1e10, 3e7, info.max, np.inf]
                    values = [*values, *(-v for v in values), np.nan]
                values = np.array(values, kind)
                inputs = [a.ravel().copy() for a in np.meshgrid(values, values)]
                if op == "pow" and dtype[0] in "iu":
                    inputs[1] = np.clip(inputs[1], None, 40)
                expected = evaluate(op, arity, dtype, dtype, "ref", inputs)
                for isa in ISAS[1:]:
                    with self.subTest(op=op, dtype=dtype, isa=isa):
                        self.compare(op, dtype, inputs, expected, evaluate(op, arity, dtype, dtype, isa, inputs))

    def test_integer_division_at_random(self):
        rng = np.random.default_rng(11)
        for dtype in ARITH[:5]:
            kind, bits = TEXT[dtype], TEXT[dtype]().itemsize * 8
            info = np.iinfo(kind)
            wide = [rng.integers(info.min, info.max, 40000, kind, endpoint=True) for _ in range(2)]
            inputs = [w >> rng.integers(0, bits, w.size).astype(kind) for w in wide]
            multiple = inputs[1][::2] * (inputs[0][::2] // 3)  # exact multiples and their neighbours, wrapped around
            inputs[0][::2] = multiple + rng.integers(0, 2, multiple.size).astype(kind)
            for op in ("truncdiv", "floordiv", "rem", "fmod"):
                expected = evaluate(op, 2, dtype, dtype, "ref", inputs)
                for isa in ISAS[1:]:
                    with self.subTest(op=op, dtype=dtype, isa=isa):
                        self.compare(op, dtype, inputs, expected, evaluate(op, 2, dtype, dtype, isa, inputs))

    def test_float_remainders_at_random(self):
        rng = np.random.default_rng(12)
        for dtype in ("f32", "f64"):
            kind = TEXT[dtype]
            x = (rng.standard_normal(40000) * 10.0 ** rng.uniform(-6, 12, 40000)).astype(kind)
            y = (rng.standard_normal(40000) * 10.0 ** rng.uniform(-6, 6, 40000)).astype(kind)
            x[::3] = y[::3] * rng.integers(-1000, 1000, x[::3].size).astype(kind)
            for op in ("floordiv", "rem", "fmod"):
                expected = evaluate(op, 2, dtype, dtype, "ref", [x, y])
                for isa in ISAS[1:]:
                    with self.subTest(op=op, dtype=dtype, isa=isa):
                        self.compare(op, dtype, [x, y], expected, evaluate(op, 2, dtype, dtype, isa, [x, y]))

    def compare(self, op, dtype, inputs, expected, got):
        if expected.dtype.kind != "f":
            bad = np.flatnonzero(expected != got)
        else:
            distance = ulp_distance(expected, got)
            if op in ("min", "max", "fmin", "fmax"):
                distance[(expected == 0) & (got == 0)] = 0
            bad = np.flatnonzero(distance > ULPS.get(op, 0))
        if len(bad):
            i = bad[0]
            self.fail(
                f"{op} {dtype}{tuple(x[i] for x in inputs)}: reference {expected[i]!r}, got {got[i]!r} ({len(bad)} differ)"
            )

    def test_reference_agrees_with_numpy(self):
        table = {
            "add": np.add,
            "sub": np.subtract,
            "mul": np.multiply,
            "neg": np.negative,
            "abs": np.abs,
            "max": np.maximum,
            "min": np.minimum,
            "fmax": np.fmax,
            "fmin": np.fmin,
            "eq": np.equal,
            "ne": np.not_equal,
            "lt": np.less,
            "le": np.less_equal,
            "gt": np.greater,
            "ge": np.greater_equal,
            "and": np.bitwise_and,
            "or": np.bitwise_or,
            "xor": np.bitwise_xor,
            "not": np.invert,
            "isnan": np.isnan,
            "isinf": np.isinf,
            "isfinite": np.isfinite,
            "signbit": np.signbit,
            "floor": np.floor,
            "ceil": np.ceil,
            "round": np.rint,
            "trunc": np.trunc,
            "sqrt": np.sqrt,
            "div": np.divide,
            "copysign": np.copysign,
            "nextafter": np.nextafter,
            "gcd": np.gcd,
            "rem": np.remainder,
            "fmod": np.fmod,
            "floordiv": np.floor_divide,
            "exp": np.exp,
            "log": np.log,
            "sin": np.sin,
            "cos": np.cos,
            "tanh": np.tanh,
            "log1p": np.log1p,
            "expm1": np.expm1,
            "atan2": np.arctan2,
            "hypot": np.hypot,
        }
        for op, arity, rule in OPS:
            if op not in table:
                continue
            for dtype in TYPES[rule]:
                rng = np.random.default_rng(6)
                inputs = [samples(dtype, rng, 300) for _ in range(2)]
                if op in ("rem", "fmod", "floordiv") and dtype[0] in "iu":
                    inputs[1][inputs[1] == 0] = 3
                    info = np.iinfo(TEXT[dtype])
                    inputs[0][inputs[0] == info.min] = 5
                if op == "gcd" and dtype[0] == "i":
                    inputs = [np.clip(x, -100, 100) for x in inputs]
                if op == "floordiv" and dtype[0] == "f":
                    inputs = [x[np.isfinite(inputs[0]) & np.isfinite(inputs[1]) & (inputs[1] != 0)] for x in inputs]
                out = "bool" if rule in ("cmp", "class") else dtype
                with self.subTest(op=op, dtype=dtype), np.errstate(all="ignore"):
                    expected = table[op](*inputs[:arity]).astype(TEXT[out])
                    got = evaluate(op, arity, dtype, out, "ref", inputs)
                    np.testing.assert_allclose(
                        got.astype(np.float64),
                        expected.astype(np.float64),
                        rtol=1e-6 if dtype == "f32" else 1e-14,
                        atol=1e-300,
                    )


class Powers(unittest.TestCase):
    """x ** y of float32 against the power of doubles: half an ulp and a bit; subnormal results are rounded twice."""

    def check(self, x, y):
        import framejit

        x, y = x.astype(np.float32), y.astype(np.float32)
        self.compare(x, y, framejit.pow(framejit.from_numpy(x), framejit.from_numpy(y)).numpy())

    def compare(self, x, y, found):
        with np.errstate(all="ignore"):
            exact = np.power(x.astype(np.float64), y.astype(np.float64))
            rounded = exact.astype(np.float32)
            distance = np.abs(found.astype(np.float64) - exact) / np.spacing(np.abs(rounded))
        finite = np.isfinite(rounded)
        np.testing.assert_array_equal(found[~finite], rounded[~finite])
        tiny = np.abs(rounded) < np.finfo(np.float32).tiny
        self.assertLess(distance[finite & ~tiny].max(initial=0), 0.85)
        self.assertLess(distance[finite & tiny].max(initial=0), 1.01)
        np.testing.assert_array_equal(np.signbit(found[finite]), np.signbit(rounded[finite]))

    def test_known_exponents(self):
        """An exponent that is a constant of the code has edges of its own."""
        rng = np.random.default_rng(0)
        edges = [0.0, 1.0, np.inf, np.nan, 1e-45, 1e-38, 3e38, 1 - 2.0**-24, 1 + 2.0**-23]
        x = np.exp(rng.uniform(-88, 88, 2000)).astype(np.float32)
        x = np.concatenate([x, np.array(edges, np.float32), 1 + rng.uniform(-0.1, 0.1, 1000).astype(np.float32)])
        x = np.concatenate([x, -x])
        for exponent in (
            0.8,
            -0.8,
            5,
            -5,
            6,
            -6,
            1.5,
            -2.5,
            1e-40,
            -1e-3,
            16777215,
            -16777217,
            1e9,
            1e30,
            -np.inf,
            np.nan,
            0,
        ):
            y = np.full_like(x, exponent)
            body = f"%0 = load.f32 0\n%1 = const.f32 {exponent!r}\n%2 = pow.f32 %0 %1\nstore 1 %2\nend"
            for isa in ISAS[1:]:
                with self.subTest(exponent=exponent, isa=isa):
                    found = np.empty_like(x)
                    kernel = f"kernel axes=p\noperand 0 f32 in contig\noperand 1 f32 out contig\nsweep\n{body}"
                    run(kernel, isa, [x, found], [len(x)])
                    self.compare(x, y, found)

    def test_random(self):
        rng = np.random.default_rng(0)
        self.check(np.exp(rng.uniform(-10, 10, 50_000)), rng.uniform(-8, 8, 50_000))
        for near, far in ((1e-6, 1e8), (1e-3, 1e5), (0.1, 1e3)):
            self.check(1 + rng.uniform(-near, near, 50_000), rng.uniform(-far, far, 50_000))
        self.check(
            rng.integers(1, 2**31 - 2**23, 50_000).astype(np.int32).view(np.float32), rng.uniform(-1.2, 1.2, 50_000)
        )


class Casts(unittest.TestCase):
    def cast(self, source, target, isa, x):
        out = np.zeros(len(x), dtype=TEXT[target])
        text = (
            f"kernel axes=p\noperand 0 {source} in contig\noperand 1 {target} out contig\nsweep\n"
            f"%0 = load.{source} 0\n%1 = cast.{target} %0\nstore 1 %1\nend"
        )
        run(text, isa, [x, out], [len(x)])
        return out

    def test_all_pairs(self):
        rng = np.random.default_rng(9)
        for source in TEXT:
            if source == "f16":
                x = np.arange(65536, dtype=np.uint16).view(np.float16)
            elif source == "bf16":
                x = np.arange(65536, dtype=np.uint16)
            else:
                x = samples(source, rng)
            for target in TEXT:
                expected = self.cast(source, target, "ref", x)
                for isa in ISAS[1:]:
                    with self.subTest(source=source, target=target, isa=isa):
                        got = self.cast(source, target, isa, x)
                        if target == "bf16" or got.dtype.kind != "f":
                            same = expected == got
                            if target == "bf16":  # NaN payloads are free
                                same |= ((expected & 0x7FFF) > 0x7F80) & ((got & 0x7FFF) > 0x7F80)
                        else:
                            same = (expected == got) | (np.isnan(expected) & np.isnan(got))
                        bad = np.flatnonzero(~same)
                        self.assertEqual(
                            len(bad), 0, bad[:1] if len(bad) == 0 else (x[bad[0]], expected[bad[0]], got[bad[0]])
                        )

    def test_half_against_numpy(self):
        bits = np.arange(65536, dtype=np.uint16)
        wide = self.cast("f16", "f32", "ref", bits.view(np.float16))
        np.testing.assert_array_equal(wide, bits.view(np.float16).astype(np.float32))
        x = np.random.default_rng(1).standard_normal(20000).astype(np.float32) * np.float32(3000) ** np.linspace(
            -2, 1.5, 20000, dtype=np.float32
        )
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(self.cast("f32", "f16", "ref", x), x.astype(np.float16))


if __name__ == "__main__":
    unittest.main()
