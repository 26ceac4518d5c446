"""Autocast: its switches, regions in eager code and in compiled frames, custom functions, GradScaler."""

import pickle
import threading
import unittest
import warnings

import framejit
from framejit import amp, nn

F = nn.functional


def product(x, w):
    return x @ w


def around(x, w):
    y = x @ w
    with framejit.autocast("cpu"):
        z = y @ w
        with framejit.autocast("cpu", enabled=False):
            u = y @ w
        with framejit.autocast("cpu", dtype=framejit.float16):
            v = y @ w
        s = z @ w
    return y.dtype, z.dtype, u.dtype, v.dtype, s.dtype, (x @ w).dtype, z, u, s


def with_break(x, w):
    with framejit.autocast("cpu"):
        a = x @ w
        print("inside", framejit.is_autocast_enabled("cpu"), end=" ")
        b = x @ w
    print("outside", framejit.is_autocast_enabled("cpu"))
    return a.dtype, b.dtype, (x @ w).dtype


@framejit.autocast("cpu")
def decorated(x, w):
    return (x @ w).dtype, framejit.is_autocast_enabled("cpu")


def left_by_exception(x, w):
    try:
        with framejit.autocast("cpu"):
            y = x @ w
            raise ValueError("out")
    except ValueError:
        return y.dtype, (x @ w).dtype, framejit.is_autocast_enabled("cpu")


def in_generator(x, w):
    def parts():
        with framejit.autocast("cpu"):
            yield x @ w
            yield (x @ w) @ w
        yield x @ w

    return [p.dtype for p in parts()], framejit.is_autocast_enabled("cpu")


def state():
    return (
        framejit.is_autocast_enabled("cpu"),
        framejit.get_autocast_dtype("cpu"),
        framejit.is_autocast_cache_enabled(),
    )


def values(result):
    return [r.detach().double().tolist() if isinstance(r, framejit.Tensor) else r for r in result]


def tensors():
    framejit.manual_seed(0)
    return framejit.rand(3, 3), framejit.rand(3, 3)


class StateTest(unittest.TestCase):
    def tearDown(self):
        self.assertEqual(state(), (False, framejit.bfloat16, True))

    def test_switches(self):
        self.assertEqual(state(), (False, framejit.bfloat16, True))
        with framejit.autocast("cpu", dtype=framejit.float16, cache_enabled=False) as region:
            self.assertIsInstance(region, framejit.autocast)
            self.assertEqual(state(), (True, framejit.float16, False))
            with framejit.autocast("cpu", enabled=False):
                self.assertEqual(state(), (False, framejit.float16, False))
            self.assertEqual(state(), (True, framejit.float16, False))
        self.assertEqual(framejit.get_autocast_dtype("cuda"), framejit.float16)
        self.assertTrue(amp.is_autocast_available("cpu"))
        self.assertFalse(amp.is_autocast_available("meta"))

    def test_other_threads_are_not_affected(self):
        seen = []
        with framejit.autocast("cpu"):
            thread = threading.Thread(target=lambda: seen.append(state()))
            thread.start()
            thread.join()
        self.assertEqual(seen, [(False, framejit.bfloat16, True)])

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "Expected `device_type` of type `str`"):
            framejit.autocast(framejit.device("cpu"))
        with self.assertRaisesRegex(RuntimeError, "unsupported autocast device_type 'abacus'"):
            framejit.autocast("abacus")
        with self.assertRaises(TypeError):
            framejit.set_autocast_enabled("cpu", 1)
        with self.assertRaises(TypeError):
            framejit.set_autocast_dtype("cpu", "float16")
        with self.assertRaisesRegex(TypeError, "requires a callable"):
            framejit.autocast("cpu")(3)
        with self.assertWarnsRegex(UserWarning, "target dtype is not supported"):
            self.assertFalse(framejit.autocast("cpu", dtype=framejit.float64)._enabled)
        with self.assertWarnsRegex(UserWarning, "CUDA is not available"):
            self.assertFalse(framejit.autocast("cuda")._enabled)


