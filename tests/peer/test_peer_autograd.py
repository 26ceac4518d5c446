"""Gradients, hooks' order, errors and func transforms against the peer: the same program run by both libraries."""

import importlib.util
import unittest

HAVE_PEER = importlib.util.find_spec("torch") is not None
if HAVE_PEER:
    import framejit
    import numpy as np
    import torch


def outcome(lib, program):
    """What a program gives: nested lists of numbers, or the type and text of its error."""
    try:
        return plain(program(lib))
    except Exception as e:  # noqa: BLE001
        return type(e).__name__


def plain(v):
    if isinstance(v, (tuple, list)):
        return [plain(x) for x in v]
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return v.detach().tolist() if hasattr(v, "detach") else v


def leaf(lib, *shape, seed=0):
    data = np.random.default_rng(seed).uniform(-2, 2, shape)
    return lib.tensor(data.tolist(), dtype=lib.float64).reshape(shape).requires_grad_()


def inplace_chain(lib):
    x = leaf(lib, 3, 4)
    y = x * 2
    y[0].mul_(x[1])
    y.t()[1] += 3
    y[:, 2] = x[:, 0] ** 2
    (y * y).sum().backward()
    return x.grad


def mixed_views(lib):
    x = leaf(lib, 2, 6)
    a, b = (x * 1).view(3, 4).split(2, dim=1)
    z = lib.cat([a.t(), b.t()]).unfold(0, 2, 1)
    (z.exp() * z.flip(0)).sum().backward()
    return x.grad


def double_backward(lib):
    x = leaf(lib, 4)
    (g,) = lib.autograd.grad((x.sin() * x.exp()).sum(), x, create_graph=True)
    (h,) = lib.autograd.grad((g * g).sum(), x, create_graph=True)
    (k,) = lib.autograd.grad(h.sum(), x)
    return g, h, k


# what grad_fn is called, op by op
NAMES = """x+1|x*x|x/2|-x|x**2|x**x|x.exp()|x.log()|x.sum()|x.sum(0)|x.mean()|x.mean(0)|x.abs()|x.relu()|x.sigmoid()|x.tanh()
x.softmax(0)|x.log_softmax(0)|x.sqrt()|x.clamp(0,1)|x@x|lib.mm(x,x)|lib.matmul(x,x[0])|x[0]|x[0:1]|x[[0,1]]|x[None]|x.t()
x.transpose(0,1)|x.permute(1,0)|x.view(-1)|x.unsqueeze(0)|x.squeeze()|x.squeeze(0)|x.expand(2,2,2)|x.clone()|lib.cat([x,x])
lib.where(x>0,x,x)|x.gather(0,lib.zeros(1,2,dtype=lib.int64))|x.cumsum(0)|x.sort()[0]|x.topk(1)[0]|x.double()|F.linear(x,x)
F.linear(x,x,x[0])|F.gelu(x)|F.silu(x)|F.leaky_relu(x)|F.l1_loss(x,x,reduction="none")|lib.bmm(x[None],x[None])
lib.addmm(x,x,x)|lib.dot(x[0],x[0])|x.sin()|x.erf()|x.flip(0)|x.diagonal()|x.tril()|x.lerp(x,0.5)|x.addcmul(x,x)
x.reciprocal()|x.log1p()|x.expm1()|x.square()|x.narrow(0,0,1)|(x*1).add_(1)|(x*1).mul_(2)|x.as_strided((1,),(1,))"""


def hook_order(lib):
    x = leaf(lib, 2)
    order = []
    y = x * 2
    z = y * y
    x.register_hook(lambda g: order.append("x"))
    y.register_hook(lambda g: order.append("y"))
    z.register_hook(lambda g: order.append("z") or g * 2)
    x.register_post_accumulate_grad_hook(lambda p: order.append("post"))
    z.sum().backward()
    return order, x.grad


def norm_losses(lib):
    F = lib.nn.functional
    x, w, b = leaf(lib, 5, 6), leaf(lib, 6, seed=1), leaf(lib, 6, seed=2)
    y = F.layer_norm(x, (6,), w, b)
    y = F.batch_norm(y, None, None, w, b, True)
    y = F.group_norm(y, 3, w, b)
    loss = F.cross_entropy(y, lib.tensor([0, 1, 2, 3, 5])) + F.mse_loss(y, x.detach())
    return lib.autograd.grad(loss, (x, w, b))


