"""The programs of test_autograd_cases: hooks, requires_grad, modes, in-place writes, aliases, derivatives. CASES holds
(function, makers of its arguments)."""

import framejit
from framejit import nn

F = nn.functional
CASES = []


def leaf(*sizes):
    return plain(*sizes).requires_grad_()


def plain(*sizes):
    return framejit.arange(1.0, 1.0 + framejit.Size(sizes).numel()).reshape(*sizes)


def linear():
    framejit.manual_seed(0)
    return nn.Linear(3, 2)


def hooked():
    m = linear()
    m.register_forward_hook(lambda mod, args, out: out * 2)
    m.register_forward_pre_hook(lambda mod, args, kwargs: (args, kwargs), with_kwargs=True)
    m.register_full_backward_pre_hook(lambda mod, grads: (grads[0] * 2,))
    return m


def hooked_weight():
    m = linear()
    m.weight.register_hook(lambda g: g * 7)
    return m


def case(*makers):
    def add(function):
        CASES.append((function, makers))
        return function

    return add


def x3():
    return leaf(3)


def n3():
    return plain(3)


# --- hooks


@case(x3)
def hook_on_a_result_used_inside(x):
    y, seen = x * 2, []
    y.register_hook(seen.append)
    (y * y).sum().backward()
    return seen, x.grad


@case(x3)
def hook_that_changes_a_gradient(x):
    y = x * 2
    y.register_hook(lambda g: g * 3)
    y.sum().backward()
    return x.grad


@case(x3)
def hook_on_what_is_returned(x):
    y = x * 2
    y.register_hook(lambda g: g * 3)
    return y


@case(x3)
def hook_on_a_leaf_and_taken_off(x):
    handle = x.register_hook(lambda g: g * 10)
    (x * x).sum().backward()
    handle.remove()
    return x.grad


@case(x3)
def hook_taken_off_before(x):
    y = x * 2
    handle = y.register_hook(lambda g: g * 3)
    handle.remove()
    y.sum().backward()
    return x.grad


@case(x3)
def hooks_in_order(x):
    y, seen = x * 2, []
    with y.register_hook(lambda g: g + 1):
        y.register_hook(lambda g: seen.append(g) or g * 2)
        (y * x).sum().backward(retain_graph=True)
    y.sum().backward()
    return seen, x.grad


@case(x3)
def hook_that_reads_and_raises(x):
    y = x * 2

    def refuse(g):
        raise ValueError(g.shape)

    y.register_hook(refuse)
    try:
        y.sum().backward()
    except ValueError as e:
        return str(e)


@case(x3)
def hook_with_a_break(x):
    y, seen = x * 2, []

    def show(g):
        print(end="")
        seen.append(float(g.sum()))
        return g * y.detach()

    y.register_hook(show)
    (y * y).sum().backward()
    return seen, x.grad


@case(x3)
def hook_and_a_second_derivative(x):
    y = x**2
    y.register_hook(lambda g: g * x)
    (g,) = framejit.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = framejit.autograd.grad(g.sum(), x)
    return g.detach(), h


@case(x3)
def hook_of_a_leaf_made_inside(x):
    w = x.detach().requires_grad_()
    w.register_hook(lambda g: g * 5)
    (w * w).sum().backward()
    return w.grad


@case(x3)
def hook_after_accumulation(x):
    seen = []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    (x * 2).sum().backward()
    handle.remove()
    return seen


@case(linear, n3)
def forward_hook_made_inside(m, x):
    seen = []
    handle = m.register_forward_hook(lambda mod, args, out: seen.append(out.shape) or out * 2)
    y = m(x)
    handle.remove()
    return y, seen, m(x)


@case(linear, n3)
def forward_pre_hook_made_inside(m, x):
    handle = m.register_forward_pre_hook(lambda mod, args: (args[0] * 3,))
    y = m(x)
    handle.remove()
    return y


@case(linear, n3)
def backward_hook_made_inside(m, x):
    seen = []
    handle = m.register_full_backward_hook(lambda mod, gi, go: seen.append((len(gi), go[0].tolist())))
    m(x).sum().backward()
    handle.remove()
    g = m.weight.grad
    m.zero_grad()
    return g, seen


@case(hooked, n3)
def module_with_hooks_and_a_backward_pass(m, x):
    y = m(x)
    y.sum().backward()
    g = m.weight.grad
    m.zero_grad()
    return y.detach(), g


