"""Small names against torch: checks, switches, numbers that may be symbols, tensor methods, storages, futures, attention by
functions of the places. Values, and types of errors."""

import unittest
import warnings

import framejit
import framejit.nn.attention.flex_attention
import numpy as np

try:
    import torch
    import torch.nn.attention.flex_attention
except ImportError:
    torch = None

RNG = np.random.default_rng(5)
NAN = float("nan")

CHECKS = (
    lambda t: t._assert(False, "m"),
    lambda t: t._assert(t.tensor(False), "m"),
    lambda t: t._assert(2 > 1, "m"),
    lambda t: t._check(True),
    lambda t: t._check(False),
    lambda t: t._check(False, lambda: "text"),
    lambda t: t._check(1),
    lambda t: t._check(t.tensor(True)),
    lambda t: t._check(False, "no callable"),
    lambda t: t._check_is_size(-1),
    lambda t: t._check_is_size(3),
    lambda t: t._check_value(False),
    lambda t: t._check_type(False, lambda: 3),
    lambda t: t._check_index(False),
    lambda t: t._check_not_implemented(False),
    lambda t: t._check_with(KeyError, False, lambda: "k"),
    lambda t: t._check_tensor_all(t.tensor([True, False]), lambda: "x"),
    lambda t: t._check_tensor_all(t.tensor([True, True])),
    lambda t: t._check_tensor_all([True]),
    lambda t: t._check_tensor_all(t.ones(2)),
    lambda t: t._assert_async(t.tensor(False)),
    lambda t: t._assert_async(t.tensor(1)),
    lambda t: t._assert_async(t.ones(2)),
    lambda t: (
        t.sym_max(2, 3.0),
        t.sym_min(1, 2.0),
        t.sym_int(-2.7),
        t.sym_float(2),
        t.sym_not(3),
        t.sym_ite(True, 1, 2),
    ),
    lambda t: (type(t.sym_min(1, 2.0)), type(t.sym_max(1, 2)), t.sym_sum([1, 2, 3])),
    lambda t: isinstance(3, (t.SymInt, t.SymFloat, t.SymBool)),
    lambda t: issubclass(t.OutOfMemoryError, RuntimeError),
    lambda t: t.legacy_contiguous_format is t.contiguous_format,
)
SWITCHES = (
    lambda t: t.use_deterministic_algorithms(True),
    lambda t: t.use_deterministic_algorithms(True, warn_only=True),
    lambda t: t.use_deterministic_algorithms(3),
    lambda t: t.set_deterministic_debug_mode("error"),
    lambda t: t.set_deterministic_debug_mode("nothing"),
    lambda t: t.set_deterministic_debug_mode(7),
    lambda t: t.set_deterministic_debug_mode(1.5),
    lambda t: t.set_deterministic_debug_mode(1),
    lambda t: t.use_deterministic_algorithms(False),
    lambda t: t.set_float32_matmul_precision("high"),
    lambda t: t.set_float32_matmul_precision("highest"),
    lambda t: t.set_float32_matmul_precision(3),
    lambda t: str(t.get_default_device()),
    lambda t: t.get_device_module("cpu").__name__.partition(".")[2],
    lambda t: t.get_device_module().__name__.partition(".")[2],
    lambda t: t.get_device_module("foo"),
    lambda t: t.set_default_device("cpu"),
    lambda t: t.set_default_device(None),
)
# (call, arrays)
METHODS = (
    (lambda t, x: x.new(2, 3).shape, RNG.random(3)),
    (lambda t, x: x.new([1, 2]), RNG.random(3)),
    (lambda t, x: x.new(t.ones(2, dtype=t.float64)), RNG.random(3)),
    (lambda t, x: x.new(), RNG.random(3)),
    (lambda t, x: x.new(t.Size([2])).shape, RNG.random(3)),
    (lambda t, x: x.new(2.5), RNG.random(3)),
    (lambda t, x: x.int().new([1.7]), RNG.random(3)),
    (lambda t, x: x.resize(2, 3), RNG.random(6)),
    (lambda t, x: x.resize(2, 2), RNG.random(6)),
    (lambda t, x: x.resize_as(t.ones(3, 2)), RNG.random(6)),
    (lambda t, x: x.fill_diagonal_(2), RNG.random((3, 4))),
    (lambda t, x: x.fill_diagonal_(2), RNG.random((4, 3))),
    (lambda t, x: x.t().fill_diagonal_(2), RNG.random((4, 3))),
    (lambda t, x: x[1:].fill_diagonal_(2), RNG.random((4, 3))),
    (lambda t, x: x.fill_diagonal_(1, wrap=True), RNG.random((9, 3))),
    (lambda t, x: x.fill_diagonal_(1, wrap=True), RNG.random((4, 3))),
    (lambda t, x: x.fill_diagonal_(1, wrap=True), RNG.random((14, 4))),
    (lambda t, x: x.fill_diagonal_(1), RNG.random((2, 2, 2))),
    (lambda t, x: x.fill_diagonal_(1), RNG.random((2, 3, 2))),
    (lambda t, x: x.fill_diagonal_(1), RNG.random(3)),
    (lambda t, x: x.long().fill_diagonal_(1.5), RNG.random((2, 2))),
    (lambda t, x: x.apply_(lambda v: v + 1), RNG.random((2, 2))),
    (lambda t, x: x.t().apply_(lambda v: v + 1), RNG.random((2, 3))),
    (lambda t, x: x.requires_grad_().apply_(lambda v: v + 1), RNG.random((2, 2))),
    (lambda t, x, y: x.map_(y, lambda a, b: a + 2 * b), RNG.random((2, 2)), RNG.random((2, 2))),
    (lambda t, x, y: x.map_(y, lambda a, b: a + 2 * b), RNG.random((2, 2)), RNG.random(2)),
    *(
        (lambda t, x, k=k: t.nanmedian(x, **k), np.array([[1.0, NAN, 3.0, 2.0], [NAN, NAN, 5.0, NAN], [4.0, 3.0, 2.0, 1.0]]))
        for k in ({}, {"dim": 0}, {"dim": 1, "keepdim": True})
    ),
    (lambda t, x: x.nanmedian(), np.array([])),
    (lambda t, x: t.nanmedian(x, 0)[0], np.array([NAN, NAN])),
    (lambda t, x: x.long().nanmedian(0), RNG.random(5) * 9),
    (lambda t, x: (lambda s: (len(s), s[1], s.tolist(), s.nbytes(), s.element_size(), s.size()))(x[1:].storage()), RNG.random((2, 3))),
    (lambda t, x: (x.storage().fill_(2.0), x)[1], RNG.random((2, 3))),
    (lambda t, x: x.storage()[9], RNG.random((2, 3))),
    (lambda t, x: x.storage()[0:2], RNG.random((2, 3))),
    (lambda t, x: x.storage()["a"], RNG.random((2, 3))),
    (lambda t, x: t.autograd.Variable(x, requires_grad=True).requires_grad, RNG.random(2)),
    *((lambda t, x, n=n: getattr(t, n)(x, x), np.eye(2)) for n in ("solve", "symeig", "eig", "lstsq")),
    *((lambda t, x, n=n: getattr(x, n)(x), np.eye(2)) for n in ("solve", "symeig", "eig", "lstsq")),
    (lambda t, x: isinstance(x, t.autograd.Variable), RNG.random(2)),
    (lambda t, x: t.autograd.Variable([1]), RNG.random(2)),
)  # fmt: skip