def conv_net(lib):
    F = lib.nn.functional
    x, w, v = leaf(lib, 2, 3, 8, 8), leaf(lib, 4, 3, 3, 3, seed=1), leaf(lib, 6, 2, 3, 3, seed=2)
    y = F.max_pool2d(F.relu(F.conv2d(x, w, stride=1, padding=1)), 2)
    y = F.conv2d(y, v, groups=2, dilation=1)
    y = F.avg_pool2d(y, 2) if y.shape[-1] > 1 else y
    loss = F.adaptive_avg_pool2d(y, 1).pow(2).sum()
    return lib.autograd.grad(loss, (x, w, v))


def transposed_conv(lib):
    F = lib.nn.functional
    x, w = leaf(lib, 2, 4, 5, 5), leaf(lib, 4, 3, 3, 3, seed=1)
    y = F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1)
    return y, lib.autograd.grad((y * y).sum(), (x, w))


def transposed_conv_of_more(lib):
    """output_padding that is not smaller than the stride: the result has positions that no element of x reaches."""
    F = lib.nn.functional
    x, w = leaf(lib, 2, 4, 5, 4), leaf(lib, 4, 3, 2, 3, seed=1)
    y = F.conv_transpose2d(x, w, stride=(1, 2), output_padding=2, dilation=3)
    first = lib.autograd.grad((y * y).sum(), (x, w), create_graph=True)
    return y, first, lib.autograd.grad(sum((g**3).sum() for g in first), (x, w))


def norms_at_zero(lib):
    """Norms have a gradient wherever they are not smooth: zero."""
    grads = []
    for p in (0, 0.5, 1, 1.5, 2, 3, -1, -2, float("inf"), -float("inf")):
        for values in ([[0.0, 0.0], [0.0, 0.0]], [[0.0, -2.0], [3.0, 1.0]]):
            for norm in (lib.norm, lib.linalg.vector_norm):
                for dim in (None, 1):
                    x = lib.tensor(values, dtype=lib.float64, requires_grad=True)
                    y = norm(x, p, dim)
                    (g,) = lib.autograd.grad(y.sum(), x, allow_unused=True)
                    grads.append((y, y.requires_grad, lib.zeros_like(x) if g is None else g))
    return grads


def pseudo_inverses(lib):
    """Of equal singular values, and of a rank that is not full."""
    turn, x = lib.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=lib.float64), leaf(lib, 4, 2)
    line = lib.tensor([[1.0], [2.0], [2.0]], dtype=lib.float64)
    grads = []
    for a in (turn, line, line.mT, line @ line.mT, turn @ turn.mT, lib.zeros(2, 3, dtype=lib.float64)):
        a = a.clone().requires_grad_()
        weights = lib.arange(1.0, 1 + a.numel(), dtype=lib.float64).reshape(tuple(a.shape)[::-1])
        (g,) = lib.autograd.grad((lib.linalg.pinv(a) * weights).sum(), a, create_graph=True)
        grads.append((lib.linalg.pinv(a), g, lib.autograd.grad((g**2).sum(), a, allow_unused=True)[0]))
    y = lib.linalg.pinv(x @ x.mT, hermitian=True)
    return grads, y, lib.autograd.grad((y * lib.arange(16.0).reshape(4, 4)).sum(), x)


def einsum(lib):
    a, b = leaf(lib, 2, 3, 4), leaf(lib, 4, 3, 5, seed=1)
    y = lib.einsum("bij,jik->bk", a, b)
    z = lib.einsum("bij,bij->b", a, a) + lib.einsum("iij->j", leaf(lib, 2, 2, 2, seed=3))
    return y, lib.autograd.grad((y**2).sum() + z.sum(), (a, b))


def custom_function(lib):
    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, k):
            ctx.save_for_backward(x)
            ctx.k = k
            return x**3 * k

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x * x * g * ctx.k, None

    x = leaf(lib, 3)
    (g,) = lib.autograd.grad(Cube.apply(x, 2.0).sum(), x, create_graph=True)
    (h,) = lib.autograd.grad(g.sum(), x)
    return g, h


