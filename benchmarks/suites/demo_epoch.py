"""One training epoch of the demo's convolutional network, one thread: framejit compiled and eager, torch eager.

The program is the demo's, written once against the API that both packages share. Epochs of the contenders are timed in
turns, in CPU time of the one thread; the figure is the median after two warm-up epochs, in which framejit compiles.
"""

import statistics
import time

from benchmarks.harness import Row, one_thread, peer

BATCH, RATE = 64, 3e-3


def build(torch):
    nn = torch.nn
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.GELU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.GELU(),
        nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(512, 64), nn.GELU(), nn.Linear(64, 10),
    )  # fmt: skip


def epoch_of(torch, images, labels, compiled):
    """A function that trains for one epoch and returns the mean loss."""
    model = build(torch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    cross_entropy = torch.nn.functional.cross_entropy

    def loss_of(batch, targets):
        return cross_entropy(model(batch), targets)

    if compiled:
        loss_of = torch.compile(loss_of)
    steps = len(labels) // BATCH

    def epoch():
        total = 0.0
        for step in range(steps):
            part = slice(step * BATCH, (step + 1) * BATCH)
            optimizer.zero_grad()
            loss = loss_of(images[part], labels[part])
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / steps

    return epoch


def rows(options):
    import framejit as fj
    from framejit.demo.data import load_digits, split

    torch = peer("torch")
    one_thread(fj, torch)
    images, labels = split(*load_digits())[:2]
    epochs = {
        "compiled": epoch_of(fj, images, labels, True),
        "framejit eager": epoch_of(fj, images, labels, False),
    }
    if torch:
        t_images, t_labels = torch.from_numpy(images.numpy()), torch.from_numpy(labels.numpy())
        epochs["torch eager"] = epoch_of(torch, t_images, t_labels, False)
    for epoch in epochs.values():
        first, second = epoch(), epoch()
        assert second < first, "training does not lower the loss"
    samples = {name: [] for name in epochs}
    for _ in range(3 if options.quick else 9):
        for name, epoch in epochs.items():
            began = time.thread_time()
            epoch()
            samples[name].append((time.thread_time() - began) * 1e3)
    times = {name: statistics.median(values) for name, values in samples.items()}
    ours = times.pop("compiled")
    faster = all(value > ours for value in times.values())
    target = "faster than eager framejit and eager torch"
    yield Row("demo", "demo epoch, compiled", "ms", ours, times, target, faster if torch or not faster else None)