class EagerTest(unittest.TestCase):
    def test_regions(self):
        bf, f32, f16 = framejit.bfloat16, framejit.float32, framejit.float16
        self.assertEqual(around(*tensors())[:6], (f32, bf, f32, f16, bf, f32))

    def test_gradients_come_back_in_the_leaves_dtype(self):
        x, w = tensors()
        w.requires_grad_()
        with framejit.autocast("cpu"):
            loss = F.mse_loss(F.linear(x, w), x)
        self.assertEqual(loss.dtype, framejit.float32)
        loss.backward()
        self.assertEqual(w.grad.dtype, framejit.float32)
        reference = w.detach().clone().requires_grad_()
        F.mse_loss(F.linear(x, reference), x).backward()
        self.assertTrue(framejit.allclose(w.grad, reference.grad, atol=3e-2))

    def test_a_leaf_is_cast_once_a_region(self):
        x, w = tensors()
        w.requires_grad_()

        def source(y):
            return y.grad_fn.next_functions[1][0]

        with framejit.autocast("cpu"):
            first, second = x @ w, x @ w
            self.assertIs(source(first), source(second))
            with framejit.autocast("cpu", cache_enabled=False):
                self.assertIsNot(source(x @ w), source(first))
        with framejit.autocast("cpu"):
            self.assertIsNot(source(x @ w), source(first))

    def test_custom_function(self):
        class Twice(framejit.autograd.Function):
            @staticmethod
            @amp.custom_fwd(device_type="cpu", cast_inputs=framejit.float32)
            def forward(ctx, x):
                ctx.seen = x.dtype, framejit.is_autocast_enabled("cpu")
                seen.append(ctx.seen)
                return x * 2

            @staticmethod
            @amp.custom_bwd(device_type="cpu")
            def backward(ctx, g):
                seen.append(framejit.is_autocast_enabled("cpu"))
                return g * 2

        class Plain(framejit.autograd.Function):
            @staticmethod
            @amp.custom_fwd(device_type="cpu")
            def forward(ctx, x):
                seen.append(framejit.is_autocast_enabled("cpu"))
                return x * 2

            @staticmethod
            @amp.custom_bwd(device_type="cpu")
            def backward(ctx, g):
                seen.append(framejit.is_autocast_enabled("cpu"))
                return g * 2

        seen = []
        x = framejit.ones(2, dtype=framejit.bfloat16, requires_grad=True)
        with framejit.autocast("cpu"):
            y = Twice.apply(x)
            z = Plain.apply(x)
        (y.sum() + z.sum()).backward()
        self.assertEqual(seen[:2], [(framejit.float32, False), True])
        self.assertEqual(sorted(seen[2:]), [False, True])