@case(hooked, x3)
def module_with_hooks(m, x):
    return m(x)


@case(hooked_weight, n3)
def weight_with_a_hook_and_a_backward_pass(m, x):
    m(x).sum().backward()
    g = m.weight.grad
    m.zero_grad()
    return g


@case(hooked_weight, n3)
def weight_with_a_hook(m, x):
    return m(x)


@case(x3)
def hook_of_a_node(x):
    y, seen = x * 2, []
    y.grad_fn.register_hook(lambda gi, go: seen.append(len(gi)))
    y.sum().backward()
    return seen


# --- requires_grad


@case(n3)
def requires_grad_of_an_input(x):
    x.requires_grad_()
    (x * x).sum().backward()
    g = x.grad
    x.requires_grad_(False)
    x.grad = None
    return g, x.requires_grad


@case(n3)
def requires_grad_of_a_copy_that_leaves(x):
    y = x.clone().requires_grad_()
    (y * y).sum().backward()
    return y.grad, y


@case(n3)
def requires_grad_of_a_detached(x):
    y = x.detach().requires_grad_()
    (y * y).sum().backward()
    return y.grad, y.requires_grad, x.requires_grad


@case(n3)
def requires_grad_as_attribute(x):
    y = x * 2
    y.requires_grad = True
    (y * 3).sum().backward()
    return y.grad


@case(x3)
def requires_grad_taken_from_a_result(x):
    return (x * 2).requires_grad_(False)


@case(n3)
def requires_grad_of_integers(x):
    return x.long().requires_grad_()


@case(linear, n3)
def weights_frozen_and_thawed(m, x):
    for p in m.parameters():
        p.requires_grad_(False)
    frozen = m(x).requires_grad
    m.requires_grad_(True)
    return frozen, m(x).requires_grad


# --- modes


@case(x3)
def no_grad_over_a_break(x):
    with framejit.no_grad():
        y = x * 2
        print(end="")
        z = y * x
    return z, x * z


@case(x3)
def enable_grad_over_breaks(x):
    with framejit.no_grad():
        print(end="")
        with framejit.enable_grad():
            y = x * 2
            print(end="")
            z = y * x
        w = x * 3
    return z, w


@case(x3)
def set_grad_enabled_over_a_break(x):
    framejit.set_grad_enabled(False)
    y = x * 2
    print(end="")
    z = x * 3
    framejit.set_grad_enabled(True)
    return y, z, x * 4


@case(x3)
def inference_mode_over_a_break(x):
    with framejit.inference_mode():
        y = x * 2
        print(end="")
        z = y * x
    return z.is_inference(), z.requires_grad


@case(x3)
def inference_mode_off(x):
    with framejit.inference_mode(False):
        return x * 2


@case(x3)
def write_to_an_inference_tensor(x):
    with framejit.inference_mode():
        y = x * 2
    return y.add_(1)


@case(x3)
def write_to_an_inference_tensor_caught(x):
    with framejit.inference_mode():
        y = x * 2
    try:
        y.add_(1)
    except RuntimeError as e:
        return str(e)


@case(lambda: leaf(2, 3))
def autocast_over_a_break(x):
    with framejit.autocast("cpu", dtype=framejit.bfloat16):
        y = x @ x.t()
        print(end="")
        z = y @ y
    return y.dtype, z.dtype, (x @ x.t()).dtype


# --- in-place writes, views, aliases


@case(n3)
def write_to_an_input(x):
    x.add_(1)
    x.mul_(2)
    return x.sum()


@case(lambda: leaf(2, 3))
def writes_through_views_of_a_result(x):
    y = x * 1
    y[0].add_(5)
    y[:, 1] *= 2
    y.view(-1)[3] = 0
    return y, (y * y).sum()


@case(lambda: plain(2, 3))
def writes_through_views_of_an_input(x):
    v = x[0]
    v.add_(5)
    x.view(-1)[4:].zero_()
    return x.clone(), v


@case(x3)
def write_to_a_leaf(x):
    return x.add_(1)


@case(lambda: framejit.ones(3, requires_grad=True))
def write_to_a_leaf_that_is_no_view(x):
    return x.add_(1)


@case(lambda: leaf(2, 3)[0])
def write_to_a_view_of_a_leaf(x):
    return x.add_(1)


