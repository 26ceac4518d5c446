"""Sizes and numbers that come from tensors' elements, in one graph: against the plain function, for data that differ."""

import os
import subprocess
import sys
import unittest

import framejit
from framejit import _C, dynamo
from framejit.dynamo.explain import _entries
from framejit.dynamo.testing import CompileCounter

BACKENDS = ("native", "eager", "aot_eager")


def traces():
    return _C.counters()["traces"]


def tensors(count, *sizes):
    framejit.manual_seed(3)
    return [framejit.randn(*sizes) for _ in range(count)]


def same(case, got, want):
    if isinstance(want, (tuple, list)):
        case.assertEqual(type(got), type(want))
        case.assertEqual(len(got), len(want))
        for a, b in zip(got, want):
            same(case, a, b)
    elif isinstance(want, framejit.Tensor):
        case.assertEqual((got.dtype, got.shape), (want.dtype, want.shape))
        framejit.testing.assert_close(got, want, equal_nan=True)
    else:
        case.assertEqual((type(got), got), (type(want), want))


def mask_arithmetic(x):
    return x[x > 0] * 2 + 1


def nonzero_sum(x):
    return (x > 0.3).nonzero().float().sum()


def masked_select(x):
    return framejit.masked_select(x, x > 0).sin().sum() + x.mean()


def rows(x):
    keep = x.sum(1) > 0
    return x[keep].mean(0, keepdim=True), x[~keep].shape[0]


def where_condition(x):
    i, j = framejit.where(x > 0)
    return i + j, x[i, j]


def count(x):
    n = (x > 0).sum().item()
    return framejit.zeros(n), n


def arange_of_count(x):
    n = int((x > 0).sum())
    return framejit.arange(n) * 2


def numbers(x):
    return x * x.max().item(), float(x.min()) + 1


def uniques(x):
    v = framejit.unique((x * 2).long())
    w, inverse, counts = framejit.unique((x * 2).long(), return_inverse=True, return_counts=True)
    return v * 2, w[inverse] + 1, counts.sum()


def consecutive(x):
    return framejit.unique_consecutive((x > 0).long().flatten())


def bins(x):
    return framejit.bincount((x.flatten() * 3).abs().long()) + 1


def repeats(x):
    return x.repeat_interleave((x.sum(1) > 0).long() + 1, 0) * 2


def write_by_mask(x):
    y = x.clone()
    y[y > 0] = 5
    y[y < 0] *= 2
    return y


def twice(x):
    y = x[x > 0]
    z = y[y > 0.5]
    return z.sum(), y.shape[0] - z.shape[0]


def in_place_before(x):
    y = x * 1
    y.add_(0.5)
    return y[y > 0]


def tolist(x):
    a, b = (x > 0).sum(1).tolist()[:2]
    return x.flatten()[:a] + 1, b


def slice_to(x):
    n = (x > 0).sum()
    return x.flatten()[:n], list(range(4))[(x[0, 0] > 0).long()]


CASES = (mask_arithmetic, nonzero_sum, masked_select, rows, where_condition, count, arange_of_count, numbers, uniques,
         consecutive, bins, repeats, write_by_mask, twice, in_place_before, tolist, slice_to)  # fmt: skip


class TestForward(unittest.TestCase):
    def test_every_back_end(self):
        for f in CASES:
            for backend in BACKENDS:
                with self.subTest(f.__name__, backend=backend):
                    dynamo.reset()
                    whole = framejit.compile(f, fullgraph=True, backend=backend)
                    for x in tensors(6, 4, 3) + tensors(2, 5, 3):
                        same(self, whole(x), f(x))

    def test_no_trace_for_another_size(self):
        for f in (mask_arithmetic, nonzero_sum, masked_select, count, bins, twice):
            with self.subTest(f.__name__):
                whole = framejit.compile(f, fullgraph=True)
                given = tensors(8, 4, 3)
                same(self, whole(given[0]), f(given[0]))
                before = traces()
                for x in given[1:]:
                    same(self, whole(x), f(x))
                self.assertEqual(traces(), before)

    def test_nothing_and_everything(self):
        whole = framejit.compile(mask_arithmetic, fullgraph=True)
        for x in (-framejit.ones(3), framejit.ones(3), framejit.tensor([1.0, -1.0]), framejit.zeros(0)):
            same(self, whole(x), mask_arithmetic(x))

    def test_branches_on_such_sizes(self):
        def f(x):
            y = x[x > 0]
            if y.shape[0] == 0:
                return x.sum()
            if y.numel() > 2:
                y = y * 2
            return y + 1

        whole = framejit.compile(f, fullgraph=True)
        given = [-framejit.ones(4), framejit.ones(4), framejit.tensor([1.0, -1.0, -1.0, -1.0])] + tensors(5, 4)
        for x in given * 2:
            same(self, whole(x), f(x))

    def test_open_sizes_too(self):
        whole = framejit.compile(rows, fullgraph=True, dynamic=True)
        for n in (4, 5, 2, 7, 1):
            x = framejit.randn(n, 3)
            same(self, whole(x), rows(x))

    def test_inputs_are_written(self):
        def f(x):
            x.mul_(2)
            places = (x > 1).nonzero()
            x.add_(1)
            return places, x[x > 2]

        whole = framejit.compile(f, fullgraph=True)
        for x in tensors(4, 4, 3):
            mine, theirs = x.clone(), x.clone()
            same(self, whole(mine), f(theirs))
            same(self, mine, theirs)

    def test_random_numbers_are_drawn_once(self):
        def f(x):
            noise = framejit.rand(4, 3)
            kept = x[noise > 0.5]
            return kept, noise, framejit.randn(2)

        whole = framejit.compile(f, fullgraph=True)
        for x in tensors(4, 4, 3):
            framejit.manual_seed(7)
            want = f(x), framejit.rand(1)
            framejit.manual_seed(7)
            same(self, (whole(x), framejit.rand(1)), want)

    def test_errors_of_the_op(self):
        def f(x):
            return framejit.bincount(x)

        whole = framejit.compile(f, fullgraph=True)
        for x in ([1, 2, 2], [-1, 2], [0], [-1, 2]):
            x = framejit.tensor(x)
            if x.min() < 0:
                with self.assertRaisesRegex(RuntimeError, "non-negative"):
                    whole(x)
            else:
                same(self, whole(x), f(x))

    def test_without_fullgraph_it_is_a_break(self):
        broken = framejit.compile(mask_arithmetic)
        for x in tensors(3, 4, 3):
            same(self, broken(x), mask_arithmetic(x))
        self.assertEqual(len(dynamo.explain(mask_arithmetic)(x).break_reasons), 1)

    def test_a_branch_on_a_tensor_is_refused(self):
        with self.assertRaises(dynamo.exc.Unsupported):
            framejit.compile(lambda x: x + 1 if (x > 0).all() else x, fullgraph=True)(framejit.ones(2))


