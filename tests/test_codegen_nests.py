"""Loop nests: every layout and tail for every dtype, reductions of all kinds, stages, gathers, ranges; all back ends."""

import unittest

import numpy as np
from framejit import _C

from tests.kernel_util import ISAS, TEXT, operand, run
from tests.test_loop_text import SOFTMAX


def fill(dtype, shape, rng):
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype[0] == "f":
        return rng.standard_normal(shape).astype(TEXT[dtype])
    return rng.integers(0, 120, shape).astype(TEXT[dtype])


def copy_text(dtype, source, target, rank=1):
    return (
        f"kernel axes={'p' * rank}\noperand 0 {dtype} in {source}\noperand 1 {dtype} out {target}\nsweep\n"
        f"%0 = load.{dtype} 0\nstore 1 %0\nend"
    )


class Layouts(unittest.TestCase):
    def test_tails_and_strides(self):
        rng = np.random.default_rng(3)
        for dtype in TEXT:
            for n in [*range(0, 68), 131]:
                base = fill(dtype, 3 * n + 9, rng)
                views = {
                    "contig": base[1 : 1 + n],
                    "strided": base[2 : 2 + 3 * n : 3],
                    "negative": base[::-1][:n],
                    "broadcast": np.broadcast_to(base[4:5], (n,)),
                }
                for name, x in views.items():
                    for target in ("contig", "strided"):
                        for isa in ISAS:
                            out = fill(dtype, 2 * n + 5, rng)
                            before = out.copy()
                            y = out[1 : 1 + n] if target == "contig" else out[1 : 1 + 2 * n : 2]
                            run(copy_text(dtype, "strided" if name == "negative" else name, target), isa, [x, y], [n])
                            expected = before
                            (expected[1 : 1 + n] if target == "contig" else expected[1 : 1 + 2 * n : 2])[:] = x
                            if not np.array_equal(out.view(np.uint8), expected.view(np.uint8)):
                                self.fail(f"{dtype} n={n} {name} to {target} on {isa}")

    def test_outer_axes(self):
        rng = np.random.default_rng(4)
        text = (
            "kernel axes=ppp\noperand 0 f32 in contig\noperand 1 f32 in strided\noperand 2 f32 in broadcast\noperand 3 f32 out contig\n"
            "sweep\n%0 = load.f32 0\n%1 = load.f32 1\n%2 = load.f32 2\n%3 = add.f32 %0 %1\n%4 = mul.f32 %3 %2\nstore 3 %4\nend"
        )
        for shape in [(2, 3, 5), (1, 1, 1), (4, 1, 33), (3, 7, 16), (0, 2, 3), (2, 0, 3), (2, 3, 0)]:
            a = fill("f32", shape, rng)
            b = fill("f32", shape[::-1], rng).T
            c = fill("f32", (shape[0], 1, 1), rng)
            for isa in ISAS:
                out = np.zeros(shape, np.float32)
                run(text, isa, [a, b, c[:, 0, 0], out], shape, maps=[(0, 1, 2), (0, 1, 2), (0,), (0, 1, 2)])
                np.testing.assert_array_equal(out, (a + b) * c)

    def test_range_of_a_parallel_axis(self):
        text = (
            "kernel axes=pp\noperand 0 i64 out contig\nsweep\n%0 = index.i64 0\n%1 = const.i64 100\n%2 = mul.i64 %0 %1\n"
            "%3 = index.i64 1\n%4 = add.i64 %2 %3\nstore 0 %4\nend"
        )
        full = np.arange(7)[:, None] * 100 + np.arange(21)
        for isa in ISAS:
            for axis, begin, end in [(0, 2, 5), (1, 3, 20), (1, 0, 21)]:
                out = np.full((7, 21), -1)
                _C._debug.run_kernel(text, isa, [operand(out, ((0, 1), 2))], (7, 21), range=(axis, begin, end))
                expected = np.full((7, 21), -1)
                part = (slice(begin, end),) if axis == 0 else (slice(None), slice(begin, end))
                expected[part] = full[part]
                np.testing.assert_array_equal(out, expected)

    def test_huge_stride_goes_to_the_interpreter(self):
        x = np.zeros(3 * (1 << 25) + 8, np.float32)[:: 1 << 25]
        x[:] = [1, 2, 3, 0][: len(x)]
        for isa in ISAS:
            out = np.zeros(3, np.float32)
            run(copy_text("f32", "strided", "contig"), isa, [x[:3], out], [3])
            np.testing.assert_array_equal(out, [1, 2, 3])


