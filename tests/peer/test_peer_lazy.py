"""Lazy modules and uninitialised parameters against torch: texts, shapes, what they become, state dicts, errors."""

import copy
import pickle
import unittest
import warnings

import framejit
import numpy as np

try:
    import torch
except ImportError:
    torch = None

# (make(nn), shape of the input)
MODULES = (
    (lambda nn: nn.LazyLinear(3), (2, 5)),
    (lambda nn: nn.LazyLinear(3, bias=False), (5,)),
    (lambda nn: nn.LazyConv1d(4, 3, padding=1), (2, 6, 7)),
    (lambda nn: nn.LazyConv1d(4, 3), (6, 7)),
    (lambda nn: nn.LazyConv2d(4, 3, 2, groups=2, padding_mode="reflect", padding=1), (2, 6, 7, 7)),
    (lambda nn: nn.LazyConv2d(4, 3, groups=4), (2, 6, 7, 7)),
    (lambda nn: nn.LazyConv2d(4, 3), (8, 8)),
    (lambda nn: nn.LazyConv3d(4, 2, bias=False), (2, 3, 4, 4, 4)),
    (lambda nn: nn.LazyConvTranspose1d(4, 3, 2, output_padding=1), (2, 6, 7)),
    (lambda nn: nn.LazyConvTranspose2d(4, 3, 2), (2, 6, 7, 7)),
    (lambda nn: nn.LazyConvTranspose3d(2, 2), (2, 3, 4, 4, 4)),
    (lambda nn: nn.LazyBatchNorm1d(), (3, 5)),
    (lambda nn: nn.LazyBatchNorm1d(affine=False), (3, 5)),
    (lambda nn: nn.LazyBatchNorm2d(momentum=0.3, track_running_stats=False), (3, 5, 4, 4)),
    (lambda nn: nn.LazyBatchNorm3d(), (3, 5, 2, 2, 2)),
    (lambda nn: nn.LazyBatchNorm2d(), (3, 5)),
    (lambda nn: nn.LazyInstanceNorm1d(), (3, 5, 6)),
    (lambda nn: nn.LazyInstanceNorm2d(), (3, 5, 4, 4)),
    (lambda nn: nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2)), (3, 5)),
)
USES = (
    lambda w: w + 1,
    lambda w: 2 * w,
    lambda w: w == w,
    lambda w: w.sum(),
    lambda w: w.detach(),
    lambda w: w.numel(),
    lambda w: w.clone(),
    lambda w: len(w),
    lambda w: w[0],
    lambda w: bool(w),
    lambda w: w.shape,
    lambda w: w.share_memory_(),
    lambda w: str(w.double().dtype).rpartition(".")[2],
    lambda w: w.is_floating_point(),
    lambda w: w.requires_grad,
    lambda w: (w.materialize((2, 3)), type(w).__name__, tuple(w.shape), w.requires_grad)[1:],
    lambda w: repr(w),
    lambda w: repr(copy.deepcopy(w)),
    lambda w: repr(pickle.loads(pickle.dumps(w))),
)


def outcome(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call()
        except Exception as error:
            return type(error).__name__


@unittest.skipIf(torch is None, "torch is not installed")
class LazyTest(unittest.TestCase):
    def story(self, lib, make, shape):
        module = make(lib.nn)
        log = [repr(module), [repr(p) for p in module.parameters()], repr(list(module.state_dict().values()))]
        x = lib.tensor(np.arange(np.prod(shape), dtype=float).reshape(shape).tolist())
        y = outcome(lambda: tuple(module(x).shape))
        log += [y, repr(module), type(module).__name__]
        if not isinstance(y, str):
            log += [{k: (tuple(v.shape), str(v.dtype).rpartition(".")[2]) for k, v in module.state_dict().items()}]
            log += [tuple(module(x).shape), [type(p).__name__ for p in module.parameters()]]
        return log

    def test_modules(self):
        for i, (make, shape) in enumerate(MODULES):
            with self.subTest(i):
                self.assertEqual(*(outcome(lambda: self.story(lib, make, shape)) for lib in (framejit, torch)))

    def test_loading(self):
        def story(lib):
            full = lib.nn.Sequential(lib.nn.Linear(4, 3), lib.nn.BatchNorm1d(3))
            lazy = lib.nn.Sequential(lib.nn.LazyLinear(3), lib.nn.LazyBatchNorm1d())
            log = [outcome(lambda: lazy.load_state_dict(full.state_dict()) is not None)]
            log.append([tuple(p.shape) for p in lazy.parameters()])
            log.append(all(bool((a == b).all()) for a, b in zip(full.parameters(), lazy.parameters())))
            log.append(outcome(lambda: lib.nn.Linear(2, 3).load_state_dict(lib.nn.LazyLinear(3).state_dict())))
            log.append(
                outcome(lambda: lib.nn.LazyLinear(3).load_state_dict(lib.nn.LazyLinear(3).state_dict()) is not None)
            )
            log.append((outcome(lambda: tuple(lazy(lib.ones(2, 4)).shape)), type(lazy[0]).__name__))
            double = lib.nn.LazyLinear(3).double()
            double(lib.ones(2, 4, dtype=lib.float64))
            log.append(str(double.weight.dtype).rpartition(".")[2])
            lazy = lib.nn.LazyLinear(3)
            optimizer = lib.optim.SGD(lazy.parameters(), lr=0.5)
            lazy(lib.ones(2, 4)).sum().backward()
            before = lazy.weight.sum().item()
            optimizer.step()
            log.append(round(lazy.weight.sum().item() - before, 4))
            return log

        self.assertEqual(*(outcome(lambda: story(lib)) for lib in (framejit, torch)))

    def test_uses(self):
        for kind in ("UninitializedParameter", "UninitializedBuffer"):
            for i, use in enumerate(USES):
                if kind == "UninitializedBuffer" and "deepcopy" in use.__code__.co_names:
                    continue  # the peer cannot copy its own
                with self.subTest(kind, use=i):
                    ours, theirs = (outcome(lambda: use(getattr(lib.nn, kind)())) for lib in (framejit, torch))
                    self.assertEqual(ours, theirs)


if __name__ == "__main__":
    unittest.main()
