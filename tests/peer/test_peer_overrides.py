"""What `__torch_function__` is asked, and by which names, against PyTorch."""

import unittest
import warnings

import framejit as fj
import torch

# The names differ on purpose: an op here is the function of Python there, or the other way round.
SAME = {"linalg_norm": "norm", "_rdiv": "__rdiv__"}
EXPRESSIONS = """
t + 1; 1 + t; 1 - t; t - 1; 2 * t; t / 2; 2 / t; t // 2; 2 // t; t % 2; 2 ** t; t ** 2; t @ t; -t; ~t.bool(); abs(t)
t == 1; t != 1; t < 1; t > 1; t <= 1; t >= 1; t[0]; t[0, :]; len(t); t.shape; t.dtype; t.device; t.requires_grad; t.T; t.data
t.ndim; t.layout; t.real; t._version; t.is_cuda; t.dim(); t.size(); t.numel(); t.stride(); t.to(lib.float64); t.float()
t.tolist(); t.sum(); t.max(0); t.view(4); t.reshape(4); t.chunk(2); t.split(1); t.new_zeros(2); t.clone(); t.detach()
t.type(); t.cpu(); t.contiguous(); t.is_contiguous(); t.unique(); t.norm(); t.add_(0); t.masked_fill(t > 0, 0.0)
lib.add(t, 1); lib.add(lib.ones(2, 2), t); lib.add(lib.ones(2, 2), other=t); lib.cat([t, t]); lib.stack((t, t)); lib.split(t, 1)
lib.zeros_like(t); lib.einsum("ij,ij", t, t); lib.where(t > 0, t, t); lib.allclose(t, t); lib.equal(t, t); lib.unbind(t)
lib.is_floating_point(t); lib.linalg.norm(t); lib.as_tensor(t); lib.is_tensor(t); lib.numel(t); lib.max(t); lib.fft.fft(t)
F.relu(t); F.linear(t, t); F.softmax(t, 0); F.dropout(t); F.gelu(t); F.mse_loss(t, t); F.layer_norm(t, (2,)); F.pad(t, (1, 1))
float(t[0, 0]); int(t[0, 0]); bool(t[0, 0]); 1.0 in t; t.bool() & t.bool(); repr(t) and None; 1 / t + t * 2
""".replace("\n", ";")


def run(lib, expression):
    """The names that are asked, and the type of the result."""
    asked = []

    class Sub(lib.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            asked.append(SAME.get(func.__name__, func.__name__))
            return super().__torch_function__(func, types, args, kwargs or {})

    t = lib.ones(2, 2).as_subclass(Sub)
    result = eval(expression, {"t": t, "lib": lib, "F": lib.nn.functional})
    return asked, type(result).__name__


class Overrides(unittest.TestCase):
    def test_asked_as_in_pytorch(self):
        cases = [e.strip() for e in EXPRESSIONS.split(";") if e.strip()]
        self.assertGreater(len(cases), 90)
        for expression in cases:
            with self.subTest(expression), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.assertEqual(run(fj, expression), run(torch, expression))

    def test_modes(self):
        for expression in ("lib.zeros(2)", "lib.tensor([1.0])", "lib.ones(2) + 1", "F.relu(lib.ones(1)).shape"):
            seen = {}
            for lib in (fj, torch):
                import importlib

                overrides = importlib.import_module(lib.__name__ + ".overrides")

                class Mode(overrides.TorchFunctionMode):
                    def __torch_function__(self, func, types, args=(), kwargs=None):
                        seen.setdefault(lib, []).append(func.__name__)
                        return func(*args, **(kwargs or {}))

                with Mode():
                    eval(expression, {"lib": lib, "F": lib.nn.functional})
            self.assertEqual(seen[fj], seen[torch], expression)


if __name__ == "__main__":
    unittest.main()