REDUCE = {
    "sum": (["i32", "i64", "f32", "f64"], np.sum),
    "prod": (["i32", "i64", "f32", "f64"], np.prod),
    "max": (["i32", "i64", "f32", "f64"], np.max),
    "min": (["i32", "i64", "f32", "f64"], np.min),
    "argmax": (["i32", "i64", "f32", "f64"], np.argmax),
    "argmin": (["i32", "i64", "f32", "f64"], np.argmin),
    "any": (["bool"], np.any),
    "all": (["bool"], np.all),
}


def reduce_text(kind, dtype, axes, position_axes=()):
    """out[parallel] = kind over the reduce axes; arg kinds count along position_axes[0]."""
    arg = kind.startswith("arg")
    out = "i64" if arg else dtype
    vec_out = "broadcast" if axes[-1] == "r" else "contig"
    lines = [
        f"kernel axes={axes}",
        f"operand 0 {dtype} in contig",
        f"operand 1 {out} out {vec_out}",
        f"acc 0 {kind} {dtype}",
        "sweep",
        f"%0 = load.{dtype} 0",
    ]
    if arg:
        lines += [
            f"%1 = index.i64 {position_axes[0]}",
            "accum 0 %0 %1",
            "point",
            "%3 = result.i64 0",
            "store 1 %3",
            "end",
        ]
    else:
        lines += ["accum 0 %0", "point", f"%2 = result.{dtype} 0", "store 1 %2", "end"]
    return "\n".join(lines)


