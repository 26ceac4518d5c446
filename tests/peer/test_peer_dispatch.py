"""__torch_dispatch__: what modes see, and what FlopCounterMode counts, compared with PyTorch."""

import unittest

import framejit
import torch
from framejit.utils._python_dispatch import TorchDispatchMode
from framejit.utils.flop_counter import FlopCounterMode
from torch.utils._python_dispatch import TorchDispatchMode as TorchMode
from torch.utils.flop_counter import FlopCounterMode as TorchCounter


def log(base):
    class Log(base):
        def __init__(self):
            super().__init__()
            self.seen = []

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.seen.append((str(func), len(args)))
            return func(*args, **(kwargs or {}))

    return Log()


PROGRAMS = {
    "add": lambda t, x: x + 1,
    "add tensors": lambda t, x: x + x,
    "add alpha": lambda t, x: t.add(x, x, alpha=2),
    "sub": lambda t, x: x - x,
    "rsub": lambda t, x: 1 - x,
    "mul": lambda t, x: x * 2,
    "div": lambda t, x: x / 2,
    "pow": lambda t, x: x**2,
    "pow tensors": lambda t, x: x**x,
    "neg": lambda t, x: -x,
    "compare": lambda t, x: x > 1,
    "equal": lambda t, x: x == x,
    "in place": lambda t, x: x.add_(1).mul_(x),
    "sum": lambda t, x: x.sum(),
    "sum dim": lambda t, x: x.sum(1, keepdim=True),
    "mean": lambda t, x: x.mean(),
    "mean dim": lambda t, x: x.mean(0),
    "max": lambda t, x: x.max(1),
    "amax": lambda t, x: x.amax(1),
    "argmax": lambda t, x: x.argmax(1),
    "view": lambda t, x: x.view(6),
    "select": lambda t, x: x[0],
    "slice": lambda t, x: x[1:],
    "transpose": lambda t, x: x.transpose(0, 1),
    "permute": lambda t, x: x.permute(1, 0),
    "unsqueeze": lambda t, x: x.unsqueeze(0),
    "expand": lambda t, x: x[:, :1].expand(2, 4),
    "cat": lambda t, x: t.cat([x, x], 1),
    "mm": lambda t, x: t.mm(x, x.t()),
    "bmm": lambda t, x: t.bmm(x[None], x[None].transpose(1, 2)),
    "addmm": lambda t, x: t.addmm(x, x @ x.t(), x),
    "softmax": lambda t, x: t.softmax(x, 1),
    "log_softmax": lambda t, x: t.log_softmax(x, 1),
    "relu": lambda t, x: t.relu(x),
    "gelu": lambda t, x: t.nn.functional.gelu(x),
    "sigmoid": lambda t, x: t.sigmoid(x).tanh(),
    "where": lambda t, x: t.where(x > 0, x, x),
    "gather": lambda t, x: x.gather(1, t.zeros_like(x).long()),
    "clone": lambda t, x: x.clone(),
    "detach": lambda t, x: x.detach(),
    "to": lambda t, x: x.to(t.float64),
    "cumsum": lambda t, x: x.cumsum(1),
    "sort": lambda t, x: x.sort(1),
    "clamp": lambda t, x: x.clamp(0, 1),
    "linear": lambda t, x: t.nn.functional.linear(x, x, x[:, 0]),
    "conv": lambda t, x: t.nn.functional.conv1d(x[None], x[None]),
    "embedding": lambda t, x: t.nn.functional.embedding(t.zeros_like(x).long(), x),
}


class Dispatch(unittest.TestCase):
    def test_names(self):
        for name, program in PROGRAMS.items():
            with self.subTest(name):
                with log(TorchMode) as theirs:
                    program(torch, torch.ones(2, 3))
                with log(TorchDispatchMode) as ours:
                    program(framejit, framejit.ones(2, 3))
                # the argument itself is made under the mode, too
                self.assertEqual(ours.seen[1:], theirs.seen[1:])

    def test_flops(self):
        first = lambda out: out[0] if isinstance(out, tuple) else out

        def programs(t):
            nn = t.nn
            yield nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4)), (8, 16)
            yield nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3, stride=2)), (2, 3, 9, 9)
            yield nn.GRU(6, 5, batch_first=True), (2, 4, 6)

        for (ours, shape), (theirs, _) in zip(programs(framejit), programs(torch)):
            with FlopCounterMode(display=False) as mine:
                first(ours(framejit.ones(shape))).sum().backward()
            with TorchCounter(display=False) as expected:
                first(theirs(torch.ones(shape))).sum().backward()
            self.assertEqual(mine.get_total_flops(), expected.get_total_flops())


if __name__ == "__main__":
    unittest.main()
