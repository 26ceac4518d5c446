"""Random graphs over pointwise ops, reductions, views, products and in-place writes, as text for framejit._C._debug.

Every graph runs three ways: op by op on eager tensors, as a functional graph node by node, and compiled. Failing
graphs are shrunk by dropping nodes; the shortest text that still fails is what a report shows.
"""

import random

import framejit

UNARY = ("neg", "exp", "sin", "tanh", "sigmoid", "relu", "abs", "square", "sqrt")
BINARY = ("add", "sub", "mul", "maximum", "minimum")
REDUCE = ("sum", "amax", "amin", "mean")


class Builder:
    """Writes a graph and the metas that the text declares, with the ops' own rules as oracle (through eager tensors)."""

    KINDS = ("unary", "unary", "binary", "binary", "scalar", "reduce", "view", "product", "composite")

    def __init__(self, rng, inplace=True):
        self.rng = rng
        self.kinds = (*self.KINDS, "inplace") if inplace else self.KINDS
        self.values = []  # (name, tensor)
        self.lines = []
        self.inputs = []

    def declare(self, name, t):
        size, stride = tuple(t.shape), tuple(t.stride())
        text = f"%{name}: {str(t.dtype).split('.')[-1]}[{', '.join(map(str, size))}"
        plain, step = [], 1
        for n in reversed(size):
            plain.insert(0, step)
            step *= max(n, 1)
        if tuple(plain) != stride:
            text += f"; {', '.join(map(str, stride))}"
        text += "]"
        if t.storage_offset():
            text += f" @{t.storage_offset()}"
        return text

    def add_input(self, shape, dtype):
        t = framejit.rand(*shape, dtype=dtype) + 0.25
        name = f"x{len(self.inputs)}"
        self.inputs.append((name, t))
        self.values.append((name, t.clone()))

    def pick(self, where=lambda t: True):
        found = [v for v in self.values if where(v[1])]
        return self.rng.choice(found[-6:] if self.rng.random() < 0.7 else found) if found else None

    def emit(self, call, t):
        name = f"v{len(self.lines)}"
        self.lines.append(f"  {self.declare(name, t)} = {call}")
        self.values.append((name, t))

    def step(self):
        getattr(self, self.rng.choice(self.kinds))()

    def unary(self):
        name, t = self.pick()
        op = self.rng.choice(UNARY)
        if op == "sqrt":
            self.emit(f"abs(%{name})", t.abs())
            name, t = self.values[-1]
        if op == "exp":
            self.emit(f"tanh(%{name})", t.tanh())
            name, t = self.values[-1]
        self.emit(f"{op}(%{name})", getattr(framejit, op)(t))

    def binary(self):
        name, t = self.pick()

        def fits(o):
            try:
                framejit.broadcast_tensors(t, o)
                return max(t.ndim, o.ndim) < 5
            except RuntimeError:
                return False

        other, o = self.pick(fits)
        op = self.rng.choice(BINARY)
        self.emit(f"{op}(%{name}, %{other})", getattr(framejit, op)(t, o))

    def scalar(self):
        name, t = self.pick()
        v = self.rng.choice((2, 0.5, 1.75, -1, 3))
        op = self.rng.choice(("add", "mul", "sub"))
        self.emit(f"{op}(%{name}, {v})", getattr(framejit, op)(t, v))

    def reduce(self):
        found = self.pick(lambda t: t.ndim > 0)
        if not found:
            return
        name, t = found
        op, dim, keep = self.rng.choice(REDUCE), self.rng.randrange(t.ndim), self.rng.random() < 0.5
        dims = [dim] if t.ndim == 1 or self.rng.random() < 0.6 else sorted({dim, (dim + 1) % t.ndim})
        self.emit(f"{op}(%{name}, {dims}, {keep})", getattr(framejit, op)(t, dims, keep))

    def view(self):
        found = self.pick(lambda t: t.ndim > 0)
        if not found:
            return
        name, t = found
        kind = self.rng.choice(("transpose", "select", "slice", "unsqueeze", "reshape"))
        a = self.rng.randrange(t.ndim)
        if kind == "transpose":
            b = self.rng.randrange(t.ndim)
            self.emit(f"transpose(%{name}, {a}, {b})", t.transpose(a, b))
        elif kind == "select":
            self.emit(f"select(%{name}, {a}, 0)", t.select(a, 0))
        elif kind == "slice" and t.shape[a] > 2:
            self.emit(f"slice(%{name}, {a}, 1, {t.shape[a] - 1})", t.narrow(a, 1, t.shape[a] - 2))
        elif kind == "unsqueeze" and t.ndim < 4:
            self.emit(f"unsqueeze(%{name}, {a})", t.unsqueeze(a))
        elif kind == "reshape" and t.is_contiguous():
            self.emit(f"view(%{name}, [{t.numel()}])", t.view(t.numel()))

    def product(self):
        found = self.pick(lambda t: t.ndim == 2)
        other = found and self.pick(
            lambda t: t.ndim == 2 and t.shape[0] == found[1].shape[1] and t.dtype == found[1].dtype
        )
        if other:
            self.emit(f"mm(%{found[0]}, %{other[0]})", framejit.mm(found[1], other[1]))
            self.emit(f"tanh(%{self.values[-1][0]})", self.values[-1][1].tanh())

    def composite(self):
        found = self.pick(lambda t: t.ndim > 0)
        if found:
            name, t = found
            dim = self.rng.randrange(t.ndim)
            op = self.rng.choice(("softmax", "log_softmax"))
            self.emit(f"{op}(%{name}, {dim})", getattr(framejit, op)(t, dim))

    def inplace(self):
        name, t = self.pick()
        v = self.rng.choice((1.5, -2))
        t.add_(v)
        self.emit(f"add_(%{name}, {v})", t)

    def text(self, outputs):
        args = ", ".join(self.declare(n, t) for n, t in self.inputs)
        return (
            f"graph({args}) {{\n"
            + "\n".join(self.lines)
            + "\n  return "
            + ", ".join(f"%{n}" for n in outputs)
            + "\n}\n"
        )