class CompiledTest(unittest.TestCase):
    def check(self, function, single=True):
        x, w = tensors()
        want = values(function(x, w))
        compiled = framejit.compile(function, fullgraph=single)
        for _ in range(2):
            self.assertEqual(values(compiled(x, w)), want)
            self.assertFalse(framejit.is_autocast_enabled("cpu"))

    def test_regions(self):
        self.check(around)

    def test_break_inside(self):
        self.check(with_break, single=False)

    def test_decorator(self):
        self.check(decorated)

    def test_exception(self):
        self.check(left_by_exception)

    def test_generator(self):
        self.check(in_generator)

    def test_the_state_around_is_guarded(self):
        x, w = tensors()
        compiled = framejit.compile(product, fullgraph=True)
        for _ in range(2):
            self.assertEqual(compiled(x, w).dtype, framejit.float32)
            with framejit.autocast("cpu"):
                self.assertEqual(compiled(x, w).dtype, framejit.bfloat16)
            with framejit.autocast("cpu", dtype=framejit.float16):
                self.assertEqual(compiled(x, w).dtype, framejit.float16)

    def test_gradients(self):
        def loss(x, w):
            with framejit.autocast("cpu"):
                y = F.gelu(x @ w)
                return F.mse_loss(y @ w, x)

        x, w = tensors()
        grads = []
        for f in (loss, framejit.compile(loss, fullgraph=True)):
            leaf = w.clone().requires_grad_()
            f(x, leaf).backward()
            self.assertEqual(leaf.grad.dtype, framejit.float32)
            grads.append(leaf.grad)
        self.assertTrue(framejit.allclose(*grads, atol=2e-2))

    def test_switch_left_on(self):
        def enter(x, w):
            region = framejit.autocast("cpu")
            region.__enter__()
            return (x @ w).dtype, region

        x, w = tensors()
        for f in (enter, framejit.compile(enter)):
            dtype, region = f(x, w)
            self.assertEqual((dtype, framejit.is_autocast_enabled("cpu")), (framejit.bfloat16, True))
            region.__exit__(None, None, None)
            self.assertFalse(framejit.is_autocast_enabled("cpu"))

    def test_pre_dispatch_back_end_keeps_the_switches(self):
        graphs = []

        def backend(gm, examples):
            graphs.append([n.target for n in gm.graph.nodes if n.op == "call_function"])
            return gm.forward

        def f(a):
            b = a * 2
            with framejit.no_grad():
                c = b * 3
            with framejit.autocast("cpu"):
                d = framejit.mm(c, c)
            return b + c + d

        for end in (backend, "pre_dispatch_eager"):
            x = framejit.rand(3, 3, requires_grad=True)
            y = x.detach().clone().requires_grad_()
            got, want = framejit.compile(f, backend=end, fullgraph=True)(x), f(y)
            self.assertTrue(framejit.equal(got, want))
            got.sum().backward()
            want.sum().backward()
            self.assertTrue(framejit.equal(x.grad, y.grad))
        names = [getattr(t, "__name__", str(t)) for t in graphs[0]]
        for switch in ("_set_grad_enabled", "_enter_autocast", "_exit_autocast"):
            self.assertIn(switch, names)


class GradScalerTest(unittest.TestCase):
    def step(self, scaler, weight, optimizer, bad=False):
        optimizer.zero_grad()
        scaler.scale((weight * (float("inf") if bad else 3.0)).sum()).backward()
        scaler.step(optimizer)
        scaler.update()

    def test_steps_and_skips(self):
        weight = framejit.ones(2, requires_grad=True)
        optimizer = framejit.optim.SGD([weight], lr=0.5)
        scaler = amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
        self.step(scaler, weight, optimizer)
        self.assertEqual(weight.tolist(), [-0.5, -0.5])
        self.assertEqual((scaler.get_scale(), scaler._get_growth_tracker()), (8.0, 1))
        self.step(scaler, weight, optimizer)
        self.assertEqual((scaler.get_scale(), scaler._get_growth_tracker()), (16.0, 0))
        before = weight.tolist()
        self.step(scaler, weight, optimizer, bad=True)
        self.assertEqual(weight.tolist(), before)
        self.assertEqual(scaler.get_scale(), 8.0)

    def test_state_and_pickle(self):
        scaler = amp.GradScaler("cpu", init_scale=4.0)
        self.assertEqual(scaler.scale([framejit.ones(1)])[0].item(), 4.0)
        other = amp.GradScaler("cpu")
        other.load_state_dict(scaler.state_dict())
        self.assertEqual(other.state_dict(), scaler.state_dict())
        self.assertEqual(pickle.loads(pickle.dumps(scaler)).get_scale(), 4.0)

    def test_misuse(self):
        weight = framejit.ones(2, requires_grad=True)
        optimizer = framejit.optim.SGD([weight], lr=0.5)
        scaler = amp.GradScaler("cpu")
        with self.assertRaisesRegex(AssertionError, "_scale is None"):
            scaler.step(optimizer)
        scaler.scale(weight.sum()).backward()
        scaler.unscale_(optimizer)
        self.assertEqual(weight.grad.tolist(), [1.0, 1.0])
        with self.assertRaisesRegex(RuntimeError, "already been called"):
            scaler.unscale_(optimizer)

    def test_disabled(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scaler = amp.GradScaler()
        self.assertFalse(scaler.is_enabled())
        x = framejit.ones(1)
        self.assertIs(scaler.scale(x), x)
        self.assertEqual(scaler.state_dict(), {})


if __name__ == "__main__":
    unittest.main()