class TestNumbers(unittest.TestCase):
    """Numbers that are only handed on, or meet tensors, are not looked at before the graph runs."""

    def test_every_value_is_right(self):
        def f(x, y):
            loss = (x * x).sum()
            y = y * loss.item() + float(x.max()) - int(x.sum())
            x.add_(1)
            return y, loss.item(), {"max": float(x.max()), "n": (x > 0).sum().item()}

        for backend in BACKENDS:
            for dtype in (framejit.float32, framejit.float64, framejit.bfloat16):
                dynamo.reset()
                whole = framejit.compile(f, fullgraph=True, backend=backend)
                for x in tensors(4, 3):
                    for y in (framejit.ones(2, dtype=dtype), framejit.arange(3)):
                        same(self, whole(x.clone(), y), f(x.clone(), y))

    def test_a_number_is_no_part_of_the_plan(self):
        def f(x):
            return x * x.max().item(), x.sum().item()

        whole = framejit.compile(f, fullgraph=True)
        same(self, whole(framejit.ones(3)), f(framejit.ones(3)))
        self.assertEqual([g for row in _entries(whole) for g in row["guards"] if "go the same way" in g], [])

    def test_a_branch_on_it_is(self):
        def f(x):
            return x + 1 if x.sum().item() > 0 else x - 1

        whole = framejit.compile(f, fullgraph=True)
        for x in tensors(6, 3):
            same(self, whole(x), f(x))

    def test_exports_refuse(self):
        class Counts(framejit.nn.Module):
            def forward(self, x):
                return x + 1 if x.sum().item() > 0 else x

        with self.assertRaises(dynamo.exc.Unsupported):
            dynamo.export(Counts())(framejit.ones(2))


class TestGradients(unittest.TestCase):
    def check(self, f, given):
        for backend in BACKENDS:
            dynamo.reset()
            whole = framejit.compile(f, fullgraph=True, backend=backend)
            for x in given:
                a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
                out, want = whole(a), f(b)
                same(self, out.detach(), want.detach())
                self.assertTrue(out.requires_grad)
                (out * out).sum().backward()
                (want * want).sum().backward()
                same(self, a.grad, b.grad)

    def test_through_masks(self):
        for f in (mask_arithmetic, masked_select, lambda x: x[x.sum(1) > 0].sin(), lambda x: repeats(x) + 1):
            self.check(f, tensors(5, 4, 3))

    def test_through_written_masks(self):
        def f(x):
            y = x * 1
            y[y > 0.5] = 0
            return y.exp()

        self.check(f, tensors(5, 4, 3))

    def test_with_parameters(self):
        framejit.manual_seed(0)
        layer = framejit.nn.Linear(3, 3)

        def f(x):
            hidden = layer(x).relu()
            return layer(hidden[hidden.sum(1) > 0.3]).sum(1)

        self.check(f, tensors(5, 6, 3))


class TestGraphsForBackEnds(unittest.TestCase):
    def test_ops_and_sizes_are_nodes(self):
        seen = []

        def backend(gm, example_inputs):
            seen.append(gm)
            return gm.forward

        def f(x):
            y = x[x > 0]
            return framejit.zeros(y.shape[0] + 1) + 1, x.nonzero() + 1

        whole = framejit.compile(f, fullgraph=True, backend=backend)
        for x in tensors(4, 5):
            same(self, whole(x), f(x))
        self.assertEqual(len(seen), 1)
        names = [n.target if isinstance(n.target, str) else n.target.__name__ for n in seen[0].graph.nodes]
        self.assertIn("nonzero", names)
        self.assertIn("size", names)

    def test_one_graph_is_counted(self):
        counter = CompileCounter()
        whole = framejit.compile(nonzero_sum, fullgraph=True, backend=counter)
        for x in tensors(4, 4, 3):
            same(self, whole(x), nonzero_sum(x))
        self.assertEqual(counter.frame_count, 1)

    def test_replays_are_verified(self):
        names = [
            f"{__name__}.{c}" for c in ("TestGraphsForBackEnds.test_one_graph_is_counted", "TestNumbers", "TestForward")
        ]
        run = subprocess.run(
            [sys.executable, "-m", "unittest", *names],
            env={**os.environ, "FRAMEJIT_VERIFY": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(run.returncode, 0, run.stderr[-3000:])


if __name__ == "__main__":
    unittest.main()
