"""The batching layers that are active, innermost last: (layer, batch size, randomness)."""

layers = []
