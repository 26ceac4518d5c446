"""Modules that the tests of export, ahead-of-time compilation and ONNX share, with arguments and open sizes."""

import framejit
from framejit import nn
from framejit.nn import functional as F


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 12), nn.Linear(12, 3)

    def forward(self, x):
        return self.b(F.gelu(self.a(x)))


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 3, padding=1, stride=2), nn.BatchNorm2d(8)
        self.point, self.fc = nn.Conv2d(8, 4, 1, bias=False), nn.Linear(4, 5)

    def forward(self, x):
        y = F.max_pool2d(F.relu(self.bn(self.conv(x))), 2)
        y = F.avg_pool2d(F.silu(self.point(y)), 2)
        return F.log_softmax(self.fc(y.mean((2, 3))), dim=1)


class Attention(nn.Module):
    def __init__(self, width=16, heads=4):
        super().__init__()
        self.qkv, self.out, self.norm, self.heads = (
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
            nn.LayerNorm(width),
            heads,
        )

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = (part.view(b, t, self.heads, w // self.heads).transpose(1, 2) for part in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(y.transpose(1, 2).reshape(b, t, w))


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.pos = nn.Embedding(20, 16), nn.Parameter(framejit.randn(10, 16))
        self.block, self.head = Attention(), nn.Linear(16, 20)

    def forward(self, tokens):
        x = self.embed(tokens) + self.pos[: tokens.shape[1]]
        mask = tokens != 0
        x = framejit.where(mask.unsqueeze(-1), x, framejit.zeros_like(x))
        return framejit.softmax(self.head(self.block(x)), dim=-1)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(5, 7, batch_first=True), nn.Linear(7, 2)

    def forward(self, x):
        y, (h, _) = self.lstm(x)
        return self.fc(y[:, -1]), h


class Shapes(nn.Module):
    def forward(self, x, y):
        z = framejit.cat([x, y.transpose(0, 1)], dim=1)
        z = framejit.stack([z, z * 2], dim=0).permute(1, 0, 2).flatten(1)
        a, b = z.split([2, z.shape[1] - 2], dim=1)
        return {"a": a.unsqueeze(0).expand(3, -1, -1), "b": b[:, 1::2], "n": z.shape[1]}


class Reductions(nn.Module):
    def forward(self, x):
        m = x.amax(dim=1, keepdim=True)
        e = (x - m).exp()
        top, at = x.max(dim=1)
        return e / e.sum(1, keepdim=True), x.var(1), top, at, x.argmin(0), x.norm(dim=1), x.cumsum(1), (x > 0).any(1)


class Elementwise(nn.Module):
    def forward(self, x):
        y = x.sigmoid() * x.tanh() + x.clamp(-0.5, 0.5).abs().sqrt() - x.pow(2) / (1 + x.abs())
        z = framejit.where(x > 0, x.log1p().neg() if False else (x.abs() + 1).log(), x.erf())
        return (
            y,
            z,
            F.leaky_relu(x, 0.1),
            F.elu(x),
            F.softplus(x),
            F.hardswish(x),
            x.round(),
            x.floor() % 3,
            x.sin().rsqrt() if False else x.cos(),
        )


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.group, self.instance, self.layer = (
            nn.GroupNorm(2, 4),
            nn.InstanceNorm1d(4, affine=True),
            nn.LayerNorm([4, 6]),
        )

    def forward(self, x):
        return self.group(x), self.instance(x), self.layer(x)


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(2, 3, 2, stride=2)

    def forward(self, x):
        y = F.interpolate(x, scale_factor=2, mode="nearest")
        z = F.interpolate(x, size=(9, 7), mode="bilinear", align_corners=False)
        return self.up(x), y, z, F.pad(x, (1, 2, 0, 1), value=0.5), F.adaptive_avg_pool2d(x, 1)


class Counting(nn.Module):
    """Changes its buffers, in place and by assignment, and its argument."""

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm1d(4)
        self.register_buffer("calls", framejit.zeros((), dtype=framejit.int64))
        self.register_buffer("last", framejit.zeros(4), persistent=False)
        self.shift = framejit.ones(4)

    def forward(self, x):
        self.calls += 1
        y = self.bn(x) + self.shift
        y[:, 0] = 7
        self.last = y.detach()[0] * 1
        x.mul_(2)
        return y


def subjects():
    """name -> (module, example arguments, {argument: open dimensions})"""
    framejit.manual_seed(0)
    return {
        "mlp": (Mlp(), (framejit.randn(4, 6),), {"x": {0: "batch"}}),
        "cnn": (Cnn().eval(), (framejit.randn(2, 3, 16, 16),), {"x": {0: "batch"}}),
        "attention": (Attention().eval(), (framejit.randn(2, 5, 16),), {"x": {0: "batch", 1: "time"}}),
        "tokens": (Tokens().eval(), (framejit.randint(0, 20, (2, 6)),), {"tokens": {0: "batch"}}),
        "recurrent": (Recurrent().eval(), (framejit.randn(3, 4, 5),), {"x": {0: "batch"}}),
        "shapes": (Shapes(), (framejit.randn(3, 4), framejit.randn(2, 3)), {"x": {1: "columns"}, "y": None}),
        "reductions": (Reductions(), (framejit.randn(3, 5),), {"x": {0: "rows"}}),
        "elementwise": (Elementwise(), (framejit.randn(3, 5),), {"x": {0: "rows", 1: "columns"}}),
        "norms": (Norms().eval(), (framejit.randn(2, 4, 6),), {"x": {0: "batch"}}),
        "images": (Images().eval(), (framejit.randn(2, 2, 5, 4),), {"x": {0: "batch"}}),
    }
