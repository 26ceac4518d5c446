"""Gradients inside compiled frames: backward(), autograd.grad, .grad, training steps, custom functions, grad modes; and
compiled functions differentiated twice. Every program is run plain and compiled, and the results compared."""

import unittest

import framejit
from framejit import nn
from framejit.autograd import Function

F = nn.functional


def model():
    framejit.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def data():
    framejit.manual_seed(1)
    return framejit.rand(5, 4), framejit.rand(5, 2)


def numbers(value):
    if isinstance(value, framejit.Tensor):
        return value.detach().tolist()
    if isinstance(value, (tuple, list)):
        return [numbers(v) for v in value]
    return value


class Compare(unittest.TestCase):
    def close(self, a, b, tolerance=1e-5):
        if isinstance(a, list):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b):
                self.close(x, y, tolerance)
        elif isinstance(a, float):
            self.assertAlmostEqual(a, b, delta=tolerance * max(1.0, abs(a)))
        else:
            self.assertEqual(a, b)

    def check_step(self, step, optimizer=None, calls=3, fullgraph=True):
        results = []
        for compiled in (False, True):
            m = model()
            o = optimizer(m.parameters()) if optimizer else None
            x, y = data()
            function = framejit.compile(step, fullgraph=fullgraph) if compiled else step
            seen = [numbers(function(m, o, x, y)) for _ in range(calls)]
            seen.append([numbers(p) for p in m.parameters()])
            seen.append([numbers(p.grad) for p in m.parameters()])
            results.append(seen)
        self.close(*results)

    def check(self, function, *args, fullgraph=True):
        want = numbers(function(*args))
        compiled = framejit.compile(function, fullgraph=fullgraph)
        for _ in range(2):
            self.close(numbers(compiled(*args)), want)


class BackwardInside(Compare):
    def test_backward_accumulates(self):
        def step(m, o, x, y):
            loss = F.mse_loss(m(x), y)
            loss.backward()
            return loss

        self.check_step(step)

    def test_zero_grad_then_backward(self):
        def step(m, o, x, y):
            m.zero_grad()
            F.mse_loss(m(x), y).backward()
            return [p.grad.sum() for p in m.parameters()]

        self.check_step(step, fullgraph=False)

    def test_grad_set_to_none_and_read(self):
        def step(m, o, x, y):
            for p in m.parameters():
                p.grad = None
            F.mse_loss(m(x), y).backward()
            return list(m.parameters())[0].grad * 2

        self.check_step(step)

    def test_autograd_grad(self):
        def step(m, o, x, y):
            return framejit.autograd.grad(F.mse_loss(m(x), y), list(m.parameters()))

        self.check_step(step)

    def test_gradient_penalty(self):
        def step(m, o, x, y):
            x = x.clone().requires_grad_()
            out = m(x).sum()
            (g,) = framejit.autograd.grad(out, [x], create_graph=True)
            ((g * g).sum() + out).backward()
            return g.detach()

        self.check_step(step)

    def test_retain_grad(self):
        def step(m, o, x, y):
            hidden = m(x)
            hidden.retain_grad()
            hidden.retain_grad()
            ((hidden - y) ** 2).sum().backward()
            return hidden.grad * 2

        self.check_step(step)

    def test_retain_grad_of_what_leaves(self):
        def f(x):
            y = x * 2
            y.retain_grad()
            return y

        for function in (f, framejit.compile(f)):
            y = function(framejit.ones(3, requires_grad=True))
            (y * y).sum().backward()
            self.assertEqual(y.grad.tolist(), [4.0, 4.0, 4.0])

    def test_leaf_made_inside(self):
        def f(x):
            w = framejit.full((3,), 2.0, requires_grad=True)
            (x * w).sum().backward()
            return w.grad, framejit.ones(2, requires_grad=False).requires_grad

        grads, needs = framejit.compile(f, fullgraph=True)(framejit.arange(3.0))
        self.assertEqual((grads.tolist(), needs), ([0.0, 1.0, 2.0], False))
        for function in (f, framejit.compile(f)):
            with self.assertRaises(RuntimeError):
                framejit.ones(2, dtype=framejit.int64, requires_grad=True)
            self.assertEqual(function(framejit.ones(3))[0].tolist(), [1.0, 1.0, 1.0])

    def test_a_used_up_history_raises(self):
        def step(m, o, x, y):
            loss = F.mse_loss(m(x), y)
            loss.backward()
            return loss

        for function in (step, framejit.compile(step, fullgraph=True)):
            loss = function(model(), None, *data())
            self.assertTrue(loss.requires_grad)
            with self.assertRaisesRegex(RuntimeError, "backward through the graph a second time"):
                loss.backward()

    def test_the_same_history_again(self):
        def step(m, o, x, y):
            loss = F.mse_loss(m(x), y)
            loss.backward(retain_graph=True)
            loss.backward()
            return loss.detach()

        self.check_step(step)

    def test_errors(self):
        def vector(x):
            (x * 2).backward()

        def twice(x):
            y = (x * x).sum()
            y.backward()
            y.backward()

        def untracked(x):
            x.detach().sum().backward()

        for function in (vector, twice, untracked):
            for f in (function, framejit.compile(function)):
                with self.assertRaises(RuntimeError):
                    f(framejit.ones(3, requires_grad=True))

    def test_history_from_outside_breaks(self):
        def step(y):
            z = y * 3
            z.sum().backward()
            return z.detach()

        grads = []
        for f in (step, framejit.compile(step)):
            x = framejit.ones(3, requires_grad=True)
            f(x * x)
            grads.append(x.grad.tolist())
        self.assertEqual(*grads)

    def test_hooks_of_leaves_run(self):
        def step(x):
            (x * x).sum().backward()
            return 1

        for f in (step, framejit.compile(step)):
            x, seen = framejit.ones(3, requires_grad=True), []
            f(x)
            x.grad = None
            x.register_hook(lambda g: seen.append(g.tolist()) or g * 2)
            x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
            f(x)
            self.assertEqual(seen, [[2.0] * 3, [4.0] * 3])

    def test_in_place_ops_and_views(self):
        def f(x):
            y = x * 2
            y[0].mul_(x[1])
            y.t()[1] += 3
            (g,) = framejit.autograd.grad((y * y).sum(), x)
            return g, y.detach()

        framejit.manual_seed(2)
        self.check(f, framejit.rand(3, 4, requires_grad=True))