@case(lambda: (leaf(2, 3) * 2)[0])
def write_to_a_view_of_a_result(x):
    x.add_(1)
    return (x * x).sum()


@case(x3)
def write_to_a_leaf_without_grad(x):
    with framejit.no_grad():
        x.add_(1)
    return x * 2


@case(x3)
def write_to_a_result_without_grad(x):
    y = x * 2
    with framejit.no_grad():
        y.mul_(3)
    return y * y, y


@case(x3)
def write_to_a_view_of_a_result_without_grad(x):
    y = x * 2
    with framejit.no_grad():
        y[0].copy_(framejit.ones(()))
    return y * y


@case(x3)
def write_to_a_leaf_then_used(x):
    y = x * 2
    with framejit.no_grad():
        x.mul_(3)
    return y * y


@case(x3)
def write_to_a_detached_result(x):
    y = x * 2
    y.detach().mul_(3)
    return y * y, y.detach() * 2


@case(x3)
def write_to_a_detached_leaf(x):
    x.detach().mul_(3)
    return x * x


@case(x3)
def write_to_what_a_derivative_needs(x):
    y = x.sin()
    x.detach().zero_()
    return y


@case(x3)
def steps_in_one_frame(x):
    losses = []
    for _ in range(3):
        loss = (x * x).sum()
        loss.backward()
        with framejit.no_grad():
            x -= 0.1 * x.grad
        x.grad = None
        losses.append(loss.detach())
    return losses, (x * x).sum()


@case(x3)
def inputs_and_views_returned(x):
    return x, x.view(-1), x[1:], x.detach()


@case(n3)
def the_input_twice(x):
    return x, x, x.contiguous() is x, x.to(framejit.float32) is x


@case(x3)
def detach_in_place(x):
    y = x * 2
    y.detach_()
    return y


@case(x3)
def data_read(x):
    x.data.add_(1)
    return x.data * 2


@case(x3)
def data_written(x):
    x.data = framejit.zeros(3)
    return x * 2


# --- derivatives


@case(x3)
def second_derivative(x):
    (g,) = framejit.autograd.grad((x**3).sum(), x, create_graph=True)
    (h,) = framejit.autograd.grad(g.sum(), x)
    return g.detach(), h


@case(x3)
def unused_input(x):
    z = framejit.ones(2, requires_grad=True)
    return framejit.autograd.grad((x * 2).sum(), [x, z], allow_unused=True)


@case(x3)
def given_gradients(x):
    (x * x).backward(framejit.ones(3))
    return framejit.autograd.grad(x * x, x, grad_outputs=framejit.tensor([1.0, 2.0, 3.0]))


@case(x3)
def backward_after_a_break(x):
    y = (x * x).sum()
    print(end="")
    y.backward()
    return x.grad


@case(x3)
def gradient_written(x):
    x.grad = framejit.ones(3)
    (x * 2).sum().backward()
    x.grad.mul_(2)
    return x.grad.clone()


class Square(framejit.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return grad * 2 * ctx.saved_tensors[0] + 100


class Printing(framejit.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        print(end="")
        return x * x

    @staticmethod
    def backward(ctx, grad):
        print(end="")
        return grad * 5


@case(x3)
def function_and_a_backward_pass(x):
    Square.apply(x).sum().backward()
    return x.grad


@case(x3)
def functions_returned(x):
    return Square.apply(x), Printing.apply(x)


@case(x3)
def function_with_a_break_and_a_backward_pass(x):
    Printing.apply(x).sum().backward()
    return x.grad


@case(x3)
def anomaly_mode(x):
    with framejit.autograd.detect_anomaly():
        y = (x * 2).sum()
    y.backward()
    return x.grad


@case(x3)
def checkpoint(x):
    y = framejit.utils.checkpoint.checkpoint(lambda t: (t * t).sin(), x, use_reentrant=False).sum()
    y.backward()
    return x.grad


@case(x3)
def transforms(x):
    x = x.detach()
    return (
        framejit.func.grad(lambda t: (t**3).sum())(x),
        framejit.func.vmap(lambda t: t * 2)(x),
        framejit.func.jacrev(lambda t: t * t)(x),
    )


@case(x3)
def clipped(x):
    (x * x).sum().backward()
    return nn.utils.clip_grad_norm_([x], 1.0), x.grad
