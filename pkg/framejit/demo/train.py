"""One training run, eager or compiled."""

import time
from typing import NamedTuple

import framejit
from framejit.nn import functional as F

from .data import batches


class Run(NamedTuple):
    """What a training run leaves behind."""

    losses: list  # mean loss of each epoch
    seconds: list  # of each epoch
    accuracy: float  # on the test images
    predictions: list  # of the test images
    statistics: dict  # of the compiler, empty for an eager run

    @property
    def seconds_per_epoch(self):
        """The median, without the first epoch, which may compile."""
        rest = sorted(self.seconds[1:] or self.seconds)
        return rest[len(rest) // 2]


def train(recipe, data, epochs, seed, backend=None, progress=None):
    """Train a fresh model; `backend` None runs eager. `progress()` is called after every epoch."""
    train_images, train_labels, test_images, test_labels = data
    framejit.manual_seed(seed)
    model = recipe.build()
    optimizer = framejit.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    steps = len(train_labels) // recipe.batch
    schedule = framejit.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps * epochs)

    def loss_of(images, labels):
        return F.cross_entropy(model(images), labels)

    before = framejit.dynamo.statistics()
    if backend is not None:
        loss_of = framejit.compile(loss_of, backend=backend)
    losses, seconds = [], []
    for epoch in range(epochs):
        start, total = time.perf_counter(), 0.0
        for images, labels in batches(train_images, train_labels, recipe.batch, seed + epoch):
            optimizer.zero_grad()
            loss = loss_of(images, labels)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds.append(time.perf_counter() - start)
        losses.append(total / steps)
        if progress is not None:
            progress()
    statistics = framejit.dynamo.statistics(loss_of) if backend is not None else {}
    for name in ("kernels", "compile_ms"):  # these two are counted for the process
        if name in statistics:
            statistics[name] -= before[name]
    model.eval()
    with framejit.no_grad():
        predictions = model(test_images).argmax(1)
    accuracy = (predictions == test_labels).to(framejit.float32).mean().item()
    return Run(losses, seconds, accuracy, predictions.tolist(), statistics)