def random_graph(seed, nodes=12, inplace=True):
    """(text, inputs): inputs are fresh tensors."""
    rng = random.Random(seed)
    framejit.manual_seed(seed)
    b = Builder(rng, inplace)
    dtype = rng.choice((framejit.float32, framejit.float32, framejit.float64))
    rows, cols = rng.choice((1, 3, 8, 33)), rng.choice((1, 4, 17, 64))
    for shape in ((rows, cols), (cols,), (rows, 1), (2, rows, cols), (cols, rows))[: rng.randrange(2, 6)]:
        b.add_input(shape, dtype)
    for _ in range(nodes):
        b.step()
    made = [n for n, _ in b.values if n.startswith("v")]
    outputs = rng.sample(made, min(len(made), rng.randrange(1, 4)))
    return b.text(outputs), [t for _, t in b.inputs]


def run(text, inputs, backend):
    fresh = [t.clone() for t in inputs]
    outs = framejit._C._debug.run_program(text, fresh, backend)
    return [*outs, *fresh]


def differs(text, inputs):
    """None if all ways agree, else what differs."""
    want = run(text, inputs, "eager")
    for backend in ("aot_eager", None):
        got = run(text, inputs, backend)
        for i, (w, g) in enumerate(zip(want, got)):
            if w.shape != g.shape or w.dtype != g.dtype or w.stride() != g.stride():
                return f"{backend or 'native'}: output {i} is {g.dtype} {tuple(g.shape)} {g.stride()}, not {w.dtype} {tuple(w.shape)} {w.stride()}"
            if not framejit.allclose(w, g, rtol=2e-4, atol=2e-4, equal_nan=True):
                return f"{backend or 'native'}: output {i} differs"
    return None


def shrink(text, inputs):
    """Drops lines while the graph still parses and still fails."""
    lines = text.splitlines()
    changed = True
    while changed:
        changed = False
        for i in range(len(lines) - 3, 0, -1):
            fewer = "\n".join(lines[:i] + lines[i + 1 :]) + "\n"
            try:
                fails = differs(fewer, inputs) is not None
            except (ValueError, RuntimeError):
                continue
            if fails:
                lines.pop(i)
                changed = True
    return "\n".join(lines) + "\n"


def gradients(text, inputs, backend):
    """Gradients of a graph whose inputs all require one."""
    head, _, rest = text.partition(") {")
    leaves = [t.clone().requires_grad_() for t in inputs]
    outs = framejit._C._debug.run_program(head.replace("]", "] grad") + ") {" + rest, leaves, backend)
    outs = [o for o in outs if o.requires_grad]
    weights = [framejit.linspace(0.5, 1.5, o.numel(), dtype=o.dtype).view(o.shape) for o in outs]
    return framejit.autograd.grad(outs, leaves, weights, allow_unused=True) if outs else []


def gradients_differ(text, inputs):
    """None if all ways agree, else what differs."""
    want = gradients(text, inputs, "eager")
    for backend in ("aot_eager", None):
        for i, (w, g) in enumerate(zip(want, gradients(text, inputs, backend))):
            if w is None or g is None:
                if w is not g and (g if w is None else w).any():
                    return f"{backend or 'native'}: gradient {i} is missing"
                continue
            scale = max(1.0, w.abs().max().item()) if w.numel() else 1.0
            if not framejit.allclose(w, g, rtol=1e-3, atol=1e-3 * scale, equal_nan=True):
                return f"{backend or 'native'}: gradient {i} differs"
    return None
