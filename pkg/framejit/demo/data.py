"""The handwritten digits (see DIGITS.md), their fixed split, and batches in an order fixed by the seed."""

import gzip
import random
from pathlib import Path

import framejit

COUNT, SIDE = 1797, 8


def load_digits():
    """All images, float32 [1797, 1, 8, 8] in [0, 1], and their digits, int64 [1797]."""
    raw = gzip.decompress((Path(__file__).parent / "digits.bin.gz").read_bytes())
    pixels, labels = bytearray(raw[: COUNT * SIDE * SIDE]), bytearray(raw[COUNT * SIDE * SIDE :])
    images = framejit.frombuffer(pixels, dtype=framejit.uint8).to(framejit.float32).reshape(COUNT, 1, SIDE, SIDE) / 16
    return images, framejit.frombuffer(labels, dtype=framejit.uint8).to(framejit.int64)


def split(images, labels):
    """Every fifth image is for testing: (train images, train labels, test images, test labels)."""
    test = framejit.arange(COUNT) % 5 == 4
    train = ~test
    return images[train], labels[train], images[test], labels[test]


def shifted(images, labels):
    """The images and their four copies moved by one pixel: what an MLP cannot know about images."""
    padded = framejit.nn.functional.pad(images, (1, 1, 1, 1))
    moves = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    copies = [padded[:, :, i : i + SIDE, j : j + SIDE] for i, j in moves]
    return framejit.cat(copies), labels.repeat(len(moves))


def batches(images, labels, size, seed):
    """Full batches in a random order that depends on the seed alone."""
    order = list(range(len(labels)))
    random.Random(seed).shuffle(order)
    order = framejit.tensor(order)
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        yield images[chosen], labels[chosen]
