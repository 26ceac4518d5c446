"""Modules, losses and functions of nn against torch: initial values from the same numbers, outputs, gradients, reprs."""

import unittest
import warnings

import framejit
import numpy as np
from framejit import nn

try:
    import torch
except ImportError:
    torch = None

RNG = np.random.default_rng(11)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def uniform(*shape):
    return RNG.uniform(0.05, 0.95, shape).astype(np.float32)


IMAGE, LINE, ROW = normal(2, 4, 9, 8), normal(2, 4, 9), normal(3, 4)
CLASSES = np.array([1, 0, 3])

# (class, its arguments, keyword arguments, inputs)
MODULES = [
    ("Linear", (4, 5), {}, [ROW]),
    ("Linear", (4, 5), {"bias": False}, [ROW]),
    ("Identity", (), {}, [ROW]),
    ("Bilinear", (4, 5, 6), {}, [ROW, normal(3, 5)]),
    ("Flatten", (), {}, [LINE]),
    ("Unflatten", (1, (2, 2)), {}, [ROW]),
    ("Conv1d", (4, 6, 3), {}, [LINE]),
    ("Conv1d", (4, 6, 3), {"padding": "same", "padding_mode": "replicate"}, [LINE]),
    ("Conv2d", (4, 6, 3), {"stride": 2, "padding": 1}, [IMAGE]),
    ("Conv2d", (4, 6, (3, 2)), {"groups": 2, "bias": False, "padding": "same", "dilation": 2}, [IMAGE]),
    ("Conv2d", (4, 6, 3), {"padding": 1, "padding_mode": "reflect"}, [IMAGE]),
    ("Conv2d", (4, 6, 3), {"padding": (2, 1), "padding_mode": "circular"}, [IMAGE]),
    ("Conv2d", (4, 6, 3), {}, [normal(4, 9, 8)]),
    ("MaxPool1d", (3,), {}, [LINE]),
    ("MaxPool2d", (2,), {}, [IMAGE]),
    ("MaxPool2d", (3, 2, 1), {"return_indices": True, "ceil_mode": True}, [IMAGE]),
    ("MaxPool2d", (2,), {"dilation": 2}, [IMAGE]),
    ("AvgPool1d", (3,), {}, [LINE]),
    ("AvgPool2d", (2,), {}, [IMAGE]),
    ("AvgPool2d", (3, 2, 1, True, False), {}, [IMAGE]),
    ("LPPool1d", (2, 3), {}, [np.abs(LINE)]),
    ("LPPool2d", (2, 3), {}, [np.abs(IMAGE)]),
    ("AdaptiveAvgPool1d", (4,), {}, [LINE]),
    ("AdaptiveAvgPool2d", ((3, None),), {}, [IMAGE]),
    ("AdaptiveMaxPool1d", (4,), {}, [LINE]),
    ("AdaptiveMaxPool2d", ((3, 5),), {}, [IMAGE]),
    ("BatchNorm1d", (4,), {}, [ROW]),
    ("BatchNorm1d", (4,), {}, [LINE]),
    ("BatchNorm2d", (4,), {}, [IMAGE]),
    ("BatchNorm2d", (4,), {"momentum": None, "affine": False}, [IMAGE]),
    ("BatchNorm3d", (4,), {"track_running_stats": False}, [normal(2, 4, 3, 3, 2)]),
    ("InstanceNorm1d", (4,), {"affine": True}, [LINE]),
    ("InstanceNorm2d", (4,), {"track_running_stats": True}, [IMAGE]),
    ("InstanceNorm2d", (4,), {}, [IMAGE[0]]),
    ("LayerNorm", (9,), {}, [LINE]),
    ("LayerNorm", ((4, 9),), {"bias": False}, [LINE]),
    ("RMSNorm", (9,), {}, [LINE]),
    ("GroupNorm", (2, 4), {}, [LINE]),
    ("LocalResponseNorm", (3,), {}, [IMAGE]),
    ("Embedding", (5, 4), {"padding_idx": 1}, [np.array([[0, 2], [3, 1]])]),
    ("Embedding", (5, 4), {"max_norm": 1.0}, [np.array([[0, 2], [3, 1]])]),
    ("Softmax", (1,), {}, [ROW]),
    ("LogSoftmax", (1,), {}, [ROW]),
    ("Softmin", (1,), {}, [ROW]),
    ("Softmax2d", (), {}, [IMAGE]),
    ("Threshold", (0.1, 20), {}, [ROW]),
    ("GELU", ("tanh",), {}, [ROW]),
    ("PReLU", (4,), {}, [ROW]),
    ("GLU", (), {}, [ROW]),
    ("PixelShuffle", (2,), {}, [IMAGE]),
    ("PixelUnshuffle", (2,), {}, [IMAGE[:, :, :8]]),
    ("Upsample", (), {"scale_factor": 2}, [IMAGE]),
    ("Upsample", (5,), {}, [LINE]),
    ("Upsample", ((4, 11),), {"mode": "nearest-exact"}, [IMAGE]),
    ("Upsample", (), {"scale_factor": 1.7}, [IMAGE]),
    ("Upsample", (13,), {"mode": "linear"}, [LINE]),
    ("Upsample", ((5, 17),), {"mode": "bilinear"}, [IMAGE]),
    ("Upsample", (), {"scale_factor": (2.0, 0.6), "mode": "bilinear", "align_corners": True}, [IMAGE]),
    ("UpsamplingBilinear2d", (), {"scale_factor": 2}, [IMAGE]),
    ("UpsamplingNearest2d", ((3, 4),), {}, [IMAGE]),
    ("ChannelShuffle", (2,), {}, [IMAGE]),
    ("CosineSimilarity", (), {}, [ROW, normal(3, 4)]),
    ("PairwiseDistance", (), {}, [ROW, normal(3, 4)]),
    ("Dropout", (0.0,), {}, [ROW]),
]
MODULES += [
    (name, (), {}, [3 * normal(4, 6)])
    for name in (
        "Sigmoid",
        "Tanh",
        "LogSigmoid",
        "Softsign",
        "Tanhshrink",
        "ReLU",
        "SELU",
        "SiLU",
        "Mish",
        "Hardsigmoid",
        "Hardswish",
        "Hardtanh",
        "ReLU6",
        "ELU",
        "CELU",
        "LeakyReLU",
        "PReLU",
        "GELU",
        "Softplus",
        "Hardshrink",
        "Softshrink",
    )
]
for _n in (1, 2, 3):
    _x = normal(2, 3, *([5] * _n))
    MODULES += [
        (f"ConstantPad{_n}d", (2, 1.5), {}, [_x]),
        (f"ZeroPad{_n}d", (1,), {}, [_x]),
        (f"ReflectionPad{_n}d", (1,), {}, [_x]),
        (f"ReplicationPad{_n}d", (2,), {}, [_x]),
        (f"CircularPad{_n}d", (2,), {}, [_x]),
    ]