class Reductions(unittest.TestCase):
    def check(self, kind, dtype, got, expected, isa):
        if dtype == "i32" and kind in ("sum", "prod"):
            expected = expected.astype(np.int32)
        if dtype[0] == "f" and kind in ("sum", "prod"):
            np.testing.assert_allclose(got, expected, rtol=2e-4 if dtype == "f32" else 1e-11, atol=1e-5, err_msg=isa)
        else:
            np.testing.assert_array_equal(got, expected, err_msg=f"{kind} {dtype} {isa}")

    def data(self, kind, dtype, shape, rng):
        x = fill(dtype, shape, rng)
        if kind == "prod":
            x = (
                rng.integers(1, 3, shape).astype(TEXT[dtype])
                if dtype[0] == "i"
                else (1 + x * TEXT[dtype](0.01)).astype(TEXT[dtype])
            )
        if dtype == "bool":
            x = rng.random(shape) < (0.02 if kind == "any" else 0.98)
        elif dtype[0] == "i":
            x -= 60 if kind != "prod" else 0
        return x

    def test_rows(self):
        rng = np.random.default_rng(7)
        for kind, (dtypes, fn) in REDUCE.items():
            for dtype in dtypes:
                for n in [*range(1, 36), 63, 64, 65, 200, 1000]:
                    x = self.data(kind, dtype, (3, n), rng)
                    for isa in ISAS:
                        out = np.zeros(3, np.int64 if kind.startswith("arg") else TEXT[dtype])
                        run(reduce_text(kind, dtype, "pr", (1,)), isa, [x, out], [3, n], maps=[(0, 1), (0,)])
                        self.check(kind, dtype, out, fn(x, axis=1), isa)

    def test_columns(self):
        rng = np.random.default_rng(8)
        for kind, (dtypes, fn) in REDUCE.items():
            for dtype in dtypes:
                for n in [1, 2, 3, 7, 8, 16, 17, 33, 64, 70, 130]:
                    x = self.data(kind, dtype, (2, 5, n), rng)
                    for isa in ISAS:
                        out = np.zeros((2, n), np.int64 if kind.startswith("arg") else TEXT[dtype])
                        run(reduce_text(kind, dtype, "prp", (1,)), isa, [x, out], [2, 5, n], maps=[(0, 1, 2), (0, 2)])
                        self.check(kind, dtype, out, fn(x, axis=1), isa)

    def test_two_reduce_axes(self):
        rng = np.random.default_rng(9)
        for kind in ("sum", "max"):
            x = rng.standard_normal((3, 4, 5, 19))
            for isa in ISAS:
                rows, columns = np.zeros(3), np.zeros((3, 19))
                run(reduce_text(kind, "f64", "prrr"), isa, [x, rows], x.shape, maps=[(0, 1, 2, 3), (0,)])
                self.check(kind, "f64", rows, REDUCE[kind][1](x, axis=(1, 2, 3)), isa)
                run(reduce_text(kind, "f64", "prrp"), isa, [x, columns], x.shape, maps=[(0, 1, 2, 3), (0, 3)])
                self.check(kind, "f64", columns, REDUCE[kind][1](x, axis=(1, 2)), isa)
                whole = np.zeros(())
                run(reduce_text(kind, "f64", "rrrr"), isa, [x, whole], x.shape, maps=[(0, 1, 2, 3), ()])
                self.check(kind, "f64", whole, REDUCE[kind][1](x), isa)

    def test_nan_and_ties(self):
        x = np.array([[1, 5, 5, 2, -1, 5], [1, np.nan, 7, np.nan, 0, 0], [-np.inf] * 6], np.float32)
        for isa in ISAS:
            for kind, expected in {"argmax": [1, 1, 0], "argmin": [4, 1, 0]}.items():
                out = np.zeros(3, np.int64)
                run(reduce_text(kind, "f32", "pr", (1,)), isa, [x, out], [3, 6], maps=[(0, 1), (0,)])
                np.testing.assert_array_equal(out, expected, err_msg=f"{kind} {isa}")
            for kind in ("max", "min"):
                for n in (6, 40, 100):
                    for place in (0, n // 2, n - 1):
                        y = np.random.default_rng(1).standard_normal((1, n)).astype(np.float32)
                        y[0, place] = np.nan
                        out = np.zeros(1, np.float32)
                        run(reduce_text(kind, "f32", "pr"), isa, [y, out], [1, n], maps=[(0, 1), (0,)])
                        self.assertTrue(np.isnan(out[0]), f"{kind} {isa} {n} {place}")

    def test_empty(self):
        for isa in ISAS:
            for axes, shape, out in [("pr", (3, 0), np.ones(3, np.float32)), ("rp", (0, 3), np.ones(3, np.float32))]:
                x = np.zeros(shape, np.float32)
                run(
                    reduce_text("sum", "f32", axes), isa, [x, out], shape, maps=[(0, 1), (0,) if axes == "pr" else (1,)]
                )
                np.testing.assert_array_equal(out, 0)


class Stages(unittest.TestCase):
    def test_softmax(self):
        rng = np.random.default_rng(2)
        for n in [1, 2, 5, 16, 17, 31, 64, 100, 1000]:
            x = (rng.standard_normal((4, n)) * 5).astype(np.float32)
            e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
            for isa in ISAS:
                out = np.zeros_like(x)
                run(SOFTMAX, isa, [x, out], x.shape, params=[1.0])
                np.testing.assert_allclose(out, e / e.sum(1, keepdims=True), rtol=3e-6, err_msg=isa)

    def test_column_normalise(self):
        """Batch norm: mean and variance over rows, then the normalised values, in one column kernel."""
        text = """kernel axes=rp
operand 0 f32 in contig
operand 1 f32 out contig
param 0 float
acc 0 sum f32
acc 1 sum f32
sweep
%0 = load.f32 0
accum 0 %0
point
%2 = result.f32 0
%3 = param.f32 0
%4 = mul.f32 %2 %3
sweep
%5 = load.f32 0
%6 = sub.f32 %5 %4
%7 = mul.f32 %6 %6
accum 1 %7
point
%9 = result.f32 1
%10 = param.f32 0
%11 = mul.f32 %9 %10
%12 = rsqrt.f32 %11
sweep
%13 = load.f32 0
%14 = sub.f32 %13 %4
%15 = mul.f32 %14 %12
store 1 %15
end"""
        rng = np.random.default_rng(2)
        for shape in [(5, 1), (9, 16), (7, 33), (20, 100)]:
            x = rng.standard_normal(shape).astype(np.float32)
            for isa in ISAS:
                out = np.zeros_like(x)
                run(text, isa, [x, out], shape, params=[1 / shape[0]])
                wide = x.astype(np.float64)
                np.testing.assert_allclose(out, (wide - wide.mean(0)) / wide.std(0), rtol=2e-4, atol=2e-5, err_msg=isa)

    def test_many_values_spill(self):
        """More live values than registers."""
        m = 40
        lines = ["kernel axes=p", "operand 0 f32 in contig", "operand 1 f32 out contig", "sweep", "%0 = load.f32 0"]
        lines += [f"%{i + 1} = add.f32 %{i} %0" for i in range(m)]
        total, at = "%1", m + 1
        for i in range(2, m + 1):
            lines.append(f"%{at} = mul.f32 %{i} %{m + 2 - i}" if i % 2 else f"%{at} = add.f32 %{i} {total}")
            if i % 2 == 0:
                total = f"%{at}"
            at += 1
        lines += [f"%{at} = sub.f32 {total} %{at - 2}", f"store 1 %{at}", "end"]
        x = np.linspace(-1, 1, 77, dtype=np.float32)
        results = []
        for isa in ISAS:
            out = np.zeros_like(x)
            run("\n".join(lines), isa, [x, out], [77])
            results.append(out)
        for r in results[1:]:
            np.testing.assert_array_equal(r, results[0])

    def test_scratch_row(self):
        text = """kernel axes=pr
operand 0 f32 in contig
operand 1 f32 out contig
operand 2 f32 scratch contig
acc 0 sum f32
sweep
%0 = load.f32 0
%1 = mul.f32 %0 %0
store 2 %1
accum 0 %1
point
%4 = result.f32 0
sweep
%5 = load.f32 2
%6 = div.f32 %5 %4
store 1 %6
end"""
        x = np.random.default_rng(0).standard_normal((3, 21)).astype(np.float32)
        for isa in ISAS:
            out, scratch = np.zeros_like(x), np.zeros(21, np.float32)
            run(text, isa, [x, out, scratch], x.shape, maps=[(0, 1), (0, 1), (1,)])
            np.testing.assert_allclose(out, x * x / (x * x).sum(1, keepdims=True), rtol=1e-5, err_msg=isa)


class Gathers(unittest.TestCase):
    def test_load_at_and_store_at(self):
        for dtype in TEXT:
            size = np.dtype(TEXT[dtype]).itemsize
            text = (
                f"kernel axes=p\noperand 0 i64 in contig\noperand 1 {dtype} in broadcast\noperand 2 {dtype} out contig\noperand 3 {dtype} out broadcast\n"
                f"sweep\n%0 = load.i64 0\n%1 = const.i64 {size}\n%2 = mul.i64 %0 %1\n%3 = load_at.{dtype} 1 %2\nstore 2 %3\nstore_at 3 %2 %3\nend"
            )
            rng = np.random.default_rng(1)
            table = fill(dtype, 50, rng)
            for n in (0, 1, 3, 8, 13, 40):
                index = rng.permutation(50)[:n].astype(np.int64)
                for isa in ISAS:
                    out, back = np.zeros(n, TEXT[dtype]), np.zeros(50, TEXT[dtype])
                    run(text, isa, [index, table, out, back], [n], maps=[(0,), (), (0,), ()])
                    np.testing.assert_array_equal(
                        out.view(np.uint8), table[index].view(np.uint8), err_msg=f"{dtype} {isa}"
                    )
                    expected = np.zeros(50, TEXT[dtype])
                    expected[index] = table[index]
                    np.testing.assert_array_equal(back.view(np.uint8), expected.view(np.uint8))

    def test_check_reports_and_ignores_tail(self):
        text = "kernel axes=p\noperand 0 i64 in contig\nsweep\n%0 = load.i64 0\n%1 = const.i64 0\n%2 = gt.bool %0 %1\ncheck 5 %2\nend"
        for isa in ISAS:
            for n in (1, 3, 8, 13):
                x = np.ones(n, np.int64)
                self.assertEqual(run(text, isa, [x], [n]), 0)
                x[n - 1] = -1
                self.assertEqual(run(text, isa, [x], [n]), 5)

    def test_index_and_params(self):
        for dtype in ("i32", "i64", "f32", "f64"):
            text = (
                f"kernel axes=pp\noperand 0 {dtype} out contig\nparam 0 float\nparam 1 int\nsweep\n%0 = index.{dtype} 0\n%1 = index.{dtype} 1\n"
                f"%2 = param.{dtype} 0\n%3 = param.{dtype} 1\n%4 = mul.{dtype} %0 %3\n%5 = add.{dtype} %4 %1\n%6 = add.{dtype} %5 %2\nstore 0 %6\nend"
            )
            for isa in ISAS:
                out = np.zeros((3, 19), TEXT[dtype])
                run(text, isa, [out], out.shape, params=[7.0, 100])
                np.testing.assert_array_equal(
                    out, np.arange(3)[:, None] * 100 + np.arange(19) + 7, err_msg=f"{dtype} {isa}"
                )

    def test_philox(self):
        text = "kernel axes=p\noperand 0 i32 out contig\nparam 0 int\nsweep\n%0 = param.i64 0\n%1 = index.i64 0\n%2 = philox.i32 %0 %1\nstore 0 %2\nend"
        results = []
        for isa in ISAS:
            out = np.zeros(1001, np.int32)
            run(text, isa, [out], [1001], params=[0x123456789ABCDEF])
            results.append(out)
            np.testing.assert_array_equal(out, results[0], err_msg=isa)
        self.assertLess(abs(results[0].astype(np.float64).mean()) / 2**31, 0.1)
        self.assertEqual(len(set(results[0].tolist())), 1001)


if __name__ == "__main__":
    unittest.main()
