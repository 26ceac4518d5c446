"""Modules for tests of jit against torch: each is made from the namespace of one of the two packages."""

from typing import Dict, List, Optional, Tuple

# ruff: noqa: UP006, UP035, UP045, N806


def layers(T):
    """(module, example inputs) of the layers, small."""
    nn = T.nn
    T.manual_seed(0)

    class First(nn.Module):
        """The first result of a layer whose forward PyTorch scripts as overloads."""

        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(x)[0]

    x2, x3, x4, x5 = T.rand(2, 4), T.rand(2, 4, 8), T.rand(2, 4, 8, 8), T.rand(2, 4, 8, 8, 8)
    plain = (
        "ReLU ReLU6 Sigmoid Tanh ELU SELU CELU GELU SiLU Mish Hardswish Hardsigmoid Hardtanh LeakyReLU LogSigmoid Softplus Softsign "
        "Softshrink Hardshrink Tanhshrink Identity Flatten RReLU Dropout AlphaDropout"
    )
    yield from ((getattr(nn, name)(), (x3,)) for name in plain.split())
    yield from (
        (nn.Softmax(1), (x3,)), (nn.LogSoftmax(-1), (x3,)), (nn.PReLU(4), (x3,)), (nn.GLU(), (x3,)), (nn.Threshold(0.1, 2.0), (x3,)),
        (nn.Linear(8, 3), (x3,)), (nn.Linear(8, 3, bias=False), (x3,)), (nn.Bilinear(4, 4, 3), (x2, x2)),
        (nn.Conv1d(4, 6, 3), (x3,)), (nn.Conv2d(4, 6, 3, padding="same"), (x4,)), (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), (x4,)),
        (nn.Conv3d(4, 6, 3), (x5,)), (nn.ConvTranspose2d(4, 6, 3, stride=2), (x4,)), (nn.BatchNorm1d(4), (x3,)),
        (nn.BatchNorm2d(4, affine=False), (x4,)), (nn.LayerNorm((8, 8)), (x4,)), (nn.GroupNorm(2, 4), (x4,)),
        (nn.InstanceNorm2d(4, affine=True), (x4,)), (nn.LocalResponseNorm(2), (x4,)), (nn.MaxPool2d(3, 2, 1), (x4,)), (nn.MaxPool1d(2), (x3,)),
        (nn.AvgPool2d(2), (x4,)), (nn.AdaptiveAvgPool2d((2, 3)), (x4,)), (nn.AdaptiveMaxPool2d(2), (x4,)), (nn.ReflectionPad1d(2), (x3,)),
        (nn.ConstantPad1d(2, 1.5), (x3,)), (nn.ZeroPad2d(1), (x4,)), (nn.Embedding(10, 3), (T.tensor([1, 2]),)),
        (nn.EmbeddingBag(10, 3), (T.tensor([[1, 2]]),)), (nn.Upsample(scale_factor=2), (x4,)),
        (nn.Upsample(size=(4, 5), mode="bilinear", align_corners=True), (x4,)), (nn.PixelShuffle(2), (x4,)), (nn.Unfold(2), (x4,)),
        (nn.Fold((3, 3), 2), (T.rand(1, 8, 4),)), (nn.CosineSimilarity(), (x3, x3)), (nn.MSELoss(), (x3, x3 + 1)),
        (nn.SmoothL1Loss(), (x3, x3 + 1)), (nn.BCEWithLogitsLoss(), (x3, x3)), (nn.NLLLoss(), (x2, T.tensor([1, 2]))),
        (nn.CrossEntropyLoss(), (x2, T.tensor([1, 2]))), (nn.KLDivLoss(reduction="batchmean"), (x3, x3)),
        (First(nn.LSTM(8, 5, 2, batch_first=True, bidirectional=True)), (x3,)), (First(nn.GRU(8, 5)), (x3,)), (First(nn.RNN(8, 5)), (x3,)),
        (nn.LSTMCell(4, 5), (x2,)), (nn.GRUCell(4, 5), (x2,)), (nn.MultiheadAttention(8, 2, batch_first=True), (x3, x3, x3)),
        (nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, batch_first=True), 2), (x3,)),
        (nn.TransformerDecoderLayer(8, 2), (x3, x3)), (nn.Sequential(nn.Linear(8, 8), nn.ReLU()), (x3,)),
    )  # fmt: skip


def programs(T):
    """(module, example inputs) of modules with control flow and containers."""
    nn, F, Tensor = T.nn, T.nn.functional, T.Tensor

    class Flow(nn.Module):
        table: Dict[str, int]

        def __init__(self):
            super().__init__()
            self.table = {"a": 2}
            self.scale = 1.5
            self.register_buffer("steps", T.zeros(1))
            self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])

        def forward(
            self, x, n: int, words: List[str], bias: Optional[Tensor] = None
        ) -> Tuple[Tensor, Dict[str, int], List[str]]:
            for i, layer in enumerate(self.layers):
                x = layer(x) * i + x
            if bias is not None:
                x = x + bias
            total = 0
            for k in range(n):
                if k % 2 == 0:
                    continue
                total += k
                if total > 8:
                    break
            while total < 20:
                total = total * 2 + 1
            self.table["n"] = total
            self.steps += 1
            out = [w.upper() for w in words]
            out.append(f"{total}")
            return F.relu(x) * self.scale, self.table, out

    class Indexing(nn.Module):
        def forward(self, x):
            y = x.clone()
            y[0, 1:] = 2.0
            y[:, 0] += 1
            y[y > 3] = 0.5
            picked = T.stack([y[..., 0], x[:, -1]])
            first, second = y.chunk(2, 0)
            values, index = y.max(1)
            return picked, y[:, None, ::2], first, second, values, index, T.cat([x, y], dim=-1).sum(dim=0, keepdim=True)

    class Shapes(nn.Module):
        def forward(self, x):
            b = x.size(0)
            y = x.view(b, -1).permute(1, 0).contiguous()
            z = T.zeros(b, 2, dtype=x.dtype, device=x.device)
            return (
                y,
                z + T.arange(2, dtype=T.float32),
                x.shape[1],
                x.reshape(-1, 1).expand(-1, 3),
                T.full([b], 3.5),
                x.to(T.float64).mean(),
            )

    class Calls(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Shapes()
            self.drop = nn.Dropout(0.5)
            self.names = ["x", "y"]
            self.nothing: Optional[int] = None
            self.pair = (1, 2.5)

        def helper(self, x, k: float = 2.0):
            return x * k + self.pair[1]

        def forward(self, x):
            y = self.inner(x)[1]
            if self.nothing is None:
                y = self.helper(y)
            with T.no_grad():
                y = self.drop(y) + len(self.names)
            return y if self.training else y + 1

    x = T.arange(12.0).view(4, 3)
    yield Flow(), (x, 7, ["a", "b"], T.ones(3))
    yield Flow(), (x, 3, ["q"])
    yield Indexing(), (x,)
    yield Shapes(), (x,)
    yield Calls(), (x,)