SIGNS = np.sign(normal(3, 4))
LOSSES = [
    ("MSELoss", [ROW, normal(3, 4)]),
    ("L1Loss", [ROW, normal(3, 4)]),
    ("SmoothL1Loss", [ROW, normal(3, 4)]),
    ("HuberLoss", [ROW, normal(3, 4)]),
    ("CrossEntropyLoss", [ROW, CLASSES]),
    ("CrossEntropyLoss", [ROW, uniform(3, 4)]),
    ("NLLLoss", [ROW, CLASSES]),
    ("MultiMarginLoss", [ROW, CLASSES]),
    ("BCELoss", [uniform(3, 4), uniform(3, 4)]),
    ("BCEWithLogitsLoss", [ROW, uniform(3, 4)]),
    ("KLDivLoss", [ROW, uniform(3, 4)]),
    ("SoftMarginLoss", [ROW, SIGNS]),
    ("HingeEmbeddingLoss", [ROW, SIGNS]),
    ("CosineEmbeddingLoss", [ROW, normal(3, 4), np.array([1, -1, 1])]),
    ("MarginRankingLoss", [ROW[0], normal(4), SIGNS[0]]),
    ("MultiLabelSoftMarginLoss", [ROW, np.maximum(SIGNS, 0)]),
    ("PoissonNLLLoss", [ROW, 5 * uniform(3, 4)]),
    ("GaussianNLLLoss", [ROW, normal(3, 4), uniform(3, 4)]),
    ("TripletMarginLoss", [ROW, normal(3, 4), normal(3, 4)]),
    ("TripletMarginWithDistanceLoss", [ROW, normal(3, 4), normal(3, 4)]),
]


