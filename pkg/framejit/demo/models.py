"""The demo's models and how each is trained. Their activations are smooth, so that rounding stays rounding."""

from typing import NamedTuple

from framejit import nn


class Recipe(NamedTuple):
    """A model and its training."""

    build: object
    epochs: int
    batch: int
    rate: float
    decay: float
    shifted: bool  # train on moved copies of the images too


def _cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.GELU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.GELU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 64),
        nn.GELU(),
        nn.Linear(64, 10),
    )


def _mlp():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 256),
        nn.LayerNorm(256),
        nn.GELU(),
        nn.Linear(256, 256),
        nn.LayerNorm(256),
        nn.GELU(),
        nn.Linear(256, 10),
    )


RECIPES = {
    "cnn": Recipe(_cnn, epochs=10, batch=64, rate=3e-3, decay=0.01, shifted=False),
    "mlp": Recipe(_mlp, epochs=8, batch=64, rate=3e-3, decay=0.05, shifted=True),
}