class TrainingStep(Compare):
    def step(self, m, o, x, y):
        o.zero_grad()
        loss = F.mse_loss(m(x), y)
        loss.backward()
        o.step()
        return loss

    def makers(self):
        optim = framejit.optim
        return (
            lambda p: optim.SGD(p, lr=0.1),
            lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
            lambda p: optim.Adam(p, lr=0.1),
            lambda p: optim.AdamW(p, lr=0.1, amsgrad=True),
            lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
            lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1),
            lambda p: optim.Adadelta(p),
            lambda p: optim.Adamax(p, lr=0.1),
            lambda p: optim.NAdam(p, lr=0.1),
        )

    def test_one_graph(self):
        refused = framejit._C._compiler_stats()["aot_not_ok"]
        for make in self.makers():
            self.check_step(lambda m, o, x, y: self.step(m, o, x, y), make, calls=5)
        self.assertEqual(framejit._C._compiler_stats()["aot_not_ok"], refused)  # none runs op by op

    def test_an_optimizer_that_breaks(self):
        make = lambda p: framejit.optim.RAdam(p, lr=0.1)  # noqa: E731
        self.check_step(lambda m, o, x, y: self.step(m, o, x, y), make, calls=8, fullgraph=False)

    def test_step_alone(self):
        for make in self.makers():
            results = []
            for compiled in (False, True):
                m, (x, y) = model(), data()
                o = make(m.parameters())
                step = framejit.compile(o.step) if compiled else o.step
                for _ in range(4):
                    o.zero_grad()
                    F.mse_loss(m(x), y).backward()
                    step()
                results.append([numbers(p) for p in m.parameters()])
            self.close(*results)

    def test_a_scheduled_rate_becomes_an_input(self):
        for make in self.makers()[:4]:
            m, (x, y) = model(), data()
            o = make(m.parameters())
            schedule = framejit.optim.lr_scheduler.ExponentialLR(o, 0.9)
            step = framejit.compile(lambda: self.step(m, o, x, y))
            for _ in range(12):
                step()
                schedule.step()
            self.assertLessEqual(len(step._entries()), 5)


class Modes(Compare):
    def test_no_grad_and_its_kin(self):
        def f(x):
            a = x * 2
            with framejit.no_grad():
                b = a * 3
                with framejit.enable_grad():
                    c = a * 4
            with framejit.set_grad_enabled(False):
                d = a * 5
            before = framejit.is_grad_enabled()
            framejit.set_grad_enabled(False)
            e = a * 6
            framejit.set_grad_enabled(True)
            return [t.requires_grad for t in (a, b, c, d, e)], before, a + b + c + d + e

        self.check(f, framejit.ones(3, requires_grad=True))

    def test_inference_mode(self):
        def f(x):
            with framejit.inference_mode():
                y = x * 2
                inside = framejit.is_inference_mode_enabled()
            return y, inside, framejit.is_inference_mode_enabled()

        x = framejit.ones(3, requires_grad=True)
        self.check(f, x)
        y, *_ = framejit.compile(f, fullgraph=True)(x)
        self.assertTrue(y.is_inference())
        self.assertFalse(y.requires_grad)

    def test_across_breaks_and_exceptions(self):
        def f(x):
            seen = []
            try:
                with framejit.no_grad():
                    y = x * 2
                    print(end="")
                    seen.append(framejit.is_grad_enabled())
                    z = y * x
                    raise KeyError("out")
            except KeyError:
                seen.append(framejit.is_grad_enabled())
            return seen, z.requires_grad, (x * z).requires_grad

        self.check(f, framejit.ones(3, requires_grad=True), fullgraph=False)

    def test_decorated_generator(self):
        @framejit.no_grad()
        def parts(x):
            yield x * 2
            yield framejit.is_grad_enabled()

        def f(x):
            return [(p, framejit.is_grad_enabled()) for p in parts(x)]

        self.check(f, framejit.ones(3, requires_grad=True))