def run(lib, make, inputs, state, train, grads):
    """Outputs and gradients of a module of either library, as arrays."""
    module = make(lib.nn)
    if state is not None:
        module.load_state_dict({k: lib.from_numpy(v.copy()) for k, v in state.items()})
    module.train(train)
    tensors = [lib.from_numpy(x.copy()) for x in inputs]
    if grads and tensors[0].is_floating_point():
        tensors[0].requires_grad_()
    outputs = module(*tensors)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    total = sum(o.sin().sum() for o in outputs if o.is_floating_point())
    results = [o.detach().numpy() for o in outputs]
    if grads and total.requires_grad:
        total.backward()
        results += [p.grad.numpy() for p in (tensors[0], *module.parameters()) if p.grad is not None]
    return results + [b.numpy() for b in module.buffers()]


@unittest.skipIf(torch is None, "torch is not installed")
class PeerModules(unittest.TestCase):
    def compare(self, make, inputs):
        reference = make(torch.nn)
        state = {k: v.numpy() for k, v in reference.state_dict().items()}
        self.assertEqual(repr(make(nn)), repr(reference))
        mine = make(nn).state_dict()
        self.assertEqual(list(mine), list(state))
        self.assertEqual([tuple(v.shape) for v in mine.values()], [v.shape for v in state.values()])
        for train in (True, False):
            got = run(framejit, make, inputs, state, train, True)
            want = run(torch, make, inputs, state, train, True)
            self.assertEqual(len(got), len(want))
            for g, w in zip(got, want):
                np.testing.assert_allclose(g, w, rtol=3e-5, atol=3e-6)

    def test_modules(self):
        for name, args, kwargs, inputs in MODULES:
            with self.subTest(name, args=args, **kwargs), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.compare(lambda lib: getattr(lib, name)(*args, **kwargs), inputs)

    def test_losses(self):
        for name, inputs in LOSSES:
            for reduction in ("mean", "sum", "none"):
                with self.subTest(name, reduction=reduction), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.compare(lambda lib: getattr(lib, name)(reduction=reduction), inputs)

    def test_names(self):
        """Everything here has the name of something there."""
        self.assertEqual([n for n in nn.modules.modules_all if not hasattr(torch.nn, n)], [])
        public = [n for n in vars(nn.functional) if not n.startswith("_")]
        self.assertEqual([n for n in public if not hasattr(torch.nn.functional, n)], [])
        self.assertEqual([n for n in vars(nn.Module) if not n.startswith("_") and not hasattr(torch.nn.Module, n)], [])

    def test_state_dicts_are_interchangeable(self):
        def make(lib):
            return lib.Sequential(
                lib.Conv2d(1, 2, 3), lib.BatchNorm2d(2), lib.Sequential(lib.Flatten(), lib.Linear(8, 3))
            )

        theirs = make(torch.nn).state_dict()
        mine = make(nn)
        mine.load_state_dict({k: framejit.from_numpy(v.numpy().copy()) for k, v in theirs.items()})
        self.assertEqual(mine.state_dict()._metadata, theirs._metadata)

    def test_error_texts(self):
        for break_it in (
            lambda s: s.pop("weight"),
            lambda s: s.update(extra=s["bias"]),
            lambda s: s.update(weight=s["weight"][:1]),
        ):
            texts = []
            for lib in (torch, framejit):
                module = lib.nn.Linear(2, 3)
                state = module.state_dict()
                break_it(state)
                with self.assertRaises(RuntimeError) as caught:
                    module.load_state_dict(state)
                texts.append(str(caught.exception).replace("framejit.", "torch."))
            self.assertEqual(*texts)


@unittest.skipIf(torch is None, "torch is not installed")
class OldInitTest(unittest.TestCase):
    def test_old_names(self):
        calls = {
            "uniform": (2, 3), "normal": (2, 3), "constant": (5.0,), "eye": (), "dirac": (), "xavier_uniform": (2.0,),
            "xavier_normal": (), "kaiming_uniform": (1,), "kaiming_normal": (), "orthogonal": (2.0,), "sparse": (0.3,),
        }  # fmt: skip
        for name, values in calls.items():
            results = []
            for lib in (framejit, torch):
                lib.manual_seed(4)
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    x = getattr(lib.nn.init, name)(lib.empty(4, 4, 3) if name == "dirac" else lib.empty(4, 4), *values)
                results.append((np.abs(np.array(x.tolist())), [(c.category, str(c.message)) for c in caught]))
            with self.subTest(name):
                self.assertEqual(results[0][1], results[1][1])
                if name not in ("orthogonal", "sparse"):  # of other algorithms
                    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)


if __name__ == "__main__":
    unittest.main()