def transforms(lib):
    f = lib.func
    x, w = leaf(lib, 3, 4).detach(), leaf(lib, 4, seed=1).detach()
    loss = lambda p, a: ((p * a).sin().sum()) ** 2  # noqa: E731
    return (
        f.grad(loss)(w, x[0]),
        f.vmap(f.grad(loss), (None, 0))(w, x),
        f.jacrev(lambda a: a**2 * w)(x[0]),
        f.hessian(lambda p: loss(p, x[0]))(w),
        f.vmap(f.jacrev(lambda a: a**2 * w))(x),
        f.jvp(lambda a: a**3, (w,), (x[0],)),
    )


def errors(lib):
    x = leaf(lib, 2)
    cases = [
        lambda: (x * 2).backward(),
        lambda: x.add_(1),
        lambda: x[0].add_(1),
        lambda: lib.ones(2).sum().backward(),
        lambda: (x * 2).backward(lib.ones(3)),
        lambda: lib.autograd.grad((x * 2).sum(), leaf(lib, 2)),
        lambda: lib.ones(2, dtype=lib.int64).requires_grad_(),
        lambda: (x * 2).requires_grad_(False),
        lambda: x.numpy(),
        lambda: setattr(x, "grad", lib.ones(3)),
        lambda: lib.ones(2).register_hook(print),
    ]
    out = []
    for case in cases:
        try:
            case()
            out.append("ok")
        except Exception as e:  # noqa: BLE001
            out.append((type(e).__name__, str(e)[:60]))
    return out


def flags(lib):
    x = leaf(lib, 4)
    y = x * 1
    v = y[1:]
    with lib.no_grad():
        w = y.view(2, 2)
    d = y.detach()
    z = lib.zeros(4, dtype=lib.float64)
    zv = z[:2]
    z.mul_(x)
    return [[t.requires_grad, t.is_leaf, t._is_view()] for t in (y, v, w, d, z, zv)]


PROGRAMS = (
    inplace_chain,
    mixed_views,
    double_backward,
    hook_order,
    norm_losses,
    conv_net,
    transposed_conv,
    transposed_conv_of_more,
    norms_at_zero,
    pseudo_inverses,
    einsum,
    custom_function,
    transforms,
    errors,
    flags,
)


@unittest.skipUnless(HAVE_PEER, "the peer is not installed")
class Peer(unittest.TestCase):
    def compare(self, got, want, where):
        if isinstance(want, list):
            self.assertEqual(len(got), len(want), where)
            for i, (g, w) in enumerate(zip(got, want)):
                self.compare(g, w, f"{where}[{i}]")
        elif isinstance(want, float):
            self.assertAlmostEqual(got, want, delta=1e-7 * (1 + abs(want)), msg=where)
        else:
            self.assertEqual(got, want, where)

    def test_names_of_nodes(self):
        for text in NAMES.replace("\n", "|").split("|"):
            names = []
            for lib in (torch, framejit):
                x = lib.tensor([[0.3, 0.6], [0.2, 0.9]], requires_grad=True)
                names.append(eval(text, {"lib": lib, "F": lib.nn.functional, "x": x}).grad_fn.name())
            with self.subTest(text):
                self.assertEqual(names[1], names[0])


# What the compiled program does otherwise, and why.
NOT_COMPILED = {
    "hook_order": "a hook on a compiled function's inner output sees no gradient from inside it (docs/autograd.md)",
    "errors": "a view from outside is a leaf to a trace: the same error in other words",
}


def add_test(program):
    def test(self):
        self.compare(outcome(framejit, program), outcome(torch, program), program.__name__)

    def test_compiled(self):
        if program.__name__ in NOT_COMPILED:
            self.skipTest(NOT_COMPILED[program.__name__])
        compiled = framejit.compile(program)
        want = outcome(torch, program)
        for _ in range(2):
            self.compare(outcome(framejit, compiled), want, program.__name__)

    for suffix, method in (("", test), ("_compiled", test_compiled)):
        method.__name__ = f"test_{program.__name__}{suffix}"
        setattr(Peer, method.__name__, method)


if HAVE_PEER:
    for _program in PROGRAMS:
        add_test(_program)


if __name__ == "__main__":
    unittest.main()