class Twice(Compare):
    def penalty(self, f, x, w):
        loss, y = f(x, w)
        gx, gw = framejit.autograd.grad(loss, [x, w], create_graph=True)
        second = (gx**2).sum() + (gw * gx).sum() + y.sum()
        a = framejit.autograd.grad(second, [x, w], create_graph=True)
        return a + framejit.autograd.grad(sum((t**2).sum() for t in a), [x, w])

    def test_to_the_third_order(self):
        def f(x, w):
            y = (x @ w).tanh()
            return (y * y + x.sin()).sum(), y

        framejit.manual_seed(3)
        x, w = framejit.rand(3, 3, requires_grad=True), framejit.rand(3, 3, requires_grad=True)
        want = numbers(self.penalty(f, x, w))
        for backend in (None, "aot_eager", "eager"):
            compiled = framejit.compile(f, fullgraph=True, **({"backend": backend} if backend else {}))
            self.close(numbers(self.penalty(compiled, x, w)), want)

    def test_partial_derivatives_of_related_inputs(self):
        def f(a, b):
            return (a * b).sum()

        grads = []
        for g in (f, framejit.compile(f, fullgraph=True)):
            x = framejit.tensor([1.0, 2.0], requires_grad=True)
            (gx,) = framejit.autograd.grad(g(x, x * x), x, create_graph=True)
            (h,) = framejit.autograd.grad(gx.sum(), x)
            grads.append((gx.tolist(), h.tolist()))
        self.assertEqual(*grads)

    def test_dropout_keeps_its_mask(self):
        def f(x):
            return F.dropout(x, 0.5, True).pow(3).sum()

        x = framejit.rand(50, requires_grad=True)
        compiled = framejit.compile(f, fullgraph=True)
        (g,) = framejit.autograd.grad(compiled(x), x, create_graph=True)
        (h,) = framejit.autograd.grad(g.sum(), x)
        kept = g.detach() != 0
        self.assertTrue(framejit.equal(kept, h != 0))
        self.close(numbers(h[kept]), numbers((48 * x.detach())[kept]), 1e-4)


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x + 100


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0]


class Split(Function):
    @staticmethod
    def forward(x, scale):
        return x * scale, x.argmax(), x + scale

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.scale = inputs[1]
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx, a, _, b):
        assert ctx.needs_input_grad == (True, False)
        return a * ctx.scale * 10 + b, None


class Once(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @framejit.autograd.function.once_differentiable
    def backward(ctx, grad):
        return grad * 3 * ctx.saved_tensors[0] ** 2


class Noisy(Function):
    log = []

    @staticmethod
    def forward(ctx, x):
        Noisy.log.append("forward")
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        Noisy.log.append("backward")
        return grad * 5


class CustomFunction(Compare):
    def gradients(self, f, order=1):
        x = framejit.tensor([0.5, 1.5, -1.0], requires_grad=True)
        out = f(x)
        seen = [numbers(out)]
        for _ in range(order):
            (out,) = framejit.autograd.grad(out.sum(), x, create_graph=order > 1)
            seen.append(numbers(out))
        return seen

    def check_function(self, f, order=1, fullgraph=True):
        want = self.gradients(f, order)
        compiled = framejit.compile(f, fullgraph=fullgraph)
        for _ in range(2):
            self.close(self.gradients(compiled, order), want)

    def test_own_derivative(self):
        self.check_function(lambda x: Square.apply(x + 1) * 2)

    def test_second_derivative(self):
        self.check_function(lambda x: Square.apply(x * x), order=2)
        self.check_function(lambda x: Exp.apply(x * 2) * x, order=3)

    def test_several_outputs(self):
        def f(x):
            a, i, b = Split.apply(x, 3.0)
            return a * b + i

        self.check_function(f)

    def test_backward_inside(self):
        def f(x):
            x = x.detach().requires_grad_()
            return framejit.autograd.grad(Square.apply(x).sum(), x)[0]

        self.check(f, framejit.tensor([1.0, 2.0]))

    def test_once_differentiable(self):
        self.check_function(lambda x: Once.apply(x) + x)

    def test_backward_with_effects_is_left_to_python(self):
        def f(x):
            return Noisy.apply(x).sum()

        logs = []
        for g in (f, framejit.compile(f)):
            Noisy.log.clear()
            x = framejit.ones(2, requires_grad=True)
            out = g(x)
            before = list(Noisy.log)
            out.backward()
            logs.append((before, list(Noisy.log), x.grad.tolist()))
        self.assertEqual(*logs)


if __name__ == "__main__":
    unittest.main()