def plain(value):
    if isinstance(value, (tuple, list)):
        return tuple(plain(v) for v in value)
    if hasattr(value, "detach"):
        return (
            str(value.dtype).rpartition(".")[2],
            tuple(value.shape),
            np.round(np.asarray(value.tolist(), float), 6).tolist(),
        )
    return value


def outcome(call, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(call(*args))
        except Exception as error:
            return type(error).__name__


@unittest.skipIf(torch is None, "torch is not installed")
class SmallTest(unittest.TestCase):
    def test_checks(self):
        for i, call in enumerate(CHECKS):
            with self.subTest(i):
                self.assertEqual(outcome(call, framejit), outcome(call, torch))

    def test_switches(self):
        state = lambda t: (
            t.are_deterministic_algorithms_enabled(), t.is_deterministic_algorithms_warn_only_enabled(),
            t.get_deterministic_debug_mode(), t.get_float32_matmul_precision(),
        )  # fmt: skip
        for i, call in enumerate(SWITCHES):
            with self.subTest(i):
                self.assertEqual(outcome(call, framejit), outcome(call, torch))
                self.assertEqual(state(framejit), state(torch))

    def test_methods(self):
        for i, (call, *arrays) in enumerate(METHODS):
            with self.subTest(i):
                results = [
                    outcome(call, t, *(t.tensor(a.tolist(), dtype=t.float64) for a in arrays))
                    for t in (framejit, torch)
                ]
                self.assertEqual(repr(results[0]), repr(results[1]))

    def test_futures(self):
        def story(t):
            log, f, e = [], t.futures.Future(), t.futures.Future()
            doubled = f.then(lambda done: 2 * done.value())
            f.add_done_callback(lambda done: log.append(done.value()))
            log.append((f.done(), doubled.done(), outcome(f.value)))
            f.set_result(21)
            log.append((doubled.wait(), f.done(), f.value(), outcome(f.set_result, 3)))
            f.add_done_callback(lambda done: log.append("late"))
            failed = e.then(lambda done: done.wait())
            e.set_exception(KeyError("k"))
            log.append(
                (outcome(e.wait), outcome(e.value), outcome(failed.wait), outcome(e.set_exception, ValueError("x")))
            )
            log.append((t.futures.wait_all([f, doubled]), outcome(t.futures.wait_all, [f, e]), t.futures.wait_all([])))
            log.append(t.futures.collect_all([f]).then(lambda done: done.value()[0].value()).wait())
            log.append(
                (outcome(t.futures.Future, 3), outcome(t.futures.Future().set_exception, 3), t.Future is not None)
            )
            return log

        ours, theirs = story(framejit), story(torch)
        self.assertEqual(ours[0][2], "RuntimeError")
        self.assertEqual(ours, theirs)


@unittest.skipIf(torch is None, "torch is not installed")
class FlexAttentionTest(unittest.TestCase):
    SHAPE = (2, 4, 5, 3)

    def both(self, call, heads=4):
        arrays = [RNG.standard_normal(self.SHAPE) for _ in range(3)]
        arrays[1:] = [a[:, :heads] for a in arrays[1:]]
        slopes = RNG.standard_normal(4)
        results = []
        for t in (framejit, torch):
            F = t.nn.attention.flex_attention
            make = lambda a: t.tensor(a.tolist(), dtype=t.float64)
            try:
                found = call(t, F, *map(make, arrays), make(slopes))
            except Exception as error:
                results.append(type(error).__name__)
                continue
            results.append(
                [np.asarray(x.tolist()) for x in (found if isinstance(found, tuple) else (found,)) if x is not None]
            )
        if isinstance(results[1], str):
            self.assertEqual(*results)
            return
        for ours, theirs in zip(*results, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)

    def test_flex_attention(self):
        scores = (
            lambda t, slopes: None,
            lambda t, slopes: lambda s, b, h, i, j: s + slopes[h] * (i - j),
            lambda t, slopes: lambda s, b, h, i, j: t.where(i >= j, s, -float("inf")),
        )
        masks = (
            None,
            lambda b, h, i, j: i >= j,
            lambda b, h, i, j: (i >= j) & (i - j < 2) & (i > 0),  # nothing is left of the first row
        )
        for score in scores:
            for mask in masks:
                for options in ({}, {"return_lse": True}, {"scale": 0.3}):

                    def call(t, F, q, k, v, slopes, score=score, mask=mask, options=options):
                        blocks = (
                            None if mask is None else F.create_block_mask(mask, None, None, 5, 5, "cpu", BLOCK_SIZE=2)
                        )
                        return F.flex_attention(q, k, v, score(t, slopes), blocks, **options)

                    self.both(call)

    def test_grouped_heads_and_errors(self):
        self.both(lambda t, F, q, k, v, s: F.flex_attention(q, k, v, enable_gqa=True), heads=2)
        self.both(lambda t, F, q, k, v, s: F.flex_attention(q, k, v), heads=2)
        self.both(lambda t, F, q, k, v, s: F.flex_attention(q, k[..., :2], v))
        self.both(lambda t, F, q, k, v, s: F.flex_attention(q[0], k, v))
        self.both(lambda t, F, q, k, v, s: F.create_block_mask(lambda b: b, 1, 1, 4, 4, "cpu"))

    def test_gradients(self):
        """A score function that adds a bias has the gradients of the formula written out."""
        q, k, v, bias = (framejit.randn(1, 2, 4, 3, dtype=framejit.float64, requires_grad=True) for _ in range(4))
        flex = framejit.nn.attention.flex_attention.flex_attention
        found = framejit.autograd.grad(
            flex(q, k, v, lambda s, b, h, i, j: s + bias[b, h, i, 0] * j).square().sum(), [q, k, v, bias]
        )
        written = (q @ k.mT / 3**0.5 + bias[..., :1] * framejit.arange(4)).softmax(-1) @ v
        wanted = framejit.autograd.grad(written.square().sum(), [q, k, v, bias])
        for x, y in zip(found, wanted):
            self.assertTrue(framejit.allclose(x, y))

    def test_masks(self):
        causal, near = (lambda b, h, i, j: i >= j), (lambda b, h, i, j: (i - j).abs() < 60)
        for make in (
            lambda F: causal,
            lambda F: F.and_masks(causal, near),
            lambda F: F.or_masks(causal, near),
            lambda F: F.noop_mask,
        ):
            results = []
            for t in (framejit, torch):
                F = t.nn.attention.flex_attention
                blocks = F.create_block_mask(make(F), 1, 2, 300, 260, device="cpu", BLOCK_SIZE=64)
                names = [a + b + c for a in ("", "full_") for b in ("kv", "q") for c in ("_num_blocks", "_indices")]
                results.append((repr(blocks).replace("framejit", "torch").partition("mask_mod")[0], [getattr(blocks, n).tolist() for n in names],
                                blocks.to_dense().tolist(), blocks.shape, blocks.numel(), blocks.sparsity(),
                                F.create_mask(make(F), 1, 1, 7, 5, "cpu").tolist()))  # fmt: skip
            self.assertEqual(*results)

    def test_backends(self):
        for backends in ("MATH", ["MATH", "FLASH_ATTENTION"]):
            results = []
            for t in (framejit, torch):
                kinds = t.nn.attention.SDPBackend
                pick = lambda x: getattr(kinds, x) if isinstance(x, str) else x
                try:
                    with t.nn.attention.sdpa_kernel(
                        [pick(b) for b in backends] if isinstance(backends, list) else pick(backends)
                    ):
                        x = t.ones(1, 1, 2, 2)
                        results.append(t.nn.functional.scaled_dot_product_attention(x, x, x).tolist())
                except Exception as error:
                    results.append(type(error).__name__)
            self.assertEqual(*results)


if __name__ == "__main__":
    unittest.main()
